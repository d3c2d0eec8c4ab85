"""Levels, standings and who is told: warnings counted backwards, people resolved now, nobody told twice."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, MARIE, a_calendar, a_mailbox, a_person, a_staff_mailbox
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import ServiceCalendar, parse_closure
from mailwatch.domain.escalations import (
    DEFAULT_LEVELS,
    FAILED,
    MANAGER,
    OWNER,
    Concern,
    Level,
    Standing,
    Unsettled,
    due_horizon,
    find_owner,
    find_standing,
    gather_concerns,
    list_escalations,
    list_reached,
    reached_at,
)
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.people import Person
from mailwatch.domain.requests import State
from mailwatch.domain.standards import lead, parse_limit

LUC = "luc.gagnon@cscmonavenir.example"
ANNE = "anne.roy@cscmonavenir.example"
DIRECTOR = "director@cscmonavenir.example"

CALENDAR = a_calendar()
A_DAY_BEFORE = Level(before=parse_limit("1 business day"), to=(OWNER,))
WHEN_DUE = Level(after=parse_limit("0 business days"), to=(OWNER, MANAGER))
THREE_DAYS_LATE = Level(after=parse_limit("3 business days"), to=(DIRECTOR,))
LEVELS = (A_DAY_BEFORE, WHEN_DUE, THREE_DAYS_LATE)

PEOPLE = {
    MARIE: a_person(manager=LUC),
    LUC: a_person(LUC, "Luc Gagnon", manager=DIRECTOR),
    ANNE: a_person(ANNE, "Anne Roy", manager=LUC),
}


def at(text: str) -> datetime:
    """A local time in Toronto, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Toronto")).astimezone(UTC)


DUE = at("2026-11-30 16:30")  # a Monday
WARNED, LATE = at("2026-11-30 08:30"), at("2026-12-01 08:30")


def a_request(**fields: Any) -> Unsettled:
    """Received on Monday 23 November, acknowledged, due on Monday 30 November at 16:30."""
    defaults: dict[str, Any] = {
        "id": 1,
        "reference": "MW-7F3K9Q",
        "mailbox": INSCRIPTIONS,
        "state": State.ACKNOWLEDGED,
        "requester": "sophie.nadeau@courriel.example",
        "subject": "Inscription de ma fille",
        "owner": MARIE,
        "received_at": at("2026-11-23 10:00"),
        "clock_started_at": at("2026-11-23 10:00"),
        "answer_due_at": DUE,
        "acknowledgement_due_at": at("2026-11-25 10:00"),
        "calendar": CALENDAR,
        "message_id": "<1@courriel.example>",
        "is_unacknowledged": False,
        "suppressed_by": None,
        "has_failed": False,
        "escalated": {},
    }
    return Unsettled(**(defaults | fields))


def gather(
    *requests: Unsettled,
    now: datetime = LATE,
    levels: Sequence[Level] = LEVELS,
    mailbox: Mailbox | None = None,
    absences: Sequence[Absence] = (),
    people: Mapping[str, Person] = PEOPLE,
    told_at: Mapping[str, datetime] | None = None,
    is_answer_seen: bool = True,
) -> Mapping[str, list[Concern]]:
    """What is told on the day of `now`."""
    mailbox = mailbox or a_mailbox()
    day = now.astimezone(ZoneInfo("America/Toronto")).date()
    seen = {mailbox.address} if is_answer_seen else set()
    return gather_concerns(
        requests, levels, {mailbox.address: mailbox}, absences, people, day, now, told_at or {}, seen
    )


def away(who: str, delegate: str = "") -> Absence:
    """Away around the first of December."""
    return Absence(who=who, away_from=date(2026, 11, 25), returns_on=date(2026, 12, 7), delegate=delegate)


# --- levels


@pytest.mark.parametrize(
    ("level", "reached"),
    [
        (A_DAY_BEFORE, "2026-11-27 16:30"),  # Friday: not Sunday, and not midnight
        (Level(before=parse_limit("2 business days"), to=()), "2026-11-26 16:30"),
        (Level(before=parse_limit("4 business hours"), to=()), "2026-11-30 11:30"),  # lunch doesn't count
        (Level(before=parse_limit("210 business minutes"), to=()), "2026-11-30 13:00"),  # nor is it lunch already
        (Level(before=parse_limit("8 business hours"), to=()), "2026-11-27 15:30"),
        (Level(before=parse_limit("24h"), to=()), "2026-11-29 16:30"),
        (Level(before=parse_limit("0 business days"), to=()), "2026-11-30 16:30"),
        (WHEN_DUE, "2026-11-30 16:30"),
        (Level(after=parse_limit("0 business hours"), to=()), "2026-11-30 16:30"),  # not at the next opening
        (Level(after=parse_limit("2 business hours"), to=()), "2026-12-01 10:30"),
        (Level(after=parse_limit("1 business day"), to=()), "2026-12-01 16:30"),
        (THREE_DAYS_LATE, "2026-12-03 16:30"),
        (Level(after=parse_limit("24h"), to=()), "2026-12-01 16:30"),
    ],
)
def test_a_level_is_reached_by_the_request_s_calendar(level: Level, reached: str) -> None:
    assert reached_at(level, CALENDAR, DUE) == at(reached)


def test_a_holiday_and_a_closure_bring_the_warning_forward() -> None:
    calendar = a_calendar(closures=(parse_closure("2026-12-29..2027-01-01"),))
    assert reached_at(A_DAY_BEFORE, calendar, at("2027-01-04 16:30")) == at("2026-12-24 16:30")


def test_exactly_at_a_level_is_not_past_it() -> None:
    moment = timedelta(microseconds=1)
    for level in LEVELS:
        reached = reached_at(level, CALENDAR, DUE)
        assert level not in list_reached(LEVELS, CALENDAR, DUE, reached)
        assert level in list_reached(LEVELS, CALENDAR, DUE, reached + moment)


def test_where_no_day_is_open_a_request_is_late_when_it_is_due() -> None:
    never = a_calendar(hours={})
    assert list_reached(LEVELS, never, DUE, DUE) == []
    assert list_reached(LEVELS, never, DUE, DUE + timedelta(seconds=1)) == list(LEVELS)


@pytest.mark.parametrize(
    ("now", "standing"),
    [
        ("2026-11-27 16:30", Standing.WITHIN),
        ("2026-11-27 16:31", Standing.AT_RISK),
        ("2026-11-30 16:30", Standing.AT_RISK),
        ("2026-11-30 16:31", Standing.OVERDUE),
    ],
)
@pytest.mark.parametrize("levels", [DEFAULT_LEVELS, LEVELS, (THREE_DAYS_LATE,), ()])
def test_a_request_is_within_then_at_risk_then_overdue(now: str, standing: Standing, levels: tuple[Level, ...]) -> None:
    assert find_standing(levels, CALENDAR, DUE, at(now)) == standing


def test_the_earliest_warning_puts_at_risk() -> None:
    levels = (A_DAY_BEFORE, Level(before=parse_limit("3 business days"), to=()))
    assert find_standing(levels, CALENDAR, DUE, at("2026-11-25 16:31")) == Standing.AT_RISK


LIMITS = st.sampled_from(["1 business day", "3 business days", "5 business hours", "90 business minutes", "36h", "0h"])
CALENDARS = st.builds(
    lambda days, closures, zone: a_calendar(
        timezone=ZoneInfo(zone), hours=dict.fromkeys(days, ((510, 720), (780, 990))), closures=tuple(closures)
    ),
    st.sets(st.integers(0, 6), min_size=1),
    st.lists(st.sampled_from(["2026-11-23..2026-12-04", "2026-10-30 12:00-24:00"]).map(parse_closure), max_size=2),
    st.sampled_from(["America/Toronto", "America/Sao_Paulo", "Asia/Kolkata"]),
)
INSTANTS = st.datetimes(datetime(2026, 3, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@settings(deadline=None)
@given(CALENDARS, LIMITS, INSTANTS, st.timedeltas(timedelta(0), timedelta(days=4)))
def test_what_lies_past_the_horizon_has_reached_no_level_and_is_within(
    calendar: ServiceCalendar, limit: str, now: datetime, beyond: timedelta
) -> None:
    levels = (Level(before=parse_limit(limit), to=(OWNER,)), WHEN_DUE)
    due_at = due_horizon(levels, [CALENDAR, calendar], now) + beyond
    assert find_standing(levels, calendar, due_at, now) is Standing.WITHIN
    assert list_reached(levels, calendar, due_at, now) == []


@settings(deadline=None)
@given(CALENDARS, LIMITS, INSTANTS)
def test_a_warning_is_never_later_than_due(calendar: ServiceCalendar, limit: str, due_at: datetime) -> None:
    assert lead(calendar, due_at, parse_limit(limit)) <= due_at


# --- escalations


def names(*requests: Unsettled, now: datetime, mailbox: Mailbox | None = None) -> list[tuple[int, str]]:
    mailbox = mailbox or a_mailbox()
    return [(new.request_id, new.level) for new in list_escalations(requests, LEVELS, {mailbox.address: mailbox}, now)]


def test_each_level_is_escalated_as_it_is_reached_and_none_again() -> None:
    seen = a_request(escalated={"before 1 business day": at("2026-11-27 16:31")})
    fresh = a_request(id=2)
    assert names(seen, fresh, now=at("2026-11-27 16:30")) == []
    assert names(seen, fresh, now=WARNED) == [(2, "before 1 business day")]
    assert names(seen, fresh, now=at("2026-12-04 08:30")) == [
        (1, "after 0 business days"),
        (1, "after 3 business days"),
        (2, "before 1 business day"),
        (2, "after 0 business days"),
        (2, "after 3 business days"),
    ]


def test_requests_of_a_mailbox_that_is_no_longer_watched_are_history() -> None:
    assert names(a_request(mailbox="old@cscmonavenir.example"), now=LATE) == []


def test_while_no_answer_was_ever_seen_in_a_shared_mailbox_escalation_stops_at_the_owner() -> None:
    mailboxes = {INSCRIPTIONS: a_mailbox()}
    request = a_request(is_answer_seen=False)
    found = list_escalations([request], LEVELS, mailboxes, at("2026-12-04 08:30"))
    assert [(new.level, new.to) for new in found] == [
        ("before 1 business day", (OWNER,)),
        ("after 0 business days", (OWNER,)),
    ]
    assert list(gather(request, now=at("2026-12-04 08:30"), is_answer_seen=False)) == [MARIE]


def test_in_a_person_s_own_mailbox_it_does_not() -> None:
    told = gather(a_request(mailbox=MARIE), mailbox=a_staff_mailbox(), is_answer_seen=False)
    assert set(told) == {MARIE, LUC}


# --- who is told


def test_before_it_is_at_risk_nobody_is_told() -> None:
    assert gather(a_request(), now=at("2026-11-27 08:30")) == {}


def test_a_warning_goes_to_the_owner_and_lateness_to_the_manager_too() -> None:
    assert set(gather(a_request(), now=WARNED)) == {MARIE}
    assert set(gather(a_request(), now=LATE)) == {MARIE, LUC}
    assert set(gather(a_request(), now=at("2026-12-04 08:30"))) == {MARIE, LUC, DIRECTOR}


def test_only_the_owner_may_see_who_asked_what() -> None:
    told = gather(a_request(), now=at("2026-12-04 08:30"))
    assert {who: told[who][0].is_owner for who in told} == {MARIE: True, LUC: False, DIRECTOR: False}


def test_another_owner_of_the_mailbox_may_see_it_too() -> None:
    mailbox = a_mailbox(owners=(PEOPLE[ANNE], PEOPLE[LUC]))
    assert gather(a_request(), mailbox=mailbox)[LUC][0].is_owner


def test_a_person_named_twice_has_one_concern_and_sees_as_the_owner() -> None:
    levels = (Level(after=parse_limit("0h"), to=(MANAGER, MARIE, OWNER)),)
    people = PEOPLE | {MARIE: a_person(manager=MARIE)}
    (concern,) = gather(a_request(), levels=levels, people=people)[MARIE]
    assert concern == Concern(request=a_request(), standing=Standing.OVERDUE, is_new=True, is_owner=True)


def test_people_are_those_of_now_and_not_those_of_the_escalation() -> None:
    request = a_request(owner=ANNE, escalated={level.name: WARNED for level in LEVELS})
    people = PEOPLE | {ANNE: a_person(ANNE, manager=DIRECTOR)}
    assert set(gather(request, people=people, levels=LEVELS[:2])) == {ANNE, DIRECTOR}


def test_of_an_owner_whom_the_configuration_knows_no_more_the_mailbox_s_first_owner_takes_the_place() -> None:
    gone = a_request(owner="old@cscmonavenir.example")
    assert set(gather(gone)) == {MARIE, LUC}
    assert find_owner(gone, a_mailbox(owners=()), PEOPLE) == "old@cscmonavenir.example"
    assert find_owner(gone, a_mailbox(owners=(a_person("old@cscmonavenir.example"),)), {}) == gone.owner


def test_a_request_that_had_no_owner_is_told_to_the_owner_its_mailbox_has_now() -> None:
    assert set(gather(a_request(owner=""))) == {MARIE, LUC}
    assert find_owner(a_request(owner=""), a_mailbox(), {}) == MARIE


def test_where_nobody_owns_anything_only_the_addresses_are_told() -> None:
    told = gather(a_request(owner=""), now=at("2026-12-04 08:30"), mailbox=a_mailbox(owners=()))
    assert set(told) == {DIRECTOR}


def test_addresses_are_compared_as_keys() -> None:
    levels = (Level(after=parse_limit("0h"), to=("Director@CSCMonAvenir.example", OWNER, MARIE.upper())),)
    assert set(gather(a_request(), levels=levels)) == {DIRECTOR, MARIE}


def test_what_was_escalated_and_put_off_since_is_told_when_it_is_reached_again() -> None:
    """By an absence that became known later."""
    request = a_request(answer_due_at=at("2026-12-30 12:00"), escalated={WHEN_DUE.name: WARNED})
    assert set(gather(request)) == set()
    assert set(gather(request, now=at("2026-12-31 08:30"))) == {MARIE, LUC}


def test_levels_that_are_no_longer_configured_tell_nobody() -> None:
    assert gather(a_request(escalated={"after 9h": LATE}), now=at("2026-11-26 08:30")) == {}


def test_requests_are_told_oldest_first_whatever_order_they_come_in() -> None:
    old, new = a_request(id=7, received_at=at("2026-11-20 10:00")), a_request(id=2)
    assert [concern.request.id for concern in gather(new, old, replace(new, id=1))[MARIE]] == [7, 1, 2]


# --- what is new


def test_what_was_escalated_since_the_last_digest_is_new() -> None:
    request = a_request(escalated={A_DAY_BEFORE.name: at("2026-11-27 16:31"), WHEN_DUE.name: at("2026-11-30 16:31")})
    told_at = {MARIE: at("2026-11-30 08:30"), LUC: at("2026-11-30 16:31")}
    told = gather(request, told_at=told_at, now=LATE)
    assert [told[MARIE][0].is_new, told[LUC][0].is_new] == [True, False]


def test_what_the_owner_heard_of_is_not_new_for_the_director_s_sake() -> None:
    late = at("2026-12-03 16:31")
    request = a_request(escalated={A_DAY_BEFORE.name: DUE, WHEN_DUE.name: DUE, THREE_DAYS_LATE.name: late})
    told = gather(request, told_at={MARIE: LATE, DIRECTOR: LATE}, now=at("2026-12-04 08:30"))
    assert [told[MARIE][0].is_new, told[DIRECTOR][0].is_new] == [False, True]


# --- absences


def test_a_delegate_is_told_in_the_owner_s_place_and_sees_as_the_owner() -> None:
    told = gather(a_request(), absences=[away(MARIE, ANNE)])
    assert set(told) == {ANNE, LUC}
    assert (told[ANNE][0].covers, told[ANNE][0].is_owner) == (MARIE, True)


def test_a_manager_who_is_away_is_covered_for_without_seeing_more() -> None:
    told = gather(a_request(), absences=[away(LUC, ANNE)])
    assert (told[ANNE][0].covers, told[ANNE][0].is_owner) == (LUC, False)


def test_a_manager_who_covers_for_the_owner_is_told_once_in_their_own_name() -> None:
    (concern,) = gather(a_request(), absences=[away(MARIE)])[LUC]
    assert (concern.covers, concern.is_owner) == ("", True)


def test_who_covers_for_owner_and_manager_covers_for_the_owner() -> None:
    (concern,) = gather(a_request(), absences=[away(MARIE, ANNE), away(LUC, ANNE)])[ANNE]
    assert (concern.covers, concern.is_owner) == (MARIE, True)


def test_where_everybody_is_away_everybody_is_told_all_the_same() -> None:
    absences = [away(MARIE, ANNE), away(ANNE), away(LUC), away(DIRECTOR)]
    assert set(gather(a_request(), absences=absences)) == {MARIE, LUC}


def test_an_absence_that_is_over_sends_the_digest_back() -> None:
    assert set(gather(a_request(), now=at("2026-12-07 08:30"), absences=[away(MARIE, ANNE)], levels=LEVELS[:1])) == {
        MARIE
    }


# --- held


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({"suppressed_by": "daily_limit"}, "daily_limit"),
        ({"suppressed_by": "disabled"}, ""),
        ({"suppressed_by": "elsewhere"}, ""),
        ({"suppressed_by": "answered"}, ""),
        ({}, ""),  # its acknowledgement is on its way
        ({"has_failed": True}, FAILED),
        ({"has_failed": True, "suppressed_by": "elsewhere"}, FAILED),
        ({"suppressed_by": "daily_limit", "is_unacknowledged": False}, ""),
        ({"has_failed": True, "is_unacknowledged": False}, ""),
    ],
)
def test_a_request_is_held_whose_acknowledgement_somebody_owes(fields: dict[str, Any], held: str) -> None:
    request = a_request(**({"is_unacknowledged": True, "state": State.OPEN} | fields))
    told = gather(request, now=at("2026-11-24 08:30"))
    assert [(who, concern.held) for who, (concern,) in told.items()] == ([(MARIE, held)] if held else [])


def test_a_held_request_is_the_owner_s_concern_and_only_lateness_the_manager_s() -> None:
    request = a_request(is_unacknowledged=True, suppressed_by="auto_response_suppress", state=State.OPEN)
    told = gather(request, now=LATE)
    assert {who: concern.held for who, (concern,) in told.items()} == {MARIE: "auto_response_suppress", LUC: ""}


def test_whoever_covers_for_the_owner_is_asked_to_acknowledge() -> None:
    request = a_request(is_unacknowledged=True, suppressed_by="daily_limit", state=State.OPEN)
    (concern,) = gather(request, now=at("2026-11-25 08:30"), absences=[away(MARIE, ANNE)])[ANNE]
    assert (concern.held, concern.covers, concern.is_owner, concern.standing) == (
        "daily_limit",
        MARIE,
        True,
        Standing.WITHIN,
    )
