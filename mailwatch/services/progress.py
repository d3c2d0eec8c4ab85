"""How long ago something was done that must go on, or since when it fails, and what hinders it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailwatch.errors import CursorMoved, MailwatchError, StoreUnavailable

TRIED_WITHIN = 120.0  # seconds: what is postponed for the database's sake is tried again sooner than that


def _loop_time() -> float:
    """The event loop's, which nobody can set back."""
    return asyncio.get_running_loop().time()


class Progress:
    """Of one thing that is done again and again; it counts as done when it is first asked about. `now`: in seconds.

    hindrance   why it wasn't done the last time it was tried; "" where it was
    """

    def __init__(self, now: Callable[[], float] = _loop_time) -> None:
        self._now = now
        self._done_at: float | None = None
        self.hindrance = ""

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around trying it: it was done, or an error of ours, which goes on to the caller, says why it wasn't."""
        try:
            yield
        except MailwatchError as error:
            self.hindrance = str(error)
            raise
        self._done_at, self.hindrance = self._now(), ""

    @property
    def silent_for(self) -> float:
        """Seconds since it was done."""
        now = self._now()
        if self._done_at is None:
            self._done_at = now
        return now - self._done_at


class Occasional(Progress):
    """The same of something that is done only when there is reason to: it is silent from the first failure on.

    What isn't tried any more is somebody else's by now, and as good as done.
    """

    def __init__(self, now: Callable[[], float] = _loop_time) -> None:
        super().__init__(now)
        self._failing_since: float | None = None
        self._failed_at = 0.0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around trying it. That another worker was first means that the database takes it."""
        try:
            yield
        except StoreUnavailable as error:
            self._failing_since = self._now() - self.silent_for
            self._failed_at, self.hindrance = self._now(), str(error)
            raise
        except CursorMoved:
            self._end()
            raise
        self._end()

    def _end(self) -> None:
        self._failing_since, self.hindrance = None, ""

    @property
    def silent_for(self) -> float:
        """Seconds since it first failed; none where it was done since, or isn't tried any more."""
        now = self._now()
        if self._failing_since is None or now - self._failed_at > TRIED_WITHIN:
            return 0.0
        return now - self._failing_since
