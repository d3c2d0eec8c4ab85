"""A database moves: everything arrives in the other kind, numbering goes on, and nothing is mixed or half done."""

from datetime import timedelta
from pathlib import Path

import pytest
from servers.postgres import Postgres
from sqlalchemy import func, select, update
from store.conftest import Databases, PostgresDatabases, SqliteDatabases
from store.november import play
from store.records import NOW, OTHER, a_digest, a_record, enqueue, receive

from mailwatch.clock import MovableClock
from mailwatch.errors import SchemaMismatch
from mailwatch.store import copying, migration, revisions
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.copying import CopyDiffers, SourceBusy, TargetNotEmpty, copy_database, count_rows
from mailwatch.store.engine import Database
from mailwatch.store.schema import metadata, outbox, requests, workers
from mailwatch.store.store import SqlStore, open_store

Kinds = tuple[Databases, Databases]


@pytest.fixture(params=["sqlite to postgres", "postgres to sqlite", "sqlite to sqlite"])
def kinds(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_pattern: Path, postgres: Postgres, postgres_pattern: str
) -> Kinds:
    """Where from, and where to."""
    made: dict[str, Databases] = {
        "sqlite": SqliteDatabases(tmp_path, sqlite_pattern),
        "postgres": PostgresDatabases(postgres, postgres_pattern),
    }
    source, _, target = request.param.partition(" to ")
    return made[source], made[target]


@pytest.fixture
async def november(kinds: Kinds, clock: MovableClock) -> str:
    """A database with a month's history, something in the outbox, somebody blocked, and texts that databases mangle."""
    url = await kinds[0].migrated()
    store = open_store(url, clock)
    await store.open()
    await play(store, clock)
    await enqueue(store, a_digest())
    await receive(store, a_record(900, subject="Été \N{SNOWMAN} \\u0000 'x' «\u202f»\r\n"))
    async with store.transaction() as tx:
        await tx.switch_off("sending", "marie", "essai")
        await tx.beat("gone", {"pid": 7, "shares": [0.5, 1e-9, None], "nested": {"b": 1, "a": True}})
    await stop_hearts(store)
    return url


async def stop_hearts(store: SqlStore) -> None:
    """Every worker beat long ago for the last time, by the database's clock too. The store is closed."""
    async with store.database.write() as connection:
        await connection.execute(update(workers).values(beat_at=NOW - timedelta(days=1)))
    await store.close()


def ignore(_table: str, _more: int) -> None:
    """Nobody watches."""


async def opened(url: str, clock: MovableClock) -> SqlStore:
    store = open_store(url, clock)
    await store.open()
    return store


async def rows_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every table's rows, as the program reads them."""
    database = Database(url)
    async with database.read() as connection:
        found = {}
        for table in metadata.sorted_tables:
            rows = (await connection.execute(select(table))).all()
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    await database.close()
    return found


async def test_everything_arrives(kinds: Kinds, november: str, clock: MovableClock) -> None:
    target = await kinds[1].empty()

    counts = await copy_database(november, target, clock.now(), ignore)

    copied = await rows_of(target)
    assert copied == await rows_of(november)
    assert counts == {name: len(rows) for name, rows in copied.items()}
    assert await count_rows(target) == sum(counts.values())
    store = await opened(target, clock)
    assert await find_inconsistencies(store) == []
    await store.close()


async def test_a_migrated_and_empty_target_is_taken(kinds: Kinds, november: str, clock: MovableClock) -> None:
    target = await kinds[1].migrated()

    await copy_database(november, target, clock.now(), ignore)

    assert await rows_of(target) == await rows_of(november)


async def test_the_copy_goes_on_where_the_source_stood(kinds: Kinds, november: str, clock: MovableClock) -> None:
    """The key is the same, so Message-IDs are; and new rows get numbers of their own."""
    target = await kinds[1].empty()
    await copy_database(november, target, clock.now(), ignore)
    before, after = await opened(november, clock), await opened(target, clock)

    assert after.key == before.key
    await receive(after, a_record(901), mailbox=OTHER)
    await enqueue(after, a_digest(2, day="2026-12-01"))
    async with after.reading() as connection:
        for table in (requests, outbox):
            numbers = (await connection.scalars(select(table.c.id))).all()
            assert len(set(numbers)) == len(numbers)
    assert await find_inconsistencies(after) == []
    await before.close()
    await after.close()


async def test_progress_adds_up_to_what_is_copied(kinds: Kinds, november: str, clock: MovableClock) -> None:
    told: list[tuple[str, int]] = []
    rows = await count_rows(november)

    await copy_database(november, await kinds[1].empty(), clock.now(), lambda *more: told.append(more))

    assert sum(more for _, more in told) == rows > 150


async def test_what_holds_something_is_no_target(kinds: Kinds, november: str, clock: MovableClock) -> None:
    target = await kinds[1].migrated()
    store = await opened(target, clock)  # makes a key
    await store.close()

    with pytest.raises(TargetNotEmpty, match=r"the target isn't empty \(tables: installation\); name a new"):
        await copy_database(november, target, clock.now(), ignore)
    assert await count_rows(target) == 1


async def test_somebody_else_s_tables_are_left_alone(kinds: Kinds, november: str, clock: MovableClock) -> None:
    target = await kinds[1].empty()
    database = Database(target)
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE payroll (id INTEGER)")
    await database.close()

    with pytest.raises(TargetNotEmpty, match="payroll"):
        await copy_database(november, target, clock.now(), ignore)
    assert await revisions.current_revision(target) is None


async def test_other_revisions_are_refused_on_both_sides(kinds: Kinds, november: str, clock: MovableClock) -> None:
    target, without_tables = await kinds[1].migrated(), await kinds[0].empty()
    await migration.downgrade(target, "0001")

    with pytest.raises(SchemaMismatch, match="the database is at revision 0001, this program needs"):
        await copy_database(november, target, clock.now(), ignore)
    with pytest.raises(SchemaMismatch, match="holds no mailwatch tables yet"):
        await copy_database(without_tables, await kinds[1].empty(), clock.now(), ignore)


async def test_a_broken_copy_leaves_nothing(
    kinds: Kinds, november: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = await kinds[1].empty()
    counted = iter(range(10_000_000))
    monkeypatch.setattr(copying, "_number_of", lambda _row: next(counted))  # no row is read back as it was written

    with pytest.raises(CopyDiffers, match=r"the copy isn't the same in .*request"):
        await copy_database(november, target, clock.now(), ignore)
    assert await count_rows(target) == 0


async def test_workers_that_live_keep_a_postgresql_source_from_being_copied(
    postgres: Postgres, postgres_pattern: str, clock: MovableClock
) -> None:
    databases = PostgresDatabases(postgres, postgres_pattern)
    url, target = await databases.migrated(), await databases.empty()
    store = await opened(url, clock)
    async with store.transaction() as tx:
        await tx.beat("host-7-abc", {})
    await store.close()

    with pytest.raises(SourceBusy, match="host-7-abc"):
        await copy_database(url, target, clock.now(), ignore)
    assert await revisions.current_revision(target) is None

    await stop_hearts(await opened(url, clock))
    await copy_database(url, target, clock.now(), ignore)


async def test_the_sum_of_a_table_tells_every_difference_but_order(postgres: Postgres) -> None:
    """Counting alone wouldn't: one row changed is found, whatever the order."""
    database = Database(postgres.url())
    async with database.read() as connection:
        columns = [func.coalesce(1, 2).label("a"), func.concat("x", "y").label("b")]
        (row,) = (await connection.execute(select(*columns))).all()
        (other,) = (await connection.execute(select(columns[0], func.concat("x", "z").label("b")))).all()
    await database.close()
    empty = copying.TableSum()

    assert empty.plus(row).plus(other) == empty.plus(other).plus(row)
    assert empty.plus(row).plus(row) != empty.plus(row).plus(other)
