"""What staff are told of requests, not how: a digest lists what waits for one person's answer, and what came while
they were away; a cover note tells a delegate of one request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from mailwatch.domain.escalations import Standing
from mailwatch.domain.languages import Language
from mailwatch.domain.requests import State


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """One request in a digest. Instants are in the zone of its mailbox's calendar.

    sender, subject     "" where this recipient may not see them (managers and directors, unless `details`)
    business_days_late  0 unless overdue; 0, too, on the due day itself after the hour
    owner               name of the person answerable, or ""
    covers              name of the absent person in whose place the recipient is told, or ""
    withheld_by         the rule that withheld the acknowledgement, "failed" where it could not be sent, or ""
    link                to the message, where `message_link` is configured, or ""
    """

    reference: str
    service: str  # the mailbox's name in the recipient's language
    mailbox: str
    sender: str
    subject: str
    received_at: datetime
    due_at: datetime
    standing: Standing
    business_days_late: int
    is_new: bool
    owner: str
    covers: str = ""
    withheld_by: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverNote:
    """One e-mail to a delegate: a request came in for them.

    absent      name of the person, or of the service, in whose place they are told
    returns_on  first business day back; None while that is unknown
    note        what the absent person left for the delegate, or ""
    """

    recipient: str
    name: str
    language: Language
    organisation: str
    absent: str
    returns_on: date | None
    note: str
    line: DigestLine


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayLine:
    """One request that came while somebody was away. Instants are in the zone of its mailbox's calendar.

    answered_by  name of who answered; "" where that isn't known, or nobody has
    """

    reference: str
    service: str  # the mailbox's name in the recipient's language
    mailbox: str
    sender: str
    subject: str
    received_at: datetime
    due_at: datetime
    state: State
    settled_at: datetime | None
    answered_by: str
    link: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in {State.OPEN, State.ACKNOWLEDGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhileAway:
    """What somebody is told who is back: `lines` came since the `first` day away, oldest first.

    more  how many came besides that aren't listed: a mail has its bounds
    """

    first: date
    lines: tuple[AwayLine, ...]
    more: int = 0

    @property
    def answered(self) -> tuple[AwayLine, ...]:
        """What somebody answered."""
        return tuple(line for line in self.lines if line.state is State.ANSWERED)

    @property
    def settled_otherwise(self) -> tuple[AwayLine, ...]:
        """What was closed or set aside."""
        return tuple(line for line in self.lines if line.state in {State.CLOSED, State.SET_ASIDE})

    @property
    def waiting(self) -> tuple[AwayLine, ...]:
        """What waits for an answer."""
        return tuple(line for line in self.lines if line.is_waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one person is told on one business day; `on` is the local date. Each list is oldest first.

    away    what came while they were away; None on any day but the first one back
    held    please acknowledge these yourself
    new     late or at risk since the last digest
    rest    known already
    silent  messages recorded without becoming requests since the last digest, by kind ("spam" is Junk)
    """

    recipient: str
    name: str
    language: Language
    on: date
    organisation: str
    held: tuple[DigestLine, ...] = ()
    new: tuple[DigestLine, ...] = ()
    rest: tuple[DigestLine, ...] = ()
    silent: Mapping[str, int]
    away: WhileAway | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing to say: counts alone are no reason to write."""
        return not (self.held or self.new or self.rest or (self.away and self.away.lines))

    @property
    def lines(self) -> tuple[DigestLine, ...]:
        """Every request of `held`, `new` and `rest` once, in the order in which they are told."""
        by_reference = {line.reference: line for line in reversed((*self.held, *self.new, *self.rest))}
        return tuple(reversed(by_reference.values()))

    @property
    def overdue(self) -> int:
        """How many of its requests are overdue."""
        return sum(line.standing is Standing.OVERDUE for line in self.lines)

    @property
    def at_risk(self) -> int:
        """How many of its requests will soon be due."""
        return sum(line.standing is Standing.AT_RISK for line in self.lines)

    @property
    def days_late(self) -> int:
        """By how many business days the latest of its requests is overdue; 0 without one."""
        return max((line.business_days_late for line in self.lines if line.standing is Standing.OVERDUE), default=0)
