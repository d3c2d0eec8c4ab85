"""A service in its house: Dovecot with two mailboxes, a sink, a database, and a clock that can be set."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from servers.dovecot import Dovecot
from system.books import Database
from system.letters import INSCRIPTIONS
from system.service import Service, eventually
from system.sink import Sink
from system.town import (
    IT,
    PASSWORD,
    SECRETS,
    TRANSPORT,
    a_configuration,
    a_watched_mailbox,
    an_imap_server,
    smtp_plain,
)

from torture.hurried import PROGRAM
from torture.judge import Lives, judge
from torture.load import BOXES, Load, Sort
from torture.nursery import TESTS
from torture.trials import words_of

CONNECTIONS = 4
IN_DOUBT = 90.0  # seconds: what is in doubt is tried again after up to a minute
ALERTS = f'[alerts]\nto = ["{IT}"]\nafter = "8s"\n'
SEED = 5


@dataclass
class House:
    """`folder` holds the configuration and the log; `ends`: how many letters had left at each SIGKILL."""

    folder: Path
    database: Database
    dovecot: Dovecot
    sink: Sink
    service: Service
    load: Load
    ends: list[int] = field(default_factory=list)

    def deliver(self, count: int) -> None:
        """Questions arrive."""
        for _ in range(count):
            self.load.deliver(Sort.QUESTION)

    def acknowledged(self) -> set[str]:
        """Who has an acknowledgement."""
        return {letter.recipient for letter in self.sink.letters} - {IT}

    def owed(self) -> set[str]:
        """Who asked, and has none yet."""
        return {one.sender for one in self.load.delivered if one.sort is not Sort.ROBOT} - self.acknowledged()

    def is_well(self) -> bool:
        """Nobody is owed anything."""
        return not self.owed()

    def set_clock(self, seconds: float) -> None:
        """By how much the service's clock is wrong."""
        (self.folder / "clock").write_text(str(seconds))

    def start(self) -> None:
        """Run the service."""
        self.service.start(PROGRAM)

    def kill(self) -> None:
        """SIGKILL."""
        self.service.kill()
        eventually(lambda: self.sink.connections == 0, "the sink has heard of the end")
        self.ends.append(len(self.sink.letters))

    def alerts(self) -> str:
        """The text of all that IT was told."""
        return words_of(letter.body for letter in self.sink.letters if letter.recipient == IT)

    def has_settled(self) -> bool:
        """Everything is written down."""
        return {str(entry.state) for entry in self.database.entries()} <= {"sent"}

    def judge(self) -> list[str]:
        """Broken promises, once everything has been settled."""
        eventually(self.has_settled, "all outcomes are on disk", IN_DOUBT)
        limits = zip([0, *self.ends], [*self.ends, len(self.sink.letters)], strict=True)
        lives = Lives([[x for x in self.sink.letters[a:b] if x.recipient != IT] for a, b in limits])
        return judge(self.load.delivered, lives, self.database, self.dovecot, CONNECTIONS).problems


@contextmanager
def a_house(folder: Path, database: Database) -> Iterator[House]:
    """A running service that has seen its empty mailboxes."""
    folder.mkdir(exist_ok=True)
    with Dovecot(BOXES, PASSWORD, domain="cscmonavenir.example") as dovecot, Sink() as sink:
        configuration = a_configuration(
            database.configured,
            smtp_plain(sink.port).replace("[smtp]", '[smtp]\ntimeout = "5s"'),
            [an_imap_server(dovecot, timeout="5s", poll="10s")],
            [a_watched_mailbox(INSCRIPTIONS), a_watched_mailbox(TRANSPORT)],
            connections=CONNECTIONS,
            more=ALERTS,
        )
        secrets = {**SECRETS, "PYTHONPATH": str(TESTS), "TORTURE_CLOCK": str(folder / "clock")}
        service = Service(folder, configuration, secrets)
        house = House(folder, database, dovecot, sink, service, Load(dovecot, 1, SEED))
        house.set_clock(0)
        if database.needs_upgrade:
            assert service.command("db", "upgrade").returncode == 0
        try:
            house.start()
            seen = {"folder": "INBOX"}
            eventually(lambda: len(service.said("folder.first_seen", **seen)) == len(BOXES), "the first sight")
            yield house
        finally:
            service.kill()
