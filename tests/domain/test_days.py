"""Days and periods as people type them, seen from Saturday 28 November 2026."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.days import LONGEST, UnclearDay, parse_day, parse_period
from mailwatch.domain.languages import Language
from mailwatch.rendering.dates import format_date_of_year, format_day

TODAY = date(2026, 11, 28)  # a Saturday
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))

# --- a day -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-07", "2026-12-07"),
        ("2020-02-29", "2020-02-29"),
        ("  2026-12-07 ", "2026-12-07"),
        ("today", "2026-11-28"),
        ("Aujourd’hui", "2026-11-28"),
        ("aujourd'hui", "2026-11-28"),
        ("tomorrow", "2026-11-29"),
        ("DEMAIN", "2026-11-29"),
        ("yesterday", "2026-11-27"),
        ("hier", "2026-11-27"),
        ("day after tomorrow", "2026-11-30"),
        ("the day after tomorrow", "2026-11-30"),
        ("après-demain", "2026-11-30"),
        ("apres demain", "2026-11-30"),
        ("avant-hier", "2026-11-26"),
        ("Monday", "2026-11-30"),
        ("on Monday", "2026-11-30"),
        ("mon", "2026-11-30"),
        ("lundi", "2026-11-30"),
        ("lun.", "2026-11-30"),
        ("mar.", "2026-12-01"),
        ("Tues", "2026-12-01"),
        ("Saturday", "2026-12-05"),  # after today
        ("next Monday", "2026-11-30"),
        ("next Sunday", "2026-12-06"),  # of next week, which begins on Monday
        ("lundi prochain", "2026-11-30"),
        ("vendredi prochain", "2026-12-04"),
        ("this Friday", "2026-12-04"),
        ("this Saturday", "2026-11-28"),
        ("ce vendredi", "2026-12-04"),
        ("in 3 days", "2026-12-01"),
        ("dans 3 jours", "2026-12-01"),
        ("in 2 weeks", "2026-12-12"),
        ("dans 2 semaines", "2026-12-12"),
        ("in a week", "2026-12-05"),
        ("dans une semaine", "2026-12-05"),
        ("14 December", "2026-12-14"),
        ("the 14th of December", "2026-12-14"),
        ("December 14", "2026-12-14"),
        ("Dec 14th", "2026-12-14"),
        ("Dec. 14, 2026", "2026-12-14"),
        ("Monday, December 14th, 2026", "2026-12-14"),
        ("14 décembre", "2026-12-14"),
        ("14 decembre", "2026-12-14"),
        ("14 déc.", "2026-12-14"),
        ("14-Dec-2026", "2026-12-14"),
        ("1er janvier", "2027-01-01"),
        ("January 1st", "2027-01-01"),
        ("le 14 décembre 2026", "2026-12-14"),
        ("lundi 14 décembre", "2026-12-14"),
        ("le lundi 14 décembre", "2026-12-14"),
        ("lundi, le 14 décembre", "2026-12-14"),
        ("mar. 1er déc.", "2026-12-01"),
        ("mer 3 mar", "2027-03-03"),
        ("14 aout", "2027-08-14"),
        ("14 août", "2027-08-14"),
        ("3 fevrier", "2027-02-03"),
        ("28 novembre", "2026-11-28"),  # today still counts
        ("27 novembre", "2027-11-27"),
        ("29 février", "2028-02-29"),
        ("14/12/2026", "2026-12-14"),
        ("14.12.2026", "2026-12-14"),
        ("12/14/2026", "2026-12-14"),  # there is no month 14
        ("12/12/2026", "2026-12-12"),
    ],
)
def test_a_day_is_understood(text: str, day: str) -> None:
    assert str(parse_day(text, TODAY)) == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "names no day; expected one such as 2026-12-07"),
        ("soon", "'soon' names no day"),
        ("bientôt", "'bientôt' names no day"),
        ("14", "names no day"),
        ("2026-12", "names no day"),
        ("2026-13-01", "there is no day 1 in month 13"),
        ("0000-01-01", "there is no day 1 in month 1"),
        ("31 April", "there is no day 31 in month 4"),
        ("29 February 2027", "there is no day 29 in month 2"),
        ("0 December", "there is no day 0 in month 12"),
        ("07/12/2026", "may be two days; expected year, month and day: 2026-12-07?"),
        ("14/12/26", "names no day"),
        ("13/14/2026", "there is no day 13 in month 14"),
        ("mardi 14 décembre", "2026-12-14 is a Monday, not a Tuesday; expected weekday and date to agree"),
        ("Tuesday, December 14, 2026", "2026-12-14 is a Monday, not a Tuesday"),
        ("14 December 2026 at noon", "names no day"),
        ("Monday Tuesday", "names no day"),
        ("in 4000 days", "names no day"),
        ("in -3 days", "names no day"),
        ("dans trois mois", "names no day"),
        ("mars", "names no day"),
        ("7 to 11 December", "names no day"),
        (" ".join(["Monday"] * 100), "names no day"),
    ],
)
def test_what_names_no_one_day_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(UnclearDay, match=re.escape(expected)):
        parse_day(text, TODAY)


def test_a_refusal_is_told_in_french_too() -> None:
    for text, expected in [
        ("bientôt", "«\u00a0bientôt\u00a0» ne désigne aucun jour"),
        ("mardi 14 décembre", "le 2026-12-14 est un lundi, non un mardi"),
        ("31 avril", "n’a pas de jour 31"),
        ("07/12/2026", "2026-12-07\u00a0?"),
    ]:
        with pytest.raises(UnclearDay) as raised:
            parse_day(text, TODAY)
        assert expected in raised.value.french


def test_on_a_monday_monday_is_a_week_away_and_this_monday_is_today() -> None:
    monday = date(2026, 11, 30)
    assert parse_day("Monday", monday) == parse_day("lundi prochain", monday) == date(2026, 12, 7)
    assert parse_day("this Monday", monday) == parse_day("ce lundi", monday) == monday
    assert parse_day("next Friday", monday) == date(2026, 12, 11)


def test_a_leap_day_may_be_eight_years_away() -> None:
    assert parse_day("29 février", date(1896, 3, 1)) == date(1904, 2, 29)


def test_no_day_lies_beyond_the_calendar() -> None:
    for text in ("tomorrow", "in 2 weeks", "next Monday"):
        with pytest.raises(UnclearDay):
            parse_day(text, date.max)
    with pytest.raises(UnclearDay):
        parse_day("yesterday", date.min)


@given(DAYS, DAYS)
def test_an_iso_date_is_that_day_whatever_day_it_is(day: date, today: date) -> None:
    assert parse_day(day.isoformat(), today) == day


@pytest.mark.parametrize("language", Language)
@given(day=DAYS, today=DAYS)
def test_a_day_as_we_write_it_is_read_again(day: date, today: date, language: Language) -> None:
    assert parse_day(format_day(day, language), today) == day


@pytest.mark.parametrize("language", Language)
@given(today=DAYS, ahead=st.integers(0, 364))
def test_a_day_of_the_coming_year_as_we_write_it_is_read_again(language: Language, today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead)
    assert parse_day(format_date_of_year(day, language), today) == day


# --- a period --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first", "back"),
    [
        ("from tomorrow until Monday", "2026-11-29", "2026-12-01"),
        ("tomorrow to Monday", "2026-11-29", "2026-12-01"),
        ("from tomorrow through Friday", "2026-11-29", "2026-12-05"),
        ("de demain à vendredi", "2026-11-29", "2026-12-05"),
        ("d’aujourd’hui à vendredi", "2026-11-28", "2026-12-05"),
        ("du 7 au 11 décembre", "2026-12-07", "2026-12-12"),
        ("Du 7 au 11 DECEMBRE", "2026-12-07", "2026-12-12"),
        ("7–11 December", "2026-12-07", "2026-12-12"),
        ("7 - 11 December", "2026-12-07", "2026-12-12"),
        ("December 7-11", "2026-12-07", "2026-12-12"),
        ("December 7 to 11, 2026", "2026-12-07", "2026-12-12"),
        ("December 7 to 11, 2028", "2028-12-07", "2028-12-12"),
        ("from 7 December to 11 December 2026", "2026-12-07", "2026-12-12"),
        ("du lundi 7 au vendredi 11 décembre 2026", "2026-12-07", "2026-12-12"),
        ("2026-12-07 to 2026-12-11", "2026-12-07", "2026-12-12"),
        ("2026-12-07 - 2026-12-11", "2026-12-07", "2026-12-12"),
        ("du 7 décembre jusqu'au 11 décembre inclusivement", "2026-12-07", "2026-12-12"),
        ("from December 7 until and including December 11", "2026-12-07", "2026-12-12"),
        ("du 20 décembre au 4 janvier", "2026-12-20", "2027-01-05"),
        ("from 20 December to 4 January 2027", "2026-12-20", "2027-01-05"),
        ("from 20 December 2026 to 4 January", "2026-12-20", "2027-01-05"),
        ("7 November to 11 December", "2026-11-07", "2026-12-12"),  # it has begun
        ("7 to 11 January 2028", "2028-01-07", "2028-01-12"),
        ("from Thursday to Tuesday", "2026-12-03", "2026-12-09"),
        ("from Monday to Monday", "2026-11-30", "2026-12-08"),
        ("from 7 December until Friday", "2026-12-07", "2026-12-12"),
        ("from Monday to 11 December", "2026-11-30", "2026-12-12"),
        ("7 to 7 December", "2026-12-07", "2026-12-08"),
        ("until Monday", "2026-11-28", "2026-12-01"),
        ("jusqu’au 11 décembre", "2026-11-28", "2026-12-12"),
        ("jusqu'à vendredi", "2026-11-28", "2026-12-05"),
        ("back on Monday", "2026-11-28", "2026-11-30"),
        ("returns 14 December", "2026-11-28", "2026-12-14"),
        ("de retour le 14 décembre", "2026-11-28", "2026-12-14"),
        ("retour le lundi 14 décembre", "2026-11-28", "2026-12-14"),
        ("from 7 December, back on 14 December", "2026-12-07", "2026-12-14"),
        ("from tomorrow, returning Friday", "2026-11-29", "2026-12-04"),
        ("du 7 décembre, de retour le 14 décembre", "2026-12-07", "2026-12-14"),
        ("tomorrow", "2026-11-29", "2026-11-30"),  # a day alone
        ("le 7 décembre", "2026-12-07", "2026-12-08"),
        ("from Monday", "2026-11-30", None),
        ("à partir de lundi", "2026-11-30", None),
        ("à partir du 7 décembre", "2026-12-07", None),
        ("à compter d’aujourd’hui", "2026-11-28", None),
        ("dès lundi", "2026-11-30", None),
        ("since Monday", "2026-11-23", None),  # it lies behind
        ("depuis samedi", "2026-11-28", None),
        ("depuis le 7 novembre", "2026-11-07", None),
        ("since yesterday", "2026-11-27", None),
        ("from Monday until further notice", "2026-11-30", None),
        ("jusqu'à nouvel ordre", "2026-11-28", None),
    ],
)
def test_a_period_is_its_first_day_away_and_the_first_day_back(text: str, first: str, back: str | None) -> None:
    begins, returns = parse_period(text, TODAY)
    assert (str(begins), str(returns) if returns else None) == (first, back)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "names no period; expected one such as 7 to 11 December"),
        ("from", "names no period"),
        ("summer", "names no period"),
        ("from soon until later", "names no period"),
        ("du 7 au 11", "'7' names no day"),
        ("du 11 au 7 décembre", "11 comes after 7; expected first day, then last day"),
        ("2026-12-11 to 2026-12-07", "ends before it begins"),
        ("from Monday until yesterday", "ends before it begins"),
        ("from Monday, back today", "ends before it begins"),
        ("from 31 April to 3 May", "there is no day 31 in month 4"),
        ("du mardi 7 au 11 décembre", "2026-12-07 is a Monday, not a Tuesday"),
        ("07/12/2026 to 11/12/2026", "may be two days"),
        ("from 7 December to 11 December to 14 December", "names no period"),
        ("7" * 1000, "names no day"),
    ],
)
def test_what_is_no_period_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(UnclearDay, match=re.escape(expected)):
        parse_period(text, TODAY)


def test_no_period_ends_beyond_the_calendar() -> None:
    with pytest.raises(UnclearDay):
        parse_period("today", date.max)


WRITERS: list[Callable[[date], str]] = [
    date.isoformat,
    lambda day: format_day(day, Language.FR),
    lambda day: format_date_of_year(day, Language.FR),
    lambda day: format_date_of_year(day, Language.EN),
    lambda day: f"{day:%A}",
    lambda day: f"{day.day}",
]


@given(
    first=DAYS, last=DAYS, today=DAYS, write=st.sampled_from(WRITERS), write_last=st.sampled_from(WRITERS),
    joint=st.sampled_from(["from {} to {}", "du {} au {}", "{} - {}", "{}, back on {}"]),
)  # fmt: skip
def test_no_period_ends_before_it_begins(
    first: date, last: date, today: date, write: Callable[[date], str], write_last: Callable[[date], str], joint: str
) -> None:
    try:
        begins, returns = parse_period(joint.format(write(first), write_last(last)), today)
    except UnclearDay:
        return
    assert returns is not None
    assert returns > begins


@given(first=DAYS, length=st.integers(0, 400), today=DAYS)
def test_a_period_with_both_years_is_read_as_written(first: date, length: int, today: date) -> None:
    last = first + timedelta(days=length)
    text = f"du {format_day(first, Language.FR)} au {format_day(last, Language.FR)}"
    assert parse_period(text, today) == (first, last + timedelta(days=1))


@given(st.text(max_size=LONGEST), DAYS)
def test_any_text_is_a_period_or_refused(text: str, today: date) -> None:
    for parse in (parse_day, parse_period):
        with suppress(UnclearDay):
            assert parse(text, today)
