"""Whether what is stored keeps the promises: every invariant that can be read from the data.

Used after every scenario of the tests, and by `mailwatch check --data`. Constraints forbid most of it already; a
restored backup, another program or a fault of ours may have come in between. Nothing is changed.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, not_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.calendars import from_definition
from mailwatch.domain.classification import Kind
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, IllegalTransition, fold
from mailwatch.domain.standards import due, parse_limit
from mailwatch.store.schema import (
    calendars,
    cursors,
    events,
    messages,
    metadata,
    outbox,
    references,
    requests,
    sightings,
)
from mailwatch.store.store import SqlStore
from mailwatch.store.types import UTCDateTime

EXAMPLES = 5  # how many offenders a sentence names
BATCH = 500  # rows fetched at a time: bodies are among them

_IS_ACKNOWLEDGEMENT = outbox.c.kind == EntryKind.ACKNOWLEDGEMENT
_ITS_REQUEST = requests.c.id == outbox.c.request_id
_ITS_MESSAGE = messages.c.id == requests.c.message_id


def _has_event(kind: EventKind) -> ColumnElement[bool]:
    return exists().where(events.c.request_id == requests.c.id, events.c.kind == kind)


def _has_entry(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(outbox.c.request_id == requests.c.id, *conditions)


def _instant(column: Any) -> Select[Any]:  # a column of UTCDateTime
    """Instants that SQLite holds in another form than ours: they would not sort."""
    written = cast(column, String)
    return select(written).where(
        column.is_not(None), or_(func.length(written) != 27, not_(written.like("____-__-__T__:__:__.______Z")))
    )


_SENT = outbox.c.state == EntryState.SENT
_ENDED_BADLY = outbox.c.state.in_((EntryState.FAILED, EntryState.UNCERTAIN))

# A sentence, and a SELECT of what belies it.
CHECKS: tuple[tuple[str, Select[Any]], ...] = (
    (
        "messages lie past the cursor that should cover them",
        select(sightings.c.uid).join(
            cursors,
            and_(
                cursors.c.mailbox_id == sightings.c.mailbox_id,
                cursors.c.folder == sightings.c.folder,
                cursors.c.uidvalidity == sightings.c.uidvalidity,
                cursors.c.last_uid < sightings.c.uid,
            ),
        ),
    ),
    (
        "folders have more than one current cursor",
        select(cursors.c.folder)
        .where(cursors.c.is_current)
        .group_by(cursors.c.mailbox_id, cursors.c.folder)
        .having(func.count() > 1),
    ),
    (
        "messages were never seen anywhere",
        select(messages.c.id).where(not_(exists().where(sightings.c.message_id == messages.c.id))),
    ),
    (
        "messages are requests by kind, and opened none",
        select(messages.c.id).where(
            messages.c.kind == Kind.REQUEST, not_(exists().where(requests.c.message_id == messages.c.id))
        ),
    ),
    (
        "requests were opened by a message that isn't one, or of another mailbox",
        select(requests.c.reference)
        .join(messages, _ITS_MESSAGE)
        .where(or_(messages.c.kind != Kind.REQUEST, messages.c.mailbox_id != requests.c.mailbox_id)),
    ),
    (
        "requests have no events",
        select(requests.c.reference).where(not_(exists().where(events.c.request_id == requests.c.id))),
    ),
    (
        "requests are due before they were received",
        select(requests.c.reference).where(
            or_(
                requests.c.acknowledgement_due_at < requests.c.received_at,
                requests.c.answer_due_at < requests.c.clock_started_at,
            )
        ),
    ),
    (
        "requests have neither an acknowledgement nor a reason why not",
        select(requests.c.reference).where(requests.c.suppressed_by.is_(None), not_(_has_entry())),
    ),
    (
        "requests have an acknowledgement and a reason why not",
        select(requests.c.reference).where(requests.c.suppressed_by.is_not(None), _has_entry(_IS_ACKNOWLEDGEMENT)),
    ),
    (
        "requests count as acknowledged, and none was sent",
        select(requests.c.reference).where(
            or_(requests.c.acknowledged_at.is_not(None), _has_event(EventKind.ACKNOWLEDGED)), not_(_has_entry(_SENT))
        ),
    ),
    (
        "acknowledgements are in the outbox, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(_IS_ACKNOWLEDGEMENT, not_(_has_event(EventKind.ACKNOWLEDGEMENT_ENQUEUED))),
    ),
    (
        "acknowledgements were sent, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(
            _IS_ACKNOWLEDGEMENT,
            _SENT,
            or_(requests.c.acknowledged_at.is_(None), not_(_has_event(EventKind.ACKNOWLEDGED))),
        ),
    ),
    (
        "acknowledgements were not sent for good, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(_IS_ACKNOWLEDGEMENT, _ENDED_BADLY, not_(_has_event(EventKind.ACKNOWLEDGEMENT_FAILED))),
    ),
    (
        "acknowledgements were cancelled, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(
            _IS_ACKNOWLEDGEMENT,
            outbox.c.state == EntryState.CANCELLED,
            not_(_has_event(EventKind.ACKNOWLEDGEMENT_CANCELLED)),
        ),
    ),
    (
        "acknowledgements answer another message than the one that opened their request",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .join(messages, _ITS_MESSAGE)
        .where(
            _IS_ACKNOWLEDGEMENT,
            or_(messages.c.identity != outbox.c.caused_by, outbox.c.mailbox_id != requests.c.mailbox_id),
        ),
    ),
    (
        "messages caused more than one automatic message",
        select(outbox.c.caused_by)
        .where(outbox.c.caused_by.is_not(None))
        .group_by(outbox.c.caused_by)
        .having(func.count() > 1),
    ),
    (
        "entries came to their end without a reason",
        select(outbox.c.id).where(or_(_ENDED_BADLY, outbox.c.state == EntryState.CANCELLED), outbox.c.reason == ""),
    ),
    (
        "Message-IDs lead to a request of another mailbox",
        select(references.c.message_id)
        .join(requests, requests.c.id == references.c.request_id)
        .where(requests.c.mailbox_id != references.c.mailbox_id),
    ),
)


async def find_inconsistencies(store: SqlStore) -> list[str]:
    """What contradicts an invariant, a sentence each; an empty list when all is well."""
    async with store.reading() as connection:
        problems = [problem async for problem in _check_tables(connection)]
        problems += [problem async for problem in _check_histories(connection)]
        problems += [problem async for problem in _check_due_instants(connection)]
        problems += [problem async for problem in _check_bodies(connection)]
        if connection.dialect.name == "sqlite":
            problems += [problem async for problem in _check_sqlite(connection)]
    return problems


async def _check_tables(connection: AsyncConnection) -> AsyncIterator[str]:
    for sentence, offenders in CHECKS:
        found = (await connection.execute(offenders.limit(EXAMPLES))).scalars().all()
        if found:
            yield _sentence(sentence, found)


async def _check_histories(connection: AsyncConnection) -> AsyncIterator[str]:
    """A request's state is the fold of its events, which are numbered from 1 without a gap."""
    rows = await connection.stream(
        select(requests.c.reference, requests.c.state, requests.c.event_count, events.c.n, events.c.kind)
        .join(events, events.c.request_id == requests.c.id)
        .order_by(requests.c.id, events.c.n)
        .execution_options(yield_per=BATCH)
    )
    history: list[Any] = []
    async for row in rows:
        if history and row.reference != history[0].reference:
            for problem in _check_history(history):
                yield problem
            history = []
        history.append(row)
    for problem in _check_history(history):
        yield problem


def _check_history(history: list[Any]) -> Iterable[str]:
    if not history:
        return
    first = history[0]
    if [row.n for row in history] != list(range(1, first.event_count + 1)):
        yield f"events are missing, or counted wrongly: {first.reference}"
    try:
        state = fold(EventKind(row.kind) for row in history)
    except IllegalTransition as error:
        yield f"an event isn't legal where it stands: {first.reference} ({error})"
        return
    if state != first.state:
        yield f"the state isn't what the events come to: {first.reference} is {first.state}, not {state}"


async def _check_due_instants(connection: AsyncConnection) -> AsyncIterator[str]:
    """Due instants are those of the standard and the calendar's version, as far as this program still
    knows that version."""
    rows = await connection.stream(
        select(
            calendars.c.digest,
            calendars.c.definition,
            requests.c.reference,
            requests.c.received_at,
            requests.c.clock_started_at,
            requests.c.acknowledgement_due_at,
            requests.c.answer_due_at,
            requests.c.standard,
        )
        .join(requests, requests.c.calendar_digest == calendars.c.digest)
        .order_by(calendars.c.digest)
        .execution_options(yield_per=BATCH)
    )
    calendar, digest = None, ""
    async for row in rows:
        if row.digest != digest:
            calendar, digest = from_definition(row.definition), row.digest
        if calendar is None or calendar.digest != row.digest:
            continue  # the library's holidays have changed since: the stored instants stand
        acknowledge, answer = (parse_limit(row.standard[key]) for key in ("acknowledge_within", "answer_within"))
        if due(calendar, row.received_at, acknowledge) != row.acknowledgement_due_at:
            yield f"the acknowledgement is due at another instant: {row.reference}"
        if due(calendar, row.clock_started_at, answer) != row.answer_due_at:
            yield f"the answer is due at another instant: {row.reference}"


async def _check_bodies(connection: AsyncConnection) -> AsyncIterator[str]:
    """Every automatic message says that it is one (RFC 3834 §5), and has the Message-ID that the outbox knows."""
    rows = await connection.stream(
        select(outbox.c.id, outbox.c.message_id, outbox.c.body).execution_options(yield_per=BATCH)
    )
    async for row in rows:
        headers = bytes(row.body).partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
        if not any(line.startswith(b"auto-submitted: auto-") for line in headers):
            yield f"an automatic message doesn't say that it is one: entry {row.id}"
        if b"message-id: " + row.message_id.lower().encode() not in headers:
            yield f"an automatic message has another Message-ID than the outbox: entry {row.id}"


async def _check_sqlite(connection: AsyncConnection) -> AsyncIterator[str]:
    """What PostgreSQL's types and constraints make impossible."""
    instants = (column for table in metadata.tables.values() for column in table.c if type(column.type) is UTCDateTime)
    for column in instants:
        if found := (await connection.execute(_instant(column).limit(EXAMPLES))).scalars().all():
            yield _sentence(f"instants aren't UTC: {column}", found)
    if found := [row[0] for row in await connection.execute(text("PRAGMA foreign_key_check"))]:
        yield _sentence("rows point to rows that don't exist; tables", sorted(set(found)))
    if (verdict := await connection.scalar(text("PRAGMA quick_check(1)"))) != "ok":
        yield f"the database file is damaged: {verdict}"


def _sentence(text: str, offenders: Iterable[object]) -> str:
    named = ", ".join(str(offender) for offender in offenders)
    return f"{text}: {named}"
