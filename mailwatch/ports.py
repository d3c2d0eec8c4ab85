"""What services need of the world, as Protocols. Adapters fulfil them; `app.py` introduces the two.

Errors: TransientError and PermanentError of `errors.py`, nothing else, cross these lines.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

from mailwatch.domain.classification import Kind
from mailwatch.domain.composition import AcknowledgementFacts, Rendered
from mailwatch.domain.cursors import Cursor, Sighting
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import ClaimedEntry, Envelope, NewEntry, Outcome, Settlement
from mailwatch.domain.requests import Event, RequestSummary

T = TypeVar("T")


class Clock(Protocol):
    """The one source of now."""

    def now(self) -> datetime:
        """The current instant, UTC, aware."""
        ...


# --- mailboxes over IMAP -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """What EXAMINE said. `uidvalidity` is None when the server didn't say: then nothing may be ingested."""

    uidvalidity: int | None
    uidnext: int
    exists: int


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

    async def list_uids(self, after: int) -> Sequence[int]:
        """UIDs of the examined folder above `after`, ascending, exact (no `n:*` surprise)."""
        ...

    async def list_uids_since(self, day: date) -> Sequence[int]:
        """UIDs whose INTERNALDATE is on or after a day (UID SEARCH SINCE), ascending."""
        ...

    async def fetch(self, uids: Sequence[int]) -> Sequence[FetchedMessage]:
        """What the server returns of these UIDs (BODY.PEEK), ascending; expunged ones are missing."""
        ...

    async def fetch_flags(self, uids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """Flags of these UIDs; expunged ones are missing."""
        ...


class Mailboxes(Protocol):
    """The watched mailboxes' connections, for services that must look something up."""

    async def use(self, mailbox: str, act: Callable[[MessageSource], Awaitable[T]], timeout: float) -> T:
        """Run `act` on the mailbox's connection between two idles; MailboxUnavailable after `timeout` seconds."""
        ...


# --- the database ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request to be written. `calendar_digest` names a version given to `Transaction.keep_calendar`."""

    reference: str
    requester: str
    recipient: str  # where its acknowledgement goes, or ""
    owner: str
    language: Language | None
    subject_key: str
    thread_index: str
    received_at: datetime
    acknowledgement_due_at: datetime
    answer_due_at: datetime
    calendar_digest: str
    standard: Mapping[str, str]  # {"acknowledge_within": "48h", "answer_within": "5 business days"}
    suppressed_by: str | None
    events: tuple[Event, ...]
    message_ids: tuple[str, ...]  # its own and our acknowledgement's: what a reply will refer to


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """Everything one received message writes: message, sighting, perhaps a request or an event, perhaps an entry.

    Exactly one of: `identity` already known (only the sighting is written), a new message, or `quarantined`.
    """

    sighting: Sighting
    received_at: datetime
    identity: str = ""
    quarantined: str = ""  # why it could not be fetched or read
    is_known: bool = False
    message_id: str = ""
    sender: str = ""
    subject: str = ""
    size: int = 0
    kind: Kind = Kind.REQUEST
    reason: str = ""
    suppressed_by: str | None = None
    hits: tuple[tuple[str, str], ...] = ()
    language: Language | None = None
    request: NewRequest | None = None
    follows: int | None = None  # id of the request that it belongs to ...
    followed_by: tuple[Event, ...] = ()  # ... and the events it adds there
    follow_ids: tuple[str, ...] = ()  # message ids to remember for that request
    entry: NewEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a batch of parsed messages wants to know of the past; every field a set of look-up keys."""

    identities: frozenset[str]
    message_ids: frozenset[str]  # In-Reply-To and References of the batch
    references: frozenset[str]  # MW-… found in subjects
    thread_indexes: frozenset[str]
    subjects: frozenset[tuple[str, str]]  # (requester key, subject key) of messages with a reply prefix
    recipients: frozenset[str]  # where acknowledgements would go
    new_references: frozenset[str]  # candidates for new requests: which are taken already?


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNote:
    """An acknowledgement enqueued to a recipient, for the limits of rule 19."""

    mailbox: str
    recipient: str
    subject_key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The store's answer to `Traces`."""

    known: frozenset[str]  # identities recorded in this mailbox
    caused: frozenset[str]  # identities that caused an automatic message, anywhere
    by_message_id: Mapping[str, RequestSummary]
    ours: frozenset[str]  # of `message_ids`: sent by one of the given own senders
    by_reference: Mapping[str, RequestSummary]
    by_thread_index: Mapping[str, RequestSummary]
    by_subject: Mapping[tuple[str, str], RequestSummary]  # the newest of the last 14 days
    sent: Sequence[SentNote]  # the last 24 hours
    blocks: Mapping[str, str]  # recipient → why
    taken: frozenset[str]  # of `new_references`


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request whose acknowledgement was left to another mailbox (`elsewhere`) that hasn't enqueued one."""

    request_id: int
    reference: str
    mailbox: str
    identity: str
    sighting: Sighting


class Transaction(Protocol):
    """One unit of work; everything or nothing. `now` is its one instant."""

    now: datetime

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

    async def note_progress(self, mailbox: str) -> None:
        """The mailbox was looked at successfully."""
        ...

    async def note_trouble(self, mailbox: str, code: str, text: str) -> None:
        """The mailbox is in trouble since now, unless it was already; `note_progress` ends it."""
        ...

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
        self, worker: str, limit: int, lease: timedelta, mailboxes: Sequence[str]
    ) -> Sequence[ClaimedEntry]:
        """Take due entries of these mailboxes: none while sending is off, no acknowledgement while the breaker is."""
        ...

    async def settle_entries(self, worker: str, settlements: Sequence[Settlement]) -> int:
        """Record outcomes of entries this worker claimed, with their requests' events; how many took effect."""
        ...

    async def release_entries(self, worker: str) -> int:
        """Give back what a worker has claimed and not settled."""
        ...

    async def next_due_at(self) -> datetime | None:
        """When the next pending or deferred entry may be submitted."""
        ...

    async def block(self, address: str, why: str, until: datetime) -> None:
        """Stop automatic mail to an address until an instant."""
        ...

    async def unblock(self, addresses: frozenset[str]) -> None:
        """New mail from an address lifts its bounce block."""
        ...

    async def list_left_elsewhere(self) -> Sequence[Waiting]:
        """Requests suppressed by `elsewhere`, past half of their limit, with no entry for their identity."""
        ...

    async def add_acknowledgement(self, request_id: int, entry: NewEntry) -> bool:
        """Enqueue for a request that had none; False when its identity has one already."""
        ...

    async def beat(self, worker: str, facts: Mapping[str, object]) -> None:
        """This worker is alive."""
        ...


class Store(Protocol):
    """The database."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a unit of work. Raises StoreUnavailable."""
        ...

    @property
    def key(self) -> bytes:
        """The installation's secret for Message-IDs and references; lives in the database."""
        ...


# --- sending and rendering ---------------------------------------------------------------------------------------


class Mailer(Protocol):
    """One SMTP account; reuses a bounded number of connections."""

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        """Submit one message; never raises for what a server or a network does.

        `ready`, if given, is awaited when the server waits for the message, before its first octet is written.
        """
        ...

    async def probe(self) -> Outcome:
        """Connect, authenticate, MAIL FROM, RSET: is the account accepted again?"""
        ...

    async def close(self) -> None:
        """QUIT all connections."""
        ...


class Renderer(Protocol):
    """Templates → words."""

    def render_acknowledgement(
        self, mailbox: Mailbox, language: Language | None, facts: AcknowledgementFacts
    ) -> Rendered:
        """The acknowledgement in a language, or in all of the organisation's (None); ours if an override fails."""
        ...
