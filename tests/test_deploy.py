"""What deploy/ ships: units that systemd understands and finds well confined, YAML that parses, alerts on metrics."""

import configparser
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from mailwatch.cli import cli
from mailwatch.store.gauges import Gauges, MailboxGauge
from mailwatch.web.exposition import Process, expose

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = ("mailwatch.service", "mailwatch@.service")
INSTALLED = "/opt/mailwatch/bin/mailwatch"
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts; a unit without any option has 9.6

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
RULES = yaml.safe_load((DEPLOY / "alerts.rules.yml").read_text("utf-8"))["groups"][0]["rules"]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't installed: the units are NOT checked"
)


class _Section(dict[str, str]):
    """A section whose keys may stand there several times: their values, a line each."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and key in self:
            value = [*self[key], *value]
        super().__setitem__(key, value)


def unit(name: str) -> configparser.RawConfigParser:
    """A unit's sections; what is given several times has several lines."""
    parser = configparser.RawConfigParser(strict=False, dict_type=_Section, delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys have capitals
    parser.read(DEPLOY / name, "utf-8")
    return parser


def analyze(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", "--no-pager", *words], capture_output=True, text=True, timeout=60)


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_the_unit(name: str, tmp_path: Path) -> None:
    """With a program that exists; the rest as it ships."""
    text = (DEPLOY / name).read_text("utf-8")
    (tmp_path / name).write_text(text.replace(INSTALLED, sys.executable), "utf-8")

    done = analyze("verify", "--man=no", str(tmp_path / name))

    assert (done.returncode, [line for line in done.stderr.splitlines() if "mailwatch" in line]) == (0, [])


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_rates_the_unit_as_well_confined(name: str, tmp_path: Path) -> None:
    done = analyze("security", "--offline=true", str(DEPLOY / name))

    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure, done.stdout + done.stderr
    assert float(exposure[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_hears_from_us_and_watches_us(name: str) -> None:
    service = unit(name)["Service"]

    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
    assert service["WatchdogSec"] == "5min"
    assert service["Restart"] == "always"
    assert {line.partition(":")[0] for line in service["LoadCredential"].splitlines()} >= {
        "smtp-password",
        "imap-password",
    }


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_s_commands_are_commands(name: str) -> None:
    words = [each.split() for key, each in unit(name)["Service"].items() if key.startswith("Exec")]

    ours = [each[-1] for each in words if each[0] == INSTALLED]
    assert "run" in ours
    assert [each for each in ours if cli.get_command(click.Context(cli), each) is None] == []


def test_compose_upgrades_a_healthy_database_before_anything_runs() -> None:
    services = COMPOSE["services"]

    assert services["upgrade"]["command"] == ["db", "upgrade"]
    assert services["upgrade"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["mailwatch"]["depends_on"]["upgrade"]["condition"] == "service_completed_successfully"
    assert services["mailwatch"]["command"] == ["run"]
    assert services["database"]["healthcheck"]["test"][1] == "pg_isready"


def test_compose_takes_every_secret_from_a_file_and_opens_no_port() -> None:
    declared = set(COMPOSE["secrets"])
    used = {each for service in COMPOSE["services"].values() for each in service["secrets"]}

    assert used == declared
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    assert "ports" not in str(COMPOSE["services"])
    assert not re.search(r"PASSWORD[^_]", str(COMPOSE["services"]["database"]["environment"]))


def families() -> dict[str, set[str]]:
    """Every metric of a full page, with its labels."""
    gauges = Gauges(
        at=NOW,
        unsettled={},
        overdue=0,
        unacknowledged={},
        oldest_owed_at=NOW,
        soonest_due_at=NOW,
        mailboxes=(MailboxGauge(id=1, progress_at=NOW, trouble_code="unavailable", gaps=0),),
        unseen=0,
        quarantined=0,
        waiting={},
        oldest_due_at=NOW,
        ended={},
        digest_at=NOW,
        incidents={},
        switches=(),
        workers=1,
        octets=1,
    )
    page = expose(gauges, Process(configured_at=NOW, is_refused=False, silent_for=1.0)).decode()
    found = text_string_to_metric_families(page)
    return {sample.name: set(sample.labels) for family in found for sample in family.samples}


def test_every_alert_is_about_a_metric_and_says_what_to_do() -> None:
    known = families()

    for rule in RULES:
        assert set(re.findall(r"\b(?:mailwatch|process)_\w+", rule["expr"])) <= set(known), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 10


def test_a_label_that_an_alert_names_is_one_of_the_metric_s() -> None:
    known = families()

    for rule in RULES:
        metrics = re.findall(r"\bmailwatch_\w+", rule["expr"])
        labels = set().union(*(known[each] for each in metrics))
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        named |= {each for inner in re.findall(r"\{([^}]*)\}", rule["expr"]) for each in re.findall(r"(\w+)=", inner)}
        assert named - {"job"} <= labels, rule["alert"]


def test_every_metric_is_in_the_operator_s_list() -> None:
    text = (ROOT / "docs/operations.md").read_text("utf-8")

    assert [name for name in families() if name.startswith("mailwatch_") and f"`{name}`" not in text] == []
