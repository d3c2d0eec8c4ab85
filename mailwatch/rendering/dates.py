"""Dates, times and lengths of time as people write them, in French and English."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from babel.dates import format_date

from mailwatch.domain.languages import Language
from mailwatch.domain.typography import NO_BREAK

_DAY_MINUTES = 24 * 60


@lru_cache(maxsize=1024)
def format_day(day: date, language: Language) -> str:
    """`mardi 1er décembre 2026`; `Tuesday, December 1, 2026`."""
    if language is Language.EN:
        return format_date(day, "EEEE, MMMM d, y", locale="en_CA")
    text = format_date(day, "EEEE d MMMM y", locale="fr_CA")
    return text.replace(" 1 ", " 1er ", 1) if day.day == 1 else text  # Babel knows no ordinal


@lru_cache(maxsize=2 * 24 * 60)
def format_time_of_day(moment: time, language: Language) -> str:
    """`10 h 05`, `10 h`; `10:05 a.m.`; with no-break spaces."""
    if language is Language.FR:
        minutes = f"{NO_BREAK}{moment.minute:02}" if moment.minute else ""
        return f"{moment.hour}{NO_BREAK}h{minutes}"
    half = "a.m." if moment.hour < 12 else "p.m."
    return f"{(moment.hour - 1) % 12 + 1}:{moment.minute:02}{NO_BREAK}{half}"


def format_date_of_year(day: date, language: Language) -> str:
    """`mardi 1er décembre`; `Tuesday, December 1`: for what is near."""
    if language is Language.EN:
        return format_date(day, f"EEEE, MMMM{NO_BREAK}d", locale="en_CA")
    return _ordinal(format_date(day, f"EEEE d{NO_BREAK}MMMM", locale="fr_CA"), day)


def format_moment(moment: datetime, near: date, language: Language) -> str:
    """`mar. 1er déc. à 16 h 30`; `Tue, Dec 1, 4:30 p.m.`: short, for tables; the year where it isn't that of `near`."""
    clock = format_time_of_day(time(moment.hour, moment.minute), language)
    year = "" if moment.year == near.year else "y"
    if language is Language.EN:
        pattern = f"EEE, MMM{NO_BREAK}d, y" if year else f"EEE, MMM{NO_BREAK}d"
        return f"{format_date(moment, pattern, locale='en_CA')}, {clock}"
    pattern = f"EEE d{NO_BREAK}MMM y" if year else f"EEE d{NO_BREAK}MMM"
    return f"{_ordinal(format_date(moment, pattern, locale='fr_CA'), moment)} à {clock}"


def format_length(length: timedelta, language: Language) -> str:
    """`2 h 15 min`, `3 jours 4 h`, `moins d’une minute`: two units at most; a negative length is none."""
    minutes = max(0, int(length / timedelta(minutes=1)))
    if not minutes:
        return "moins d’une minute" if language is Language.FR else "less than a minute"
    days, rest = divmod(minutes, _DAY_MINUTES)
    hours, minutes = divmod(rest, 60)
    day = "jour" if language is Language.FR else "day"
    words = (days, day if days == 1 else f"{day}s"), (hours, "h"), (0 if days else minutes, "min")
    return " ".join(f"{number}{NO_BREAK}{unit}" for number, unit in words if number)


def _ordinal(text: str, day: date) -> str:
    """Babel knows no `1er`."""
    return text.replace(f" 1{NO_BREAK}", f" 1er{NO_BREAK}", 1) if day.day == 1 else text
