"""What people read of the database, as plain values: one class a kind of line or page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, State


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorFact:
    """How far a folder has been read."""

    folder: str
    uidvalidity: int
    last_uid: int
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFact:
    """A mailbox as it stands. `gaps`: messages that looks had missed at first."""

    address: str
    enabled_at: datetime | None
    progress_at: datetime | None
    trouble_code: str | None
    trouble_text: str | None
    trouble_since: datetime | None
    gaps: int
    cursors: tuple[CursorFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFact:
    """Something that is off."""

    name: str
    since: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFact:
    """A running mailwatch, or one that ran."""

    name: str
    started_at: datetime
    beat_at: datetime
    is_alive: bool
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What is going on.

    oldest_waiting_at  when the oldest entry that may still be sent was enqueued
    quarantined        messages that could not be fetched or read
    held_back          open requests whose acknowledgement was withheld: please acknowledge yourself
    unacknowledged     open requests past their acknowledgement's due instant
    """

    mailboxes: tuple[MailboxFact, ...]
    requests: Mapping[State, int]
    outbox: Mapping[EntryState, int]
    oldest_waiting_at: datetime | None
    switches: tuple[SwitchFact, ...]
    workers: tuple[WorkerFact, ...]
    quarantined: int
    held_back: int
    unacknowledged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFact:
    """A request in a list."""

    id: int
    reference: str
    mailbox: str
    state: State
    requester: str
    subject: str
    owner: str
    language: str | None
    received_at: datetime
    acknowledgement_due_at: datetime
    answer_due_at: datetime
    acknowledged_at: datetime | None
    settled_at: datetime | None
    suppressed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFact:
    """One line of a request's history."""

    n: int
    kind: EventKind
    at: datetime
    by: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFact:
    """A received message. `reference` and `answer_due_at` are those of the request that it opened, if it did."""

    id: int
    mailbox: str
    message_id: str
    sender: str
    subject: str
    received_at: datetime
    kind: str
    reason: str
    suppressed_by: str | None
    reference: str
    answer_due_at: datetime | None
    is_enqueued: bool  # it caused an entry of its own request


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFact:
    """An outbox entry, without its bytes."""

    id: int
    kind: EntryKind
    mailbox: str
    reference: str
    recipient: str
    message_id: str
    state: EntryState
    reason: str
    enqueued_at: datetime
    not_before: datetime
    attempts: int
    doubts: int
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """Everything about one request."""

    request: RequestFact
    standard: Mapping[str, str]
    events: tuple[EventFact, ...]
    messages: tuple[MessageFact, ...]
    entries: tuple[EntryFact, ...]
