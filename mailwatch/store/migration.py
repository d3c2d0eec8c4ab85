"""Bring a database to this program's revision: Alembic, in one transaction, under a lock of the database.

Two processes that start at once on an empty database: one migrates, the other waits and finds it done.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.resources import migrations_folder
from mailwatch.store.engine import Database
from mailwatch.store.revisions import check_known, read_revision

LOCK = 0x6D61696C77  # any number that is only ours, for pg_advisory_xact_lock


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
            current = await read_revision(connection)
            if current is not None:
                check_known(current)
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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _run(connection: Connection, act: Any, revision: str) -> None:  # one of Alembic's commands
    config = _config()
    config.attributes["connection"] = connection
    act(config, revision)
