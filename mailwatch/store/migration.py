"""Bring a database to this program's revision: Alembic, in one transaction, under a lock of the database.

Two processes that start at once on an empty database: one migrates, the other waits and finds it done.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.errors import SchemaMismatch, SchemaOutdated
from mailwatch.resources import migrations_folder
from mailwatch.store.engine import Database

LOCK = 0x6D61696C77  # any number that is only ours, for pg_advisory_xact_lock
REVISION_EVERY = 5.0  # seconds between looks at whether somebody has upgraded the database

NOTHING_THERE = "the database holds no mailwatch tables yet: `mailwatch db upgrade` makes them"
TOO_OLD = (
    "the database is at revision {current}, this program needs {head}: stop mailwatch, then `mailwatch db upgrade`"
)
TOO_NEW = "the database is at revision {current}, which this program doesn't know: install the newer mailwatch again"


async def upgrade(url: str) -> None:
    """Make or bring up to date every table; nothing at all when they are. Raises StoreUnavailable, SchemaMismatch."""
    await _migrate(url, command.upgrade, "head")


async def downgrade(url: str, revision: str = "base") -> None:
    """Take migrations back; `base` leaves an empty database."""
    await _migrate(url, command.downgrade, revision)


async def _migrate(url: str, act: Any, revision: str) -> None:  # one of Alembic's commands
    # Without foreign keys on SQLite: there a column is changed by making its table anew.
    database = Database(url, foreign_keys=False)
    try:
        if database.is_sqlite:
            _make_private(Path(database.url.database or ""))
        async with database.write() as connection:
            await _lock(connection, database)
            current = await connection.run_sync(_read_revision)
            if current is not None and current not in _known_revisions():
                raise SchemaMismatch(TOO_NEW.format(current=current))
            await connection.run_sync(_run, act, revision)
    finally:
        await database.close()


def _make_private(path: Path) -> None:
    """A new file is for its owner alone: it will hold addresses, subjects and the installation's key. SQLite gives the
    files beside it the same mode. What can't be made here, SQLite complains of in its own words."""
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


async def _lock(connection: AsyncConnection, database: Database) -> None:
    """On SQLite, BEGIN IMMEDIATE was the lock. A migration may think for as long as it likes."""
    if not database.is_sqlite:
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def check_revision(url: str) -> None:
    """Raises SchemaMismatch, with what to do, unless the database is at this program's revision; SchemaOutdated where
    an upgrade is all it takes."""
    _check(await current_revision(url))


async def check_revision_of(database: Database) -> None:
    """The same of a database that is open: another version may have migrated it meanwhile."""
    async with database.read() as connection:
        _check(await connection.run_sync(_read_revision))


def _check(current: str | None) -> None:
    head = head_revision()
    if current == head:
        return
    if current is None:
        raise SchemaOutdated(NOTHING_THERE)
    if current in _known_revisions():
        raise SchemaOutdated(TOO_OLD.format(current=current, head=head))
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
            return await connection.run_sync(_read_revision)
    finally:
        await database.close()


def head_revision() -> str | None:
    """The revision that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _read_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _run(connection: Connection, act: Any, revision: str) -> None:  # one of Alembic's commands
    config = _config()
    config.attributes["connection"] = connection
    act(config, revision)
