"""The part of a transaction that receiving uses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from mailwatch.domain.cursors import Cursor
from mailwatch.ports.records import NewRecord, Past, Traces


class Receiving(Protocol):
    """Mailboxes, cursors, the past, and what is recorded."""

    async def keep_mailbox(self, address: str) -> datetime:
        """Remember a mailbox at its first sight; returns when it was enabled."""
        ...

    async def find_cursor(self, mailbox: str, folder: str) -> Cursor | None:
        """The current cursor of a folder."""
        ...

    async def start_cursor(self, mailbox: str, folder: str, uidvalidity: int, last_uid: int) -> Cursor:
        """First sight of a folder, or of a new UIDVALIDITY: makes this cursor the current one."""
        ...

    async def advance_cursor(self, cursor: Cursor, last_uid: int) -> Cursor:
        """Move a cursor forward, on the condition that it still stands where `cursor` says. Raises CursorMoved."""
        ...

    async def list_recorded_uids(self, mailbox: str, folder: str, uidvalidity: int, above: int) -> frozenset[int]:
        """UIDs > `above` that have a sighting."""
        ...

    async def find_past(self, mailbox: str, traces: Traces, own_senders: frozenset[str]) -> Past:
        """What the rules and threads must know for a batch."""
        ...

    async def keep_calendar(self, digest: str, definition: Mapping[str, object]) -> None:
        """Store a calendar version once."""
        ...

    async def record(self, mailbox: str, records: Sequence[NewRecord]) -> int:
        """Write a batch; returns how many acknowledgements were enqueued. Entries whose key exists are left out."""
        ...

    async def note_gap(self, mailbox: str, missed: int) -> None:
        """Count messages that earlier looks had missed."""
        ...

    async def note_progress(self, looked_at: Mapping[str, datetime]) -> None:
        """These mailboxes were looked at successfully, each at its instant."""
        ...

    async def note_trouble(self, mailbox: str, code: str, text: str) -> None:
        """The mailbox is in trouble since now, unless it was already; `note_progress` ends it."""
        ...

    async def block(self, address: str, why: str, until: datetime) -> None:
        """Stop automatic mail to an address until an instant."""
        ...

    async def unblock(self, addresses: frozenset[str]) -> None:
        """New mail from an address lifts its bounce block."""
        ...
