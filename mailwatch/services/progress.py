"""How long ago something was done that must go on, and what has hindered it since."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailwatch.errors import MailwatchError


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
