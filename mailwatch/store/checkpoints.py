"""SQLite's log is brought into the database file beside the writer, not by it (sqlite.org/wal.html, §2.3).

Left alone, the commit that makes the log 1,000 pages long brings every page home and waits for the disk. Beside a long
history these pages lie scattered over gigabytes: it was a fifth of the time that receiving took.
"""

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

EVERY = 500  # rows changed between two checkpoints: about a thousand pages beside a long history
# Where the writer never rests, the log is never brought home as a whole, and grows: then a commit does it after all.
AT_THE_LATEST = 16_000  # pages of the log, 64 MiB


class Checkpointer:
    """Checkpoints of one database file, one at a time, in a thread and on a connection of their own."""

    def __init__(self, path: str) -> None:
        self._uri = Path(path).absolute().as_uri()
        self._changes = 0  # of the writer's connection, at the last checkpoint
        self._running: asyncio.Future[None] | None = None

    def note(self, changes: int) -> None:
        """The writer has committed; so many rows were changed on its connection since it was opened."""
        self._changes = min(self._changes, changes)  # it may have been opened anew
        if changes - self._changes >= EVERY and (self._running is None or self._running.done()):
            self._changes = changes
            self._running = asyncio.ensure_future(asyncio.to_thread(self._checkpoint))

    async def close(self) -> None:
        """Return when none is under way."""
        if self._running is not None:
            await self._running

    def _checkpoint(self) -> None:
        """Waits for nobody. What goes wrong is the disk's, of which the next commit will tell."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{self._uri}?mode=rw", uri=True)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
