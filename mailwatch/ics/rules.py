"""Recurrence rules (RFC 5545 §3.3.10), for what recurs by the day or more rarely: from dates to dates.

Ours, because an absence needs no more than dates, and because no library ends: python-dateutil, under each of them,
follows a rule that never holds (30 February) to the year 9999 whatever its UNTIL, for eight seconds.
Here a rule is a question asked of each day up to a last one, and each day is counted. BYWEEKNO isn't understood.
"""

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from mailwatch.ics.budget import Budget

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SUB_DAILY = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_TIMES_OF_DAY = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_LISTS = {"BYMONTH": 12, "BYMONTHDAY": 31, "BYYEARDAY": 366, "BYSETPOS": 366}  # and their largest value
_ONE_WEEK = timedelta(days=7)
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII)


class WithinADay(ValueError):
    """A rule that recurs more than once a day."""


class Frequency(StrEnum):
    """The frequencies that are followed."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as it stands. `until` is raw, since its meaning depends on the event; empty sets forbid nothing."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: str = ""
    last: date | None = None  # the date of `until`, whose year may be 9999
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()  # 0 is Monday
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()  # (-1, 4) is the last Friday
    positions: frozenset[int] = frozenset()
    week_start: int = 0


def parse_rule(text: str) -> Rule:
    """Raises WithinADay, or another ValueError for what can't be understood."""
    parts = dict(part.upper().split("=", 1) for part in text.strip().strip(";").split(";"))
    if parts.get("FREQ") in _SUB_DAILY or any("," in parts.get(name, "") for name in _TIMES_OF_DAY):
        raise WithinADay(text)
    unknown = parts.keys() - {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"} - _LISTS.keys() - _TIMES_OF_DAY
    if unknown:
        raise ValueError(f"unknown rule parts: {sorted(unknown)}")
    numbers = {name: _numbers(parts[name], largest) for name, largest in _LISTS.items() if name in parts}
    days = [_weekday(item) for item in parts["BYDAY"].split(",")] if "BYDAY" in parts else []
    return Rule(
        frequency=Frequency(parts.get("FREQ", "")),
        interval=_number(parts.get("INTERVAL", "1"), 1, 10_000),
        count=_number(parts["COUNT"], 1, 10**12) if "COUNT" in parts else None,
        until=parts.get("UNTIL", ""),
        last=_date_of(parts["UNTIL"]) if "UNTIL" in parts else None,
        months=numbers.get("BYMONTH", frozenset()),
        month_days=numbers.get("BYMONTHDAY", frozenset()),
        year_days=numbers.get("BYYEARDAY", frozenset()),
        weekdays=frozenset(day for nth, day in days if nth == 0),
        nth_weekdays=frozenset((nth, day) for nth, day in days if nth != 0),
        positions=numbers.get("BYSETPOS", frozenset()),
        week_start=_WEEKDAYS.index(parts.get("WKST", "MO")),
    )


def occurrences(rule: Rule, start: date, since: date, until: date, budget: Budget) -> Iterator[date]:
    """The dates of a rule that begins on `start`, from `since` to `until`, both included."""
    complete = _complete(rule, start)
    left = rule.count
    for period in _periods(complete, start, since, until):
        budget.spend_days(len(period))
        for day in _chosen(complete, period):
            if day < start:
                continue
            if day > until or left == 0:
                return
            left = None if left is None else left - 1
            if day >= since:
                yield day


def _complete(rule: Rule, start: date) -> Rule:
    """What a rule doesn't say is taken from its start."""
    if rule.month_days or rule.year_days or rule.weekdays or rule.nth_weekdays or rule.frequency is Frequency.DAILY:
        return rule
    if rule.frequency is Frequency.WEEKLY:
        return replace(rule, weekdays=frozenset({start.weekday()}))
    if rule.frequency is Frequency.YEARLY and not rule.months:
        rule = replace(rule, months=frozenset({start.month}))
    return replace(rule, month_days=frozenset({start.day}))


def _periods(rule: Rule, start: date, since: date, until: date) -> Iterator[list[date]]:
    """Days that belong together, period by period. Those before `since` are left out, unless they must be counted."""
    target = start if rule.count is not None else max(since, start)
    if rule.frequency is Frequency.DAILY:
        yield from _spans(start, timedelta(days=rule.interval), [0], target, until)
    elif rule.frequency is Frequency.WEEKLY:
        week = start - timedelta(days=(start.weekday() - rule.week_start) % 7)
        weekdays = rule.weekdays | {weekday for _, weekday in rule.nth_weekdays} or range(7)
        offsets = sorted((weekday - rule.week_start) % 7 for weekday in weekdays)
        yield from _spans(week, _ONE_WEEK * rule.interval, offsets, target, until)
    elif rule.frequency is Frequency.MONTHLY:
        yield from _months(rule, start, target, until)
    else:
        yield from _years(rule, start, target, until)


def _spans(first: date, step: timedelta, offsets: Sequence[int], target: date, until: date) -> Iterator[list[date]]:
    first += (max(target - first, timedelta()) // step) * step
    while first <= until:
        yield [first + timedelta(days=offset) for offset in offsets]
        first += step


def _months(rule: Rule, start: date, target: date, until: date) -> Iterator[list[date]]:
    number = start.year * 12 + start.month - 1
    number += (target.year * 12 + target.month - 1 - number) // rule.interval * rule.interval
    while number <= until.year * 12 + until.month - 1:
        year, month = divmod(number, 12)
        yield _days_of(year, month + 1)
        number += rule.interval


def _years(rule: Rule, start: date, target: date, until: date) -> Iterator[list[date]]:
    months = sorted(rule.months) or range(1, 13)
    first = start.year + (target.year - start.year) // rule.interval * rule.interval
    for year in range(first, until.year + 1, rule.interval):
        yield [day for month in months for day in _days_of(year, month)]


def _days_of(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _chosen(rule: Rule, period: list[date]) -> list[date]:
    days = [day for day in period if _admits(rule, day)]
    if not rule.positions:
        return days
    return [day for at, day in enumerate(days) if at + 1 in rule.positions or at - len(days) in rule.positions]


def _admits(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and not _is_among(rule.month_days, day.day, calendar.monthrange(day.year, day.month)[1]):
        return False
    if rule.year_days and not _is_among(rule.year_days, day.timetuple().tm_yday, _year_length(day)):
        return False
    if rule.weekdays or rule.nth_weekdays:
        return day.weekday() in rule.weekdays or bool(rule.nth_weekdays and _is_nth_weekday(rule, day))
    return True


def _is_among(wanted: frozenset[int], number: int, length: int) -> bool:
    """Whether a day is wanted, counted from the beginning or (-1 is the last) from the end."""
    return number in wanted or number - length - 1 in wanted


def _is_nth_weekday(rule: Rule, day: date) -> bool:
    """The nth of a month, or, in a yearly rule that names no months, of a year. In others, the number says nothing."""
    if rule.frequency is Frequency.YEARLY and not rule.months:
        number, length = day.timetuple().tm_yday, _year_length(day)
    elif rule.frequency in (Frequency.MONTHLY, Frequency.YEARLY):
        number, length = day.day, calendar.monthrange(day.year, day.month)[1]
    else:
        return any(weekday == day.weekday() for _, weekday in rule.nth_weekdays)
    return not rule.nth_weekdays.isdisjoint(
        {((number - 1) // 7 + 1, day.weekday()), (-((length - number) // 7 + 1), day.weekday())}
    )


def _year_length(day: date) -> int:
    return 366 if calendar.isleap(day.year) else 365


def _numbers(text: str, largest: int) -> frozenset[int]:
    return frozenset(_number(item, -largest, largest) for item in text.split(","))


def _number(text: str, smallest: int, largest: int) -> int:
    if len(text) > 13:
        raise ValueError("a number of more than 13 characters")
    number = int(text)
    if not smallest <= number <= largest or number == 0:
        raise ValueError(f"{number} isn't between {smallest} and {largest}")
    return number


def _weekday(text: str) -> tuple[int, int]:
    return (_number(text[:-2], -53, 53) if text[:-2] else 0), _WEEKDAYS.index(text[-2:])


def _date_of(until: str) -> date:
    if not _UNTIL.fullmatch(until):
        raise ValueError("neither a date nor a time")
    return datetime.strptime(until[:8], "%Y%m%d").replace(tzinfo=UTC).date()
