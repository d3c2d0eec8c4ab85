"""The ticker: what ends it is no fault, and whoever sets the clock doesn't stop it."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta, tzinfo
from typing import ClassVar, Self

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest
from structlog.testing import capture_logs

from mailwatch import scheduling
from mailwatch.clock import SystemClock
from mailwatch.errors import StoreUnavailable
from mailwatch.scheduling import Tick, Ticker


async def test_a_tick_that_is_cut_short_by_the_end_of_the_service_is_not_logged_as_a_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    ticker = Ticker([Tick(name="slow", every=timedelta(milliseconds=10), act=act)], SystemClock())
    ticker.start()
    async with asyncio.timeout(10):
        await begun.wait()
        ticker.close()
        await ended.wait()
    await asyncio.sleep(0)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


class WrongClock(datetime):
    """What APScheduler takes for `datetime`, and we for a clock."""

    wrong_by: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> Self:
        return (super().now(UTC) + cls.wrong_by).astimezone(tz)


async def test_ticks_go_on_although_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (apscheduler.schedulers.base, apscheduler.executors.base, apscheduler.triggers.interval):
        monkeypatch.setattr(module, "datetime", WrongClock)
    monkeypatch.setattr(WrongClock, "wrong_by", timedelta())
    monkeypatch.setattr(scheduling, "WATCH_EVERY", 0.05)
    ticked = asyncio.Event()

    async def act() -> None:
        ticked.set()

    ticker = Ticker([Tick(name="beat", every=timedelta(milliseconds=20), act=act)], WrongClock)
    with capture_logs() as lines:
        ticker.start()
        async with asyncio.timeout(10):
            await ticked.wait()
            WrongClock.wrong_by = -timedelta(hours=2)
            ticked.clear()
            await asyncio.sleep(0)  # what had begun, ends
            ticked.clear()
            await ticked.wait()
        ticker.close()
    assert [line["seconds"] for line in lines if line["event"] == "clock.set_back"] == [7200]


async def test_a_tick_without_its_database_is_put_off_and_is_no_fault() -> None:
    ticked = asyncio.Event()

    async def act() -> None:
        ticked.set()
        raise StoreUnavailable("the database is gone")

    ticker = Ticker([Tick(name="beat", every=timedelta(milliseconds=10), act=act)], SystemClock())
    with capture_logs() as lines:
        ticker.start()
        async with asyncio.timeout(10):
            await ticked.wait()
            await asyncio.sleep(0)
        ticker.close()
    assert lines[0] == {
        "event": "tick.postponed",
        "tick": "beat",
        "error": "the database is gone",
        "log_level": "warning",
    }


async def test_a_tick_that_never_ends_is_told_of_and_one_that_fails_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, failed = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def fail() -> None:
        failed.set()
        raise StoreUnavailable("gone")

    each = timedelta(milliseconds=10)
    ticker = Ticker([Tick(name="hangs", every=each, act=hang), Tick(name="fails", every=each, act=fail)], SystemClock())
    ticker.start()
    async with asyncio.timeout(10):
        await begun.wait()
        assert ticker.hanging() == []
        monkeypatch.setattr(scheduling, "HANGING_AFTER", 0.2)
        while "hangs" not in ticker.hanging():
            failed.clear()
            await failed.wait()
            await asyncio.sleep(0)
    assert ticker.hanging() == ["hangs"]
    ticker.close()
