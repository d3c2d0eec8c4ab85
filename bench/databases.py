"""The two databases as the measurements need them: prepare, keep a state, restore it, ask a number."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import asyncpg
from servers.postgres import Postgres

NUMBERED = ("mailbox", "message", "request", "outbox")  # tables whose rows are loaded with their numbers

Execute = Callable[[str], None]  # a statement


class Database(Protocol):
    """A database that goes back to a kept state before each run.

    octets, crlf   how it writes the type of octets, and the end of a line
    """

    name: str
    url: str
    octets: str
    crlf: str

    def keep(self) -> None:
        """Remember the present state."""
        ...

    def restore(self) -> None:
        """Go back to it."""
        ...

    def number(self, sql: str) -> int:
        """The one number that a query gives; 0 for none, or while the table isn't there."""
        ...

    def execute(self, sql: str) -> None:
        """Run a statement."""
        ...

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        ...

    def loading(self) -> AbstractContextManager[Execute]:
        """For very many rows at once: what guards against crashes, and against rows without their kin, is off."""
        ...

    def settle(self) -> None:
        """After loading: what the database would do by and by in real life."""
        ...


class Sqlite:
    """A file in a folder of the measurement."""

    name = "SQLite"
    octets = "blob"
    crlf = "char(13, 10)"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "bench.db"
        self._kept = folder / "kept.db"
        self.url = f"sqlite:///{self._file}"

    def keep(self) -> None:
        self._copy(self._file, self._kept)

    def restore(self) -> None:
        for path in (self._file, Path(f"{self._file}-wal"), Path(f"{self._file}-shm")):
            path.unlink(missing_ok=True)
        self._copy(self._kept, self._file)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)

    def number(self, sql: str) -> int:
        try:
            found = self.rows(sql)
        except sqlite3.OperationalError:  # not there yet
            return 0
        return int(str(found[0][0] or 0)) if found else 0

    def execute(self, sql: str) -> None:
        with closing(sqlite3.connect(self._file)) as connection, connection:
            connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def loading(self) -> Iterator[Execute]:
        with closing(sqlite3.connect(self._file)) as connection:
            connection.create_function("md5", 1, _md5, deterministic=True)
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -2000000")
            yield lambda sql: _commit(connection, sql)

    def settle(self) -> None:
        """Nothing: mailwatch never asks SQLite for statistics, so there are none in real life."""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _commit(connection: sqlite3.Connection, sql: str) -> None:
    with connection:
        connection.execute(sql)


class Postgresql:
    """A database of a server of the measurement's own, with fsync on."""

    name = "PostgreSQL"
    octets = "bytea"
    crlf = "chr(13) || chr(10)"

    def __init__(self, server: Postgres) -> None:
        self._admin = server.url(driver="postgresql")
        self.url = server.url("bench", driver="postgresql")
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None
        self._administer("CREATE DATABASE bench")

    def _administer(self, *statements: str) -> None:
        async def act() -> None:
            connection = await asyncpg.connect(self._admin)
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        self._runner.run(act())

    def keep(self) -> None:
        self.close()
        self._administer("DROP DATABASE IF EXISTS kept WITH (FORCE)", "CREATE DATABASE kept TEMPLATE bench")

    def restore(self) -> None:
        self.close()
        self._administer(
            "DROP DATABASE IF EXISTS bench WITH (FORCE)", "CREATE DATABASE bench TEMPLATE kept", "CHECKPOINT"
        )

    def number(self, sql: str) -> int:
        try:
            found = self.rows(sql)
        except asyncpg.UndefinedTableError:
            return 0
        return int(str(found[0][0] or 0)) if found else 0

    def execute(self, sql: str) -> None:
        self._runner.run(self._execute(sql))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self._runner.run(self._rows(sql))

    @contextmanager
    def loading(self) -> Iterator[Execute]:
        self.execute("SET session_replication_role = replica")  # no look-up of each foreign key
        self.execute("SET synchronous_commit = off")
        yield self.execute
        for table in NUMBERED:
            self.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        self.close()

    def settle(self) -> None:
        """Statistics and visibility, as by autovacuum."""
        self.execute("VACUUM ANALYZE")
        self.execute("CHECKPOINT")
        self.close()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None:
            self._connection = await asyncpg.connect(self.url)
        return self._connection

    async def _execute(self, sql: str) -> None:
        await (await self._connected()).execute(sql)

    async def _rows(self, sql: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await (await self._connected()).fetch(sql)]

    def close(self) -> None:
        """Let go of the database, so that it can be copied or dropped."""
        if self._connection is not None:
            self._runner.run(self._connection.close())
            self._connection = None
