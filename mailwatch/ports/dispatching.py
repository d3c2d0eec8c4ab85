"""The part of a transaction that sending uses: switches and the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from mailwatch.domain.outbox import ClaimedEntry, NewEntry, Settlement
from mailwatch.ports.records import Waiting


class Dispatching(Protocol):
    """Switches, the outbox, and the worker's heart-beat."""

    async def count_enqueued(self, since: datetime) -> int:
        """Acknowledgements enqueued since an instant (the breaker)."""
        ...

    async def find_switch(self, name: str) -> str | None:
        """Why a switch ("sending", "breaker", "account:<name>") is off, or None."""
        ...

    async def switch_off(self, name: str, by: str, why: str) -> None:
        """Put a switch's row there; a second time changes nothing."""
        ...

    async def switch_on(self, name: str) -> bool:
        """Remove a switch's row; whether there was one."""
        ...

    async def claim_entries(
        self, worker: str, limit: int, lease: timedelta, mailboxes: Sequence[str], account: str
    ) -> Sequence[ClaimedEntry]:
        """Take due entries of these mailboxes, and those that name the account: none while sending is off, no
        acknowledgement while the breaker is."""
        ...

    async def settle_entries(self, worker: str, settlements: Sequence[Settlement]) -> int:
        """Record outcomes of entries this worker claimed, with their requests' events; how many took effect."""
        ...

    async def release_entries(self, worker: str) -> int:
        """Give back what a worker has claimed and not settled."""
        ...

    async def next_due_at(self, mailboxes: Sequence[str], accounts: Sequence[str]) -> datetime | None:
        """When the next pending or deferred entry of these mailboxes, or that names one of the accounts, may be
        submitted."""
        ...

    async def list_left_elsewhere(self) -> Sequence[Waiting]:
        """Requests suppressed by `elsewhere`, past half of their limit, with no entry for their identity."""
        ...

    async def add_acknowledgement(
        self, request_id: int, entry: NewEntry, announced_due_at: datetime, about: Mapping[str, object]
    ) -> bool:
        """Enqueue for a request that had none; False when its identity has one already.

        announced_due_at  the date that the entry's bytes announce
        about             what the history says of the absence that they tell of, if they do
        """
        ...

    async def enqueue(self, entry: NewEntry) -> bool:
        """Enqueue what is about no single request (a digest, an alert); False when its key exists already."""
        ...

    async def beat(self, worker: str, facts: Mapping[str, object]) -> None:
        """This worker is there, by the database's clock."""
        ...
