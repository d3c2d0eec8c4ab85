"""What absences mean for a mailbox: who is away, back when, who covers meanwhile, and when an answer is then due."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from mailwatch.domain.absences import Absence, find_absence, find_cover, find_delegate, find_return_day
from mailwatch.domain.calendars import ServiceCalendar, add_business_days, local_date
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.people import Person
from mailwatch.domain.standards import Limit, due
from mailwatch.errors import NoOpenDay

_MIDDAY = time(12)  # on a date's own day in every zone, whatever clocks do at night


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """Nobody is there to answer for a mailbox: it is closed itself, or all its owners are away.

    person      who is away; None where the service itself is closed
    returns_on  first business day back, by the mailbox's calendar; None while that is unknown
    resumes_on  first business day on which somebody is there to answer, as far as that is known: later than the return
                where a service opens again whose owners are away, or they return to one that is closed
    cover       whom to turn to meanwhile; None if there is nobody
    is_covered  the absence names a delegate, and somebody of that chain is there: the standard holds
    """

    absence: Absence
    person: Person | None
    returns_on: date | None
    resumes_on: date | None
    cover: Person | None
    is_covered: bool


def find_away(mailbox: Mailbox, at: datetime) -> Away | None:
    """Whether a mailbox is away at an instant. Of several owners, all must be; one who is covered for stands first,
    then the one who is back first."""
    if not mailbox.organisation.absences:
        return None
    away = _away_on(mailbox, local_date(mailbox.standard.calendar, at))
    if away is None or away.is_covered or away.returns_on is None:
        return away
    return replace(away, resumes_on=_resumes_on(mailbox, away.returns_on))


def _away_on(mailbox: Mailbox, day: date) -> Away | None:
    absences = mailbox.organisation.absences
    if own := find_absence(mailbox.address, day, absences):
        return away_for(mailbox, own, day)
    found = []
    for person in answerable(mailbox):
        absence = find_absence(person.email, day, absences)
        if absence is None:
            return None
        found.append(away_for(mailbox, absence, day))
    return min(found, key=lambda away: (not away.is_covered, away.returns_on or date.max), default=None)


def _resumes_on(mailbox: Mailbox, day: date) -> date:
    """The first business day from one on which a mailbox isn't away, is covered for, or nobody knows any more."""
    while (away := _away_on(mailbox, day)) is not None and not away.is_covered and away.returns_on is not None:
        day = away.returns_on
    return day


def answerable(mailbox: Mailbox) -> tuple[Person, ...]:
    """Who answers for a mailbox: its owners; without any, the person whose address it is."""
    if mailbox.owners:
        return mailbox.owners
    people = mailbox.organisation.people
    return tuple(people[address] for address in sorted(mailbox.own_addresses) if address in people)


def answer_due(calendar: ServiceCalendar, limit: Limit, started_at: datetime, away: Away | None) -> datetime:
    """When an answer is due (UTC), the clock having started during an absence: the later of the standard and the end
    of the business day that follows the return of whoever is back first. The standard holds where a delegate covers, or
    nobody knows when they return. Raises NoOpenDay as `due` does."""
    standard = due(calendar, started_at, limit)
    if away is None or away.is_covered or away.resumes_on is None:
        return standard
    back = datetime.combine(away.resumes_on, _MIDDAY, calendar.timezone).astimezone(UTC)
    try:
        return max(standard, add_business_days(calendar, back, 1))
    except NoOpenDay:
        return standard


def away_for(mailbox: Mailbox, absence: Absence, day: date) -> Away:
    """What an absence that is on, on a date, means for a mailbox."""
    organisation = mailbox.organisation
    person = organisation.people.get(absence.who)
    cover = organisation.people.get(find_cover(absence.who, day, organisation.absences, organisation.people))
    if cover is not None and person is not None and cover.email == person.email:
        cover = None  # nobody else is there
    returns_on = find_return_day(absence, organisation.absences, mailbox.standard.calendar)
    return Away(
        absence=absence,
        person=person,
        returns_on=returns_on,
        resumes_on=returns_on,
        cover=cover,
        is_covered=cover is not None and cover.email == find_delegate(absence.who, day, organisation.absences),
    )
