"""Who is told of what is late, at which level. Pure: people and absences are resolved when a digest is made.

Unsettled requests, levels → escalations to be written; those written → each recipient's concerns
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from mailwatch.domain.absences import Absence, find_cover
from mailwatch.domain.calendars import ServiceCalendar, local_date
from mailwatch.domain.mailboxes import Mailbox, MailboxKind
from mailwatch.domain.people import Person
from mailwatch.domain.requests import State
from mailwatch.domain.standards import Limit, due, lead, parse_limit
from mailwatch.errors import NoOpenDay

OWNER, MANAGER = "owner", "manager"

HELD_SILENTLY = frozenset({"disabled", "elsewhere", "answered"})  # rules that ask nobody to acknowledge in our place
FAILED = "failed"  # why a request is held whose acknowledgement could not be sent


class Standing(StrEnum):
    """Where a running clock stands at an instant; derived, never stored."""

    WITHIN = "within"
    AT_RISK = "at risk"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One `[[escalation]]`: `before` or `after` the answer is due; `to` holds OWNER, MANAGER, addresses."""

    before: Limit | None = None
    after: Limit | None = None
    to: tuple[str, ...]

    @property
    def name(self) -> str:
        """What is stored of it: `before 1 business day`, `after 0 business days`."""
        return f"before {self.before}" if self.before else f"after {self.after}"


# What holds where the configuration has no [[escalation]].
DEFAULT_LEVELS = (
    Level(before=parse_limit("1 business day"), to=(OWNER,)),
    Level(after=parse_limit("0 business days"), to=(OWNER, MANAGER)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A request whose clock runs, as escalations and digests need it.

    calendar          the version it was opened under
    is_unacknowledged never answered, and not acknowledged, or the acknowledgement came back
    suppressed_by     the rule that withheld its acknowledgement, if any
    has_failed        its acknowledgement failed or came back, or its outcome stayed uncertain
    escalated         when each level was escalated in this run of the clock, by level name
    is_answer_seen    an answer was ever seen in its mailbox: answers can be seen there at all
    """

    id: int
    reference: str
    mailbox: str
    state: State
    requester: str
    subject: str
    owner: str
    received_at: datetime
    clock_started_at: datetime
    answer_due_at: datetime
    acknowledgement_due_at: datetime
    calendar: ServiceCalendar
    message_id: str
    is_unacknowledged: bool
    suppressed_by: str | None
    has_failed: bool
    escalated: Mapping[str, datetime]
    is_answer_seen: bool = True

    @property
    def held(self) -> str:
        """Why somebody must acknowledge it: the rule that withheld the acknowledgement, FAILED, or ""."""
        if not self.is_unacknowledged:
            return ""
        if self.has_failed:
            return FAILED
        return "" if self.suppressed_by in HELD_SILENTLY else self.suppressed_by or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEscalation:
    """The fact that a request reached a level while its clock, started at that instant, ran."""

    request_id: int
    level: str
    clock_started_at: datetime
    to: tuple[str, ...]  # OWNER, MANAGER, addresses: as configured


def reached_at(level: Level, calendar: ServiceCalendar, due_at: datetime) -> datetime:
    """When a request due at an instant reaches a level. Past it (not at it: exactly at the limit is met) it counts.

    Nothing at all before or after is the due instant itself. Where the calendar has no open day to count, too: who is
    told early can wait, who is never told can't.
    """
    limit = level.before or level.after
    if limit is None or not limit.amount:
        return due_at
    try:
        return lead(calendar, due_at, limit) if level.before else due(calendar, due_at, limit)
    except NoOpenDay:
        return due_at


def list_reached(levels: Sequence[Level], calendar: ServiceCalendar, due_at: datetime, now: datetime) -> list[Level]:
    """The levels that a request has reached."""
    return [level for level in levels if reached_at(level, calendar, due_at) < now]


def find_standing(levels: Sequence[Level], calendar: ServiceCalendar, due_at: datetime, now: datetime) -> Standing:
    """Overdue past the due instant; at risk past the earliest `before` level (or one business day before, without)."""
    if due_at < now:
        return Standing.OVERDUE
    warnings = [level for level in levels if level.before] or [_DEFAULT_WARNING]
    return Standing.AT_RISK if list_reached(warnings, calendar, due_at, now) else Standing.WITHIN


def due_horizon(levels: Sequence[Level], calendars: Iterable[ServiceCalendar], now: datetime) -> datetime:
    """What is due later, by any of the calendars, has reached no level, and isn't at risk."""
    warnings = [level.before for level in levels if level.before] or [_DEFAULT_LEAD]
    # One more: a due instant on a closed day counts as on the last business day before.
    wider = [replace(limit, amount=limit.amount + 1) for limit in warnings]
    return max((_due_or_now(calendar, now, limit) for calendar in calendars for limit in wider), default=now)


def list_escalations(
    unsettled: Sequence[Unsettled], levels: Sequence[Level], mailboxes: Mapping[str, Mailbox], now: datetime
) -> list[NewEscalation]:
    """The levels that requests of these mailboxes have reached, and weren't escalated at. None that tells nobody."""
    return [
        NewEscalation(request_id=request.id, level=level.name, clock_started_at=request.clock_started_at, to=heard)
        for request in unsettled
        if request.mailbox in mailboxes
        for level in list_reached(_not_escalated(levels, request), request.calendar, request.answer_due_at, now)
        if (heard := _heard(level, mailboxes[request.mailbox], request.is_answer_seen))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Why a request stands in somebody's digest. `covers`: e-mail of the absent person in whose place; "" otherwise.

    is_owner  told as its owner, or in the owner's place, or owns its mailbox: may see sender and subject
    held      please acknowledge it yourself: the rule that withheld the acknowledgement, or FAILED; "" otherwise
    """

    request: Unsettled
    standing: Standing
    is_new: bool
    is_owner: bool
    covers: str = ""
    held: str = ""


def gather_concerns(
    unsettled: Sequence[Unsettled],
    levels: Sequence[Level],
    mailboxes: Mapping[str, Mailbox],
    absences: Sequence[Absence],
    people: Mapping[str, Person],
    day: date,
    now: datetime,
    told_at: Mapping[str, datetime],
    seen_answers: Collection[str],
    *,
    tells_cover: bool = False,
) -> Mapping[str, list[Concern]]:
    """Recipient → what concerns them on a day, oldest first; whoever is away is covered for.

    A request concerns whom its levels name, and, while it is held, its owner. Requests of other mailboxes than these
    are history.

    told_at       when each recipient was last told: what was escalated since is new
    seen_answers  shared mailboxes in which an answer was ever seen; in the others escalation stops at the owner
    tells_cover   a request that came in while its owner was away concerns the delegate, before it reaches any level
    """
    gathered: dict[str, list[Concern]] = defaultdict(list)
    away = [absence for absence in absences if absence.covers(day)]
    for request in sorted(unsettled, key=lambda each: (each.received_at, each.id)):
        if (mailbox := mailboxes.get(request.mailbox)) is None:
            continue
        standing = find_standing(levels, request.calendar, request.answer_due_at, now)
        told: dict[str, Concern] = {}
        whom = _list_told(request, levels, mailbox, people, now, mailbox.address in seen_answers)
        owner = find_owner(request, mailbox, people)
        if tells_cover and owner not in whom and _came_in_absence(request, owner, mailbox, away):
            whom[owner] = request.received_at
        for named, since in whom.items():
            recipient = find_cover(named, day, away, people)
            last = told_at.get(recipient)
            is_new = last is None or since > last
            concern = _concern(request, mailbox, owner, standing, is_new, named, recipient)
            told[recipient] = _joined(told.get(recipient, concern), concern)
        for recipient, concern in told.items():
            gathered[recipient].append(concern)
    return dict(gathered)


def find_owner(request: Unsettled, mailbox: Mailbox, people: Mapping[str, Person]) -> str:
    """Who is answerable for a request: its owner; the first owner that its mailbox has now, where it had none, or one
    whom the configuration doesn't know any more: who has left reads no digest."""
    owners = [owner.email for owner in mailbox.owners]
    is_known = request.owner in people or request.owner in owners
    return request.owner if is_known or not owners else owners[0]


_DEFAULT_LEAD = parse_limit("1 business day")
_DEFAULT_WARNING = Level(before=_DEFAULT_LEAD, to=())


def _due_or_now(calendar: ServiceCalendar, now: datetime, limit: Limit) -> datetime:
    try:
        return due(calendar, now, limit)
    except NoOpenDay:
        return now


def _not_escalated(levels: Sequence[Level], request: Unsettled) -> list[Level]:
    return [level for level in levels if level.name not in request.escalated]


def _heard(level: Level, mailbox: Mailbox, is_answer_seen: bool) -> tuple[str, ...]:
    """Whom a level names, less those who would hear of answers that only we don't see."""
    if is_answer_seen or mailbox.kind is not MailboxKind.SHARED:
        return level.to
    return tuple(name for name in level.to if name == OWNER)


def _list_told(
    request: Unsettled,
    levels: Sequence[Level],
    mailbox: Mailbox,
    people: Mapping[str, Person],
    now: datetime,
    is_answer_seen: bool,
) -> dict[str, datetime]:
    """Whom a request concerns, before absences are looked at; each with the instant since when it is news to them."""
    owner = find_owner(request, mailbox, people)
    told = {owner: request.received_at} if owner and request.held else {}
    # What was reached, and isn't any more, was put off by an absence since.
    for level in list_reached(levels, request.calendar, request.answer_due_at, now):
        if since := request.escalated.get(level.name, now):
            for name in _heard(level, mailbox, is_answer_seen):
                if named := _resolve(name, owner, people):
                    told[named] = max(since, told.get(named, since))
    return told


def _came_in_absence(request: Unsettled, owner: str, mailbox: Mailbox, away: Sequence[Absence]) -> bool:
    """Whether its owner was away already when it was received, and names a delegate: a manager who is only the last
    resort reads of what is late, not all that comes."""
    day = local_date(mailbox.standard.calendar, request.received_at)
    own = [absence for absence in away if absence.who == owner]
    return any(absence.covers(day) for absence in own) and any(absence.delegate for absence in own)


def _resolve(name: str, owner: str, people: Mapping[str, Person]) -> str:
    """The person whom a level's word means now, or ""."""
    if name == OWNER:
        return owner
    if name == MANAGER:
        return (people[owner].manager or "") if owner in people else ""
    return name.lower()


def _concern(
    request: Unsettled, mailbox: Mailbox, owner: str, standing: Standing, is_new: bool, named: str, recipient: str
) -> Concern:
    is_answerable = named == owner
    return Concern(
        request=request,
        standing=standing,
        is_new=is_new,
        is_owner=is_answerable or any(named == each.email for each in mailbox.owners),
        covers="" if named == recipient else named,
        held=request.held if is_answerable else "",
    )


def _joined(one: Concern, other: Concern) -> Concern:
    """Two reasons to tell one person of one request: one's own stands before another's place."""
    return replace(
        one,
        is_new=one.is_new or other.is_new,
        is_owner=one.is_owner or other.is_owner,
        covers=one.covers and other.covers and (one if one.is_owner else other).covers,
        held=one.held or other.held,
    )
