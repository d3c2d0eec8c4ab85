"""Kill a service under load, again and again, at random moments and at named points; then judge what it did."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from servers.dovecot import Dovecot
from system.books import Database
from system.letters import INSCRIPTIONS
from system.service import LOOK_EVERY, Service, eventually
from system.sink import Letter, Sink
from system.town import PASSWORD, SECRETS, TRANSPORT, a_configuration, a_watched_mailbox, an_imap_server, smtp_plain

from torture.judge import FIGURES, Lives, Verdict, judge
from torture.load import BOXES, Load
from torture.nursery import Nursery
from torture.points import POINTS

CONNECTIONS = 4
HEADINGS = ("database", "kills at random", "at named points", "well again after", *FIGURES, "")
RATE = 25.0  # messages a second
BACKLOG = 150  # questions that wait for their acknowledgement: then no more come for a while
PACE = 0.01  # seconds that the sink takes over each: long enough that messages are in flight when a kill comes
MOST_LINES = 60  # a random moment comes after so many lines of the log at most, however slow the machine is ...
JITTER = 0.2  # ... and up to so many seconds later
LONGEST_LIFE = 6.0  # seconds
PATIENCE = 8.0  # seconds for a service to come to its point
# Half a minute without a heartbeat, which nobody waits for here: what dead workers had claimed, and held, is free.
BURIAL = ("UPDATE worker SET beat_at = beat_at - interval '1 minute'", "DELETE FROM lease")
MOST_PASSES = 4
SETTLING = 180.0  # seconds to settle everything in the end


@dataclass
class Campaign:
    """What was done, and what came of it."""

    kills: Counter[str] = field(default_factory=Counter)  # by moment
    verdict: Verdict = field(default_factory=Verdict)
    recovered_in: float = 0.0  # seconds from the last start until everything was settled
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)  # exceptions in logs

    @property
    def problems(self) -> list[str]:
        """Broken promises, and faults in logs."""
        return [*self.verdict.problems, *self.faults]

    def row(self, database: str) -> Sequence[str]:
        """A line of the table."""
        at_random = self.kills["at random"]
        figures = [str(self.verdict.figures[name]) for name in FIGURES]
        points = f"{self.kills.total() - at_random} at {len(self.kills.keys() & POINTS.keys())} points"
        outcome = "FAILED" if self.problems else "ok"
        return (database, str(at_random), points, f"{self.recovered_in:.1f} s", *figures, outcome)


def kill_again_and_again(
    folder: Path,
    database: Database,
    *,
    kills: int,
    at_points: int,
    seed: int,
    say: Callable[[str], object] = lambda _: None,
) -> Campaign:
    """`kills` at random moments, and `at_points` at each named point, in random order."""
    begun = time.monotonic()
    chance = random.Random(seed)
    plan = [""] * kills + list(POINTS) * at_points
    chance.shuffle(plan)
    campaign = Campaign()
    with Dovecot(BOXES, PASSWORD, domain="cscmonavenir.example") as dovecot, Sink() as sink:
        service = _prepare(folder, database, dovecot, sink)
        sink.pace = PACE

        def is_enough(asked: int) -> bool:
            return asked - len({letter.recipient for letter in list(sink.letters)}) > BACKLOG

        with Load(dovecot, RATE, seed, is_enough=is_enough) as load, Nursery(service.config, SECRETS) as nursery:
            killer = _Killer(folder, nursery, sink, database, chance)
            for number, point in enumerate(plan, start=1):
                campaign.kills[killer.kill_at(point)] += 1
                if number % 25 == 0:
                    say(f"{number} of {len(plan)} kills, {len(sink.letters)} messages left")
        campaign.recovered_in = _settle(service, database, sink, sum(len(one.boxes) for one in load.delivered))
        lives = Lives([*killer.lives, sink.letters[killer.counted :]])
        campaign.verdict = judge(load.delivered, lives, database, dovecot, CONNECTIONS)
        check = service.command("check", "--data")
        if check.returncode or check.stderr:
            campaign.verdict.problems.append(f"check --data: {check.stdout[-500:]} {check.stderr[-500:]}")
    campaign.faults = [*killer.faults(), *service.faults()]
    campaign.seconds = time.monotonic() - begun
    return campaign


def _prepare(folder: Path, database: Database, dovecot: Dovecot, sink: Sink) -> Service:
    """A service that has seen the empty mailboxes, and was stopped: their first sight would be silent."""
    configuration = a_configuration(
        database.configured,
        smtp_plain(sink.port),
        [an_imap_server(dovecot)],
        [a_watched_mailbox(INSCRIPTIONS), a_watched_mailbox(TRANSPORT)],
        connections=CONNECTIONS,
    )
    service = Service(folder, configuration, SECRETS)
    if database.needs_upgrade:
        assert service.command("db", "upgrade").returncode == 0
    service.start()
    eventually(
        lambda: len(service.said("folder.first_seen", folder="INBOX")) == len(BOXES), "the first sight of the mailboxes"
    )
    service.stop()
    return service


class _Killer:
    """Begins lives, and ends them. `lives`: what left in each."""

    def __init__(self, folder: Path, nursery: Nursery, sink: Sink, database: Database, chance: random.Random) -> None:
        self._folder = folder
        self._nursery = nursery
        self._sink = sink
        self._database = database
        self._chance = chance
        self.lives: list[list[Letter]] = []
        self.counted = 0

    def kill_at(self, point: str) -> str:
        """One life; the name of the moment at which it ended."""
        log = self._folder / f"life-{len(self.lives)}.log"
        self._nursery.bear(log, point=point, passes=self._chance.randrange(MOST_PASSES) if point else 0)
        came_there = self._nursery.ended(PATIENCE if point else self._wait_for_a_moment(log))
        self._nursery.kill()
        assert point or not came_there, f"the service ended by itself: {log.read_text()[-2000:]}"
        eventually(lambda: self._sink.connections == 0, "the sink has heard of the end")
        self.lives.append(self._sink.letters[self.counted :])
        self.counted = len(self._sink.letters)
        if not self._database.is_sqlite:
            for statement in BURIAL:
                self._database.execute(statement)
        return point if came_there else "at random"

    def _wait_for_a_moment(self, log: Path) -> float:
        """Until the log has grown to a random length; the seconds that are left from then on."""
        limit = time.monotonic() + LONGEST_LIFE
        lines = self._chance.randrange(MOST_LINES)
        while time.monotonic() < limit and (log.read_bytes().count(b"\n") if log.exists() else 0) < lines:
            time.sleep(self._chance.uniform(0, LOOK_EVERY))
        return self._chance.uniform(0, JITTER)

    def faults(self) -> list[str]:
        """What a working service doesn't write."""
        logs = sorted(self._folder.glob("life-*.log"))
        lines = (line for log in logs for line in log.read_text(errors="replace").splitlines())
        return [line for line in lines if line[:1] != "{" or '"exception"' in line]


def _settle(service: Service, database: Database, sink: Sink, delivered: int) -> float:
    """A last life, in which everything comes to its end; how long that took. It is stopped, not killed."""
    begun = time.monotonic()
    sink.pace = 0.0
    service.start()
    eventually(lambda: _is_settled(database, delivered), "everything is settled", SETTLING)
    seconds = time.monotonic() - begun
    service.stop()
    return seconds


def _is_settled(database: Database, delivered: int) -> bool:
    """Everything is recorded, and nothing waits to be sent."""
    time.sleep(1.0)  # each look reads the whole outbox
    if len(database.messages()) < delivered:
        return False
    return {str(entry.state) for entry in database.entries()} <= {"sent", "failed", "uncertain", "cancelled"}
