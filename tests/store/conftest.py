"""Every store test runs on SQLite and on PostgreSQL, each on a database of its own that was migrated once."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest
from servers.postgres import Postgres
from store.records import NOW

from mailwatch.clock import MovableClock
from mailwatch.store import migration
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.store import SqlStore, open_store


class Databases(Protocol):
    """A kind of database, of which a test may have as many as it likes."""

    async def migrated(self) -> str:
        """The URL of a new database at this program's revision."""
        ...

    async def empty(self) -> str:
        """The URL of a new database without tables."""
        ...


class SqliteDatabases:
    """Files; a migrated one is a copy."""

    def __init__(self, folder: Path, pattern: Path) -> None:
        self._folder = folder
        self._pattern = pattern
        self._numbers = itertools.count(1)

    async def migrated(self) -> str:
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copyfile(self._pattern, path)
        return f"sqlite+aiosqlite:///{path}"

    async def empty(self) -> str:
        return f"sqlite+aiosqlite:///{self._folder / f'{next(self._numbers)}.db'}"


class PostgresDatabases:
    """Databases of one cluster; a migrated one is made from a template."""

    def __init__(self, server: Postgres, pattern: str) -> None:
        self._server = server
        self._pattern = pattern

    async def migrated(self) -> str:
        return self._server.url(await self._server.create(self._pattern))

    async def empty(self) -> str:
        return self._server.url(await self._server.create())


@pytest.fixture(scope="session")
def sqlite_pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pattern") / "pattern.db"
    _run(migration.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_pattern(postgres: Postgres) -> str:
    async def make() -> str:
        name = await postgres.create()
        await migration.upgrade(postgres.url(name))
        return name

    return str(_run(make()))


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    if request.param == "sqlite":
        return SqliteDatabases(tmp_path, request.getfixturevalue("sqlite_pattern"))
    return PostgresDatabases(request.getfixturevalue("postgres"), request.getfixturevalue("postgres_pattern"))


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
async def url(databases: Databases) -> str:
    """A migrated database."""
    return await databases.migrated()


@pytest.fixture
async def store(url: str, clock: MovableClock) -> AsyncIterator[SqlStore]:
    """An open store, which must be consistent in the end."""
    store = open_store(url, clock)
    await store.open()
    try:
        yield store
        assert await find_inconsistencies(store) == []
    finally:
        await store.close()


@pytest.fixture
async def rival(url: str, store: SqlStore, clock: MovableClock) -> AsyncIterator[SqlStore]:
    """A second worker's store on the same database."""
    other = open_store(url, clock)
    await other.open()
    try:
        yield other
    finally:
        await other.close()


def _run(work: object) -> object:
    """Run a coroutine to its end, away from the loop of the tests."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()  # type: ignore[arg-type]
