"""Health and metrics of a real process: asked over HTTP as monitoring does, whole and with what it needs broken."""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from servers.dovecot import Dovecot
from servers.ports import free_ports
from servers.postgres import Postgres
from system.books import Database
from system.letters import INSCRIPTIONS, a_letter
from system.service import Service, eventually
from system.sink import Sink
from system.town import PASSWORD, TRANSPORT, a_configuration, a_watched_mailbox, an_imap_server, now, smtp_plain

pytestmark = pytest.mark.system

Samples = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What asks, on this machine."""

    port: int

    def ask(self, page: str) -> tuple[int, str]:
        """The status and the body of a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{page}", timeout=15) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def scrape(self) -> Samples:
        """Every sample: name and the values of its labels, sorted by their names."""
        _, text = self.ask("/metrics")
        families = text_string_to_metric_families(text)
        return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}

    @property
    def section(self) -> str:
        """The [metrics] to configure."""
        return f'[metrics]\nlisten = "127.0.0.1:{self.port}"\n'


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot([INSCRIPTIONS, TRANSPORT], PASSWORD, domain="cscmonavenir.example") as dovecot:
        yield dovecot


@pytest.fixture
def monitoring() -> Monitoring:
    return Monitoring(free_ports(1)[0])


@pytest.fixture
def service(
    dovecot: Dovecot, sink: Sink, database: Database, monitoring: Monitoring, a_service: Callable[[str], Service]
) -> Service:
    """Two mailboxes, one of which can't be signed in to."""
    service = a_service(
        a_configuration(
            database.configured,
            smtp_plain(sink.port),
            [an_imap_server(dovecot)],
            [a_watched_mailbox(), a_watched_mailbox(TRANSPORT, password="WRONG_PASSWORD")],
            more=monitoring.section,
        )
    )
    if database.needs_upgrade:
        assert service.command("db", "upgrade").returncode == 0
    service.start()
    eventually(lambda: service.said("folder.first_seen"), "the first sight of the mailbox")
    return service


def test_monitoring_sees_what_an_operator_would_alert_on(
    service: Service, dovecot: Dovecot, sink: Sink, monitoring: Monitoring, database: Database
) -> None:
    sink.is_silent = True
    for number in range(3):
        sender = f"parent{number}@courriel.example"
        dovecot.deliver(INSCRIPTIONS, a_letter(number, sender=sender, sent_at=now()))
    eventually(lambda: service.said("mailbox.trouble", mailbox=TRANSPORT), "the other mailbox is in trouble")
    eventually(lambda: sum(line["count"] for line in service.said("messages.recorded")) == 3, "all are recorded")

    eventually(lambda: monitoring.scrape().get(("mailwatch_requests_unacknowledged", "mailwatch")) == 3.0, "3 wait")
    seen = monitoring.scrape()

    numbers = {fact["address"]: str(fact["id"]) for fact in service.status()["mailboxes"]}
    assert seen["mailwatch_up",] == seen["mailwatch_workers_alive",] == 1.0
    assert seen["mailwatch_requests_unsettled", "open"] == 3.0
    assert 0.0 <= seen["mailwatch_unacknowledged_oldest_age_seconds",] < 120.0
    assert 47 * 3600 < seen["mailwatch_unacknowledged_time_left_seconds",] <= 48 * 3600
    assert seen["mailwatch_mailbox_trouble", "login-refused", numbers[TRANSPORT]] == 1.0
    assert seen["mailwatch_mailbox_progress_age_seconds", numbers[INSCRIPTIONS]] < 120.0
    assert ("mailwatch_mailbox_progress_age_seconds", numbers[TRANSPORT]) not in seen
    assert seen["mailwatch_mailboxes_unseen",] == 1.0
    assert seen["mailwatch_switch_off", "sending"] == 0.0
    assert seen["mailwatch_incidents_open", "mailbox without progress"] == 0.0
    assert seen["mailwatch_database_size_bytes",] > 10_000
    assert seen["process_resident_memory_bytes",] > 10_000_000
    assert seen["process_open_fds",] > 5
    _, text = monitoring.ask("/metrics")
    assert re.findall(r"[\w.+-]+@[\w.-]+", text) == []  # no address ...
    assert "Inscription" not in text  # ... and no subject
    assert database.inconsistencies() == []


def test_a_pause_shows_at_the_next_scrape(service: Service, monitoring: Monitoring) -> None:
    assert service.command("pause", "--why", "essai").returncode == 0

    eventually(lambda: monitoring.scrape()["mailwatch_switch_off", "sending"] == 1.0, "the pause is seen")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_is_healthy_and_ready_through_a_refused_and_a_taken_configuration(
    service: Service, monitoring: Monitoring
) -> None:
    assert monitoring.ask("/healthz") == (200, '{"healthy":true,"reasons":[]}')
    assert monitoring.ask("/readyz") == (200, '{"ready":true,"reasons":[]}')
    assert monitoring.ask("/")[0] == 404
    text = service.config.read_text("utf-8")

    service.configure(text + "[database2]\n")
    service.hang_up()
    eventually(lambda: service.said("configuration.refused"), "it is refused")
    assert monitoring.scrape()["mailwatch_configuration_refused",] == 1.0
    other = Monitoring(free_ports(1)[0])
    service.configure(text.replace(f":{monitoring.port}", f":{other.port}"))
    assert service.command("reload").returncode == 0

    eventually(lambda: other.ask("/readyz")[0] == 200, "it answers at its new address")
    assert other.scrape()["mailwatch_configuration_refused",] == 0.0
    with pytest.raises(urllib.error.URLError):
        monitoring.ask("/healthz")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_address_that_is_taken_is_refused_and_the_old_configuration_goes_on(
    service: Service, monitoring: Monitoring, sink: Sink
) -> None:
    text = service.config.read_text("utf-8")
    service.configure(text.replace(f":{monitoring.port}", f":{sink.port}"))

    done = service.command("reload")

    assert done.returncode == 1
    assert "[metrics] listen: 127.0.0.1:" in done.stderr
    eventually(lambda: monitoring.ask("/readyz")[0] == 200, "the old configuration serves")
    assert monitoring.scrape()["mailwatch_configuration_refused",] == 1.0


def test_a_database_that_is_away_is_told_of_and_hangs_nothing(
    a_service: Callable[[str], Service], dovecot: Dovecot, sink: Sink, monitoring: Monitoring
) -> None:
    with Postgres() as cluster:
        configuration = a_configuration(
            cluster.url("postgres", "postgresql"),
            smtp_plain(sink.port),
            [an_imap_server(dovecot)],
            more=monitoring.section,
        )
        service = a_service(configuration)
        assert service.command("db", "upgrade").returncode == 0
        service.start()
        assert monitoring.scrape()["mailwatch_up",] == 1.0

        cluster.halt()
        eventually(lambda: monitoring.scrape()["mailwatch_up",] == 0.0, "it is told")
        gone = monitoring.scrape()
        assert gone["process_open_fds",] > 5
        assert ("mailwatch_requests_overdue",) not in gone
        status, body = monitoring.ask("/readyz")
        assert (status, json.loads(body)["ready"]) == (503, False)
        assert json.loads(body)["reasons"]
        assert monitoring.ask("/healthz")[0] == 200

        cluster.start()
        eventually(lambda: monitoring.ask("/readyz")[0] == 200, "it is ready again")
        eventually(lambda: monitoring.scrape()["mailwatch_up",] == 1.0, "it tells again")
        service.stop()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_database_of_another_version_makes_it_unready(
    service: Service, monitoring: Monitoring, database: Database
) -> None:
    database.execute("UPDATE alembic_version SET version_num = '9999'")

    status, body = monitoring.ask("/readyz")

    assert status == 503
    assert "the database is at revision 9999" in json.loads(body)["reasons"][0]


def test_nothing_listens_unless_it_is_asked_for(
    a_service: Callable[[str], Service], dovecot: Dovecot, sink: Sink, sqlite: Database
) -> None:
    service = a_service(a_configuration(sqlite.configured, smtp_plain(sink.port), [an_imap_server(dovecot)]))
    service.start()

    assert list(listening(service)) == []
    service.stop()


def listening(service: Service) -> Iterator[str]:
    """Local addresses that the process listens on, as the kernel writes them."""
    owned = {os.readlink(each) for each in Path(f"/proc/{service.pid}/fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in owned:
                yield fields[1]
