"""What stands in the database, read as the product's own reports read it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import text

from mailwatch.clock import SystemClock
from mailwatch.store import reports
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.engine import Database as StoredIn
from mailwatch.store.store import SqlStore, open_store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Database:
    """`configured`: its URL in the configuration; `url`: as the store takes it."""

    configured: str
    url: str
    needs_upgrade: bool = False

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded one."""
        return self.url.startswith("sqlite")

    def _read(self, act: Callable[[SqlStore], Awaitable[T]]) -> T:
        async def read() -> T:
            store = open_store(self.url, SystemClock())
            try:
                await store.open()
                return await act(store)
            finally:
                await store.close()

        return asyncio.run(read())

    def entries(self) -> list[reports.EntryFact]:
        """The whole outbox."""
        return self._read(reports.list_entries)

    def messages(self) -> list[reports.MessageFact]:
        """All recorded messages, in the order in which they were written."""
        return self._read(reports.list_messages)

    def requests(self) -> Sequence[reports.RequestFact]:
        """All requests, newest first."""
        return self._read(lambda store: reports.list_requests(store, limit=100_000))

    def story(self, reference: str) -> reports.RequestStory:
        """The story of a request."""
        return self._read(lambda store: reports.get_request(store, reference))

    def scalar(self, statement: str) -> object:
        """What no report tells."""

        async def read(store: SqlStore) -> object:
            async with store.reading() as connection:
                return await connection.scalar(text(statement))

        return self._read(read)

    def sightings(self) -> int:
        """How many copies were seen."""
        return self._read(lambda store: store.count_sightings())

    def workers(self) -> Sequence[reports.WorkerFact]:
        """Everybody who ever worked on it."""
        return self._read(lambda store: reports.list_workers(store, SystemClock().now()))

    def held(self) -> dict[str, str]:
        """Mailbox → the worker that holds it now, by the database's clock."""
        chosen = text("SELECT mailbox, worker FROM lease WHERE until >= clock_timestamp()")

        async def read() -> dict[str, str]:
            database = StoredIn(self.url)  # without the store's opening: this is asked many times a second
            try:
                async with database.read() as connection:
                    return {row.mailbox: row.worker for row in (await connection.execute(chosen)).all()}
            finally:
                await database.close()

        return asyncio.run(read())

    def inconsistencies(self) -> list[str]:
        """Every broken invariant."""
        return self._read(find_inconsistencies)

    def execute(self, statement: str) -> None:
        """What only time, or another version, would do to the database."""

        async def act(store: SqlStore) -> None:
            async with store.database.write() as connection:
                await connection.execute(text(statement))

        self._read(act)
