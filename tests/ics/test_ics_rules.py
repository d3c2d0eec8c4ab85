"""Recurrence rules, held against a second opinion: python-dateutil says the same wherever both have an answer."""

from datetime import date, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.ics.budget import Budget
from mailwatch.ics.rules import WithinADay, occurrences, parse_rule

START = date(2024, 1, 31)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def ours(text: str, start: date, since: date, until: date) -> list[date]:
    return list(occurrences(parse_rule(text), start, since, until, Budget()))


def theirs(text: str, start: date, since: date, until: date) -> list[date]:
    """Without a rule that never holds: dateutil would follow it to the year 9999."""
    begin = datetime(start.year, start.month, start.day)  # noqa: DTZ001  (dateutil works on wall times)
    days = (moment.date() for moment in rrulestr(text, dtstart=begin).xafter(begin, count=800, inc=True))
    return [day for day in days if since <= day <= until]


_month_days = st.sets(st.integers(-31, 31).filter(bool), min_size=1, max_size=3)
_months = st.sets(st.integers(1, 12), min_size=1, max_size=4)
_plain_days = st.sets(st.sampled_from(_DAYS), min_size=1, max_size=4)
_nth_days = st.sets(st.tuples(st.integers(-4, 4).filter(bool), st.sampled_from(_DAYS)), min_size=1, max_size=3)


def _joined(values: object) -> str:
    return ",".join(map(str, sorted(values)))  # type: ignore[call-overload]


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules that hold at least once in four years."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    if (interval := draw(st.integers(1, 3))) > 1:
        parts.append(f"INTERVAL={interval}")
    kind = draw(st.sampled_from(["", "days", "nth", "month days"]))
    if kind == "days":
        parts.append(f"BYDAY={_joined(draw(_plain_days))}")
    elif kind == "nth" and frequency in ("MONTHLY", "YEARLY"):
        parts.append("BYDAY=" + ",".join(f"{nth}{day}" for nth, day in sorted(draw(_nth_days))))
    elif kind == "month days" and frequency in ("MONTHLY", "YEARLY"):
        parts.append(f"BYMONTHDAY={_joined(draw(_month_days | st.just({28})))}")
    if frequency == "YEARLY" and draw(st.booleans()):
        parts.append(f"BYMONTH={_joined(draw(_months | st.just({1, 3})))}")
    if frequency in ("MONTHLY", "YEARLY") and kind and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(st.sampled_from([1, -1, 2]))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(_DAYS))}")
    parts += draw(st.sampled_from([[], [f"COUNT={draw(st.integers(1, 30))}"], ["UNTIL=20250630"]]))
    return ";".join(parts)


@given(rules(), st.integers(0, 400))
def test_our_dates_are_those_of_dateutil(text: str, later: int) -> None:
    start = date(2024, 1, 28)
    since = start + timedelta(days=later)
    until = min(since + timedelta(days=300), date(2025, 6, 30))
    assert ours(text, start, since, until) == theirs(text, start, since, until)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=MONTHLY", ["2024-01-31", "2024-03-31", "2024-05-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", ["2024-02-23", "2024-03-29", "2024-04-26", "2024-05-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=2", ["2024-02-01", "2024-03-01"]),
        ("FREQ=WEEKLY;INTERVAL=8;BYDAY=FR", ["2024-02-02", "2024-03-29", "2024-05-24"]),
        ("FREQ=YEARLY;BYYEARDAY=60", ["2024-02-29"]),
        ("FREQ=YEARLY;BYDAY=20MO", ["2024-05-13"]),
        ("FREQ=DAILY;INTERVAL=50", ["2024-01-31", "2024-03-21", "2024-05-10"]),
        ("FREQ=DAILY;BYHOUR=9;COUNT=1;", ["2024-01-31"]),
    ],
)
def test_a_rule_is_followed_from_its_start(text: str, expected: list[str]) -> None:
    assert [str(day) for day in ours(text, START, START, date(2024, 5, 31))] == expected


def test_what_was_counted_before_the_first_date_asked_for_counts() -> None:
    assert ours("FREQ=WEEKLY;COUNT=3", START, date(2024, 2, 10), date(2024, 12, 31)) == [date(2024, 2, 14)]


@pytest.mark.parametrize(
    "text", ["", "COUNT=3", "FREQ=NEVER", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=-1", "FREQ=WEEKLY;BYDAY=XX",
             "FREQ=YEARLY;BYWEEKNO=3", "FREQ=DAILY;UNTIL=soon", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=YEARLY;BYMONTH=13",
             "FREQ=DAILY;UNTIL=20261301", "FREQ", "RSCALE=HEBREW;FREQ=YEARLY"],
)  # fmt: skip
def test_a_rule_that_isnt_understood_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as raised:
        parse_rule(text)
    assert not isinstance(raised.value, WithinADay)
