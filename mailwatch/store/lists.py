"""Lists for people: requests, messages, outbox entries. Reads the tables, not the model; writes nothing."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.classification import SILENT_REGISTER
from mailwatch.domain.escalations import Standing
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import UNSETTLED, State
from mailwatch.store.facts import EntryFact, MessageFact, RequestFact
from mailwatch.store.schema import mailboxes, messages, outbox, requests
from mailwatch.store.standings import IS_UNSETTLED, Gauge, Standings
from mailwatch.store.store import SqlStore

REQUESTS = (
    select(requests, mailboxes.c.address.label("mailbox"), messages.c.subject)
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
)
MESSAGES = (
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
ENTRIES = (  # digests and alerts have no mailbox and no request
    select(
        *(column for column in outbox.c if column is not outbox.c.body),
        func.coalesce(mailboxes.c.address, "").label("mailbox"),
        func.coalesce(requests.c.reference, "").label("reference"),
    )
    .outerjoin(mailboxes, mailboxes.c.id == outbox.c.mailbox_id)
    .outerjoin(requests, requests.c.id == outbox.c.request_id)
)


async def list_requests(
    store: SqlStore,
    *,
    mailbox: str | None = None,
    state: State | None = None,
    standing: Standing | None = None,
    owner: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
    gauge: Gauge | None = None,
) -> Sequence[RequestFact]:
    """Requests, newest first. `since`: received at or after that instant; `owner` "": those that nobody owns.

    With a gauge, each unsettled one has its standing; `standing` needs one (ValueError).
    """
    if standing is not None and gauge is None:
        raise ValueError("a standing is told by a gauge")
    chosen = REQUESTS.order_by(requests.c.received_at.desc(), requests.c.id.desc())
    if mailbox is not None:
        chosen = chosen.where(mailboxes.c.address == mailbox.lower())
    if state is not None:
        chosen = chosen.where(requests.c.state == state)
    if owner is not None:
        chosen = chosen.where(requests.c.owner == owner.lower())
    if since is not None:
        chosen = chosen.where(requests.c.received_at >= since)
    async with store.reading() as connection:
        standings = await Standings.load(connection, gauge) if gauge else None
        if standing is None:
            return [request_fact(row, standings) for row in (await connection.execute(chosen.limit(limit))).all()]
        running = _stream(connection, chosen.where(IS_UNSETTLED), standings)
        return await _take(running, standing, limit)


async def _stream(
    connection: AsyncConnection, chosen: Select[Any], standings: Standings | None
) -> AsyncIterator[RequestFact]:
    async for row in await connection.stream(chosen):
        yield request_fact(row, standings)


async def _take(facts: AsyncIterator[RequestFact], standing: Standing, limit: int) -> Sequence[RequestFact]:
    """The first facts of a standing: no column holds it."""
    taken: list[RequestFact] = []
    async for fact in facts:
        if fact.standing is standing:
            taken.append(fact)
            if len(taken) == limit:
                break
    return taken


async def list_register(
    store: SqlStore, *, mailbox: str | None = None, since: datetime | None = None, limit: int = 100
) -> Sequence[MessageFact]:
    """The silent register, newest first: messages recorded that nobody answers unless a person releases them."""
    chosen = MESSAGES.where(messages.c.kind.in_(sorted(SILENT_REGISTER))).order_by(messages.c.id.desc()).limit(limit)
    if mailbox is not None:
        chosen = chosen.where(mailboxes.c.address == mailbox.lower())
    if since is not None:
        chosen = chosen.where(messages.c.received_at >= since)
    async with store.reading() as connection:
        return [message_fact(row) for row in (await connection.execute(chosen)).all()]


async def list_messages(store: SqlStore, *, after: int = 0) -> list[MessageFact]:
    """Messages recorded after the one with this number, in the order in which they were written."""
    chosen = MESSAGES.where(messages.c.id > after).order_by(messages.c.id)
    async with store.reading() as connection:
        return [message_fact(row) for row in (await connection.execute(chosen)).all()]


async def list_entries(store: SqlStore) -> list[EntryFact]:
    """Every outbox entry, in the order in which they were enqueued."""
    async with store.reading() as connection:
        return await list_entry_facts(connection, ENTRIES.order_by(outbox.c.enqueued_at, outbox.c.id))


async def list_settled(store: SqlStore) -> list[EntryFact]:
    """Outbox entries that came to their end, in the order in which they did."""
    settled = ENTRIES.where(outbox.c.settled_at.is_not(None)).order_by(outbox.c.settled_at, outbox.c.id)
    async with store.reading() as connection:
        return await list_entry_facts(connection, settled)


async def list_entry_facts(connection: AsyncConnection, chosen: Select[Any]) -> list[EntryFact]:
    """Rows of ENTRIES as facts."""
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


def request_fact(row: Row[Any], standings: Standings | None) -> RequestFact:
    """A row of REQUESTS."""
    state = State(row.state)
    runs = standings is not None and state in UNSETTLED
    return RequestFact(
        id=row.id,
        reference=row.reference,
        mailbox=row.mailbox,
        state=state,
        requester=row.requester,
        subject=row.subject,
        owner=row.owner,
        language=row.language,
        received_at=row.received_at,
        clock_started_at=row.clock_started_at,
        acknowledgement_due_at=row.acknowledgement_due_at,
        answer_due_at=row.answer_due_at,
        acknowledged_at=row.acknowledged_at,
        announced_due_at=row.announced_due_at,
        answered_at=row.answered_at,
        settled_at=row.settled_at,
        suppressed_by=row.suppressed_by,
        standing=standings.find(row.calendar_digest, row.answer_due_at) if standings and runs else None,
    )


def message_fact(row: Row[Any]) -> MessageFact:
    """A row of MESSAGES."""
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
