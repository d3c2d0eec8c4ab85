"""The part of a transaction by which workers share out mailboxes. Every instant in it is the database's own.

Leases only share out work. That nothing is recorded or sent twice rests on constraints, never on them.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Protocol


class Leasing(Protocol):
    """Which worker holds which mailbox, until when. The fence of a lease grows each time somebody claims it."""

    async def keep_leases(self, mailboxes: Collection[str]) -> None:
        """Make the rows of mailboxes that have none; nobody holds them yet."""
        ...

    async def renew_leases(self, worker: str, lease: timedelta) -> Mapping[str, int]:
        """Hold for another `lease` what this worker holds still: mailbox → fence. What has ended is claimed anew."""
        ...

    async def list_holders(self, watches: str) -> Mapping[str, int]:
        """Workers that are there and whose facts say that they watch the same: worker → how many mailboxes it holds."""
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
