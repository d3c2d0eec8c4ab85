"""What begins and what is over; when a limit is near; when next year's closures are missed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, MARIE, NOW, a_calendar

from mailwatch.domain.calendars import Closure
from mailwatch.domain.incidents import (
    Incident,
    Trouble,
    TroubleKind,
    compare,
    end,
    find_missing_closures,
    is_near_limit,
    list_missing_closures,
)

SILENT = Trouble(kind=TroubleKind.MAILBOX_SILENT, about=INSCRIPTIONS, since=NOW)
BREAKER = Trouble(kind=TroubleKind.BREAKER_TRIPPED, about="", since=NOW)
CHRISTMAS = Closure(first=date(2026, 12, 21), last=date(2027, 1, 1))
MARCH = Closure(first=date(2027, 3, 15), last=date(2027, 3, 19))


def an_incident(number: int, trouble: Trouble) -> Incident:
    return Incident(id=number, trouble=trouble, opened_at=NOW)


def test_what_is_told_already_begins_no_more_and_what_is_gone_is_over() -> None:
    refused = Trouble(kind=TroubleKind.LOGIN_REFUSED, about=INSCRIPTIONS, since=NOW)

    assert compare([SILENT, refused], [an_incident(1, BREAKER), an_incident(2, SILENT)]) == (
        [refused],
        [an_incident(1, BREAKER)],
    )


def test_the_same_kind_of_another_mailbox_is_another_trouble() -> None:
    marie = Trouble(kind=TroubleKind.MAILBOX_SILENT, about=MARIE, since=NOW)

    assert compare([SILENT, marie], [an_incident(1, SILENT)]) == ([marie], [])


def test_a_count_that_grows_is_no_new_trouble() -> None:
    few, many = (Trouble(kind=TroubleKind.OUTBOX_FAILED, about="", since=NOW, data={"count": n}) for n in (1, 9))

    assert compare([many], [an_incident(1, few)]) == ([], [])


def test_every_worker_writes_in_the_same_order() -> None:
    assert compare([SILENT, BREAKER], []) == compare([BREAKER, SILENT], [])
    ends = [an_incident(1, SILENT), an_incident(2, BREAKER)]
    assert compare([], ends) == compare([], ends[::-1])


def test_an_incident_is_over_when_its_trouble_stayed_away_and_takes_along_what_nearly_did() -> None:
    gone = [an_incident(1, BREAKER), an_incident(2, SILENT), an_incident(3, SILENT)]
    well_since = {1: NOW, 2: NOW + timedelta(minutes=5), 3: NOW + timedelta(minutes=6)}
    quarter = timedelta(minutes=15)
    assert end(gone, well_since, quarter, NOW + timedelta(minutes=14, seconds=59)) == []
    over = end(gone, well_since, quarter, NOW + quarter)
    assert [(each.id, each.ended_at) for each in over] == [(1, NOW), (2, NOW + timedelta(minutes=5))]
    assert end(gone[2:], well_since, quarter, NOW - timedelta(days=1)) == [], "a clock that was set back"


@pytest.mark.parametrize(("hours", "is_near"), [(0, False), (35.99, False), (36, True), (48, True), (60, True)])
def test_a_limit_is_near_when_a_quarter_of_it_is_left(hours: float, is_near: bool) -> None:
    assert is_near_limit(NOW, NOW + timedelta(hours=48), 0.25, NOW + timedelta(hours=hours)) is is_near


@pytest.mark.parametrize(
    ("now", "closures", "year"),
    [
        (datetime(2026, 9, 30, 12, tzinfo=UTC), (CHRISTMAS,), None),
        (datetime(2026, 10, 1, 3, tzinfo=UTC), (CHRISTMAS,), None),  # still September in Toronto
        (datetime(2026, 10, 1, 5, tzinfo=UTC), (CHRISTMAS,), 2027),  # New Year's Day alone isn't next year's list
        (datetime(2026, 12, 31, 12, tzinfo=UTC), (CHRISTMAS,), 2027),
        (datetime(2027, 1, 2, 12, tzinfo=UTC), (CHRISTMAS,), 2027),  # not over because the year is
        (datetime(2026, 10, 2, 12, tzinfo=UTC), (CHRISTMAS, MARCH), None),
        (datetime(2027, 10, 2, 12, tzinfo=UTC), (CHRISTMAS, MARCH), 2028),
        (datetime(2026, 10, 2, 12, tzinfo=UTC), (), None),
    ],
)
def test_from_october_next_years_closures_are_missed(
    now: datetime, closures: tuple[Closure, ...], year: int | None
) -> None:
    found = find_missing_closures("", a_calendar(closures=closures), now)

    assert (found.data["year"] if found else None) == year
    if found and year:
        assert found.since == datetime(year - 1, 10, 1, 4, tzinfo=UTC)  # midnight in Toronto


def test_a_leap_day_has_no_part_in_it() -> None:
    now = datetime(2028, 2, 29, 12, tzinfo=UTC)
    found = find_missing_closures("", a_calendar(closures=(MARCH,)), now)

    assert found is not None
    assert found.since == datetime(2027, 10, 1, 4, tzinfo=UTC)


def test_a_mailbox_that_closes_when_all_do_is_not_named() -> None:
    now = datetime(2026, 10, 2, 12, tzinfo=UTC)
    all_, own = a_calendar(closures=(CHRISTMAS,)), a_calendar(closures=(CHRISTMAS,), timezone=ZoneInfo("Europe/Paris"))
    summer = a_calendar(closures=(Closure(first=date(2026, 7, 1), last=date(2026, 8, 31)),))

    found = list_missing_closures(all_, [(INSCRIPTIONS, own), (MARIE, summer)], now)

    assert [each.about for each in found] == ["", MARIE]
