"""Calendars that were made to hurt, or by mistake: each ends in time, with what it holds or with a plain error."""

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ics_files import MAX_SECONDS, a_calendar, an_event, read
from stopwatch import stopwatch

from mailwatch.domain.languages import Language
from mailwatch.domain.outings import ReadCalendar
from mailwatch.errors import CalendarUnreadable
from mailwatch.ics import tell_calendar_problem

NEARLY_FULL = 4_900_000  # bytes: below the limit, so that the content itself must be bounded
DAY = ("DTSTART;VALUE=DATE:20261207", "DTEND;VALUE=DATE:20261208")
OLD_DAY = "DTSTART;VALUE=DATE:19700101"


def filled(component: Callable[[int], str]) -> bytes:
    """As many components as a calendar of 4.9 MB holds."""
    length = len(component(10_000))
    return a_calendar(*(component(number) for number in range(NEARLY_FULL // length)))


def zone_with(rule: str) -> str:
    return (
        "BEGIN:VTIMEZONE\r\nTZID:Odd\r\nBEGIN:STANDARD\r\nDTSTART;TZID=Odd:16010101T020000\r\n"
        f"RRULE:{rule}\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )


IN_ODD = ("DTSTART;TZID=Odd:20261207T080000", "DTEND;TZID=Odd:20261207T170000")

REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "every second": ("too_often", lambda: a_calendar(an_event(*DAY, "RRULE:FREQ=SECONDLY"))),
    "every minute, and a count": ("too_often", lambda: a_calendar(an_event(*DAY, "RRULE:FREQ=MINUTELY;COUNT=1"))),
    "every hour": ("too_often", lambda: a_calendar(an_event(*DAY, "RRULE:freq=hourly;until=99991231"))),
    "daily, at each second": (
        "too_often",
        lambda: a_calendar(an_event(*DAY, "RRULE:FREQ=DAILY;BYSECOND=" + ",".join(map(str, range(60))))),
    ),
    "fifty megabytes": ("too_large", lambda: a_calendar("X" * 50_000_000)),
    "many lines": ("too_many_lines", lambda: a_calendar("\n" * NEARLY_FULL)),
    "a letter on each folded line": ("too_many_lines", lambda: a_calendar("\r\n x" * (NEARLY_FULL // 4))),
    "the year 1": ("year", lambda: a_calendar(an_event("DTSTART;VALUE=DATE:00010101", "DURATION:P1D"))),
    "until the year 9999": (
        "year",
        lambda: a_calendar(an_event("DTSTART:20261207T000000Z", "DTEND:99991231T000000Z")),
    ),
    "a long event made of its duration": ("year", lambda: a_calendar(an_event(DAY[0], "DURATION:P9999W"))),
    "a change in the year 9999": (
        "year",
        lambda: a_calendar(an_event(*DAY), an_event(*DAY, "RECURRENCE-ID;VALUE=DATE:99991231")),
    ),
    "excluded dates": (
        "too_many_dates",
        lambda: filled(
            lambda number: an_event(*DAY, "EXDATE:" + ",".join(["20261207T000000Z"] * 500), uid=f"{number}")
        ),
    ),
    "more absences than people take": (
        "too_many_events",
        lambda: filled(lambda number: an_event(*DAY, uid=f"{number}")),
    ),
    "daily for fifty years, many times": (
        "too_many_repetitions",
        lambda: filled(
            lambda number: an_event(OLD_DAY, "RRULE:FREQ=DAILY;BYMONTHDAY=1;COUNT=1000000000", uid=f"{number}")
        ),
    ),
    "30 February, many times": (
        "too_many_repetitions",
        lambda: filled(lambda number: an_event(OLD_DAY, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", uid=f"{number}")),
    ),
    "changes of one event": (
        "too_many_events",
        lambda: filled(lambda number: an_event(*DAY, f"RECURRENCE-ID:20261207T{number % 86400:06}")),
    ),
    "rules of one event": (
        "too_many_events",
        lambda: filled(lambda number: an_event(*DAY, *["RRULE:FREQ=WEEKLY;BYDAY=MO"] * 99)),
    ),
    "nested components": ("cut_short", lambda: b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\n" * 240_000),
    "empty events": ("too_many_lines", lambda: filled(lambda _: "BEGIN:VEVENT\nEND:VEVENT\n")),
    "a web page": ("not_a_calendar", lambda: b"<!DOCTYPE html><html><title>Sign in</title></html>"),
    "nothing": ("not_a_calendar", lambda: b""),
    "cut in the middle": ("cut_short", lambda: a_calendar(an_event(*DAY))[:-20]),
    "UTF-16 garbage": ("not_a_calendar", lambda: b"\xff\xfe" + b"\xd8\x00" * 1_000_000),
}

ENDURED: dict[str, Callable[[], bytes]] = {
    "a count of a billion": lambda: a_calendar(an_event(OLD_DAY, "RRULE:FREQ=DAILY;COUNT=1000000000")),
    "a rule that never holds": lambda: a_calendar(an_event(OLD_DAY, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")),
    "an interval of zero": lambda: a_calendar(an_event(*DAY, "RRULE:FREQ=DAILY;INTERVAL=0")),
    "an endless number": lambda: a_calendar(an_event(*DAY, "RRULE:FREQ=DAILY;INTERVAL=" + "9" * 19_000)),
    "an end before the start": lambda: a_calendar(an_event("DTSTART:20261208T000000Z", "DTEND:20261207T000000Z")),
    "ten thousand components in an event": lambda: a_calendar(
        an_event(*DAY, *["BEGIN:VALARM"] * 10_000, *["END:VALARM"] * 10_000)
    ),
    "a line of five megabytes": lambda: a_calendar(an_event(*DAY, "RRULE:" + "FREQ=DAILY;" * 445_000)),
    "a parameter of five megabytes": lambda: a_calendar(an_event("DTSTART;X=" + "a" * 4_900_000 + ":20261207")),
    "parameters without end": lambda: a_calendar(an_event("DTSTART" + ";A=b" * 1_000_000 + ":20261207")),
    "quotes without end": lambda: a_calendar(an_event("DTSTART;X=" + '"",' * 1_000_000 + ":20261207")),
    "properties without end": lambda: a_calendar(an_event(*DAY, *["RDATE:20261207"] * 240_000)),
    "events that say nothing": lambda: filled(lambda _: "BEGIN:VEVENT\nSUMMARY:" + "x" * 40 + "\nEND:VEVENT\n"),
    "one name for all": lambda: filled(lambda _: an_event(*DAY, away=False)),
    "a zone by the second": lambda: a_calendar(zone_with("FREQ=SECONDLY"), an_event(*IN_ODD)),
    "a zone that names itself": lambda: a_calendar(zone_with("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), an_event(*IN_ODD)),
    "zones without end": lambda: filled(lambda _: zone_with("FREQ=YEARLY;BYDAY=1SU;BYMONTH=11")),
    "a zone that is a path": lambda: a_calendar(an_event("DTSTART;TZID=../../../etc/passwd:20261207T000000")),
    "a zone that is a folder": lambda: a_calendar(an_event("DTSTART;TZID=America:20261207T000000")),
    "NUL bytes": lambda: a_calendar(an_event(*DAY, "SUMMARY:" + "\0" * 4_000_000)),
    "invalid UTF-8": lambda: a_calendar(an_event(*DAY)).replace(b"one@", b"\xff\xfe\x80" * 1_000_000),
    "a real calendar of that size": lambda: filled(
        lambda number: an_event(
            "DTSTART;TZID=Eastern Standard Time:20261207T090000",
            "DTEND;TZID=Eastern Standard Time:20261207T093000",
            "DESCRIPTION:" + "Ordre du jour\\n" * 20,
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            uid=f"{number}",
            away=False,
        )
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_calendar_ends_in_a_clear_error_in_time(name: str) -> None:
    kind, make = REFUSED[name]
    data = make()
    with stopwatch() as spent, pytest.raises(CalendarUnreadable) as raised:
        read(data)
    assert raised.value.kind == kind
    assert spent.seconds < MAX_SECONDS
    for language in Language:
        assert len(tell_calendar_problem(raised.value, language)) < 400


@pytest.mark.parametrize("name", ENDURED)
def test_a_strange_calendar_is_read_in_time(name: str) -> None:
    data = ENDURED[name]()
    with stopwatch() as spent:
        read(data)
    assert spent.seconds < MAX_SECONDS


def test_the_dearest_calendar_that_is_not_refused_is_read_in_time() -> None:
    weekly = [an_event(OLD_DAY, "RRULE:FREQ=WEEKLY;COUNT=5000;BYDAY=MO", uid=f"{number}") for number in range(6)]
    far = [an_event(*DAY, uid=f"one {number}") for number in range(2_500)]
    busy = [an_event(*DAY, "DESCRIPTION:" + "x" * 150, uid=f"busy {number}", away=False) for number in range(15_000)]
    data = a_calendar(*weekly, *far, *busy)
    assert len(data) > 4_000_000
    with stopwatch() as spent:
        calendar = read(data)
    assert len(calendar.absences) == 6 * 157 + 2_500
    assert spent.seconds < MAX_SECONDS


_FRAGMENTS = st.sampled_from(
    """
    BEGIN:VEVENT END:VEVENT BEGIN:VTIMEZONE END:VTIMEZONE BEGIN:STANDARD END:STANDARD END:VCALENDAR BEGIN:VCALENDAR
    DTSTART;VALUE=DATE:20261207 DTSTART:20261207T080000 DTSTART;TZID=Odd:20261207T080000 DTEND:20261209T170000Z
    DTEND;VALUE=DATE:20261210 DURATION:P1D DURATION:PT9H RRULE:FREQ=DAILY;COUNT=5 RRULE:FREQ=WEEKLY;UNTIL=99991231
    RRULE:FREQ=MONTHLY;BYDAY=-1FR RRULE:FREQ=YEARLY;BYDAY=53MO RRULE:FREQ=YEARLY;UNTIL=00010101T000000Z RRULE:
    RECURRENCE-ID:20261208T080000 RECURRENCE-ID;VALUE=DATE:20261208 EXDATE:20261208,20261209 RDATE:20270101/P1D
    TZID:Odd TZOFFSETFROM:-0400 TZOFFSETTO:+9999 DTSTART:16010101T020000 RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
    STATUS:CANCELLED TRANSP:TRANSPARENT X-MICROSOFT-CDO-BUSYSTATUS:OOF UID:a UID:b SEQUENCE:3 SUMMARY;X="a:b":c
    DTSTART:20261332T256199 DTSTART:22001231T235959Z DTSTART;VALUE=DATE:19700101 DTEND:22001231T235959
    """.split()  # noqa: SIM905
)


@given(st.lists(st.one_of(_FRAGMENTS, st.text(max_size=30)), max_size=40))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_lines_are_a_calendar_or_unreadable(lines: list[str]) -> None:
    data = "\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", *lines]).encode(
        "utf-8", "replace"
    )
    for ended in (data, data + b"\nEND:VEVENT\nEND:VCALENDAR"):
        assert _is_calendar_or_unreadable(ended)


@given(st.binary(max_size=2_000), st.integers())
def test_any_bytes_are_a_calendar_or_unreadable(noise: bytes, seed: int) -> None:
    assert _is_calendar_or_unreadable(noise)
    good = bytearray(a_calendar(an_event(*DAY, "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;VALUE=DATE:20261214")))
    chance = random.Random(seed)
    for _ in range(chance.randrange(8)):
        good[chance.randrange(len(good))] = chance.randrange(256)
    assert _is_calendar_or_unreadable(bytes(good))


def _is_calendar_or_unreadable(data: bytes) -> bool:
    try:
        calendar = read(data)
    except CalendarUnreadable as error:
        return bool(re.search(r"[a-z]{3}", str(error)))
    return isinstance(calendar, ReadCalendar) and all(
        absence.returns_on is not None and absence.away_from < absence.returns_on for absence in calendar.absences
    )
