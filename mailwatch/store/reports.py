"""What people read: the status here, lists and stories beside it. Reads the tables, not the model; writes nothing."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.escalations import DEFAULT_LEVELS, HELD_SILENTLY, Standing
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import State
from mailwatch.store.facts import (
    CursorFact,
    EntryFact,
    EventFact,
    IncidentFact,
    LateFact,
    MailboxFact,
    MessageFact,
    RequestFact,
    RequestStory,
    StatusFacts,
    SwitchFact,
    WorkerFact,
)
from mailwatch.store.leases import count_held
from mailwatch.store.lists import list_entries, list_messages, list_register, list_requests, list_settled
from mailwatch.store.schema import cursors, incidents, mailboxes, outbox, requests, sightings, switches, workers
from mailwatch.store.standings import IS_UNSETTLED, Gauge, Standings
from mailwatch.store.store import SqlStore
from mailwatch.store.stories import RequestUnknown, get_request, normalise_reference
from mailwatch.store.switches import ALIVE_WITHIN
from mailwatch.store.unit import Unit

__all__ = [
    "CursorFact",
    "EntryFact",
    "EventFact",
    "Gauge",
    "IncidentFact",
    "LateFact",
    "MailboxFact",
    "MessageFact",
    "RequestFact",
    "RequestStory",
    "RequestUnknown",
    "StatusFacts",
    "SwitchFact",
    "WorkerFact",
    "get_request",
    "list_answers_seen",
    "list_entries",
    "list_messages",
    "list_register",
    "list_requests",
    "list_settled",
    "list_workers",
    "normalise_reference",
    "status_facts",
]


_LIVE = (EntryState.PENDING, EntryState.CLAIMED, EntryState.DEFERRED)
_GONE_WRONG = (EntryState.FAILED, EntryState.UNCERTAIN)

_IS_OWED = and_(IS_UNSETTLED, requests.c.acknowledged_at.is_(None), requests.c.answered_at.is_(None))
_IS_HELD = or_(
    requests.c.suppressed_by.not_in(sorted(HELD_SILENTLY)),  # NULL isn't, by SQL's three values
    exists().where(
        outbox.c.request_id == requests.c.id,
        outbox.c.kind == EntryKind.ACKNOWLEDGEMENT,
        outbox.c.state.in_(_GONE_WRONG),
    ),
)
_OLDEST_LATE = (
    select(requests.c.reference, mailboxes.c.address.label("mailbox"), requests.c.owner, requests.c.answer_due_at)
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .where(IS_UNSETTLED)
    .order_by(requests.c.answer_due_at, requests.c.id)
    .limit(1)
)
_OPEN_INCIDENTS = (
    select(incidents.c.kind, incidents.c.about, incidents.c.since, incidents.c.opened_at, incidents.c.data)
    .where(incidents.c.closed_at.is_(None))
    .order_by(incidents.c.since, incidents.c.id)
)


async def status_facts(store: SqlStore, now: datetime, gauge: Gauge | None = None) -> StatusFacts:
    """What is going on at an instant. Without a gauge, standings are told by the levels that hold without any."""
    async with store.reading() as connection:
        standings = await Standings.load(connection, gauge or Gauge(levels=DEFAULT_LEVELS, now=now))
        counts = await standings.count(connection)
        return StatusFacts(
            mailboxes=await _list_mailboxes(connection, counts),
            requests={State(key): n for key, n in await _count_by(connection, requests.c.state)},
            standings=_in_order(sum(counts.values(), Counter())),
            oldest_late=await _find_oldest_late(connection, now),
            incidents=tuple(IncidentFact(**row) for row in await _rows(connection, _OPEN_INCIDENTS)),
            outbox={EntryState(key): n for key, n in await _count_by(connection, outbox.c.state)},
            oldest_waiting_at=await connection.scalar(
                select(func.min(outbox.c.enqueued_at)).where(outbox.c.state.in_(_LIVE))
            ),
            switches=tuple(SwitchFact(**row) for row in await _rows(connection, select(switches))),
            workers=await _list_workers(connection, now),
            quarantined=await _count(connection, sightings.c.quarantined.is_not(None)),
            held_back=await _count(connection, _IS_OWED, _IS_HELD),
            unacknowledged=await _count(connection, _IS_OWED, requests.c.acknowledgement_due_at < now),
        )


async def list_answers_seen(store: SqlStore) -> Mapping[str, tuple[datetime | None, datetime | None]]:
    """Mailbox → when it was enabled, and when an answer was last seen there."""
    chosen = select(mailboxes.c.address, mailboxes.c.enabled_at, mailboxes.c.answer_seen_at)
    async with store.reading() as connection:
        return {row[0]: (row[1], row[2]) for row in (await connection.execute(chosen)).all()}


async def list_workers(store: SqlStore, now: datetime) -> tuple[WorkerFact, ...]:
    """Who works, or worked, on this database; the last heartbeat first."""
    async with store.reading() as connection:
        return await _list_workers(connection, now)


def _in_order(counts: Mapping[Standing, int]) -> dict[Standing, int]:
    """The worst first; only what there is."""
    return {standing: counts[standing] for standing in reversed(Standing) if counts.get(standing)}


async def _find_oldest_late(connection: AsyncConnection, now: datetime) -> LateFact | None:
    row = (await connection.execute(_OLDEST_LATE)).mappings().one_or_none()
    return LateFact(**row) if row is not None and row["answer_due_at"] < now else None


async def _list_mailboxes(
    connection: AsyncConnection, counts: Mapping[int, Counter[Standing]]
) -> tuple[MailboxFact, ...]:
    current: dict[int, list[CursorFact]] = defaultdict(list)
    for row in (await connection.execute(select(cursors).where(cursors.c.is_current).order_by(cursors.c.folder))).all():
        fact = CursorFact(folder=row.folder, uidvalidity=row.uidvalidity, last_uid=row.last_uid, moved_at=row.moved_at)
        current[row.mailbox_id].append(fact)
    facts = []
    for columns in await _rows(connection, select(mailboxes).order_by(mailboxes.c.address)):
        number = columns["id"]
        standings = _in_order(counts.get(number, Counter()))
        facts.append(MailboxFact(cursors=tuple(current[number]), standings=standings, **columns))
    return tuple(facts)


async def _list_workers(connection: AsyncConnection, now: datetime) -> tuple[WorkerFact, ...]:
    clock = await Unit(connection, now).clock()
    held = await count_held(connection, clock)
    rows = await _rows(connection, select(workers).order_by(workers.c.beat_at.desc(), workers.c.name))
    return tuple(
        WorkerFact(
            is_alive=row["beat_at"] >= clock - ALIVE_WITHIN,
            mailboxes=held.get(row["name"], 0) if "watches" in row["facts"] else row["facts"].get("mailboxes", 0),
            **row,
        )
        for row in rows
    )


async def _rows(connection: AsyncConnection, chosen: Select[Any]) -> list[dict[str, Any]]:
    """Rows as keyword arguments: the columns are named as the fields are."""
    return [dict(row) for row in (await connection.execute(chosen)).mappings()]


async def _count(connection: AsyncConnection, *conditions: Any) -> int:  # SQL expressions
    return int(await connection.scalar(select(func.count()).where(*conditions)) or 0)


async def _count_by(connection: AsyncConnection, column: Any) -> Sequence[tuple[str, int]]:  # a text column
    rows = await connection.execute(select(column, func.count()).group_by(column).order_by(column))
    return [(row[0], row[1]) for row in rows]
