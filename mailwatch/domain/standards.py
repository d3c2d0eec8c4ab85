"""The service standard: the promised limits, when each is due, and that arithmetic told to people.

The small tables of names are all the localisation it needs: locale libraries are the adapters' business.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from mailwatch.domain.calendars import (
    DAY_MINUTES,
    ServiceCalendar,
    add_business_days,
    add_business_time,
    business_time_between,
    format_segment,
    holiday_name,
    local_date,
    open_segments,
    subtract_business_days,
    subtract_business_time,
)

LONGEST = timedelta(days=3650)  # ten years: beyond it somebody mistook the unit

_NONE, _A_DAY = timedelta(0), timedelta(days=1)
_LIMIT = re.compile(r"(\d{1,9})\s*(s|seconds?|m|min|minutes?|h|hours?|business\s+(?:days?|hours?|minutes?))", re.ASCII)
_NBSP = "\u00a0"
_WEEKDAYS_FR = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_FR = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc.")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Words(NamedTuple):
    """The same in both languages."""

    fr: str
    en: str


class LimitUnit(StrEnum):
    """How a limit counts."""

    ELAPSED_SECONDS = "elapsed seconds"  # only for limits that aren't whole minutes
    ELAPSED_MINUTES = "elapsed minutes"
    BUSINESS_DAYS = "business days"
    BUSINESS_MINUTES = "business minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`"48h"`, `"30m"`, `"5 business days"`, `"16 business hours"`, `"90 business minutes"`; str() gives it back."""

    amount: int
    unit: LimitUnit
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStandard:
    """What a mailbox promises."""

    acknowledge_within: Limit
    answer_within: Limit
    calendar: ServiceCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the arithmetic, for people. `on`: an ISO date, or `first..last`; the texts begin with it in words."""

    on: str
    text_fr: str
    text_en: str


def parse_limit(text: str) -> Limit:
    """Parse a limit as written in the configuration (seconds "30s" too). ValueError says what was expected."""
    text = text.strip()
    found = _LIMIT.fullmatch(text)
    if not found:
        forms = '"48h", "30m", "5 business days", "16 business hours" or "90 business minutes"'
        raise ValueError(f"{text!r}: expected {forms}")
    amount, words = int(found[1]), found[2].split()
    scale = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
    length = amount * scale[words[-1][0]]
    if length > LONGEST:
        raise ValueError(f"{text!r}: longer than ten years")
    if words[-1][0] == "d":
        return Limit(amount=amount, unit=LimitUnit.BUSINESS_DAYS, text=text)
    minutes, rest = divmod(length, timedelta(minutes=1))
    if rest:
        return Limit(amount=amount, unit=LimitUnit.ELAPSED_SECONDS, text=text)
    unit = LimitUnit.BUSINESS_MINUTES if words[0] == "business" else LimitUnit.ELAPSED_MINUTES
    return Limit(amount=minutes, unit=unit, text=text)


def due(calendar: ServiceCalendar, start: datetime, limit: Limit) -> datetime:
    """The instant (UTC) at which a clock started at `start` reaches the limit. Exactly then still counts as met.

    Raises NoOpenDay if the limit counts business time and the calendar has none.
    """
    match limit.unit:
        case LimitUnit.BUSINESS_DAYS:
            return add_business_days(calendar, start, limit.amount)
        case LimitUnit.BUSINESS_MINUTES:
            return add_business_time(calendar, start, timedelta(minutes=limit.amount))
        case LimitUnit.ELAPSED_MINUTES:
            return start.astimezone(UTC) + timedelta(minutes=limit.amount)
        case LimitUnit.ELAPSED_SECONDS:
            return start.astimezone(UTC) + timedelta(seconds=limit.amount)


def lead(calendar: ServiceCalendar, due_at: datetime, limit: Limit) -> datetime:
    """The instant (UTC) at which only the limit is left until `due_at`: `due`, backwards. Never after `due_at`.

    Raises NoOpenDay if the limit counts business time and the calendar has none.
    """
    match limit.unit:
        case LimitUnit.BUSINESS_DAYS:
            return subtract_business_days(calendar, due_at, limit.amount)
        case LimitUnit.BUSINESS_MINUTES:
            return subtract_business_time(calendar, due_at, timedelta(minutes=limit.amount))
        case LimitUnit.ELAPSED_MINUTES:
            return due_at.astimezone(UTC) - timedelta(minutes=limit.amount)
        case LimitUnit.ELAPSED_SECONDS:
            return due_at.astimezone(UTC) - timedelta(seconds=limit.amount)


def explain_due(calendar: ServiceCalendar, start: datetime, limit: Limit) -> tuple[Step, ...]:
    """The arithmetic of `due`, step by step: day of receipt, closed days with their reason, counted days."""
    end = due(calendar, start, limit)
    match limit.unit:
        case LimitUnit.BUSINESS_DAYS:
            return tuple(_steps_in_days(calendar, start, limit, end))
        case LimitUnit.BUSINESS_MINUTES:
            return tuple(_steps_in_open_time(calendar, start, limit, end))
        case _:
            return tuple(_steps_in_elapsed_time(calendar, start, end))


def format_duration(length: timedelta) -> str:
    """`"5 h 30 min"`, in French as in English: whole minutes, days as hours, `−` where it is negative."""
    hours, minutes = divmod(abs(length) // timedelta(minutes=1), 60)
    parts = [f"{hours}{_NBSP}h"] if hours else []
    parts += [f"{minutes}{_NBSP}min"] if minutes or not hours else []
    return ("−" if length < _NONE else "") + _NBSP.join(parts)


def _steps_in_days(calendar: ServiceCalendar, start: datetime, limit: Limit, end: datetime) -> Iterator[Step]:
    first = local_date(calendar, start)
    received, closed = _clock(calendar, start, first), _closed_because(calendar, first)
    if closed is None:
        yield _step(first, first, fr=f"reçue à {received.fr} (jour 0)", en=f"received {received.en} (day 0)")
    else:
        before = _last_business_day(calendar, first)
        fr = f"reçue à {received.fr}, jour fermé ({closed.fr}), et comptée comme reçue le {_date_fr(before)} (jour 0)"
        en = f"received {received.en}, closed ({closed.en}): as if received on {_date_en(before)} (day 0)"
        yield _step(first, first, fr=fr, en=en)
    if limit.amount == 0:
        yield _due_step(calendar, first, end)
        return
    counted = 0
    for opens_on, until, why in _runs(calendar, first + _A_DAY, local_date(calendar, end - datetime.resolution)):
        if why:
            yield _closed_step(opens_on, until, why)
            continue
        counted += 1
        hours = _unusual_hours(calendar, opens_on)
        last = _due_words(calendar, opens_on, end) if counted == limit.amount else Words("", "")
        yield _step(opens_on, until, fr=f"jour {counted}{hours.fr}{last.fr}", en=f"day {counted}{hours.en}{last.en}")


def _steps_in_open_time(calendar: ServiceCalendar, start: datetime, limit: Limit, end: datetime) -> Iterator[Step]:
    first = local_date(calendar, start)
    yield _received_step(calendar, start)
    spent, total = timedelta(0), timedelta(minutes=limit.amount)
    final = local_date(calendar, end - datetime.resolution if limit.amount else end)
    for opens_on, until, why in _runs(calendar, first, final):
        if why:
            yield _closed_step(opens_on, until, why)
            continue
        midnight = datetime.combine(opens_on + _A_DAY, time(), calendar.timezone)
        so_far = business_time_between(calendar, start, min(end, midnight.astimezone(UTC)))
        today, left, spent = so_far - spent, total - so_far, so_far
        rest = Words(f", il reste {format_duration(left)}", f", {format_duration(left)} left")
        last = _due_words(calendar, opens_on, end) if opens_on == final else rest
        service = format_duration(today)
        yield _step(opens_on, until, fr=f"{service} de service{last.fr}", en=f"{service} of service{last.en}")


def _steps_in_elapsed_time(calendar: ServiceCalendar, start: datetime, end: datetime) -> Iterator[Step]:
    yield _received_step(calendar, start)
    shift = _offset(calendar, end) - _offset(calendar, start)
    if shift:
        by = format_duration(abs(shift))
        fr = f"entre-temps, l'heure {'avance' if shift > _NONE else 'recule'} de {by}"
        en = f"meanwhile, the clocks go {'forward' if shift > _NONE else 'back'} by {by}"
        yield _step(local_date(calendar, start), local_date(calendar, end), fr=fr, en=en)
    yield _due_step(calendar, local_date(calendar, end), end)


def _received_step(calendar: ServiceCalendar, start: datetime) -> Step:
    day = local_date(calendar, start)
    received = _clock(calendar, start, day)
    return _step(day, day, fr=f"reçue à {received.fr}", en=f"received {received.en}")


def _closed_step(first: date, last: date, why: Words) -> Step:
    return _step(first, last, fr=f"fermé, {why.fr}", en=f"closed, {why.en}")


def _due_step(calendar: ServiceCalendar, day: date, end: datetime) -> Step:
    words = _due_words(calendar, day, end)
    return _step(day, day, fr=words.fr.removeprefix(", "), en=words.en.removeprefix(", "))


def _due_words(calendar: ServiceCalendar, day: date, end: datetime) -> Words:
    at = _clock(calendar, end, day)
    return Words(f", échéance à {at.fr}", f", due at {at.en}")


def _runs(calendar: ServiceCalendar, first: date, last: date) -> Iterator[tuple[date, date, Words | None]]:
    """Open dates one by one; closed ones together, as long as the reason is the same."""
    days = (first + n * _A_DAY for n in range((last - first).days + 1))
    for why, run in groupby(days, key=lambda day: _closed_because(calendar, day)):
        dates = list(run)
        yield from [(dates[0], dates[-1], why)] if why else [(day, day, None) for day in dates]


def _closed_because(calendar: ServiceCalendar, day: date) -> Words | None:
    """Why the date isn't a business day; None if it is."""
    if open_segments(calendar, day):
        return None
    if any(closure.covers(day) for closure in calendar.closures):
        return Words("fermeture prévue", "planned closure")
    if name := holiday_name(calendar, day):
        return Words(holiday_name(calendar, day, "fr") or name, name)
    if day.weekday() >= 5:
        return Words("fin de semaine", "weekend")
    return Words("aucun service ce jour-là", "no service that day")


def _unusual_hours(calendar: ServiceCalendar, day: date) -> Words:
    """What to add about an open date whose hours aren't those of its weekday."""
    segments = open_segments(calendar, day)
    if day in calendar.extra_open:
        return Words(", ouverture exceptionnelle", ", open exceptionally")
    if not any(closure.covers(day) for closure in calendar.closures):
        return Words("", "")
    spans = [(_time_fr(opens), _time_fr(closes)) for opens, closes in segments]
    french = " et ".join(f"de {opens} à {closes}" for opens, closes in spans)
    return Words(f", ouvert {french}", f", open {', '.join(map(format_segment, segments))}")


def _last_business_day(calendar: ServiceCalendar, day: date) -> date:
    while not open_segments(calendar, day):  # there is one: `due` found it
        day -= _A_DAY
    return day


def _clock(calendar: ServiceCalendar, instant: datetime, day: date) -> Words:
    """The local time of an instant of `day`, whose end is 24:00."""
    local = instant.astimezone(calendar.timezone)
    minutes = DAY_MINUTES if local.date() > day else local.hour * 60 + local.minute
    return Words(_time_fr(minutes), f"{minutes // 60:02}:{minutes % 60:02}")


def _time_fr(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}{_NBSP}h{_NBSP}{rest:02}" if rest else f"{hours}{_NBSP}h"


def _offset(calendar: ServiceCalendar, instant: datetime) -> timedelta:
    return instant.astimezone(calendar.timezone).utcoffset() or _NONE


def _step(first: date, last: date, *, fr: str, en: str) -> Step:
    """`fr` and `en` go behind the dates."""
    if first == last:
        return Step(on=str(first), text_fr=f"{_date_fr(first)}{_NBSP}: {fr}", text_en=f"{_date_en(first)}: {en}")
    dates_fr, dates_en = f"{_date_fr(first)} – {_date_fr(last)}", f"{_date_en(first)} – {_date_en(last)}"
    return Step(on=f"{first}..{last}", text_fr=f"{dates_fr}{_NBSP}: {fr}", text_en=f"{dates_en}: {en}")


def _date_fr(day: date) -> str:
    number = "1er" if day.day == 1 else str(day.day)
    return f"{_WEEKDAYS_FR[day.weekday()]} {number} {_MONTHS_FR[day.month - 1]} {day.year}"


def _date_en(day: date) -> str:
    return f"{_WEEKDAYS_EN[day.weekday()]} {day.day} {_MONTHS_EN[day.month - 1]} {day.year}"
