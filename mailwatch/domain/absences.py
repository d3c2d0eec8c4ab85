"""Who is away, and who covers: evaluated when it is asked, so that an absence ends by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from mailwatch.domain.calendars import ServiceCalendar, next_business_day
from mailwatch.domain.languages import Language
from mailwatch.domain.people import Person
from mailwatch.errors import NoOpenDay


class Audience(StrEnum):
    """Who is told of an absence: everybody, or only those inside or outside the organisation."""

    ALL = "all"
    INTERNAL = "internal"
    EXTERNAL = "external"

    def includes(self, is_internal: bool) -> bool:
        """Whether a sender inside (or outside) the organisation is told."""
        return self is Audience.ALL or (self is Audience.INTERNAL) == is_internal


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A person (by e-mail) or a mailbox (by address) that is away from a first day to the day before the return.

    returns_on  first day back; None while that is unknown
    delegate    e-mail of the person who covers, or ""
    text        a sentence of the organisation's own for the notice
    note        what the person leaves for whoever covers; never shown to a requester
    id          its row in the database; 0 before it has one
    """

    who: str
    away_from: date
    returns_on: date | None = None
    delegate: str = ""
    text: Mapping[Language, str] = field(default_factory=dict)
    audience: Audience = Audience.ALL
    note: str = ""
    id: int = 0

    def covers(self, day: date) -> bool:
        """Whether it is on, on a local date."""
        return self.away_from <= day and (self.returns_on is None or day < self.returns_on)


def find_absence(who: str, day: date, absences: Sequence[Absence]) -> Absence | None:
    """The absence of a person or mailbox on a date.

    Of several, the one that began last is the most specific, then the one recorded last; what it leaves out (delegate,
    text, note) the others tell. It lasts as long as any of them, or of those that follow without a day between.
    """
    own = [absence for absence in absences if absence.who == who]
    present = sorted((each for each in own if each.covers(day)), key=lambda each: (each.away_from, each.id))
    if not present:
        return None
    if len(own) == 1:
        return present[0]
    ranked = present[::-1]
    return replace(
        ranked[0],
        returns_on=_end_of(ranked[0], own),
        delegate=next((each.delegate for each in ranked if each.delegate), ""),
        text=next((each.text for each in ranked if each.text), {}),
        note=next((each.note for each in ranked if each.note), ""),
    )


def find_return_day(absence: Absence, absences: Sequence[Absence], calendar: ServiceCalendar) -> date | None:
    """The first business day on which somebody who is away is back; None while that is unknown.

    A person who returns on a Saturday, or for a weekend between two absences, is back on no day of either.
    """
    day = absence.returns_on
    try:
        while day is not None:
            day = next_business_day(calendar, day)
            following = find_absence(absence.who, day, absences)
            if following is None:
                return day
            day = following.returns_on
    except NoOpenDay:
        return None
    return None


def find_cover(who: str, day: date, absences: Sequence[Absence], people: Mapping[str, Person]) -> str:
    """Who stands in for a person on a date: themselves if they aren't away, else the first in the chain of delegates
    who isn't, else (the chain ends or runs in a circle) the manager by the same rule, else the person again."""
    asked: set[str] = set()  # everybody who was found to be away
    boss: str | None = who
    climbed: set[str] = set()
    while boss and boss not in climbed:
        climbed.add(boss)
        if present := _follow_delegates(boss, day, absences, asked):
            return present
        boss = people[boss].manager if boss in people else None
    return who


def find_delegate(who: str, day: date, absences: Sequence[Absence]) -> str | None:
    """The first in the chain of delegates of somebody who is away who isn't; None if the chain leads to nobody."""
    return _follow_delegates(who, day, absences, set())


def find_circle(absences: Sequence[Absence]) -> tuple[Absence, ...]:
    """Absences whose delegates cover for each other in a circle on some day, in the order of the circle; () if none.

    Whoever follows the chain comes to nobody. A circle can begin only on a day on which an absence begins, or one ends
    that stood before another of the same person.
    """
    days = {absence.away_from for absence in absences}
    days |= {absence.returns_on for absence in absences if absence.returns_on is not None}
    for day in sorted(days):
        for start in absences:
            if start.covers(day) and (circle := _circle_from(start.who, day, absences)):
                return circle
    return ()


def _circle_from(who: str, day: date, absences: Sequence[Absence]) -> tuple[Absence, ...]:
    chain: list[Absence] = []
    while who not in {absence.who for absence in chain}:
        absence = find_absence(who, day, absences)
        if absence is None or not absence.delegate:
            return ()
        chain.append(absence)
        who = absence.delegate
    return tuple(chain) if chain[0].who == who else ()


def _end_of(absence: Absence, own: Sequence[Absence]) -> date | None:
    """The first day that none of a person's absences covers, counted from the end of one of them."""
    day = absence.returns_on
    while day is not None:
        later = [each.returns_on for each in own if each.covers(day)]
        if not later:
            return day
        day = None if None in later else max(each for each in later if each is not None)
    return None


def _follow_delegates(who: str, day: date, absences: Sequence[Absence], asked: set[str]) -> str | None:
    """The first who isn't away; None where the chain ends, or comes to somebody who was asked already."""
    while who and who not in asked:
        absence = find_absence(who, day, absences)
        if absence is None:
            return who
        asked.add(who)
        who = absence.delegate
    return None
