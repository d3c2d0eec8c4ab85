"""Empty databases: a file in a folder, or one of a server's."""

import asyncio
from pathlib import Path

from servers.postgres import Postgres
from system.books import Database


def sqlite_in(folder: Path) -> Database:
    """A file that `run` creates."""
    return Database(f"sqlite:///{folder}/mailwatch.db", f"sqlite+aiosqlite:///{folder}/mailwatch.db")


def postgres_on(server: Postgres) -> Database:
    """A new database, without tables."""
    name = asyncio.run(server.create())
    return Database(server.url(name, "postgresql"), server.url(name), needs_upgrade=True)
