"""How long ago something was done that must go on, and what has hindered it since."""

import asyncio


class Progress:
    """Of one thing that is done again and again; it counts as done at the beginning. Needs a running event loop.

    hindrance   why it wasn't done the last time it was tried; "" where it was
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done_at = self._loop.time()
        self.hindrance = ""

    def note_done(self) -> None:
        """It was done now."""
        self._done_at = self._loop.time()
        self.hindrance = ""

    def note_hindrance(self, words: str) -> None:
        """It couldn't be done."""
        self.hindrance = words

    @property
    def silent_for(self) -> float:
        """Seconds since it was done, whatever the clock on the wall is set to."""
        return self._loop.time() - self._done_at
