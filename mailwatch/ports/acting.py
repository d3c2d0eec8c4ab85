"""The part of a transaction by which a person acts on requests: found by reference, given away, opened by hand."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailwatch.domain.classification import Kind
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.languages import Language
from mailwatch.domain.requests import State
from mailwatch.ports.database import Transaction
from mailwatch.ports.records import NewRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A request that somebody acts on. `identity`: of the message that opened it."""

    id: int
    reference: str
    mailbox: str
    state: State
    owner: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A message as it was recorded.

    sighting     one place where it was seen
    local_rules  names of the configuration's rules that hit
    reference    of the request that it opened, or ""
    """

    id: int
    mailbox: str
    sighting: Sighting
    identity: str
    message_id: str
    sender: str
    subject: str
    kind: Kind
    received_at: datetime
    language: Language | None
    local_rules: frozenset[str]
    reference: str


class Acting(Protocol):
    """What people do, in the words of the database."""

    async def find_target(self, reference: str) -> Target | None:
        """The request with this reference."""
        ...

    async def list_targets(self, identity: str) -> list[Target]:
        """The requests, of all mailboxes, that a message opened."""
        ...

    async def change_owner(self, target: Target, owner: str) -> bool:
        """Give a request to somebody else; False if it isn't its known owner's any more."""
        ...

    async def find_recorded(self, number: int) -> Recorded | None:
        """A message by its number."""
        ...

    async def list_taken(self, references: list[str]) -> frozenset[str]:
        """Those of some references that requests have."""
        ...

    async def open_recorded(self, recorded: Recorded, record: NewRecord) -> None:
        """Open `record.request` from a message that is there already. Raises CursorMoved if it has opened one."""
        ...


class ActingTransaction(Transaction, Acting, Protocol):
    """A unit of work in which a person acts."""


class ActingStore(Protocol):
    """The database, as those see it who act for a person."""

    def transaction(self) -> AbstractAsyncContextManager[ActingTransaction]:
        """Begin a unit of work. Raises StoreUnavailable."""
        ...

    @property
    def key(self) -> bytes:
        """The installation's secret, from which references follow."""
        ...
