"""Days and periods as people type them on the command line, in French or English: `tomorrow`, `du 7 au 11 décembre`.

What language leaves open is settled here, once; whoever asks echoes what was understood.

- A weekday (`Monday`) is the next one after today; `this Friday` may be today; `next Monday` and « lundi prochain » are
  in the week after this one, whatever day it is (weeks begin on Monday).
- `14/12/2026` and `12/14/2026` are one day each; `07/12/2026` may be two, and is refused.
- A date without its year is the next such date, today included.
- `until`, `to`, « au » and « jusqu’au » name the *last day away*: the first day back is the one after. `back on`,
  `returns` and « de retour le » name the *first day back*.
- A period without years is the first that isn't over: on 28 November, `7 November to 11 December` has begun already.
- The weekday that ends a period is the first one after its beginning.
"""

import re
from datetime import date, timedelta

from mailwatch.domain.daynames import (
    NUMBER,
    WEEKDAY,
    WEEKDAYS,
    WRITTEN,
    DayName,
    UnclearDay,
    any_of,
    plain,
    read_written,
)

__all__ = ["UnclearDay", "parse_day", "parse_period"]

LONGEST = 100  # characters that anybody needs to name a day, or two

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_RELATIVE = {
    "today": 0, "aujourd'hui": 0, "aujourdhui": 0, "tomorrow": 1, "demain": 1, "yesterday": -1, "hier": -1,
    "day after tomorrow": 2, "the day after tomorrow": 2, "apres-demain": 2, "apres demain": 2,
    "day before yesterday": -2, "the day before yesterday": -2, "avant-hier": -2, "avant hier": -2,
}  # fmt: skip
_DISTANCES = {"day": 1, "days": 1, "jour": 1, "jours": 1, "week": 7, "weeks": 7, "semaine": 7, "semaines": 7}

_NEXT = rf"next {WEEKDAY}|(?:le )?{WEEKDAY} prochain"
_THIS = rf"this (?:coming )?{WEEKDAY}|ce {WEEKDAY}"
_IN = rf"(?:in|dans) (?:[0-9]{{1,3}}|an?|one|une?) {any_of(_DISTANCES)}"
_NAMED_WEEKDAY = rf"(?:on |le )?{WEEKDAY}"
_ONE = f"(?:{WRITTEN}|{_NEXT}|{_THIS}|{_IN}|{any_of(_RELATIVE)}|{_NAMED_WEEKDAY})"
# What is left of an end whose month the other end names: `7`, `lundi 7`, `11, 2026`.
_NUMBERED = rf"(?:{WEEKDAY},? )?(?:le |the )?{NUMBER}(?:,? [0-9]{{4}}\b)?"

_SINCE = r"since|depuis(?: le)?"
_FROM = rf"{_SINCE}|from|starting(?: on)?|beginning(?: on)?|as of|du|de|des(?: le)?|(?:a partir|a compter) d[eu]"
_TO = r"until|till|to|through|thru|au|a|jusqu'au|jusqu'a"
_BACK = r"(?:and |et )?(?:back|returns|returning|return|de retour|retour)"
_LED = rf"(?:(?P<from>{_FROM}) (?:le |the )?|(?P<elided>d'|a partir d'|a compter d'))?"
_ENDED = (
    rf"(?:,? ?\b(?P<back>{_BACK}) (?:on |le )?(?P<on>{_ONE})"
    rf"|(?: ?- ?|,? ?\b(?:{_TO}) (?:and including )?)"
    rf"(?:(?P<never>further notice|nouvel ordre)|(?:le |the )?(?P<last>{_ONE}|{_NUMBERED}))"
    r"(?:,? (?:inclusive|inclusively|included|inclus|incluse|inclusivement))?)"
)
_PERIOD = re.compile(rf"{_LED}(?P<first>{_ONE}|{_NUMBERED})?(?P<end>{_ENDED})?")


def parse_day(text: str, today: date) -> date:
    """The day that a text names, seen from today. UnclearDay (a ValueError) says what was expected."""
    typed = _typed(text)
    try:
        named = read_written(typed)
        day = named.from_(today) if named else _relative(typed, today)
    except OverflowError:
        day = None  # beyond the calendar
    if day is None:
        raise _unclear(text)
    return day


def parse_period(text: str, today: date) -> tuple[date, date | None]:
    """The first day away and the first day back, None if that isn't known. UnclearDay says what was expected.

    A day alone is an absence of that day; an end alone (`until Friday`, « de retour le 14 ») begins today.
    """
    found = _PERIOD.fullmatch(_typed(text))
    if found is None or not (found["first"] or found["end"]):
        raise _unclear_period(text)
    try:
        return _period(found, today)
    except OverflowError:
        raise _unclear_period(text) from None


def _typed(text: str) -> str:
    if len(text) > LONGEST:
        raise _unclear(text[:LONGEST] + "…")
    return plain(text)


# --- a day -----------------------------------------------------------------------------------------------------------


def _relative(typed: str, today: date) -> date | None:
    """The day of a text that names one by how far off it is; None if it doesn't."""
    if typed in _RELATIVE:
        return today + _RELATIVE[typed] * _DAY
    words = typed.split()
    if re.fullmatch(_IN, typed):
        number = int(words[1]) if words[1].isdecimal() else 1
        return today + number * _DISTANCES[words[2]] * _DAY
    weekday = next((WEEKDAYS[word] for word in words if word in WEEKDAYS), 0)
    if re.fullmatch(_NAMED_WEEKDAY, typed):
        return _next_weekday(weekday, today)
    if re.fullmatch(_THIS, typed):
        return _next_weekday(weekday, today - _DAY)
    if re.fullmatch(_NEXT, typed):
        return today - today.weekday() * _DAY + _WEEK + weekday * _DAY
    return None


def _next_weekday(weekday: int, day: date) -> date:
    """The first such weekday after a day."""
    return day + ((weekday - day.weekday() - 1) % 7 + 1) * _DAY


# --- a period --------------------------------------------------------------------------------------------------------


def _period(found: re.Match[str], today: date) -> tuple[date, date | None]:
    first_text, last_text = found["first"] or "today", found["on"] or found["last"]
    if last_text is None:
        first = _begun(first_text, today) if re.fullmatch(_SINCE, found["from"] or "") else parse_day(first_text, today)
        is_open = found["from"] or found["elided"] or found["never"]
        return first, None if is_open else first + _DAY
    first, last = _both(first_text, last_text, today)
    returns_on = last if found["back"] else last + _DAY
    if returns_on <= first:
        raise UnclearDay(
            f"the period ends before it begins ({first} to {last}); expected first day, then last day",
            f"la période finit avant de commencer ({first} au {last})\u00a0; le premier jour, puis le dernier",
        )
    return first, returns_on


def _begun(text: str, today: date) -> date:
    """The day since when: it lies behind."""
    if named := read_written(text):
        return named.until(today)
    return parse_day(text, today) - (_WEEK if re.fullmatch(_NAMED_WEEKDAY, text) else 0 * _DAY)


def _both(first_text: str, last_text: str, today: date) -> tuple[date, date]:
    first_named, last_named = _names(first_text, last_text)
    if first_named and last_named and not first_named.year:
        last = last_named.from_(today)
        return first_named.until(last), last
    first = first_named.from_(today) if first_named else parse_day(first_text, today)
    if last_named:
        return first, last_named.from_(first)
    if re.fullmatch(_NAMED_WEEKDAY, last_text):
        return first, _next_weekday(WEEKDAYS[last_text.split()[-1]], first)
    return first, parse_day(last_text, today)


def _names(first_text: str, last_text: str) -> tuple[DayName | None, DayName | None]:
    """Both ends as they were written; one that is a mere number is in the month of the other."""
    first, last = read_written(first_text), read_written(last_text)
    if last and re.fullmatch(_NUMBERED, first_text):
        first = _numbered(first_text, last)
        if first.day > last.day:
            raise UnclearDay(
                f"{first.day} comes after {last.day}; expected first day, then last day",
                f"le {first.day} vient après le {last.day}\u00a0; le premier jour, puis le dernier",
            )
    elif first and re.fullmatch(_NUMBERED, last_text):
        last = _numbered(last_text, first)
    return first, last


def _numbered(text: str, other: DayName) -> DayName:
    day, *year = map(int, re.findall(r"[0-9]+", text))
    weekday = next((WEEKDAYS[word] for word in re.findall(r"[a-z]+", text) if word in WEEKDAYS), None)
    return DayName(day=day, month=other.month, year=year[0] if year else other.year, weekday=weekday)


# --- what is said of the rest ----------------------------------------------------------------------------------------


def _unclear(text: str) -> UnclearDay:
    return UnclearDay(
        f"{text!r} names no day; expected one such as 2026-12-07, tomorrow, Monday, in 3 days, 14 December",
        f"«\u00a0{text}\u00a0» ne désigne aucun jour\u00a0; un jour est attendu, comme 2026-12-07, demain, lundi, "
        "dans 3 jours, 14 décembre",
    )


def _unclear_period(text: str) -> UnclearDay:
    return UnclearDay(
        f"{text!r} names no period; expected one such as 7 to 11 December, from tomorrow until Monday, since Monday",
        f"«\u00a0{text}\u00a0» ne désigne aucune période\u00a0; une période est attendue, comme du 7 au 11 décembre, "
        "de demain à vendredi, depuis lundi",
    )
