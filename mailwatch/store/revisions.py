"""Which revision a database is at, and whether this program knows it: without Alembic, which only migrations need.

Alembic and what it imports are ten mebibytes of a service that seldom migrates.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.errors import SchemaMismatch, SchemaOutdated
from mailwatch.store.engine import Database

REVISIONS = ("0001", "0002", "0003", "0004", "0005")  # of migrations/versions, in their order
HEAD = REVISIONS[-1]  # what this program needs
REVISION_EVERY = 5.0  # seconds between looks at whether somebody has upgraded the database

NOTHING_THERE = "the database holds no mailwatch tables yet: `mailwatch db upgrade` makes them"
TOO_OLD = (
    "the database is at revision {current}, this program needs {head}: stop mailwatch, then `mailwatch db upgrade`"
)
TOO_NEW = "the database is at revision {current}, which this program doesn't know: install the newer mailwatch again"

_TABLE = "alembic_version"  # where Alembic writes it
_REVISION = text(f"SELECT version_num FROM {_TABLE}")


async def check_revision(url: str) -> None:
    """Raises what `check` raises of the revision that a database is at."""
    check(await current_revision(url))


async def check_revision_of(database: Database) -> None:
    """The same of a database that is open: another version may have migrated it meanwhile."""
    async with database.read() as connection:
        check(await read_revision(connection))


def check(current: str | None) -> None:
    """Raises SchemaMismatch, with what to do, unless this is this program's revision; SchemaOutdated where an upgrade
    is all it takes."""
    if current == HEAD:
        return
    if current is None:
        raise SchemaOutdated(NOTHING_THERE)
    check_known(current)
    raise SchemaOutdated(TOO_OLD.format(current=current, head=HEAD))


def check_known(current: str) -> None:
    """Raises SchemaMismatch for a revision that a newer program made."""
    if current not in REVISIONS:
        raise SchemaMismatch(TOO_NEW.format(current=current))


async def await_revision(url: str, stop: asyncio.Event, tell: Callable[[str], object]) -> bool:
    """Wait until somebody has upgraded the database, telling each time what for; False if told to stop meanwhile.

    Only `mailwatch db upgrade` migrates a PostgreSQL; a SQLite file is upgraded as it is opened. Raises SchemaMismatch
    for a database that is newer than this program.
    """
    while not url.startswith("sqlite") and not stop.is_set():
        try:
            await check_revision(url)
            break
        except SchemaOutdated as error:
            tell(str(error))
        with suppress(TimeoutError):
            async with asyncio.timeout(REVISION_EVERY):
                await stop.wait()
    return not stop.is_set()


async def current_revision(url: str) -> str | None:
    """The revision that a database is at; None where there are no tables, or no SQLite file."""
    database = Database(url)
    if database.is_sqlite and not await asyncio.to_thread(Path(database.url.database or "").is_file):
        return None  # connecting would make an empty file
    try:
        async with database.read() as connection:
            return await read_revision(connection)
    finally:
        await database.close()


async def read_revision(connection: AsyncConnection) -> str | None:
    """The same within a transaction."""
    if not await connection.run_sync(_has_revision):
        return None
    found: str | None = await connection.scalar(_REVISION)
    return found


def _has_revision(connection: Connection) -> bool:
    return inspect(connection).has_table(_TABLE)
