"""Good looks are written down together, none is lost to a database that is away, and none hides what came after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_mailbox
from services.world import World, a_world
from sqlalchemy import select
from structlog.testing import capture_logs

from mailwatch.errors import StoreUnavailable
from mailwatch.services import good_looks
from mailwatch.services.good_looks import GoodLooks
from mailwatch.store.schema import mailboxes
from mailwatch.store.store import SqlTransaction

ADDRESSES = [f"ecole{n}@cscmonavenir.example" for n in range(5)]
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, *(a_mailbox(address=address) for address in ADDRESSES)) as world:
        async with world.store.transaction() as tx:
            for address in ADDRESSES:
                await tx.keep_mailbox(address)
        yield world


class Counted:
    """A database that counts its transactions; `fault`: what it raises instead."""

    def __init__(self, world: World) -> None:
        self._store = world.store
        self.count = 0
        self.fault: Exception | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        self.count += 1
        if self.fault is not None:
            raise self.fault
        async with self._store.transaction() as tx:
            yield tx


def looks_of(world: World, database: Counted) -> GoodLooks:
    return GoodLooks(database, world.clock, world.log)  # type: ignore[arg-type]  # no more of a Store than it needs


async def minutes(world: World) -> list[float | None]:
    """Of each mailbox: minutes past Monday's beginning of the last good look that is written."""
    async with world.store.reading() as connection:
        rows = (await connection.execute(select(mailboxes.c.progress_at).order_by(mailboxes.c.address))).scalars()
        return [None if at is None else at.minute for at in rows]


async def test_many_looks_are_one_transaction_each_at_its_own_instant(world: World) -> None:
    database = Counted(world)
    looks = looks_of(world, database)
    for address in ADDRESSES[:4]:
        looks.note(address)
        world.clock.advance(MINUTE)
    await looks.write()
    await looks.write()
    first = world.clock.now().minute - 4
    assert await minutes(world) == [first, first + 1, first + 2, first + 3, None]
    assert database.count == 1


async def test_more_than_fit_a_transaction_take_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(good_looks, "AT_ONCE", 2)
    database = Counted(world)
    looks = looks_of(world, database)
    for address in ADDRESSES:
        looks.note(address)
    await looks.write()
    assert None not in await minutes(world)
    assert database.count == 3


async def test_what_a_database_did_not_take_is_written_when_it_does(world: World) -> None:
    database = Counted(world)
    looks = looks_of(world, database)
    database.fault = StoreUnavailable("disk I/O error")
    looks.note(ADDRESSES[0])
    with pytest.raises(StoreUnavailable):
        await looks.write()
    database.fault = None
    await looks.write()
    assert (await minutes(world))[0] == world.clock.now().minute


async def test_no_earlier_look_hides_a_trouble(world: World) -> None:
    database = Counted(world)
    looks = looks_of(world, database)
    looks.note(ADDRESSES[0])
    await looks.forget(ADDRESSES[0])
    await looks.write()
    assert (await minutes(world))[0] is None


async def test_a_trouble_waits_for_the_look_that_is_being_written(world: World) -> None:
    """Else it would be recorded first, and then be said to be over."""
    looks = looks_of(world, Counted(world))
    looks.note(ADDRESSES[0])
    async with world.store.transaction():  # SQLite has one writer: what follows waits for it
        writing = asyncio.create_task(looks.write())
        await asyncio.sleep(0)
        forgetting = asyncio.create_task(looks.forget(ADDRESSES[0]))
        await asyncio.sleep(0)
        assert not forgetting.done()
    await forgetting
    assert writing.done()


async def test_a_look_that_ends_while_an_earlier_one_is_written_is_written_too(world: World) -> None:
    looks = looks_of(world, Counted(world))
    looks.note(ADDRESSES[0])
    async with world.store.transaction():
        writing = asyncio.create_task(looks.write())
        await asyncio.sleep(0)
        world.clock.advance(MINUTE)
        looks.note(ADDRESSES[0])
    await writing
    assert (await minutes(world))[0] == world.clock.now().minute


@pytest.mark.parametrize(("silent_after", "together"), [(15 * MINUTE, 5.0), (timedelta(seconds=5), 0.5)])
async def test_the_first_look_is_written_at_once_and_the_next_ones_together(
    world: World, silent_after: timedelta, together: float
) -> None:
    database = Counted(world)
    rests: list[float] = []
    rested, go_on = asyncio.Event(), asyncio.Event()

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        rested.set()
        await go_on.wait()
        go_on.clear()

    looks = GoodLooks(database, world.clock, world.log, silent_after, rest)  # type: ignore[arg-type]  # as above
    running = asyncio.create_task(looks.run())
    try:
        looks.note(ADDRESSES[0])
        await asyncio.wait_for(rested.wait(), 10)
        rested.clear()
        assert (await minutes(world))[0] is not None
        for address in ADDRESSES[1:]:
            looks.note(address)
        assert (await minutes(world))[1:] == [None] * 4
        with capture_logs() as said:
            for fault in (StoreUnavailable("disk I/O error"), ValueError("ours")):
                database.fault = fault
                go_on.set()
                await asyncio.wait_for(rested.wait(), 10)
                rested.clear()
            looks.note(ADDRESSES[1])
            database.fault = None
            go_on.set()
            await asyncio.wait_for(rested.wait(), 10)
    finally:
        running.cancel()
    assert None not in await minutes(world)
    assert (database.count, rests) == (4, [together] * 4)
    assert [(one["event"], one["log_level"], one["mailboxes"]) for one in said] == [
        ("progress.unwritten", "warning", 4),
        ("progress.unwritten", "error", 4),
    ]
