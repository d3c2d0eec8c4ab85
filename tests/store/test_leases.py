"""Who holds which mailbox: by the database's clock, and by nobody's transaction for long."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy import text
from store.records import INSCRIPTIONS, MARIE, OTHER, let_pass

from mailwatch.clock import MovableClock
from mailwatch.domain.shares import LEASE
from mailwatch.errors import StoreUnavailable
from mailwatch.store import engine
from mailwatch.store.store import SqlStore, open_store

ALL = [INSCRIPTIONS, OTHER, MARIE]


@pytest.fixture(autouse=True)
async def rows(store: SqlStore) -> None:
    """A lease of each mailbox, which nobody holds."""
    async with store.transaction() as tx:
        await tx.keep_leases(ALL)
        await tx.keep_leases(ALL)


async def claim(store: SqlStore, worker: str, mailboxes: Sequence[str] = ALL) -> dict[str, int]:
    async with store.transaction() as tx:
        free = await tx.lock_free_leases(mailboxes)
        return dict(await tx.claim_leases(worker, free, LEASE))


async def renew(store: SqlStore, worker: str, held: Mapping[str, int] | None = None) -> Mapping[str, int]:
    async with store.transaction() as tx:
        return await tx.renew_leases(worker, LEASE, held or {})


async def list_holders(store: SqlStore) -> Mapping[str, int]:
    async with store.transaction() as tx:
        return (await tx.list_workers("a")).holders


async def test_a_lease_is_one_worker_s_until_it_ends(store: SqlStore, clock: MovableClock) -> None:
    assert await claim(store, "one") == dict.fromkeys(ALL, 1)
    assert await claim(store, "two") == {}
    await let_pass(store, clock, 14)
    assert await claim(store, "two") == {}
    await let_pass(store, clock, 2)
    assert await claim(store, "two") == dict.fromkeys(ALL, 2)


async def test_a_lease_that_is_renewed_goes_on(store: SqlStore, clock: MovableClock) -> None:
    await claim(store, "one")
    for _ in range(3):
        await let_pass(store, clock, 14)
        assert await renew(store, "one") == dict.fromkeys(ALL, 1)
    assert await claim(store, "two") == {}


async def test_leases_that_are_all_held_still_are_not_told_one_by_one(store: SqlStore, clock: MovableClock) -> None:
    held = await claim(store, "one")
    await let_pass(store, clock, 14)
    assert await renew(store, "one", held) is held
    await let_pass(store, clock, 14)
    assert await renew(store, "one", {INSCRIPTIONS: 1}) == held, "it holds more than it knew of"
    await let_pass(store, clock, 16)
    assert await renew(store, "one", held) == {}, "all have ended"


async def test_a_lease_that_has_ended_is_not_renewed_although_nobody_took_it(
    store: SqlStore, clock: MovableClock
) -> None:
    await claim(store, "one")
    await let_pass(store, clock, 16)
    assert await renew(store, "one") == {}
    assert await claim(store, "one") == dict.fromkeys(ALL, 2), "claimed anew: another fence"


async def test_what_is_released_is_free_at_once_and_only_that(store: SqlStore) -> None:
    await claim(store, "one")
    async with store.transaction() as tx:
        await tx.release_leases("one", [OTHER])
        await tx.release_leases("two", [MARIE])  # not its own
    assert await claim(store, "two") == {OTHER: 2}


async def test_whoever_leaves_holds_nothing_and_is_not_there(store: SqlStore) -> None:
    await claim(store, "one")
    async with store.transaction() as tx:
        await tx.beat("one", {"watches": "a"})
    assert await list_holders(store) == {"one": 3}
    async with store.transaction() as tx:
        await tx.leave("one")
    assert await claim(store, "two") == dict.fromkeys(ALL, 2)
    assert await list_holders(store) == {}


async def test_holders_are_those_that_are_there_and_watch_the_same(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        await tx.beat("dead", {"watches": "a"})
    await let_pass(store, clock, 16)
    async with store.transaction() as tx:
        await tx.beat("one", {"watches": "a"})
        await tx.beat("two", {"watches": "a"})
        await tx.beat("other configuration", {"watches": "b"})
        await tx.beat("embedded", {"pid": 1})
    await claim(store, "two", [OTHER])
    async with store.transaction() as tx:
        workers = await tx.list_workers("a")
    assert (workers.holders, workers.silent) == ({"one": 0, "two": 1}, {"dead"})


async def test_what_has_ended_counts_for_nobody(store: SqlStore, clock: MovableClock) -> None:
    await claim(store, "one")
    await let_pass(store, clock, 16)
    async with store.transaction() as tx:
        await tx.beat("one", {"watches": "a"})
    assert await list_holders(store) == {"one": 0}


async def test_workers_that_died_long_ago_are_forgotten(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        await tx.beat("dead", {})
    await let_pass(store, clock, 25 * 3600)
    async with store.transaction() as tx:
        await tx.keep_leases(ALL)
    async with store.reading() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM worker")) == 0


async def test_of_two_that_claim_at_once_one_gets_each_mailbox_and_none_waits(store: SqlStore, rival: SqlStore) -> None:
    async with store.transaction() as tx:
        free = await tx.lock_free_leases([INSCRIPTIONS, OTHER])
        one = await tx.claim_leases("one", free, LEASE)
        second = asyncio.create_task(claim(rival, "two"))
        if not store.database.is_sqlite:
            async with asyncio.timeout(10):
                await asyncio.wait([second])
    async with asyncio.timeout(10):
        two = await second
    assert (set(one), set(two)) == ({INSCRIPTIONS, OTHER}, {MARIE})


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize("is_between_parts", [False, True])
async def test_a_frozen_worker_s_locks_go_when_it_is_cut_off(
    url: str, clock: MovableClock, store: SqlStore, is_between_parts: bool
) -> None:
    """Frozen between two statements, or between preparing one and executing it: then its session isn't even idle."""
    frozen = open_store(url, clock, "frozen")
    await frozen.open()
    async with frozen.transaction() as tx:
        await tx.beat("frozen", {})
    await let_pass(store, clock, 16)

    async def freeze() -> None:
        async with frozen.transaction() as tx:
            await tx.switch_off("sending", "frozen", "a row that the other wants, too")
            if is_between_parts:
                driver = (await tx.connection.get_raw_connection()).driver_connection
                assert driver is not None
                await driver.prepare("SELECT 'not executed'")
            async with store.transaction() as other:
                await other.beat("another", {})
                await other.cut_off_others("another")
            async with asyncio.timeout(5), store.transaction() as other:
                await other.switch_off("sending", "another", "it waits for that row")
            await tx.find_switch("sending")

    try:
        with pytest.raises(StoreUnavailable):
            await freeze()
        async with store.transaction() as tx:
            assert await tx.find_switch("sending") == "it waits for that row"
        async with asyncio.timeout(5), frozen.transaction() as tx:
            await tx.cut_off_others("frozen")  # woken, it doesn't take itself for one that is gone
            await tx.beat("frozen", {})
    finally:
        await frozen.close()


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_whoever_beats_is_not_cut_off(url: str, clock: MovableClock, store: SqlStore) -> None:
    slow = open_store(url, clock, "slow")
    await slow.open()
    try:
        async with slow.transaction() as tx:
            await tx.beat("slow", {})
        async with slow.transaction() as tx, store.transaction() as other:
            await other.cut_off_others("another")
            await tx.find_switch("sending")
    finally:
        await slow.close()


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
async def test_the_server_ends_a_transaction_that_nobody_goes_on_with(store: SqlStore) -> None:
    assert LEASE.total_seconds() * 1000 > engine.ABANDONED_MS
    async with store.reading() as connection:
        limit = await connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert limit == f"{engine.ABANDONED_MS // 1000}s"
