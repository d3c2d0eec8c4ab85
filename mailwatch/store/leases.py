"""Leases: which worker holds which mailbox, and until when, by the database's clock.

The clock is read once, at the first question: a lease then ends early rather than late, however long a transaction
takes. Rows that another transaction has locked are skipped, not waited for.

A frozen worker's transaction would keep its locks for as long as its process stands, on a cursor, say: whoever takes
its mailboxes over would wait for ever. So the sessions of whoever has missed its beats are ended. (The server's own
limit for idle transactions isn't enough: between preparing a statement and executing it, a session isn't idle, and a
limit for statements isn't heeded while the server waits for the client.)
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.shares import LEASE
from mailwatch.ports import Workers
from mailwatch.store.engine import APPLICATION
from mailwatch.store.schema import leases, workers
from mailwatch.store.types import Keys, UTCDateTime, among
from mailwatch.store.unit import Unit

FORGOTTEN_AFTER = timedelta(days=1)  # a worker that died is shown for so long

_NOBODY_S = or_(leases.c.until.is_(None), leases.c.until < bindparam("now"))
_THESE = among(leases.c.mailbox, bindparam("mailboxes", type_=Keys()))
_RENEW = (
    update(leases)
    .where(leases.c.worker == bindparam("me"), leases.c.until >= bindparam("now"))
    .values(until=bindparam("then"))
)
_MINE = select(leases.c.mailbox, leases.c.fence).where(
    leases.c.worker == bindparam("me"), leases.c.until >= bindparam("now")
)
_LOCK_FREE = select(leases.c.mailbox).where(_THESE, _NOBODY_S).with_for_update(skip_locked=True)
_CLAIM = (
    update(leases)
    .where(_THESE, _NOBODY_S)
    .values(worker=bindparam("me"), until=bindparam("then"), fence=leases.c.fence + 1)
    .returning(leases.c.mailbox, leases.c.fence)
)
_RELEASE = update(leases).where(leases.c.worker == bindparam("me")).values(worker=None, until=None)
_RELEASE_SOME = _RELEASE.where(_THESE)
_COUNTS = (
    select(leases.c.worker, func.count().label("held"))
    .where(leases.c.worker.is_not(None), leases.c.until >= bindparam("now"))
    .group_by(leases.c.worker)
)
_HELD = _COUNTS.subquery()
_HOLDS = func.coalesce(_HELD.c.held, 0).label("held")
_WORKERS = select(workers.c.name, workers.c.beat_at, workers.c.facts, _HOLDS).outerjoin(
    _HELD, _HELD.c.worker == workers.c.name
)
_CUT_OFF = text(
    "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a JOIN worker AS w"
    f" ON a.application_name = '{APPLICATION} ' || w.name"
    " WHERE a.datname = current_database() AND a.usename = current_user AND w.beat_at < :before AND w.name <> :me"
).bindparams(bindparam("before", type_=UTCDateTime()))
_LEAVE = delete(workers).where(workers.c.name == bindparam("me"))
_FORGET = delete(workers).where(workers.c.beat_at < bindparam("before"))


async def count_held(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    """Worker → how many mailboxes it holds, at an instant of the database's clock."""
    return {row.worker: row.held for row in (await connection.execute(_COUNTS, {"now": now})).all()}


class LeasePart(Unit):
    """The part of a transaction by which workers share out mailboxes."""

    async def keep_leases(self, mailboxes: Collection[str]) -> None:
        """See `ports.Leasing`. In one order for everybody, so that two workers can't wait for each other."""
        rows = [{"mailbox": mailbox, "fence": 0} for mailbox in sorted(mailboxes)]
        await self.change(self.insert(leases).on_conflict_do_nothing(), rows)
        await self.connection.execute(_FORGET, {"before": await self.clock() - FORGOTTEN_AFTER})

    async def renew_leases(self, worker: str, lease: timedelta, held: Mapping[str, int]) -> Mapping[str, int]:
        """See `ports.Leasing`. A thousand rows told back every few seconds would be most of what holding costs."""
        now = await self.clock()
        renewed = await self.connection.execute(_RENEW, {"me": worker, "now": now, "then": now + lease})
        if renewed.rowcount == len(held):
            return held
        return dict(tuple(row) for row in await self.rows(_MINE, {"me": worker, "now": now}))

    async def list_workers(self, watches: str) -> Workers:
        """See `ports.Leasing`."""
        now = await self.clock()
        rows = await self.rows(_WORKERS, {"now": now})
        silent = {row.name for row in rows if row.beat_at < now - LEASE}
        alike = [row for row in rows if row.name not in silent and row.facts.get("watches") == watches]
        return Workers(holders={row.name: row.held for row in alike}, silent=frozenset(silent))

    async def cut_off_others(self, worker: str) -> None:
        """See `ports.Leasing`. At once, whatever becomes of this transaction."""
        if self.connection.dialect.name != "sqlite":
            await self.connection.execute(_CUT_OFF, {"before": await self.clock() - LEASE, "me": worker})

    async def lock_free_leases(self, mailboxes: Collection[str]) -> frozenset[str]:
        """See `ports.Leasing`."""
        if not mailboxes:
            return frozenset()
        rows = await self.rows(_LOCK_FREE, {"mailboxes": sorted(mailboxes), "now": await self.clock()})
        return frozenset(row.mailbox for row in rows)

    async def claim_leases(self, worker: str, mailboxes: Collection[str], lease: timedelta) -> Mapping[str, int]:
        """See `ports.Leasing`."""
        if not mailboxes:
            return {}
        now = await self.clock()
        rows = await self.rows(_CLAIM, {"me": worker, "mailboxes": sorted(mailboxes), "now": now, "then": now + lease})
        return {row.mailbox: row.fence for row in rows}

    async def release_leases(self, worker: str, mailboxes: Collection[str]) -> None:
        """See `ports.Leasing`."""
        if mailboxes:
            await self.connection.execute(_RELEASE_SOME, {"me": worker, "mailboxes": sorted(mailboxes)})

    async def leave(self, worker: str) -> None:
        """See `ports.Leasing`."""
        await self.connection.execute(_RELEASE, {"me": worker})
        await self.connection.execute(_LEAVE, {"me": worker})
