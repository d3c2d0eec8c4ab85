"""Who is away, and who covers: evaluated when it is asked, so that an absence ends by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from mailwatch.domain.languages import Language
from mailwatch.domain.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A person (by e-mail) or a mailbox (by address) that is away from a first day to the day before the return.

    returns_on  first business day back; None while that is unknown
    delegate    e-mail of the person who covers, or ""
    audience    who gets the notice: "all", "internal" or "external"
    """

    who: str
    away_from: date
    returns_on: date | None = None
    delegate: str = ""
    text: Mapping[Language, str] = field(default_factory=dict)
    audience: str = "all"

    def covers(self, day: date) -> bool:
        """Whether it is on, on a local date."""
        return self.away_from <= day and (self.returns_on is None or day < self.returns_on)


def find_absence(who: str, day: date, absences: Sequence[Absence]) -> Absence | None:
    """The absence of a person or mailbox on a date; of several, the one that ends last, rather one with a delegate."""
    present = [absence for absence in absences if absence.who == who and absence.covers(day)]
    return max(present, key=lambda absence: (absence.returns_on or date.max, absence.delegate != ""), default=None)


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


def _follow_delegates(who: str, day: date, absences: Sequence[Absence], asked: set[str]) -> str | None:
    """The first who isn't away; None where the chain ends, or comes to somebody who was asked already."""
    while who and who not in asked:
        absence = find_absence(who, day, absences)
        if absence is None:
            return who
        asked.add(who)
        who = absence.delegate
    return None
