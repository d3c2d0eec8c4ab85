"""The part of a transaction by which workers share out mailboxes. Every instant in it is the database's own.

Leases only share out work. That nothing is recorded or sent twice rests on constraints, never on them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """The workers of a database.

    holders  those that are there and share in the same mailboxes: worker → how many it holds
    silent   those that aren't there any more
    """

    holders: Mapping[str, int]
    silent: frozenset[str]


class Leasing(Protocol):
    """Which worker holds which mailbox, until when. The fence of a lease grows each time somebody claims it."""

    async def keep_leases(self, mailboxes: Collection[str]) -> None:
        """Make the rows of mailboxes that have none; nobody holds them yet."""
        ...

    async def renew_leases(self, worker: str, lease: timedelta, held: Mapping[str, int]) -> Mapping[str, int]:
        """Hold for another `lease` what this worker holds still: mailbox → fence. What has ended is claimed anew.

        held  what it held when its last transaction was committed, returned itself where nothing has changed; nothing
              where it can't be sure, since only a worker that knows of all its claims may go by their number
        """
        ...

    async def list_workers(self, watches: str) -> Workers:
        """Who is there. `watches`: what the facts of those say that share in the same mailboxes."""
        ...

    async def cut_off_others(self, worker: str) -> None:
        """End what others that aren't there any more had begun in the database: a frozen worker keeps its locks."""
        ...

    async def lock_free_leases(self, mailboxes: Collection[str]) -> frozenset[str]:
        """Those of the mailboxes that nobody holds, and nobody else is claiming at this moment."""
        ...

    async def claim_leases(self, worker: str, mailboxes: Collection[str], lease: timedelta) -> Mapping[str, int]:
        """Take those of the mailboxes that nobody holds: mailbox → fence."""
        ...

    async def release_leases(self, worker: str, mailboxes: Collection[str]) -> None:
        """Let others have these mailboxes at once."""
        ...

    async def leave(self, worker: str) -> None:
        """This worker ends: it isn't there any more, and holds nothing."""
        ...


class Presence(Protocol):
    """Whether the other workers take this one to be there."""

    def term(self) -> int | None:
        """The number of its unbroken presence; None while it can't be sure of it. What was claimed in another term may
        be others' by now."""
        ...
