"""What happens again and again: APScheduler as a ticker only. It holds no state; what must happen once is a row.

A tick that fails is logged and comes again; a tick that is late runs once, not as often as it was missed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from mailwatch.logs import get_logger

log = get_logger(__name__)

MISFIRE_GRACE = 3600  # seconds: after a suspended night a tick still runs, once


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Something to do every so often."""

    name: str
    every: timedelta
    act: Callable[[], Awaitable[object]]


class Ticker:
    """Runs ticks on the event loop until it is closed."""

    def __init__(self, ticks: Sequence[Tick]) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        for tick in ticks:
            self._scheduler.add_job(
                _run,
                "interval",
                args=[tick],
                id=tick.name,
                seconds=tick.every.total_seconds(),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=MISFIRE_GRACE,
            )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler.start()

    def close(self) -> None:
        """No further tick begins."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


async def _run(tick: Tick) -> None:
    try:
        await tick.act()
    except asyncio.CancelledError:
        return  # the service ends, and rolls back what was begun; APScheduler would log it as a fault
    except Exception:
        log.exception("tick.failed", tick=tick.name)
