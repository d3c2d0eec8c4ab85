"""A bounded number of threads for the blocking IMAP library. An idle connection holds none."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 16  # more gain nothing: what they do is bound by the interpreter's lock, or waits for a server
LOOKS_PER_THREAD = 2  # one has its answer judged and recorded while the other asks


class Lane:
    """One server's share of the threads, so that a server that hangs doesn't take them all.

    free   a thread may be taken
    looks  a look may begin: a thousand at once would only wait for each other, and hold what they have read
    """

    def __init__(self, executor: ThreadPoolExecutor, width: int) -> None:
        self._executor = executor
        self.free = asyncio.Semaphore(width)
        self.looks = asyncio.Semaphore(width * LOOKS_PER_THREAD)

    def submit(self, act: Callable[[], T]) -> "Future[T]":
        """Run a blocking act in a thread; only while `free` is held."""
        return self._executor.submit(act)


class ImapPool:
    """The threads of all IMAP connections."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="imap")

    def lane(self, servers: int = 1) -> Lane:
        """A lane for one of so many servers: an equal share, at least two threads."""
        return Lane(self._executor, max(self._threads // max(servers, 1), min(2, self._threads)))

    def close(self) -> None:
        """Let threads end; what is queued is cancelled."""
        self._executor.shutdown(wait=False, cancel_futures=True)
