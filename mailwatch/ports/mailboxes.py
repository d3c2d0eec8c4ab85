"""Mailboxes over IMAP, as services see them: read-only. Raises MailboxUnavailable, FolderMissing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """What EXAMINE or STATUS said. `uidvalidity` is None when the server didn't say: then nothing may be ingested.

    highest_modseq  grows with every change of flags (RFC 7162 §3.1.2.1); None where the server keeps none
    """

    uidvalidity: int | None
    uidnext: int
    exists: int
    highest_modseq: int | None = None

    def holds_as(self, other: "FolderState | None") -> bool:
        """Whether it holds the same messages as then. A flag that changed is no difference: every look reads flags
        anyway, and some servers count one modseq for the whole account."""
        return other is not None and self._messages == other._messages

    def has_no_more_than(self, other: "FolderState | None") -> bool:
        """Whether nothing came into it since."""
        return other is not None and (self.uidvalidity, self.uidnext) == (other.uidvalidity, other.uidnext)

    @property
    def _messages(self) -> tuple[int | None, int, int]:
        return self.uidvalidity, self.uidnext, self.exists


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedMessage:
    """One message as fetched: at most the first 64 KiB of it. `received_at` is INTERNALDATE, UTC."""

    uid: int
    received_at: datetime
    size: int
    flags: frozenset[str]  # as the server wrote them, e.g. "\\Answered"
    head: bytes


class MessageSource(Protocol):
    """One open, read-only connection to a mailbox's account. Not for two tasks at once.

    Raises MailboxUnavailable (the connection is then closed), FolderMissing.
    """

    async def examine(self, folder: str) -> FolderState:
        """EXAMINE a folder: what the next calls are about."""
        ...

    def find_state(self, folder: str) -> FolderState | None:
        """What EXAMINE last said of a folder on this connection."""
        ...

    async def status(self, folder: str) -> FolderState | None:
        """What STATUS says of a folder (RFC 3501 §6.3.10), without examining it; None where that can't be had."""
        ...

    async def is_as_known(self, folder: str, state: FolderState, others: Mapping[str, FolderState]) -> bool:
        """Whether EXAMINE says of a folder exactly what it said before, and STATUS of others that nothing came into
        them: what a look costs where nothing happened. Asks no further than to the first difference.

        The source may begin to wait for news of the folder: the next call ends that.
        """
        ...

    async def list_uids(self, after: int) -> Sequence[int]:
        """UIDs of the examined folder above `after`, ascending, exact (no `n:*` surprise)."""
        ...

    async def list_uids_since(self, day: date) -> Sequence[int]:
        """UIDs whose INTERNALDATE is on or after a day (UID SEARCH SINCE), ascending."""
        ...

    async def fetch(self, uids: Sequence[int]) -> Sequence[FetchedMessage]:
        """What the server returns of these UIDs (BODY.PEEK), ascending; expunged ones are missing."""
        ...

    async def fetch_flags(self, uids: Sequence[int], changed_since: int | None = None) -> Mapping[int, frozenset[str]]:
        """Flags of these UIDs; expunged ones are missing. With `changed_since` (a modseq, only where the folder's
        state has one) those that haven't changed are missing too."""
        ...

    async def list_sent_folders(self) -> Sequence[str]:
        """The account's Sent folders: by special use (RFC 6154), else by the names that mail programs give them."""
        ...


class Mailboxes(Protocol):
    """The watched mailboxes' connections, for services that must look something up."""

    def holds(self, mailbox: str) -> bool:
        """Whether this worker watches the mailbox now; another one may do so instead."""
        ...

    async def use(self, mailbox: str, act: Callable[[MessageSource], Awaitable[T]], timeout: float) -> T:
        """Run `act` on the mailbox's connection between two idles; MailboxUnavailable after `timeout` seconds."""
        ...
