"""The worst ends: killed at random moments with a backlog in hand, and told to stop while it sends."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest
from servers.dovecot import Dovecot
from system.books import Database
from system.letters import INSCRIPTIONS, a_letter
from system.service import ENDING, Service, eventually
from system.sink import Sink
from system.town import PASSWORD, a_configuration, an_imap_server, now, smtp_plain

pytestmark = pytest.mark.system

KILLS = 2
CONNECTIONS = 4
SIZES = {"sqlite": 2000, "postgres": 500}


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot([INSCRIPTIONS], PASSWORD, domain="cscmonavenir.example") as dovecot:
        yield dovecot


@pytest.fixture
def service(dovecot: Dovecot, sink: Sink, database: Database, a_service: Callable[[str], Service]) -> Service:
    """A service that has seen the empty mailbox, and was stopped."""
    configuration = a_configuration(
        database.configured, smtp_plain(sink.port), [an_imap_server(dovecot)], connections=CONNECTIONS
    )
    service = a_service(configuration)
    if database.needs_upgrade:
        assert service.command("db", "upgrade").returncode == 0
    service.start()
    eventually(lambda: service.said("folder.first_seen"), "the first sight of the mailbox")
    service.stop()
    return service


def fill(dovecot: Dovecot, count: int) -> set[str]:
    """A backlog of requests, each from somebody else; who wrote."""
    senders = [f"parent{number}@courriel.example" for number in range(count)]
    sent_at = now()
    dovecot.fill(
        INSCRIPTIONS,
        (a_letter(number, sender=sender, sent_at=sent_at) for number, sender in enumerate(senders)),
    )
    return set(senders)


def recorded(service: Service) -> int:
    """How many messages the log says were recorded, by all processes so far."""
    return sum(line["count"] for line in service.said("messages.recorded"))


def test_killed_at_random_moments_it_acknowledges_everybody_under_one_message_id(
    dovecot: Dovecot, sink: Sink, database: Database, service: Service
) -> None:
    count = SIZES["sqlite" if database.is_sqlite else "postgres"]
    requesters = fill(dovecot, count)

    moment = random.randrange(1, count)  # pytest-randomly prints the seed
    service.start()
    eventually(lambda: recorded(service) >= moment, f"{moment} messages are recorded")
    service.kill()
    moment = len(sink.letters) + random.randrange(1, count // 2)
    service.start()
    eventually(lambda: len(sink.letters) >= moment, f"{moment} messages are sent")
    service.kill()
    assert len(sink.letters) < count, "killed too late to prove anything"
    service.start()
    if not database.is_sqlite:
        bury_the_dead(database, dovecot)
        requesters.add("nouveau@courriel.example")
    eventually(lambda: {letter.recipient for letter in sink.letters} == requesters, "everybody has an acknowledgement")
    eventually(lambda: {entry.state for entry in database.entries()} == {"sent"}, "all outcomes are on disk")
    service.stop()

    copies = len(sink.letters) - len(requesters)
    assert 0 <= copies <= KILLS * CONNECTIONS
    bodies = defaultdict(set)
    for letter in sink.letters:
        bodies[letter.recipient, letter.message_id].add(letter.body)
    assert Counter(recipient for recipient, _ in bodies) == Counter(requesters)  # one Message-ID each
    assert {len(different) for different in bodies.values()} == {1}  # and the same bytes in every copy

    assert database.sightings() == len(database.messages()) == len(database.requests()) == len(requesters)
    assert {request.state for request in database.requests()} == {"acknowledged"}
    assert set(dovecot.flags(INSCRIPTIONS).values()) == {frozenset()}
    assert database.inconsistencies() == []
    check = service.command("check", "--data")
    assert (check.returncode, check.stderr) == (0, "")


def bury_the_dead(database: Database, dovecot: Dovecot) -> None:
    """Half a minute without a heartbeat, which the test doesn't wait for; then a new request wakes the sender.

    On PostgreSQL any other worker may be alive, so what the killed ones had claimed is theirs until then.
    """
    newest = "(SELECT max(started_at) FROM worker)"
    database.execute(f"UPDATE worker SET beat_at = beat_at - interval '1 minute' WHERE started_at < {newest}")
    dovecot.deliver(INSCRIPTIONS, a_letter(99_999, sender="nouveau@courriel.example", sent_at=now()))


def test_sigterm_while_it_sends_loses_nothing_and_repeats_nothing(
    dovecot: Dovecot, sink: Sink, database: Database, service: Service
) -> None:
    requesters = fill(dovecot, 150)
    sink.pace = 0.05
    service.start()
    eventually(lambda: len(sink.letters) >= 20, "it is sending")
    service.stop()
    sent = len(sink.letters)
    assert sent < len(requesters), "stopped too late to prove anything"
    assert Counter(entry.state for entry in database.entries()) == {"sent": sent, "pending": len(requesters) - sent}

    sink.pace = 0.0
    service.start()
    eventually(lambda: len(sink.letters) >= len(requesters), "everybody has an acknowledgement")
    eventually(lambda: {entry.state for entry in database.entries()} == {"sent"}, "all outcomes are on disk")
    service.stop()
    assert Counter(letter.recipient for letter in sink.letters) == Counter(requesters)
    assert database.inconsistencies() == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sigterm_ends_it_in_time_even_where_the_mail_server_has_fallen_silent(
    dovecot: Dovecot, sink: Sink, database: Database, service: Service
) -> None:
    fill(dovecot, 20)
    sink.is_silent = True
    service.start()
    eventually(lambda: sink.in_hand == CONNECTIONS, "every connection waits for a reply")
    code, seconds = service.terminate()
    assert code == 0
    assert seconds < ENDING
    assert {entry.state for entry in database.entries()} == {"pending"}
    assert database.inconsistencies() == []
