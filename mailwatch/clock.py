"""The one place where time is read; everything else takes *now* as an argument."""

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, UTC, aware."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that stands still until it is moved: for the demo and the tests. It may be set back, as real ones are."""

    def __init__(self, start: datetime) -> None:
        """`start` is aware, in any zone. ValueError if it isn't."""
        self._now = _in_utc(start)

    def now(self) -> datetime:
        """The instant the clock was last moved to, UTC, aware."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward (or back, by a negative amount); returns the new instant."""
        self._now += by
        return self._now

    def set(self, instant: datetime) -> None:
        """Move to an aware instant. ValueError if it is naive."""
        self._now = _in_utc(instant)


def elapsed() -> float:
    """Seconds that have passed since some instant, whatever the clock on the wall is set to.

    Those included in which this process was frozen, or the machine suspended, where the system can tell.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no zone: an instant was expected")
    return instant.astimezone(UTC)
