"""SQLite's writer runs statements in place; whoever is cancelled at any moment leaves it whole."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

from mailwatch.clock import MovableClock
from mailwatch.store.store import open_store


async def test_tasks_cancelled_at_any_moment_leave_the_database_whole(tmp_path: Path) -> None:
    store = open_store(f"sqlite+aiosqlite:///{tmp_path}/x.db", MovableClock(datetime(2026, 11, 23, 15, tzinfo=UTC)))
    await store.open(upgrade=True)
    seeds = random.Random(5)

    async def work(number: int) -> None:
        async with store.transaction() as tx:
            await tx.switch_off(f"test {number}", "test", "test")
            await tx.find_switch(f"test {number}")
            await tx.beat(f"worker {number}", {})

    async def interrupted(number: int) -> None:
        task = asyncio.create_task(work(number))
        for _ in range(seeds.randrange(12)):
            await asyncio.sleep(0)
        if seeds.random() < 0.5:
            await asyncio.wait([task], timeout=seeds.random() / 500)
        task.cancel()
        await asyncio.wait([task])

    for start in range(0, 300, 10):
        await asyncio.gather(*(interrupted(start + n) for n in range(10)))
    await work(1000)
    async with store.transaction() as tx:
        assert await tx.find_switch("test 1000") == "test"
        for number in range(300):  # whole or not at all
            is_off = await tx.find_switch(f"test {number}") is not None
            assert is_off == await tx.switch_on(f"test {number}")
    await store.close()
