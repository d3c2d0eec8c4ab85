"""An event, with what repeats it and what changes single occurrences → the spans it covers (RFC 5545 §3.8.5).

A change of one occurrence and of all later ones (RANGE=THISANDFUTURE) isn't understood; Outlook, Google and Nextcloud
end the series and begin another.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from mailwatch.domain.outings import PassedOver
from mailwatch.ics.budget import Budget
from mailwatch.ics.components import Properties
from mailwatch.ics.lines import ContentLine
from mailwatch.ics.moments import LAST_YEAR, Moment, day_of, instant_of, parse_duration, parse_moment
from mailwatch.ics.rules import Rule, WithinADay, occurrences, parse_rule
from mailwatch.ics.wording import unreadable
from mailwatch.ics.zones import Zones

_ONE_DAY = timedelta(days=1)
_DATE_LENGTH = len("20261207")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One VEVENT, read. `verdict` says why it is no absence, None that it is one."""

    start: Moment
    length: timedelta
    verdict: PassedOver | None
    sequence: int = 0
    changes: Moment | None = None  # the occurrence that it stands in for
    rules: Sequence[Rule] = ()
    extra: frozenset[Moment] = frozenset()
    excluded: frozenset[Moment] = frozenset()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence: `on` is the date that the series gave it, whatever became of it; None outside a series."""

    start: Moment
    end: Moment
    verdict: PassedOver | None
    on: date | None


def read_event(properties: Properties, verdict: PassedOver | None, zones: Zones, budget: Budget) -> Event:
    """Raises ValueError if it can't be read, CalendarUnreadable if it asks for too much."""
    start_line, changes = properties.find("DTSTART"), properties.find("RECURRENCE-ID")
    if properties.is_broken or start_line is None or (changes and "RANGE" in changes.parameters):
        raise ValueError("no start, a property that can't be read, or a change of all later occurrences")
    start = _moment(start_line, zones)
    return Event(
        start=start,
        length=_length(properties, start, zones),
        verdict=verdict,
        sequence=_sequence(properties),
        changes=_moment(changes, zones) if changes else None,
        rules=_rules(properties, budget),
        extra=frozenset(_moments(properties.all("RDATE"), zones, budget)),
        excluded=frozenset(_moments(properties.all("EXDATE"), zones, budget)),
    )


def expand(events: Sequence[Event], window: tuple[date, date], budget: Budget) -> Iterator[Occurrence]:
    """The occurrences of the events of one UID that may touch the window; of each, its highest SEQUENCE counts."""
    changes = {instant_of(each.changes): each for each in sorted(events, key=_by_sequence) if each.changes is not None}
    masters = _masters(events)
    for master in masters:
        is_series = len(masters) > 1 or bool(master.rules or master.extra)
        for start in _starts(master, changes, window, budget):
            on = day_of(start) if is_series else None
            yield Occurrence(start, start + master.length, master.verdict, on)
    for moment, change in changes.items():
        yield Occurrence(change.start, change.start + change.length, change.verdict, day_of(change.changes or moment))


def _masters(events: Sequence[Event]) -> Sequence[Event]:
    """One, unless an exporter gave several events one UID: these differ in when they start."""
    masters = [event for event in events if event.changes is None]
    newest = max(map(_by_sequence, masters), default=0)
    return list({event.start: event for event in masters if event.sequence == newest}.values())


def _by_sequence(event: Event) -> int:
    return event.sequence


def _starts(event: Event, changes: Iterable[Moment], window: tuple[date, date], budget: Budget) -> Iterator[Moment]:
    """When the occurrences begin that nothing excludes or changes."""
    starts = {event.start, *event.extra}
    since = window[0] - event.length - _ONE_DAY
    for rule in event.rules:
        last = min(window[1], rule.last or window[1])
        days = occurrences(rule, day_of(event.start), since, last, budget)
        starts.update(start for day in days if not _is_past(start := _on(day, event.start), rule))
    gone = _named((*event.excluded, *changes), event.start)
    yield from (start for start in sorted(starts, key=day_of) if gone.isdisjoint((instant_of(start), day_of(start))))


def _named(moments: Sequence[Moment], start: Moment) -> set[Moment]:
    """The occurrences that RECURRENCE-ID or EXDATE mean: by instant, by date, or by the date of a midnight."""
    names = set(map(instant_of, moments))
    return names if isinstance(start, datetime) else names | set(map(day_of, moments))


def _on(day: date, start: Moment) -> Moment:
    return datetime.combine(day, start.timetz()) if isinstance(start, datetime) else day


def _is_past(start: Moment, rule: Rule) -> bool:
    """Whether an occurrence comes after UNTIL: a date, an instant or a local time (RFC 5545 §3.3.10)."""
    if rule.last is None:
        return False
    if len(rule.until) == _DATE_LENGTH or not isinstance(start, datetime):
        return day_of(start) > rule.last
    if rule.until.endswith("Z"):
        return f"{start.astimezone(UTC):%Y%m%dT%H%M%SZ}" > rule.until
    return f"{start:%Y%m%dT%H%M%S}" > rule.until


def _rules(properties: Properties, budget: Budget) -> Sequence[Rule]:
    lines = properties.all("RRULE")
    budget.spend_events(len(lines))
    try:
        return [parse_rule(line.value) for line in lines]
    except WithinADay as error:
        raise unreadable("too_often", rule=error) from None


def _length(properties: Properties, start: Moment, zones: Zones) -> timedelta:
    """Without DTEND and DURATION, a date has a day, and a time nothing (RFC 5545 §3.6.1). By the clock on the wall."""
    length = timedelta()
    if line := properties.find("DTEND"):
        length = _between(start, _moment(line, zones))
    elif line := properties.find("DURATION"):
        length = parse_duration(line.value)
    if length < timedelta():
        raise ValueError("the end lies before the start")
    if (start + length).year > LAST_YEAR:
        raise unreadable("year", year=(start + length).year)
    return length if isinstance(start, datetime) else max(length, _ONE_DAY)


def _between(start: Moment, end: Moment) -> timedelta:
    if isinstance(start, datetime) and isinstance(end, datetime):
        return end.astimezone(start.tzinfo) - start if end.tzinfo is not start.tzinfo else end - start
    if isinstance(start, datetime) or isinstance(end, datetime):
        raise ValueError("a date and a time")
    return end - start


def _sequence(properties: Properties) -> int:
    text = properties.text("SEQUENCE")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _moment(line: ContentLine, zones: Zones) -> Moment:
    return parse_moment(line.value, _zone_of(line, zones))


def _moments(lines: Sequence[ContentLine], zones: Zones, budget: Budget) -> Iterator[Moment]:
    """The values of RDATE or EXDATE; of a period, its beginning."""
    for line in lines:
        values = [value for value in line.value.split(",") if value.strip()]
        budget.spend_dates(len(values))
        zone = _zone_of(line, zones)
        yield from (parse_moment(value.partition("/")[0], zone) for value in values)


def _zone_of(line: ContentLine, zones: Zones) -> tzinfo:
    """Dates and UTC need none: some exporters name one there that they don't define."""
    value = line.value.strip()
    return zones.get(line.parameters.get("TZID", "")) if "T" in value and value[-1] != "Z" else UTC
