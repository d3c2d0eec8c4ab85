"""What this process asks of the system it runs on: file descriptors, the collector, a lock beside a database."""

import fcntl
import gc
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from mailwatch.errors import ConfigurationError


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
    """What start-up made stays for good, and mail makes few cycles: the collector needn't look at either so often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def allow_connections() -> None:
    """As many open files as the system lets us: each watched mailbox needs one, and the usual 1,024 are soon gone."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def only_process(path: Path) -> Iterator[None]:
    """A lock beside a SQLite database: one process per file. The kernel drops it with the process.

    Not on the database file itself: closing any descriptor of it would drop SQLite's own POSIX locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
