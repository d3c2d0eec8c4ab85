"""The service calendar: tables written by hand, an oracle that looks at every minute, and laws that hold for all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from builders import HOURS, a_calendar
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailwatch.domain import calendars
from mailwatch.domain.calendars import (
    Closure,
    ServiceCalendar,
    add_business_days,
    add_business_time,
    business_days_between,
    business_time_between,
    closing_at,
    format_segment,
    from_definition,
    holiday_name,
    local_date,
    open_segments,
    parse_closure,
    parse_segment,
    subtract_business_days,
    subtract_business_time,
)
from mailwatch.errors import NoOpenDay

TORONTO = "America/Toronto"
MORNING, AFTERNOON = (510, 720), (780, 990)
ROUND_THE_CLOCK = dict.fromkeys(range(7), ((0, 1440),))


def at(text: str, zone: str = TORONTO, *, fold: int = 0) -> datetime:
    """A local time, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def plain(**fields: object) -> ServiceCalendar:
    """Without public holidays."""
    return a_calendar(**{"country": None, "subdivision": None, **fields})


def closed(*texts: str) -> tuple[Closure, ...]:
    return tuple(map(parse_closure, texts))


# --- forms of writing


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("08:30-12:00", (510, 720)),
        ("8:30-12:00", (510, 720)),
        (" 08:30 - 12:00 ", (510, 720)),
        ("00:00-24:00", (0, 1440)),
        ("23:59-24:00", (1439, 1440)),
    ],
)
def test_a_segment_is_read_as_minutes_of_the_day(text: str, segment: tuple[int, int]) -> None:
    assert parse_segment(text) == segment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "08:30",
        "0830-1200",
        "12:00-08:30",
        "08:30-08:30",
        "08:00-00:00",
        "22:00-06:00",
        "08:60-09:00",
        "08:00-24:01",
    ],
)
def test_an_impossible_segment_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text}'"):
        parse_segment(text)


@pytest.mark.parametrize(
    ("text", "closure"),
    [
        ("2026-12-24", Closure(first=date(2026, 12, 24), last=date(2026, 12, 24))),
        ("2026-12-21..2027-01-01", Closure(first=date(2026, 12, 21), last=date(2027, 1, 1))),
        ("2026-12-24 12:00-24:00", Closure(first=date(2026, 12, 24), last=date(2026, 12, 24), segment=(720, 1440))),
        (
            "2026-07-01..2026-07-31 13:00-16:30",
            Closure(first=date(2026, 7, 1), last=date(2026, 7, 31), segment=AFTERNOON),
        ),
        ("2028-02-29", Closure(first=date(2028, 2, 29), last=date(2028, 2, 29))),
    ],
)
def test_a_closure_is_read_and_written_alike(text: str, closure: Closure) -> None:
    assert parse_closure(text) == closure
    assert str(closure) == text


@pytest.mark.parametrize(
    "text", ["", "Christmas", "2026-02-29", "2027-01-01..2026-12-21", "2026-12-21..", "..2026-12-21", "2026-12-24 noon"]
)
def test_an_impossible_closure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|ends before"):
        parse_closure(text)


@given(st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda s: s[0] < s[1]))
def test_every_segment_survives_being_written_and_read(segment: tuple[int, int]) -> None:
    assert parse_segment(format_segment(segment)) == segment


@pytest.mark.parametrize("hours", [{7: (MORNING,)}, {0: ((720, 510),)}, {0: ((0, 1441),)}, {0: ((-1, 60),)}])
def test_a_calendar_with_impossible_hours_is_refused(hours: dict[int, tuple[tuple[int, int], ...]]) -> None:
    with pytest.raises(ValueError, match=r"^hours"):
        plain(hours=hours)


# --- what is open


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((AFTERNOON, MORNING), (MORNING, AFTERNOON)),
        (((510, 720), (720, 990)), ((510, 990),)),  # they touch
        (((510, 800), (700, 990)), ((510, 990),)),
        (((510, 990), (600, 700)), ((510, 990),)),  # one within the other
    ],
)
def test_segments_are_put_in_order_and_count_once(segments: tuple[tuple[int, int], ...], expected: object) -> None:
    assert open_segments(plain(hours={0: segments}), date(2026, 11, 23)) == expected


@pytest.mark.parametrize(
    ("closures", "left"),
    [
        (["2026-12-24 12:00-24:00"], (MORNING,)),
        (["2026-12-24 00:00-12:00"], (AFTERNOON,)),
        (["2026-12-24 11:00-14:00"], ((510, 660), (840, 990))),
        (["2026-12-24 09:00-10:00"], ((510, 540), (600, 720), AFTERNOON)),
        (["2026-12-24 00:00-12:00", "2026-12-24 12:30-16:30"], ()),
        (["2026-12-24 12:00-24:00", "2026-12-23..2026-12-24"], ()),
        (["2026-12-24 17:00-24:00"], (MORNING, AFTERNOON)),
        (["2026-12-23", "2026-12-25"], (MORNING, AFTERNOON)),
    ],
)
def test_closures_take_away_their_part_of_the_day(closures: list[str], left: tuple[tuple[int, int], ...]) -> None:
    assert open_segments(plain(closures=closed(*closures)), date(2026, 12, 24)) == left


@pytest.mark.parametrize(
    ("day", "fields", "expected"),
    [
        ("2026-07-01", {}, (MORNING, AFTERNOON)),  # Canada Day
        ("2026-11-28", {}, (MORNING, AFTERNOON)),  # a Saturday: Monday's hours
        ("2026-11-25", {"closures": closed("2026-11-23..2026-11-27")}, (MORNING, AFTERNOON)),
        ("2026-07-01", {"closures": closed("2026-07-01 12:00-24:00")}, (MORNING,)),
        ("2026-11-25", {"hours": {0: (MORNING,), 2: (AFTERNOON,)}, "closures": closed("2026-11-25")}, (AFTERNOON,)),
        ("2026-11-28", {"hours": {2: (AFTERNOON,)}}, (AFTERNOON,)),  # the first weekday that has any
    ],
)
def test_an_extra_open_day_beats_holidays_weekends_and_whole_closures(
    day: str, fields: dict[str, object], expected: object
) -> None:
    calendar = a_calendar(extra_open=(date.fromisoformat(day),), **fields)
    assert open_segments(calendar, date.fromisoformat(day)) == expected


def test_a_calendar_made_from_another_forgets_what_that_one_worked_out() -> None:
    calendar = plain()
    assert open_segments(calendar, date(2026, 11, 23))
    assert calendar.digest
    changed = replace(calendar, closures=closed("2026-11-23"))
    assert not open_segments(changed, date(2026, 11, 23))
    assert changed.digest != calendar.digest


# --- public holidays, by the statutes of Ontario and Quebec

ONTARIO = {
    2025: "01-01 02-17 04-18 05-19 07-01 09-01 10-13 12-25 12-26",
    2026: "01-01 02-16 04-03 05-18 07-01 09-07 10-12 12-25 12-26 12-28",  # Boxing Day on a Saturday
    2027: "01-01 02-15 03-26 05-24 07-01 09-06 10-11 12-25 12-26 12-27 12-28",  # Christmas on a Saturday
}
QUEBEC = {
    2025: "01-01 04-18 05-19 06-24 07-01 09-01 10-13 12-25",
    2026: "01-01 04-03 05-18 06-24 07-01 09-07 10-12 12-25",
    2027: "01-01 03-26 05-24 06-24 07-01 09-06 10-11 12-25 12-27",  # the 27th is the library's, not the Act's
}


@pytest.mark.parametrize(("subdivision", "table"), [("ON", ONTARIO), ("QC", QUEBEC)])
@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_the_holidays_are_those_of_the_statutes(subdivision: str, table: dict[int, str], year: int) -> None:
    calendar = a_calendar(subdivision=subdivision)
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    assert [str(day) for day in days if holiday_name(calendar, day)] == [
        f"{year}-{each}" for each in table[year].split()
    ]


@pytest.mark.parametrize(
    ("subdivision", "day", "english", "french"),
    [
        ("ON", "2026-02-16", "Family Day", "Fête de la famille"),
        ("ON", "2026-09-07", "Labour Day", "Fête du Travail"),
        ("ON", "2026-12-28", "Boxing Day (observed)", "Lendemain de Noël (observé)"),
        ("QC", "2026-06-24", "Saint Jean Baptiste Day", "Fête nationale du Québec"),
    ],
)
def test_holidays_have_canadian_names_in_both_languages(subdivision: str, day: str, english: str, french: str) -> None:
    calendar = a_calendar(subdivision=subdivision)
    names = [holiday_name(calendar, date.fromisoformat(day), language) for language in ("en", "fr")]
    assert names == [english, french]


def test_a_language_the_library_lacks_gives_the_country_s_own() -> None:
    assert holiday_name(a_calendar(country="FR", subdivision=None), date(2026, 7, 14), "nl") == "Fête nationale"


def test_without_a_country_there_is_no_holiday() -> None:
    assert holiday_name(plain(), date(2026, 12, 25)) is None


@pytest.mark.parametrize(("country", "subdivision"), [("ZZ", None), ("CA", "ZZ")])
def test_an_unknown_country_or_subdivision_is_a_value_error(country: str, subdivision: str | None) -> None:
    with pytest.raises(ValueError, match="ZZ"):
        holiday_name(a_calendar(country=country, subdivision=subdivision), date(2026, 12, 25))


# --- the calendar's version

EVERYTHING = a_calendar(
    hours={0: (MORNING, AFTERNOON), 6: ((0, 1440),)},
    closures=closed("2026-12-21..2027-01-01", "2026-12-18 12:00-24:00"),
    extra_open=(date(2026, 7, 1),),
)


def test_the_definition_is_what_a_person_would_write() -> None:
    assert EVERYTHING.definition() == {
        "timezone": "America/Toronto",
        "hours": {"mon": ["08:30-12:00", "13:00-16:30"], "sun": ["00:00-24:00"]},
        "country": "CA",
        "subdivision": "ON",
        "closures": ["2026-12-21..2027-01-01", "2026-12-18 12:00-24:00"],
        "extra_open": ["2026-07-01"],
    }


@pytest.mark.parametrize("calendar", [EVERYTHING, plain(), plain(hours={})])
def test_a_definition_rebuilds_the_calendar_and_its_digest(calendar: ServiceCalendar) -> None:
    rebuilt = from_definition(calendar.definition())
    open_segments(rebuilt, date(2026, 11, 23))  # what it has worked out is no part of its value
    assert rebuilt == calendar
    assert rebuilt.digest == calendar.digest


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": ZoneInfo("America/Winnipeg")},
        {"hours": {0: (MORNING,)}},
        {"subdivision": "QC"},
        {"closures": ()},
        {"extra_open": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_calendar_is_in_its_digest(change: dict[str, object]) -> None:
    assert replace(EVERYTHING, **change).digest != EVERYTHING.digest  # type: ignore[arg-type]  # fields by name


def test_a_corrected_holiday_gives_a_new_version_and_a_renamed_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for day, name in [(1, "Canada Day"), (1, "Dominion Day"), (2, "Canada Day")]:
        monkeypatch.setattr(calendars, "public_holidays", lambda *of, day=day, name=name: {date(of[2], 7, day): name})
        digests.append(a_calendar().digest)
    assert digests[0] == digests[1] != digests[2]


# --- business days


@pytest.mark.parametrize(
    ("received", "closures", "due"),
    [
        ("2026-11-23 10:00", (), "2026-11-30 16:30"),
        ("2026-11-27 17:45", (), "2026-12-04 16:30"),
        ("2026-11-28 09:00", (), "2026-12-04 16:30"),
        ("2026-12-18 09:00", closed("2026-12-21..2027-01-01"), "2027-01-08 16:30"),
        ("2026-06-24 12:00", (), "2026-07-02 16:30"),  # Canada Day on the Wednesday
        ("2026-03-06 23:30", (), "2026-03-13 16:30"),  # clocks go forward on the Sunday
        ("2026-10-30 16:29", (), "2026-11-06 16:30"),  # and back
        ("2026-11-27 16:29", (), "2026-12-04 16:30"),
        ("2026-11-27 16:31", (), "2026-12-04 16:30"),
        ("2026-11-29 23:59", (), "2026-12-04 16:30"),
        ("2026-11-30 00:00", (), "2026-12-07 16:30"),
        ("2026-07-01 10:00", (), "2026-07-08 16:30"),  # on a holiday: as on the day before
        ("2026-12-24 10:00", (), "2027-01-05 16:30"),  # Christmas, Boxing Day observed on Monday, New Year
        ("2027-12-24 10:00", (), "2028-01-05 16:30"),  # both observed, on Monday and Tuesday
        ("2028-02-25 10:00", (), "2028-03-03 16:30"),  # 29 February
        ("2027-02-25 10:00", (), "2027-03-04 16:30"),
        ("2026-12-16 10:00", closed("2026-12-23 12:00-24:00"), "2026-12-23 12:00"),  # ends at its last open minute
        ("2026-12-16 10:00", closed("2026-12-21 12:00-24:00"), "2026-12-23 16:30"),  # half a day counts as one
        ("2026-12-16 10:00", closed("2026-12-21 00:00-24:00"), "2026-12-24 16:30"),
    ],
)
def test_five_business_days_end_with_the_service_hours_of_the_fifth(
    received: str, closures: tuple[Closure, ...], due: str
) -> None:
    calendar = a_calendar(closures=closures)
    assert add_business_days(calendar, at(received), 5) == at(due)
    assert business_days_between(calendar, at(received), at(due)) == 5


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-23 00:00", "2026-11-23 16:30"),
        ("2026-11-23 16:30", "2026-11-23 16:30"),
        ("2026-11-23 17:45", "2026-11-23 17:45"),  # past: at once, never before the start
        ("2026-11-28 09:00", "2026-11-28 09:00"),
        ("2026-07-01 09:00", "2026-07-01 16:30"),  # closed for Canada Day: its usual hours
        ("2026-12-24 11:00", "2026-12-24 12:00"),
        ("2026-12-24 13:00", "2026-12-24 13:00"),
    ],
)
def test_zero_business_days_end_with_the_day_of_receipt(received: str, due: str) -> None:
    calendar = a_calendar(closures=closed("2026-12-24 12:00-24:00"))
    assert add_business_days(calendar, at(received), 0) == at(due)
    assert business_days_between(calendar, at(received), at(due)) == 0


def test_an_extra_open_saturday_counts() -> None:
    calendar = a_calendar(extra_open=(date(2026, 11, 28),))
    assert add_business_days(calendar, at("2026-11-27 10:00"), 1) == at("2026-11-28 16:30")


def test_a_day_that_closes_at_midnight_ends_on_its_own_date() -> None:
    calendar = plain(hours=ROUND_THE_CLOCK)
    assert add_business_days(calendar, at("2026-11-23 10:00"), 2) == at("2026-11-26 00:00")
    assert business_days_between(calendar, at("2026-11-23 10:00"), at("2026-11-26 00:00")) == 2
    assert business_days_between(calendar, at("2026-11-23 10:00"), at("2026-11-26 00:01")) == 3


def test_the_calendar_s_zone_decides_the_day_of_receipt() -> None:
    received = at("2026-11-23 23:30")  # in Paris it is Tuesday already
    paris = plain(timezone=ZoneInfo("Europe/Paris"))
    assert add_business_days(plain(), received, 1) == at("2026-11-24 16:30")
    assert add_business_days(paris, received, 1) == at("2026-11-25 16:30", "Europe/Paris")


def test_the_zone_in_which_an_instant_is_given_is_of_no_account() -> None:
    calendar, tokyo = a_calendar(), ZoneInfo("Asia/Tokyo")
    start, end = at("2026-10-30 16:00"), at("2026-11-02 09:30")
    for zone in (tokyo, ZoneInfo(TORONTO)):
        assert add_business_days(calendar, start.astimezone(zone), 5) == add_business_days(calendar, start, 5)
        assert business_time_between(calendar, start.astimezone(zone), end.astimezone(zone)) == timedelta(minutes=90)
        assert add_business_days(calendar, at("2026-11-28 10:00").astimezone(zone), 0).tzinfo is UTC


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        add_business_days(plain(), datetime.fromisoformat("2026-11-23T10:00"), 5)


@pytest.mark.parametrize(
    "add", [lambda c, s: add_business_days(c, s, -1), lambda c, s: add_business_time(c, s, -timedelta(1))]
)
def test_a_negative_amount_is_refused(add: object) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        add(plain(), at("2026-11-23 10:00"))  # type: ignore[operator]  # a lambda of the table


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-11-23 00:00", "2026-11-30 00:00", 5),
        ("2026-11-23 10:00", "2026-11-23 23:00", 0),
        ("2026-11-23 23:00", "2026-11-24 00:01", 1),
        ("2026-11-27 10:00", "2026-11-29 10:00", 0),
        ("2026-11-28 10:00", "2026-11-30 08:00", 1),
        ("2026-11-30 10:00", "2026-11-23 10:00", 0),  # reversed
    ],
)
def test_business_days_between_counts_the_last_date_and_not_the_first(start: str, end: str, days: int) -> None:
    assert business_days_between(a_calendar(), at(start), at(end)) == days


def test_two_years_have_their_weekdays_less_their_holidays() -> None:
    weekdays = 522 - 1  # the first date, 1 January 2025, doesn't count: it is a holiday anyway
    holidays = 8 + 9  # of the two years, but 1 January 2025 and Boxing Day 2026, a Saturday
    expected = weekdays - holidays
    assert business_days_between(a_calendar(), at("2025-01-01 00:00"), at("2026-12-31 23:59")) == expected


@pytest.mark.parametrize("hours", [{}, {0: ()}])
def test_a_calendar_that_never_opens_is_said_so(hours: dict[int, tuple[tuple[int, int], ...]]) -> None:
    calendar, start = plain(hours=hours), at("2026-11-23 10:00")
    for days in (0, 1):
        with pytest.raises(NoOpenDay):
            add_business_days(calendar, start, days)
    with pytest.raises(NoOpenDay):
        add_business_time(calendar, start, timedelta(0))
    assert business_days_between(calendar, start, start + timedelta(days=9)) == 0
    assert business_time_between(calendar, start, start + timedelta(days=9)) == timedelta(0)


def test_the_end_of_all_dates_is_no_open_day_either() -> None:
    with pytest.raises(NoOpenDay):
        add_business_days(plain(), at("9998-12-30 10:00"), 5)


def test_a_closure_of_more_than_the_horizon_is_said_so() -> None:
    start = at("2026-11-23 10:00")
    year = plain(closures=closed("2026-11-24..2027-11-24"))
    assert add_business_days(year, start, 1) == at("2027-11-25 16:30")
    with pytest.raises(NoOpenDay):
        add_business_days(plain(closures=closed("2026-11-24..2028-01-31")), start, 1)


# --- open time


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23 10:00", 16 * 60, "2026-11-25 12:00"),
        ("2026-11-23 10:00", 17 * 60, "2026-11-25 14:00"),
        ("2026-11-23 08:30", 30, "2026-11-23 09:00"),  # from the opening instant
        ("2026-11-23 08:29:59", 30, "2026-11-23 09:00"),
        ("2026-11-23 08:30:01", 30, "2026-11-23 09:00:01"),  # seconds are kept
        ("2026-11-23 12:00", 30, "2026-11-23 13:30"),  # from a closing instant
        ("2026-11-27 16:29", 2, "2026-11-30 08:31"),
        ("2026-11-27 16:30", 1, "2026-11-30 08:31"),
        ("2026-11-28 09:00", 60, "2026-11-30 09:30"),
        ("2026-11-23 02:00", 60, "2026-11-23 09:30"),  # at night
        ("2026-07-01 10:00", 60, "2026-07-02 09:30"),  # on a holiday
        ("2026-11-27 15:30", 60, "2026-11-27 16:30"),  # ends exactly at closing time: not on Monday
        ("2026-11-23 11:00", 60, "2026-11-23 12:00"),
        ("2026-11-23 10:00", 0, "2026-11-23 10:00"),
        ("2026-11-27 16:30", 0, "2026-11-30 08:30"),  # nothing, out of hours: the next open instant
        ("2026-11-28 09:00", 0, "2026-11-30 08:30"),
    ],
)
def test_business_time_runs_only_while_the_service_is_open(start: str, minutes: int, end: str) -> None:
    calendar, amount = a_calendar(), timedelta(minutes=minutes)
    assert add_business_time(calendar, at(start), amount) == at(end)
    assert business_time_between(calendar, at(start), at(end)) == amount


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2026-11-23 00:00", "2026-11-24 00:00", 420),
        ("2026-11-23 08:29", "2026-11-23 08:31", 1),
        ("2026-11-23 11:59", "2026-11-23 13:01", 2),
        ("2026-11-23 10:00", "2026-11-23 10:00", 0),
        ("2026-11-27 16:30", "2026-11-30 08:30", 0),
        ("2026-11-30 16:30", "2026-11-27 08:30", 0),  # reversed
        ("2026-11-23 10:00", "2026-11-25 12:30", 960),
    ],
)
def test_business_time_between_is_half_open(start: str, end: str, minutes: int) -> None:
    assert business_time_between(a_calendar(), at(start), at(end)) == timedelta(minutes=minutes)


def test_a_service_open_round_the_clock_loses_no_minute_at_night() -> None:
    calendar = plain(hours=ROUND_THE_CLOCK)
    start, end = at("2025-01-01 00:00"), at("2027-01-01 00:00")
    assert business_time_between(calendar, start, end) == end - start
    assert add_business_time(calendar, start, end - start) == end


# --- changes of clocks, against an oracle that looks at every minute

NIGHT_AND_DAY = dict.fromkeys(range(7), ((0, 30), (60, 100), (130, 200), MORNING, (1380, 1440)))

CLOCKS = [
    (TORONTO, "2026-03-06"),  # 02:00 → 03:00 on Sunday the 8th
    (TORONTO, "2026-10-30"),  # 02:00 → 01:00 on Sunday 1 November
    ("America/Sao_Paulo", "2018-11-02"),  # 00:00 → 01:00 on Sunday the 4th
    ("America/Sao_Paulo", "2018-02-16"),  # 24:00 → 23:00 on Saturday the 17th
    ("Asia/Tehran", "2021-03-20"),  # 00:00 → 01:00
    ("Asia/Tehran", "2021-09-20"),  # 24:00 → 23:00
    ("Australia/Lord_Howe", "2026-04-03"),  # half an hour back
    ("Australia/Lord_Howe", "2026-10-02"),  # half an hour forward
    ("Asia/Kolkata", "2026-11-20"),  # never; half-hour offset
    ("America/St_Johns", "2010-11-05"),  # 00:01 on Sunday → 23:01 on Saturday: a date comes back
    ("Pacific/Apia", "2011-12-28"),  # the 30th was skipped
]


def is_open(calendar: ServiceCalendar, minute: datetime) -> bool:
    """The definition, word for word."""
    local = minute.astimezone(calendar.timezone)
    segments = calendar.hours.get(local.weekday(), ())
    return any(opens <= local.hour * 60 + local.minute < closes for opens, closes in segments)


def minutes_from(start: datetime, days: int) -> Iterator[datetime]:
    return (start + timedelta(minutes=n) for n in range(days * 24 * 60))


@pytest.mark.parametrize(("zone", "day"), CLOCKS)
@pytest.mark.parametrize("hours", [NIGHT_AND_DAY, ROUND_THE_CLOCK, HOURS], ids=["nights", "always", "office"])
def test_open_time_is_what_counting_minutes_gives(
    zone: str, day: str, hours: dict[int, tuple[tuple[int, int], ...]]
) -> None:
    calendar = plain(timezone=ZoneInfo(zone), hours=hours)
    start = at(day, zone)
    opened, counted = 0, {start: 0}
    for minute in minutes_from(start, 5):
        opened += is_open(calendar, minute)
        counted[minute + timedelta(minutes=1)] = opened
    ends = list(counted)[::37]
    assert [business_time_between(calendar, start, end) // timedelta(minutes=1) for end in ends] == [
        counted[end] for end in ends
    ]


@pytest.mark.parametrize(("zone", "day"), [each for each in CLOCKS if each[0] != "America/St_Johns"])
@pytest.mark.parametrize("hours", [NIGHT_AND_DAY, HOURS], ids=["nights", "office"])
def test_added_time_ends_after_that_many_open_minutes(
    zone: str, day: str, hours: dict[int, tuple[tuple[int, int], ...]]
) -> None:
    calendar = plain(timezone=ZoneInfo(zone), hours=hours)
    start = at(day, zone)
    open_minutes = [minute for minute in minutes_from(start, 5) if is_open(calendar, minute)]
    for n in range(1, len(open_minutes), 13):
        expected = open_minutes[n - 1] + timedelta(minutes=1)
        assert add_business_time(calendar, start, timedelta(minutes=n)) == expected


@pytest.mark.parametrize(
    ("segment", "start", "spring", "autumn"),
    [
        ("01:00-04:00", "2026-03-08", 120, 240),  # the change is inside
        ("02:00-03:00", "2026-03-08", 0, 60),  # an hour that isn't there; the repeated one is 01:00 to 02:00
        ("01:00-02:00", "2026-03-08", 60, 120),
        ("08:30-12:00", "2026-03-08", 210, 210),  # before the opening
        ("00:00-01:00", "2026-03-08", 60, 60),  # after the closing
        ("00:00-24:00", "2026-03-08", 23 * 60, 25 * 60),
    ],
)
def test_an_hour_skipped_is_lost_and_an_hour_repeated_counts_twice(
    segment: str, start: str, spring: int, autumn: int
) -> None:
    calendar = plain(hours={6: (parse_segment(segment),)})
    lengths = [
        business_time_between(calendar, at(f"{first} 00:00"), at(f"{second} 00:00")) // timedelta(minutes=1)
        for first, second in [("2026-03-08", "2026-03-09"), ("2026-11-01", "2026-11-02")]
    ]
    assert lengths == [spring, autumn]


def test_a_day_whose_only_hours_are_skipped_is_no_business_day() -> None:
    calendar = plain(hours={6: (parse_segment("02:00-03:00"),)})
    assert open_segments(calendar, date(2026, 3, 8)) == ()
    assert add_business_days(calendar, at("2026-03-01 12:00"), 1) == at("2026-03-15 03:00")


def test_a_date_that_its_zone_skipped_is_no_business_day() -> None:
    samoa = plain(timezone=ZoneInfo("Pacific/Apia"))
    assert open_segments(samoa, date(2011, 12, 30)) == ()
    assert add_business_days(samoa, at("2011-12-29 10:00", "Pacific/Apia"), 1) == at("2012-01-02 16:30", "Pacific/Apia")


def test_the_evening_that_comes_back_after_midnight_is_open_again() -> None:
    zone = "America/St_Johns"
    calendar = plain(timezone=ZoneInfo(zone), hours={5: ((1380, 1440),)})  # Saturday, 23:00 to 24:00
    again, end = at("2010-11-06 23:30", zone, fold=1), at("2010-11-07 09:00", zone)
    assert business_time_between(calendar, again, end) == timedelta(minutes=30)


def test_a_date_never_goes_back_when_clocks_do() -> None:
    calendar = plain(timezone=ZoneInfo("America/St_Johns"), hours=dict.fromkeys(range(7), (MORNING,)))
    start = at("2010-11-06 22:50", "America/St_Johns")
    minutes = list(minutes_from(start, 1))[:200]
    dates = [local_date(calendar, minute) for minute in minutes]
    assert dates == sorted(dates)
    assert [local_date(calendar, at("2010-11-06 23:30", "America/St_Johns", fold=f)).day for f in (0, 1)] == [6, 7]
    dues = [add_business_days(calendar, minute, 1) for minute in minutes]
    assert dues == sorted(dues)


# --- backwards


@pytest.mark.parametrize(
    ("end", "days", "start"),
    [
        ("2026-11-30 16:30", 1, "2026-11-27 16:30"),  # Monday: Friday, not the week-end
        ("2026-11-30 16:30", 5, "2026-11-23 16:30"),
        ("2026-11-25 10:00", 1, "2026-11-24 16:30"),  # due at ten by elapsed hours: the evening before
        ("2026-11-25 07:00", 1, "2026-11-24 16:30"),
        ("2026-11-25 10:00", 0, "2026-11-25 10:00"),
        ("2026-11-25 20:00", 0, "2026-11-25 16:30"),  # nothing is left after closing time
        ("2026-11-28 12:00", 0, "2026-11-27 16:30"),
        ("2026-11-28 12:00", 1, "2026-11-26 16:30"),  # a Saturday counts as Friday: Friday is the day that is left
        ("2026-07-02 16:30", 1, "2026-06-30 16:30"),  # Canada Day between
        ("2026-12-29 16:30", 1, "2026-12-24 16:30"),  # Christmas, Boxing Day observed
        ("2027-01-08 16:30", 5, "2026-12-18 16:30"),  # by the closure of the holidays
        ("2026-03-09 16:30", 1, "2026-03-06 16:30"),  # the clocks go forward between, ...
        ("2026-11-02 16:30", 1, "2026-10-30 16:30"),  # ... and back
    ],
)
def test_business_days_are_counted_back_to_a_closing(end: str, days: int, start: str) -> None:
    calendar = a_calendar(closures=closed("2026-12-21..2027-01-01") if days == 5 and "2027" in end else ())
    assert subtract_business_days(calendar, at(end), days) == at(start)


def test_a_half_day_counts_back_to_its_own_closing() -> None:
    calendar = a_calendar(closures=closed("2026-11-24 12:00-24:00"))
    assert subtract_business_days(calendar, at("2026-11-25 16:30"), 1) == at("2026-11-24 12:00")


def test_a_day_that_closes_at_midnight_is_counted_back_from_on_its_own_date() -> None:
    calendar = plain(hours=ROUND_THE_CLOCK)
    assert subtract_business_days(calendar, at("2026-11-26 00:00"), 1) == at("2026-11-25 00:00")
    assert subtract_business_days(calendar, at("2026-11-26 00:01"), 1) == at("2026-11-26 00:00")


@pytest.mark.parametrize(
    ("end", "minutes", "start"),
    [
        ("2026-11-23 16:30", 60, "2026-11-23 15:30"),
        ("2026-11-23 16:30", 210, "2026-11-23 13:00"),  # the latest such instant: not at noon, before lunch
        ("2026-11-23 16:30", 211, "2026-11-23 11:59"),
        ("2026-11-23 16:30", 420, "2026-11-23 08:30"),
        ("2026-11-23 16:30", 421, "2026-11-20 16:29"),
        ("2026-11-23 12:30", 30, "2026-11-23 11:30"),  # at lunch
        ("2026-11-23 08:30", 30, "2026-11-20 16:00"),  # at opening time: Friday afternoon
        ("2026-11-22 00:00", 30, "2026-11-20 16:00"),  # at a closed midnight
        ("2026-11-22 00:00", 0, "2026-11-22 00:00"),
        ("2026-07-02 09:00", 60, "2026-06-30 16:00"),  # Canada Day between
    ],
)
def test_business_time_is_counted_back_while_the_service_is_open(end: str, minutes: int, start: str) -> None:
    assert subtract_business_time(a_calendar(), at(end), timedelta(minutes=minutes)) == at(start)


def test_an_hour_repeated_is_counted_back_twice_and_an_hour_skipped_not_at_all() -> None:
    calendar = plain(hours=ROUND_THE_CLOCK)
    assert subtract_business_time(calendar, at("2026-11-01 03:00"), timedelta(hours=3)) == at("2026-11-01 01:00")
    assert subtract_business_time(calendar, at("2026-03-08 03:30"), timedelta(hours=1)) == at("2026-03-08 01:30")


@pytest.mark.parametrize("subtract", [subtract_business_days, subtract_business_time])
def test_nothing_is_counted_back_by_a_calendar_that_never_opens(subtract: object) -> None:
    amount = 1 if subtract is subtract_business_days else timedelta(minutes=1)
    with pytest.raises(NoOpenDay):
        subtract(plain(hours={}), at("2026-11-23 10:00"), amount)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("subtract", "amount"), [(subtract_business_days, -1), (subtract_business_time, -timedelta(minutes=1))]
)
def test_a_negative_amount_is_not_counted_back(subtract: object, amount: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        subtract(plain(), at("2026-11-23 10:00"), amount)  # type: ignore[operator]


def test_a_naive_instant_is_not_counted_back_from() -> None:
    with pytest.raises(ValueError, match="offset"):
        subtract_business_days(plain(), datetime(2026, 11, 23, 10), 1)  # noqa: DTZ001 - refused


@pytest.mark.parametrize(
    ("day", "closes"),
    [
        ("2026-11-23", "2026-11-23 16:30"),
        ("2026-12-24", "2026-12-24 12:00"),
        ("2026-07-01", None),
        ("2026-11-22", None),
    ],
)
def test_only_a_business_day_has_a_closing(day: str, closes: str | None) -> None:
    calendar = a_calendar(closures=closed("2026-12-24 12:00-24:00"))
    assert closing_at(calendar, date.fromisoformat(day)) == (at(closes) if closes else None)


def test_every_set_of_weekdays_is_counted_back_to_the_open_date_before() -> None:
    end, last = at("2026-11-25 10:00"), date(2026, 11, 25)
    for chosen in range(1, 128):
        weekdays = {n for n in range(7) if chosen >> n & 1}
        calendar = plain(hours=dict.fromkeys(weekdays, (MORNING, AFTERNOON)))
        open_dates = [day for n in range(60) if (day := last - timedelta(days=n)).weekday() in weekdays]
        start = subtract_business_days(calendar, end, 3)
        assert start == at(f"{open_dates[3]} 16:30"), weekdays
        assert business_days_between(calendar, start, end) == 3, weekdays


# --- all weekday sets


def test_every_set_of_weekdays_gives_the_fifth_open_date() -> None:
    start, first = at("2026-11-25 10:00"), date(2026, 11, 25)
    for chosen in range(1, 128):
        weekdays = {n for n in range(7) if chosen >> n & 1}
        calendar = plain(hours=dict.fromkeys(weekdays, (MORNING,)))
        later = (first + timedelta(days=n) for n in range(1, 60))
        fifth = [day for day in later if day.weekday() in weekdays][4]
        due = add_business_days(calendar, start, 5)
        assert due == at(f"{fifth} 12:00"), weekdays
        assert business_days_between(calendar, start, due) == 5, weekdays


# --- laws

ZONES = [TORONTO, "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Auckland", "America/St_Johns"]
segments = st.lists(st.integers(0, 48).map(lambda n: n * 30), min_size=2, max_size=6, unique=True).map(
    lambda points: tuple(zip(sorted(points)[::2], sorted(points)[1::2], strict=False))
)
whole_closures = st.builds(
    lambda first, days: Closure(first=first, last=first + timedelta(days=days)),
    st.dates(date(2026, 2, 1), date(2026, 12, 31)),
    st.integers(0, 20),
)
half_closures = st.builds(
    lambda first, points: Closure(first=first, last=first + timedelta(days=3), segment=(min(points), max(points))),
    st.dates(date(2026, 2, 1), date(2026, 12, 31)),
    st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True),
)
service_calendars = st.builds(
    ServiceCalendar,
    timezone=st.sampled_from(ZONES).map(ZoneInfo),
    hours=st.dictionaries(st.integers(0, 6), segments, min_size=1, max_size=7),
    country=st.sampled_from(["CA", None]),
    subdivision=st.none(),
    closures=st.lists(whole_closures | half_closures, max_size=4).map(tuple),
    extra_open=st.lists(st.dates(date(2026, 2, 1), date(2026, 12, 31)), max_size=2).map(tuple),
)
instants = st.datetimes(datetime(2026, 2, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
few_days = st.integers(0, 12)
amounts = st.integers(0, 6000).map(lambda minutes: timedelta(minutes=minutes))
law = settings(max_examples=60, deadline=None)


@law
@given(service_calendars, instants, instants, few_days)
def test_due_days_are_monotone_in_the_start(calendar: ServiceCalendar, a: datetime, b: datetime, n: int) -> None:
    assert add_business_days(calendar, min(a, b), n) <= add_business_days(calendar, max(a, b), n)


@law
@given(service_calendars, instants)
def test_due_days_are_monotone_in_n_and_never_before_the_start(calendar: ServiceCalendar, start: datetime) -> None:
    dues = [add_business_days(calendar, start, n) for n in range(10)]
    assert start <= dues[0]
    assert all(sooner <= later for sooner, later in pairwise(dues))


@law
@given(service_calendars, instants, few_days)
def test_counting_what_was_added_gives_it_back(calendar: ServiceCalendar, start: datetime, n: int) -> None:
    assert business_days_between(calendar, start, add_business_days(calendar, start, n)) == n


@law
@given(service_calendars, instants, few_days, whole_closures)
def test_another_closed_day_makes_nothing_due_earlier(
    calendar: ServiceCalendar, start: datetime, n: int, closure: Closure
) -> None:
    more = replace(calendar, closures=(*calendar.closures, closure))
    assert add_business_days(more, start, n) >= add_business_days(calendar, start, n)


@law
@given(service_calendars, instants, amounts, whole_closures | half_closures)
def test_another_closure_of_any_length_never_shortens_open_time(
    calendar: ServiceCalendar, start: datetime, amount: timedelta, closure: Closure
) -> None:
    more = replace(calendar, closures=(*calendar.closures, closure))
    assert add_business_time(more, start, amount) >= add_business_time(calendar, start, amount)


@law
@given(service_calendars, instants, amounts)
def test_open_time_added_is_open_time_spent(calendar: ServiceCalendar, start: datetime, amount: timedelta) -> None:
    assert business_time_between(calendar, start, add_business_time(calendar, start, amount)) == amount


@law
@given(service_calendars, st.lists(instants, min_size=3, max_size=3))
def test_open_time_is_additive_over_a_split(calendar: ServiceCalendar, three: list[datetime]) -> None:
    a, b, c = sorted(three)
    parts = business_time_between(calendar, a, b) + business_time_between(calendar, b, c)
    assert business_time_between(calendar, a, c) == parts


@law
@given(service_calendars, st.lists(instants, min_size=3, max_size=3))
def test_business_days_are_additive_over_a_split(calendar: ServiceCalendar, three: list[datetime]) -> None:
    a, b, c = sorted(three)
    assume(b.astimezone(calendar.timezone).time() != time())  # 24:00: the end of one day, the start of another
    parts = business_days_between(calendar, a, b) + business_days_between(calendar, b, c)
    assert business_days_between(calendar, a, c) == parts


@law
@given(service_calendars, instants, amounts, amounts.filter(bool))
def test_open_time_may_be_added_in_two_goes(
    calendar: ServiceCalendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    at_once = add_business_time(calendar, start, first + second)
    assert add_business_time(calendar, add_business_time(calendar, start, first), second) == at_once


@law
@given(service_calendars)
def test_any_calendar_survives_its_definition(calendar: ServiceCalendar) -> None:
    assert from_definition(calendar.definition()) == calendar


# --- laws, backwards


def closing_of(calendar: ServiceCalendar, day: date) -> datetime:
    """The first closing on or after a date."""
    found = (closing_at(calendar, day + timedelta(days=n)) for n in range(400))
    return next(closing for closing in found if closing)


@law
@given(service_calendars, instants, few_days)
def test_days_counted_back_lie_between_and_never_after_the_end(
    calendar: ServiceCalendar, end: datetime, n: int
) -> None:
    start = subtract_business_days(calendar, end, n)
    assert start <= end
    assume(start.astimezone(calendar.timezone).time() != time())  # 24:00: the start of the next day to what counts on
    assert business_days_between(calendar, start, end) == n


@law
@given(service_calendars, st.dates(date(2026, 2, 1), date(2026, 12, 31)), few_days)
def test_adding_the_days_counted_back_gives_a_closing_again(calendar: ServiceCalendar, day: date, n: int) -> None:
    end = closing_of(calendar, day)
    start = subtract_business_days(calendar, end, n)
    assume(start.astimezone(calendar.timezone).time() != time())  # 24:00: the start of the next day to what is added
    assert add_business_days(calendar, start, n) == end
    assert start == closing_at(calendar, local_date(calendar, start - timedelta(microseconds=1)))


@law
@given(service_calendars, instants, instants, few_days)
def test_days_counted_back_are_monotone_in_the_end(calendar: ServiceCalendar, a: datetime, b: datetime, n: int) -> None:
    assert subtract_business_days(calendar, min(a, b), n) <= subtract_business_days(calendar, max(a, b), n)
    assert subtract_business_days(calendar, a, n + 1) <= subtract_business_days(calendar, a, n)


@law
@given(service_calendars, instants, amounts)
def test_open_time_counted_back_is_what_is_left(calendar: ServiceCalendar, end: datetime, amount: timedelta) -> None:
    start = subtract_business_time(calendar, end, amount)
    assert start <= end
    assert business_time_between(calendar, start, end) == amount


@law
@given(service_calendars, instants, amounts.filter(bool))
def test_open_time_is_counted_back_to_an_open_instant_and_to_the_latest(
    calendar: ServiceCalendar, end: datetime, amount: timedelta
) -> None:
    start, moment = subtract_business_time(calendar, end, amount), timedelta(microseconds=1)
    assert business_time_between(calendar, start, start + moment) == moment
    assert business_time_between(calendar, start + moment, end) < amount


@law
@given(service_calendars, instants, amounts.filter(bool))
def test_open_time_added_and_counted_back_gives_the_first_open_instant(
    calendar: ServiceCalendar, start: datetime, amount: timedelta
) -> None:
    opens = add_business_time(calendar, start, timedelta(0))
    assert subtract_business_time(calendar, add_business_time(calendar, start, amount), amount) == opens


@law
@given(service_calendars, instants, instants, amounts)
def test_open_time_counted_back_is_monotone_in_the_end(
    calendar: ServiceCalendar, a: datetime, b: datetime, amount: timedelta
) -> None:
    assert subtract_business_time(calendar, min(a, b), amount) <= subtract_business_time(calendar, max(a, b), amount)
