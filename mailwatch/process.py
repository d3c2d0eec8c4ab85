"""What this process asks of the system it runs on: descriptors, memory, a lock beside a database, an end."""

import ctypes
import fcntl
import gc
import os
import resource
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from mailwatch.errors import ConfigurationError

M_ARENA_MAX = -8  # malloc.h
HEAPS = 2


@asynccontextmanager
async def unwrapped() -> AsyncIterator[None]:
    """A single exception as it is, not as a group of one: whoever runs us expects errors by their names."""
    try:
        yield
    except BaseExceptionGroup as group:
        fault: BaseException = group
        while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
            fault = fault.exceptions[0]
        raise fault from None


def spare_the_collector() -> None:
    """What start-up made stays for good, and mail makes few cycles: the collector needn't look at either so often. What
    start-up left behind goes first, or it would stay, too."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def share_heaps() -> None:
    """glibc gives each thread a heap of its own (mallopt(3), M_ARENA_MAX), and keeps in each what it freed there. Ours
    wait for one lock anyway: two heaps do. Nothing where the C library is another one."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def allow_connections() -> None:
    """As many open files as the system lets us: each watched mailbox needs one, and the usual 1,024 are soon gone."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def only_process(path: Path) -> Iterator[None]:
    """A lock beside a SQLite database: one process per file. The kernel drops it with the process.

    Raises ConfigurationError where another process has it, or where the folder can't be written.
    Not on the database file itself: closing any descriptor of it would drop SQLite's own POSIX locks.
    """
    descriptor = _open_lock(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = (
                f"{path}: another `mailwatch run` uses this database. SQLite serves one process; "
                "for several workers use PostgreSQL."
            )
            raise ConfigurationError([problem]) from None
        yield
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        problem = (
            f"{path}: the folder of the database can't be written ({error.strerror}). "
            "It must belong to the user that runs mailwatch."
        )
        raise ConfigurationError([problem]) from None


def end_within(seconds: float, cut_short: Callable[[], None]) -> None:
    """End this process after so many seconds, if it hasn't ended by itself; `cut_short` is called just before.

    As SIGKILL would, which costs nothing that the next start doesn't mend; but with a word in the log, and before a
    service manager's patience is over. A thread that waits for a database's lock, or for DNS, can't be told to stop.
    """

    def end() -> None:
        cut_short()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True  # a process that ends doesn't wait for it
    timer.start()
