"""What is late is told to the right people, once, in one digest a business day: a real database, a moved clock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, MARIE, a_calendar, a_mailbox, a_person, an_organisation
from services.world import World, a_letter, a_world, keep_configured
from sqlalchemy import func, select

from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.composition import Rendered
from mailwatch.domain.digests import Digest
from mailwatch.domain.escalations import MANAGER, OWNER, Level, Standing
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import Outcome, OutcomeKind
from mailwatch.domain.requests import Event, EventKind
from mailwatch.domain.standards import parse_limit
from mailwatch.errors import TemplateFailed
from mailwatch.ports import Fact
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.act import Act
from mailwatch.services.escalate import Escalate, EscalateSettings
from mailwatch.store.schema import acts, escalations, events, outbox, requests
from mailwatch.store.store import SqlStore, open_store

LUC = "luc.gagnon@cscmonavenir.example"
ANNE = "anne.roy@cscmonavenir.example"
DIRECTOR = "director@cscmonavenir.example"
TORONTO = ZoneInfo("America/Toronto")

LEVELS = (
    Level(before=parse_limit("1 business day"), to=(OWNER,)),
    Level(after=parse_limit("0 business days"), to=(OWNER, MANAGER)),
    Level(after=parse_limit("3 business days"), to=(DIRECTOR,)),
)
PEOPLE = {
    MARIE: a_person(manager=LUC),
    LUC: a_person(LUC, "Luc Gagnon", manager=DIRECTOR),
    ANNE: a_person(ANNE, "Anne Roy", language=Language.EN),
}
SETTINGS = EscalateSettings(
    at=time(8, 30),
    details=False,
    sender=INSCRIPTIONS,
    account="default",
    message_link="https://courriel.example/lire?id={message_id}&de={mailbox}&ref={reference}",
)


def at(text: str, *, fold: int = 0) -> datetime:
    """A local time in Toronto, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=TORONTO, fold=fold).astimezone(UTC)


@dataclass
class Notes:
    """A log that is read."""

    events: list[str] = field(default_factory=list)

    def info(self, event: str, **facts: object) -> None:
        self.events.append(event)

    def warning(self, event: str, **facts: object) -> None:
        self.events.append(event)

    def exception(self, event: str, **facts: object) -> None:
        self.events.append(event)


class Renderer(TemplateRenderer):
    """Our templates; `broken_for`: recipients whose digests can't be rendered. Keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(None, templates_folder(), lambda _: None)
        self.digests: list[Digest] = []
        self.broken_for: dict[str, Exception] = {}

    def render_digest(self, digest: Digest) -> Rendered:
        if digest.recipient in self.broken_for:
            raise self.broken_for[digest.recipient]
        self.digests.append(digest)
        return super().render_digest(digest)


class Office:
    """A world with an Escalate that can be restarted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.renderer = Renderer()
        self.notes = Notes()
        self.calendar: ServiceCalendar = a_calendar()
        self.settings = SETTINGS
        self.levels: Sequence[Level] = LEVELS
        self.start()

    def start(self) -> None:
        """What this process remembered is gone."""
        self.escalate = self.another(self.world.store)

    def another(self, store: SqlStore) -> Escalate:
        """One more process."""
        mailbox = self.world.mailboxes[0]
        return Escalate(
            store,
            self.renderer,
            mailbox.organisation,
            self.calendar,
            self.world.mailboxes,
            self.levels,
            self.settings,
            self.world.clock,
            self.notes,
            store.key,
        )

    async def keep(self, *absences: Absence) -> None:
        """People are away."""
        await keep_configured(self.world.store, absences)

    async def arrive(self, number: int = 1, *, when: str = "2026-11-23 10:00", **fields: Any) -> None:
        """A letter arrives, and is looked at."""
        self.world.clock.set(at(when))
        self.world.arrive(a_letter(number, at=at(when), **fields))
        await self.world.look()

    async def tick(self, when: str | datetime) -> bool:
        self.world.clock.set(at(when) if isinstance(when, str) else when)
        return await self.escalate.tick()

    async def pass_time(self, until: str, every: timedelta = timedelta(minutes=30), since: str = "") -> None:
        """Tick on and on; from `since` on, as if nothing had run before."""
        if since:
            self.world.clock.set(at(since))
        while self.world.clock.now() < at(until):
            await self.tick(self.world.clock.now() + every)

    async def learn(self, kind: EventKind, when: str, number: int = 1) -> None:
        """Something becomes known of the n-th request."""
        self.world.clock.set(at(when))
        async with self.world.store.transaction() as tx:
            event = Event(kind=kind, at=at(when), occurred_at=at(when))
            await tx.add_facts([Fact(request_id=number, event=event)])

    async def count(self, *tables: Any) -> list[int]:
        async with self.world.store.reading() as connection:
            return [int(await connection.scalar(select(func.count()).select_from(table)) or 0) for table in tables]

    async def entries(self) -> Sequence[Any]:
        async with self.world.store.reading() as connection:
            return (
                await connection.execute(select(outbox).where(outbox.c.kind == "digest").order_by(outbox.c.id))
            ).all()

    async def told(self) -> dict[str, list[str]]:
        """Recipient → when each digest was enqueued, in local time."""
        told: dict[str, list[str]] = {}
        for row in await self.entries():
            told.setdefault(row.recipient, []).append(f"{row.enqueued_at.astimezone(TORONTO):%m-%d %H:%M}")
        return told

    def last(self, recipient: str) -> Digest:
        """A person's last digest."""
        return [digest for digest in self.renderer.digests if digest.recipient == recipient][-1]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """A shared mailbox in which answers are seen; Marie owns it, Luc manages her."""
    organisation = replace(an_organisation(), people=PEOPLE)
    mailbox = replace(a_mailbox(), organisation=organisation, owners=(PEOPLE[MARIE],))
    async with a_world(tmp_path, mailbox) as world:
        await world.look()
        async with world.store.transaction() as tx:
            await tx.note_answer_seen(INSCRIPTIONS)
        yield Office(world)


def mornings(*days: str) -> list[str]:
    return [f"{day} 08:30" for day in days]


# --- when


async def test_each_person_is_told_once_a_business_day_and_never_at_the_week_end(office: Office) -> None:
    await office.arrive()
    await office.pass_time("2026-12-07 12:00")
    assert await office.told() == {
        MARIE: mornings("11-30", "12-01", "12-02", "12-03", "12-04", "12-07"),
        LUC: mornings("12-01", "12-02", "12-03", "12-04", "12-07"),
        DIRECTOR: mornings("12-04", "12-07"),
    }
    assert await office.count(escalations) == [3]


async def test_nobody_is_told_on_a_holiday(office: Office) -> None:
    await office.arrive(when="2026-12-15 10:00")
    await office.pass_time("2026-12-30 12:00", timedelta(hours=1, minutes=30))
    days = [when[:5] for when in (await office.told())[MARIE]]
    assert days == ["12-22", "12-23", "12-24", "12-29", "12-30"]  # Christmas, the week-end, Boxing Day observed


async def test_the_calendar_s_own_date_decides_and_not_that_of_greenwich(office: Office) -> None:
    """At 20:00 on Friday in Toronto it is Saturday in Greenwich; at 20:00 on Sunday it is Monday there."""
    office.settings = replace(SETTINGS, at=time(20))
    office.start()
    await office.arrive()
    await office.pass_time("2026-12-07 08:00", since="2026-12-03 08:00")
    assert (await office.told())[MARIE] == ["12-03 20:00", "12-04 20:00"]


@pytest.mark.parametrize(
    ("hour", "night", "first"),
    [
        (time(1, 30), "2026-11-01", at("2026-11-01 01:30")),  # the hour comes twice
        (time(2, 30), "2026-03-08", at("2026-03-08 03:30")),  # it never comes
    ],
)
async def test_nights_of_the_clocks_make_one_digest(office: Office, hour: time, night: str, first: datetime) -> None:
    office.settings = replace(SETTINGS, at=hour)
    office.calendar = a_calendar(hours=dict.fromkeys(range(7), ((0, 1440),)), country=None, subdivision=None)
    office.start()
    day = date.fromisoformat(night)
    await office.arrive(when=f"{day - timedelta(days=20)} 10:00")
    office.world.clock.set(at(f"{night} 00:00"))
    await office.pass_time(f"{night} 06:00", timedelta(minutes=10))
    rows = [row.enqueued_at for row in await office.entries() if row.recipient == MARIE]
    assert rows == [first]


async def test_a_service_that_was_down_for_three_days_tells_once(office: Office) -> None:
    await office.arrive()
    await office.tick("2026-11-30 08:00")
    await office.tick("2026-12-03 14:07")
    await office.pass_time("2026-12-04 10:00")
    assert await office.told() == {
        MARIE: ["12-03 14:07", "12-04 08:37"],
        LUC: ["12-03 14:07", "12-04 08:37"],
        DIRECTOR: ["12-04 08:37"],
    }
    line = next(digest for digest in office.renderer.digests if digest.recipient == LUC).new[0]
    assert (line.standing, line.business_days_late) == (Standing.OVERDUE, 3)


async def test_after_closing_time_it_is_too_late_for_today(office: Office) -> None:
    await office.arrive()
    await office.tick("2026-12-01 16:31")
    await office.tick("2026-12-02 08:29")
    assert await office.told() == {}
    await office.tick("2026-12-02 08:30")
    assert set(await office.told()) == {MARIE, LUC}


async def test_digests_at_the_hour_of_a_deadline_count_it_as_met(office: Office) -> None:
    office.settings = replace(SETTINGS, at=time(16, 30))
    office.start()
    await office.arrive()
    await office.tick("2026-11-30 16:30")
    assert [line.standing for line in office.last(MARIE).new] == [Standing.AT_RISK]
    await office.tick("2026-12-01 16:30")
    (line,) = office.last(MARIE).new
    assert (line.standing, line.business_days_late) == (Standing.OVERDUE, 1)


# --- once


async def test_restarts_about_the_hour_make_no_second_digest(office: Office) -> None:
    await office.arrive()
    for minute in range(29, 35):
        office.start()
        await office.tick(f"2026-12-01 08:{minute}")
    assert await office.told() == {MARIE: mornings("12-01"), LUC: mornings("12-01")}


async def test_two_processes_at_once_make_one_digest_each_person(office: Office, tmp_path: Path) -> None:
    await office.arrive()
    office.world.clock.set(at("2026-12-01 08:30"))
    rival = open_store(f"sqlite+aiosqlite:///{tmp_path}/world.db", office.world.clock)
    await rival.open()
    enqueued = await asyncio.gather(office.escalate.tick(), office.another(rival).tick(), office.another(rival).tick())
    await rival.close()
    assert any(enqueued)
    assert await office.told() == {MARIE: mornings("12-01"), LUC: mornings("12-01")}
    assert await office.count(escalations) == [2]
    async with office.world.store.reading() as connection:
        escalated = await connection.scalar(select(func.count()).where(events.c.kind == "escalated"))
    assert escalated == 2


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(hours=24), timedelta(days=4)])
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_clock_that_is_stepped_back_makes_no_second_digest_of_a_day(
    office: Office, back: timedelta, restarts: bool
) -> None:
    await office.arrive()
    await office.pass_time("2026-12-03 09:00", since="2026-11-30 08:00")
    before = await office.told()
    if restarts:
        office.start()
    await office.tick(office.world.clock.now() - back)
    await office.pass_time("2026-12-03 10:00")
    assert await office.told() == before


async def test_what_becomes_late_during_the_day_waits_for_the_next_morning(office: Office) -> None:
    """Whoever had nothing to be told at the hour is told nothing at another."""
    office.levels = (Level(after=parse_limit("0h"), to=(MANAGER,)),)
    office.start()
    await office.arrive()
    await office.tick("2026-11-30 08:30")
    office.start()
    async with office.world.store.transaction() as tx:
        await tx.connection.execute(requests.update().values(answer_due_at=at("2026-11-30 10:00")))
    await office.tick("2026-11-30 10:01")
    assert await office.count(escalations) == [1]
    assert await office.told() == {}
    await office.tick("2026-12-01 08:30")
    assert await office.told() == {LUC: mornings("12-01")}
    async with office.world.store.transaction() as tx:  # as it was, for the check of consistency
        await tx.connection.execute(requests.update().values(answer_due_at=at("2026-11-30 16:30")))


async def test_with_nothing_to_say_there_is_no_mail(office: Office) -> None:
    await office.arrive()
    assert not await office.tick("2026-11-24 08:30")
    assert await office.told() == {}
    assert await office.tick("2026-11-30 08:30")
    assert not await office.tick("2026-11-30 08:31")


async def test_what_was_answered_is_told_no_more_and_is_new_again_when_reopened(office: Office) -> None:
    await office.arrive()
    await office.tick("2026-12-01 08:30")
    await office.learn(EventKind.ANSWERED, "2026-12-01 11:00")
    assert not await office.tick("2026-12-02 08:30")
    await office.learn(EventKind.FOLLOWED_UP, "2026-12-02 11:00")
    assert not await office.tick("2026-12-03 08:30")
    await office.tick("2026-12-09 08:30")
    assert [line.standing for line in office.last(MARIE).new] == [Standing.AT_RISK]


# --- who


async def test_only_the_owner_reads_who_asked_what(office: Office) -> None:
    await office.arrive(subject="Plainte au sujet de la direction")
    await office.tick("2026-12-04 08:30")
    (owner,), (manager,) = office.last(MARIE).lines, office.last(LUC).lines
    assert (owner.sender, owner.subject) == ("sophie.nadeau@courriel.example", "Plainte au sujet de la direction")
    reference = owner.reference
    assert owner.link == (
        f"https://courriel.example/lire?id=1%40courriel.example&de=inscriptions%40cscmonavenir.example&ref={reference}"
    )
    assert (manager.sender, manager.subject, manager.link, manager.owner) == ("", "", "", "Marie Tremblay")
    for row in await office.entries():
        parts = message_from_bytes(bytes(row.body), policy=policy.default).walk()
        words = "".join(str(part.get_content()) for part in parts if not part.is_multipart())
        assert ("sophie.nadeau" in words, "Plainte" in words) == (
            (True, True) if row.recipient == MARIE else (False,) * 2
        )


async def test_managers_read_it_too_where_details_says_so(office: Office) -> None:
    office.settings = replace(SETTINGS, details=True, message_link="")
    office.start()
    await office.arrive()
    await office.tick("2026-12-04 08:30")
    (line,) = office.last(DIRECTOR).lines
    assert (line.sender, line.subject, line.link) == ("sophie.nadeau@courriel.example", "Inscription de ma fille", "")


async def test_a_digest_speaks_its_reader_s_language_and_an_unknown_reader_s_is_the_first(office: Office) -> None:
    await office.keep(Absence(who=MARIE, away_from=date(2026, 11, 25), delegate=ANNE))
    await office.arrive()
    await office.tick("2026-12-04 08:30")
    assert [(digest.language, digest.name) for digest in map(office.last, (ANNE, DIRECTOR))] == [
        (Language.EN, "Anne Roy"),
        (Language.FR, ""),
    ]
    assert (office.last(ANNE).lines[0].service, office.last(ANNE).lines[0].received_at.hour) == ("Admissions", 10)


async def test_whoever_is_away_gets_none_and_their_delegate_does_until_they_return(office: Office) -> None:
    away = Absence(who=MARIE, away_from=date(2026, 11, 30), returns_on=date(2026, 12, 2), delegate=ANNE)
    await office.keep(away)
    await office.arrive()
    await office.pass_time("2026-12-02 12:00", since="2026-11-27 12:00")
    assert await office.told() == {
        ANNE: mornings("11-30", "12-01"),
        MARIE: mornings("12-02"),
        LUC: mornings("12-01", "12-02"),
    }
    (line,) = office.last(ANNE).lines
    assert (line.covers, line.sender) == ("Marie Tremblay", "sophie.nadeau@courriel.example")
    assert [line.covers for line in office.last(MARIE).lines] == [""]


async def test_where_everybody_is_away_nobody_is_left_out(office: Office) -> None:
    await office.keep(*(Absence(who=who, away_from=date(2026, 11, 25)) for who in (*PEOPLE, DIRECTOR)))
    await office.arrive()
    await office.tick("2026-12-01 08:30")
    assert set(await office.told()) == {MARIE, LUC}


async def test_while_no_answer_was_ever_seen_only_the_owner_is_told(office: Office) -> None:
    async with office.world.store.transaction() as tx:
        await tx.connection.exec_driver_sql("UPDATE mailbox SET answer_seen_at = NULL")
    await office.arrive()
    await office.tick("2026-12-04 08:30")
    assert set(await office.told()) == {MARIE}


async def test_whoever_has_left_the_configuration_is_followed_by_the_mailbox_s_first_owner(office: Office) -> None:
    await office.arrive()
    mailbox = office.world.mailboxes[0]
    people = {LUC: PEOPLE[LUC], ANNE: a_person(ANNE, "Anne Roy", manager=LUC)}
    organisation = replace(mailbox.organisation, people=people)
    office.world.mailboxes = [replace(mailbox, organisation=organisation, owners=(people[ANNE],))]
    office.start()
    await office.tick("2026-12-01 08:30")
    assert await office.told() == {ANNE: mornings("12-01"), LUC: mornings("12-01")}
    (line,) = office.last(ANNE).lines
    assert (line.owner, line.sender) == ("Anne Roy", "sophie.nadeau@courriel.example")


async def test_a_colleague_whom_a_request_was_given_to_is_told_without_owning_the_mailbox(office: Office) -> None:
    await office.arrive()
    async with office.world.store.transaction() as tx:
        await tx.connection.execute(requests.update().values(owner=ANNE))
    await office.tick("2026-11-30 08:30")
    assert set(await office.told()) == {ANNE}
    assert office.last(ANNE).lines[0].sender == "sophie.nadeau@courriel.example"


# --- what


async def test_what_was_told_is_not_new_the_next_day(office: Office) -> None:
    await office.arrive()
    await office.tick("2026-12-01 08:30")
    assert [len(lines) for lines in (office.last(MARIE).new, office.last(MARIE).rest)] == [1, 0]
    await office.tick("2026-12-02 08:30")
    assert [len(lines) for lines in (office.last(MARIE).new, office.last(MARIE).rest)] == [0, 1]
    assert [line.business_days_late for line in office.last(MARIE).rest] == [2]


async def test_what_was_held_back_heads_the_owner_s_digest_at_once(office: Office) -> None:
    await office.arrive(headers=["X-Auto-Response-Suppress: All"])
    await office.arrive(2, when="2026-11-23 11:00")
    await office.tick("2026-11-24 08:30")
    digest = office.last(MARIE)
    assert [(line.withheld_by, line.standing) for line in digest.held] == [("auto_response_suppress", Standing.WITHIN)]
    assert (digest.new, digest.rest) == ((), ())
    assert set(await office.told()) == {MARIE}


async def test_the_silent_register_is_counted_since_the_last_digest_and_not_since_the_last_quiet_day(
    office: Office,
) -> None:
    await office.arrive()
    await office.tick("2026-12-01 08:30")
    assert office.last(MARIE).silent == {}
    await office.learn(EventKind.ANSWERED, "2026-12-01 11:00")
    await office.arrive(2, when="2026-12-01 12:00", headers=["List-Id: <nouvelles.example>"])
    assert not await office.tick("2026-12-02 08:30")  # counts alone are no reason to write
    await office.arrive(3, when="2026-12-02 12:00", headers=["X-Auto-Response-Suppress: All"])
    await office.tick("2026-12-03 08:30")
    assert office.last(MARIE).silent == {"bulk": 1}


async def test_a_first_digest_counts_the_register_of_the_week_before(office: Office) -> None:
    for number, when in enumerate(("2026-11-22 10:00", "2026-11-24 10:00", "2026-11-29 10:00"), 2):
        await office.arrive(number, when=when, headers=["List-Id: <nouvelles.example>"])
        if number == 2:
            await office.arrive()
    await office.tick("2026-11-30 08:30")
    assert office.last(MARIE).silent == {"bulk": 2}


async def test_a_digest_is_an_entry_of_the_digests_account(office: Office) -> None:
    await office.arrive()
    await office.tick("2026-11-30 08:30")
    (row,) = await office.entries()
    message = message_from_bytes(bytes(row.body), policy=policy.default)
    assert (row.unique_key, row.mailbox_id, row.account) == (f"digest:{MARIE}:2026-11-30", None, "default")
    assert (row.caused_by, row.request_id, row.reverse_path) == (None, None, INSCRIPTIONS)
    assert (row.not_before, row.give_up_at) == (at("2026-11-30 08:30"), at("2026-11-30 20:30"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == row.message_id
    assert row.message_id.startswith("<mw.dig.")


# --- troubles


@pytest.mark.parametrize("trouble", [TemplateFailed("fr/digest.txt", "undefined"), RuntimeError("a fault of ours")])
async def test_one_digest_that_fails_keeps_no_other_back_and_is_tried_again(office: Office, trouble: Exception) -> None:
    await office.arrive()
    office.renderer.broken_for = {LUC: trouble}
    assert await office.tick("2026-12-01 08:30")
    await office.tick("2026-12-01 08:31")
    assert await office.told() == {MARIE: mornings("12-01")}
    assert office.notes.events.count("digest.unwritable") == 1
    office.renderer.broken_for = {}
    assert await office.tick("2026-12-01 08:32")
    assert await office.told() == {MARIE: mornings("12-01"), LUC: ["12-01 08:32"]}


async def test_a_recipient_whose_address_no_header_can_hold_keeps_no_other_back(office: Office) -> None:
    office.settings = replace(SETTINGS, sender="inscriptions@\ncscmonavenir.example")
    office.start()
    await office.arrive()
    assert not await office.tick("2026-12-01 08:30")
    office.settings = SETTINGS
    office.start()
    assert await office.tick("2026-12-01 08:31")


async def test_a_digest_that_is_refused_keeps_the_next_one_from_nobody(office: Office) -> None:
    await office.arrive()
    await office.world.send()
    office.world.mailer.answers = [Outcome(kind=OutcomeKind.FAILED, code=550, enhanced="5.1.1", text="no such user")]
    for when in ("2026-11-30 08:30", "2026-12-01 08:30"):
        await office.tick(when)
        await office.world.send()
    assert [row.state for row in await office.entries() if row.recipient == MARIE] == ["failed", "sent"]


@pytest.mark.parametrize(
    ("again_at", "becomes"), [("2026-11-30 20:29", ["sent", "sent"]), ("2026-11-30 20:31", ["failed", "sent"])]
)
async def test_a_digest_waits_half_a_day_for_a_pause_to_end_and_the_next_one_comes_alone(
    office: Office, again_at: str, becomes: list[str]
) -> None:
    await office.arrive()
    async with office.world.store.transaction() as tx:
        await tx.switch_off("sending", "IT", "maintenance")
    await office.tick("2026-11-30 08:30")
    office.world.clock.set(at(again_at))
    async with office.world.store.transaction() as tx:
        await tx.resume()
    await office.world.send()
    office.levels = LEVELS[:1]
    office.start()
    await office.tick("2026-12-01 08:30")
    before = len(office.world.mailer.letters)
    await office.world.send()
    assert [row.state for row in await office.entries()] == becomes
    assert len(office.world.mailer.letters) == before + 1


async def test_a_service_first_started_on_a_friday_afternoon_tells_nothing_of_what_was_there(office: Office) -> None:
    office.world.clock.set(at("2026-11-27 16:00"))
    assert not await office.tick("2026-11-27 16:00")
    await office.pass_time("2026-11-30 12:00")
    assert await office.told() == {}


async def test_a_message_released_long_after_its_due_date_is_told_once_to_everybody(office: Office) -> None:
    await office.arrive(headers=["List-Id: <nouvelles.example>"])
    await office.tick("2026-12-09 14:00")
    await Act(office.world.store, office.world.mailboxes, by="IT", why="un parent").release(1)
    await office.pass_time("2026-12-10 12:00")
    assert await office.told() == {MARIE: mornings("12-10"), LUC: mornings("12-10"), DIRECTOR: mornings("12-10")}
    (line,) = office.last(MARIE).lines
    assert (line.withheld_by, line.standing, line.business_days_late) == ("released", Standing.OVERDUE, 8)


async def test_a_digest_tells_the_hours_of_each_mailbox_s_own_zone(office: Office) -> None:
    vancouver = a_calendar(timezone=ZoneInfo("America/Vancouver"))
    mailbox = office.world.mailboxes[0]
    office.world.mailboxes = [replace(mailbox, standard=replace(mailbox.standard, calendar=vancouver))]
    await office.arrive()
    office.start()
    await office.tick("2026-12-01 08:30")
    assert office.last(MARIE).lines[0].received_at.hour == 7


# --- preview


async def test_a_preview_shows_what_would_be_told_and_writes_nothing(office: Office) -> None:
    await office.arrive()
    office.world.clock.set(at("2026-12-05 20:00"))  # on a Saturday
    before = await office.count(acts, escalations, outbox, events)
    digest = await office.escalate.preview(MARIE, office.world.clock.now(), ())
    assert [(line.standing, line.is_new) for line in digest.new] == [(Standing.OVERDUE, True)]
    assert (await office.escalate.preview(DIRECTOR, office.world.clock.now(), ())).lines[0].sender == ""
    assert (await office.escalate.preview("nobody@courriel.example", office.world.clock.now(), ())).is_empty
    assert await office.count(acts, escalations, outbox, events) == before
