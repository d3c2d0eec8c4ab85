"""How long ago something was done that must go on, and what has hindered it since."""

import asyncio


class Progress:
    """Of one thing that is done again and again; it counts as done when it is first asked about.

    hindrance   why it wasn't done the last time it was tried; "" where it was
    """

    def __init__(self) -> None:
        self._done_at: float | None = None
        self.hindrance = ""

    def note_done(self) -> None:
        """It was done now."""
        self._done_at = asyncio.get_running_loop().time()
        self.hindrance = ""

    def note_hindrance(self, words: str) -> None:
        """It couldn't be done."""
        self.hindrance = words

    @property
    def silent_for(self) -> float:
        """Seconds since it was done, whatever the clock on the wall is set to."""
        now = asyncio.get_running_loop().time()
        if self._done_at is None:
            self._done_at = now
        return now - self._done_at
