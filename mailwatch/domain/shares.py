"""Which mailboxes a worker should hold: fair among the workers that are there, and nothing moves without need.

The mailboxes of one account are a *bundle*, and stay together: so the account's limit of connections, which each worker
minds by itself, holds over all workers. A worker below its share claims until it has reached it, one above releases
what it can spare. Shares add up to all mailboxes, so whatever is free finds somebody who is below.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32

LEASE = timedelta(seconds=15)  # how long a worker that says nothing is taken to be there, and keeps what it holds

Bundle = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Who is there, and who holds what, as one worker finds it.

    holders  worker → how many mailboxes it holds; all that share in the same mailboxes, this one too
    mine     what this worker holds
    free     what nobody holds
    """

    worker: str
    holders: Mapping[str, int]
    mine: frozenset[str]
    free: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a worker is to claim and to release. `has_to_wait`: some of what it lacks was lost, or is being claimed, by
    somebody at this moment: it should look again soon."""

    claim: frozenset[str] = frozenset()
    release: frozenset[str] = frozenset()
    has_to_wait: bool = False


def bundle(accounts: Iterable[tuple[str, object]]) -> list[Bundle]:
    """Mailboxes, each with its account, by account; both in the order in which they come."""
    bundles: dict[object, list[str]] = {}
    for mailbox, account in accounts:
        bundles.setdefault(account, []).append(mailbox)
    return [tuple(mailboxes) for mailboxes in bundles.values()]


def share_of(worker: str, holders: Mapping[str, int], mailboxes: int) -> int:
    """How many mailboxes a worker should hold. What doesn't divide goes to those that hold most: that moves least."""
    order = sorted(holders, key=lambda name: (-holders[name], name))
    whole, over = divmod(mailboxes, len(order))
    return whole + (order.index(worker) < over)


def plan(bundles: Sequence[Bundle], roll: Roll) -> Plan:
    """What to claim and to release now.

    A bundle goes to whoever holds its first mailbox: where another configuration had split it, it comes together again.
    """
    mailboxes = sum(map(len, bundles))
    share = share_of(roll.worker, roll.holders, mailboxes)
    held = [one for one in bundles if one[0] in roll.mine]
    released = roll.mine.difference(*held)
    claimed = {mailbox for one in held for mailbox in one if mailbox in roll.free}
    count = sum(map(len, held))
    for one in sorted(held, key=len):
        if count - len(one) >= share:
            count -= len(one)
            released |= roll.mine.intersection(one)
            claimed.difference_update(one)
    for one in _in_turn(roll.worker, bundles) if count < share else ():
        if count < share and roll.free.issuperset(one):
            count += len(one)
            claimed.update(one)
    is_all_seen = sum(roll.holders.values()) + len(roll.free) >= mailboxes
    return Plan(claim=frozenset(claimed), release=released, has_to_wait=count < share and not is_all_seen)


def _in_turn(worker: str, bundles: Sequence[Bundle]) -> list[Bundle]:
    """In an order of the worker's own: workers that claim at once seldom reach for the same."""
    return sorted(bundles, key=lambda one: crc32(f"{worker} {one[0]}".encode()))
