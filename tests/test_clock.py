"""The clocks: always aware, always UTC."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from mailwatch.clock import MovableClock, SystemClock
from mailwatch.ports import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("America/Toronto"))


def test_the_system_clock_gives_utc() -> None:
    clock: Clock = SystemClock()

    with time_machine.travel(NOON, tick=False):
        assert clock.now() == NOON
        assert clock.now().tzinfo is UTC


def test_a_movable_clock_stands_still_until_moved() -> None:
    clock: Clock = MovableClock(NOON)

    assert NOON == clock.now() == clock.now()
    assert clock.now().tzinfo is UTC


def test_it_moves_forward_and_may_be_set_back() -> None:
    clock = MovableClock(NOON)

    assert clock.advance(timedelta(hours=2)) == NOON + timedelta(hours=2)
    clock.set(NOON)
    assert clock.now() == NOON


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = NOON.replace(tzinfo=None)

    with pytest.raises(ValueError, match="has no zone"):
        MovableClock(naive)
    with pytest.raises(ValueError, match="has no zone"):
        MovableClock(NOON).set(naive)
