"""Whether what is stored keeps the promises: every invariant that can be read from the data.

Used after every scenario of the tests, and by `mailwatch check --data`. Constraints forbid most of it already; a
restored backup, another program or a fault of ours may have come in between. Nothing is changed.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, cast, exists, func, not_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.calendars import from_definition
from mailwatch.domain.notices import TOLD_AGAIN_AFTER
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind
from mailwatch.domain.standards import due, parse_limit
from mailwatch.store.contradictions import CHECKS
from mailwatch.store.retelling import check_histories
from mailwatch.store.schema import calendars, earlier_clocks, events, metadata, outbox, requests
from mailwatch.store.store import SqlStore
from mailwatch.store.types import UTCDateTime

EXAMPLES = 5  # how many offenders a sentence names
BATCH = 500  # rows fetched at a time: bodies are among them

# RFC 3834 §5: an acknowledgement answers a message, a digest or an alert answers none.
_KEYWORDS = {
    EntryKind.ACKNOWLEDGEMENT: b"auto-replied",
    EntryKind.NOTICE: b"auto-replied",
    EntryKind.NOTE: b"auto-generated",
    EntryKind.DIGEST: b"auto-generated",
    EntryKind.ALERT: b"auto-generated",
}

_CALENDARS = calendars.join(requests, requests.c.calendar_digest == calendars.c.digest)
# By an absence: then the history tells when it is due, and never earlier than the standard.
_IS_RESCHEDULED = exists().where(events.c.request_id == requests.c.id, events.c.kind == EventKind.RESCHEDULED)
_VERSIONS = (
    calendars.c.digest,
    calendars.c.definition,
    requests.c.reference,
    requests.c.standard,
    _IS_RESCHEDULED.label("is_rescheduled"),
)
_TELLING = (
    select(outbox.c.id, outbox.c.kind, outbox.c.absence_id, outbox.c.recipient, outbox.c.enqueued_at)
    .where(outbox.c.absence_id.is_not(None), outbox.c.state.not_in((EntryState.CANCELLED, EntryState.FAILED)))
    .order_by(outbox.c.id)  # a clock that was set back makes nothing earlier than what was known then
)
_DUE_INSTANTS = (
    select(
        *_VERSIONS,
        requests.c.received_at,
        requests.c.acknowledgement_due_at,
        requests.c.clock_started_at.label("started_at"),
        requests.c.answer_due_at.label("due_at"),
    )
    .select_from(_CALENDARS)
    .order_by(calendars.c.digest)
)
_EARLIER_DUE_INSTANTS = (
    select(
        *_VERSIONS,
        requests.c.received_at,
        requests.c.acknowledgement_due_at,
        earlier_clocks.c.started_at,
        earlier_clocks.c.due_at,
    )
    .select_from(_CALENDARS.join(earlier_clocks, earlier_clocks.c.request_id == requests.c.id))
    .order_by(calendars.c.digest)
)


async def find_inconsistencies(store: SqlStore) -> list[str]:
    """What contradicts an invariant, a sentence each; an empty list when all is well."""
    async with store.reading() as connection:
        problems = [problem async for problem in _check_tables(connection)]
        problems += [problem async for problem in check_histories(connection, BATCH)]
        for statement in (_DUE_INSTANTS, _EARLIER_DUE_INSTANTS):
            problems += [problem async for problem in _check_due_instants(connection, statement)]
        problems += [problem async for problem in _check_bodies(connection)]
        problems += [problem async for problem in _check_notices(connection)]
        if connection.dialect.name == "sqlite":
            problems += [problem async for problem in _check_sqlite(connection)]
    return problems


async def _check_tables(connection: AsyncConnection) -> AsyncIterator[str]:
    for sentence, offenders in CHECKS:
        found = (await connection.execute(offenders.limit(EXAMPLES))).scalars().all()
        if found:
            yield _sentence(sentence, found)


async def _check_due_instants(connection: AsyncConnection, statement: Select[Any]) -> AsyncIterator[str]:
    """Due instants are those of the standard and the calendar's version, as far as this program still
    knows that version."""
    calendar, digest = None, ""
    async for row in await connection.stream(statement.execution_options(yield_per=BATCH)):
        if row.digest != digest:
            calendar, digest = from_definition(row.definition), row.digest
        if calendar is None or calendar.digest != row.digest:
            continue  # the library's holidays have changed since: the stored instants stand
        acknowledge, answer = (parse_limit(row.standard[key]) for key in ("acknowledge_within", "answer_within"))
        if due(calendar, row.received_at, acknowledge) != row.acknowledgement_due_at:
            yield f"the acknowledgement is due at another instant: {row.reference}"
        by_standard = due(calendar, row.started_at, answer)
        if by_standard > row.due_at or (by_standard != row.due_at and not row.is_rescheduled):
            yield f"the answer is due at another instant: {row.reference}"


async def _check_bodies(connection: AsyncConnection) -> AsyncIterator[str]:
    """Every automatic message says that it is one (RFC 3834 §5), and has the Message-ID that the outbox knows."""
    rows = await connection.stream(
        select(outbox.c.id, outbox.c.kind, outbox.c.message_id, outbox.c.body).execution_options(yield_per=BATCH)
    )
    async for row in rows:
        headers = bytes(row.body).partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
        if b"auto-submitted: " + _KEYWORDS[EntryKind(row.kind)] not in headers:
            yield f"an automatic message doesn't say that it is one, and of which kind: entry {row.id}"
        if b"message-id: " + row.message_id.lower().encode() not in headers:
            yield f"an automatic message has another Message-ID than the outbox: entry {row.id}"


async def _check_notices(connection: AsyncConnection) -> AsyncIterator[str]:
    """Whoever was told of an absence isn't told of it again, by a notice that stands alone, within the interval.

    An acknowledgement of the same instant may have come after the notice: a batch isn't written in its own order.
    """
    last: dict[tuple[int, str], tuple[datetime, str]] = {}
    async for row in await connection.stream(_TELLING.execution_options(yield_per=BATCH)):
        key, told = (row.absence_id, row.recipient), (row.enqueued_at, row.kind)
        if key in last and row.kind == EntryKind.NOTICE:
            at, kind = last[key]
            is_of_one_batch = at == row.enqueued_at and kind == EntryKind.ACKNOWLEDGEMENT
            if row.enqueued_at - at < TOLD_AGAIN_AFTER and not is_of_one_batch:
                yield f"somebody was told again of an absence too soon: entry {row.id}"
        last[key] = max(last.get(key, told), told)


def _instant(column: Any) -> Select[Any]:  # a column of UTCDateTime
    """Instants that SQLite holds in another form than ours: they would not sort."""
    written = cast(column, String)
    return select(written).where(
        column.is_not(None), or_(func.length(written) != 27, not_(written.like("____-__-__T__:__:__.______Z")))
    )


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
