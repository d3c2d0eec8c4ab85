"""The words of a judgement: what a message is, what the rules may know beside it, which of them hit."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailwatch.domain.addresses import Address
from mailwatch.domain.threads import ThreadMatch


class Kind(StrEnum):
    """What a message is."""

    REQUEST = "request"
    FOLLOW_UP = "follow_up"  # belongs to a request that is already open, acknowledged or answered
    REPLY = "reply"  # to something we wrote first, where `replies = "record"`; to a digest or an alert of ours
    ANSWER = "answer"  # staff's own message in the thread of a known request: an answer, or a consultation
    OWN = "own"
    BOUNCE = "bounce"
    RECEIPT = "receipt"
    FEEDBACK = "feedback"
    AUTO_REPLY = "auto_reply"
    INVITATION = "invitation"
    AUTOMATIC = "automatic"
    BULK = "bulk"
    SPAM = "spam"
    COPY = "copy"
    UNDISCLOSED = "undisclosed"  # addressed to none of a staff mailbox's addresses


# The silent register: recorded, reviewable, releasable as a request.
SILENT_REGISTER = frozenset({Kind.AUTOMATIC, Kind.BULK, Kind.SPAM, Kind.COPY, Kind.UNDISCLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the rules may know beside the message; the defaults are what `explain` knows (nothing).

    The counts are of acknowledgements enqueued to this message's recipient.
    """

    thread: ThreadMatch | None = None
    is_parent_ours: bool = False
    is_junk_folder: bool = False
    is_already_answered: bool = False  # \Answered stood on it when it was fetched
    is_acknowledged_elsewhere: bool = False  # its identity caused an automatic message already
    enabled_at: datetime | None = None
    newest_hop_at: datetime | None = None  # its newest Received header, where that was asked for
    sent_here_today: int = 0
    sent_everywhere_today: int = 0
    same_subject_recently: int = 0
    block: str = ""  # why automatic mail to the recipient is blocked
    told_of: frozenset[int] = frozenset()  # absences of which the recipient was told within the interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule that hit, with what it saw (never a sender or a subject)."""

    rule: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """kind + reason.

    reason        the rule that decided the kind, or "person"
    suppressed_by the first rule that forbids an acknowledgement
    forbidden_by  all that do, in their order
    """

    kind: Kind
    reason: str
    suppressed_by: str | None
    hits: tuple[Hit, ...]
    requester: Address | None  # who asked: From, or a form's Reply-To
    recipient: Address | None  # where an acknowledgement would go
    forbidden_by: tuple[str, ...] = ()
