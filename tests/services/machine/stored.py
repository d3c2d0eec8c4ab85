"""What is stored of requests, as plain values, straight from the tables."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, State
from mailwatch.store.schema import earlier_clocks, escalations, events, mailboxes, messages, outbox, requests
from mailwatch.store.store import SqlStore


@dataclass(frozen=True)
class StoredEvent:
    """One line of a history. `message_id`: of the message that brought it about, or ""."""

    n: int
    kind: EventKind
    at: datetime
    occurred_at: datetime
    by: str
    data: Mapping[str, Any]
    message_id: str


@dataclass(frozen=True)
class StoredRequest:
    """A request's row, its events, its clocks that ran before, and its escalations: (level, start of the clock)."""

    id: int
    reference: str
    mailbox: str
    state: State
    owner: str
    requester: str
    received_at: datetime
    clock_started_at: datetime
    settled_at: datetime | None
    answered_at: datetime | None
    announced_due_at: datetime | None
    acknowledged_at: datetime | None
    answer_due_at: datetime
    events: tuple[StoredEvent, ...]
    earlier: tuple[tuple[datetime, datetime, State], ...]
    escalated: frozenset[tuple[str, datetime]]

    @property
    def message_ids(self) -> frozenset[str]:
        """Of the messages that opened and followed it."""
        return frozenset(event.message_id for event in self.events if event.message_id)


@dataclass(frozen=True)
class Judged:
    """A message as it was judged. `notice`: told, or why its sender wasn't; None where nobody was away."""

    id: int
    identity: str
    mailbox: str
    received_at: datetime
    recorded_at: datetime
    suppressed_by: str | None
    rules: frozenset[str]
    notice: str | None

    @property
    def cause(self) -> tuple[str, str]:
        """What an entry that it brought about says of it."""
        return self.identity, self.mailbox


@dataclass(frozen=True)
class Enqueued:
    """An entry of the outbox. `absence`: the row of the one that it tells of, or 0."""

    id: int
    kind: EntryKind
    key: str
    mailbox: str
    caused_by: str
    message_id: str
    recipient: str
    absence: int
    state: EntryState
    enqueued_at: datetime
    not_before: datetime
    body: bytes = field(repr=False)

    @property
    def may_have_told(self) -> bool:
        """Whether its recipient may have read it, or may still."""
        return self.state not in (EntryState.FAILED, EntryState.CANCELLED)


_REQUESTS = select(requests, mailboxes.c.address).join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
_EVENTS = (
    select(events, messages.c.message_id.label("from_message"))
    .outerjoin(messages, messages.c.id == events.c.message_id)
    .order_by(events.c.request_id, events.c.n)
)
_EARLIER = select(earlier_clocks).order_by(earlier_clocks.c.request_id, earlier_clocks.c.n)


async def list_stored(store: SqlStore) -> list[StoredRequest]:
    """Every request, in the order in which they were recorded."""
    told: dict[int, list[StoredEvent]] = defaultdict(list)
    earlier: dict[int, list[tuple[datetime, datetime, State]]] = defaultdict(list)
    escalated: dict[int, set[tuple[str, datetime]]] = defaultdict(set)
    async with store.reading() as connection:
        for row in (await connection.execute(_EVENTS)).all():
            told[row.request_id].append(
                StoredEvent(
                    row.n, EventKind(row.kind), row.at, row.occurred_at, row.by, row.data, row.from_message or ""
                )
            )
        for row in (await connection.execute(_EARLIER)).all():
            earlier[row.request_id].append((row.started_at, row.stopped_at, State(row.stopped_by)))
        for row in (await connection.execute(select(escalations))).all():
            escalated[row.request_id].add((row.level, row.clock_started_at))
        rows = (await connection.execute(_REQUESTS.order_by(requests.c.id))).all()
    return [
        StoredRequest(
            id=row.id,
            reference=row.reference,
            mailbox=row.address,
            state=State(row.state),
            owner=row.owner,
            requester=row.requester,
            received_at=row.received_at,
            clock_started_at=row.clock_started_at,
            settled_at=row.settled_at,
            answered_at=row.answered_at,
            announced_due_at=row.announced_due_at,
            acknowledged_at=row.acknowledged_at,
            answer_due_at=row.answer_due_at,
            events=tuple(told[row.id]),
            earlier=tuple(earlier[row.id]),
            escalated=frozenset(escalated[row.id]),
        )
        for row in rows
    ]


async def list_judged(store: SqlStore, after: int) -> list[Judged]:
    """The messages after a row, in the order in which they were recorded."""
    chosen = select(messages, mailboxes.c.address).join(mailboxes, mailboxes.c.id == messages.c.mailbox_id)
    async with store.reading() as connection:
        rows = (await connection.execute(chosen.where(messages.c.id > after).order_by(messages.c.id))).all()
    return [
        Judged(
            id=row.id,
            identity=row.identity,
            mailbox=row.address,
            received_at=row.received_at,
            recorded_at=row.recorded_at,
            suppressed_by=row.suppressed_by,
            rules=frozenset(rule for rule, _ in row.hits),
            notice=row.notice,
        )
        for row in rows
    ]


async def list_enqueued(store: SqlStore) -> list[Enqueued]:
    """The whole outbox, in the order in which it was written."""
    chosen = select(outbox, mailboxes.c.address).outerjoin(mailboxes, mailboxes.c.id == outbox.c.mailbox_id)
    async with store.reading() as connection:
        rows = (await connection.execute(chosen.order_by(outbox.c.id))).all()
    return [
        Enqueued(
            id=row.id,
            kind=EntryKind(row.kind),
            key=row.unique_key,
            mailbox=row.address or "",
            caused_by=row.caused_by or "",
            message_id=row.message_id,
            recipient=row.recipient,
            absence=row.absence_id or 0,
            state=EntryState(row.state),
            enqueued_at=row.enqueued_at,
            not_before=row.not_before,
            body=bytes(row.body),
        )
        for row in rows
    ]
