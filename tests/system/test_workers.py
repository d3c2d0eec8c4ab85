"""Four workers, forty mailboxes: killed, frozen, woken and started again while mail comes in."""

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from system.books import Database
from system.letters import a_letter
from system.service import Service, eventually
from system.sink import Sink
from system.town import PASSWORD, SECRETS, a_configuration, a_watched_mailbox, an_imap_server, now, smtp_plain

pytestmark = pytest.mark.system

WORKERS = 4
MAILBOXES = [f"service{number:02}@cscmonavenir.example" for number in range(1, 41)]
CONNECTIONS = 4
STARTED_WITHIN = 90.0  # seconds; four at once on a busy machine
TAKEN_OVER_WITHIN = 30.0  # seconds
RELEASED_WITHIN = 12.0  # seconds from SIGTERM on: a clean end waits for nobody's lease


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(MAILBOXES, PASSWORD, domain="cscmonavenir.example", clients=100) as dovecot:
        yield dovecot


def tell(figures: str) -> None:
    """Shown by `pytest -s`, and of a failing test."""
    print(figures)  # noqa: T201


class Office:
    """The workers, all with one configuration, and the mail that comes in."""

    def __init__(self, folder: Path, configuration: str, dovecot: Dovecot, sink: Sink, database: Database) -> None:
        self.workers = [self._worker(folder / f"worker{number}", configuration) for number in range(WORKERS)]
        self._dovecot, self._sink, self._database = dovecot, sink, database
        self._numbers = itertools.count(1)
        self.requesters: set[str] = set()

    def _worker(self, folder: Path, configuration: str) -> Service:
        folder.mkdir()
        return Service(folder, configuration, SECRETS)

    def name(self, worker: int) -> str:
        """What a worker calls itself since its last start."""
        return str(self.workers[worker].said("service.started")[-1]["worker"])

    def deliver(self, rounds: int) -> None:
        """So many requests to every mailbox, each from somebody else."""
        for _ in range(rounds):
            for mailbox in MAILBOXES:
                number = next(self._numbers)
                sender = f"parent{number}@courriel.example"
                self._dovecot.deliver(mailbox, a_letter(number, sender=sender, to=mailbox, sent_at=now()))
                self.requesters.add(sender)

    def shares(self) -> dict[str, int]:
        """How many mailboxes each worker holds."""
        return Counter(self._database.held().values())

    def await_shares(self, *shares: int, within: float = TAKEN_OVER_WITHIN) -> float:
        """Until the shares are these; how long that took."""
        begun = time.monotonic()
        eventually(lambda: sorted(self.shares().values()) == sorted(shares), f"shares of {shares}", within)
        return time.monotonic() - begun

    def await_acknowledgements(self, within: float) -> float:
        """Until everybody who wrote has an acknowledgement; how long that took."""
        begun = time.monotonic()
        eventually(
            lambda: {letter.recipient for letter in self._sink.letters} == self.requesters, "acknowledgements", within
        )
        return time.monotonic() - begun

    def count(self, event: str, **facts: object) -> int:
        """How many lines of all workers' logs are about an event."""
        return sum(len(worker.said(event, **facts)) for worker in self.workers)

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            tell(f"the end of a worker's log:\n{worker.tail()}")  # pytest shows it of a failing test


@pytest.fixture
def office(tmp_path: Path, dovecot: Dovecot, sink: Sink, postgres: Database) -> Iterator[Office]:
    configuration = a_configuration(
        postgres.configured,
        smtp_plain(sink.port),
        [an_imap_server(dovecot)],
        [a_watched_mailbox(address) for address in MAILBOXES],
        connections=CONNECTIONS,
    )
    office = Office(tmp_path, configuration, dovecot, sink, postgres)
    assert office.workers[0].command("db", "upgrade").returncode == 0
    yield office
    office.close()


def test_killed_and_frozen_workers_lose_their_mailboxes_to_the_others_and_nothing_else(
    office: Office, sink: Sink, postgres: Database
) -> None:
    killed, frozen, *others = office.workers
    for worker in office.workers:
        worker.launch()
    eventually(lambda: office.count("service.started") == WORKERS, "all have started", STARTED_WITHIN)
    settled = office.await_shares(10, 10, 10, 10)
    eventually(lambda: office.count("folder.first_seen", folder="INBOX") == len(MAILBOXES), "first sights")
    tell(f"shared out in {settled:.1f} s")

    sink.pace = 0.02
    office.deliver(3)
    was_frozens = {mailbox for mailbox, worker in postgres.held().items() if worker == office.name(1)}
    killed.kill()
    frozen.freeze()
    begun = time.monotonic()
    office.deliver(2)
    office.await_shares(20, 20)
    taken_over = time.monotonic() - begun
    office.await_acknowledgements(TAKEN_OVER_WITHIN - taken_over)
    acknowledged = time.monotonic() - begun
    tell(f"after SIGKILL and SIGSTOP taken over in {taken_over:.1f} s, all acknowledged in {acknowledged:.1f} s")
    assert acknowledged <= TAKEN_OVER_WITHIN

    frozen.wake()
    killed.start()
    office.deliver(3)
    (lost,) = eventually(lambda: frozen.said("mailboxes.lost"), "the woken worker notices")
    assert set(lost["mailboxes"]) == was_frozens
    again = office.await_shares(10, 10, 10, 10)
    tell(f"shared out again in {again:.1f} s")
    office.await_acknowledgements(TAKEN_OVER_WITHIN)

    others[0].stop()
    released = office.await_shares(13, 13, 14, within=RELEASED_WITHIN)
    tell(f"after SIGTERM shared out in {released:.1f} s")
    eventually(lambda: {entry.state for entry in postgres.entries()} == {"sent"}, "all outcomes are on disk")
    for worker in (killed, frozen, others[1]):
        worker.stop()
    assert postgres.held() == {}

    copies = len(sink.letters) - len(office.requesters)
    tell(f"{len(office.requesters)} requests, {copies} extra copies")
    assert 0 <= copies <= 2 * CONNECTIONS
    bodies = defaultdict(set)
    for letter in sink.letters:
        bodies[letter.recipient, letter.message_id].add(letter.body)
    assert Counter(recipient for recipient, _ in bodies) == Counter(office.requesters)  # one Message-ID each
    assert {len(different) for different in bodies.values()} == {1}  # and the same bytes in every copy
    assert postgres.sightings() == len(postgres.messages()) == len(postgres.requests()) == len(office.requesters)
    assert {request.state for request in postgres.requests()} == {"acknowledged"}
    check = killed.command("check", "--data")
    assert (check.returncode, check.stderr) == (0, "")
    assert [line for worker in office.workers for line in worker.faults()] == []
