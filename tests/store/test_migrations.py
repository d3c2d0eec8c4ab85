"""The migrations make exactly the schema, forwards and backwards, however many processes start at once."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from store.conftest import Databases

from mailwatch.clock import MovableClock
from mailwatch.errors import SchemaMismatch
from mailwatch.store import migration
from mailwatch.store.engine import Database
from mailwatch.store.schema import metadata
from mailwatch.store.store import open_store

UPGRADE = "import asyncio, sys; from mailwatch.store import migration; asyncio.run(migration.upgrade(sys.argv[1]))"
ROOT = Path(__file__).parents[2]


def differences(connection: Connection) -> list[object]:
    """What a migration would have to do to make the database equal the schema."""
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def inspected(url: str) -> tuple[list[object], list[str]]:
    """Differences from the schema, and the tables."""
    database = Database(url)
    try:
        async with database.read() as connection:
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
            return await connection.run_sync(differences), sorted(names)
    finally:
        await database.close()


def described(connection: Connection) -> dict[str, object]:
    """Everything of every table, also what Alembic doesn't compare: checks, conditions of indexes, comments."""
    inspector = inspect(connection)
    reads = [
        inspector.get_columns,
        inspector.get_pk_constraint,
        inspector.get_foreign_keys,
        inspector.get_unique_constraints,
        inspector.get_check_constraints,
        inspector.get_indexes,
    ]
    if connection.dialect.supports_comments:
        reads.append(inspector.get_table_comment)
    return {f"{name} {read.__name__}": _plain(read(name)) for name in metadata.tables for read in reads}


def _plain(facts: object) -> object:
    """Reflected facts in an order of their own, and comparable: types by their names."""
    if isinstance(facts, dict):
        return {str(key): _plain(value) for key, value in facts.items()}
    if isinstance(facts, list):
        return sorted((_plain(fact) for fact in facts), key=repr)
    return facts if isinstance(facts, str | int | None) else str(facts)


async def execute(url: str, statement: str) -> None:
    database = Database(url)
    try:
        async with database.write() as connection:
            await connection.execute(text(statement))
    finally:
        await database.close()


async def test_migrations_make_exactly_the_schema(databases: Databases) -> None:
    url = await databases.empty()
    await migration.upgrade(url)
    found, names = await inspected(url)
    assert found == []
    assert names == sorted([*metadata.tables, "alembic_version"])


async def test_checks_conditions_and_comments_are_the_schemas_too(databases: Databases) -> None:
    descriptions = []
    for url in (await databases.empty(), await databases.migrated()):
        database = Database(url)
        async with database.write() as connection:
            await connection.run_sync(metadata.create_all)  # makes nothing where the migrations did
            descriptions.append(await connection.run_sync(described))
        await database.close()
    assert descriptions[0] == descriptions[1]


async def test_a_difference_would_be_seen(databases: Databases) -> None:
    url = await databases.migrated()
    await execute(url, "ALTER TABLE worker ADD COLUMN surplus INTEGER")
    await execute(url, "DROP INDEX ix_outbox_live")
    found, _ = await inspected(url)
    assert len(found) == 2


async def test_up_down_and_up_again(databases: Databases) -> None:
    url = await databases.migrated()
    await migration.downgrade(url)
    assert (await inspected(url))[1] == ["alembic_version"]
    assert await migration.current_revision(url) is None
    await migration.upgrade(url)
    assert (await inspected(url))[0] == []


async def test_upgrading_what_is_up_to_date_changes_nothing(databases: Databases) -> None:
    url = await databases.migrated()
    await migration.upgrade(url)
    assert await migration.current_revision(url) == migration.head_revision()


async def test_processes_that_migrate_an_empty_database_at_once_all_succeed(databases: Databases) -> None:
    url = await databases.empty()
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", UPGRADE, url, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    async with asyncio.timeout(60):
        complaints = [(await process.communicate())[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], complaints
    assert (await inspected(url))[0] == []


async def test_a_database_without_tables_is_not_opened_and_the_remedy_is_named(
    databases: Databases, clock: MovableClock
) -> None:
    store = open_store(await databases.empty(), clock)
    try:
        with pytest.raises(SchemaMismatch, match="mailwatch db upgrade"):
            await store.open()
        with pytest.raises(RuntimeError):
            assert store.key
        await store.open(upgrade=True)
        assert store.key
    finally:
        await store.close()


async def test_looking_at_a_sqlite_file_that_is_not_there_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "mailwatch.db"
    assert await migration.current_revision(f"sqlite+aiosqlite:///{path}") is None
    assert os.listdir(tmp_path) == []


async def test_a_database_of_a_newer_program_is_neither_opened_nor_migrated(
    databases: Databases, clock: MovableClock
) -> None:
    url = await databases.migrated()
    await execute(url, "UPDATE alembic_version SET version_num = '9999'")
    store = open_store(url, clock)
    try:
        for upgrade in (False, True):
            with pytest.raises(SchemaMismatch, match="newer"):
                await store.open(upgrade=upgrade)
    finally:
        await store.close()


async def test_the_key_survives_reopening(databases: Databases, clock: MovableClock) -> None:
    url = await databases.migrated()
    keys = []
    for _ in range(2):
        store = open_store(url, clock)
        await store.open()
        keys.append(store.key)
        await store.close()
    assert keys[0] == keys[1]


def test_every_table_and_column_says_what_it_is() -> None:
    nameless = [str(column) for table in metadata.tables.values() for column in table.c if not column.comment]
    nameless += [name for name, table in metadata.tables.items() if not table.comment]
    assert nameless == []
