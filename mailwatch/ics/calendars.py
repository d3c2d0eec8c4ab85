"""A calendar → the absences it tells of: what `absence import` and `[[absence_calendar]]` read.

1. lines        bounded, decoded, unfolded
2. components   events and time zones; nothing else is kept
3. selection    which events say that somebody is away
4. series       when these, and their repetitions, are
5. here         which whole days of the local zone they cover

It ends, whatever it is given: each step counts its work (see `budget`) and needs no second process, nor a clock.
Neither titles nor descriptions go further than this: why somebody is away is nobody's business.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailwatch.domain.outings import CalendarFilter, FoundAbsence, PassedOver, ReadCalendar
from mailwatch.ics.budget import Budget
from mailwatch.ics.components import Components, Properties, read_components
from mailwatch.ics.lines import unfold
from mailwatch.ics.moments import Moment
from mailwatch.ics.selection import judge
from mailwatch.ics.series import Event, Occurrence, expand, read_event
from mailwatch.ics.zones import Zones

SERVICE_DAY = (time(9), time(16))  # its core: who is away from nine to four is away that day
BACK = timedelta(days=366)
AHEAD = timedelta(days=2 * 366)
LONGEST_WINDOW = timedelta(days=5 * 366)
LONGEST_UID = 200  # characters; longer ones become a digest

_ONE_DAY = timedelta(days=1)


def window_around(today: date) -> tuple[date, date]:
    """The dates that matter, half-open: a year back, two ahead."""
    return today - BACK, today + AHEAD


def parse_calendar(
    data: bytes,
    zone: ZoneInfo,
    window: tuple[date, date],
    *,
    takes: CalendarFilter,
    service_day: tuple[time, time] = SERVICE_DAY,
) -> ReadCalendar:
    """The absences of a calendar that touch a window of dates, half-open.

    An all-day event counts for its dates. One with times counts for the local dates whose service day it covers
    whole, so that 9:00 to 17:00 is a day away, and an afternoon isn't. Raises CalendarUnreadable.
    """
    if window[1] - window[0] > LONGEST_WINDOW:
        raise ValueError(f"a window of more than {LONGEST_WINDOW.days} days")
    reading = _Reading(read_components(unfold(data)), zone, window, service_day)
    return reading.read(takes)


class _Reading:
    """One calendar while it is read."""

    def __init__(
        self, components: Components, zone: ZoneInfo, window: tuple[date, date], service_day: tuple[time, time]
    ) -> None:
        self.components = components
        self.zone = zone
        self.window = window
        self.service_day = service_day
        self.budget = Budget()
        self.zones = Zones(zone, components.zones, window[1] + 2 * _ONE_DAY, self.budget)
        self.passed_over: Counter[PassedOver] = Counter()
        self.absences: dict[str, FoundAbsence] = {}

    def read(self, takes: CalendarFilter) -> ReadCalendar:
        for uid, group in self._groups(takes):
            self._take(uid, group)
        absences = sorted(self.absences.values(), key=lambda absence: (absence.away_from, absence.uid))
        return ReadCalendar(absences=tuple(absences), passed_over=dict(self.passed_over))

    def _groups(self, takes: CalendarFilter) -> Iterator[tuple[str, list[tuple[Properties, PassedOver | None]]]]:
        """The events of each UID of which one at least is an absence: what changes an occurrence may be none."""
        groups = defaultdict(list)
        for event in self.components.events:
            groups[_uid(event)].append((event, judge(event, takes, self.components.program)))
        for uid, group in groups.items():
            if any(verdict is None for _, verdict in group):
                self.budget.spend_events(len(group))
                yield uid, group
            else:
                self.passed_over.update(verdict for _, verdict in group if verdict)

    def _take(self, uid: str, group: Sequence[tuple[Properties, PassedOver | None]]) -> None:
        events = [event for each in group if (event := self._read(*each))]
        is_seen = False
        for occurrence in expand(events, self.window, self.budget):
            is_seen = self._place(uid, occurrence) or is_seen
        if events and not is_seen:
            self.passed_over[PassedOver.OUTSIDE_THE_WINDOW] += 1

    def _read(self, properties: Properties, verdict: PassedOver | None) -> Event | None:
        try:
            return read_event(properties, verdict, self.zones, self.budget)
        except (ValueError, ArithmeticError):
            self.passed_over[PassedOver.UNREADABLE] += 1
            return None

    def _place(self, uid: str, occurrence: Occurrence) -> bool:
        """Whether it lies in the window. What it comes to is recorded."""
        first, back = _days(occurrence.start, occurrence.end, self.zone, self.service_day)
        if max(back, first + _ONE_DAY) <= self.window[0] or first >= self.window[1]:
            return False
        verdict = occurrence.verdict or (PassedOver.SHORTER_THAN_A_DAY if back <= first else None)
        if verdict is not None:
            self.passed_over[verdict] += 1
            return True
        self.budget.spend_absence()
        key = f"{uid}/{occurrence.on:%Y%m%d}" if occurrence.on else uid
        self.absences[key] = FoundAbsence(uid=key, away_from=first, returns_on=back)
        return True


def _days(start: Moment, end: Moment, zone: ZoneInfo, service_day: tuple[time, time]) -> tuple[date, date]:
    """The first date whose service day is covered, and the first after it that isn't."""
    if not (isinstance(start, datetime) and isinstance(end, datetime)):
        return start, end
    opens, closes = service_day
    first, last = start.astimezone(zone), end.astimezone(zone)
    away_from = first.date() if first.time() <= opens else first.date() + _ONE_DAY
    returns_on = last.date() + _ONE_DAY if last.time() >= closes else last.date()
    return away_from, returns_on


def _uid(event: Properties) -> str:
    """Its UID; without one, or with an endless one, what follows from it and from when it is."""
    uid = "".join(sign for sign in event.text("UID") if sign.isprintable())
    if uid and len(uid) <= LONGEST_UID:
        return uid
    return hashlib.sha256(f"{uid}\n{event.text('DTSTART')}\n{event.text('DTEND')}".encode()).hexdigest()[:40]
