"""Thousands of messages in a minute: of one sender the limits hold, of thousands of senders the breaker does."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from servers.dovecot import Dovecot
from system.books import Database
from system.letters import INSCRIPTIONS, a_letter
from system.service import Service, eventually
from system.sink import Sink
from system.town import MARIE, PASSWORD, a_configuration, an_imap_server_in_plain_text, now, smtp_plain

from mailwatch.domain.requests import State

pytestmark = pytest.mark.system

FLOODER = "bruyant@courriel.example"
PER_DAY = 5  # acknowledgements to one sender, by default
BATCH = 200  # messages recorded at once, by default: the breaker looks after each batch
PATIENCE = 240.0  # seconds; a quiet machine takes a tenth of it


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot([INSCRIPTIONS], PASSWORD, domain="cscmonavenir.example") as server:
        yield server


def started(dovecot: Dovecot, sink: Sink, database: Database, a_service: Callable[[str], Service], at: int) -> Service:
    """A running service whose breaker trips at so many acknowledgements in ten minutes."""
    server = an_imap_server_in_plain_text(dovecot.ports["IMAP"])
    service = a_service(a_configuration(database.configured, smtp_plain(sink.port), [server], breaker=at))
    service.start()
    eventually(lambda: service.said("folder.first_seen", folder="INBOX"), "the first sight of the mailbox")
    return service


def recorded(service: Service) -> int:
    """How many messages the log says are recorded."""
    return sum(line["count"] for line in service.said("messages.recorded"))


def told_of_by_digest(service: Service) -> int:
    """How many requests the next business day's digest asks Marie to acknowledge herself."""
    day = (now() + timedelta(days=1)).date()
    while day.weekday() > 4:
        day += timedelta(days=1)
    digest = service.command("digest", "preview", "--for", MARIE, "--date", str(day), within=PATIENCE).stdout
    number, found, _ = digest.splitlines()[0].partition("demandes sans accusé de réception")
    assert found, digest[:200]
    return int(re.sub(r"\D", "", number))


FLOODS = [
    pytest.param(250, 100, id="250"),
    pytest.param(5000, 500, id="5000", marks=pytest.mark.nightly),
]


@pytest.mark.parametrize(("count", "trips_at"), FLOODS)
def test_of_one_sender_s_flood_nothing_is_lost_and_few_are_acknowledged(
    count: int, trips_at: int, dovecot: Dovecot, sink: Sink, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(dovecot, sink, sqlite, a_service, trips_at)
    letters = (
        a_letter(number, sender=FLOODER, name="Bruyant", subject=f"Question {number}", sent_at=now())
        for number in range(count)
    )
    newsletter = a_letter(count, sender="infolettre@ailleurs.example", sent_at=now(), List_Id="<x.example>")
    dovecot.fill(INSCRIPTIONS, [newsletter, *letters])
    eventually(lambda: recorded(service) == count + 1, "all are recorded", within=PATIENCE)
    eventually(lambda: len(service.said("acknowledgement.sent")) == PER_DAY, "the first ones are acknowledged")

    # Staff see what was held back: in the status, in the list, in the digest.
    assert service.status()["held_back"] == count - PER_DAY
    assert service.status()["switches"] == []
    rows = service.command("requests", "list", "--limit", str(2 * count), within=PATIENCE).stdout.splitlines()
    assert Counter("(sender_limit)" in row for row in rows) == {True: count - PER_DAY, False: PER_DAY}
    assert told_of_by_digest(service) == count - PER_DAY

    # What stands in the silent register is let out of it by a person.
    (message,) = (row for row in sqlite.messages() if row.kind == "bulk")
    (released,) = service.act("release", str(message.id))
    assert (released["done"], released["state"]) == (True, State.OPEN)
    service.stop()
    assert Counter(letter.recipient for letter in sink.letters) == {FLOODER: PER_DAY}
    assert len(sqlite.requests()) == count + 1
    assert sqlite.inconsistencies() == []


@pytest.mark.parametrize(("count", "trips_at"), FLOODS)
def test_a_flood_of_many_senders_waits_for_a_person_and_loses_nothing(
    count: int, trips_at: int, dovecot: Dovecot, sink: Sink, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(dovecot, sink, sqlite, a_service, trips_at)
    senders = [f"parent{number}@courriel.example" for number in range(count)]
    dovecot.fill(
        INSCRIPTIONS,
        (a_letter(number, sender=sender, name="Parent", sent_at=now()) for number, sender in enumerate(senders)),
    )
    eventually(lambda: recorded(service) == count, "all are recorded", within=PATIENCE)

    (tripped,) = service.said("breaker.tripped")
    assert trips_at < tripped["count"] <= trips_at + BATCH
    status = service.status()
    assert [switch["name"] for switch in status["switches"]] == ["breaker"]
    assert status["outbox"]["pending"] >= count - trips_at - BATCH
    assert "`mailwatch resume` lets sending go on" in service.command("status").stdout
    assert len(sink.letters) <= trips_at + BATCH

    assert service.command("resume").returncode == 0
    eventually(lambda: len(service.said("acknowledgement.sent")) == count, "all are acknowledged", within=PATIENCE)
    service.stop()
    assert Counter(letter.recipient for letter in sink.letters) == Counter(senders)
    assert {request.state for request in sqlite.requests()} == {State.ACKNOWLEDGED}
    assert sqlite.inconsistencies() == []
