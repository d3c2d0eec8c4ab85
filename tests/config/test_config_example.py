"""config.example.toml: complete, true to the defaults, and loadable for years. And what `config` prints."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from config_files import CONFIGS, EXAMPLE
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mailwatch.cli.config import config as config_commands
from mailwatch.cli.invocation import Invocation
from mailwatch.config import accounts, config_schema, load_config, model, people, show_config
from mailwatch.config.accounts import Section
from mailwatch.domain.languages import Language

TEXT = EXAMPLE.read_text("utf-8")
UNCOMMENTED = re.sub(r"^#(?=[a-z_0-9]+ = |\[)", "", TEXT, flags=re.MULTILINE)

# Where each model's keys stand in the example, and which keys it has from elsewhere.
PLACES: dict[type[Section], str] = {
    model.OrganisationSection: "organisation",
    accounts.DatabaseSection: "database",
    model.CalendarSection: "calendar",
    model.StandardSection: "standard",
    model.AcknowledgementSection: "acknowledgement",
    model.ObservingSection: "observing",
    people.EscalationSection: "escalation",
    people.DigestSection: "digest",
    accounts.SmtpKeys: "smtp",
    accounts.ImapKeys: "imap.main",
    accounts.OauthKeys: "oauth.*",
    accounts.SendingSection: "sending",
    accounts.BreakerKeys: "sending.breaker",
    accounts.ReceivingSection: "receiving",
    model.TemplatesSection: "templates",
    model.LogSection: "log",
    model.MetricsSection: "metrics",
    people.AlertsSection: "alerts",
    accounts.RetentionSection: "retention",
    people.PersonSection: "people",
    model.MailboxSection: "mailbox",
    model.RuleSection: "rule",
    people.AbsenceSection: "absence",
    people.AbsencesSection: "absences",
    people.AbsenceCalendarSection: "absence_calendar",
}
INHERITED = {
    *model.StandardSection.model_fields,
    *model.AcknowledgementSection.model_fields,
    *model.CalendarKeys.model_fields,
    *model.ObservingSection.model_fields,
} - {"enabled", "observe_sent"}


def tables_at(place: str, text: str = UNCOMMENTED) -> list[dict[str, Any]]:
    """The tables of the example, all lines uncommented, at `name`, `name.name` or `name.*`."""
    found: list[Any] = [tomllib.loads(text)]
    for part in place.split("."):
        found = [inner for each in found for inner in (each.values() if part == "*" else [each.get(part, [])])]
        found = [inner for each in found for inner in (each if isinstance(each, list) else [each])]
    return found


def every_key() -> Iterator[tuple[type[Section], str]]:
    for section in PLACES:
        inherited = INHERITED if section is model.MailboxSection else set()
        yield from ((section, name) for name in section.fields_by_key() if name not in inherited)


def default_of(field: FieldInfo) -> object:
    """A default as TOML would have it."""
    default = field.get_default(call_default_factory=True)
    return json.loads(default.model_dump_json()) if isinstance(default, BaseModel) else default


@pytest.mark.parametrize(("section", "name"), list(every_key()))
def test_every_key_stands_in_the_example_with_its_default(section: type[Section], name: str) -> None:
    field = section.model_fields[section.fields_by_key()[name]]
    values = [table[name] for table in tables_at(PLACES[section]) if name in table]
    default = default_of(field)
    is_set = any(name in table for table in tables_at(PLACES[section], TEXT))

    assert values, f"{PLACES[section]}.{name} is missing"
    if not is_set and default is not None and default != {} and not field.is_required():
        expected = list(default) if isinstance(default, tuple) else default
        assert expected in values or PLACES[section] == "rule"  # an example of a rule needs a condition and an effect


def test_every_kind_of_secret_stands_in_the_example() -> None:
    assert all(re.search(rf"= {{ {name} = ", UNCOMMENTED) for name in accounts.SecretKeys.model_fields)


def test_no_section_is_left_out_of_these_tests() -> None:
    known = {place.partition(".")[0] for place in PLACES.values()}

    assert known == set(model.Document.model_fields)


def test_the_example_is_right_with_every_line_uncommented(tmp_path: Path) -> None:
    path = tmp_path / "all.toml"
    path.write_text(UNCOMMENTED, encoding="utf-8")

    assert load_config(path).mailboxes()


@pytest.mark.parametrize("year", [2026, 2027, 2030])
def test_the_example_loads_in_any_year(year: int) -> None:
    config = load_config(EXAMPLE, now=datetime(year, 11, 23, tzinfo=UTC))

    assert [each.address for each in config.mailboxes()] == ["inscriptions@cscmonavenir.example"]
    assert (year > 2026) == bool(config.warnings)


def test_the_example_describes_the_organisation_of_the_documents() -> None:
    config = load_config(EXAMPLE)
    (mailbox,) = config.mailboxes()

    assert config.warnings == ()
    assert (config.calendar().country, config.calendar().subdivision) == ("CA", "ON")
    assert date(2027, 1, 1) in [each.last for each in config.calendar().closures]
    assert [each.name for each in mailbox.owners] == ["Marie Tremblay"]
    assert mailbox.name == {Language.FR: "Service des inscriptions", Language.EN: "Admissions"}
    assert (
        str(mailbox.standard.acknowledge_within),
        str(mailbox.standard.answer_within),
    ) == ("48h", "5 business days")
    assert set(config.organisation().people) == {
        "marie.tremblay@cscmonavenir.example",
        "luc.gagnon@cscmonavenir.example",
        "paul.roy@cscmonavenir.example",
    }


def run(*words: str) -> str:
    invocation = Invocation(config_path=EXAMPLE, language=Language.EN)
    result = CliRunner().invoke(config_commands, words, obj=invocation, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_show_prints_toml_without_secrets() -> None:
    shown = tomllib.loads(run("show"))

    assert shown["smtp"]["password"] == shown["mailbox"][0]["password"] == "***"
    assert "MAILWATCH_SMTP_PASSWORD" not in run("show")
    assert tuple(shown["mailbox"][0][key] for key in ("delay", "replies", "acknowledge_within")) == (
        "5m",
        "request",
        "48h",
    )


@pytest.mark.parametrize("path", sorted((CONFIGS / "good").glob("*.toml")), ids=lambda path: path.stem)
def test_what_show_prints_is_the_same_configuration(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    copy = tmp_path / "shown.toml"
    copy.write_text(show_config(config).replace('"***"', '{ env = "P" }'), encoding="utf-8")

    again = load_config(copy)

    assert again.organisation() == config.organisation()
    assert again.mailboxes() == config.mailboxes()
    assert show_config(again) == show_config(config)


def test_the_schema_describes_every_section_to_editors() -> None:
    schema = json.loads(run("schema"))

    assert schema == json.loads(json.dumps(config_schema()))
    assert set(model.Document.model_fields) == set(schema["properties"])
    described = [each for section in schema["$defs"].values() for each in section.get("properties", {}).values()]
    assert all("description" in each for each in described)
