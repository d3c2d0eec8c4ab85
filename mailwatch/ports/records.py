"""What receiving writes, and what it wants to know of the past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailwatch.domain.answers import Outgoing
from mailwatch.domain.classification import Kind
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import NewEntry
from mailwatch.domain.requests import Event, RequestSummary

TOLD = "told"  # what is recorded of a message whose sender was told of an absence


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
    entry: NewEntry | None = None  # the acknowledgement of `request`
    notice_entry: NewEntry | None = None  # a notice that stands alone
    notice: str | None = None  # TOLD, or why the sender wasn't told of an absence; None where nobody was away
    outgoing: Outgoing | None = None  # a person on staff wrote it: perhaps an answer


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
class Told:
    """How often a recipient was to be told of an absence, and when that last left, or may still leave."""

    count: int
    last_at: datetime | None


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
    told: Mapping[tuple[str, int], Told]  # (recipient, absence) → what they were told of it
    taken: frozenset[str]  # of `new_references`


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request whose acknowledgement was left to another mailbox (`elsewhere`) that hasn't enqueued one."""

    request_id: int
    reference: str
    mailbox: str
    identity: str
    answer_due_at: datetime
    sighting: Sighting
