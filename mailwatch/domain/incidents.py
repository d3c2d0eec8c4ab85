"""What is wrong with mailwatch itself: troubles now, and incidents, of which IT is told once when they begin and once
when they are over.

A trouble that comes and goes is one incident: it is over only once the trouble has stayed away for a while. What
befalls many mailboxes within minutes, since their server is away, is told together, and so is its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum

from mailwatch.domain.calendars import ServiceCalendar

REMINDER_MONTH = 10  # next year's closures are decided by October
ALONG = 2 / 3  # of the time that something must last before it is told: then it goes along with what lasted it all


class TroubleKind(StrEnum):
    """What can be wrong."""

    ACKNOWLEDGEMENT_NEAR_LIMIT = "acknowledgement near its limit"
    MAILBOX_SILENT = "mailbox without progress"
    LOGIN_REFUSED = "login refused"
    BREAKER_TRIPPED = "breaker tripped"
    ACCOUNT_STOPPED = "sending account stopped"
    OUTBOX_FAILED = "messages failed"
    OUTCOME_UNCERTAIN = "outcome uncertain"
    QUARANTINED = "messages in quarantine"
    CLOSURES_MISSING = "next year's closures missing"
    TEMPLATE_FAILED = "template failed"
    CALENDAR_UNREAD = "absence calendar unread"
    DATABASE_SILENT = "database takes nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """[alerts]: whom to tell, by which SMTP account and in whose name.

    after  as in `TroubleLimits`; and how long a trouble must stay away before its incident is over
    """

    to: tuple[str, ...] = ()
    account: str = ""
    sender: str = ""
    after: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleLimits:
    """From when on something is a trouble.

    after        how long a mailbox may be without progress, or refused ([alerts] after)
    near         share of the limit that is left when an unsent acknowledgement is near it, between 0 and 1
    mailboxes    the watched addresses: others' rows are history
    """

    after: timedelta = timedelta(minutes=15)
    near: float = 0.25
    mailboxes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something wrong now. `about`: a mailbox, an account, a colleague whom a digest didn't reach, or "". With the kind
    it is what makes a trouble one.

    data  counts, codes, references: no sender and no subject
    """

    kind: TroubleKind
    about: str
    since: datetime
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A trouble that began. `ended_at`: when it was first seen to be away for good; None until it is over."""

    id: int
    trouble: Trouble
    opened_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One e-mail to IT: incidents that began, or that are over."""

    organisation: str
    began: tuple[Incident, ...] = ()
    over: tuple[Incident, ...] = ()
    at: datetime


def compare(troubles: Iterable[Trouble], open_: Iterable[Incident]) -> tuple[list[Trouble], list[Incident]]:
    """Troubles that no open incident tells of, and open incidents whose trouble is over.

    In one order for everybody: two workers that write them can't wait for each other.
    """
    now = {_key(trouble): trouble for trouble in troubles}
    before = {_key(incident.trouble): incident for incident in open_}
    began = [now[key] for key in sorted(now) if key not in before]
    return began, [before[key] for key in sorted(before) if key not in now]


def end(
    gone: Iterable[Incident], well_since: Mapping[int, datetime], after: timedelta, now: datetime
) -> list[Incident]:
    """Of the incidents whose trouble is gone, since when by their ids, those that are over: it stayed away for `after`,
    or nearly as long while another one's did."""
    rested = [replace(incident, ended_at=well_since[incident.id]) for incident in gone]
    if not any(now - well_since[incident.id] >= after for incident in rested):
        return []
    return [incident for incident in rested if now - well_since[incident.id] >= after * ALONG]


def _key(trouble: Trouble) -> tuple[str, str]:
    return trouble.kind, trouble.about


def is_near_limit(received_at: datetime, due_at: datetime, near: float, now: datetime) -> bool:
    """Whether no more than the share `near` of an acknowledgement's time is left."""
    return now >= due_at - (due_at - received_at) * near


def find_missing_closures(about: str, calendar: ServiceCalendar, now: datetime) -> Trouble | None:
    """From October a calendar that lists closures lists next year's; in the new year they are still missed.

    A calendar without closures has nothing to add.
    """
    today = now.astimezone(calendar.timezone).date()
    year = today.year + (today.month >= REMINDER_MONTH)
    years = [closure.first.year for closure in calendar.closures]
    if not years or max(years) >= year:
        return None
    since = datetime.combine(today.replace(year=year - 1, month=REMINDER_MONTH, day=1), time(), calendar.timezone)
    return Trouble(
        kind=TroubleKind.CLOSURES_MISSING,
        about=about,
        since=since.astimezone(now.tzinfo),
        data={"year": year},
    )


def list_missing_closures(
    calendar: ServiceCalendar, own: Sequence[tuple[str, ServiceCalendar]], now: datetime
) -> list[Trouble]:
    """Of the organisation's calendar, and of those that mailboxes (by address) have of their own."""
    found = [find_missing_closures("", calendar, now)]
    found += [find_missing_closures(about, each, now) for about, each in own if each.closures != calendar.closures]
    return [trouble for trouble in found if trouble is not None]
