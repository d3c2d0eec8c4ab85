"""Which absence a mail server tells of, and from which instant to which, across changes of clocks."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, MARIE, a_calendar, a_mailbox, a_person, a_staff_mailbox, a_standard, an_organisation

from mailwatch.domain.absences import Absence, Audience
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.people import Responder
from mailwatch.domain.server_notices import (
    find_closing,
    is_answered_by_server,
    notice_facts,
    plan_server_notice,
)

PAUL = "paul.roy@cscmonavenir.example"


def an_absence(away_from: str, returns_on: str = "", who: str = MARIE, **fields: Any) -> Absence:
    returns = date.fromisoformat(returns_on) if returns_on else None
    return Absence(who=who, away_from=date.fromisoformat(away_from), returns_on=returns, **fields)


def closing(mailbox: Mailbox, day: str, *absences: Absence) -> tuple[str, str] | None:
    """First day and end, as texts."""
    at = datetime.combine(date.fromisoformat(day), time(12), UTC)
    found = find_closing(mailbox, absences, at)
    return found and (str(found.first), str(found.end))


def test_the_absence_that_is_on_goes_before_the_next_one_and_past_ones_are_none() -> None:
    absences = [
        an_absence("2026-11-02", "2026-11-09"),
        an_absence("2027-02-01", "2027-02-03"),
        an_absence("2027-01-11", "2027-01-12"),
        an_absence("2026-12-07", "2026-12-14"),
    ]
    december = ("2026-12-07", "2026-12-14")

    found = [closing(a_staff_mailbox(), day, *absences) for day in ("2026-11-09", "2026-12-07", "2026-12-13")]
    assert found == [december] * 3
    assert closing(a_staff_mailbox(), "2026-12-14", *absences) == ("2027-01-11", "2027-01-12")
    assert closing(a_staff_mailbox(), "2027-02-02", *absences) == ("2027-02-01", "2027-02-03")
    assert closing(a_staff_mailbox(), "2027-02-03", *absences) is None


def test_absences_without_a_day_between_are_one_and_an_unknown_return_has_no_end() -> None:
    first, second = an_absence("2026-12-07", "2026-12-14"), an_absence("2026-12-14", "2026-12-21")

    assert closing(a_staff_mailbox(), "2026-12-08", first, second) == ("2026-12-07", "2026-12-21")
    assert closing(a_staff_mailbox(), "2026-12-08", first, an_absence("2026-12-10")) == ("2026-12-07", "None")


def test_a_shared_mailbox_is_away_while_all_its_owners_are() -> None:
    people = {MARIE: a_person(), PAUL: a_person(PAUL, "Paul Roy")}
    mailbox = a_mailbox(owners=tuple(people.values()), organisation=an_organisation(people=people))
    marie, paul = an_absence("2026-12-07", "2026-12-14"), an_absence("2026-12-09", "2026-12-11", PAUL)
    closed = an_absence("2026-12-21", "2026-12-22", INSCRIPTIONS)

    assert closing(mailbox, "2026-12-08", marie) is None
    assert closing(mailbox, "2026-12-08", marie, paul, closed) == ("2026-12-09", "2026-12-11")
    assert closing(mailbox, "2026-12-11", marie, paul, closed) == ("2026-12-21", "2026-12-22")


def test_nothing_is_told_of_a_person_of_whom_another_program_tells() -> None:
    quiet = a_person(notice=Responder.NONE)
    mailbox = a_staff_mailbox(owners=(quiet,), organisation=an_organisation(people={MARIE: quiet}))

    assert closing(mailbox, "2026-12-08", an_absence("2026-12-07", "2026-12-14")) is None


@pytest.mark.parametrize(
    ("of_mailbox", "of_person", "staff", "shared"),
    [
        (Responder.SEND, Responder.SEND, False, False),
        (Responder.SEND, Responder.SIEVE, True, False),
        (Responder.SIEVE, Responder.SEND, True, True),
        (Responder.NONE, Responder.SIEVE, False, False),
    ],
)
def test_the_mailbox_says_who_tells_or_else_its_person(
    of_mailbox: Responder, of_person: Responder, staff: bool, shared: bool
) -> None:
    fields: dict[str, Any] = {"notice": of_mailbox, "owners": (a_person(notice=of_person),)}

    assert is_answered_by_server(a_staff_mailbox(**fields)) is staff
    assert is_answered_by_server(a_mailbox(**fields)) is shared


@pytest.mark.parametrize(
    ("zone", "away_from", "returns_on", "start", "end"),
    [
        ("America/Toronto", "2026-12-07", "2026-12-14", "2026-12-07T05:00", "2026-12-14T05:00"),
        ("America/Toronto", "2026-10-30", "2026-11-02", "2026-10-30T04:00", "2026-11-02T05:00"),
        ("America/Toronto", "2027-03-12", "2027-03-15", "2027-03-12T05:00", "2027-03-15T04:00"),
        ("America/St_Johns", "2026-07-01", "2026-07-02", "2026-07-01T02:30", "2026-07-02T02:30"),
        ("Pacific/Auckland", "2026-07-01", "2026-07-02", "2026-06-30T12:00", "2026-07-01T12:00"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-05", "2018-11-04T03:00", "2018-11-05T02:00"),
    ],
)
def test_a_notice_begins_and_ends_at_local_midnights(
    zone: str, away_from: str, returns_on: str, start: str, end: str
) -> None:
    """In the last row the first midnight is skipped: that day begins at 01:00."""
    mailbox = a_mailbox(standard=a_standard(calendar=a_calendar(timezone=ZoneInfo(zone))), aliases=("i@example.org",))
    absence = an_absence(away_from, returns_on, INSCRIPTIONS, audience=Audience.INTERNAL)
    found = find_closing(mailbox, [absence], datetime(2018, 1, 1, tzinfo=UTC))
    assert found is not None

    notice = plan_server_notice(mailbox, found, "Absence", "Bonjour")

    assert [f"{each:%Y-%m-%dT%H:%M}" for each in (notice.start, notice.end) if each] == [start, end]
    assert notice.addresses == (INSCRIPTIONS, "i@example.org")
    assert (notice.audience, notice.internal_domains) == (Audience.INTERNAL, ("cscmonavenir.example",))


def test_the_words_name_whoever_covers_and_the_first_business_day_back() -> None:
    """2026-12-12 is a Saturday."""
    people = {MARIE: a_person(), PAUL: a_person(PAUL, "Paul Roy")}
    mailbox = a_staff_mailbox(organisation=an_organisation(people=people))
    found = find_closing(
        mailbox, [an_absence("2026-12-07", "2026-12-12", delegate=PAUL)], datetime(2026, 12, 8, 12, tzinfo=UTC)
    )
    assert found is not None

    facts = notice_facts(found.away)

    assert (facts.reference, facts.subject) == ("", "")
    assert (facts.away.name, facts.away.returns_on) == ("Marie Tremblay", date(2026, 12, 14))
    assert facts.away.cover == people[PAUL]
