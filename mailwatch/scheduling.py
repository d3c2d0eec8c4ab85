"""What happens again and again: APScheduler as a ticker only. It holds no state; what must happen once is a row.

A tick that fails is logged and comes again; a tick that is late runs once, not as often as it was missed. APScheduler
keeps the instants of ticks to come: where the clock is set back they are reckoned anew, or none would come for as long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from mailwatch.errors import TransientError
from mailwatch.logs import get_logger
from mailwatch.ports import Clock

log = get_logger(__name__)

MISFIRE_GRACE = 3600  # seconds: after a suspended night a tick still runs, once
WATCH_EVERY = 5.0  # seconds between looks at the clock
SET_BACK = 2.0  # seconds by which it must have lost against the event loop's before that counts
HANGING_AFTER = 600.0  # seconds past its time: no tick of ours takes as long, so it won't end by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Something to do every so often."""

    name: str
    every: timedelta
    act: Callable[[], Awaitable[object]]


class Ticker:
    """Runs ticks on the event loop until it is closed."""

    def __init__(self, ticks: Sequence[Tick], clock: Clock) -> None:
        self._ticks = ticks
        self._clock = clock
        self._watch: asyncio.TimerHandle | None = None
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._ended: dict[str, float] = {}  # the event loop's time
        for tick in ticks:
            self._scheduler.add_job(
                self._run,
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
        self._ended = dict.fromkeys((tick.name for tick in self._ticks), asyncio.get_running_loop().time())
        self._scheduler.start()
        self._look_at_clock(0.0)

    def hanging(self) -> list[str]:
        """Ticks that should have ended long ago. One that fails has ended."""
        now = asyncio.get_running_loop().time()
        limits = {tick.name: tick.every.total_seconds() + HANGING_AFTER for tick in self._ticks}
        return [name for name, ended in self._ended.items() if now - ended > limits[name]]

    def close(self) -> None:
        """No further tick begins."""
        if self._watch is not None:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _look_at_clock(self, ahead: float) -> None:
        """`ahead`: by how much the clock was ahead of the event loop's, which nobody can set."""
        loop = asyncio.get_running_loop()
        now_ahead = self._clock.now().timestamp() - loop.time()
        if now_ahead < ahead - SET_BACK:
            log.warning("clock.set_back", seconds=round(ahead - now_ahead))
            for tick in self._ticks:
                self._scheduler.reschedule_job(tick.name, trigger="interval", seconds=tick.every.total_seconds())
        self._watch = loop.call_later(WATCH_EVERY, self._look_at_clock, now_ahead)

    async def _run(self, tick: Tick) -> None:
        try:
            await tick.act()
        except asyncio.CancelledError:
            return  # the service ends, and rolls back what was begun; APScheduler would log it as a fault
        except TransientError as error:
            log.warning("tick.postponed", tick=tick.name, error=str(error))
        except Exception:
            log.exception("tick.failed", tick=tick.name)
        self._ended[tick.name] = asyncio.get_running_loop().time()
