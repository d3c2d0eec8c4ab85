"""Two workers, one database: one wins, the other learns it, and nothing is written twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import TextClause, text
from store.records import (
    CALENDAR,
    INSCRIPTIONS,
    LEASE,
    MARIE,
    NOW,
    OTHER,
    UIDVALIDITY,
    a_follow_up,
    a_new_request,
    a_record,
    an_entry,
    begin,
    claim,
    receive,
    reference_of,
    settle,
)

from mailwatch.domain.absences import Absence
from mailwatch.domain.cursors import Cursor
from mailwatch.domain.outbox import ClaimedEntry, EntryKind, EntryState, Envelope, Settlement
from mailwatch.domain.requests import Event, EventKind
from mailwatch.errors import CursorMoved
from mailwatch.ports import NewRecord
from mailwatch.ports.absences import KeptAbsence
from mailwatch.store import reports
from mailwatch.store.store import SqlStore


async def both(one: object, two: object) -> list[object]:
    """Both at once: what each gave or raised."""
    async with asyncio.timeout(30):
        return list(await asyncio.gather(one, two, return_exceptions=True))  # type: ignore[call-overload]


async def test_of_two_workers_with_the_same_batch_one_records_it(store: SqlStore, rival: SqlStore) -> None:
    cursor = await begin(store)
    batch = [a_record(number) for number in range(1, 51)]

    async def work(own: SqlStore, start: Cursor) -> int:
        async with own.transaction() as tx:
            await tx.keep_calendar(CALENDAR.digest, CALENDAR.definition())
            await tx.advance_cursor(start, 50)
            return await tx.record(INSCRIPTIONS, batch)

    outcomes = await both(work(store, cursor), work(rival, cursor))
    assert 50 in outcomes
    assert [type(outcome) for outcome in outcomes if outcome != 50] == [CursorMoved]
    assert await store.count_sightings() == 50


async def test_of_two_first_sights_one_starts_the_cursor(store: SqlStore, rival: SqlStore) -> None:
    async def work(own: SqlStore, last_uid: int) -> Cursor:
        async with own.transaction() as tx:
            return await tx.start_cursor(INSCRIPTIONS, "INBOX", UIDVALIDITY, last_uid)

    outcomes = await both(work(store, 7), work(rival, 9))
    (started,) = [outcome for outcome in outcomes if isinstance(outcome, Cursor)]
    assert [type(outcome) for outcome in outcomes if outcome != started] == [CursorMoved]
    async with store.transaction() as tx:
        assert await tx.find_cursor(INSCRIPTIONS, "INBOX") == started


async def test_of_two_new_uidvalidities_only_one_is_current(store: SqlStore, rival: SqlStore) -> None:
    await begin(store)

    async def work(own: SqlStore, uidvalidity: int) -> Cursor:
        async with own.transaction() as tx:
            return await tx.start_cursor(INSCRIPTIONS, "INBOX", uidvalidity, 1)

    outcomes = await both(work(store, 12), work(rival, 13))
    async with store.transaction() as tx:
        assert await tx.find_cursor(INSCRIPTIONS, "INBOX") in outcomes


async def test_one_message_in_two_mailboxes_at_once_is_acknowledged_once(store: SqlStore, rival: SqlStore) -> None:
    """In opposite orders, so that a pair of workers that locked row by row would wait for each other for ever."""
    await begin(store)
    await begin(store, OTHER)
    here = [a_record(number) for number in range(1, 101)]
    there = [a_record(number, OTHER) for number in range(100, 0, -1)]
    outcomes = await both(receive(store, *here), receive(rival, *there, mailbox=OTHER))
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 100
    facts = await reports.status_facts(store, NOW)
    assert sum(facts.requests.values()) == 200
    assert facts.held_back == 0
    assert sum(facts.outbox.values()) == 100


async def test_two_workers_never_claim_the_same_entry(store: SqlStore, rival: SqlStore) -> None:
    await receive(store, *(a_record(n, entry=an_entry(n, not_before=NOW)) for n in range(1, 101)))

    async def work(own: SqlStore, name: str) -> Sequence[ClaimedEntry]:
        claimed: list[ClaimedEntry] = []
        while some := await claim(own, name, 7):
            claimed += some
        return claimed

    one, two = await both(work(store, "one"), work(rival, "two"))
    ids = [entry.id for entry in (*one, *two)]  # type: ignore[misc]
    assert len(ids) == len(set(ids)) == 100


async def test_an_entry_locked_by_a_claim_is_skipped_not_waited_for(store: SqlStore, rival: SqlStore) -> None:
    """On SQLite the second claim begins after the first one's end: there is one writer at a time."""
    await receive(store, *(a_record(n, entry=an_entry(n, not_before=NOW)) for n in range(1, 5)))
    second: asyncio.Task[Sequence[ClaimedEntry]]
    async with store.transaction() as tx:
        first = await tx.claim_entries("one", 2, LEASE, [INSCRIPTIONS], "default")
        second = asyncio.create_task(claim(rival, "two", 2))
        if not store.database.is_sqlite:
            async with asyncio.timeout(10):
                await asyncio.wait([second])
    async with asyncio.timeout(10):
        others = await second
    assert {entry.id for entry in first}.isdisjoint(entry.id for entry in others)
    assert len(first) == len(others) == 2


async def test_two_workers_that_take_over_the_same_request_enqueue_once(store: SqlStore, rival: SqlStore) -> None:
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    request = (await reports.get_request(store, reference_of(1, OTHER))).request.id

    async def work(own: SqlStore) -> bool:
        async with own.transaction() as tx:
            return await tx.add_acknowledgement(request, an_entry(1, OTHER), NOW, {})

    assert sorted(map(str, await both(work(store), work(rival)))) == ["False", "True"]


async def test_one_absence_kept_by_two_at_once_is_one_row_as_one_of_them_says(store: SqlStore, rival: SqlStore) -> None:
    first = Absence(who=MARIE, away_from=date(2026, 11, 24), returns_on=date(2026, 11, 30), note="from the first")
    second = replace(first, returns_on=date(2026, 12, 7), note="from the second")

    async def work(own: SqlStore, absence: Absence) -> int:
        async with own.transaction() as tx:
            return await tx.keep_absence(KeptAbsence(absence=absence, source="calendar rh", uid="1", by="mailwatch"))

    assert await both(work(store, first), work(rival, second)) == [1, 1]
    async with store.transaction() as tx:
        (kept,) = await tx.list_kept()
    assert replace(kept.absence, id=0) in (first, second)


async def test_of_two_notices_to_each_of_many_at_once_one_is_enqueued_and_the_other_request_says_nothing(
    store: SqlStore, rival: SqlStore
) -> None:
    """Twenty people write to both mailboxes of somebody who is away; in opposite orders, as above."""
    await begin(store)
    await begin(store, OTHER)
    async with store.transaction() as tx:
        away = Absence(who=MARIE, away_from=date(2026, 11, 23))
        await tx.keep_absence(KeptAbsence(absence=away, source="command", uid="1", by="paul"))

    def a_notified(number: int, person: int, mailbox: str) -> NewRecord:
        recipient = f"p{person}@courriel.example"
        notice = an_entry(
            number,
            mailbox,
            kind=EntryKind.NOTICE,
            unique_key=f"notice:1:{recipient}:0",
            absence=1,
            envelope=Envelope(reverse_path=mailbox, recipient=recipient),
        )
        request = a_new_request(number, mailbox, suppressed_by="disabled")
        notified = Event(kind=EventKind.NOTIFIED, at=NOW)
        return a_record(
            number,
            mailbox,
            suppressed_by="disabled",
            request=replace(request, events=(*request.events, notified)),
            notice="told",
            notice_entry=notice,
        )

    here = [a_notified(number, number, INSCRIPTIONS) for number in range(1, 21)]
    there = [a_notified(100 + number, number, OTHER) for number in range(20, 0, -1)]
    await both(receive(store, *here), receive(rival, *there, mailbox=OTHER))
    facts = await reports.status_facts(store, NOW)
    assert (sum(facts.outbox.values()), sum(facts.requests.values())) == (20, 40)
    assert await _scalar(store, text("SELECT count(*) FROM message WHERE notice = 'told'")) == 20
    assert await _scalar(store, text("SELECT count(*) FROM message WHERE notice = 'elsewhere'")) == 20
    assert await _scalar(store, text("SELECT count(*) FROM event WHERE kind = 'notified'")) == 20


async def until_it_waits(store: SqlStore) -> None:
    """Until another transaction waits for a row that ours has locked; on SQLite, it waits for its beginning."""
    if store.database.is_sqlite:
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(10):
        while not await _scalar(store, waiting):
            pass


async def _scalar(store: SqlStore, statement: TextClause) -> object:
    async with store.reading() as connection:
        return await connection.scalar(statement)


@pytest.mark.parametrize("settles_first", [True, False])
async def test_an_outcome_and_a_follow_up_at_once_both_stand_in_the_history(
    store: SqlStore, rival: SqlStore, settles_first: bool
) -> None:
    await receive(store, a_record(1, entry=an_entry(1, not_before=NOW)))
    (entry,) = await claim(store)
    follow_ups = [a_follow_up(number, entry.request_id or 0) for number in range(2, 6)]
    sent = Settlement(entry_id=entry.id, state=EntryState.SENT, reason="250 ok", at=NOW)
    async with store.transaction() as tx:
        if settles_first:
            await tx.settle_entries("one", [sent])
            second = asyncio.create_task(receive(rival, *follow_ups))
        else:
            await tx.record(INSCRIPTIONS, follow_ups)
            second = asyncio.create_task(settle(rival, entry))
        await until_it_waits(rival)
    assert await second == (0 if settles_first else 1)
    async with store.transaction() as tx:  # where the follow-ups came first, the cursor still has to
        cursor = await tx.find_cursor(INSCRIPTIONS, "INBOX")
        assert cursor is not None
        await tx.advance_cursor(cursor, 5)
    story = await reports.get_request(store, reference_of(1))
    assert [event.n for event in story.events] == list(range(1, 8))
    assert [event.kind for event in story.events].count(EventKind.ACKNOWLEDGED) == 1


async def test_a_switch_put_off_by_two_is_one_row(store: SqlStore, rival: SqlStore) -> None:
    async def work(own: SqlStore, by: str) -> None:
        async with own.transaction() as tx:
            await tx.switch_off("breaker", by, "600 in ten minutes")

    assert await both(work(store, "one"), work(rival, "two")) == [None, None]
    assert len((await reports.status_facts(store, NOW)).switches) == 1


async def test_two_workers_agree_on_the_installations_key(store: SqlStore, rival: SqlStore) -> None:
    assert store.key == rival.key
    assert len(store.key) == 32


@pytest.mark.parametrize("attempt", range(3))
async def test_cancelling_a_transaction_leaves_no_row_and_no_stuck_connection(store: SqlStore, attempt: int) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.switch_off("sending", "marie", "a reason")
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(10), store.transaction() as tx:
        assert await tx.find_switch("sending") is None
