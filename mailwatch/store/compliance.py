"""A month's compliance, read in one pass: memory grows with the month, time with neither the history nor its mail.

The requests come by the index on `received_at`, each with its runs; the silent register by that on what is in it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, case, exists, func, literal_column, not_, null, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.calendars import ServiceCalendar, from_definition
from mailwatch.domain.compliance import Handling, Month, TimedRun, judge
from mailwatch.domain.figures import Ledger, Report
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, State
from mailwatch.domain.verdicts import Kind
from mailwatch.store.recording import ELSEWHERE
from mailwatch.store.schema import SILENT, calendars, earlier_clocks, events, mailboxes, messages, outbox, requests
from mailwatch.store.store import SqlStore

BATCH = 500  # rows fetched at a time

# What stops a clock → as a run says it. A settled state has the name of the event that led to it.
_STOPS = {
    EventKind.ANSWERED: EventKind.ANSWERED,
    EventKind.ANSWER_NOTED: EventKind.ANSWERED,
    EventKind.CLOSED: EventKind.CLOSED,
    EventKind.SET_ASIDE: EventKind.SET_ASIDE,
}
# Word for word, with its values, as a partial index says it: only so do both databases use one.
_IS_SILENT: ColumnElement[bool] = literal_column(f"message.{SILENT}")

# A closed request may have been answered before: its row says when the clock stopped, its events by what.
_STOPPED_BY = (
    select(events.c.kind)
    .where(
        events.c.request_id == requests.c.id,
        events.c.occurred_at == requests.c.settled_at,
        events.c.kind.in_(list(_STOPS)),
    )
    .order_by(events.c.n)
    .limit(1)
    .scalar_subquery()
)
_SET_ASIDE_AT = (
    select(func.max(events.c.occurred_at))
    .where(events.c.request_id == requests.c.id, events.c.kind == EventKind.SET_ASIDE)
    .scalar_subquery()
)
# One message to several mailboxes has one acknowledgement, which is another mailbox's to send.
_ACKNOWLEDGED_ELSEWHERE_AT = (
    select(outbox.c.settled_at)
    .join(messages, messages.c.identity == outbox.c.caused_by)
    .where(
        messages.c.id == requests.c.message_id,
        outbox.c.kind == EntryKind.ACKNOWLEDGEMENT,
        outbox.c.state == EntryState.SENT,
    )
    .scalar_subquery()
)
_IS_SETTLED_OTHERWISE = requests.c.state.in_((State.CLOSED, State.SET_ASIDE))
_HANDLINGS = (
    select(
        requests.c.id,
        requests.c.mailbox_id,
        requests.c.state,
        requests.c.received_at,
        requests.c.acknowledgement_due_at,
        requests.c.acknowledged_at,
        requests.c.announced_due_at,
        requests.c.suppressed_by,
        requests.c.clock_started_at,
        requests.c.answer_due_at,
        requests.c.settled_at,
        requests.c.calendar_digest,
        case((_IS_SETTLED_OTHERWISE, _STOPPED_BY), else_=null()).label("stopped_by"),
        case((requests.c.state == State.SET_ASIDE, _SET_ASIDE_AT), else_=null()).label("set_aside_at"),
        case((requests.c.suppressed_by == ELSEWHERE, _ACKNOWLEDGED_ELSEWHERE_AT), else_=null()).label("elsewhere_at"),
        earlier_clocks.c.started_at.label("earlier_started_at"),
        earlier_clocks.c.due_at.label("earlier_due_at"),
        earlier_clocks.c.stopped_at.label("earlier_stopped_at"),
        earlier_clocks.c.stopped_by.label("earlier_stopped_by"),
    )
    .outerjoin(earlier_clocks, earlier_clocks.c.request_id == requests.c.id)
    .where(
        requests.c.received_at >= bindparam("starts_at"),
        requests.c.received_at < bindparam("ends_at"),
        requests.c.received_at <= bindparam("as_of"),
    )
    .order_by(requests.c.received_at, requests.c.id, earlier_clocks.c.n)
)
_SILENT = (
    select(messages.c.mailbox_id, messages.c.kind, func.count().label("n"))
    .where(
        messages.c.received_at >= bindparam("starts_at"),
        messages.c.received_at < bindparam("ends_at"),
        messages.c.received_at <= bindparam("as_of"),
        _IS_SILENT,
        not_(exists().where(requests.c.message_id == messages.c.id)),  # nobody has released it
    )
    .group_by(messages.c.mailbox_id, messages.c.kind)
)

_MAILBOXES = select(mailboxes.c.id, mailboxes.c.address)
_CALENDARS = select(calendars.c.digest, calendars.c.definition)


async def measure_month(
    store: SqlStore,
    month: Month,
    *,
    as_of: datetime,
    departments: Mapping[str, str],
    mailbox: str | None = None,
    department: str | None = None,
) -> Report:
    """The figures of a month as they stood at an instant; of one mailbox, or of one department's, if that is asked.

    `departments`: every mailbox of the configuration with its department, or an empty text. A mailbox that isn't in
    the configuration any more is reported, too, and belongs to none.
    """

    def is_chosen(address: str) -> bool:
        return mailbox in (None, address) and department in (None, departments.get(address, ""))

    ledger = Ledger({address: name for address, name in departments.items() if is_chosen(address)})
    span = {"starts_at": month.starts_at, "ends_at": month.ends_at, "as_of": as_of}
    async with store.reading() as connection:
        if connection.dialect.name == "postgresql":
            # Compiling the statement takes longer than executing it: the planner expects every request to be closed.
            await connection.execute(text("SET LOCAL jit = off"))
        known = await connection.execute(_MAILBOXES)
        addresses = {row.id: row.address for row in known if is_chosen(row.address)}
        async for handling in _handlings(connection, addresses, span):
            ledger.add(handling.mailbox, judge(handling, as_of))
        for row in await connection.execute(_SILENT, span):
            if row.mailbox_id in addresses:
                ledger.add_silent(addresses[row.mailbox_id], Kind(row.kind), row.n)
    return Report(month=month, as_of=as_of, scopes=ledger.scopes(with_departments=mailbox is None))


async def list_mailboxes(store: SqlStore) -> list[str]:
    """The address of every mailbox that was ever watched, in order."""
    async with store.reading() as connection:
        return sorted(row.address for row in await connection.execute(_MAILBOXES))


async def _handlings(
    connection: AsyncConnection, addresses: Mapping[int, str], span: Mapping[str, datetime]
) -> AsyncIterator[Handling]:
    """The month's requests of these mailboxes. A request's rows, one for each earlier run, follow each other.

    Mailboxes are chosen here and not in the statement: no planner is then tempted to read a mailbox's whole history.
    """
    definitions = {row.digest: row.definition for row in await connection.execute(_CALENDARS)}
    versions: dict[str, ServiceCalendar] = {}
    rows: list[Any] = []  # the row type of a join of so many columns has no name
    result = await connection.stream(_HANDLINGS.execution_options(yield_per=BATCH), span)
    async for batch in result.partitions():
        for row in batch:
            if row.calendar_digest not in versions:
                versions[row.calendar_digest] = from_definition(definitions[row.calendar_digest])
            if rows and rows[-1].id != row.id:
                yield _handling(rows, addresses, versions)
                rows.clear()
            if row.mailbox_id in addresses:
                rows.append(row)
    if rows:
        yield _handling(rows, addresses, versions)


def _handling(
    rows: Sequence[Row[Any]], addresses: Mapping[int, str], versions: Mapping[str, ServiceCalendar]
) -> Handling:
    """A request from its rows, one for each earlier run, or a single one without."""
    request = rows[-1]
    return Handling(
        mailbox=addresses[request.mailbox_id],
        received_at=request.received_at,
        acknowledgement_due_at=request.acknowledgement_due_at,
        acknowledged_at=request.acknowledged_at or request.elsewhere_at,
        announced_due_at=request.announced_due_at,
        set_aside_at=request.set_aside_at,
        suppressed_by=request.suppressed_by,
        runs=(*(_earlier_run(row) for row in rows if row.earlier_started_at is not None), _current_run(request)),
        calendar=versions[request.calendar_digest],
    )


def _earlier_run(row: Row[Any]) -> TimedRun:
    return TimedRun(
        started_at=row.earlier_started_at,
        due_at=row.earlier_due_at,
        stopped_at=row.earlier_stopped_at,
        stopped_by=EventKind(row.earlier_stopped_by),
    )


def _current_run(row: Row[Any]) -> TimedRun:
    return TimedRun(
        started_at=row.clock_started_at,
        due_at=row.answer_due_at,
        stopped_at=row.settled_at,
        stopped_by=None if row.settled_at is None else _STOPS[EventKind(row.stopped_by or row.state)],
    )
