"""Who covers for whom: chains of delegates, circles, managers, and nobody left out."""

from datetime import date, timedelta

import pytest
from builders import a_person
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.absences import Absence, find_absence, find_cover
from mailwatch.domain.people import Person

TODAY = date(2026, 11, 25)


def away(who: str, delegate: str = "", *, first: str = "2026-11-23", back: str | None = "2026-11-30") -> Absence:
    """A week away."""
    returns_on = date.fromisoformat(back) if back else None
    return Absence(who=who, away_from=date.fromisoformat(first), returns_on=returns_on, delegate=delegate)


def a_staff(**managers: str) -> dict[str, Person]:
    """Each name with its manager's."""
    return {name: a_person(name, name.title(), manager=manager or None) for name, manager in managers.items()}


@pytest.mark.parametrize(
    ("day", "is_away"),
    [("2026-11-22", False), ("2026-11-23", True), ("2026-11-29", True), ("2026-11-30", False)],
)
def test_an_absence_begins_on_its_first_day_and_ends_before_the_return(day: str, is_away: bool) -> None:
    absence = away("marie")
    assert find_absence("marie", date.fromisoformat(day), [absence]) == (absence if is_away else None)


def test_an_absence_without_a_return_goes_on() -> None:
    absence = away("marie", back=None)
    assert find_absence("marie", TODAY + timedelta(days=3000), [absence]) == absence


def test_another_person_s_absence_is_nobody_else_s() -> None:
    assert find_absence("luc", TODAY, [away("marie")]) is None


def test_of_several_absences_the_one_that_ends_last_holds() -> None:
    short, long, open_ended = away("marie", back="2026-11-26"), away("marie"), away("marie", back=None)
    assert find_absence("marie", TODAY, [long, short]) == long
    assert find_absence("marie", TODAY, [open_ended, long]) == open_ended


def test_of_two_absences_alike_the_one_with_a_delegate_holds() -> None:
    assert find_absence("marie", TODAY, [away("marie"), away("marie", "luc")]) == away("marie", "luc")


@pytest.mark.parametrize(
    ("absences", "cover"),
    [
        ([], "marie"),
        ([away("luc")], "marie"),
        ([away("marie", "luc")], "luc"),
        ([away("marie", "luc", back="2026-11-25")], "marie"),  # back today: it ended by itself
        ([away("marie", "luc"), away("luc", "anne")], "anne"),
        ([away("marie", "luc"), away("luc", "anne"), away("anne", "paul")], "paul"),
        ([away("marie", "outside@example.org")], "outside@example.org"),
        ([away("marie")], "boss"),  # no delegate
        ([away("marie", "luc"), away("luc")], "boss"),  # the chain ends
        ([away("marie", "luc"), away("luc", "marie")], "boss"),  # a circle
        ([away("marie", "marie")], "boss"),
        ([away("marie", "luc"), away("luc", "anne"), away("anne", "luc")], "boss"),  # a circle further on
        ([away("marie"), away("boss", "anne")], "anne"),  # the manager is away, too: their delegate
        ([away("marie"), away("boss")], "director"),  # and without one: their manager
        ([away("marie", "boss"), away("boss")], "director"),  # the manager was asked as a delegate already
        ([away("marie"), away("boss", "marie")], "director"),
        ([away("marie", "luc"), away("luc"), away("boss"), away("director")], "marie"),  # nobody: the person again
    ],
)
def test_whoever_is_away_is_covered_for(absences: list[Absence], cover: str) -> None:
    staff = a_staff(marie="boss", luc="boss", anne="boss", paul="boss", boss="director", director="")
    assert find_cover("marie", TODAY, absences, staff) == cover


def test_managers_in_a_circle_are_asked_once() -> None:
    staff = a_staff(marie="luc", luc="marie")
    assert find_cover("marie", TODAY, [away("marie"), away("luc")], staff) == "marie"


def test_somebody_who_is_not_in_the_list_of_people_has_no_manager() -> None:
    assert find_cover("marie", TODAY, [away("marie")], {}) == "marie"


NAMES = st.sampled_from(["marie", "luc", "anne", "boss", "director"])


@given(st.lists(st.tuples(NAMES, st.just("") | NAMES)), st.dictionaries(NAMES, st.just("") | NAMES), NAMES)
def test_somebody_is_always_told_and_never_one_who_is_away_while_another_of_the_chain_is_not(
    absences: list[tuple[str, str]], managers: dict[str, str], who: str
) -> None:
    listed = [away(name, delegate) for name, delegate in absences]
    staff = a_staff(**managers)
    cover = find_cover(who, TODAY, listed, staff)
    absent = {name for name, _ in absences}
    if cover in absent:
        assert cover == who
        assert staff.get(who, a_person(manager=None)).manager in absent | {None}
