"""One unit of work's two facts: its connection and its instant. The parts of a transaction are built on it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Executable, Row, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.store.schema import mailboxes

_CLOCK = select(func.clock_timestamp())
_MAILBOX_ID = select(mailboxes.c.id).where(mailboxes.c.address == bindparam("address"))


class Unit:
    """A transaction that has begun. The store makes it, and commits it or rolls it back."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self._clock: datetime | None = None

    async def clock(self) -> datetime:
        """The database's own clock, by which workers agree who is there; read once. On SQLite there is one process,
        whose clock it is."""
        if self._clock is None:
            self._clock = self.now
            if self.connection.dialect.name != "sqlite":
                self._clock = (await self.connection.execute(_CLOCK)).scalar_one().astimezone(UTC)
        return self._clock

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows ON CONFLICT, in the words of this database."""
        return sqlite.insert(table) if self.connection.dialect.name == "sqlite" else postgresql.insert(table)

    async def rows(self, statement: Executable, parameters: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Every row of a statement."""
        return (await self.connection.execute(statement, parameters or {})).all()

    async def change(self, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
        """Execute a statement for every row of parameters; nothing at all for none."""
        if rows:
            await self.connection.execute(statement, rows)

    async def mailbox_id(self, address: str) -> int:
        """The row of a mailbox, made if there is none."""
        parameters = {"address": address}
        found = await self.connection.scalar(_MAILBOX_ID, parameters)
        if found is None:
            await self.connection.execute(self.insert(mailboxes).on_conflict_do_nothing(), parameters)
            found = await self.connection.scalar(_MAILBOX_ID, parameters)
        return int(found or 0)
