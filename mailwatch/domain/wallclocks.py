"""From the minutes that a clock on the wall shows to instants, by the tz database: hours skipped, hours repeated."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

Segment = tuple[int, int]  # minutes since the local midnight, end excluded
Span = tuple[datetime, datetime]  # UTC, end excluded

_Point = TypeVar("_Point", int, datetime)

_SECOND = timedelta(seconds=1)
_WIDEST_OFFSET = timedelta(hours=16)  # the tz database has none wider


def spans_on(zone: ZoneInfo, day: date, segments: Iterable[Segment]) -> tuple[Span, ...]:
    """The instants at which the local clock shows the date and a minute of the segments, in order."""
    midnight = datetime.combine(day, time(), UTC)  # local time, written as if it were UTC
    walls = [(midnight + timedelta(minutes=a), midnight + timedelta(minutes=b)) for a, b in segments]
    low, high = midnight - _WIDEST_OFFSET, midnight + timedelta(days=1) + _WIDEST_OFFSET
    before, after = _offset(zone, low), _offset(zone, high)
    if before == after:
        return merge((opens - before, closes - before) for opens, closes in walls)
    seconds = range(int((high - low).total_seconds()))
    # About a change of clocks: the segments at the offset before, cut off there, and those at the offset after.
    change = low + _SECOND * bisect_left(seconds, True, key=lambda n: _offset(zone, low + n * _SECOND) != before)
    early = ((opens - before, min(closes - before, change)) for opens, closes in walls)
    late = ((max(opens - after, change), closes - after) for opens, closes in walls)
    return merge((*early, *late))


def merge(intervals: Iterable[tuple[_Point, _Point]]) -> tuple[tuple[_Point, _Point], ...]:
    """In order, without empty ones; those that overlap or touch become one."""
    merged: list[tuple[_Point, _Point]] = []
    for start, end in sorted(each for each in intervals if each[0] < each[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
