"""What people read of the database, as plain values: one class a kind of line or page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailwatch.domain.escalations import Standing
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, State
from mailwatch.domain.standards import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorFact:
    """How far a folder has been read."""

    folder: str
    uidvalidity: int
    last_uid: int
    moved_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFact:
    """A mailbox as it stands.

    id              what metrics call it, which name no address
    gaps            messages that looks had missed at first
    answer_seen_at  when an answer was last seen, by whatever evidence; None: none ever was
    standings       how many of its running clocks stand where
    """

    id: int
    address: str
    enabled_at: datetime | None
    progress_at: datetime | None
    trouble_code: str | None
    trouble_text: str | None
    trouble_since: datetime | None
    gaps: int
    answer_seen_at: datetime | None
    standings: Mapping[Standing, int]
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
    """A running mailwatch, or one that ran. `mailboxes`: how many it holds now; all, where it is the only one."""

    name: str
    started_at: datetime
    beat_at: datetime
    is_alive: bool
    mailboxes: int
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFact:
    """Something wrong with mailwatch itself that isn't over. `kind`: one of domain.incidents.TroubleKind."""

    kind: str
    about: str
    since: datetime
    opened_at: datetime
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFact:
    """The running clock that was due first."""

    reference: str
    mailbox: str
    owner: str
    answer_due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What is going on.

    standings          how many running clocks stand where, over all mailboxes
    oldest_late        the overdue request that was due first
    oldest_waiting_at  when the oldest entry that may still be sent was enqueued
    incidents          what is wrong with mailwatch itself, oldest first
    quarantined        messages that could not be fetched or read
    held_back          unsettled requests that nobody acknowledged and mailwatch won't: please acknowledge yourself
    unacknowledged     unsettled requests past their acknowledgement's due instant, neither acknowledged nor answered
    """

    mailboxes: tuple[MailboxFact, ...]
    requests: Mapping[State, int]
    standings: Mapping[Standing, int]
    oldest_late: LateFact | None
    incidents: tuple[IncidentFact, ...]
    outbox: Mapping[EntryState, int]
    oldest_waiting_at: datetime | None
    switches: tuple[SwitchFact, ...]
    workers: tuple[WorkerFact, ...]
    quarantined: int
    held_back: int
    unacknowledged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFact:
    """A request in a list.

    clock_started_at  when the answer's clock last (re)started
    announced_due_at  the date that its acknowledgement announced
    answered_at       when the first answer was written
    standing          where its running clock stands; None for a settled one, and where nobody asked
    """

    id: int
    reference: str
    mailbox: str
    state: State
    requester: str
    subject: str
    owner: str
    language: str | None
    received_at: datetime
    clock_started_at: datetime
    acknowledgement_due_at: datetime
    answer_due_at: datetime
    acknowledged_at: datetime | None
    announced_due_at: datetime | None
    answered_at: datetime | None
    settled_at: datetime | None
    suppressed_by: str | None
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFact:
    """One line of a request's history. `at`: when it was written here; `occurred_at`: when it happened."""

    n: int
    kind: EventKind
    at: datetime
    occurred_at: datetime
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
class ClockFact:
    """A clock that ran before the current one. `stopped_by`: answered, closed or set aside."""

    n: int
    started_at: datetime
    due_at: datetime
    stopped_at: datetime
    stopped_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationFact:
    """A level that the request reached, in the run of its clock that started then."""

    level: str
    clock_started_at: datetime
    escalated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """Everything about one request.

    arithmetic     how its due date follows from the clock's start, by the calendar's version it was opened under
    is_reckonable  whether this program still comes to the stored date: holidays of that version may have been
                   corrected since, and then the stored date stands
    siblings       other requests that the same message opened, in other mailboxes
    """

    request: RequestFact
    standard: Mapping[str, str]
    arithmetic: tuple[Step, ...]
    is_reckonable: bool
    siblings: tuple[str, ...]
    events: tuple[EventFact, ...]
    earlier_clocks: tuple[ClockFact, ...]
    escalations: tuple[EscalationFact, ...]
    messages: tuple[MessageFact, ...]
    entries: tuple[EntryFact, ...]
