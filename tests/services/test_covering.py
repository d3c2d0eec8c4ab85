"""Notices and notes are sent once, whoever races; due dates follow absences that come, go and move meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import INSCRIPTIONS, MARIE, a_mailbox, a_staff_mailbox, an_organisation
from services.away import A_WEEK, LUC, PAUL, PEOPLE, TORONTO, Office, inscriptions, marie, text_of, to_marie
from services.world import World, a_letter, a_world
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from mailwatch.domain.absences import Absence
from mailwatch.domain.composition import Rendered
from mailwatch.domain.digests import CoverNote
from mailwatch.domain.mailboxes import LocalRule
from mailwatch.domain.outbox import Outcome, OutcomeKind
from mailwatch.rendering import TemplateRenderer
from mailwatch.services import cover
from mailwatch.services.act import Act
from mailwatch.services.receive import Receive
from mailwatch.services.record import Recorder
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.schema import acts, events, messages, outbox, requests, switches
from mailwatch.store.store import open_store

COVERED = replace(A_WEEK, delegate=PAUL)
LONG = replace(A_WEEK, returns_on=date(2026, 12, 14))
REPLY = {"subject": "Re: Inscription de ma fille", "headers": ["In-Reply-To: <1@courriel.example>"]}
OFF = {"enabled": False}


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Office]:
    """Marie's mailbox."""
    async with a_world(tmp_path, marie()) as world:
        office = Office(world)
        await world.look()
        yield office


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[Office]:
    """Marie's mailbox, without acknowledgements: notices stand alone."""
    async with a_world(tmp_path, marie(policy=OFF)) as world:
        office = Office(world)
        await world.look()
        yield office


async def kinds(office: Office) -> list[str]:
    return [kind for _, kind in await office.rows(outbox.c.id, outbox.c.kind)]


async def notices(office: Office) -> list[str | None]:
    return [notice for _, notice in await office.rows(messages.c.id, messages.c.notice)]


async def dues(office: Office) -> list[str]:
    """When requests are due, in local time, in the order in which they came."""
    rows = await office.rows(requests.c.id, requests.c.answer_due_at)
    return [f"{due_at.astimezone(TORONTO):%m-%d %H:%M}" for _, due_at in rows]


# --- a notice ---------------------------------------------------------------------------------------------------------


async def test_two_messages_of_one_sender_in_one_batch_get_one_notice(quiet: Office) -> None:
    await quiet.keep(COVERED)
    for number in (1, 2):
        quiet.world.arrive(a_letter(number, to=MARIE, subject=f"Question {number}", at=quiet.world.clock.now()))
    await quiet.world.look()
    assert await notices(quiet) == ["told", "told already"]
    assert len(await quiet.sent()) == 1


async def test_a_notice_and_an_acknowledgement_of_one_batch_are_no_contradiction(
    own: Office,
) -> None:
    """The notice came first: an acknowledgement may tell of it each time."""
    await own.arrive(1, **to_marie())
    own.set("2026-11-24 09:00")
    await own.keep(replace(COVERED, away_from=date(2026, 11, 24)))
    own.world.arrive(a_letter(2, at=own.world.clock.now(), **to_marie(**REPLY)))
    own.world.arrive(a_letter(3, at=own.world.clock.now(), **to_marie(subject="Autre chose")))
    await own.world.look()
    assert await notices(own) == [None, "told", "told"]
    assert await find_inconsistencies(own.world.store) == []


async def test_one_sender_who_writes_to_both_her_mailboxes_gets_one_notice_of_her_absence(tmp_path: Path) -> None:
    organisation = an_organisation(people=PEOPLE)
    shared = a_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],), policy=OFF)
    hers = a_staff_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],), policy=OFF)
    async with a_world(tmp_path, shared, hers) as world:
        office = Office(world)
        await world.look()
        await office.keep(COVERED)
        world.arrive(a_letter(1, to=INSCRIPTIONS, at=world.clock.now()), shared)
        world.arrive(a_letter(2, to=MARIE, subject="Autre chose", at=world.clock.now()), hers)
        await world.look()
        assert await notices(office) == ["told", "told already"]
        assert len(await office.sent()) == 1


async def test_of_two_notices_written_at_once_one_is_sent_and_the_other_history_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two mailboxes, two workers: neither sees what the other is about to write."""
    organisation = an_organisation(people=PEOPLE)
    shared = a_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],), policy=OFF)
    hers = a_staff_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],), policy=OFF)
    async with a_world(tmp_path, shared, hers) as world:
        office = Office(world)
        await world.look()
        await office.keep(COVERED)
        await _judge_both_before_either_is_written(world, monkeypatch, (shared, 1, INSCRIPTIONS), (hers, 2, MARIE))
        assert sorted(filter(None, await notices(office))) == ["elsewhere", "told"]
        told = [kind for _, kind in await office.rows(events.c.request_id, events.c.kind) if kind == "notified"]
        assert len(told) == 1
        assert len(await office.sent()) == 1
        assert await find_inconsistencies(world.store) == []


async def test_of_two_notices_of_follow_ups_written_at_once_one_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = an_organisation(people=PEOPLE)
    shared = a_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],))
    hers = a_staff_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],))
    async with a_world(tmp_path, shared, hers) as world:
        office = Office(world)
        await world.look()
        world.arrive(a_letter(1, to=INSCRIPTIONS, at=world.clock.now()), shared)
        world.arrive(a_letter(2, to=MARIE, subject="Autre chose", at=world.clock.now()), hers)
        await world.look()
        world.clock.advance(timedelta(days=1, hours=1))
        await office.sent()
        await office.keep(replace(COVERED, away_from=date(2026, 11, 24)))
        answers = [(shared, 3, INSCRIPTIONS, "<1@courriel.example>"), (hers, 4, MARIE, "<2@courriel.example>")]
        await _judge_both_before_either_is_written(world, monkeypatch, *answers)
        assert sorted(filter(None, await notices(office))) == ["elsewhere", "told"]
        assert [kind for _, kind in await office.rows(events.c.request_id, events.c.kind)].count("notified") == 1
        assert (await kinds(office)).count("notice") == 1
        assert await find_inconsistencies(world.store) == []


async def _judge_both_before_either_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, *letters: tuple[Any, ...]
) -> None:
    for mailbox, number, to, *parents in letters:
        headers = [f"In-Reply-To: {parent}" for parent in parents]
        subject = f"Re: Question {number}" if parents else f"Question {number}"
        world.arrive(a_letter(number, to=to, subject=subject, headers=headers, at=world.clock.now()), mailbox)
    arrived = 0
    both_are_judged = asyncio.Event()
    judge_some = Recorder._judge_some

    async def judge_and_wait(self: Recorder, *arguments: Any) -> Any:
        nonlocal arrived
        judged = await judge_some(self, *arguments)
        arrived += 1
        if arrived == len(letters):
            both_are_judged.set()
        await both_are_judged.wait()
        return judged

    monkeypatch.setattr(Recorder, "_judge_some", judge_and_wait)
    workers = [
        Receive(world.store, world.judge, world.clock, world.settings, world.good_looks, world.log, world.mailboxes)
        for _ in letters
    ]
    sources = world.sources.sources
    async with asyncio.timeout(10):
        await asyncio.gather(
            *(one.look(box, sources[box.address]) for one, (box, *_) in zip(workers, letters, strict=True))
        )
    monkeypatch.undo()


async def test_a_notice_that_failed_is_not_the_last_word(quiet: Office) -> None:
    """A server that was down for two days told nobody anything."""
    await quiet.keep(replace(COVERED, returns_on=date(2026, 12, 14)))
    quiet.world.mailer.answers = [Outcome(kind=OutcomeKind.FAILED, code=550, text="not now")]
    await quiet.arrive(1, **to_marie())
    await quiet.sent()
    assert await quiet.rows(outbox.c.id, outbox.c.state) == [(1, "failed")]
    quiet.set("2026-11-25 10:00")
    await quiet.arrive(2, **to_marie(subject="Autre chose"))
    assert await notices(quiet) == ["told", "told"]
    await quiet.sent()
    assert await quiet.rows(outbox.c.id, outbox.c.state) == [(1, "failed"), (2, "sent")]


async def test_a_pause_holds_notices_and_notes(own: Office) -> None:
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    async with own.world.store.transaction() as tx:
        await tx.switch_off("sending", MARIE, "un essai")
    await own.tick()
    assert await own.sent() == []
    async with own.world.store.transaction() as tx:
        await tx.resume()
    assert sorted(str(letter["To"]) for letter in await own.sent()) == [PAUL, "sophie.nadeau@courriel.example"]


async def test_the_breaker_counts_notices_and_holds_them(tmp_path: Path) -> None:
    async with a_world(tmp_path, marie(policy=OFF)) as world:
        world.settings = replace(world.settings, breaker_count=2)
        world.restart()
        office = Office(world)
        await world.look()
        await office.keep(COVERED)
        for number in (1, 2, 3):
            await office.arrive(number, **to_marie(sender=f"p{number}@courriel.example"))
        assert await office.rows(switches.c.name) == [("breaker",)]
        assert await office.sent() == []
        async with world.store.transaction() as tx:
            await tx.resume()
        assert len(await office.sent()) == 3


async def test_limits_of_what_a_recipient_gets_count_notices(tmp_path: Path) -> None:
    async with a_world(tmp_path, marie(policy={"per_sender_per_day": 1})) as world:
        office = Office(world)
        await world.look()
        await office.arrive(1, **to_marie())  # acknowledged, before the absence
        world.clock.advance(timedelta(days=1, hours=1))
        await office.sent()
        await office.keep(replace(COVERED, away_from=date(2026, 11, 24)))
        world.clock.advance(timedelta(hours=1))
        await office.arrive(2, **to_marie(**REPLY))
        assert (await notices(office))[1] == "told"
        await office.arrive(3, **to_marie(subject="Question"))
        assert (await office.rows(messages.c.id, messages.c.suppressed_by))[2] == (3, "sender_limit")


# --- a note to the delegate -------------------------------------------------------------------------------------------


async def test_one_note_of_a_request_whatever_restarts_and_races(own: Office, tmp_path: Path) -> None:
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    other = open_store(f"sqlite+aiosqlite:///{tmp_path}/world.db", own.world.clock)
    await other.open()
    try:
        await asyncio.gather(own.cover.tick(), own.another_cover(other).tick())
    finally:
        await other.close()
    own.start()
    await own.tick()
    assert (await kinds(own)).count("note") == 1


async def test_a_delegate_who_leaves_later_passes_on_only_what_comes_then(own: Office) -> None:
    paul = Absence(who=PAUL, away_from=date(2026, 11, 25), returns_on=date(2026, 12, 1), delegate=LUC)
    await own.keep(COVERED, paul)
    await own.arrive(1, **to_marie())
    await own.tick()
    own.set("2026-11-25 09:00")
    await own.tick()
    await own.arrive(2, **to_marie(subject="Autre chose", sender="x@courriel.example"))
    await own.tick()
    assert await own.rows(outbox.c.id, outbox.c.recipient) == [
        (1, "sophie.nadeau@courriel.example"),
        (2, PAUL),
        (3, "x@courriel.example"),
        (4, LUC),
    ]


async def test_no_note_of_what_came_before_the_absence_nor_of_what_is_old(own: Office) -> None:
    await own.arrive(1, **to_marie())
    own.set("2026-11-24 09:00")
    await own.keep(replace(COVERED, away_from=date(2026, 11, 24)))
    await own.tick()
    await own.arrive(2, **to_marie(subject="Autre chose", sender="x@courriel.example"))
    own.set("2026-11-27 09:01")
    await own.tick()
    assert "note" not in await kinds(own)


async def test_no_note_of_a_request_that_was_given_to_somebody_who_is_there(own: Office) -> None:
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    ((reference,),) = await own.rows(requests.c.reference)
    await Act(own.world.store, own.world.mailboxes, by="luc", why="").assign(reference, LUC)
    await own.tick()
    assert "note" not in await kinds(own)


async def test_a_request_whose_owner_has_left_is_the_mailbox_s(own: Office) -> None:
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    async with own.world.store.database.write() as connection:
        await connection.execute(update(requests).values(owner=""))
    await own.tick()
    assert (await own.rows(outbox.c.id, outbox.c.recipient))[-1] == (2, PAUL)


async def test_a_mailbox_that_is_not_watched_any_more_gets_no_notes_and_keeps_its_due_dates(own: Office) -> None:
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    own.world.mailboxes = [replace(own.world.mailboxes[0], address="autre@cscmonavenir.example")]
    own.start()
    await own.keep(A_WEEK)
    await own.tick()
    assert await own.due() == "11-30 16:30"
    assert "note" not in await kinds(own)


async def test_a_note_that_cannot_be_written_keeps_no_other_back(own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await own.keep(COVERED)
    await own.arrive(1, **to_marie())
    await own.arrive(2, **to_marie(subject="Autre chose", sender="x@courriel.example"))
    render = TemplateRenderer.render_note

    def fail_once(self: TemplateRenderer, note: CoverNote) -> Rendered:
        if note.line.subject == "Autre chose":
            raise ValueError("no such template")
        return render(self, note)

    monkeypatch.setattr(TemplateRenderer, "render_note", fail_once)
    await own.tick()
    assert (await kinds(own)).count("note") == 1
    monkeypatch.undo()
    await own.tick()
    assert (await kinds(own)).count("note") == 2


async def test_a_request_whose_delegate_cannot_be_found_out_keeps_no_other_note_back(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own.keep(COVERED)
    await own.arrive(1, **to_marie())
    await own.arrive(2, **to_marie(subject="Autre chose", sender="x@courriel.example"))
    first, find = [True], cover.find_delegate

    def fail_once(*arguments: Any) -> str | None:
        if first:
            first.clear()
            raise ValueError("year 10000 is out of range")
        return find(*arguments)

    monkeypatch.setattr(cover, "find_delegate", fail_once)
    await own.tick()
    assert (await kinds(own)).count("note") == 1
    await own.tick()
    assert (await kinds(own)).count("note") == 2


async def test_a_note_that_stands_is_not_written_at_every_tick(own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    render, rendered = TemplateRenderer.render_note, []

    def count(self: TemplateRenderer, note: CoverNote) -> Rendered:
        rendered.append(note.line.reference)
        return render(self, note)

    monkeypatch.setattr(TemplateRenderer, "render_note", count)
    for _ in range(3):
        await own.tick()
    assert len(rendered) == (await kinds(own)).count("note") == 1


# --- a delegate who reads digests -------------------------------------------------------------------------------------


async def digests(office: Office) -> list[tuple[str, str]]:
    """Recipient and subject of each digest so far."""
    letters = [letter for letter in await office.sent() if letter["Auto-Submitted"] == "auto-generated"]
    return [(str(letter["To"]), text_of(letter)) for letter in letters]


async def test_where_digests_tell_a_delegate_is_told_of_what_is_due_long_from_now(own: Office) -> None:
    own.start(notes=False)
    await own.keep(COVERED)
    await own.arrive(**to_marie())
    await own.tick()
    await own.sent()
    own.set("2026-11-24 08:31")
    await own.escalate.tick()
    ((recipient, text),) = await digests(own)
    assert recipient == PAUL
    assert "Marie Tremblay" in text
    assert "note" not in await kinds(own)


async def test_where_digests_tell_nobody_is_told_of_what_no_delegate_covers(own: Office) -> None:
    """Her manager is a last resort for what is late, and doesn't read all her mail."""
    own.start(notes=False)
    await own.keep(A_WEEK)
    await own.arrive(**to_marie())
    own.set("2026-11-24 08:31")
    await own.escalate.tick()
    assert await digests(own) == []


# --- due dates --------------------------------------------------------------------------------------------------------


async def test_an_absence_that_is_told_after_the_request_came_in_moves_it_and_says_so(own: Office) -> None:
    await own.arrive(**to_marie())
    assert await own.due() == "11-30 16:30"
    await own.keep(LONG)
    await own.tick()
    assert await own.due() == "12-15 16:30"
    data = (await own.rows(events.c.n, events.c.kind, events.c.data))[-1]
    assert data[1] == "rescheduled"
    assert (data[2]["away"], data[2]["returns_on"], data[2]["cover"]) == (MARIE, "2026-12-14", LUC)
    count = len(await own.history())
    await own.tick()
    assert len(await own.history()) == count  # once


async def test_a_request_that_cannot_be_reckoned_keeps_no_other_where_it_is(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own.arrive(1, **to_marie())
    await own.arrive(2, **to_marie(subject="Autre chose", sender="x@courriel.example"))
    await own.keep(LONG)
    first, reckon = [True], cover.answer_due

    def fail_once(*arguments: Any) -> datetime | None:
        if first:
            first.clear()
            raise ValueError("year 10000 is out of range")
        return reckon(*arguments)

    monkeypatch.setattr(cover, "answer_due", fail_once)
    with capture_logs() as said:
        await own.tick()
    assert [one["event"] for one in said if one["log_level"] == "error"] == ["request.unreckonable"]
    assert sorted(await dues(own)) == ["11-30 16:30", "12-15 16:30"]
    await own.tick()
    assert await dues(own) == ["12-15 16:30"] * 2


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        (replace(LONG, returns_on=date(2026, 12, 21)), "12-22 16:30"),  # extended
        (replace(LONG, returns_on=date(2026, 12, 2)), "12-03 16:30"),  # back early
        (replace(LONG, returns_on=None), "11-30 16:30"),  # nobody knows: the standard
        (replace(LONG, delegate=PAUL), "11-30 16:30"),  # Paul covers
    ],
)
async def test_an_absence_that_changes_moves_what_is_open(own: Office, changed: Absence, due: str) -> None:
    await own.keep(LONG)
    await own.arrive(**to_marie())
    await own.keep(changed)
    await own.tick()
    assert await own.due() == due


async def test_an_absence_that_never_was_moves_nothing_any_more(own: Office) -> None:
    tomorrow = replace(LONG, away_from=date(2026, 11, 24))
    await own.keep(tomorrow)
    own.set("2026-11-23 10:00")
    await own.arrive(**to_marie())
    assert await own.due() == "11-30 16:30"
    await own.keep()
    await own.tick()
    assert await own.due() == "11-30 16:30"
    assert "rescheduled" not in await own.history()


async def test_a_follow_up_during_an_absence_after_an_answer_starts_a_clock_that_the_absence_moves(
    own: Office,
) -> None:
    await own.arrive(1, **to_marie())
    ((reference,),) = await own.rows(requests.c.reference)
    act = Act(own.world.store, own.world.mailboxes, by="marie", why="")
    own.set("2026-11-23 16:00")
    await act.close(reference)
    own.set("2026-11-24 09:00")
    await own.keep(replace(LONG, away_from=date(2026, 11, 24)))
    await own.arrive(2, **to_marie(**REPLY))
    await own.tick()
    assert await own.due() == "12-15 16:30"
    ((started_at,),) = await own.rows(requests.c.clock_started_at)
    assert f"{started_at.astimezone(TORONTO):%m-%d %H:%M}" == "11-24 09:00"


@pytest.mark.parametrize(("anew", "due"), [(True, "12-15 16:30"), (False, "11-30 16:30")])
async def test_a_clock_that_is_reopened_during_an_absence_is_due_by_when_it_runs_from(
    own: Office, anew: bool, due: str
) -> None:
    await own.arrive(1, **to_marie())
    ((reference,),) = await own.rows(requests.c.reference)
    act = Act(own.world.store, own.world.mailboxes, by="marie", why="")
    await act.close(reference)
    own.set("2026-11-24 09:00")
    await own.keep(replace(LONG, away_from=date(2026, 11, 24)))
    await act.reopen(reference, anew=anew)
    await own.tick()
    assert await own.due() == due


async def test_a_request_that_is_settled_and_continued_keeps_what_an_absence_had_moved(own: Office) -> None:
    await own.keep(LONG)
    await own.arrive(1, **to_marie())
    ((reference,),) = await own.rows(requests.c.reference)
    act = Act(own.world.store, own.world.mailboxes, by="marie", why="")
    await act.close(reference)
    own.set("2026-11-25 09:00")
    await act.reopen(reference)
    assert await own.due() == "12-15 16:30"
    await own.tick()
    assert await own.due() == "12-15 16:30"


async def test_what_was_escalated_and_put_off_is_told_again_only_when_it_is_reached_again(own: Office) -> None:
    async with own.world.store.transaction() as tx:
        await tx.note_answer_seen(MARIE)
    await own.arrive(**to_marie())
    own.set("2026-11-24 11:00")
    await own.sent()
    own.set("2026-12-01 08:31")
    await own.escalate.tick()
    assert {recipient for recipient, _ in await digests(own)} == {MARIE, LUC}
    told = len(await digests(own))
    await own.keep(LONG)  # she had been ill all the time
    await own.tick()
    assert await own.due() == "12-15 16:30"
    own.set("2026-12-09 08:31")
    await own.escalate.tick()
    assert len(await digests(own)) == told
    own.set("2026-12-16 08:31")
    await own.escalate.tick()
    assert [recipient for recipient, _ in (await digests(own))[told:]] == [LUC, MARIE]


# --- a message to two mailboxes ---------------------------------------------------------------------------------------


async def test_what_is_taken_over_during_an_absence_tells_of_it(tmp_path: Path) -> None:
    """Another mailbox was to acknowledge, and is broken."""
    organisation = an_organisation(people=PEOPLE)
    shared = a_mailbox(organisation=organisation, owners=(PEOPLE[LUC],))
    hers = a_staff_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],))
    async with a_world(tmp_path, shared, hers) as world:
        office = Office(world)
        await world.look()
        await office.keep(LONG)
        world.arrive(a_letter(1, to=f"{INSCRIPTIONS}, {MARIE}", at=world.clock.now()), hers)
        await world.look(hers)
        assert await notices(office) == ["elsewhere"]
        assert await office.due() == "12-15 16:30"
        world.clock.advance(timedelta(hours=25))
        assert await world.take_over.tick() == 1
        (letter,) = await office.sent()
        assert "lundi 14 décembre 2026" in text_of(letter)
        assert "mardi 15 décembre 2026" in text_of(letter)
        assert await office.rows(outbox.c.id, outbox.c.absence_id) == [(1, 1)]
        assert await notices(office) == ["told"]
        (data,) = [
            data
            for _, kind, data in await office.rows(events.c.n, events.c.kind, events.c.data)
            if kind == "acknowledgement enqueued"
        ]
        assert (data["away"], data["returns_on"], data["cover"]) == (MARIE, "2026-12-14", LUC)


async def test_what_is_taken_over_announces_the_date_that_stands(tmp_path: Path) -> None:
    """The absence was extended, and nothing has been worked out anew by it."""
    organisation = an_organisation(people=PEOPLE)
    shared = a_mailbox(organisation=organisation, owners=(PEOPLE[LUC],))
    hers = a_staff_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],))
    async with a_world(tmp_path, shared, hers) as world:
        office = Office(world)
        await world.look()
        await office.keep(LONG)
        world.arrive(a_letter(1, to=f"{INSCRIPTIONS}, {MARIE}", at=world.clock.now()), hers)
        await world.look(hers)
        world.clock.advance(timedelta(hours=25))
        await office.keep(replace(LONG, returns_on=date(2026, 12, 21)))
        assert await world.take_over.tick() == 1
        (letter,) = await office.sent()
        assert "lundi 21 décembre 2026" in text_of(letter)
        assert "mardi 15 décembre 2026" in text_of(letter)
        ((announced_at,),) = await office.rows(requests.c.announced_due_at)
        assert f"{announced_at.astimezone(TORONTO):%m-%d}" == "12-15"
        await office.tick()
        assert await office.due() == "12-22 16:30"


async def test_a_local_rule_s_owner_who_is_there_gets_no_note(tmp_path: Path) -> None:
    rule = LocalRule(name="luc", domains=frozenset({"courriel.example"}), owner=LUC)
    async with a_world(tmp_path, inscriptions(rules=(rule,))) as world:
        office = Office(world)
        await world.look()
        await office.keep(COVERED)
        await office.arrive()
        await office.tick()
        assert "note" not in await kinds(office)


async def test_a_closed_service_with_a_delegate_tells_them_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, inscriptions()) as world:
        office = Office(world)
        await world.look()
        await office.keep(replace(COVERED, who=INSCRIPTIONS), replace(A_WEEK, delegate=LUC))
        await office.arrive()
        await office.tick()
        await office.tick()
        assert [row for row in await office.rows(outbox.c.recipient, outbox.c.kind) if row[1] == "note"] == [
            (PAUL, "note")
        ]
        async with world.store.reading() as connection:
            assert await connection.scalar(select(func.count()).select_from(acts)) == 1
