"""What SQLite is told of each connection: a power loss forgets nothing, and a report writes nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from store.conftest import SqliteDatabases

from mailwatch.errors import StoreUnavailable
from mailwatch.store.checkpoints import AT_THE_LATEST
from mailwatch.store.engine import WRITER_CACHE_KIB, Database

ASKED = [
    "journal_mode",
    "synchronous",
    "foreign_keys",
    "busy_timeout",
    "query_only",
    "wal_autocheckpoint",
    "cache_size",
]
FULL = 2  # https://www.sqlite.org/pragma.html#pragma_synchronous


@pytest.fixture
async def database(tmp_path: Path, sqlite_pattern: Path) -> AsyncIterator[Database]:
    database = Database(await SqliteDatabases(tmp_path, sqlite_pattern).migrated())
    yield database
    await database.close()


async def told(database: Database, *, writes: bool) -> dict[str, object]:
    async with database.write() if writes else database.read() as connection:
        return {name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in ASKED}


async def test_what_is_committed_is_on_the_disk(database: Database) -> None:
    writer, reader = await told(database, writes=True), await told(database, writes=False)

    shared = {"journal_mode": "wal", "synchronous": FULL, "foreign_keys": 1, "busy_timeout": 30_000}
    log_and_cache = {"wal_autocheckpoint": AT_THE_LATEST, "cache_size": -WRITER_CACHE_KIB}
    assert writer == {**shared, **log_and_cache, "query_only": 0}
    assert {**reader, **log_and_cache} == {**shared, **log_and_cache, "query_only": 1}


async def test_a_reader_can_not_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        async with database.read() as connection:
            await connection.exec_driver_sql("DELETE FROM mailbox")
