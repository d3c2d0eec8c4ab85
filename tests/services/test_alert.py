"""IT is told once of what is wrong, and once that it is over; by another server than the one that is down."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from builders import INSCRIPTIONS, MARIE, a_calendar, a_mailbox, a_person, a_standard, an_organisation
from services.world import RecordingMailer, World, a_letter, a_world
from structlog.testing import capture_logs

from mailwatch.domain.calendars import Closure, ServiceCalendar
from mailwatch.domain.incidents import AlertSettings, Incident
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import Outcome, OutcomeKind
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.alert import Alerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.dispatch import Dispatch, DispatchSettings

IT = "informatique@cscmonavenir.example"
HELEN = "helen.park@cscmonavenir.example"
SENDER = "mailwatch@cscmonavenir.example"
SETTINGS = AlertSettings(to=(IT,), account="other", sender=SENDER)
MINUTE = timedelta(minutes=1)
AFTER = SETTINGS.after


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One shared mailbox; Helen, of IT, reads English."""
    people = {MARIE: a_person(), HELEN: a_person(HELEN, "Helen Park", language=Language.EN)}
    async with a_world(tmp_path, a_mailbox(organisation=an_organisation(people=people))) as world:
        yield world


def letters_of(world: World, settings: AlertSettings, calendar: ServiceCalendar) -> AlertWriter:
    renderer = TemplateRenderer(None, templates_folder(), world.warnings.append)
    return AlertWriter(renderer, world.mailboxes[0].organisation, calendar.timezone, settings, world.store.key)


def alerts_of(world: World, settings: AlertSettings = SETTINGS, calendar: ServiceCalendar | None = None) -> Alerts:
    """A process's alerts, as it starts."""
    calendar = calendar or a_calendar()
    letters = letters_of(world, settings, calendar)
    return Alerts(world.store, letters, calendar, settings, world.mailboxes, world.clock, world.log)


async def switch_off(world: World, name: str = "breaker") -> None:
    async with world.store.transaction() as tx:
        await tx.switch_off(name, "mailwatch", "600 in 10m")


async def switch_on(world: World, name: str = "breaker") -> None:
    async with world.store.transaction() as tx:
        await tx.switch_on(name)


async def progress(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.keep_mailbox(INSCRIPTIONS)
        await tx.note_progress({INSCRIPTIONS: tx.now})


async def tick_for(world: World, alerts: Alerts, minutes: int) -> list[bool]:
    """A tick each minute, in each of which the mailbox is looked at: whether each enqueued anything."""
    told = []
    for _ in range(minutes):
        world.clock.advance(MINUTE)
        await progress(world)
        told.append(await alerts.tick())
    return told


async def is_open(world: World) -> list[str]:
    """What is told of, and not over."""
    return [str(each.trouble.kind) for each in await open_incidents(world)]


async def open_incidents(world: World) -> list[Incident]:
    async with world.store.transaction() as tx:
        return list(await tx.list_open_incidents())


async def deliver(world: World) -> list[EmailMessage]:
    """The alerts that leave now, through the other account."""
    other = RecordingMailer()
    settings = DispatchSettings(connections=1)
    mailers = {"default": world.mailer, "other": other}
    await world.send(
        Dispatch(world.store, mailers, world.mailboxes, world.sources, world.clock, settings, "test", world.log)
    )
    letters = [message_from_bytes(body, _class=EmailMessage, policy=policy.default) for _, body in other.letters]
    assert [envelope.recipient for envelope, _ in other.letters] == [letter["To"] for letter in letters]
    return sorted(letters, key=lambda letter: str(letter["To"]))


async def test_it_is_told_once_when_it_begins_and_once_when_it_is_over(world: World) -> None:
    alerts = alerts_of(world)
    await switch_off(world)
    with capture_logs() as logs:
        assert await alerts.tick()
        assert not await alerts.tick()
    (began,) = await deliver(world)
    assert not await alerts.tick()
    world.clock.advance(timedelta(hours=1))
    await progress(world)
    await switch_on(world)
    assert await tick_for(world, alerts, 17) == [False] * 15 + [True, False]
    (over,) = await deliver(world)

    assert began["Auto-Submitted"] == over["Auto-Submitted"] == "auto-generated"
    assert "disjoncteur" in str(began["Subject"])
    assert began["Message-ID"] != over["Message-ID"]
    assert [(each["event"], each["log_level"]) for each in logs] == [("incident.opened", "warning")]
    assert await is_open(world) == []


async def test_what_comes_and_goes_is_one_incident(world: World) -> None:
    alerts = alerts_of(world)
    for minute in range(60):
        await (switch_on(world) if minute % 2 else switch_off(world))
        await tick_for(world, alerts, 1)
    assert len(await open_incidents(world)) == 1
    await tick_for(world, alerts, 20)

    began, over = await deliver(world)
    assert {began["Message-ID"], over["Message-ID"]} == {letter["Message-ID"] for letter in (began, over)}
    assert await is_open(world) == []


async def test_how_long_it_lasted_does_not_count_the_time_it_had_to_stay_away(world: World) -> None:
    alerts = alerts_of(world)
    await switch_off(world)
    await tick_for(world, alerts, 30)
    await switch_on(world)
    await tick_for(world, alerts, 20)

    text = (await deliver(world))[-1].get_body(("plain",))
    assert text is not None
    assert "31\u00a0min" in text.get_content()


async def test_what_comes_back_later_is_told_again(world: World) -> None:
    alerts = alerts_of(world)
    for _ in range(2):
        await switch_off(world)
        assert await alerts.tick()
        await switch_on(world)
        assert sum(await tick_for(world, alerts, 16)) == 1

    letters = await deliver(world)
    assert len({letter["Message-ID"] for letter in letters}) == 4


async def test_everything_of_one_tick_is_one_mail_to_each_address(world: World) -> None:
    alerts = alerts_of(world, replace(SETTINGS, to=(IT, HELEN)))
    await switch_off(world)
    await alerts.tick()
    await deliver(world)
    await switch_on(world)
    await tick_for(world, alerts, 15)
    await switch_off(world, "account:default")
    await tick_for(world, alerts, 1)
    helens, its = await deliver(world)

    assert (helens["To"], its["To"]) == (HELEN, IT)
    assert "account" in str(helens["Subject"]), "in the language of each"
    assert "compte" in str(its["Subject"])
    text = helens.get_body(("plain",))
    assert text is not None
    assert "breaker tripped" in text.get_content().lower()


async def test_alerts_leave_by_another_server_than_the_one_that_refuses(world: World) -> None:
    alerts = alerts_of(world)
    await world.look()
    world.arrive(a_letter())
    await world.look()
    world.mailer.answers = [Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, code=535, enhanced="5.7.8", text="denied")]
    world.mailer.accepts = False
    world.clock.advance(timedelta(minutes=6))
    await deliver(world)
    await alerts.tick()
    (alert,) = await deliver(world)

    assert alert["From"].addresses[0].addr_spec == SENDER
    assert "compte" in str(alert["Subject"])


async def test_of_two_workers_at_once_one_tells_it(world: World) -> None:
    workers = [alerts_of(world), alerts_of(world)]
    await switch_off(world)
    assert sorted(await asyncio.gather(*(worker.tick() for worker in workers))) == [False, True]
    await switch_on(world)
    for worker in workers:
        assert not await worker.tick()
    world.clock.advance(AFTER)
    await progress(world)
    assert sorted(await asyncio.gather(*(worker.tick() for worker in workers))) == [False, True]

    assert len(await deliver(world)) == 2


async def test_a_restart_tells_nothing_twice(world: World) -> None:
    await switch_off(world)
    assert await alerts_of(world).tick()
    assert not await alerts_of(world).tick()


async def test_after_a_stop_mailboxes_have_their_time_before_they_are_called_silent(world: World) -> None:
    await progress(world)
    world.clock.advance(timedelta(hours=10))
    alerts = alerts_of(world)
    assert not await alerts.tick()
    world.clock.advance(timedelta(minutes=14))
    assert not await alerts.tick()
    world.clock.advance(MINUTE)
    assert await alerts.tick()
    assert await is_open(world) == ["mailbox without progress"]


async def test_a_restart_does_not_say_that_a_silent_mailbox_is_well(world: World) -> None:
    await progress(world)
    first = alerts_of(world)
    world.clock.advance(timedelta(minutes=16))
    assert await first.tick()
    again = alerts_of(world)
    assert not await again.tick()
    assert sum(await tick_for(world, again, 16)) == 1
    assert await is_open(world) == []


async def test_a_server_that_is_away_is_one_mail_and_so_is_its_return(tmp_path: Path) -> None:
    """Its mailboxes were last looked at one after another, over the five minutes between two polls."""
    mailboxes = [a_mailbox(address=f"ecole{n}@cscmonavenir.example") for n in range(200)]
    async with a_world(tmp_path, *mailboxes) as world:
        alerts = alerts_of(world)

        async def look_in_turn() -> int:
            enqueued = 0
            for some in range(5):
                async with world.store.transaction() as tx:
                    for mailbox in mailboxes[some::5]:
                        await tx.keep_mailbox(mailbox.address)
                    await tx.note_progress({mailbox.address: tx.now for mailbox in mailboxes[some::5]})
                enqueued += await alerts.tick()
                world.clock.advance(MINUTE)
            return enqueued

        assert await look_in_turn() == 0
        enqueued = 0
        for _ in range(20):
            enqueued += await alerts.tick()
            world.clock.advance(MINUTE)
        assert (enqueued, len(await open_incidents(world))) == (1, 200)
        assert [await look_in_turn() for _ in range(4)] == [0, 0, 0, 1]
        assert await open_incidents(world) == []
        began, over = await deliver(world)
        assert str(began["Subject"]).endswith("(200)"), "readable at a glance"
        assert str(over["Subject"]).endswith("(200)")


async def test_other_troubles_are_told_from_the_first_tick(world: World) -> None:
    await switch_off(world)

    assert await alerts_of(world).tick()


async def test_without_anybody_to_tell_incidents_are_recorded_and_logged(world: World) -> None:
    alerts = alerts_of(world, AlertSettings())
    await switch_off(world)
    with capture_logs() as logs:
        assert not await alerts.tick()
        await switch_on(world)
        assert not any(await tick_for(world, alerts, 16))

    assert [each["event"] for each in logs] == ["incident.opened", "incident.closed"]
    assert await deliver(world) == []


async def test_the_log_names_the_mailbox_that_nothing_is_heard_of(world: World) -> None:
    await world.look()
    alerts = alerts_of(world)
    world.clock.advance(timedelta(hours=1))
    with capture_logs() as logs:
        await alerts.tick()

    assert [each["mailbox"] for each in logs if each["event"] == "incident.opened"] == [INSCRIPTIONS]


async def test_an_acknowledgement_is_told_before_its_limit_is_missed(world: World) -> None:
    alerts = alerts_of(world)
    await world.look()
    world.arrive(a_letter())
    await world.look()
    world.mailer.answers = [Outcome(kind=OutcomeKind.DEFERRED, code=451, text="later")] * 100
    while not await alerts.tick():
        world.clock.advance(timedelta(minutes=30))
        await progress(world)
        await world.send()

    (incident,) = await open_incidents(world)
    due_in = timedelta(hours=48) - (world.clock.now() - incident.trouble.since)
    assert await is_open(world) == ["acknowledgement near its limit"]
    assert due_in > timedelta(hours=11)
    world.mailer.answers = []
    world.clock.advance(timedelta(hours=2))
    await world.send()
    assert sum(await tick_for(world, alerts, 16)) == 1
    assert await is_open(world) == []


async def test_missing_closures_are_told_of_the_organisation_and_of_a_mailbox_with_its_own(world: World) -> None:
    old = a_calendar(closures=(Closure(first=date(2026, 7, 1), last=date(2026, 7, 2)),))
    own = a_calendar(closures=(Closure(first=date(2026, 8, 1), last=date(2026, 8, 2)),))
    world.mailboxes = [replace(world.mailboxes[0], standard=a_standard(calendar=own))]
    await alerts_of(world, calendar=old).tick()

    assert [each.trouble.about for each in await open_incidents(world)] == ["", INSCRIPTIONS]


async def test_a_failing_template_is_told_until_it_has_not_failed_for_a_day(world: World) -> None:
    alerts, other = alerts_of(world), alerts_of(world)
    alerts.note_template("fr/layout.html: UndefinedError: 'nonsense' is undefined. Our own wording is sent instead.")
    assert await alerts.tick()
    assert [each.trouble.about for each in await open_incidents(world)] == ["fr/layout.html"]
    world.clock.advance(timedelta(hours=20))
    await progress(world)
    assert not await other.tick(), "what another worker knows isn't over"
    alerts.note_template("fr/layout.html: again")
    world.clock.advance(timedelta(hours=20))
    await progress(world)
    assert not await alerts.tick()
    world.clock.advance(timedelta(hours=5))
    assert sum(await tick_for(world, alerts, 16)) == 1
    assert await is_open(world) == []


async def test_an_alert_is_tried_for_a_day_and_no_longer(world: World) -> None:
    await switch_off(world)
    await alerts_of(world).tick()
    world.clock.advance(timedelta(hours=24, minutes=1))

    assert await deliver(world) == []
