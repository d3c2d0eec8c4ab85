"""A new configuration under load: nothing lost, nothing twice; a wrong one is refused, and the service goes on."""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from servers.postgres import Postgres
from system.books import Database
from system.letters import INSCRIPTIONS, a_letter
from system.service import HURRIED, Service, eventually
from system.sink import Sink
from system.town import PASSWORD, TRANSPORT, a_configuration, a_watched_mailbox, an_imap_server, now, smtp_plain

pytestmark = pytest.mark.system

LOAD = 150


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot([INSCRIPTIONS, TRANSPORT], PASSWORD, domain="cscmonavenir.example") as dovecot:
        yield dovecot


Configure = Callable[..., str]


@pytest.fixture
def configuration(dovecot: Dovecot, sink: Sink, database: Database) -> Configure:
    """A configuration of these servers, of which a test changes one thing."""

    def make(*mailboxes: str, delay: str = "0s", more: str = "", url: str = database.configured) -> str:
        return a_configuration(url, smtp_plain(sink.port), [an_imap_server(dovecot)], mailboxes, delay=delay, more=more)

    return make


@pytest.fixture
def service(configuration: Configure, database: Database, a_service: Callable[[str], Service]) -> Service:
    """A service that runs, and has seen the empty mailbox."""
    service = a_service(configuration())
    if database.needs_upgrade:
        assert service.command("db", "upgrade").returncode == 0
    service.start()
    eventually(lambda: service.said("folder.first_seen"), "the first sight of the mailbox")
    return service


def arrive(dovecot: Dovecot, mailbox: str, numbers: range) -> set[str]:
    """Requests, each from somebody else; who wrote."""
    senders = {number: f"parent{number}@courriel.example" for number in numbers}
    at = now()
    dovecot.fill(mailbox, (a_letter(number, sender=who, to=mailbox, sent_at=at) for number, who in senders.items()))
    return set(senders.values())


def test_a_new_configuration_under_load_loses_nothing_and_repeats_nothing(
    service: Service, configuration: Configure, dovecot: Dovecot, sink: Sink, database: Database
) -> None:
    sink.pace = 0.3
    requesters = arrive(dovecot, INSCRIPTIONS, range(LOAD))
    eventually(lambda: len(sink.letters) >= 20, "it is sending")

    service.configure(configuration(a_watched_mailbox(), a_watched_mailbox(TRANSPORT), delay="1s"))
    done = service.command("reload")

    assert (done.returncode, done.stdout, done.stderr) == (0, "the configuration is loaded\n", "")
    assert len(sink.letters) < LOAD, "reloaded too late to prove anything"
    sink.pace = 0.0
    eventually(lambda: service.said("folder.first_seen", mailbox=TRANSPORT), "the new mailbox is watched")
    requesters |= arrive(dovecot, TRANSPORT, range(LOAD, LOAD + 10))
    requesters |= arrive(dovecot, INSCRIPTIONS, range(LOAD + 10, LOAD + 20))
    everybody = "everybody has an acknowledgement"
    eventually(lambda: {letter.recipient for letter in sink.letters} >= requesters, everybody, within=120)
    eventually(lambda: {entry.state for entry in database.entries()} == {"sent"}, "all outcomes are on disk")
    assert service.said("configuration.reloaded", mailboxes=2)
    assert len(database.workers()) == 1  # the same as before
    service.stop()

    assert Counter(letter.recipient for letter in sink.letters) == Counter(requesters)
    assert len(database.requests()) == database.sightings() == len(requesters)
    delays = {(entry.not_before - entry.enqueued_at).total_seconds() > 0.5 for entry in database.entries()}
    assert delays == {False, True}  # those of before the reload, and of after it
    assert database.inconsistencies() == []


NO_SECRET = a_watched_mailbox(password="NO_SUCH_VARIABLE")
WRONG: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a key that doesn't exist": ((), {"more": "[database2]\n"}, "database2"),
    "a secret that isn't there": ((NO_SECRET,), {}, "NO_SUCH_VARIABLE isn't set"),
    "another database": ((), {"url": "sqlite:///other.db"}, "restart it"),
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_configuration_is_refused_and_the_service_goes_on(
    service: Service, configuration: Configure, dovecot: Dovecot, sink: Sink, wrong: str
) -> None:
    mailboxes, changes, problem = WRONG[wrong]
    service.configure(configuration(*mailboxes, **changes))

    service.hang_up()

    (line,) = eventually(lambda: service.said("configuration.refused"), "it is refused")
    assert problem in str(line["problems"])
    requesters = arrive(dovecot, INSCRIPTIONS, range(3))
    eventually(lambda: {letter.recipient for letter in sink.letters} == requesters, "everybody has an acknowledgement")
    service.stop()
    assert not service.said("configuration.reloaded")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_reload_says_why_a_configuration_is_refused(service: Service, configuration: Configure) -> None:
    service.configure(configuration(more="[database2]\n"))
    here = service.command("reload")
    service.configure(configuration(NO_SECRET))
    there = service.command("reload")

    assert (here.returncode, there.returncode) == (2, 1)
    assert "database2" in here.stderr
    assert "the service refuses it, and goes on as before:\n" in there.stderr
    assert "NO_SUCH_VARIABLE isn't set" in there.stderr
    service.stop()
    gone = service.command("reload")
    assert (gone.returncode, gone.stderr) == (1, "no mailwatch runs here\n")


# --- the service manager ----------------------------------------------------------------------------------------------


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd is to a service: a socket that it notifies."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0mailwatch-test-{os.getpid()}-{tmp_path.name}")
        manager.settimeout(30)
        yield manager


def hear(manager: socket.socket, what: str) -> list[str]:
    """The lines of the next notification that says it; what comes before is passed over."""
    while what not in (lines := manager.recv(4096).decode().splitlines()):
        pass
    return lines


def drain(manager: socket.socket) -> None:
    """Forget what was notified so far."""
    manager.setblocking(False)
    with suppress(BlockingIOError):
        while manager.recv(4096):
            pass
    manager.settimeout(30)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_service_manager_hears_how_it_gets_on(
    a_service: Callable[[str], Service], configuration: Configure, manager: socket.socket, database: Database
) -> None:
    service = a_service(configuration())
    address = "@" + manager.getsockname()[1:].decode()
    service.mend(NOTIFY_SOCKET=address, WATCHDOG_USEC="900000")
    service.start()

    assert "STATUS=Watching 1 mailbox" in hear(manager, "READY=1")
    assert hear(manager, "WATCHDOG=1") == ["WATCHDOG=1"]
    service.configure(configuration(more="[database2]\n"))
    service.hang_up()
    assert any(line.startswith("MONOTONIC_USEC=") for line in hear(manager, "RELOADING=1"))
    assert "refused" in " ".join(hear(manager, "READY=1"))
    service.configure(configuration(a_watched_mailbox(), a_watched_mailbox(TRANSPORT)))
    service.hang_up()
    hear(manager, "RELOADING=1")
    assert "STATUS=Watching 2 mailboxes" in hear(manager, "READY=1")
    service.stop()
    hear(manager, "STOPPING=1")


def test_the_watchdog_starves_while_the_database_is_away(
    a_service: Callable[[str], Service], dovecot: Dovecot, sink: Sink, manager: socket.socket
) -> None:
    """A process that lives and gets nowhere is what a watchdog is for."""
    with Postgres() as cluster:
        url = cluster.url(asyncio.run(cluster.create()), "postgresql")
        service = a_service(a_configuration(url, smtp_plain(sink.port), [an_imap_server(dovecot)]))
        assert service.command("db", "upgrade").returncode == 0
        service.mend(NOTIFY_SOCKET="@" + manager.getsockname()[1:].decode(), WATCHDOG_USEC="900000")
        service.start(HURRIED)
        hear(manager, "WATCHDOG=1")

        cluster.halt()
        (line, *_) = eventually(lambda: service.said("watchdog.unfed"), "it is withheld")
        assert "the database has taken no heartbeat" in line["reasons"][0]
        drain(manager)
        cluster.start()
        assert hear(manager, "WATCHDOG=1")
        service.stop()
