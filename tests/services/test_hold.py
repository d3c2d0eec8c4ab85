"""Workers on one database and one clock: who watches what, and when each knows that it doesn't any more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from services.world import MONDAY
from structlog import get_logger
from structlog.testing import capture_logs

from mailwatch.clock import MovableClock
from mailwatch.domain.shares import LEASE, Bundle
from mailwatch.errors import StoreUnavailable
from mailwatch.services import hold
from mailwatch.services.hold import Hold
from mailwatch.store.store import SqlStore, SqlTransaction, open_store

TEN: list[Bundle] = [(f"service{number}@cscmonavenir.example",) for number in range(10)]


class Town:
    """The database, its clock, and its workers."""

    def __init__(self, store: SqlStore, clock: MovableClock) -> None:
        self.store = store
        self.clock = clock
        self.watched: dict[str, list[frozenset[str]]] = {}
        self.is_away = False
        self.loses_outcome = False
        self.freeze: Callable[[], object] = lambda: None  # called in the middle of a transaction
        self.refused, self.committed = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """Of a database that may be away."""
        if self.is_away:
            self.refused.set()
            raise StoreUnavailable("away")
        async with self.store.transaction() as tx:
            yield tx
            self.freeze()
        if self.loses_outcome:
            raise StoreUnavailable("the connection was lost: whether it was committed isn't known")
        self.committed.set()

    @property
    def key(self) -> bytes:
        return self.store.key

    def worker(self, name: str, bundles: list[Bundle] = TEN) -> Hold:
        """One more."""
        seen = self.watched.setdefault(name, [])
        elapsed = lambda: (self.clock.now() - MONDAY).total_seconds()  # noqa: E731
        return Hold(self, bundles, name, lambda: {"pid": 1}, seen.append, elapsed, get_logger("tests"))

    async def begin(self, *names: str) -> list[Hold]:
        """These, one after another, until each has its share."""
        workers = [self.worker(name) for name in names]
        for worker in workers:
            await worker.begin()
        await self.turns(*workers)
        return workers

    async def turns(self, *workers: Hold, seconds: float = 4, times: int = 3) -> None:
        """Each renews in turn, again and again."""
        for _ in range(times):
            self.clock.advance(timedelta(seconds=seconds))
            for worker in workers:
                await worker.renew()

    def watches(self, name: str) -> int:
        """How many mailboxes a worker watches now."""
        return len(self.watched[name][-1]) if self.watched[name] else 0


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    clock = MovableClock(MONDAY)
    store = open_store(f"sqlite+aiosqlite:///{tmp_path}/town.db", clock)
    await store.open(upgrade=True)
    yield Town(store, clock)
    await store.close()


@pytest.fixture
def logs() -> Iterator[list[dict[str, object]]]:
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]  # structlog's own dictionaries


async def test_the_first_watches_all_and_gives_the_others_their_shares(town: Town) -> None:
    await town.begin("one")
    assert town.watches("one") == 10
    await town.begin("two")
    one = town.worker("one")
    await town.turns(one, town.worker("two"))
    assert (town.watches("one"), town.watches("two")) == (5, 5)
    assert town.watched["one"][-1].isdisjoint(town.watched["two"][-1])


async def test_what_a_worker_that_says_nothing_held_is_taken_over_within_a_lease_and_a_round(town: Town) -> None:
    one, _ = await town.begin("one", "two")
    one.changed.clear()
    await town.turns(one, seconds=4, times=3)
    assert town.watches("one") == 5, "after 12 seconds it may be alive"
    await town.turns(one, seconds=4, times=1)
    assert town.watches("one") == 10
    assert one.changed.is_set(), "what it had claimed may be sent now"


async def test_a_worker_that_can_not_renew_stops_watching_before_others_may(town: Town, quick: None) -> None:
    (one,) = await town.begin("one")
    term = one.term()
    town.is_away = True
    async with _running(one):
        town.clock.advance(timedelta(seconds=11))
        await _wait(town.refused)
        assert (one.term(), town.watches("one")) == (term, 10)
        town.clock.advance(timedelta(seconds=1.5))
        assert one.term() is None
        await _wait(town.refused)
        await _wait(town.refused)
    assert town.watches("one") == 0


async def test_a_frozen_worker_wakes_up_knows_what_it_lost_and_begins_another_term(
    town: Town, logs: list[dict[str, object]]
) -> None:
    one, two = await town.begin("one", "two")
    term, held = two.term(), town.watched["two"][-1]
    await town.turns(one, times=5)
    assert town.watches("one") == 10
    assert two.term() is None, "at once, before it does anything"
    await two.renew()
    assert town.watches("two") == 0
    assert [line["mailboxes"] for line in logs if line["event"] == "mailboxes.lost"] == [sorted(held)]
    assert two.term() not in (None, term)
    await town.turns(one, two)
    assert (town.watches("one"), town.watches("two")) == (5, 5)


async def test_after_a_round_with_an_unknown_outcome_it_doesn_t_go_by_how_many_it_holds(town: Town) -> None:
    """As many as before, and not the same: a round claims some and releases others."""
    one, two = await town.begin("one", "two")
    old = town.watched["one"][-1]
    await two.leave()
    town.loses_outcome = True
    with pytest.raises(StoreUnavailable, match="isn't known"):
        await one.renew()  # all that was the other's was claimed, as only the database knows
    town.loses_outcome = False
    async with town.store.transaction() as tx:
        await tx.release_leases("one", old)
    async with town.store.transaction() as tx:
        await tx.claim_leases("three", old, LEASE)
    await one.renew()
    assert (town.watches("one"), town.watched["one"][-1] & old) == (5, frozenset())


async def test_what_nobody_has_taken_meanwhile_is_begun_anew_all_the_same(town: Town) -> None:
    (one,) = await town.begin("one")
    term = one.term()
    town.clock.advance(timedelta(seconds=60))
    await one.renew()
    assert [len(each) for each in town.watched["one"]] == [10, 0, 10]
    assert one.term() not in (None, term)


async def test_a_worker_frozen_in_the_middle_of_renewing_trusts_nothing_of_it(town: Town) -> None:
    (one,) = await town.begin("one")
    town.freeze = lambda: town.clock.advance(timedelta(seconds=60))
    await one.renew()
    assert one.term() is None
    assert town.watches("one") == 0


async def test_a_worker_that_ends_gives_all_away_at_once_and_is_there_until_it_leaves(town: Town) -> None:
    one, two = await town.begin("one", "two")
    await two.release()
    await one.renew()
    assert (town.watches("one"), town.watches("two")) == (10, 0)
    assert two.term() is not None, "it may end what it has in hand"
    await two.leave()
    async with town.store.transaction() as tx:
        assert (await tx.list_workers(one._watches)).holders == {"one": 10}


async def test_a_database_that_is_away_doesn_t_keep_a_worker_from_ending(
    town: Town, logs: list[dict[str, object]]
) -> None:
    (one,) = await town.begin("one")
    town.is_away = True
    await one.release()
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["leases.unrenewed"]


async def test_a_worker_with_another_configuration_takes_no_share_away(town: Town) -> None:
    """While one after another is restarted with a new mailbox, none may be left to a worker that doesn't know it."""
    (one,) = await town.begin("one")
    new = town.worker("new", [*TEN, ("neuf@cscmonavenir.example",)])
    await new.begin()
    await town.turns(one, new)
    assert (town.watches("one"), town.watches("new")) == (10, 1)


async def test_a_worker_without_mailboxes_that_dies_is_noticed_too(town: Town) -> None:
    """It may have claimed digests."""
    (one,) = await town.begin("one")
    async with town.store.transaction() as tx:
        await tx.beat("idle", {"watches": one._watches})
    await one.renew()
    one.changed.clear()
    await town.turns(one, times=5)
    assert one.changed.is_set()


async def test_it_renews_by_itself_and_goes_on_after_a_failure(
    town: Town, quick: None, logs: list[dict[str, object]]
) -> None:
    (one,) = await town.begin("one")
    async with _running(one):
        town.is_away = True
        await _wait(town.refused)
        assert logs[-1]["event"] == "leases.unrenewed"
        town.is_away = False
        await _wait(town.committed)
    assert [len(each) for each in town.watched["one"]] == [10]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes every few seconds comes at once."""
    monkeypatch.setattr(hold, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(hold, "HURRY", 0.01)
    monkeypatch.setattr(hold, "GUARD_EVERY", 0.001)


@asynccontextmanager
async def _running(worker: Hold) -> AsyncIterator[None]:
    running = asyncio.create_task(worker.run())
    yield
    running.cancel()
    await asyncio.wait([running])


async def _wait(event: asyncio.Event) -> None:
    """For the next time it happens."""
    event.clear()
    async with asyncio.timeout(5):
        await event.wait()
