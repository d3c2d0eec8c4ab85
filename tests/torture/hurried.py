"""python -m torture.hurried: mailwatch, whose clock can be set, and whose longest waits are shorter.

The file that TORTURE_CLOCK names holds by how many seconds the machine's clock is wrong. Every reader of the clock is
misled alike: ours and APScheduler's.
"""

import os
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval

from mailwatch import app, clock
from mailwatch.cli import main
from mailwatch.imap import gates
from mailwatch.services import accounts, alert_directly, hold

PROGRAM = ("-m", "torture.hurried")
# What takes a minute or more in the product, and what it takes here. docs/reliability.md states the product's own.
TICKS = timedelta(seconds=1)  # of a minute
BEATS = 2.0  # seconds, of 10
SILENCE = timedelta(seconds=8)  # of 2 minutes
PROBES = timedelta(seconds=10)  # of 15 minutes
REFUSED = (5.0, 10.0)  # seconds, of 1 and 15 minutes

_file = Path(os.environ.get("TORTURE_CLOCK", os.devnull))


class WrongClock(datetime):
    """`datetime`, whose `now` is wrong."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """The machine's wrong time."""
        wrong = super().now(UTC) + timedelta(seconds=float(_file.read_text() or 0))
        return wrong.astimezone(tz)


def _mislead() -> None:
    vars(clock)["datetime"] = WrongClock
    apscheduler.schedulers.base.datetime = WrongClock
    apscheduler.executors.base.datetime = WrongClock
    apscheduler.triggers.interval.datetime = WrongClock


def _hurry() -> None:
    app.TICK_EVERY, hold.BEAT_EVERY = TICKS, BEATS
    gates.REFUSED_PAUSES = REFUSED
    accounts.PROBE_EVERY = PROBES
    alert_directly.LEAST_SILENCE = SILENCE


if __name__ == "__main__":
    _mislead()
    _hurry()
    main()
