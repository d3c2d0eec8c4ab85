"""Everything of one database into another, of the same or the other kind: how an installation moves.

1. Both are at this program's revision; an empty target is brought there. Nothing else may use either.
2. Every table, those that others point to first, in one snapshot of the source and one transaction of the target: what
   is interrupted leaves an empty target.
3. Before the commit, both sides are counted, and the sums of their rows compared.

It knows no table by name but the installation's and the workers': what a later migration adds is copied, too.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, Table, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.errors import PermanentError
from mailwatch.store import migration, revisions
from mailwatch.store.engine import Database
from mailwatch.store.schema import metadata, workers
from mailwatch.store.switches import ALIVE_WITHIN
from mailwatch.store.unit import Unit

BATCH = 500  # rows written at a time: bodies of messages are among them

Progress = Callable[[str, int], None]  # which table, and how many more of its rows are copied


class SourceBusy(PermanentError):
    """The source is in use: what is written to it during a copy would be lost."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"workers use this database: {', '.join(names)}; stop them, and copy half a minute later")
        self.names = names


class TargetNotEmpty(PermanentError):
    """The target holds something already, which a copy must not mix with."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(f"the target isn't empty (tables: {', '.join(tables)}); name a new, empty database")
        self.tables = tables


class CopyDiffers(PermanentError):
    """What was read back isn't what was written; the target was left empty."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(f"the copy isn't the same in {', '.join(tables)}; the target was left empty")
        self.tables = tables


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSum:
    """How many rows a table has, and a sum over them, whatever their order: equal tables have equal sums."""

    rows: int = 0
    digest: int = 0

    def plus(self, row: Row[tuple[object, ...]]) -> "TableSum":
        """With one more row."""
        return TableSum(rows=self.rows + 1, digest=(self.digest + _number_of(row)) % 2**128)


async def count_rows(url: str) -> int:
    """How many rows a copy has to carry."""
    database = Database(url)
    try:
        async with database.read() as connection:
            return sum([await _count(connection, table) for table in metadata.sorted_tables])
    finally:
        await database.close()


async def copy_database(source_url: str, target_url: str, now: datetime, on_progress: Progress) -> Mapping[str, int]:
    """Copy every row; how many there are of each table.

    Raises SchemaMismatch, SourceBusy, TargetNotEmpty, CopyDiffers, StoreUnavailable.
    """
    await revisions.check_revision(source_url)
    source, target = Database(source_url), Database(target_url)
    try:
        async with source.read() as reading:
            await _must_be_idle(source, reading, now)
            await _prepare(target_url)
            async with target.write() as writing:
                await _must_be_empty(writing)
                sums = {each.name: await _copy(each, reading, writing, on_progress) for each in metadata.sorted_tables}
                await _compare(writing, sums)
    finally:
        await source.close()
        await target.close()
    return {name: each.rows for name, each in sums.items()}


async def _prepare(url: str) -> None:
    """Tables where there are none. Somebody else's tables are left alone: ours aren't put beside them."""
    if await revisions.current_revision(url) is not None:
        await revisions.check_revision(url)
        return
    target = Database(url)
    try:
        async with target.write() as connection:
            if found := await connection.run_sync(_list_tables):
                raise TargetNotEmpty(found)
    finally:
        await target.close()
    await migration.upgrade(url)


def _list_tables(connection: Connection) -> list[str]:
    return sorted(inspect(connection).get_table_names())


async def _must_be_idle(source: Database, connection: AsyncConnection, now: datetime) -> None:
    """On SQLite a lock beside the file says so, and heartbeats may be those of a process that was just stopped."""
    if source.is_sqlite:
        return
    clock = await Unit(connection, now).clock()
    beating = select(workers.c.name).where(workers.c.beat_at >= clock - ALIVE_WITHIN).order_by(workers.c.name)
    if names := list((await connection.scalars(beating)).all()):
        raise SourceBusy(names)


async def _must_be_empty(connection: AsyncConnection) -> None:
    if filled := [table.name for table in metadata.sorted_tables if await _count(connection, table)]:
        raise TargetNotEmpty(filled)


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def _copy(table: Table, source: AsyncConnection, target: AsyncConnection, on_progress: Progress) -> TableSum:
    copied = TableSum()
    rows = await source.stream(select(table).execution_options(yield_per=BATCH))
    async for batch in rows.partitions():
        await target.execute(table.insert(), [dict(row._mapping) for row in batch])
        for row in batch:
            copied = copied.plus(row)
        on_progress(table.name, len(batch))
    if table.autoincrement_column is not None and target.dialect.name == "postgresql":
        await _continue_numbering(table, target)
    return copied


async def _continue_numbering(table: Table, target: AsyncConnection) -> None:
    """The next row gets a number of its own; SQLite goes on after the highest by itself."""
    column = table.autoincrement_column
    assert column is not None
    name = target.dialect.identifier_preparer.format_table(table)
    highest = await target.scalar(select(func.max(column)))
    if highest is not None:
        statement = text("SELECT setval(pg_get_serial_sequence(:name, :column), :highest)")
        await target.execute(statement, {"name": name, "column": column.name, "highest": highest})


async def _compare(target: AsyncConnection, sums: Mapping[str, TableSum]) -> None:
    wrong = []
    for table in metadata.sorted_tables:
        found = TableSum()
        async for row in await target.stream(select(table).execution_options(yield_per=BATCH)):
            found = found.plus(row)
        if found != sums[table.name]:
            wrong.append(table.name)
    if wrong:
        raise CopyDiffers(wrong)


def _number_of(row: Row[tuple[object, ...]]) -> int:
    """The keys of an object have no order: PostgreSQL keeps one of its own."""
    written = json.dumps(list(row), sort_keys=True, default=repr).encode()
    return int.from_bytes(hashlib.blake2b(written, digest_size=16).digest())
