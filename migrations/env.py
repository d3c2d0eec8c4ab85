"""Alembic's environment: the same for the program (which hands over its connection) and for developers.

alembic -x url=sqlite+aiosqlite:////tmp/mailwatch.db upgrade head
alembic -x url=postgresql+asyncpg://user@host/mailwatch check
"""

import asyncio

from alembic import context
from sqlalchemy import Connection

from mailwatch.store.engine import Database
from mailwatch.store.schema import metadata
from mailwatch.store.types import render_type

URL_MISSING = "which database? alembic -x url=sqlite+aiosqlite:///PATH (or postgresql+asyncpg://…) COMMAND"


def migrate(connection: Connection) -> None:
    """Run the migrations that were asked for, all in the connection's one transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,  # SQLite changes a column by making its table anew
        render_item=render_type,
        compare_type=True,
        compare_server_default=True,
        transactional_ddl=True,  # true of SQLite, too, since BEGIN is ours to say
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_url(url: str) -> None:
    """From the command line."""
    database = Database(url, foreign_keys=False)
    try:
        async with database.write() as connection:
            await connection.run_sync(migrate)
    finally:
        await database.close()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    migrate(handed_over)
else:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit(URL_MISSING)
    asyncio.run(migrate_url(url))
