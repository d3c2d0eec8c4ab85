"""What monitoring reads, every few seconds: ages and counts; no address, no subject.

Cheap whatever the history: each statement goes through an index that holds only what is unfinished, or through what
was enqueued lately (tests/store/test_gauges.py asks for the plans).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Executable, Select, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.escalations import HELD_SILENTLY
from mailwatch.domain.outbox import EntryKind
from mailwatch.domain.requests import State
from mailwatch.store.reports import SwitchFact
from mailwatch.store.schema import LIVE, incidents, mailboxes, outbox, requests, sightings, switches, workers
from mailwatch.store.standings import IS_UNSETTLED
from mailwatch.store.store import SqlStore
from mailwatch.store.switches import ALIVE_WITHIN
from mailwatch.store.unit import Unit

LATELY = timedelta(days=7)  # how far back submissions that ended, and digests, are looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxGauge:
    """A configured mailbox; `id` stands for its address, and `mailwatch status` shows both."""

    id: int
    progress_at: datetime | None
    trouble_code: str | None
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """Everything that is read at once.

    unsettled        running clocks by the request's state
    overdue          running clocks past their due instant
    unacknowledged   who still owes the acknowledgement, "mailwatch" or "person": how many requests
    oldest_owed_at   when the oldest was received that mailwatch itself still has to acknowledge
    soonest_due_at   the first instant at which such an acknowledgement would miss the standard
    unseen           configured mailboxes that no look has succeeded in yet
    waiting          outbox entries that may still be sent, by state
    oldest_due_at    since when the oldest entry could have been sent
    ended            outbox entries enqueued within LATELY and at their end, by state
    digest_at        when the newest digest within LATELY was enqueued
    incidents        what is wrong and not over, by kind
    octets           the size of the database
    """

    at: datetime
    unsettled: Mapping[str, int]
    overdue: int
    unacknowledged: Mapping[str, int]
    oldest_owed_at: datetime | None
    soonest_due_at: datetime | None
    mailboxes: tuple[MailboxGauge, ...]
    unseen: int
    quarantined: int
    waiting: Mapping[str, int]
    oldest_due_at: datetime | None
    ended: Mapping[str, int]
    digest_at: datetime | None
    incidents: Mapping[str, int]
    switches: tuple[SwitchFact, ...]
    workers: int
    octets: int


_IS_LIVE = text(LIVE)  # word for word what the partial index on due entries says
_UNSETTLED = select(requests.c.state, func.count()).where(IS_UNSETTLED).group_by(requests.c.state)
_WHOSE = case((requests.c.suppressed_by.is_(None), "mailwatch"), else_="person").label("whose")
_OWED = (
    select(
        _WHOSE,
        func.count().label("how_many"),
        func.min(requests.c.received_at).label("received_at"),
        func.min(requests.c.acknowledgement_due_at).label("due_at"),
    )
    .where(
        requests.c.state == State.OPEN,
        requests.c.acknowledged_at.is_(None),
        requests.c.answered_at.is_(None),
        func.coalesce(requests.c.suppressed_by, "").not_in(sorted(HELD_SILENTLY)),
    )
    .group_by(_WHOSE)
)
_MAILBOXES = select(
    mailboxes.c.id, mailboxes.c.address, mailboxes.c.progress_at, mailboxes.c.trouble_code, mailboxes.c.gaps
).order_by(mailboxes.c.id)
_OPEN_INCIDENTS = (
    select(incidents.c.kind, func.count()).where(incidents.c.closed_at.is_(None)).group_by(incidents.c.kind)
)
_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


async def read_gauges(store: SqlStore, now: datetime, configured: Collection[str]) -> Gauges:
    """What stands in the database at an instant; of mailboxes, those configured. Raises StoreUnavailable."""
    async with store.reading() as connection:
        owed = {row.whose: row for row in (await connection.execute(_OWED)).all()}
        ours = owed.get("mailwatch")
        rows = [row for row in (await connection.execute(_MAILBOXES)).all() if row.address in configured]
        found = [
            MailboxGauge(id=row.id, progress_at=row.progress_at, trouble_code=row.trouble_code, gaps=row.gaps)
            for row in rows
        ]
        since = now - LATELY
        return Gauges(
            at=now,
            unsettled=await _counts(connection, _UNSETTLED),
            overdue=await _number(connection, select(func.count()).where(IS_UNSETTLED, requests.c.answer_due_at < now)),
            unacknowledged={whose: row.how_many for whose, row in owed.items()},
            oldest_owed_at=ours.received_at if ours else None,
            soonest_due_at=ours.due_at if ours else None,
            mailboxes=tuple(found),
            unseen=len(configured) - sum(each.progress_at is not None for each in found),
            quarantined=await _number(connection, select(func.count()).where(sightings.c.quarantined.is_not(None))),
            waiting=await _counts(
                connection, select(outbox.c.state, func.count()).where(_IS_LIVE).group_by(outbox.c.state)
            ),
            oldest_due_at=await connection.scalar(
                select(func.min(outbox.c.not_before)).where(_IS_LIVE, outbox.c.not_before <= now)
            ),
            ended=await _counts(
                connection,
                select(outbox.c.state, func.count())
                .where(outbox.c.enqueued_at >= since, outbox.c.settled_at.is_not(None))
                .group_by(outbox.c.state),
            ),
            digest_at=await connection.scalar(
                select(func.max(outbox.c.enqueued_at)).where(
                    outbox.c.enqueued_at >= since, outbox.c.kind == EntryKind.DIGEST
                )
            ),
            incidents=await _counts(connection, _OPEN_INCIDENTS),
            switches=tuple(SwitchFact(**row) for row in (await connection.execute(select(switches))).mappings()),
            workers=await _number(
                connection,
                select(func.count())
                .select_from(workers)
                .where(workers.c.beat_at >= await Unit(connection, now).clock() - ALIVE_WITHIN),
            ),
            octets=await _number(connection, text(_SIZES[connection.dialect.name])),
        )


async def _counts(connection: AsyncConnection, chosen: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in (await connection.execute(chosen)).all()}


async def _number(connection: AsyncConnection, chosen: Executable) -> int:
    return int(await connection.scalar(chosen) or 0)
