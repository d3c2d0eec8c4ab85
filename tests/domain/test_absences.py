"""Who covers for whom: chains of delegates, circles, managers, and nobody left out."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from builders import a_calendar, a_person
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.absences import (
    Absence,
    Audience,
    find_absence,
    find_circle,
    find_cover,
    find_delegate,
    find_return_day,
)
from mailwatch.domain.calendars import Closure, closing_at
from mailwatch.domain.languages import Language
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


# --- several absences of one person -----------------------------------------------------------------------------------


def kept(number: int, first: str, back: str | None, **fields: Any) -> Absence:
    """An absence of Marie's with a row."""
    returns_on = date.fromisoformat(back) if back else None
    return Absence(who="marie", away_from=date.fromisoformat(first), returns_on=returns_on, id=number, **fields)


@pytest.mark.parametrize(
    ("others", "back"),
    [
        ([], "2026-11-30"),
        ([kept(2, "2026-11-24", "2026-11-26")], "2026-11-30"),  # within
        ([kept(2, "2026-11-26", "2026-12-04")], "2026-12-04"),  # overlapping
        ([kept(2, "2026-11-30", "2026-12-04")], "2026-12-04"),  # adjoining: there is no day between
        ([kept(2, "2026-12-01", "2026-12-04")], "2026-11-30"),  # a day between
        ([kept(2, "2026-11-30", "2026-12-02"), kept(3, "2026-12-02", "2026-12-09")], "2026-12-09"),
        ([kept(2, "2026-11-30", None)], None),
        ([kept(2, "2026-11-24", None)], None),
        ([kept(2, "2026-11-09", "2026-11-23")], "2026-11-30"),  # over
    ],
)
def test_an_absence_lasts_as_long_as_those_that_leave_no_day_between(others: list[Absence], back: str | None) -> None:
    absences = [kept(1, "2026-11-23", "2026-11-30"), *others]
    for listed in (absences, absences[::-1]):
        found = find_absence("marie", TODAY, listed)
        assert found is not None
        assert found.returns_on == (date.fromisoformat(back) if back else None)


def test_the_absence_that_began_last_speaks_and_the_others_fill_in_what_it_leaves_out() -> None:
    text = {Language.FR: "Congé annuel."}
    holidays = kept(2, "2026-11-09", "2026-12-07", delegate="luc", text=text, note="Le dossier bleu.")
    ill = kept(1, "2026-11-24", "2026-11-27", delegate="anne", audience=Audience.INTERNAL)
    found = find_absence("marie", TODAY, [ill, holidays])
    assert found == replace(ill, returns_on=date(2026, 12, 7), text=text, note="Le dossier bleu.")


def test_of_two_absences_from_one_day_on_the_one_recorded_last_speaks() -> None:
    first, second = kept(1, "2026-11-23", "2026-11-30", delegate="luc"), kept(2, "2026-11-23", "2026-11-27")
    for listed in ([first, second], [second, first]):
        found = find_absence("marie", TODAY, listed)
        assert found is not None
        assert (found.id, found.delegate) == (2, "luc")


CLOSED = Closure(first=date(2026, 12, 21), last=date(2027, 1, 1))


@pytest.mark.parametrize(
    ("absences", "back"),
    [
        ([kept(1, "2026-11-23", "2026-11-30")], "2026-11-30"),  # a Monday
        ([kept(1, "2026-11-23", "2026-11-28")], "2026-11-30"),  # a Saturday
        ([kept(1, "2026-11-23", "2026-11-28"), kept(2, "2026-11-30", "2026-12-03")], "2026-12-03"),  # a weekend between
        ([kept(1, "2026-11-23", "2026-11-28"), kept(2, "2026-12-01", "2026-12-03")], "2026-11-30"),  # Monday between
        ([kept(1, "2026-11-23", "2026-11-28"), kept(2, "2026-11-30", None)], None),
        ([kept(1, "2026-11-23", "2026-12-21")], "2027-01-04"),  # into the closures of winter
        ([kept(1, "2026-11-23", "2026-12-19"), kept(2, "2027-01-04", "2027-01-06")], "2027-01-06"),
        ([kept(1, "2027-06-28", "2027-07-01")], "2027-07-02"),  # Canada Day
        ([kept(1, "2026-11-23", None)], None),
    ],
)
def test_whoever_is_away_is_back_on_the_first_business_day_that_they_are_there(
    absences: list[Absence], back: str | None
) -> None:
    calendar = a_calendar(closures=(CLOSED,))
    expected = date.fromisoformat(back) if back else None
    assert find_return_day(absences[0], absences, calendar) == expected


def test_a_return_to_a_calendar_without_an_open_day_is_unknown() -> None:
    never = a_calendar(closures=(Closure(first=date(2026, 11, 30), last=date(2029, 1, 1)),))
    assert find_return_day(kept(1, "2026-11-23", "2026-11-30"), [], never) is None


@pytest.mark.parametrize(
    ("delegate", "expected"),
    [
        ([away("marie", "luc")], "luc"),
        ([away("marie", "luc"), away("luc", "anne")], "anne"),
        ([away("marie", "luc"), away("luc")], None),
        ([away("marie")], None),
        ([away("marie", "luc"), away("luc", "marie")], None),
    ],
)
def test_a_delegate_is_the_first_of_the_chain_who_is_there_and_no_manager(
    delegate: list[Absence], expected: str | None
) -> None:
    assert find_delegate("marie", TODAY, delegate) == expected


# --- circles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absences", "circle"),
    [
        ([], ()),
        ([away("marie", "luc")], ()),
        ([away("marie", "luc"), away("luc", "anne")], ()),
        ([away("marie", "luc"), away("luc", "marie")], ("marie", "luc")),
        ([away("marie", "luc"), away("luc", "anne"), away("anne", "luc")], ("luc", "anne")),
        ([away("marie", "luc"), away("luc", "anne"), away("anne", "marie")], ("marie", "luc", "anne")),
        ([away("marie", "luc", back="2026-11-25"), away("luc", "marie", first="2026-11-25")], ()),  # one after another
        ([away("marie", "luc", back="2026-11-26"), away("luc", "marie", first="2026-11-25")], ("marie", "luc")),
        # Luc's second absence names somebody else, until it is over and the first one's delegate counts again.
        ([away("luc", "marie"), away("luc", "paul", back="2026-11-25"), away("marie", "luc")], ("luc", "marie")),
        ([away("marie", "luc", back=None), away("luc", "marie", first="2029-01-01", back=None)], ("marie", "luc")),
    ],
)
def test_a_circle_of_delegates_is_found_on_whatever_day_it_begins(
    absences: list[Absence], circle: tuple[str, ...]
) -> None:
    assert tuple(each.who for each in find_circle(absences)) == circle


DAYS = st.integers(1, 28).map(lambda day: date(2026, 12, day))


@st.composite
def an_absence(draw: st.DrawFn) -> Absence:
    """Somebody is away in December."""
    first, last = sorted((draw(DAYS), draw(DAYS)))
    back = draw(st.just(last + timedelta(days=1)) | st.none())
    return Absence(
        who=draw(NAMES),
        away_from=first,
        returns_on=back,
        delegate=draw(st.just("") | NAMES),
        id=draw(st.integers(0, 9)),
    )


@given(st.lists(an_absence(), max_size=8))
def test_a_circle_is_found_where_and_only_where_a_chain_comes_back_to_itself(absences: list[Absence]) -> None:
    circle = find_circle(absences)
    for absence, following in zip(circle, (*circle[1:], *circle[:1]), strict=True):
        assert absence.delegate == following.who
    if not circle:
        for day in (date(2026, 12, n) for n in range(1, 32)):
            for absence in absences:
                assert not _comes_back(absence.who, day, absences)


def _comes_back(who: str, day: date, absences: list[Absence]) -> bool:
    asked: list[str] = []
    while (absence := find_absence(who, day, absences)) is not None and absence.delegate:
        if who in asked:
            return True
        asked.append(who)
        who = absence.delegate
    return False


@given(st.lists(an_absence(), max_size=8), NAMES)
def test_a_return_is_a_business_day_on_which_they_are_there_and_the_first_one(
    absences: list[Absence], who: str
) -> None:
    calendar = a_calendar()
    for absence in absences:
        back = find_return_day(absence, absences, calendar)
        if back is None:
            continue
        assert find_absence(absence.who, back, absences) is None
        between = (absence.away_from + timedelta(days=n) for n in range((back - absence.away_from).days))
        after = [day for day in between if absence.returns_on and day >= absence.returns_on]
        assert all(find_absence(absence.who, day, absences) or closing_at(calendar, day) is None for day in after)
