"""Who is away, and what follows: said once more, as shortly as possible, day by day on the office's own calendar."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import holidays
from services.machine.office import CLOSED, MANAGERS, OWNERS
from services.machine.reading import TORONTO

ONTARIO = holidays.country_holidays("CA", subdiv="ON")
OPENS, CLOSES = time(8, 30), time(16, 30)
STANDARD = 5  # business days
DAY = timedelta(days=1)


def is_open(day: date) -> bool:
    """Whether the board's offices are open."""
    return day.weekday() < 5 and day not in ONTARIO and not CLOSED[0] <= day <= CLOSED[1]


def local(instant: datetime) -> date:
    """The date where the offices are."""
    return instant.astimezone(TORONTO).date()


def end_of_business_day(day: date, n: int) -> datetime:
    """When the offices close on the n-th open day after a day."""
    while n:
        day += DAY
        n -= is_open(day)
    return datetime.combine(day, CLOSES, TORONTO).astimezone(UTC)


@dataclass(frozen=True)
class Planned:
    """An absence, as whoever is away knows it. `n`: its place in the order in which they were told."""

    n: int
    who: str
    first: date
    back: date | None
    delegate: str

    def is_on(self, day: date) -> bool:
        """Whether they are away on a day."""
        return self.first <= day and (self.back is None or day < self.back)


@dataclass
class Rota:
    """Everybody's absences, by number."""

    planned: dict[int, Planned] = field(default_factory=dict)

    def on(self, who: str, day: date) -> list[Planned]:
        """Those of a person or mailbox on a day, the most specific first."""
        found = [one for one in self.planned.values() if one.who == who and one.is_on(day)]
        return sorted(found, key=lambda one: (one.first, one.n), reverse=True)

    def away(self, box: str, day: date) -> str:
        """The mailbox if it is closed, else its owner who is away; "" if somebody is there to answer."""
        return next((who for who in (box, OWNERS[box]) if self.on(who, day)), "")

    def back(self, who: str, day: date) -> date | None:
        """The first open day from one on which somebody is there; None if nobody knows."""
        while (on := self.on(who, day)) or not is_open(day):
            if any(one.back is None for one in on):
                return None
            day += DAY
        return day

    def stand_in(self, who: str, day: date) -> str:
        """The first of the chain of delegates who is there; "" if nobody is."""
        return self._follow(self._delegate(who, day), day, {who})

    def reader(self, who: str, day: date) -> str:
        """Who reads a person's digest: they, the chain, the manager and theirs; in the end they, wherever they are."""
        asked: set[str] = set()
        boss, climbed = who, set[str]()
        while boss and boss not in climbed:
            climbed.add(boss)
            if present := self._follow(boss, day, asked):
                return present
            boss = MANAGERS.get(boss, "")
        return who

    def due(self, box: str, started_at: datetime) -> datetime:
        """The later of the standard and the end of the business day after the return, unless somebody covers."""
        day = local(started_at)
        standard = end_of_business_day(day, STANDARD)
        while (who := self.away(box, day)) and not self.stand_in(who, day) and (back := self.back(who, day)):
            day = back
        return max(standard, end_of_business_day(day, 1))

    def over(self, who: str, day: date, within: timedelta) -> Iterable[tuple[int, date]]:
        """Absences from which somebody has come back within a time, each with the day on which they did."""
        for one in self.planned.values():
            back = self.back(who, one.back) if one.who == who and one.back is not None else None
            if back is not None and back <= day < back + within:
                yield one.n, back

    def _delegate(self, who: str, day: date) -> str:
        return next((one.delegate for one in self.on(who, day) if one.delegate), "")

    def _follow(self, who: str, day: date, asked: set[str]) -> str:
        while who and who not in asked:
            if not self.on(who, day):
                return who
            asked.add(who)
            who = self._delegate(who, day)
        return ""
