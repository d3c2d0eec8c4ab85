"""The names of days and months in French and English, and dates as people write them: `lundi 14 décembre 2026`.

Everything here reads plain text (see `plain`). A pattern finds a written date in a sentence; `read_written` says what
it names, and the name becomes a date once it is known from when on.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

# In each row: English, French, then abbreviations. "mar" is a month after a number, and a weekday before one.
_MONTH_ROWS = (
    "january janvier jan janv", "february fevrier feb fev fevr", "march mars mar", "april avril apr avr", "may mai",
    "june juin jun", "july juillet jul juil", "august aout aug", "september septembre sep sept",
    "october octobre oct", "november novembre nov", "december decembre dec",
)  # fmt: skip
_WEEKDAY_ROWS = (
    "monday lundi mon lun", "tuesday mardi tue tues mar", "wednesday mercredi wed mer",
    "thursday jeudi thu thur thurs jeu", "friday vendredi fri ven", "saturday samedi sat sam",
    "sunday dimanche sun dim",
)  # fmt: skip
MONTHS = {name: number for number, row in enumerate(_MONTH_ROWS, 1) for name in row.split()}
WEEKDAYS = {name: number for number, row in enumerate(_WEEKDAY_ROWS) for name in row.split()}  # Monday is 0
LEAP_YEARS_APART = 8  # at most: 1896, 1904

_ABBREVIATIONS = {name for row in (*_MONTH_ROWS, *_WEEKDAY_ROWS) for name in row.split()[2:]}
_TYPED = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "–": "-", "—": "-", "‑": "-", "−": "-"})


def any_of(names: Iterable[str]) -> str:
    """A pattern for one of these words, as a whole."""
    return rf"\b(?:{'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})\b"


_DOTTED = re.compile(rf"({any_of(_ABBREVIATIONS)})\.(?![0-9a-z])")

WEEKDAY = any_of(WEEKDAYS)
WHOLE_WEEKDAY = any_of(WEEKDAYS.keys() - _ABBREVIATIONS)  # French writes "mon" for something else
_LED = rf"(?:(?:on |le )?(?P<weekday>{WEEKDAY})(?:, ?| \(| )(?:the |le )?)?(?:the |le )?"
NUMBER = r"(?<![0-9])[0-3]?[0-9](?:er|st|nd|rd|th|e)?\b"
_DAY = NUMBER.replace("[0-3]?[0-9]", "(?P<day>[0-3]?[0-9])")
_MONTH = rf"(?P<month>{any_of(MONTHS)})"
_WRITTEN = (
    rf"{_LED}(?<![0-9-])(?P<year>[0-9]{{4}})[-/](?P<month>[0-9]{{2}})[-/](?P<day>[0-9]{{2}})(?![0-9-])",
    rf"{_LED}{_DAY}(?: of | de |[ -]){_MONTH}(?:(?:,? |-)(?P<year>[0-9]{{4}})\b)?",
    rf"{_LED}{_MONTH} (?:the )?{_DAY}(?:,? (?P<year>[0-9]{{4}})\b)?",
    rf"{_LED}(?<![0-9])(?P<one>[0-9]{{1,2}})[/.-](?P<two>[0-9]{{1,2}})[/.-](?P<year>[0-9]{{4}})\b",
)
_READERS = tuple(map(re.compile, _WRITTEN))
WRITTEN = f"(?:{'|'.join(re.sub(r'[?]P<[a-z]+>', '?:', pattern) for pattern in _WRITTEN)})"  # finds one; no groups


class UnclearDay(ValueError):
    """What was typed names no day, or not one alone. `french`: the same in French."""

    def __init__(self, english: str, french: str) -> None:
        super().__init__(english)
        self.french = french


@dataclass(frozen=True, slots=True, kw_only=True)
class DayName:
    """A day as it was named: perhaps without its year, perhaps with the weekday it is said to be."""

    day: int
    month: int
    year: int | None = None
    weekday: int | None = None

    def from_(self, day: date) -> date:
        """The one meant by who speaks of what comes: the first such date from a day on. UnclearDay if there is none."""
        ahead = range(day.year, day.year + LEAP_YEARS_APART + 1)
        return self._checked(found for found in self._in_years(ahead) if self.year or found >= day)

    def until(self, day: date) -> date:
        """The one meant by who speaks of what began: the last such date up to a day. UnclearDay if there is none."""
        back = range(day.year, day.year - LEAP_YEARS_APART - 1, -1)
        return self._checked(found for found in self._in_years(back) if self.year or found <= day)

    def _in_years(self, years: Iterable[int]) -> Iterable[date]:
        for year in [self.year] if self.year is not None else years:
            try:
                yield date(year, self.month, self.day)
            except ValueError:  # 29 February in most years, 31 April in any
                continue

    def _checked(self, found: Iterable[date]) -> date:
        day = next(iter(found), None)
        if day is None:
            written = f"{self.day}/{self.month}" + (f"/{self.year}" if self.year else "")
            raise UnclearDay(
                f"there is no day {self.day} in month {self.month} ({written}); expected a date such as 2026-12-07",
                f"le mois {self.month} n’a pas de jour {self.day} ({written})\u00a0; "
                "une date comme 2026-12-07 est attendue",
            )
        if self.weekday is not None and day.weekday() != self.weekday:
            is_, said = (_WEEKDAY_ROWS[number].split() for number in (day.weekday(), self.weekday))
            raise UnclearDay(
                f"{day} is a {is_[0].title()}, not a {said[0].title()}; expected weekday and date to agree",
                f"le {day} est un {is_[1]}, non un {said[1]}\u00a0; le jour et la date doivent concorder",
            )
        return day


def plain(text: str) -> str:
    """Lower case, without accents, single spaces, typed apostrophes and hyphens, no dot after an abbreviated name."""
    letters = unicodedata.normalize("NFKD", text.translate(_TYPED).casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _DOTTED.sub(r"\1", " ".join(bare.split()))


def read_written(text: str) -> DayName | None:
    """What a plain text names that is nothing but a written date; None if it is none. UnclearDay for 07/12/2026."""
    for reader in _READERS:
        if found := reader.fullmatch(text):
            return _named(found)
    return None


def _named(found: re.Match[str]) -> DayName:
    named = found.groupdict()
    year, weekday = named["year"], named["weekday"]
    day, month = _in_order(found) if "one" in named else (int(named["day"]), _month(named["month"]))
    return DayName(
        day=day,
        month=month,
        year=int(year) if year else None,
        weekday=WEEKDAYS[weekday] if weekday else None,
    )


def _month(name: str) -> int:
    return MONTHS[name] if name in MONTHS else int(name)


def _in_order(found: re.Match[str]) -> tuple[int, int]:
    """Day and month of 14/12/2026: who writes 07/12/2026 may mean July."""
    one, two = int(found["one"]), int(found["two"])
    if one <= 12 < two:
        return two, one
    if one != two and max(one, two) <= 12:
        raise UnclearDay(
            f"{found[0]} may be two days; expected year, month and day: {found['year']}-{two:02}-{one:02}?",
            f"{found[0]} peut désigner deux jours\u00a0; l’année, le mois et le jour sont attendus\u00a0: "
            f"{found['year']}-{two:02}-{one:02}\u00a0?",
        )
    return one, two
