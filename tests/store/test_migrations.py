"""The migrations make exactly the schema, forwards and backwards, however many processes start at once."""

import asyncio
import os
import sqlite3
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Executable, inspect, select, text
from store import first_version
from store.conftest import Databases
from store.records import CALENDAR, NOW, STANDARD, a_digest, a_newsletter, a_record, an_entry, due, enqueue, receive

from mailwatch.clock import MovableClock, SystemClock
from mailwatch.domain.absences import Absence
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import EntryKind
from mailwatch.domain.requests import Event, EventKind
from mailwatch.errors import SchemaMismatch
from mailwatch.ports import Fact
from mailwatch.ports.absences import KeptAbsence
from mailwatch.store import migration, revisions
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.engine import Database
from mailwatch.store.schema import earlier_clocks, events, metadata, outbox, requests
from mailwatch.store.store import open_store

UPGRADE = "import asyncio, sys; from mailwatch.store import migration; asyncio.run(migration.upgrade(sys.argv[1]))"
ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)


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
    names = sorted(inspector.get_table_names())
    return {f"{name} {read.__name__}": _plain(read(name)) for name in names for read in reads}


def _plain(facts: object) -> object:
    """Reflected facts in an order of their own, and comparable: types by their names."""
    if isinstance(facts, dict):
        return {str(key): _plain(value) for key, value in facts.items()}
    if isinstance(facts, list):
        return sorted((_plain(fact) for fact in facts), key=repr)
    return facts if isinstance(facts, str | int | None) else str(facts)


async def description(url: str) -> dict[str, object]:
    """Everything of every table of a database."""
    database = Database(url)
    try:
        async with database.read() as connection:
            return await connection.run_sync(described)
    finally:
        await database.close()


async def rows(url: str, statement: Executable) -> list[dict[str, object]]:
    database = Database(url)
    try:
        async with database.read() as connection:
            return [dict(row) for row in (await connection.execute(statement)).mappings()]
    finally:
        await database.close()


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
    urls = (await databases.empty(), await databases.migrated())
    database = Database(urls[0])
    async with database.write() as connection:
        await connection.run_sync(metadata.create_all)
    await database.close()
    made, migrated = [await description(url) for url in urls]
    assert made == {key: facts for key, facts in migrated.items() if not key.startswith("alembic_version ")}


async def test_tables_that_are_their_own_index_are_so_after_migrating_too(sqlite_pattern: Path) -> None:
    """Made anew to change a column, they would be ordinary tables, half as fast."""
    connection = sqlite3.connect(sqlite_pattern)
    found = {
        name for name, sql in connection.execute("SELECT name, sql FROM sqlite_master") if "WITHOUT" in (sql or "")
    }
    connection.close()
    assert found == {
        name for name, table in metadata.tables.items() if not table.dialect_options["sqlite"]["with_rowid"]
    }


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
    assert await revisions.current_revision(url) is None
    await migration.upgrade(url)
    assert (await inspected(url))[0] == []


async def test_what_the_first_version_recorded_is_consistent_after_upgrading(
    databases: Databases, clock: MovableClock
) -> None:
    url = await databases.empty()
    await first_version.migrate_to_first(url)
    await first_version.fill(url)
    store = open_store(url, clock)
    await store.open(upgrade=True)
    assert await find_inconsistencies(store) == []
    await store.close()


async def test_upgrading_keeps_what_happened_when_and_the_clocks_that_ran(databases: Databases) -> None:
    url = await databases.empty()
    await first_version.migrate_to_first(url)
    await first_version.fill(url)
    await migration.upgrade(url)
    asked = [NOW + 4 * HOUR, NOW + 4 * HOUR, NOW + 2 * HOUR + MOMENT]
    occurred = select(events.c.occurred_at).where(events.c.kind == "followed up").order_by(events.c.request_id)
    assert [row["occurred_at"] for row in await rows(url, occurred)] == asked
    clocks = [
        (row["request_id"], row["started_at"], row["stopped_at"]) for row in await rows(url, earlier_clocks.select())
    ]
    assert sorted(clocks, key=repr) == [(2, NOW, NOW + 2 * HOUR), (3, NOW, NOW + 2 * HOUR)]
    found = await rows(url, requests.select().order_by(requests.c.id))
    assert [row["clock_started_at"] for row in found] == [NOW, *asked[1:], NOW]
    assert [row["answered_at"] for row in found] == [None, *[NOW + 2 * HOUR] * 3]
    announced = due(CALENDAR, NOW, STANDARD.answer_within)
    assert [row["announced_due_at"] for row in found] == [announced, announced, None, None]
    assert {row["account"] for row in await rows(url, outbox.select())} == {""}


async def test_going_back_leaves_the_first_versions_tables_and_the_requests(
    databases: Databases, clock: MovableClock
) -> None:
    first, url = await databases.empty(), await databases.migrated()
    await first_version.migrate_to_first(first)
    store = open_store(url, clock)
    await store.open()
    await receive(store, a_record(1), a_record(2))
    await enqueue(store, a_digest())
    async with store.transaction() as tx:
        await tx.follow_facts([Fact(request_id=1, event=Event(kind=EventKind.SET_ASIDE, at=NOW))])
    await store.close()
    await migration.downgrade(url, "0001")
    assert await description(url) == await description(first)
    assert [row["state"] for row in await rows(url, text("SELECT state FROM request ORDER BY id"))] == [
        "set aside",
        "open",
    ]
    assert len(await rows(url, text("SELECT id FROM outbox"))) == 2
    await migration.upgrade(url)
    assert (await inspected(url))[0] == []


AWAY = Absence(
    who="marie.tremblay@cscmonavenir.example",
    away_from=date(2026, 11, 23),
    returns_on=date(2026, 11, 30),
    text={Language.FR: "Congé."},
    id=1,
)


async def test_going_back_before_absences_keeps_requests_and_acknowledgements_and_drops_notices(
    databases: Databases, clock: MovableClock
) -> None:
    """And forward again: what was there is consistent, and nobody is away any more."""
    url = await databases.migrated()
    store = open_store(url, clock)
    await store.open()
    async with store.transaction() as tx:
        await tx.keep_absence(KeptAbsence(absence=AWAY, source="command", uid="a", by="paul"))
    entry = a_record(1).entry
    assert entry is not None
    notice = replace(an_entry(2), kind=EntryKind.NOTICE, unique_key="notice:1:x:0", absence=1)
    await receive(
        store,
        replace(a_record(1), entry=replace(entry, absence=1), notice="told"),
        replace(a_newsletter(2), notice_entry=notice, notice="told"),
    )
    await store.close()
    assert len(await rows(url, outbox.select())) == 2

    await migration.downgrade(url, "0002")
    assert [row["kind"] for row in await rows(url, text("SELECT kind FROM outbox"))] == ["acknowledgement"]
    assert len(await rows(url, text("SELECT id FROM request"))) == 1
    await migration.upgrade(url)
    assert (await inspected(url))[0] == []
    store = open_store(url, clock)
    await store.open()
    assert await find_inconsistencies(store) == []
    async with store.transaction() as tx:
        assert await tx.list_kept() == []
    await store.close()


async def test_upgrading_what_is_up_to_date_changes_nothing(databases: Databases) -> None:
    url = await databases.migrated()
    await migration.upgrade(url)
    assert await revisions.current_revision(url) == revisions.HEAD


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
    assert await revisions.current_revision(f"sqlite+aiosqlite:///{path}") is None
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


async def test_a_new_sqlite_file_is_its_owner_s_alone_with_the_files_beside_it(tmp_path: Path) -> None:
    """And one that is there keeps the mode that somebody gave it."""
    url = f"sqlite+aiosqlite:///{tmp_path}/new.db"
    await migration.upgrade(url)
    store = open_store(url, SystemClock())
    await store.open()
    modes = {path.name: oct(path.stat().st_mode)[-3:] for path in tmp_path.iterdir()}
    await store.close()
    (tmp_path / "new.db").chmod(0o640)
    await migration.upgrade(url)

    assert modes == dict.fromkeys(("new.db", "new.db-wal", "new.db-shm"), "600")
    assert oct((tmp_path / "new.db").stat().st_mode)[-3:] == "640"
