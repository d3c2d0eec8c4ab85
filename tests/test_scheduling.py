"""The ticker: what ends it is no fault."""

import asyncio
import logging
from datetime import timedelta

import pytest

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

    ticker = Ticker([Tick(name="slow", every=timedelta(milliseconds=10), act=act)])
    ticker.start()
    async with asyncio.timeout(10):
        await begun.wait()
        ticker.close()
        await ended.wait()
    await asyncio.sleep(0)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
