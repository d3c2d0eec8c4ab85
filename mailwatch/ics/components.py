"""Content lines → the events and time zones of a calendar, as raw properties. Everything else is left where it is.

No tree is built: an alarm in an event, or ten thousand components in each other, cost a counter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mailwatch.ics.lines import ContentLine, parse_line
from mailwatch.ics.wording import unreadable

# What is looked at; descriptions, attendees and attachments are most of a calendar's bytes.
_TIMES = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
_WANTED = _TIMES | {
    "UID",
    "SEQUENCE",
    "SUMMARY",
    "CATEGORIES",
    "STATUS",
    "TRANSP",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-MICROSOFT-CDO-INTENDEDSTATUS",
    "X-NEXTCLOUD-OUT-OF-OFFICE",
    "TZID",
    "TZOFFSETFROM",
    "TZOFFSETTO",
}
MAX_LINE = 20_000  # characters; EXDATE may list a thousand dates
MAX_PROPERTIES = 2_000  # of one name; some exporters write a line for each EXDATE
MAX_ZONES = 100
_ENVELOPE = 1  # depth of what stands in VCALENDAR itself
_PARTS = 2  # of events and time zones
_OBSERVANCES = 3  # of STANDARD and DAYLIGHT


@dataclass(slots=True)
class Properties:
    """The properties of a component that are looked at, by name; parsed when they are asked for."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    is_broken: bool = False  # one that says when is too long, or there are too many

    def find(self, name: str) -> ContentLine | None:
        """The first property of a name. Raises ValueError if it can't be read."""
        lines = self.lines.get(name)
        return parse_line(lines[0]) if lines else None

    def text(self, name: str) -> str:
        """The value of the first property of a name, stripped; "" if there is none that can be read."""
        try:
            line = self.find(name)
        except ValueError:
            return ""
        return line.value.strip() if line else ""

    def all(self, name: str) -> list[ContentLine]:
        """Every property of a name. Raises ValueError if one can't be read."""
        return [parse_line(line) for line in self.lines.get(name, ())]

    def add(self, name: str, line: str) -> None:
        """One more; of too many, the later ones are left out."""
        if len(line) > MAX_LINE or len(self.lines.get(name, ())) == MAX_PROPERTIES:
            self.is_broken = self.is_broken or name in _TIMES
        else:
            self.lines.setdefault(name, []).append(line)


@dataclass(slots=True)
class Zone:
    """A VTIMEZONE: its name and its STANDARD and DAYLIGHT parts."""

    properties: Properties = field(default_factory=Properties)
    observances: list[Properties] = field(default_factory=list)


@dataclass(slots=True)
class Components:
    """What a file holds, over all its VCALENDARs."""

    program: str = ""
    events: list[Properties] = field(default_factory=list)
    zones: list[Zone] = field(default_factory=list)


def read_components(lines: Iterator[str]) -> Components:
    """Raises CalendarUnreadable if it isn't a calendar, or not a whole one."""
    first = next((line for line in lines if line.strip()), "")
    if first.strip().upper() != "BEGIN:VCALENDAR":
        raise unreadable("not_a_calendar")
    return _Reader().read(lines)


class _Reader:
    """Knows how deep it is, and where what it reads belongs."""

    def __init__(self) -> None:
        self.found = Components()
        self.depth = _ENVELOPE
        self.zone: Zone | None = None
        self.part: Properties | None = None  # the event or time zone we are in
        self.target: Properties | None = None  # what the next property belongs to

    def read(self, lines: Iterator[str]) -> Components:
        for line in lines:
            start = line[:6].upper()
            if start == "BEGIN:":
                self._begin(line[6:].strip().upper())
            elif start.startswith("END:"):
                self._end()
            else:
                self._property(line)
        if self.depth > 0:
            raise unreadable("cut_short")
        return self.found

    def _begin(self, name: str) -> None:
        self.depth += 1
        self.target = None
        if self.depth == _PARTS:
            self._begin_part(name)
        elif self.depth == _OBSERVANCES and self.zone and name in ("STANDARD", "DAYLIGHT"):
            self.target = Properties()
            self.zone.observances.append(self.target)

    def _begin_part(self, name: str) -> None:
        self.zone = self.part = None
        if name == "VEVENT":
            self.part = Properties()
            self.found.events.append(self.part)
        elif name == "VTIMEZONE" and len(self.found.zones) < MAX_ZONES:
            self.zone = Zone()
            self.part = self.zone.properties
            self.found.zones.append(self.zone)
        self.target = self.part

    def _end(self) -> None:
        self.depth = max(self.depth - 1, 0)
        self.target = self.part if self.depth == _PARTS else None

    def _property(self, line: str) -> None:
        if self.depth == _ENVELOPE and line[:7].upper() == "PRODID:":
            self.found.program = line[7:200]
        if self.target is not None and (name := _name_of(line)) in _WANTED:
            self.target.add(name, line)


def _name_of(line: str) -> str:
    return line[:40].partition(":")[0].partition(";")[0].upper()
