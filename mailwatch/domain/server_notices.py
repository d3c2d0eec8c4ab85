"""Absence notices that a mail server sends by itself (`notice = "sieve"`): of which absence, from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from mailwatch.domain.absences import Absence, Audience
from mailwatch.domain.calendars import local_date
from mailwatch.domain.composition import AwayFacts, NoticeFacts
from mailwatch.domain.covers import Away, answerable, find_away
from mailwatch.domain.mailboxes import Mailbox, MailboxKind
from mailwatch.domain.people import Responder

_MIDDAY = time(12)  # on a date's own day in every zone, whatever clocks do at night


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNotice:
    """What a server answers from `start` until before `end` (UTC); `end` None: until it is withdrawn.

    addresses  by which one writes to the mailbox, its own first
    audience   as `internal_domains`, with what lies below them, tell it
    """

    addresses: tuple[str, ...]
    start: datetime
    end: datetime | None
    subject: str
    text: str
    audience: Audience = Audience.ALL
    internal_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Dates on which nobody answers for a mailbox, the last one excluded; of the first one, who is away."""

    away: Away
    first: date
    end: date | None


def is_answered_by_server(mailbox: Mailbox) -> bool:
    """Whether the mailbox, or without a word of its own the person whose mailbox it is, has the server tell."""
    if mailbox.notice is not Responder.SEND or mailbox.kind is not MailboxKind.STAFF:
        return mailbox.notice is Responder.SIEVE
    return any(person.notice is Responder.SIEVE for person in answerable(mailbox))


def find_closing(mailbox: Mailbox, absences: Sequence[Absence], now: datetime) -> Closing | None:
    """When the mailbox is away: now, or else next; None if it isn't, or if another program tells of that person."""
    staffed = replace(mailbox, organisation=replace(mailbox.organisation, absences=tuple(absences)))
    today = local_date(mailbox.standard.calendar, now)
    found = [(day, _away_on(staffed, day)) for day in (today, *_changes(mailbox, absences, today))]
    day, away = next((each for each in found if each[1]), (today, None))
    if away is None or (away.person and away.person.notice is Responder.NONE):
        return None
    return Closing(
        away=away,
        first=away.absence.away_from if day == today else day,  # the same on each day of it
        end=next((later for later, one in found if later > day and one is None), None),
    )


def notice_facts(away: Away) -> NoticeFacts:
    """What the notice says: a server knows neither the request nor who writes."""
    name = away.person.name if away.person else ""
    facts = AwayFacts(name=name, returns_on=away.returns_on, cover=away.cover, text=away.absence.text)
    return NoticeFacts(reference="", subject="", is_internal=False, away=facts)


def plan_server_notice(mailbox: Mailbox, closing: Closing, subject: str, text: str) -> ServerNotice:
    """The notice from midnight to midnight in the mailbox's zone, each at the offset that holds then."""
    zone = mailbox.standard.calendar.timezone
    return ServerNotice(
        addresses=(mailbox.address, *mailbox.aliases),
        start=_midnight(closing.first, zone),
        end=_midnight(closing.end, zone) if closing.end else None,
        subject=subject,
        text=text,
        audience=closing.away.absence.audience,
        internal_domains=tuple(sorted(mailbox.organisation.domains)),
    )


def _changes(mailbox: Mailbox, absences: Sequence[Absence], today: date) -> Sequence[date]:
    """The days to come on which somebody who matters leaves or returns."""
    names = {mailbox.address, *(person.email for person in answerable(mailbox))}
    own = [absence for absence in absences if absence.who in names]
    days = {day for each in own for day in (each.away_from, each.returns_on) if day and day > today}
    return sorted(days)


def _away_on(mailbox: Mailbox, day: date) -> Away | None:
    return find_away(mailbox, datetime.combine(day, _MIDDAY, mailbox.standard.calendar.timezone).astimezone(UTC))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
