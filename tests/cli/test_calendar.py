"""`mailwatch calendar`: what it prints, in both languages, and how it refuses."""

import json
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, a_calendar, a_mailbox, a_standard
from cli.program import plain
from click.testing import CliRunner, Result

from mailwatch.cli.calendar import calendar
from mailwatch.domain.calendars import ServiceCalendar, parse_closure
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox

TORONTO = ZoneInfo("America/Toronto")
VANCOUVER = a_calendar(timezone=ZoneInfo("America/Vancouver"), subdivision="BC", hours={0: ((540, 1020),)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the commands ask of a configuration, without a file."""

    timezone: ZoneInfo = TORONTO
    own: ServiceCalendar = field(
        default_factory=lambda: a_calendar(closures=(parse_closure("2026-12-21..2027-01-01"),))
    )

    def calendar(self) -> ServiceCalendar:
        return self.own

    def mailboxes(self) -> tuple[Mailbox, ...]:
        return (a_mailbox(standard=a_standard(calendar=VANCOUVER)),)

    def find_mailbox(self, address: str) -> Mailbox | None:
        return next((each for each in self.mailboxes() if each.address == address), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """An invocation in a language."""

    language: Language = Language.EN

    def config(self) -> Configured:
        return Configured()

    def pick(self, en: str, fr: str) -> str:
        return fr if self.language is Language.FR else en


def run(*arguments: str, language: Language = Language.EN) -> Result:
    return CliRunner().invoke(calendar, list(arguments), obj=Called(language=language))


def facts(*arguments: str, language: Language = Language.EN) -> dict[str, object]:
    result = run(*arguments, language=language)
    assert result.exit_code == 0, result.output
    value: dict[str, object] = json.loads(result.stdout)
    return value


def test_due_as_json_has_start_limit_due_and_steps() -> None:
    assert facts("due", "--json", "2026-11-27T17:45", "1 business day") == {
        "start": "2026-11-27T17:45:00-05:00",
        "limit": "1 business day",
        "due": "2026-11-30T16:30:00-05:00",
        "steps": [
            {"on": "2026-11-27", "text": "Fri 27 Nov 2026: received 17:45 (day 0)"},
            {"on": "2026-11-28..2026-11-29", "text": "Sat 28 Nov 2026 – Sun 29 Nov 2026: closed, weekend"},
            {"on": "2026-11-30", "text": "Mon 30 Nov 2026: day 1, due at 16:30"},
        ],
    }


def test_json_speaks_the_language_of_the_call() -> None:
    steps = facts("due", "--json", "2026-11-27T17:45", "0 business days", language=Language.FR)["steps"]
    assert steps == [
        {"on": "2026-11-27", "text": "ven. 27 nov. 2026\u00a0: reçue à 17\u00a0h\u00a045 (jour 0)"},
        {"on": "2026-11-27", "text": "ven. 27 nov. 2026\u00a0: échéance à 17\u00a0h\u00a045"},
    ]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-23 10:00", "2026-11-30T16:30:00-05:00"),
        ("2026-11-28T09:00", "2026-12-04T16:30:00-05:00"),
        ("2026-12-18T09:00", "2027-01-08T16:30:00-05:00"),
        ("2026-06-24T12:00", "2026-07-02T16:30:00-04:00"),
        ("2026-03-06T23:30", "2026-03-13T16:30:00-04:00"),
        ("2026-11-23", "2026-11-30T16:30:00-05:00"),
        ("2026-11-24T03:00:00Z", "2026-11-30T16:30:00-05:00"),  # still Monday in Toronto
        ("2026-11-24T09:00+09:00", "2026-11-30T16:30:00-05:00"),
    ],
)
def test_an_instant_may_be_written_in_any_of_the_usual_ways(received: str, due: str) -> None:
    assert facts("due", "--json", received, "5 business days")["due"] == due


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("2026-03-08T02:30", "2026-03-08T03:30:00-04:00"),  # skipped: as much later
        ("2026-11-01T01:30", "2026-11-01T01:30:00-04:00"),  # repeated: the first
        ("2026-11-01T01:30-05:00", "2026-11-01T01:30:00-05:00"),
    ],
)
def test_a_local_time_that_clocks_skip_or_repeat_is_settled(written: str, start: str) -> None:
    assert facts("due", "--json", written, "48h")["start"] == start


def test_due_as_text_ends_with_the_instant_and_both_times() -> None:
    lines = run("due", "2026-11-27T17:45", "1 business day").stdout.replace("\u00a0", " ").splitlines()
    assert lines[0] == "  Fri 27 Nov 2026: received 17:45 (day 0)"
    assert lines[-2:] == ["Due: 2026-11-30T16:30:00-05:00 (America/Toronto)", "7 h of service, 70 h 45 min elapsed"]
    french = run("due", "2026-11-27T17:45", "1 business day", language=Language.FR).stdout.replace("\u00a0", " ")
    assert french.splitlines()[-2:] == [
        "Échéance : 2026-11-30T16:30:00-05:00 (America/Toronto)",
        "7 h de service, 70 h 45 min écoulées",
    ]


def test_a_mailbox_has_its_own_calendar_and_instants_stay_in_the_organisation_s_zone() -> None:
    found = facts("due", "--mailbox", INSCRIPTIONS, "--json", "2026-11-23T10:00", "1 business day")
    assert found["start"] == "2026-11-23T07:00:00-08:00"
    assert found["due"] == "2026-11-30T17:00:00-08:00"


def test_between_as_json_counts_in_three_ways() -> None:
    assert facts("between", "--json", "2026-11-23T10:00", "2026-11-30T16:30") == {
        "start": "2026-11-23T10:00:00-05:00",
        "end": "2026-11-30T16:30:00-05:00",
        "business_days": 5,
        "business_minutes": 40 * 60 + 30,
        "elapsed_minutes": 174 * 60 + 30,
    }


def test_between_takes_a_mailbox_too() -> None:
    found = facts(
        "between", "--mailbox", INSCRIPTIONS, "--json", "2026-11-23", "2026-12-08"
    )  # from Sunday evening there
    assert (found["business_days"], found["business_minutes"]) == (3, 3 * 8 * 60)


def test_elapsed_time_between_is_not_that_of_the_wall() -> None:
    assert facts("between", "--json", "2026-03-08", "2026-03-09")["elapsed_minutes"] == 23 * 60


def test_reversed_instants_have_no_business_time_between_them() -> None:
    found = facts("between", "--json", "2026-11-24T10:00", "2026-11-23T10:00")
    assert (found["business_days"], found["business_minutes"], found["elapsed_minutes"]) == (0, 0, -1440)
    assert facts("between", "--json", "2026-11-23T10:00:30", "2026-11-23T10:00")["elapsed_minutes"] == 0


@pytest.mark.parametrize(
    ("end", "language", "first"),
    [
        ("2026-11-24", Language.EN, "1 business day"),
        ("2026-11-25", Language.EN, "2 business days"),
        ("2026-11-23", Language.FR, "0 jour ouvrable"),
        ("2026-11-24", Language.FR, "1 jour ouvrable"),
        ("2026-11-25", Language.FR, "2 jours ouvrables"),
    ],
)
def test_between_as_text_agrees_in_number(end: str, language: Language, first: str) -> None:
    assert run("between", "2026-11-23", end, language=language).stdout.splitlines()[0] == first


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("due", "yesterday", "48h"), "'yesterday': expected ISO 8601"),
        (("due", "2026-02-29", "48h"), "'2026-02-29': expected ISO 8601"),
        (("due", "0001-01-01", "48h"), "1970-2199"),
        (("due", "9999-12-31T23:59", "5 business days"), "1970-2199"),
        (("due", "2026-11-23", "5 days"), "'5 days': expected \"48h\""),
        (("due", "--mailbox", "x@y.example", "2026-11-23", "48h"), f"the configuration has: {INSCRIPTIONS}"),
        (("between", "2026-11-23", "soon"), "'soon': expected ISO 8601"),
        (("due", "2026-11-23"), "Missing argument 'LIMIT'"),
    ],
)
def test_bad_usage_says_what_was_expected_and_ends_with_two(arguments: tuple[str, ...], expected: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("due", "hier", "48h"), "'hier' : ISO 8601 attendu"),
        (("due", "2026-11-23", "5 jours"), "'5 jours' : attendu, une limite"),
        (("due", "--mailbox", "x@y.example", "2026-11-23", "48h"), "boîte x@y.example inconnue"),
    ],
)
def test_bad_usage_is_explained_in_french_too(arguments: tuple[str, ...], expected: str) -> None:
    result = run(*arguments, language=Language.FR)
    assert result.exit_code == 2
    assert expected in plain(result.stderr)
