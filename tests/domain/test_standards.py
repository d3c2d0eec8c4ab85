"""The service standard: limits as they are written, when each is due, and the arithmetic told to people."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders import a_calendar
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwatch.domain.calendars import parse_closure
from mailwatch.domain.standards import Limit, LimitUnit, due, explain_due, format_duration, parse_limit

TORONTO = ZoneInfo("America/Toronto")
NBSP = "\u00a0"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TORONTO).astimezone(UTC)


def french(start: str, limit: str, **fields: object) -> list[str]:
    """The steps in French, with plain spaces."""
    steps = explain_due(a_calendar(**fields), at(start), parse_limit(limit))
    return [step.text_fr.replace(NBSP, " ") for step in steps]


def english(start: str, limit: str, **fields: object) -> list[str]:
    steps = explain_due(a_calendar(**fields), at(start), parse_limit(limit))
    return [step.text_en.replace(NBSP, " ") for step in steps]


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("48h", 2880, LimitUnit.ELAPSED_MINUTES),
        ("48 hours", 2880, LimitUnit.ELAPSED_MINUTES),
        ("1 hour", 60, LimitUnit.ELAPSED_MINUTES),
        ("30m", 30, LimitUnit.ELAPSED_MINUTES),
        ("30 min", 30, LimitUnit.ELAPSED_MINUTES),
        ("0s", 0, LimitUnit.ELAPSED_MINUTES),
        ("30s", 30, LimitUnit.ELAPSED_SECONDS),
        ("90s", 90, LimitUnit.ELAPSED_SECONDS),
        ("120s", 2, LimitUnit.ELAPSED_MINUTES),
        ("5 business days", 5, LimitUnit.BUSINESS_DAYS),
        ("1 business day", 1, LimitUnit.BUSINESS_DAYS),
        ("0 business days", 0, LimitUnit.BUSINESS_DAYS),
        ("16 business hours", 960, LimitUnit.BUSINESS_MINUTES),
        ("90 business minutes", 90, LimitUnit.BUSINESS_MINUTES),
        ("3650 business days", 3650, LimitUnit.BUSINESS_DAYS),
    ],
)
def test_a_limit_keeps_its_amount_its_unit_and_its_text(text: str, amount: int, unit: LimitUnit) -> None:
    assert parse_limit(f" {text} ") == Limit(amount=amount, unit=unit, text=text)
    assert str(parse_limit(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "48",
        "h",
        "-1h",
        "1.5h",
        "5 days",  # of which kind?
        "5d",
        "two business days",
        "5 businessdays",
        "5 business seconds",
        "5 business",
        "5 business days later",
        "48h 30m",
        "٤٨h",  # digits, to Python
    ],
)
def test_what_is_no_limit_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match='expected "48h"'):
        parse_limit(text)


@pytest.mark.parametrize("text", ["3651 business days", "999999999h", "87601 business hours"])
def test_a_limit_of_more_than_ten_years_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="ten years"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        ("2026-11-27 17:45", "48h", "2026-11-29 17:45"),  # closed or not
        ("2026-03-06 23:30", "48h", "2026-03-09 00:30"),  # clocks go forward: elapsed, not on the wall
        ("2026-10-31 12:00", "48h", "2026-11-02 11:00"),  # and back
        ("2026-11-23 10:00", "30s", "2026-11-23 10:00:30"),
        ("2026-11-23 10:00", "5 business days", "2026-11-30 16:30"),
        ("2026-11-23 10:00", "16 business hours", "2026-11-25 12:00"),
        ("2026-11-27 16:00", "90 business minutes", "2026-11-30 09:30"),
    ],
)
def test_each_unit_counts_in_its_own_way(start: str, limit: str, end: str) -> None:
    reached = due(a_calendar(), at(start), parse_limit(limit))
    assert reached == at(end)
    assert reached.tzinfo is UTC


def test_elapsed_time_is_counted_in_utc_whatever_the_zone_of_the_start() -> None:
    wall = datetime(2026, 3, 6, 23, 30, tzinfo=TORONTO)
    assert due(a_calendar(), wall, parse_limit("48h")) - wall.astimezone(UTC) == timedelta(hours=48)


def test_business_days_are_told_day_by_day() -> None:
    closures = (parse_closure("2026-06-26 12:00-24:00"),)
    assert english("2026-06-24 12:00", "5 business days", closures=closures) == [
        "Wed 24 Jun 2026: received 12:00 (day 0)",
        "Thu 25 Jun 2026: day 1",
        "Fri 26 Jun 2026: day 2, open 08:30-12:00",
        "Sat 27 Jun 2026 – Sun 28 Jun 2026: closed, weekend",
        "Mon 29 Jun 2026: day 3",
        "Tue 30 Jun 2026: day 4",
        "Wed 1 Jul 2026: closed, Canada Day",
        "Thu 2 Jul 2026: day 5, due at 16:30",
    ]
    assert french("2026-06-24 12:00", "5 business days", closures=closures) == [
        "mer. 24 juin 2026 : reçue à 12 h (jour 0)",
        "jeu. 25 juin 2026 : jour 1",
        "ven. 26 juin 2026 : jour 2, ouvert de 8 h 30 à 12 h",
        "sam. 27 juin 2026 – dim. 28 juin 2026 : fermé, fin de semaine",
        "lun. 29 juin 2026 : jour 3",
        "mar. 30 juin 2026 : jour 4",
        "mer. 1er juill. 2026 : fermé, Fête du Canada",
        "jeu. 2 juill. 2026 : jour 5, échéance à 16 h 30",
    ]


def test_each_step_names_its_dates_for_programs_too() -> None:
    closures = (parse_closure("2026-12-21..2027-01-01"),)
    steps = explain_due(a_calendar(closures=closures), at("2026-12-18 09:00"), parse_limit("2 business days"))
    assert [step.on for step in steps] == [
        "2026-12-18",
        "2026-12-19..2026-12-20",
        "2026-12-21..2027-01-01",
        "2027-01-02..2027-01-03",
        "2027-01-04",
        "2027-01-05",
    ]


def test_a_request_received_on_a_closed_day_says_which_day_it_counts_for() -> None:
    assert english("2026-11-28 09:00", "1 business day") == [
        "Sat 28 Nov 2026: received 09:00, closed (weekend): as if received on Fri 27 Nov 2026 (day 0)",
        "Sun 29 Nov 2026: closed, weekend",
        "Mon 30 Nov 2026: day 1, due at 16:30",
    ]
    assert french("2026-11-28 09:00", "1 business day")[0] == (
        "sam. 28 nov. 2026 : reçue à 9 h, jour fermé (fin de semaine), "
        "et comptée comme reçue le ven. 27 nov. 2026 (jour 0)"
    )


def test_open_time_is_told_with_what_is_left() -> None:
    assert english("2026-11-27 15:00", "8 business hours") == [
        "Fri 27 Nov 2026: received 15:00",
        "Fri 27 Nov 2026: 1 h 30 min of service, 6 h 30 min left",
        "Sat 28 Nov 2026 – Sun 29 Nov 2026: closed, weekend",
        "Mon 30 Nov 2026: 6 h 30 min of service, due at 16:00",
    ]
    assert french("2026-11-27 15:00", "2 business hours")[1:] == [
        "ven. 27 nov. 2026 : 1 h 30 min de service, il reste 30 min",
        "sam. 28 nov. 2026 – dim. 29 nov. 2026 : fermé, fin de semaine",
        "lun. 30 nov. 2026 : 30 min de service, échéance à 9 h",
    ]


def test_a_service_open_round_the_clock_closes_at_24_on_the_same_date() -> None:
    hours = dict.fromkeys(range(7), ((0, 1440),))
    assert english("2026-11-23 10:00", "1 business day", hours=hours) == [
        "Mon 23 Nov 2026: received 10:00 (day 0)",
        "Tue 24 Nov 2026: day 1, due at 24:00",
    ]
    assert french("2026-11-23 10:00", "14 business hours", hours=hours) == [
        "lun. 23 nov. 2026 : reçue à 10 h",
        "lun. 23 nov. 2026 : 14 h de service, échéance à 24 h",
    ]


def test_open_time_that_ends_at_closing_time_ends_that_day() -> None:
    assert english("2026-11-27 15:30", "1 business hour")[1:] == ["Fri 27 Nov 2026: 1 h of service, due at 16:30"]


def test_elapsed_time_tells_of_the_clocks_that_change() -> None:
    assert english("2026-03-06 23:30", "48h") == [
        "Fri 6 Mar 2026: received 23:30",
        "Fri 6 Mar 2026 – Mon 9 Mar 2026: meanwhile, the clocks go forward by 1 h",
        "Mon 9 Mar 2026: due at 00:30",
    ]
    assert french("2026-10-31 12:00", "48h")[1] == (
        "sam. 31 oct. 2026 – lun. 2 nov. 2026 : entre-temps, l'heure recule de 1 h"
    )


@pytest.mark.parametrize(
    ("fields", "start", "text"),
    [
        (
            {"extra_open": (date(2026, 11, 28),)},
            "2026-11-27 10:00",
            "Sat 28 Nov 2026: day 1, open exceptionally, due at 16:30",
        ),
        (
            {"hours": {0: ((0, 1440),)}},
            "2026-11-23 10:00",
            "Tue 24 Nov 2026 – Fri 27 Nov 2026: closed, no service that day",
        ),
        ({"closures": (parse_closure("2026-11-24"),)}, "2026-11-23 10:00", "Tue 24 Nov 2026: closed, planned closure"),
    ],
)
def test_out_of_the_way_days_are_named(fields: dict[str, object], start: str, text: str) -> None:
    assert text in english(start, "1 business day", **fields)


def test_no_business_day_at_all_is_due_on_the_day_of_receipt() -> None:
    assert english("2026-11-23 10:00", "0 business days")[-1] == "Mon 23 Nov 2026: due at 16:30"
    assert english("2026-11-28 10:00", "0 business hours")[-1] == "Mon 30 Nov 2026: 0 min of service, due at 08:30"


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0 min"), (59, "59 min"), (60, "1 h"), (330, "5 h 30 min"), (2880, "48 h"), (-90, "−1 h 30 min")],
)
def test_durations_are_hours_and_minutes(minutes: int, text: str) -> None:
    assert format_duration(timedelta(minutes=minutes)).replace(NBSP, " ") == text


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    st.integers(0, 20),
    st.sampled_from(["business days", "business hours", "business minutes", "h", "s"]),
)
def test_the_last_step_is_the_one_that_is_due(start: datetime, amount: int, unit: str) -> None:
    calendar, limit = a_calendar(), parse_limit(f"{amount} {unit}")
    steps = explain_due(calendar, start, limit)
    end = due(calendar, start, limit).astimezone(TORONTO)
    assert steps[-1].on == str(end.date())
    assert steps[-1].text_en.endswith(f"due at {end:%H:%M}")
    assert all("due" not in step.text_en for step in steps[:-1])
    assert [step.on for step in steps] == sorted(step.on for step in steps)
