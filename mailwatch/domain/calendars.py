"""The service calendar: when the service is open, and arithmetic on it.

Instants are aware; local time exists only in here. Intervals are half-open, minute precision, several a day;
`24:00` is allowed. An instant is open when the local clock then shows an open minute, by the tz database: an hour
that the clocks skip is lost, one that they repeat counts twice. A *business day* is a local date with some open time.
An extra open day beats holidays and closures; only a half-day closure shortens it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from mailwatch.domain.holidays import public_holidays
from mailwatch.domain.wallclocks import Segment, Span, merge, spans_on
from mailwatch.errors import NoOpenDay

HORIZON_DAYS = 400  # without one open day in that many, the calendar is wrong: NoOpenDay
DIGEST_YEARS = range(2020, 2041)  # fixed, since the domain reads no clock; a release before 2040 moves it
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60

_FIRST_DAY, _LAST_DAY = date(2, 1, 1).toordinal(), date(9998, 12, 31).toordinal()  # conversions overflow outside
_SEGMENT = re.compile(r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Closed from `first` to `last` (both included); `segment` narrows it to part of each day. str() parses back."""

    first: date
    last: date
    segment: Segment | None = None

    def covers(self, day: date) -> bool:
        """Whether the date, or part of it, is closed."""
        return self.first <= day <= self.last

    def __str__(self) -> str:
        dates = str(self.first) if self.first == self.last else f"{self.first}..{self.last}"
        return f"{dates} {format_segment(self.segment)}" if self.segment else dates


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A local date. `closing`: end of its hours, of the usual ones if it is closed as a whole; None without any."""

    segments: tuple[Segment, ...]
    spans: tuple[Span, ...]
    closing: datetime | None


@dataclass(slots=True)
class _Memory:
    """What a calendar has worked out so far. Never part of its value."""

    days: dict[int, _Day] = field(default_factory=dict)  # by ordinal: cheaper to step through than dates
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCalendar:
    """Weekly hours (Monday = 0) in a zone, less public holidays and closures, plus extra open days.

    `country` and `subdivision` are ISO 3166 codes. An extra open day has its weekday's hours, or those of the
    week's first open day if the weekday has none. Overlapping and touching segments count once.
    """

    timezone: ZoneInfo
    hours: Mapping[int, tuple[Segment, ...]]
    country: str | None = None
    subdivision: str | None = None
    closures: tuple[Closure, ...] = ()
    extra_open: tuple[date, ...] = ()
    _memory: _Memory = field(default_factory=_Memory, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for weekday, segments in self.hours.items():
            if weekday not in range(7) or any(not 0 <= a < b <= DAY_MINUTES for a, b in segments):
                raise ValueError(f"hours: {weekday}: {segments}: expected weekdays 0-6 and minutes within 0-1440")

    def definition(self) -> dict[str, object]:
        """Plain JSON value that rebuilds this calendar (`from_definition`); stored as the calendar's version."""
        return {
            "timezone": str(self.timezone),
            "hours": {WEEKDAYS[n]: [format_segment(each) for each in self.hours[n]] for n in sorted(self.hours)},
            "country": self.country,
            "subdivision": self.subdivision,
            "closures": [str(closure) for closure in self.closures],
            "extra_open": [str(day) for day in self.extra_open],
        }

    @property
    def digest(self) -> str:
        """sha256 of the definition, and of the holidays it yields: the calendar's version.

        The holidays are the dates of DIGEST_YEARS: a release of the library that corrects one gives a new version,
        one that changes nothing here does not.
        """
        if not self._memory.digest:
            years = (public_holidays(self.country, self.subdivision, year, "en") for year in DIGEST_YEARS)
            days = [str(day) for year in years for day in sorted(year)]
            canonical = json.dumps([self.definition(), days], sort_keys=True, separators=(",", ":"))
            self._memory.digest = hashlib.sha256(canonical.encode()).hexdigest()
        return self._memory.digest


def from_definition(definition: Mapping[str, object]) -> ServiceCalendar:
    """The calendar that `definition()` described."""
    hours = cast(Mapping[str, Sequence[str]], definition["hours"])
    return ServiceCalendar(
        timezone=ZoneInfo(cast(str, definition["timezone"])),
        hours={WEEKDAYS.index(name): tuple(map(parse_segment, segments)) for name, segments in hours.items()},
        country=cast(str | None, definition["country"]),
        subdivision=cast(str | None, definition["subdivision"]),
        closures=tuple(map(parse_closure, cast(Sequence[str], definition["closures"]))),
        extra_open=tuple(map(date.fromisoformat, cast(Sequence[str], definition["extra_open"]))),
    )


def parse_segment(text: str) -> Segment:
    """`"08:30-12:00"` → minutes (510, 720). ValueError says what was expected."""
    found = _SEGMENT.fullmatch(text.strip())
    if not found:
        raise ValueError(f'{text!r}: expected a segment such as "08:30-12:00"')
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if not start < end <= DAY_MINUTES:
        raise ValueError(f'{text!r}: must end after it starts; midnight is "24:00", and a night two segments')
    return start, end


def format_segment(segment: Segment) -> str:
    """(510, 720) → `"08:30-12:00"`."""
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in segment)


def parse_closure(text: str) -> Closure:
    """`"2026-12-24"`, `"2026-12-21..2027-01-01"`, `"2026-12-24 12:00-24:00"` → Closure. ValueError explains."""
    dates, _, hours = text.strip().partition(" ")
    first_text, dots, last_text = dates.partition("..")
    try:
        first = date.fromisoformat(first_text)
        last = date.fromisoformat(last_text) if dots else first
    except ValueError:
        forms = '"2026-12-24", "2026-12-21..2027-01-01" or "2026-12-24 12:00-24:00"'
        raise ValueError(f"{text!r}: expected {forms}") from None
    if last < first:
        raise ValueError(f"{text!r}: ends before it starts")
    return Closure(first=first, last=last, segment=parse_segment(hours) if hours else None)


def open_segments(calendar: ServiceCalendar, day: date) -> Sequence[Segment]:
    """The open minutes of a local date."""
    return _day(calendar, day.toordinal()).segments


def closing_at(calendar: ServiceCalendar, day: date) -> datetime | None:
    """When the service closes (UTC) on a local date; None if that isn't a business day."""
    spans = _day(calendar, day.toordinal()).spans
    return spans[-1][1] if spans else None


def next_business_day(calendar: ServiceCalendar, day: date) -> date:
    """The date itself if it is a business day, else the first one after it. Raises NoOpenDay."""
    return date.fromordinal(_business_day(calendar, day.toordinal(), 1))


def holiday_name(calendar: ServiceCalendar, day: date, language: str = "en") -> str | None:
    """The public holiday on a date, named in the language, or None."""
    return public_holidays(calendar.country, calendar.subdivision, day.year, language).get(day)


def local_date(calendar: ServiceCalendar, instant: datetime) -> date:
    """The calendar's date at an instant. Where clocks are set back over midnight (St. John's in 2010), it stays."""
    local = _utc(instant).astimezone(calendar.timezone)
    if local.fold:
        tomorrow = local.date() + timedelta(days=1)
        if datetime.combine(tomorrow, time(), calendar.timezone).astimezone(UTC) <= _utc(instant):
            return tomorrow
    return local.date()


def add_business_days(calendar: ServiceCalendar, start: datetime, days: int) -> datetime:
    """End of service hours (UTC) of the n-th business day after the day of `start`, which is day 0.

    A start on a day that isn't a business day counts as on the last business day before. Raises NoOpenDay.

    Never before `start`: 0 days end with the service hours of the start's own date (the usual ones if it is closed,
    so that closing it makes nothing due earlier), or at once if those are past. A half-day closure alone makes due
    earlier, on its own day: that day still counts, and ends at its last open minute.
    """
    if days < 0:
        raise ValueError(f"{days} business days: expected 0 or more")
    start = _utc(start)
    own = local_date(calendar, start).toordinal()
    day = _business_day(calendar, own, -1)
    for _ in range(days):
        day = _business_day(calendar, day + 1, +1)
    closing = _day(calendar, day if days else own).closing
    return max(start, closing) if closing else start


def add_business_time(calendar: ServiceCalendar, start: datetime, amount: timedelta) -> datetime:
    """The instant (UTC) at which `amount` of open time has passed since `start`.

    An amount that ends exactly at closing time ends there, not at the next opening; an amount of zero ends at the
    first open instant, `start` included. Raises NoOpenDay.
    """
    if amount < timedelta(0):
        raise ValueError(f"{amount}: expected an amount of 0 or more")
    for opens, closes in _spans_from(calendar, _utc(start)):
        if amount <= closes - opens:
            return opens + amount
        amount -= closes - opens
    raise AssertionError("endless until NoOpenDay")  # pragma: no cover


def subtract_business_days(calendar: ServiceCalendar, end: datetime, days: int) -> datetime:
    """End of service hours (UTC) of the n-th business day before the day of `end`, which is day 0.

    An end on a day that isn't a business day counts as on the last business day before. From a closing, what was
    subtracted may be added again (unless a service closes at 24:00, where the next date starts). Never after `end`.
    Raises NoOpenDay.
    """
    if days < 0:
        raise ValueError(f"{days} business days: expected 0 or more")
    end = _utc(end)
    day = _business_day(calendar, _counted_on(calendar, end), -1)
    for _ in range(days):
        day = _business_day(calendar, day - 1, -1)
    return min(end, _day(calendar, day).spans[-1][1])


def subtract_business_time(calendar: ServiceCalendar, end: datetime, amount: timedelta) -> datetime:
    """The latest instant (UTC) from which `amount` of open time is left until `end`: `end` itself for none.

    Always an open instant otherwise: what is left of the service's hours is never counted from a closed midnight.
    Raises NoOpenDay.
    """
    if amount < timedelta(0):
        raise ValueError(f"{amount}: expected an amount of 0 or more")
    end = _utc(end)
    if not amount:
        return end
    for opens, closes in _spans_before(calendar, end):
        if amount <= closes - opens:
            return closes - amount
        amount -= closes - opens
    raise AssertionError("endless until NoOpenDay")  # pragma: no cover


def business_days_between(calendar: ServiceCalendar, start: datetime, end: datetime) -> int:
    """How many business days lie between: business_days_between(s, add_business_days(s, n)) == n. Reversed → 0.

    Counts the business days after the date of `start`, up to the date of `end` (included, whatever the hour). A
    service that closes at 24:00 closes on the date it opened.
    """
    first, last = local_date(calendar, start).toordinal(), _counted_on(calendar, _utc(end))
    return sum(bool(_day(calendar, day).spans) for day in range(first + 1, last + 1))


def business_time_between(calendar: ServiceCalendar, start: datetime, end: datetime) -> timedelta:
    """Open time within [start, end). Reversed → 0."""
    start, end, total = _utc(start), _utc(end), timedelta(0)
    if end <= start:
        return total
    for day in range(start.toordinal() - 2, end.toordinal() + 2):  # no zone's date is further from that of UTC
        for opens, closes in _day(calendar, day).spans:
            if opens < end and start < closes:
                total += (closes if closes < end else end) - (opens if opens > start else start)
    return total


def _utc(instant: datetime) -> datetime:
    """The same instant in UTC: Python compares and subtracts wall clocks between two times of one zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant}: expected an instant with its offset")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def _counted_on(calendar: ServiceCalendar, end: datetime) -> int:
    """The date (an ordinal) that something which ends then ends on: closing at 24:00 is of the date that it ends."""
    day = local_date(calendar, end).toordinal()
    return day - 1 if _day(calendar, day - 1).closing == end else day


def _business_day(calendar: ServiceCalendar, day: int, step: int) -> int:
    """The first business day from `day` on, itself included, forwards (+1) or backwards (-1)."""
    for ordinal in range(day, day + HORIZON_DAYS * step, step):
        if _day(calendar, ordinal).spans:
            return ordinal
    raise NoOpenDay(f"no open day within {HORIZON_DAYS} days of {date.fromordinal(day)}")


def _spans_from(calendar: ServiceCalendar, start: datetime) -> Iterator[Span]:
    """What is left of the open time from `start` on, in order. Ends only by NoOpenDay."""
    day = local_date(calendar, start).toordinal()
    while True:
        day = _business_day(calendar, day, +1)
        yield from ((max(opens, start), closes) for opens, closes in _day(calendar, day).spans if closes > start)
        day += 1


def _spans_before(calendar: ServiceCalendar, end: datetime) -> Iterator[Span]:
    """The open time up to `end`, the latest first. Ends only by NoOpenDay."""
    day = local_date(calendar, end).toordinal()
    while True:
        day = _business_day(calendar, day, -1)
        spans = reversed(_day(calendar, day).spans)
        yield from ((opens, min(closes, end)) for opens, closes in spans if opens < end)
        day -= 1


def _day(calendar: ServiceCalendar, ordinal: int) -> _Day:
    days = calendar._memory.days
    if (known := days.get(ordinal)) is None:
        known = days[ordinal] = _work_out(calendar, ordinal)
    return known


def _work_out(calendar: ServiceCalendar, ordinal: int) -> _Day:
    if not _FIRST_DAY <= ordinal <= _LAST_DAY:
        return _Day(segments=(), spans=(), closing=None)
    day = date.fromordinal(ordinal)
    segments = _segments(calendar, day)
    spans = spans_on(calendar.timezone, day, segments)
    usual = spans or spans_on(calendar.timezone, day, calendar.hours.get(day.weekday(), ()))
    # A date that the zone skipped (Samoa, 30 December 2011) has hours on the wall, and no open time.
    return _Day(segments=segments if spans else (), spans=spans, closing=usual[-1][1] if usual else None)


def _segments(calendar: ServiceCalendar, day: date) -> tuple[Segment, ...]:
    closures = [closure for closure in calendar.closures if closure.covers(day)]
    hours = calendar.hours.get(day.weekday(), ())
    if day in calendar.extra_open:
        hours = hours or next((calendar.hours[n] for n in sorted(calendar.hours) if calendar.hours[n]), ())
    elif any(closure.segment is None for closure in closures) or holiday_name(calendar, day):
        return ()
    segments = merge(hours)
    for hole in (closure.segment for closure in closures if closure.segment):
        before = [(start, min(end, hole[0])) for start, end in segments]
        after = [(max(start, hole[1]), end) for start, end in segments]
        segments = merge(before + after)
    return segments
