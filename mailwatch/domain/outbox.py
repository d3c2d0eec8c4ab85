"""What is to be sent: entries, their states, and what a submission comes to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailwatch.domain.cursors import Sighting


class EntryKind(StrEnum):
    """What an automatic message is."""

    ACKNOWLEDGEMENT = "acknowledgement"
    NOTICE = "notice"  # of an absence, to whoever wrote, where no acknowledgement tells of it
    NOTE = "note"  # to a delegate: a request came in for them
    DIGEST = "digest"
    ALERT = "alert"


# What a stranger's message causes: held by the breaker, counted by the limits.
CAUSED = (EntryKind.ACKNOWLEDGEMENT, EntryKind.NOTICE)


class EntryState(StrEnum):
    """Where an outbox entry stands. sent, failed, uncertain and cancelled are final."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """SMTP MAIL FROM and RCPT TO; the null reverse-path is ""."""

    reverse_path: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to be put in the outbox, in the transaction of the state change.

    unique_key  `ack:<identity>`, `notice:<absence>:<sender>:<n>`, `digest:<recipient>:<date>`, `note:…`, `alert:…`:
                the database refuses a second one
    mailbox     the mailbox it is sent for; "" for digests, notes and alerts, which ...
    account     ... name the SMTP account that submits them; "" where the mailbox's own does
    caused_by   identity of the message that caused it, at most one entry over all mailboxes; "" for no message
    body        the message's bytes; they never change between attempts
    absence     the row of the absence that it tells of; 0 for none
    """

    unique_key: str
    kind: EntryKind
    mailbox: str
    caused_by: str
    message_id: str
    envelope: Envelope
    subject_key: str
    body: bytes
    not_before: datetime
    give_up_at: datetime
    account: str = ""
    absence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedEntry:
    """An entry that this worker may submit until `claimed_until`, with what must be looked at again first."""

    id: int
    kind: EntryKind
    mailbox: str
    request_id: int | None
    reference: str
    request_state: str | None
    sightings: tuple[Sighting, ...]  # of the message that caused it, in this mailbox
    message_id: str
    envelope: Envelope
    body: bytes
    enqueued_at: datetime
    give_up_at: datetime
    acknowledgement_due_at: datetime | None
    attempts: int  # this one included
    doubts: int  # how often its outcome stayed unknown
    claimed_until: datetime


class OutcomeKind(StrEnum):
    """What one submission came to."""

    SENT = "sent"
    DEFERRED = "deferred"  # 4xx about this message, or the connection failed before DATA
    FAILED = "failed"  # 5xx about this recipient or this message
    UNCERTAIN = "uncertain"  # the connection died after DATA
    ACCOUNT_REFUSED = "account refused"  # AUTH or MAIL FROM refused for good, or the account is blocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`code` is the SMTP reply code or 0; `enhanced` the RFC 3463 code or ""; `text` is cut to 300 characters."""

    kind: OutcomeKind
    code: int = 0
    enhanced: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of a claimed entry: its next state, with a reason; `not_before` where it is tried again."""

    entry_id: int
    state: EntryState
    reason: str
    at: datetime
    not_before: datetime | None = None
    doubts: int = 0
    answered_by: str = ""  # the evidence that a person answered (then the request is answered, too)
