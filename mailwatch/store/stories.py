"""The story of one request, for people: its events, its clocks, what was sent, and the arithmetic of its due date."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.calendars import from_definition
from mailwatch.domain.requests import EventKind
from mailwatch.domain.standards import Step, due, explain_due, parse_limit
from mailwatch.errors import PermanentError
from mailwatch.store.facts import ClockFact, EscalationFact, EventFact, RequestStory
from mailwatch.store.lists import ENTRIES, MESSAGES, REQUESTS, list_entry_facts, message_fact, request_fact
from mailwatch.store.schema import calendars, earlier_clocks, escalations, events, messages, outbox, requests
from mailwatch.store.standings import Gauge, Standings
from mailwatch.store.store import SqlStore

# What people read for what Crockford's alphabet leaves out, when they copy a reference by hand.
_MISREAD = str.maketrans("OIL", "011")


class RequestUnknown(PermanentError):
    """There is no request with this reference."""


def normalise_reference(text: str) -> str:
    """A reference as people write it → as it is stored: `mw-7f3ko9` → `MW-7F3K09`."""
    digits = text.strip().upper().removeprefix("MW").lstrip("- ")
    return f"MW-{digits.translate(_MISREAD)}"


async def get_request(store: SqlStore, reference: str, gauge: Gauge | None = None) -> RequestStory:
    """The story of a request; its reference in any case, with or without `MW-`. Raises RequestUnknown."""
    wanted = normalise_reference(reference)
    async with store.reading() as connection:
        row = (await connection.execute(REQUESTS.where(requests.c.reference == wanted))).one_or_none()
        if row is None:
            raise RequestUnknown(f"{wanted}: there is no request with this reference")
        return await _story(connection, row, await Standings.load(connection, gauge) if gauge else None)


async def _story(connection: AsyncConnection, row: Row[Any], standings: Standings | None) -> RequestStory:
    definition = await connection.scalar(
        select(calendars.c.definition).where(calendars.c.digest == row.calendar_digest)
    )
    steps, end = _reckon(row, definition)
    entries = ENTRIES.where(outbox.c.request_id == row.id).order_by(outbox.c.id)
    return RequestStory(
        request=request_fact(row, standings),
        standard=row.standard,
        arithmetic=steps,
        is_reckonable=end == row.answer_due_at,
        siblings=await _list_siblings(connection, row),
        events=await _list_events(connection, row.id),
        earlier_clocks=await _list_earlier_clocks(connection, row.id),
        escalations=await _list_escalations(connection, row.id),
        messages=tuple(message_fact(one) for one in await _list_messages(connection, row)),
        entries=tuple(await list_entry_facts(connection, entries)),
    )


def _reckon(row: Row[Any], definition: Any) -> tuple[tuple[Step, ...], datetime]:  # parsed JSON
    """The steps to the answer's due instant, and where they lead."""
    calendar, limit = from_definition(definition), parse_limit(row.standard["answer_within"])
    end = due(calendar, row.clock_started_at, limit)
    return explain_due(calendar, row.clock_started_at, limit), end


async def _list_siblings(connection: AsyncConnection, row: Row[Any]) -> tuple[str, ...]:
    own = messages.alias("own")
    chosen = (
        select(requests.c.reference)
        .join(messages, messages.c.id == requests.c.message_id)
        .join(own, own.c.identity == messages.c.identity)
        .where(own.c.id == row.message_id, requests.c.id != row.id)
        .order_by(requests.c.id)
    )
    return tuple((await connection.execute(chosen)).scalars())


async def _list_events(connection: AsyncConnection, request_id: int) -> tuple[EventFact, ...]:
    history = select(events).where(events.c.request_id == request_id).order_by(events.c.n)
    return tuple(
        EventFact(n=e.n, kind=EventKind(e.kind), at=e.at, occurred_at=e.occurred_at, by=e.by, data=e.data)
        for e in (await connection.execute(history)).all()
    )


async def _list_earlier_clocks(connection: AsyncConnection, request_id: int) -> tuple[ClockFact, ...]:
    chosen = select(earlier_clocks).where(earlier_clocks.c.request_id == request_id).order_by(earlier_clocks.c.n)
    return tuple(
        ClockFact(n=c.n, started_at=c.started_at, due_at=c.due_at, stopped_at=c.stopped_at, stopped_by=c.stopped_by)
        for c in (await connection.execute(chosen)).all()
    )


async def _list_escalations(connection: AsyncConnection, request_id: int) -> tuple[EscalationFact, ...]:
    reached = select(escalations).where(escalations.c.request_id == request_id)
    rows = await connection.execute(reached.order_by(escalations.c.escalated_at, escalations.c.level))
    return tuple(
        EscalationFact(level=e.level, clock_started_at=e.clock_started_at, escalated_at=e.escalated_at)
        for e in rows.all()
    )


async def _list_messages(connection: AsyncConnection, row: Row[Any]) -> Sequence[Row[Any]]:
    its_messages = select(events.c.message_id).where(events.c.request_id == row.id)
    chosen = MESSAGES.where(or_(messages.c.id == row.message_id, messages.c.id.in_(its_messages)))
    return (await connection.execute(chosen.order_by(messages.c.received_at, messages.c.id))).all()
