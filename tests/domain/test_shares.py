"""Shares: fair, stable, and nothing is left to nobody."""

import random
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.shares import Bundle, Plan, Roll, bundle, plan, share_of

FORTY: list[Bundle] = [(f"m{number:02}",) for number in range(40)]


class Office:
    """Workers that plan one after another, each on what it then finds. `moves`: how often a mailbox was claimed."""

    def __init__(self, bundles: Sequence[Bundle], workers: Sequence[str]) -> None:
        self.bundles = bundles
        self.workers = list(workers)
        self.holder: dict[str, str] = {}
        self.moves = 0

    def held(self, worker: str) -> frozenset[str]:
        return frozenset(mailbox for mailbox, holder in self.holder.items() if holder == worker)

    def turn(self, worker: str) -> Plan:
        every = frozenset(mailbox for one in self.bundles for mailbox in one)
        todo = plan(
            self.bundles,
            Roll(
                worker=worker,
                holders={name: len(self.held(name)) for name in self.workers},
                mine=self.held(worker),
                free=every - self.holder.keys(),
            ),
        )
        for mailbox in todo.release:
            assert self.holder.pop(mailbox) == worker
        for mailbox in todo.claim:
            assert mailbox not in self.holder
            self.holder[mailbox] = worker
            self.moves += 1
        return todo

    def settle(self, seed: int = 1, rounds: int = 200) -> None:
        """Until nobody has anything to do, in any order."""
        order = random.Random(seed)
        for _ in range(rounds):
            todo = [self.turn(worker) for worker in order.sample(self.workers, len(self.workers))]
            if not any(each.claim or each.release for each in todo):
                return
        raise AssertionError("it never comes to rest")

    def leave(self, worker: str) -> None:
        """As a worker that is killed: after a while nobody holds what it held."""
        self.workers.remove(worker)
        self.holder = {mailbox: holder for mailbox, holder in self.holder.items() if holder != worker}

    def sizes(self) -> list[int]:
        return sorted(len(self.held(worker)) for worker in self.workers)


def test_the_first_takes_all_and_gives_the_second_half() -> None:
    office = Office(FORTY, ["one"])
    office.settle()
    assert office.sizes() == [40]
    office.workers.append("two")
    office.settle()
    assert office.sizes() == [20, 20]
    assert office.moves == 40 + 20, "nothing moved without need"


def test_what_a_dead_worker_held_moves_and_nothing_else_does() -> None:
    office = Office(FORTY, ["one", "two", "three", "four"])
    office.settle()
    office.moves = 0
    office.leave("two")
    office.settle()
    assert office.sizes() == [13, 13, 14]
    assert office.moves == 10


def test_shares_add_up_to_all_mailboxes() -> None:
    holders = {"one": 14, "two": 0, "three": 26}
    assert [share_of(name, holders, 40) for name in holders] == [13, 13, 14]  # who holds most keeps the odd one


def test_more_workers_than_mailboxes_leaves_some_without() -> None:
    office = Office(FORTY[:2], ["one", "two", "three"])
    office.settle()
    assert office.sizes() == [0, 1, 1]


def test_the_mailboxes_of_one_account_stay_together() -> None:
    bundles = bundle([("a", "x"), ("b", "y"), ("c", "x"), ("d", "x"), ("e", "z")])
    assert bundles == [("a", "c", "d"), ("b",), ("e",)]
    office = Office(bundles, ["one", "two", "three"])
    office.settle()
    assert len({office.holder[mailbox] for mailbox in "acd"}) == 1
    assert sum(office.sizes()) == 5


def test_what_another_configuration_had_split_comes_together_again() -> None:
    office = Office([("a", "b"), ("c", "d")], ["one", "two"])
    office.holder = {"a": "one", "b": "two", "c": "two", "d": "one"}
    office.settle()
    assert office.holder["a"] == office.holder["b"]
    assert office.holder["c"] == office.holder["d"]


def test_one_that_lacks_what_somebody_is_losing_looks_again_soon() -> None:
    lacks_all = Roll(worker="one", holders={"one": 0, "two": 20}, mine=frozenset(), free=frozenset())
    assert plan(FORTY, lacks_all).has_to_wait
    held_by_another = Roll(worker="one", holders={"one": 0, "two": 40}, mine=frozenset(), free=frozenset())
    assert not plan(FORTY, held_by_another).has_to_wait


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(1, 6), st.data())
def test_whoever_comes_and_goes_all_is_held_and_it_comes_to_rest(
    sizes: list[int], workers: int, data: st.DataObject
) -> None:
    bundles: list[Bundle] = [tuple(f"{n}.{m}" for m in range(size)) for n, size in enumerate(sizes)]
    office = Office(bundles, [f"w{number}" for number in range(workers)])
    for number in range(4):
        office.settle(data.draw(st.integers(0, 99)))
        assert sorted(office.holder) == sorted(mailbox for one in bundles for mailbox in one)
        assert all(len({office.holder[mailbox] for mailbox in one}) == 1 for one in bundles)
        if len(office.workers) > 1 and data.draw(st.booleans()):
            office.leave(data.draw(st.sampled_from(office.workers)))
        else:
            office.workers.append(f"new{number}")


@given(st.integers(0, 50), st.integers(1, 7), st.integers(0, 99))
def test_shares_of_single_mailboxes_differ_by_one_at_most(mailboxes: int, workers: int, seed: int) -> None:
    office = Office([(f"m{n}",) for n in range(mailboxes)], [f"w{n}" for n in range(workers)])
    office.settle(seed)
    assert max(office.sizes()) - min(office.sizes()) <= 1
    assert Counter(office.sizes()).total() == workers
