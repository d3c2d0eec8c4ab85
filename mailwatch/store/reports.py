"""What people read: status, the list of requests, the story of one. Reads the tables, not the model; writes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, State
from mailwatch.errors import PermanentError
from mailwatch.store.facts import (
    CursorFact,
    EntryFact,
    EventFact,
    MailboxFact,
    MessageFact,
    RequestFact,
    RequestStory,
    StatusFacts,
    SwitchFact,
    WorkerFact,
)
from mailwatch.store.outbox import DEAD_AFTER
from mailwatch.store.schema import (
    cursors,
    events,
    mailboxes,
    messages,
    outbox,
    requests,
    sightings,
    switches,
    workers,
)
from mailwatch.store.store import SqlStore

__all__ = [
    "CursorFact",
    "EntryFact",
    "EventFact",
    "MailboxFact",
    "MessageFact",
    "RequestFact",
    "RequestStory",
    "RequestUnknown",
    "StatusFacts",
    "SwitchFact",
    "WorkerFact",
    "get_request",
    "list_entries",
    "list_messages",
    "list_requests",
    "list_settled",
    "normalise_reference",
    "status_facts",
]

# What people read for what Crockford's alphabet leaves out, when they copy a reference by hand.
_MISREAD = str.maketrans("OIL", "011")
_LIVE = (EntryState.PENDING, EntryState.CLAIMED, EntryState.DEFERRED)


class RequestUnknown(PermanentError):
    """There is no request with this reference."""


_REQUESTS = (
    select(requests, mailboxes.c.address.label("mailbox"), messages.c.subject)
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
)
_MESSAGES = (
    select(
        messages,
        mailboxes.c.address.label("mailbox"),
        func.coalesce(requests.c.reference, "").label("reference"),
        requests.c.answer_due_at,
        exists().where(outbox.c.request_id == requests.c.id).label("is_enqueued"),
    )
    .join(mailboxes, mailboxes.c.id == messages.c.mailbox_id)
    .outerjoin(requests, requests.c.message_id == messages.c.id)
)
_ENTRIES = (
    select(
        *(column for column in outbox.c if column is not outbox.c.body),
        mailboxes.c.address.label("mailbox"),
        func.coalesce(requests.c.reference, "").label("reference"),
    )
    .join(mailboxes, mailboxes.c.id == outbox.c.mailbox_id)
    .outerjoin(requests, requests.c.id == outbox.c.request_id)
)


async def status_facts(store: SqlStore, now: datetime) -> StatusFacts:
    """What is going on at an instant."""
    async with store.reading() as connection:
        waits = outbox.c.state.in_(_LIVE)
        is_open = requests.c.state == State.OPEN
        return StatusFacts(
            mailboxes=await _list_mailboxes(connection),
            requests={State(key): n for key, n in await _count_by(connection, requests.c.state)},
            outbox={EntryState(key): n for key, n in await _count_by(connection, outbox.c.state)},
            oldest_waiting_at=await connection.scalar(select(func.min(outbox.c.enqueued_at)).where(waits)),
            switches=tuple(SwitchFact(**row) for row in await _rows(connection, select(switches))),
            workers=await _list_workers(connection, now),
            quarantined=await _count(connection, sightings.c.quarantined.is_not(None)),
            held_back=await _count(connection, is_open, requests.c.suppressed_by.is_not(None)),
            unacknowledged=await _count(connection, is_open, requests.c.acknowledgement_due_at < now),
        )


async def list_requests(
    store: SqlStore,
    *,
    mailbox: str | None = None,
    state: State | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> Sequence[RequestFact]:
    """Requests, newest first. `since`: received at or after that instant."""
    chosen = _REQUESTS.order_by(requests.c.received_at.desc(), requests.c.id.desc()).limit(limit)
    if mailbox is not None:
        chosen = chosen.where(mailboxes.c.address == mailbox.lower())
    if state is not None:
        chosen = chosen.where(requests.c.state == state)
    if since is not None:
        chosen = chosen.where(requests.c.received_at >= since)
    async with store.reading() as connection:
        return [_request(row) for row in (await connection.execute(chosen)).all()]


async def get_request(store: SqlStore, reference: str) -> RequestStory:
    """The story of a request; its reference in any case, with or without `MW-`. Raises RequestUnknown."""
    wanted = normalise_reference(reference)
    async with store.reading() as connection:
        row = (await connection.execute(_REQUESTS.where(requests.c.reference == wanted))).one_or_none()
        if row is None:
            raise RequestUnknown(f"{wanted}: there is no request with this reference")
        return await _story(connection, row)


def normalise_reference(text: str) -> str:
    """A reference as people write it → as it is stored: `mw-7f3ko9` → `MW-7F3K09`."""
    digits = text.strip().upper().removeprefix("MW").lstrip("- ")
    return f"MW-{digits.translate(_MISREAD)}"


async def list_messages(store: SqlStore, *, after: int = 0) -> list[MessageFact]:
    """Messages recorded after the one with this number, in the order in which they were written."""
    chosen = _MESSAGES.where(messages.c.id > after).order_by(messages.c.id)
    async with store.reading() as connection:
        return [_message(row) for row in (await connection.execute(chosen)).all()]


async def list_entries(store: SqlStore) -> list[EntryFact]:
    """Every outbox entry, in the order in which they were enqueued."""
    async with store.reading() as connection:
        return await _list_entries(connection, _ENTRIES.order_by(outbox.c.enqueued_at, outbox.c.id))


async def list_settled(store: SqlStore) -> list[EntryFact]:
    """Outbox entries that came to their end, in the order in which they did."""
    settled = _ENTRIES.where(outbox.c.settled_at.is_not(None)).order_by(outbox.c.settled_at, outbox.c.id)
    async with store.reading() as connection:
        return await _list_entries(connection, settled)


async def _story(connection: AsyncConnection, row: Row[Any]) -> RequestStory:
    history = select(events).where(events.c.request_id == row.id).order_by(events.c.n)
    its_messages = select(events.c.message_id).where(events.c.request_id == row.id)
    chosen = _MESSAGES.where(or_(messages.c.id == row.message_id, messages.c.id.in_(its_messages)))
    found = (await connection.execute(chosen.order_by(messages.c.received_at, messages.c.id))).all()
    entries = _ENTRIES.where(outbox.c.request_id == row.id).order_by(outbox.c.id)
    return RequestStory(
        request=_request(row),
        standard=row.standard,
        events=tuple(
            EventFact(n=e.n, kind=EventKind(e.kind), at=e.at, by=e.by, data=e.data)
            for e in (await connection.execute(history)).all()
        ),
        messages=tuple(_message(one) for one in found),
        entries=tuple(await _list_entries(connection, entries)),
    )


async def _list_mailboxes(connection: AsyncConnection) -> tuple[MailboxFact, ...]:
    current: dict[int, list[CursorFact]] = defaultdict(list)
    for row in (await connection.execute(select(cursors).where(cursors.c.is_current).order_by(cursors.c.folder))).all():
        fact = CursorFact(folder=row.folder, uidvalidity=row.uidvalidity, last_uid=row.last_uid, moved_at=row.moved_at)
        current[row.mailbox_id].append(fact)
    rows = await _rows(connection, select(mailboxes).order_by(mailboxes.c.address))
    return tuple(MailboxFact(cursors=tuple(current[row.pop("id")]), **row) for row in rows)


async def _list_workers(connection: AsyncConnection, now: datetime) -> tuple[WorkerFact, ...]:
    rows = await _rows(connection, select(workers).order_by(workers.c.beat_at.desc()))
    return tuple(WorkerFact(is_alive=row["beat_at"] >= now - DEAD_AFTER, **row) for row in rows)


async def _list_entries(connection: AsyncConnection, chosen: Select[Any]) -> list[EntryFact]:
    return [
        EntryFact(
            id=row.id,
            kind=EntryKind(row.kind),
            mailbox=row.mailbox,
            reference=row.reference,
            recipient=row.recipient,
            message_id=row.message_id,
            state=EntryState(row.state),
            reason=row.reason,
            enqueued_at=row.enqueued_at,
            not_before=row.not_before,
            attempts=row.attempts,
            doubts=row.doubts,
            settled_at=row.settled_at,
        )
        for row in (await connection.execute(chosen)).all()
    ]


async def _rows(connection: AsyncConnection, chosen: Select[Any]) -> list[dict[str, Any]]:
    """Rows as keyword arguments: the columns are named as the fields are."""
    return [dict(row) for row in (await connection.execute(chosen)).mappings()]


async def _count(connection: AsyncConnection, *conditions: Any) -> int:  # SQL expressions
    return int(await connection.scalar(select(func.count()).where(*conditions)) or 0)


async def _count_by(connection: AsyncConnection, column: Any) -> Sequence[tuple[str, int]]:  # a text column
    rows = await connection.execute(select(column, func.count()).group_by(column).order_by(column))
    return [(row[0], row[1]) for row in rows]


def _request(row: Row[Any]) -> RequestFact:
    return RequestFact(
        id=row.id,
        reference=row.reference,
        mailbox=row.mailbox,
        state=State(row.state),
        requester=row.requester,
        subject=row.subject,
        owner=row.owner,
        language=row.language,
        received_at=row.received_at,
        acknowledgement_due_at=row.acknowledgement_due_at,
        answer_due_at=row.answer_due_at,
        acknowledged_at=row.acknowledged_at,
        settled_at=row.settled_at,
        suppressed_by=row.suppressed_by,
    )


def _message(row: Row[Any]) -> MessageFact:
    return MessageFact(
        id=row.id,
        mailbox=row.mailbox,
        message_id=row.message_id,
        sender=row.sender,
        subject=row.subject,
        received_at=row.received_at,
        kind=row.kind,
        reason=row.reason,
        suppressed_by=row.suppressed_by,
        reference=row.reference,
        answer_due_at=row.answer_due_at,
        is_enqueued=bool(row.is_enqueued),
    )
