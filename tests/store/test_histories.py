"""What is learnt of stored requests: their states, their clocks, and what must not count twice."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from store.records import (
    CALENDAR,
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    STANDARD,
    a_follow_up,
    a_new_request,
    a_record,
    identity_of,
    receive,
    reference_of,
    traces,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.domain.standards import due
from mailwatch.ports import Fact
from mailwatch.store import reports
from mailwatch.store.schema import calendars, earlier_clocks, requests
from mailwatch.store.store import SqlStore

HOUR = timedelta(hours=1)


def an_answer(request: int, happened_at: datetime, number: int = 70, **fields: str) -> Fact:
    """The n-th message answers a request."""
    data: dict[str, object] = {"evidence": "sent folder", "confidence": 0.99, "identity": identity_of(number)}
    event = Event(kind=EventKind.ANSWERED, at=happened_at, occurred_at=happened_at, by=MARIE, data=data)
    return Fact(request_id=request, event=event, identity=identity_of(number), **fields)


def an_act(request: int, kind: EventKind, at: datetime, **data: object) -> Fact:
    """What a person does to a request."""
    return Fact(request_id=request, event=Event(kind=kind, at=at, by=MARIE, data=data))


async def follow(store: SqlStore, *facts: Fact) -> dict[int, State]:
    async with store.transaction() as tx:
        return dict(await tx.follow_facts(facts))


async def a_request(store: SqlStore, number: int = 1, mailbox: str = INSCRIPTIONS) -> int:
    """The id of a new request."""
    await receive(store, a_record(number, mailbox, suppressed_by="forwarded"), mailbox=mailbox)
    async with store.reading() as connection:
        statement = select(requests.c.id).where(requests.c.reference == reference_of(number, mailbox))
        return int(await connection.scalar(statement) or 0)


async def row(store: SqlStore, request: int) -> dict[str, object]:
    async with store.reading() as connection:
        statement = select(requests).where(requests.c.id == request)
        return dict((await connection.execute(statement)).mappings().one())


async def clocks(store: SqlStore, request: int) -> list[tuple[object, ...]]:
    """The earlier clocks of a request."""
    columns = (earlier_clocks.c.started_at, earlier_clocks.c.stopped_at, earlier_clocks.c.stopped_by)
    async with store.reading() as connection:
        statement = select(*columns, earlier_clocks.c.due_at).where(earlier_clocks.c.request_id == request)
        return [tuple(clock) for clock in await connection.execute(statement.order_by(earlier_clocks.c.n))]


def due_after(start: datetime) -> datetime:
    return due(CALENDAR, start, STANDARD.answer_within)


async def test_an_answer_settles_the_request_at_the_instant_it_was_written(store: SqlStore) -> None:
    request = await a_request(store)
    assert await follow(store, an_answer(request, NOW + HOUR)) == {request: State.ANSWERED}
    stored = await row(store, request)
    assert (stored["state"], stored["answered_at"], stored["settled_at"]) == ("answered", NOW + HOUR, NOW + HOUR)
    assert await clocks(store, request) == []


async def test_nothing_is_asked_about_no_facts(store: SqlStore) -> None:
    assert await follow(store) == {}


async def test_the_same_message_counts_once_whoever_shows_it(store: SqlStore) -> None:
    request = await a_request(store)
    first, again = an_answer(request, NOW + HOUR), an_answer(request, NOW + 2 * HOUR)
    assert await follow(store, first, again) == {request: State.ANSWERED}
    assert await follow(store, again) == {}
    assert (await row(store, request))["event_count"] == 3


async def test_an_identity_is_written_with_the_event_that_lacks_it(store: SqlStore) -> None:
    request = await a_request(store)
    event = Event(kind=EventKind.CONSULTED, at=NOW, data={"evidence": "copy"})
    fact = Fact(request_id=request, event=event, identity="a" * 64)
    assert await follow(store, fact, fact) == {request: State.OPEN}
    assert (await reports.get_request(store, reference_of(1))).events[-1].data["identity"] == "a" * 64


async def test_what_is_not_legal_or_about_no_request_is_left_out(store: SqlStore) -> None:
    request = await a_request(store)
    refused = an_act(request, EventKind.REOPENED, NOW, clock="anew")
    unknown = an_act(999_999, EventKind.CLOSED, NOW)
    assert await follow(store, refused, unknown) == {}
    assert await follow(store, refused, an_act(request, EventKind.CLOSED, NOW + HOUR)) == {request: State.CLOSED}


async def test_a_question_after_the_answer_keeps_the_clock_that_ran(store: SqlStore, clock: MovableClock) -> None:
    request = await a_request(store)
    await follow(store, an_answer(request, NOW + HOUR))
    clock.advance(2 * HOUR)
    await receive(store, a_follow_up(2, request, at=clock.now()))
    stored = await row(store, request)
    assert (stored["state"], stored["settled_at"], stored["answered_at"]) == ("open", None, NOW + HOUR)
    assert (stored["clock_started_at"], stored["answer_due_at"]) == (clock.now(), due_after(clock.now()))
    assert await clocks(store, request) == [(NOW, NOW + HOUR, "answered", due_after(NOW))]


async def test_an_answer_seen_late_rewrites_the_clocks_that_it_changes(store: SqlStore, clock: MovableClock) -> None:
    """Closed on Monday, asked again on Tuesday; on Wednesday it shows that Monday's question had been answered."""
    request = await a_request(store)
    await follow(store, an_act(request, EventKind.CLOSED, NOW + 5 * HOUR))
    clock.advance(timedelta(days=1))
    await receive(store, a_follow_up(2, request, at=clock.now()))
    assert await clocks(store, request) == [(NOW, NOW + 5 * HOUR, "closed", due_after(NOW))]
    assert await follow(store, an_answer(request, NOW + HOUR)) == {request: State.OPEN}
    assert await clocks(store, request) == [(NOW, NOW + HOUR, "answered", due_after(NOW))]
    assert (await row(store, request))["answered_at"] == NOW + HOUR


async def test_a_reopening_by_a_person_takes_back_the_answer(store: SqlStore, clock: MovableClock) -> None:
    request = await a_request(store)
    await follow(store, an_answer(request, NOW + HOUR))
    clock.advance(2 * HOUR)
    reopened = an_act(request, EventKind.REOPENED, clock.now(), clock="continued")
    assert await follow(store, reopened) == {request: State.OPEN}
    stored = await row(store, request)
    assert (stored["answered_at"], stored["clock_started_at"]) == (None, NOW)
    assert (stored["answer_due_at"], await clocks(store, request)) == (due_after(NOW), [])


async def test_several_facts_of_one_transaction_make_several_clocks(store: SqlStore) -> None:
    request = await a_request(store)
    asked = [Event(kind=EventKind.FOLLOWED_UP, at=NOW + n * HOUR, occurred_at=NOW + n * HOUR) for n in (2, 4)]
    await follow(
        store,
        an_answer(request, NOW + HOUR, 70),
        Fact(request_id=request, event=asked[0]),
        an_answer(request, NOW + 3 * HOUR, 71),
        Fact(request_id=request, event=asked[1]),
    )
    assert [clock[:2] for clock in await clocks(store, request)] == [
        (NOW, NOW + HOUR),
        (NOW + 2 * HOUR, NOW + 3 * HOUR),
    ]


async def test_when_an_answer_was_due_in_an_earlier_clock_stays_though_holidays_are_corrected(store: SqlStore) -> None:
    """The holiday library knows better today: what was promised then stands."""
    promised = due_after(NOW) + timedelta(days=1)
    await receive(store, a_record(1, suppressed_by="late", request=a_new_request(1, suppressed_by="late")))
    async with store.database.write() as connection:
        definition = await connection.scalar(select(calendars.c.definition))
        await connection.execute(calendars.insert().values(digest="old", definition=definition, first_used_at=NOW))
        await connection.execute(requests.update().values(calendar_digest="old", answer_due_at=promised))
    (request,) = [fact.id for fact in await reports.list_requests(store)]
    await follow(store, an_answer(request, NOW + HOUR))
    await follow(store, an_act(request, EventKind.REOPENED, NOW + 2 * HOUR, clock="anew"))
    assert [clock[3] for clock in await clocks(store, request)] == [promised]
    assert (await row(store, request))["answer_due_at"] == due_after(NOW + 2 * HOUR)


async def test_a_reply_to_what_staff_wrote_is_found_in_the_mailbox_of_its_request(store: SqlStore) -> None:
    here, there = await a_request(store), await a_request(store, 2, OTHER)
    ids = ("<70@cscmonavenir.example>", "<71@cscmonavenir.example>")
    await follow(
        store,
        an_answer(here, NOW + HOUR, 70, message_id=ids[0]),
        an_answer(there, NOW + HOUR, 71, message_id=ids[1]),
    )
    async with store.transaction() as tx:
        past = await tx.find_past(INSCRIPTIONS, traces(message_ids=frozenset(ids)), frozenset())
    assert {key: found.id for key, found in past.by_message_id.items()} == {ids[0]: here}


async def test_what_was_known_already_adds_no_message_id(store: SqlStore) -> None:
    request = await a_request(store)
    await follow(store, an_answer(request, NOW + HOUR))
    await follow(store, an_answer(request, NOW + HOUR, message_id="<70@cscmonavenir.example>"))
    async with store.transaction() as tx:
        wanted = traces(message_ids=frozenset({"<70@cscmonavenir.example>"}))
        assert not (await tx.find_past(INSCRIPTIONS, wanted, frozenset())).by_message_id


async def test_what_bears_on_the_clock_needs_the_events_and_the_rest_does_not(store: SqlStore) -> None:
    request = await a_request(store)
    async with store.transaction() as tx:
        history = (await tx.lock_histories([request]))[request]
        history.follow(Event(kind=EventKind.CONSULTED, at=NOW))
        with pytest.raises(RuntimeError, match="without its events"):
            history.follow(Event(kind=EventKind.ANSWERED, at=NOW))
        await tx.write_histories([history])
    assert (await row(store, request))["event_count"] == 3


async def test_facts_of_two_workers_are_both_written(store: SqlStore, rival: SqlStore) -> None:
    request = await a_request(store)
    await follow(store, an_answer(request, NOW + HOUR, 70))
    assert await follow(rival, an_answer(request, NOW + 2 * HOUR, 71)) == {request: State.ANSWERED}
    story = await reports.get_request(store, reference_of(1))
    assert [event.kind for event in story.events][2:] == [EventKind.ANSWERED, EventKind.ANSWER_NOTED]
