"""The database as commands open it: only its own secret is resolved, nothing else is connected."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.errors import PermanentError
from mailwatch.store.store import SqlStore, open_store


class NoDatabase(PermanentError):
    """There is no database yet."""


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[SqlStore]:
    """The configured database, open. Raises NoDatabase, SchemaMismatch, StoreUnavailable."""
    url = config.database.resolve_url(os.environ)
    path = Path(url.partition(":///")[2])
    if url.startswith("sqlite") and not path.exists():
        raise NoDatabase(f"{path}: there is no database yet; `mailwatch run` creates it, or `mailwatch db upgrade`")
    store = open_store(url, SystemClock())
    try:
        await store.open()
        yield store
    finally:
        await store.close()
