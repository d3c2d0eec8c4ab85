"""What absences mean for a mailbox: whether it is away, back when, who covers, and when an answer is then due."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, MARIE, a_calendar, a_mailbox, a_person, a_staff_mailbox, a_standard, an_organisation
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import Closure
from mailwatch.domain.covers import answer_due, answerable, find_away
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.standards import due, parse_limit

PAUL, LUC, ANNE = (f"{name}@cscmonavenir.example" for name in ("paul.roy", "luc.gagnon", "anne.roy"))
PEOPLE = {
    MARIE: a_person(manager=LUC),
    PAUL: a_person(PAUL, "Paul Roy"),
    LUC: a_person(LUC, "Luc Gagnon"),
    ANNE: a_person(ANNE, "Anne Roy"),
}
TORONTO = ZoneInfo("America/Toronto")


def away(who: str, delegate: str = "", *, first: str = "2026-11-23", back: str | None = "2026-11-30") -> Absence:
    """A week away."""
    returns_on = date.fromisoformat(back) if back else None
    return Absence(who=who, away_from=date.fromisoformat(first), returns_on=returns_on, delegate=delegate)


def inscriptions(absences: Sequence[Absence], *owners: str, **fields: Any) -> Mailbox:
    """The shared mailbox; Marie owns it where nobody is named."""
    organisation = an_organisation(people=PEOPLE, absences=tuple(absences))
    return a_mailbox(organisation=organisation, owners=tuple(PEOPLE[each] for each in owners or (MARIE,)), **fields)


def at(text: str, zone: ZoneInfo = TORONTO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


WEDNESDAY = at("2026-11-25 10:00")


# --- whether a mailbox is away ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absences", "owners", "who"),
    [
        ([], (MARIE,), None),
        ([away(MARIE)], (MARIE,), MARIE),
        ([away(PAUL)], (MARIE,), None),
        ([away(MARIE)], (MARIE, PAUL), None),  # one is there
        ([away(PAUL)], (MARIE, PAUL), None),
        ([away(MARIE), away(PAUL)], (MARIE, PAUL), MARIE),  # back on one day: the first owner speaks
        ([away(MARIE), away(PAUL, back="2026-11-27")], (MARIE, PAUL), PAUL),  # who is back first
        ([away(MARIE, back=None), away(PAUL)], (MARIE, PAUL), PAUL),
        ([away(MARIE, ANNE), away(PAUL, back="2026-11-27")], (MARIE, PAUL), MARIE),  # who is covered for
        ([away(INSCRIPTIONS)], (MARIE,), INSCRIPTIONS),
        ([away(MARIE, ANNE), away(INSCRIPTIONS)], (MARIE,), INSCRIPTIONS),  # a closed service before its owner
        ([away(INSCRIPTIONS)], (MARIE, PAUL), INSCRIPTIONS),  # however many are there
    ],
)
def test_a_mailbox_is_away_that_is_closed_or_has_no_owner_there(
    absences: list[Absence], owners: tuple[str, ...], who: str | None
) -> None:
    found = find_away(inscriptions(absences, *owners), WEDNESDAY)
    assert (found.absence.who if found else None) == who
    assert found is None or (found.person is None) == (who == INSCRIPTIONS)


def test_nobody_is_away_from_a_mailbox_that_nobody_answers_for() -> None:
    mailbox = replace(inscriptions([away(MARIE)]), owners=())
    assert answerable(mailbox) == ()
    assert find_away(mailbox, WEDNESDAY) is None


def test_a_person_s_own_mailbox_without_owners_is_that_person_s() -> None:
    organisation = an_organisation(people=PEOPLE, absences=(away(MARIE, PAUL),))
    mailbox = a_staff_mailbox(organisation=organisation, owners=())
    assert [person.email for person in answerable(mailbox)] == [MARIE]
    found = find_away(mailbox, WEDNESDAY)
    assert found is not None
    assert found.person == PEOPLE[MARIE]
    assert found.cover == PEOPLE[PAUL]


@pytest.mark.parametrize(
    ("zone", "instant", "is_away"),
    [
        ("America/Toronto", "2026-11-23T04:59:59+00:00", False),  # the 22nd, one second to midnight
        ("America/Toronto", "2026-11-23T05:00:00+00:00", True),
        ("America/Toronto", "2026-11-30T04:59:59+00:00", True),
        ("America/Toronto", "2026-11-30T05:00:00+00:00", False),
        ("Pacific/Auckland", "2026-11-22T10:59:59+00:00", False),
        ("Pacific/Auckland", "2026-11-22T11:00:00+00:00", True),
        ("Asia/Kolkata", "2026-11-22T18:29:59+00:00", False),
        ("Asia/Kolkata", "2026-11-22T18:30:00+00:00", True),
    ],
)
def test_days_begin_at_midnight_where_the_mailbox_is(zone: str, instant: str, is_away: bool) -> None:
    standard = a_standard(calendar=a_calendar(timezone=ZoneInfo(zone)))
    found = find_away(inscriptions([away(MARIE)], standard=standard), datetime.fromisoformat(instant))
    assert (found is not None) == is_away


# --- back when, and who covers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absences", "cover", "is_covered"),
    [
        ([away(MARIE, PAUL)], PAUL, True),
        ([away(MARIE, PAUL), away(PAUL, ANNE)], ANNE, True),
        ([away(MARIE)], LUC, False),  # the manager, as the last resort
        ([away(MARIE, PAUL), away(PAUL)], LUC, False),  # the chain ends: the manager has not taken it on
        ([away(MARIE, PAUL), away(PAUL, MARIE)], LUC, False),
        ([away(MARIE, "left@cscmonavenir.example")], None, False),  # nobody knows them any more
        ([away(MARIE), away(LUC, ANNE)], ANNE, False),  # the manager's delegate
        ([away(MARIE), away(LUC)], None, False),
    ],
)
def test_a_delegate_of_the_chain_covers_and_a_manager_is_only_named(
    absences: list[Absence], cover: str | None, is_covered: bool
) -> None:
    found = find_away(inscriptions(absences), WEDNESDAY)
    assert found is not None
    assert (found.cover.email if found.cover else None) == cover
    assert found.is_covered is is_covered


def test_a_closed_service_has_the_cover_that_it_names_and_no_manager() -> None:
    named = find_away(inscriptions([away(INSCRIPTIONS, MARIE)]), WEDNESDAY)
    nobody = find_away(inscriptions([away(INSCRIPTIONS)]), WEDNESDAY)
    assert named is not None
    assert nobody is not None
    assert (named.cover, named.is_covered) == (PEOPLE[MARIE], True)
    assert (nobody.cover, nobody.is_covered) == (None, False)


CLOSURES = (Closure(first=date(2026, 12, 21), last=date(2027, 1, 1)),)


@pytest.mark.parametrize(
    ("absences", "returns_on", "resumes_on"),
    [
        ([away(MARIE)], "2026-11-30", "2026-11-30"),
        ([away(MARIE, back="2026-11-28")], "2026-11-30", "2026-11-30"),  # a Saturday
        ([away(MARIE, back="2026-12-21")], "2027-01-04", "2027-01-04"),  # the office is closed
        ([away(MARIE, back=None)], None, None),
        # The service opens again, and its owner isn't there yet.
        ([away(INSCRIPTIONS, back="2026-12-01"), away(MARIE, back="2026-12-14")], "2026-12-01", "2026-12-14"),
        # She is back, and the service is closed.
        ([away(MARIE), away(INSCRIPTIONS, first="2026-11-30", back="2026-12-08")], "2026-11-30", "2026-12-08"),
        ([away(INSCRIPTIONS), away(MARIE, PAUL, back="2026-12-14")], "2026-11-30", "2026-11-30"),  # Paul is there
        ([away(INSCRIPTIONS), away(MARIE, back=None)], "2026-11-30", "2026-11-30"),  # what is known is kept
    ],
)
def test_what_is_said_is_the_return_and_what_counts_is_when_somebody_is_there(
    absences: list[Absence], returns_on: str | None, resumes_on: str | None
) -> None:
    mailbox = inscriptions(absences, standard=a_standard(calendar=a_calendar(closures=CLOSURES)))
    found = find_away(mailbox, WEDNESDAY)
    assert found is not None
    assert found.returns_on == (date.fromisoformat(returns_on) if returns_on else None)
    assert found.resumes_on == (date.fromisoformat(resumes_on) if resumes_on else None)


# --- when an answer is due --------------------------------------------------------------------------------------------


def answer_due_at(absences: Sequence[Absence], started_at: datetime, limit: str = "5 business days") -> str:
    """In local time."""
    calendar = a_calendar(closures=CLOSURES)
    mailbox = inscriptions(absences, standard=a_standard(calendar=calendar))
    found = answer_due(calendar, parse_limit(limit), started_at, find_away(mailbox, started_at))
    return f"{found.astimezone(TORONTO):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("absences", "received", "limit", "expected"),
    [
        ([], "2026-11-25 10:00", "5 business days", "2026-12-02 16:30"),
        ([away(MARIE)], "2026-11-25 10:00", "5 business days", "2026-12-02 16:30"),  # the standard is later
        ([away(MARIE)], "2026-11-23 10:00", "5 business days", "2026-12-01 16:30"),  # the day after the return
        ([away(MARIE)], "2026-11-25 10:00", "48h", "2026-12-01 16:30"),
        ([away(MARIE, PAUL)], "2026-11-23 10:00", "5 business days", "2026-11-30 16:30"),  # a delegate covers
        ([away(MARIE, PAUL), away(PAUL)], "2026-11-23 10:00", "5 business days", "2026-12-01 16:30"),  # who isn't there
        ([away(MARIE, back=None)], "2026-11-23 10:00", "5 business days", "2026-11-30 16:30"),  # nobody knows
        ([away(MARIE, back="2026-11-28")], "2026-11-23 10:00", "1 business day", "2026-12-01 16:30"),
        ([away(MARIE, back="2026-12-18")], "2026-11-23 10:00", "5 business days", "2027-01-04 16:30"),  # closures
        ([away(MARIE, back="2026-12-21")], "2026-11-23 10:00", "5 business days", "2027-01-05 16:30"),
        ([away(MARIE)], "2026-11-22 23:59", "5 business days", "2026-11-27 16:30"),  # before it began
        ([away(MARIE)], "2026-11-30 00:00", "5 business days", "2026-12-07 16:30"),  # after it was over
        ([away(MARIE, first="2026-10-26", back="2026-11-02")], "2026-10-28 10:00", "16h", "2026-11-03 16:30"),  # DST
        ([away(MARIE, first="2027-03-08", back="2027-03-15")], "2027-03-10 10:00", "16h", "2027-03-16 16:30"),
        # The service opens again, and its owner isn't there yet.
        ([away(INSCRIPTIONS), away(MARIE, back="2026-12-14")], "2026-11-25 10:00", "48h", "2026-12-15 16:30"),
    ],
)
def test_an_answer_is_due_by_the_standard_or_the_end_of_the_business_day_after_the_return(
    absences: list[Absence], received: str, limit: str, expected: str
) -> None:
    assert answer_due_at(absences, at(received), limit) == expected


def test_where_the_calendar_ends_before_the_day_after_the_return_the_standard_holds() -> None:
    calendar = a_calendar(closures=(Closure(first=date(2026, 12, 1), last=date(2029, 1, 1)),))
    mailbox = inscriptions([away(MARIE)], standard=a_standard(calendar=calendar))
    limit = parse_limit("48h")
    found = answer_due(calendar, limit, WEDNESDAY, find_away(mailbox, WEDNESDAY))
    assert found == due(calendar, WEDNESDAY, limit)


# --- what always holds ------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2026, 10, 20), date(2027, 4, 10))  # over a winter, both changes of clocks, and closures
INSTANTS = st.integers(0, 172 * 24 * 60).map(lambda n: datetime(2026, 10, 20, tzinfo=UTC) + timedelta(minutes=n))
LIMITS = st.sampled_from(["48h", "1 business day", "5 business days", "16 business hours"]).map(parse_limit)
CALENDARS = st.sampled_from(
    [
        a_calendar(timezone=ZoneInfo(name), closures=closures)
        for name in ("America/Toronto", "America/St_Johns", "Pacific/Auckland", "America/Havana", "Asia/Kolkata")
        for closures in ((), CLOSURES)
    ]
)


@st.composite
def an_absence(draw: st.DrawFn) -> Absence:
    """An absence whose return is known, and for which nobody covers."""
    who, first = draw(st.sampled_from([MARIE, INSCRIPTIONS, PAUL])), draw(DAYS)
    back = first + timedelta(days=draw(st.integers(1, 60)))
    return Absence(who=who, away_from=first, returns_on=back, id=draw(st.integers(1, 99)))


def found_due(absences: Sequence[Absence], calendar: Any, limit: Any, started_at: datetime) -> datetime:
    mailbox = inscriptions(absences, MARIE, PAUL, standard=a_standard(calendar=calendar))
    return answer_due(calendar, limit, started_at, find_away(mailbox, started_at))


@given(st.lists(an_absence(), max_size=6), CALENDARS, LIMITS, INSTANTS)
def test_an_absence_never_makes_anything_due_earlier_than_the_standard(
    absences: list[Absence], calendar: Any, limit: Any, started_at: datetime
) -> None:
    assert found_due(absences, calendar, limit, started_at) >= due(calendar, started_at, limit)


@given(st.lists(an_absence(), max_size=5), an_absence(), CALENDARS, LIMITS, INSTANTS)
def test_one_absence_more_never_makes_anything_due_earlier(
    absences: list[Absence], more: Absence, calendar: Any, limit: Any, started_at: datetime
) -> None:
    """Of those whose return is known and for which nobody covers: a delegate does make it due earlier."""
    before = found_due(absences, calendar, limit, started_at)
    assert found_due([*absences, more], calendar, limit, started_at) >= before


@given(st.lists(an_absence(), max_size=4), an_absence(), st.integers(1, 40), CALENDARS, LIMITS, INSTANTS)
def test_a_later_return_never_makes_anything_due_earlier(
    absences: list[Absence], absence: Absence, days: int, calendar: Any, limit: Any, started_at: datetime
) -> None:
    assert absence.returns_on is not None
    longer = replace(absence, returns_on=absence.returns_on + timedelta(days=days))
    before = found_due([*absences, absence], calendar, limit, started_at)
    assert found_due([*absences, longer], calendar, limit, started_at) >= before


@given(st.lists(an_absence(), max_size=6), CALENDARS, INSTANTS)
def test_a_mailbox_that_is_away_is_there_on_the_day_on_which_it_resumes(
    absences: list[Absence], calendar: Any, started_at: datetime
) -> None:
    mailbox = inscriptions(absences, MARIE, PAUL, standard=a_standard(calendar=calendar))
    found = find_away(mailbox, started_at)
    if found is not None and found.resumes_on is not None:
        assert find_away(mailbox, datetime.combine(found.resumes_on, time(12), calendar.timezone)) is None
        assert found.returns_on is not None
        assert found.returns_on <= found.resumes_on
