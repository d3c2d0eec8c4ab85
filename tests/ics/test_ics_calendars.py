"""What calendars mean: a corpus in the forms that Outlook, Exchange, Google and Nextcloud write, and rules one by one.

`private/` beside the corpus is ignored by git: an operator's own calendars can be tried there.
"""

import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from ics_files import CALENDARS, TODAY, TORONTO, a_calendar, an_event, read, spans

from mailwatch.domain.outings import CalendarFilter
from mailwatch.ics import SERVICE_DAY, parse_calendar, window_around

CORPUS = sorted(CALENDARS.glob("*.ics"))
# What recurring_ical_events makes nothing of, or something else.
NO_SECOND_OPINION = {
    "09-outlook-zone-without-definition": "it takes an unknown zone for local time",
    "17-ends-of-all-kinds": "it refuses a date with a time",
    "19-rules-of-all-kinds": "it follows BYWEEKNO",
    "20-thunderbird-global-zone": "it warns of such names",
    "21-versions-of-one-event": "it takes two events of one UID for one",
}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus_is_read_as_it_was_meant(path: Path) -> None:
    expected = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    calendar = read(
        path.read_bytes(), category=expected.get("category", ""), every_event=expected.get("every_event", False)
    )
    assert [(found.away_from, found.returns_on) for found in calendar.absences] == [
        (row["away_from"], row["returns_on"]) for row in expected["absences"]
    ]
    for found, row in zip(calendar.absences, expected["absences"], strict=True):
        assert found.uid.endswith(row.get("uid", ""))
    assert calendar.passed_over == expected["passed_over"]


@pytest.mark.parametrize(
    "path", [path for path in CORPUS if path.stem not in NO_SECOND_OPINION], ids=lambda path: path.stem
)
def test_a_second_opinion_finds_the_same_occurrences(path: Path) -> None:
    data = path.read_bytes()
    calendar = read(data, every_event=True)
    ours = {(found.away_from, found.returns_on) for found in calendar.absences}
    assert ours == set(_second_opinion(data))


def _second_opinion(data: bytes) -> Iterator[tuple[date, date]]:
    """Whole days by recurring_ical_events, of what is neither cancelled nor shown as free."""
    text = data.decode("utf-8-sig", "replace")
    start, end = window_around(TODAY)
    for event in recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(start, end):
        busy = event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")
        if (
            event.get("TRANSP") == "TRANSPARENT"
            or event.get("STATUS") == "CANCELLED"
            or busy in ("FREE", "WORKINGELSEWHERE")
        ):
            continue
        days = list(_covered(event.start, event.end))
        if days:
            yield days[0], days[-1] + timedelta(days=1)


def _covered(start: date, end: date) -> Iterator[date]:
    start, end = _local(start), _local(end)
    is_timed = isinstance(start, datetime)
    day = start.astimezone(TORONTO).date() if isinstance(start, datetime) else start
    while day <= (end.date() if isinstance(end, datetime) else end):
        opens, closes = (datetime.combine(day, at, TORONTO) for at in SERVICE_DAY)
        if (start <= opens and closes <= end) if is_timed else (start <= day < end):
            yield day
        day += timedelta(days=1)


def _local(moment: date) -> date:
    """Floating times are in Toronto."""
    return moment.replace(tzinfo=TORONTO) if isinstance(moment, datetime) and moment.tzinfo is None else moment


def test_the_service_day_decides_what_a_day_away_is() -> None:
    data = a_calendar(an_event("DTSTART:20261207T100000", "DTEND:20261207T150000"))
    takes = CalendarFilter()
    window = window_around(TODAY)
    short = parse_calendar(data, TORONTO, window, takes=takes, service_day=(time(10), time(15)))
    assert spans(short) == [("2026-12-07", "2026-12-08")]
    assert spans(parse_calendar(data, TORONTO, window, takes=takes)) == []


def test_times_keep_to_the_wall_clock_when_the_clocks_change() -> None:
    in_spring = ("DTSTART;TZID=America/Toronto:20270312T083000", "DTEND;TZID=America/Toronto:20270312T163000")
    calendar = read(a_calendar(an_event(*in_spring, "RRULE:FREQ=WEEKLY;COUNT=2")))
    assert spans(calendar) == [("2027-03-12", "2027-03-13"), ("2027-03-19", "2027-03-20")]


def test_a_defined_zone_changes_its_offset_when_it_says_so() -> None:
    zone = "\r\n".join(
        ["BEGIN:VTIMEZONE", "TZID:Ours", "BEGIN:STANDARD", "DTSTART:20260101T000000", "TZOFFSETFROM:+0000",
         "TZOFFSETTO:+0000", "END:STANDARD", "BEGIN:DAYLIGHT", "DTSTART:20261209T000000", "RDATE:20270301T000000",
         "TZOFFSETFROM:+0000", "TZOFFSETTO:-0500", "END:DAYLIGHT", "END:VTIMEZONE", ""]
    )  # fmt: skip
    before = an_event("DTSTART;TZID=Ours:20261207T133000", "DTEND;TZID=Ours:20261207T213000", uid="before")
    after = an_event("DTSTART;TZID=Ours:20261210T083000", "DTEND;TZID=Ours:20261210T163000", uid="after")
    assert spans(read(a_calendar(zone, before, after))) == [("2026-12-07", "2026-12-08"), ("2026-12-10", "2026-12-11")]


def test_a_definition_counts_in_its_own_calendar_only() -> None:
    event = an_event("DTSTART;TZID=Customized Time Zone:20261207T083000", "DURATION:PT8H")
    zone = "\r\n".join(
        ["BEGIN:VTIMEZONE", "TZID:Customized Time Zone", "BEGIN:STANDARD", "DTSTART:16010101T000000",
         "TZOFFSETFROM:{0}", "TZOFFSETTO:{0}", "END:STANDARD", "END:VTIMEZONE", ""]
    )  # fmt: skip
    assert spans(read(a_calendar(zone.format("-0500"), event))) == [("2026-12-07", "2026-12-08")]
    assert spans(read(a_calendar(zone.format("+0100"), event))) == []
    assert read(a_calendar(event)).passed_over == {"unreadable": 1}


def test_a_rule_of_a_zone_that_names_no_day_takes_that_of_its_beginning() -> None:
    zone = "\r\n".join(
        ["BEGIN:VTIMEZONE", "TZID:Ours", "BEGIN:STANDARD", "DTSTART:16011210T000000", "TZOFFSETFROM:+0000",
         "TZOFFSETTO:-0500", "RRULE:FREQ=YEARLY;BYMONTH=12", "END:STANDARD", "BEGIN:DAYLIGHT",
         "DTSTART:16011201T000000", "TZOFFSETFROM:-0500", "TZOFFSETTO:+0000", "RRULE:FREQ=YEARLY", "END:DAYLIGHT",
         "END:VTIMEZONE", ""]
    )  # fmt: skip
    before = an_event("DTSTART;TZID=Ours:20261207T133000", "DTEND;TZID=Ours:20261207T213000", uid="before")
    after = an_event("DTSTART;TZID=Ours:20261210T083000", "DTEND;TZID=Ours:20261210T163000", uid="after")
    assert spans(read(a_calendar(zone, before, after))) == [("2026-12-07", "2026-12-08"), ("2026-12-10", "2026-12-11")]


@pytest.mark.parametrize(
    ("start", "excluded"),
    [
        ("DTSTART;VALUE=DATE:20261207", "EXDATE;VALUE=DATE:20261208"),
        ("DTSTART;VALUE=DATE:20261207", "EXDATE;TZID=America/Toronto:20261208T000000"),
        ("DTSTART;TZID=America/Toronto:20261207T000000", "EXDATE:20261208T050000Z"),
        ("DTSTART;TZID=America/Toronto:20261207T000000", "EXDATE;VALUE=DATE:20261208"),
    ],
)
def test_an_excluded_date_is_known_however_it_is_written(start: str, excluded: str) -> None:
    calendar = read(a_calendar(an_event(start, "DURATION:P1D", "RRULE:FREQ=DAILY;COUNT=3", excluded)))
    assert spans(calendar) == [("2026-12-07", "2026-12-08"), ("2026-12-09", "2026-12-10")]


@pytest.mark.parametrize(
    ("until", "last"),
    [("20261215T045959Z", "2026-12-08"), ("20261215T050000Z", "2026-12-15"), ("20261215T000000", "2026-12-15"),
     ("20261214", "2026-12-08"), ("20261215", "2026-12-15")],
)  # fmt: skip
def test_the_last_occurrence_is_the_one_that_until_admits(until: str, last: str) -> None:
    times = ("DTSTART;TZID=America/Toronto:20261201T000000", "DTEND;TZID=America/Toronto:20261202T000000")
    assert spans(read(a_calendar(an_event(*times, f"RRULE:FREQ=WEEKLY;UNTIL={until}"))))[-1][0] == last


def test_an_occurrence_that_began_before_the_window_and_lasts_is_found() -> None:
    event = an_event("DTSTART;VALUE=DATE:20241120", "DTEND;VALUE=DATE:20241204", "RRULE:FREQ=YEARLY;COUNT=2")
    assert spans(read(a_calendar(event))) == [("2025-11-20", "2025-12-04")]


def test_what_follows_an_alarm_still_belongs_to_its_event() -> None:
    alarm = ("BEGIN:VALARM", "TRIGGER:-PT15M", "END:VALARM")
    assert spans(read(a_calendar(an_event(*alarm, "DTSTART;VALUE=DATE:20261207")))) == [("2026-12-07", "2026-12-08")]


def test_a_title_says_away_in_the_calendars_of_google_only() -> None:
    event = an_event("DTSTART;VALUE=DATE:20261207", "SUMMARY:Out of office", away=False)
    assert read(a_calendar(event)).passed_over == {"not out of office": 1}


def test_why_somebody_is_away_goes_no_further() -> None:
    event = an_event("DTSTART;VALUE=DATE:20261207", "SUMMARY:Chirurgie", "DESCRIPTION:au CHUM")
    assert "hirurgie" not in repr(read(a_calendar(event)))


def test_a_series_with_a_cancelled_master_is_no_absence() -> None:
    event = an_event("DTSTART;VALUE=DATE:20261207", "RRULE:FREQ=DAILY;COUNT=3", "STATUS:CANCELLED")
    assert read(a_calendar(event)).passed_over == {"cancelled": 1}


def test_a_change_of_all_later_occurrences_is_counted_as_unreadable() -> None:
    series = an_event("DTSTART;VALUE=DATE:20261207", "RRULE:FREQ=WEEKLY;COUNT=2")
    change = an_event("DTSTART;VALUE=DATE:20261215", "RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20261214")
    calendar = read(a_calendar(series, change))
    assert spans(calendar) == [("2026-12-07", "2026-12-08"), ("2026-12-14", "2026-12-15")]
    assert calendar.passed_over == {"unreadable": 1}


def test_an_event_without_uid_keeps_the_key_that_follows_from_it() -> None:
    data = a_calendar(an_event("DTSTART;VALUE=DATE:20261207", uid=""), an_event("DTSTART;VALUE=DATE:20261209", uid=""))
    first, second = (found.uid for found in read(data).absences)
    assert first != second
    assert [first, second] == [found.uid for found in read(data).absences]


def test_a_window_has_a_bound() -> None:
    with pytest.raises(ValueError, match="window"):
        parse_calendar(b"", TORONTO, (date(1970, 1, 1), date(2200, 1, 1)), takes=CalendarFilter())
