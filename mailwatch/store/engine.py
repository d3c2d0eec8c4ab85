"""Engines for the two databases, and what their errors mean to everybody else.

SQLite: one writer connection, BEGIN IMMEDIATE (a transaction that reads first and writes later would be refused
at once, whatever the timeout), WAL, synchronous=FULL: a power loss must not forget a sent acknowledgement.
PostgreSQL: READ COMMITTED; what must not happen twice is a constraint or a conditional update.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mailwatch.store.checkpoints import AT_THE_LATEST, Checkpointer
from mailwatch.store.faults import translate
from mailwatch.store.inplace import connect_in_place, try_to_open
from mailwatch.store.types import to_json

LOCK_TIMEOUT_MS = 30_000  # another process may be migrating or checkpointing
READERS = 4  # connections for reports on SQLite
WRITER_CACHE_KIB = 16_000  # a batch beside a long history changes thousands of pages: what doesn't fit is written twice
CONNECTIONS = 5  # of one process on PostgreSQL: receiving, dispatching, ticking, and a command
CONNECT_TIMEOUT = 10.0  # seconds
STATEMENT_TIMEOUT = 60.0  # seconds; nothing here takes one
# A frozen process keeps its connections, and every lock of the transaction that it was in. Where the server sees that
# the session is idle, it ends it after so long; where it doesn't, other workers do (`leases.cut_off_others`).
ABANDONED_MS = 10_000
APPLICATION = "mailwatch"  # what PostgreSQL's list of sessions shows of us; workers add their names


class Database:
    """Both ways in: units of work that write, and reports that only read."""

    def __init__(self, url: str, *, foreign_keys: bool = True, application: str = APPLICATION) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.checkpointer = Checkpointer(self.url.database or "")
        if self.is_sqlite:
            connect = partial(connect_in_place, self.url.database or "", self.checkpointer.note)
            self._writer = _sqlite_engine(self.url, 1, foreign_keys, connect)
            self._reader = _sqlite_engine(self.url, READERS, foreign_keys)
        else:
            self._writer = _postgresql_engine(self.url, application)
            self._reader = self._writer

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back on any exception. Raises what `translate` gives."""
        async with _translated(), self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read-only transaction: every statement in it sees the same instant of the database."""
        async with _translated(), self._reader.connect() as connection:
            if not self.is_sqlite:  # on SQLite a transaction is such a snapshot already
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self.checkpointer.close()
        await self._writer.dispose()
        await self._reader.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise translate(error).with_traceback(error.__traceback__) from None


def _sqlite_engine(
    url: URL, connections: int, foreign_keys: bool, connect_writer: Callable[[], Awaitable[Any]] | None = None
) -> AsyncEngine:
    """`connect_writer`: how the writer connects; without it, these connections only read."""
    is_writer = connect_writer is not None
    engine = create_async_engine(
        url,
        async_creator=connect_writer,
        pool_size=connections,
        max_overflow=0,
        # `begin()` commits or rolls back; one more rollback at every return would be a journey to the thread.
        pool_reset_on_return=None if is_writer else "rollback",
        hide_parameters=True,  # addresses and subjects are in them
        json_serializer=to_json,
    )

    def before_connecting(*_: object) -> None:
        try_to_open(url.database or "")

    def connect(connection: Any, _: object) -> None:  # the driver's own type, wrapped by SQLAlchemy
        connection.isolation_level = None  # BEGIN is ours to say
        connection.execute(f"PRAGMA busy_timeout={LOCK_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        if is_writer:
            connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint={AT_THE_LATEST}")
        else:
            connection.execute("PRAGMA query_only=ON")

    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN DEFERRED")

    event.listen(engine.sync_engine, "do_connect", before_connecting)
    event.listen(engine.sync_engine, "connect", connect)
    event.listen(engine.sync_engine, "begin", begin_transaction)
    return engine


def _postgresql_engine(url: URL, application: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        hide_parameters=True,
        json_serializer=to_json,
        connect_args={
            "timeout": CONNECT_TIMEOUT,
            "command_timeout": STATEMENT_TIMEOUT,
            "server_settings": {
                "application_name": application,
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": str(ABANDONED_MS),
            },
        },
    )
