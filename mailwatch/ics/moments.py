"""Dates, times and durations as RFC 5545 §3.3 writes them → aware datetimes, or dates for all-day events.

ValueError means that one value can't be read; a year that no absence lies in refuses the calendar.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from mailwatch.ics.wording import unreadable

FIRST_YEAR = 1970
LAST_YEAR = 2200

Moment = date | datetime  # aware, where it is a datetime

_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?", re.ASCII)


def parse_moment(text: str, zone: tzinfo) -> Moment:
    """`20261207`, `20261207T083000` in a zone, or `20261207T133000Z`. Raises CalendarUnreadable for an odd year."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError("neither a date nor a time")
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise unreadable("year", year=year)
    if found[4] is None:
        return date(year, month, day)
    second = min(int(found[6]), 59)  # a leap second
    return datetime(year, month, day, int(found[4]), int(found[5]), second, tzinfo=UTC if found[7] else zone)


def parse_duration(text: str) -> timedelta:
    """`P1W`, `P3D`, `PT8H30M`."""
    found = _DURATION.fullmatch(text.strip().upper())
    if found is None:
        raise ValueError("not a duration")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def parse_offset(text: str) -> timedelta:
    """`-0500`."""
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        raise ValueError("not an offset from UTC")
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    if offset >= timedelta(days=1):
        raise ValueError("an offset of a day or more")
    return -offset if found[1] == "-" else offset


def parse_wall_time(text: str) -> datetime:
    """The local time at which a zone's offset changes, written as UTC to be comparable; any year."""
    return datetime.strptime(text.strip(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def day_of(moment: Moment) -> date:
    """The date of a moment, in its own zone."""
    return moment.date() if isinstance(moment, datetime) else moment


def instant_of(moment: Moment) -> Moment:
    """What two ways of writing the same moment have in common."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment
