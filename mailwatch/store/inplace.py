"""SQLite's writer: only what may wait goes to a thread.

aiosqlite hands every step of every statement to a thread and back: 25 times for a transaction of six statements, which
costs more than the statements. Inside BEGIN IMMEDIATE the lock is held and nothing waits any more, so statements run
in place; BEGIN waits for the lock and COMMIT for the disk, so these two stay in the thread.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import aiosqlite

P = ParamSpec("P")
T = TypeVar("T")

_MAY_WAIT = frozenset({"commit", "rollback"})
_NEVER_WAITS = "cursor"


class InPlaceConnection(aiosqlite.Connection):
    """A connection that one task uses at a time, as a pool of one guarantees.

    The thread and the event loop must never be in it together: sqlite3's objects aren't made for that. A cancelled
    task leaves its step running in the thread; until that has ended, every further step queues up behind it.
    """

    _handed = 0  # steps given to the thread: counted by the event loop alone ...
    _ended = 0  # ... and by the thread alone, so that neither needs a lock

    def __init__(self, path: str, committed: Callable[[int], None]) -> None:
        super().__init__(lambda: sqlite3.connect(path, check_same_thread=False), iter_chunk_size=64)
        self._committed = committed

    async def _execute(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        connection, name = self._connection, fn.__name__
        if (
            connection is not None
            and (self._running and self._handed == self._ended)
            and (name not in _MAY_WAIT and (name == _NEVER_WAITS or connection.in_transaction))
        ):
            return fn(*args, **kwargs)
        result: Any = await super()._execute(self._counted(fn, *args, **kwargs))  # type: ignore[no-untyped-call]
        if name == "commit":
            self._committed(self.total_changes)
        return result  # type: ignore[no-any-return]  # what `fn` gives

    def _counted(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        def step() -> T:
            try:
                return fn(*args, **kwargs)
            finally:
                self._ended += 1

        self._handed += 1
        return step


async def connect_in_place(path: str, committed: Callable[[int], None]) -> aiosqlite.Connection:
    """Open a database file; both the thread and the event loop will use it, in turn.

    `committed` is called after each commit, with how many rows were changed since the connection was opened.
    """
    try_to_open(path)
    connection = InPlaceConnection(path, committed)
    connection._thread.daemon = True  # as SQLAlchemy has it: a process that ends doesn't wait for it
    return await connection


def try_to_open(path: str) -> None:
    """Raises sqlite3.OperationalError for a file that can't be opened.

    To be called before aiosqlite opens it: a failure in its thread may outlive the event loop, and be printed there.
    """
    sqlite3.connect(path).close()
