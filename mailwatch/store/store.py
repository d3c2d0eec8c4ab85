"""`ports.Store` on SQLite or PostgreSQL."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.ports import Clock
from mailwatch.store.absences import AbsencePart
from mailwatch.store.acts import ActingPart
from mailwatch.store.alerting import AlertingPart
from mailwatch.store.engine import APPLICATION, Database
from mailwatch.store.leases import LeasePart
from mailwatch.store.mailboxes import MailboxPart
from mailwatch.store.observing import ObservingPart
from mailwatch.store.outbox import OutboxPart
from mailwatch.store.past import PastPart
from mailwatch.store.revisions import HEAD, check, current_revision
from mailwatch.store.schema import installation, sightings
from mailwatch.store.switches import SwitchPart
from mailwatch.store.unit import Unit

KEY_OCTETS = 32


class SqlTransaction(
    MailboxPart, PastPart, OutboxPart, SwitchPart, ObservingPart, AbsencePart, AlertingPart, LeasePart, ActingPart
):
    """`ports.Transaction`: the parts together, on one connection and at one instant."""


class SqlStore:
    """`ports.Store`: opened once, closed at the end, shared by every task of the process."""

    def __init__(self, url: str, clock: Clock, worker: str = "") -> None:
        self.database = Database(url, application=f"{APPLICATION} {worker}".strip())
        self._url = url
        self._clock = clock
        self._key = b""

    async def open(self, *, upgrade: bool = False) -> None:
        """Check the schema's revision, or bring it up to date, and load the key.

        Raises SchemaMismatch (its text says what to do), StoreUnavailable.
        """
        current = await current_revision(self._url)
        if upgrade and current != HEAD:
            await _upgrade(self._url)
        else:
            check(current)
        async with self.database.write() as connection:
            self._key = await _load_key(Unit(connection, self._clock.now()))

    async def close(self) -> None:
        """Close every connection."""
        await self.database.close()

    @property
    def key(self) -> bytes:
        """See `ports.Store`. RuntimeError before `open`."""
        if not self._key:
            raise RuntimeError("the store isn't open")
        return self._key

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """See `ports.Store`. Raises CursorMoved where another worker wrote the same first."""
        async with self.database.write() as connection:
            yield SqlTransaction(connection, self._clock.now())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """For reports: every statement sees the same instant of the database, and none can write."""
        async with self.database.read() as connection:
            yield connection

    async def count_sightings(self) -> int:
        """How many copies of messages were seen so far, in all mailboxes."""
        async with self.reading() as connection:
            return int(await connection.scalar(select(func.count()).select_from(sightings)) or 0)


def open_store(url: str, clock: Clock, worker: str = "") -> SqlStore:
    """A store at `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`; nothing is connected before `open`.

    By the worker's name others find its sessions, should it freeze (`leases.cut_off_others`).
    """
    return SqlStore(url, clock, worker)


async def _upgrade(url: str) -> None:
    """Alembic is imported only where it has something to do."""
    from mailwatch.store import migration

    await migration.upgrade(url)


async def _load_key(unit: Unit) -> bytes:
    """The installation's key, made at the first use; of two workers that make one, the first one's stays."""
    found = await _find_key(unit.connection)
    if found is None:
        row = {"id": 1, "key": secrets.token_bytes(KEY_OCTETS), "created_at": unit.now}
        await unit.connection.execute(unit.insert(installation).on_conflict_do_nothing(), row)
        found = await _find_key(unit.connection)
    return bytes(found or b"")


async def _find_key(connection: AsyncConnection) -> bytes | None:
    return await connection.scalar(select(installation.c.key))
