"""What is late, as the database tells it: listed whole, escalated once a run of the clock, acted on once a period."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.event import listen, remove
from store.conftest import SqliteDatabases
from store.records import (
    CALENDAR,
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    SOPHIE,
    STANDARD,
    a_new_request,
    a_newsletter,
    a_record,
    a_sighting,
    an_entry,
    claim,
    datetime,
    identity_of,
    receive,
    reference_of,
    replace,
    settle,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.classification import Kind
from mailwatch.domain.escalations import OWNER, NewEscalation, Unsettled
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.domain.standards import due
from mailwatch.ports import Fact
from mailwatch.store import escalating
from mailwatch.store.schema import messages
from mailwatch.store.store import SqlStore, open_store

FIRST = datetime.min.replace(tzinfo=NOW.tzinfo)
LATE = NOW + timedelta(days=30)
A_DAY = timedelta(days=1)


async def list_unsettled(store: SqlStore, due_before: datetime = LATE) -> list[Unsettled]:
    async with store.transaction() as tx:
        return list(await tx.list_unsettled(due_before))


async def escalate(store: SqlStore, *escalations: NewEscalation) -> int:
    async with store.transaction() as tx:
        return await tx.escalate(escalations)


async def learn(store: SqlStore, request_id: int, kind: EventKind, at: datetime, **data: object) -> State:
    async with store.transaction() as tx:
        fact = Fact(request_id=request_id, event=Event(kind=kind, at=at, occurred_at=at, data=data))
        return (await tx.add_facts([fact]))[request_id]


async def send(store: SqlStore, state: EntryState, **fields: Any) -> None:
    """The acknowledgements that are due come to their end."""
    for entry in await claim(store):
        await settle(store, entry, state, **fields)


def a_step(request: Unsettled, level: str = "after 0 business days", **fields: Any) -> NewEscalation:
    defaults: dict[str, Any] = {"level": level, "clock_started_at": request.clock_started_at, "to": (OWNER,)}
    return NewEscalation(request_id=request.id, **(defaults | fields))


async def an_unsettled(store: SqlStore, number: int = 1, **fields: Any) -> Unsettled:
    await receive(store, a_record(number, entry=an_entry(number, not_before=NOW), **fields))
    return next(each for each in await list_unsettled(store) if each.reference == reference_of(number))


async def history(store: SqlStore, request: Unsettled) -> Sequence[Mapping[str, Any]]:
    """The escalations in a request's history."""
    async with store.transaction() as tx:
        (locked,) = (await tx.lock_histories([request.id], with_events=True)).values()
    return [event.data for event in locked.events if event.kind is EventKind.ESCALATED]


# --- what is listed


async def test_an_unsettled_request_is_listed_as_escalations_need_it(store: SqlStore) -> None:
    await receive(store, a_record(1, entry=an_entry(1, not_before=NOW)))
    (listed,) = await list_unsettled(store)
    request = a_new_request(1)
    assert listed == Unsettled(
        id=listed.id,
        reference=reference_of(1),
        mailbox=INSCRIPTIONS,
        state=State.OPEN,
        requester=SOPHIE,
        subject="Inscription",
        owner=MARIE,
        received_at=NOW,
        clock_started_at=NOW,
        answer_due_at=request.answer_due_at,
        acknowledgement_due_at=request.acknowledgement_due_at,
        calendar=CALENDAR,
        message_id="<1@courriel.example>",
        is_unacknowledged=True,
        suppressed_by=None,
        has_failed=False,
        escalated={},
        is_answer_seen=False,
    )


async def test_an_acknowledged_request_is_listed_only_once_it_is_due_soon(store: SqlStore) -> None:
    request = await an_unsettled(store)
    await send(store, EntryState.SENT)
    assert await list_unsettled(store, request.answer_due_at) == []
    (listed,) = await list_unsettled(store, request.answer_due_at + timedelta(microseconds=1))
    assert (listed.state, listed.is_unacknowledged, listed.has_failed) == (State.ACKNOWLEDGED, False, False)


async def test_a_request_that_was_never_acknowledged_is_listed_whenever_it_is_due(store: SqlStore) -> None:
    await receive(store, a_record(1, suppressed_by="daily_limit"))
    assert [each.suppressed_by for each in await list_unsettled(store, FIRST)] == ["daily_limit"]


@pytest.mark.parametrize("state", [EntryState.FAILED, EntryState.UNCERTAIN])
async def test_an_acknowledgement_that_failed_or_stayed_uncertain_is_told(store: SqlStore, state: EntryState) -> None:
    await an_unsettled(store)
    await send(store, state)
    (listed,) = await list_unsettled(store, FIRST)
    assert (listed.is_unacknowledged, listed.has_failed) == (True, True)


async def test_an_acknowledgement_that_came_back_is_owed_again_until_there_is_an_answer(store: SqlStore) -> None:
    await an_unsettled(store)
    await send(store, EntryState.SENT)
    assert await list_unsettled(store, FIRST) == []
    async with store.transaction() as tx:
        await tx.add_facts([Fact(request_id=1, event=Event(kind=EventKind.BOUNCED, at=NOW))])
    (listed,) = await list_unsettled(store, FIRST)
    assert (listed.is_unacknowledged, listed.has_failed, listed.held) == (True, True, "failed")


async def test_one_that_waits_or_was_cancelled_has_not_failed(store: SqlStore) -> None:
    await an_unsettled(store)
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.DEFERRED, not_before=NOW)
    assert not (await list_unsettled(store))[0].has_failed
    await send(store, EntryState.CANCELLED)
    assert not (await list_unsettled(store))[0].has_failed


async def test_what_is_settled_is_not_listed_and_what_was_answered_owes_no_acknowledgement(store: SqlStore) -> None:
    request = await an_unsettled(store)
    assert await learn(store, request.id, EventKind.ANSWERED, NOW + A_DAY) is State.ANSWERED
    assert await list_unsettled(store) == []
    assert await learn(store, request.id, EventKind.FOLLOWED_UP, NOW + 2 * A_DAY) is State.OPEN
    (listed,) = await list_unsettled(store)
    assert (listed.clock_started_at, listed.is_unacknowledged) == (NOW + 2 * A_DAY, False)


async def test_all_are_listed_oldest_first(store: SqlStore) -> None:
    """However many: a cap would leave out the very ones that wait longest, or shortest."""
    received = [NOW - timedelta(minutes=7 * number % 1201) for number in range(1, 1202)]
    batch = [
        a_record(number, request=a_new_request(number, suppressed_by="daily_limit", at=at), entry=None, received_at=at)
        for number, at in enumerate(received, 1)
    ]
    await receive(store, *batch)
    assert [each.received_at for each in await list_unsettled(store)] == sorted(received)


async def test_each_request_keeps_the_calendar_that_it_was_opened_under(store: SqlStore) -> None:
    summer = replace(CALENDAR, hours={0: ((540, 720),)})
    async with store.transaction() as tx:
        await tx.keep_calendar(summer.digest, summer.definition())
    due_at = due(summer, NOW, STANDARD.answer_within)
    other = a_new_request(2, calendar_digest=summer.digest, answer_due_at=due_at)
    await receive(store, a_record(1), a_record(2, request=other))
    assert [each.calendar for each in await list_unsettled(store)] == [CALENDAR, summer]


async def test_a_calendar_is_read_once_a_process(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escalating, "_known_calendars", {})
    await receive(store, a_record(1))
    (first,), (second,) = await list_unsettled(store), await list_unsettled(store)
    assert first.calendar is second.calendar


async def test_whether_answers_are_seen_in_its_mailbox_is_told(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await receive(store, a_record(2, OTHER), mailbox=OTHER)
    async with store.transaction() as tx:
        await tx.note_answer_seen(OTHER)
    assert {each.mailbox: each.is_answer_seen for each in await list_unsettled(store)} == {
        INSCRIPTIONS: False,
        OTHER: True,
    }


# --- escalations


async def test_a_request_is_escalated_once_a_level_and_its_history_says_so(
    store: SqlStore, clock: MovableClock
) -> None:
    request = await an_unsettled(store)
    steps = (a_step(request, "before 1 business day"), a_step(request, to=(OWNER, "manager")))
    assert await escalate(store, *steps) == 2
    clock.advance(A_DAY)
    assert await escalate(store, *steps, a_step(request, "after 3 business days")) == 1
    (listed,) = await list_unsettled(store)
    assert listed.escalated == {
        "before 1 business day": NOW,
        "after 0 business days": NOW,
        "after 3 business days": NOW + A_DAY,
    }
    assert await history(store, request) == [
        {"level": "before 1 business day", "to": [OWNER]},
        {"level": "after 0 business days", "to": [OWNER, "manager"]},
        {"level": "after 3 business days", "to": [OWNER]},
    ]


async def test_the_same_level_twice_in_one_go_is_one_escalation(store: SqlStore) -> None:
    request = await an_unsettled(store)
    assert await escalate(store, a_step(request), a_step(request, to=("director@cscmonavenir.example",))) == 1
    assert len(await history(store, request)) == 1


async def test_nothing_is_escalated_whose_clock_has_stopped_meanwhile(store: SqlStore) -> None:
    request = await an_unsettled(store)
    await learn(store, request.id, EventKind.ANSWERED, NOW + A_DAY)
    assert await escalate(store, a_step(request)) == 0
    assert await history(store, request) == []


async def test_a_clock_that_starts_again_is_escalated_anew(store: SqlStore) -> None:
    request = await an_unsettled(store)
    await escalate(store, a_step(request))
    await learn(store, request.id, EventKind.ANSWERED, NOW + A_DAY)
    await learn(store, request.id, EventKind.FOLLOWED_UP, NOW + 2 * A_DAY)
    (again,) = await list_unsettled(store)
    assert again.escalated == {}
    assert await escalate(store, a_step(request)) == 0  # decided before it was answered
    assert await escalate(store, a_step(again)) == 1
    assert list((await list_unsettled(store))[0].escalated) == ["after 0 business days"]


async def test_a_request_that_is_gone_is_not_escalated(store: SqlStore) -> None:
    request = await an_unsettled(store)
    assert await escalate(store, a_step(replace(request, id=request.id + 1))) == 0


async def test_of_two_workers_one_escalates(store: SqlStore, rival: SqlStore) -> None:
    requests_ = [await an_unsettled(store, number) for number in range(1, 21)]
    forwards, backwards = [a_step(each) for each in requests_], [a_step(each) for each in reversed(requests_)]
    async with asyncio.timeout(30):
        counts = await asyncio.gather(escalate(store, *forwards), escalate(rival, *backwards))
    assert sum(counts) == 20
    assert [len(await history(store, each)) for each in requests_] == [1] * 20


# --- acts


async def test_an_act_is_begun_once_a_period(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        assert await tx.find_last_act("digest marie") is None
        assert await tx.begin_act("digest marie", "2026-11-24")
        assert not await tx.begin_act("digest marie", "2026-11-24")
        assert await tx.begin_act("digest luc", "2026-11-24")
    clock.advance(A_DAY)
    async with store.transaction() as tx:
        assert not await tx.begin_act("digest marie", "2026-11-24")
        assert await tx.find_last_act("digest marie") == NOW
        assert await tx.begin_act("digest marie", "2026-11-25")
        assert await tx.find_last_act("digest marie") == NOW + A_DAY


async def test_an_act_whose_transaction_failed_was_not_begun(store: SqlStore) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.begin_act("digest marie", "2026-11-24")
            raise RuntimeError("the template is broken")

    with pytest.raises(RuntimeError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.begin_act("digest marie", "2026-11-24")


async def test_of_two_workers_one_begins_an_act(store: SqlStore, rival: SqlStore) -> None:
    async def begin(own: SqlStore) -> bool:
        async with own.transaction() as tx:
            return await tx.begin_act("digest marie", "2026-11-24")

    async with asyncio.timeout(30):
        assert sorted(await asyncio.gather(begin(store), begin(rival))) == [False, True]


# --- the silent register


async def count(store: SqlStore, *boxes: str, since: datetime = FIRST) -> Mapping[str, int]:
    async with store.transaction() as tx:
        return await tx.count_silent(boxes, since)


async def call(store: SqlStore, number: int, kind: Kind) -> None:
    """Say that the n-th message is something else."""
    named = update(messages).where(messages.c.identity == identity_of(number))
    async with store.transaction() as tx:
        await tx.connection.execute(named.values(kind=kind))


async def test_the_silent_register_is_counted_by_kind_and_mailbox(store: SqlStore) -> None:
    quiet = [(2, Kind.BULK), (3, Kind.BULK), (4, Kind.SPAM), (5, Kind.COPY), (6, Kind.BOUNCE), (7, Kind.AUTO_REPLY)]
    await receive(store, a_record(1), *(a_newsletter(number, kind=kind) for number, kind in quiet))
    await receive(store, a_newsletter(2, sighting=a_sighting(9)), mailbox=OTHER)
    assert await count(store, INSCRIPTIONS) == {"bulk": 2, "spam": 1, "copy": 1}
    assert await count(store, INSCRIPTIONS, OTHER) == {"bulk": 3, "spam": 1, "copy": 1}
    assert await count(store) == await count(store, "unknown@cscmonavenir.example") == {}


async def test_only_what_was_recorded_since_is_counted(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_newsletter(1))
    clock.advance(A_DAY)
    await receive(store, a_newsletter(2))
    assert await count(store, INSCRIPTIONS, since=NOW) == {"bulk": 1}
    assert await count(store, INSCRIPTIONS, since=NOW - A_DAY) == {"bulk": 2}


async def test_what_a_person_released_is_a_request_and_no_longer_counted(store: SqlStore) -> None:
    await receive(store, a_record(1), a_newsletter(2))
    try:
        await call(store, 1, Kind.BULK)  # the message that opened the request was in the register
        assert await count(store, INSCRIPTIONS) == {"bulk": 1}
    finally:
        await call(store, 1, Kind.REQUEST)


# --- plans


async def test_no_statement_reads_a_whole_table(sqlite_pattern: Path, tmp_path: Path, clock: MovableClock) -> None:
    """A million settled requests must cost what a thousand do. PostgreSQL's plans follow from its statistics."""
    url = await SqliteDatabases(tmp_path, sqlite_pattern).migrated()
    store = open_store(url, clock)
    await store.open()
    request = await an_unsettled(store)
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        seen.append((statement, parameters))

    listen(Engine, "before_cursor_execute", note)
    await list_unsettled(store)
    await escalate(store, a_step(request))
    async with store.transaction() as tx:
        await tx.begin_act("digest marie", "2026-11-24")
        await tx.find_last_act("digest marie")
        await tx.count_silent([INSCRIPTIONS], NOW)
    remove(Engine, "before_cursor_execute", note)
    await store.close()
    with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
        steps = [
            step
            for statement, parameters in seen
            if statement.startswith(("SELECT", "UPDATE"))
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert len(steps) > 15
    assert [step for step in steps if step.startswith("SCAN") and not step.startswith("SCAN json_each")] == []
    # Not by mailbox: that would be a whole history for a day's newsletters.
    assert [step for step in steps if "ix_message_silent" in step] == [
        "SEARCH message USING INDEX ix_message_silent (received_at>?)"
    ]
