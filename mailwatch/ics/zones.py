"""What a TZID means: an IANA name, a Windows name, or what the calendar itself defines; in this order.

Windows names come from the Unicode CLDR. A definition counts in its own calendar only: Exchange calls different zones
"Customized Time Zone" in different calendars.
"""

import bisect
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from mailwatch.ics.budget import Budget
from mailwatch.ics.components import Properties, Zone
from mailwatch.ics.moments import FIRST_YEAR, parse_offset, parse_wall_time
from mailwatch.ics.rules import Frequency, occurrences, parse_rule

_WINDOWS: Mapping[str, str] = get_global("windows_zone_mapping")
_NEVER = timedelta(0)


class Zones:
    """The zones of one calendar; floating times are in the local one."""

    def __init__(self, local: ZoneInfo, defined: Sequence[Zone], last: date, budget: Budget) -> None:
        self._local = local
        self._defined = {zone.properties.text("TZID"): zone for zone in defined}
        self._last = last
        self._budget = budget
        self._known: dict[str, tzinfo | None] = {"": local}

    def get(self, tzid: str) -> tzinfo:
        """Raises ValueError for a name that means nothing."""
        tzid = tzid.strip()
        if tzid not in self._known:
            self._known[tzid] = _find_iana(tzid) or _find_windows(tzid) or self._find_defined(tzid)
        zone = self._known[tzid]
        if zone is None:
            raise ValueError("an unknown time zone")
        return zone

    def _find_defined(self, tzid: str) -> tzinfo | None:
        zone = self._defined.get(tzid)
        if zone is None:
            return None
        try:
            changes = [change for each in zone.observances for change in self._changes(each)]
        except (ValueError, ArithmeticError):
            return None
        return DefinedZone(tzid, changes) if changes else None

    def _changes(self, observance: Properties) -> list[tuple[datetime, timedelta, timedelta]]:
        """Local times at which an observance begins, with the offsets before and after (RFC 5545 §3.6.5)."""
        before, after = parse_offset(observance.text("TZOFFSETFROM")), parse_offset(observance.text("TZOFFSETTO"))
        start = parse_wall_time(observance.text("DTSTART"))
        days = [start.date()]
        if "RRULE" in observance.lines:
            days += self._yearly(observance.text("RRULE"), start.date())
        times = [datetime.combine(day, start.timetz()) for day in days]
        for line in observance.all("RDATE"):
            values = line.value.split(",")
            self._budget.spend_dates(len(values))
            times += [parse_wall_time(value.partition("/")[0]) for value in values]
        return [(each, before, after) for each in times]

    def _yearly(self, text: str, start: date) -> list[date]:
        rule = parse_rule(text)
        if rule.frequency is not Frequency.YEARLY:
            raise ValueError("a zone that changes more than yearly")
        since = date(FIRST_YEAR - 1, 1, 1)  # Outlook begins in 1601
        return list(occurrences(rule, start, since, min(self._last, rule.last or self._last), self._budget))


class DefinedZone(tzinfo):
    """A zone by the local times at which its offset changes."""

    def __init__(self, name: str, changes: Sequence[tuple[datetime, timedelta, timedelta]]) -> None:
        ordered = sorted(changes, key=lambda change: change[0])
        self._name = name
        self._starts = [start for start, _, _ in ordered]
        self._offsets = [ordered[0][1], *(after for _, _, after in ordered)]

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """The offset at a local time; in the hour that comes twice, the later one."""
        if moment is None:
            return self._offsets[-1]
        return self._offsets[bisect.bisect_right(self._starts, moment.replace(tzinfo=UTC))]

    def dst(self, moment: datetime | None) -> timedelta:
        """Which part of the offset is summer time makes no difference here."""
        return _NEVER

    def tzname(self, moment: datetime | None) -> str:
        """As the calendar calls it."""
        return self._name


def _find_iana(tzid: str) -> tzinfo | None:
    """Also the globally unique names of libical: `/freeassociation.sourceforge.net/America/Toronto`."""
    names = [tzid.strip("/")]
    if tzid.startswith("/"):
        parts = names[0].split("/")[-4:]
        names += ["/".join(parts[start:]) for start in range(1, len(parts))]
    for name in names:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # also a path, a folder, a name too long for a file
            continue
    return None


def _find_windows(tzid: str) -> tzinfo | None:
    name = _WINDOWS.get(tzid)
    return ZoneInfo(name) if name else None
