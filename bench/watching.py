"""Many mailboxes watched: what they cost while nothing comes, and how soon an acknowledgement leaves.

    idle      mailwatch watches them all, and so do as many raw sockets in IDLE; both are left alone for a while
    arrivals  messages come one by one, each to another mailbox: when the raw socket hears of it, and when the
              acknowledgement is accepted by the SMTP sink

The while is as long as a poll of mailwatch's, so that it holds one look at each mailbox, no more and no fewer.
"""

import os
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

from servers.dovecot import Dovecot

from bench import corpus
from bench.databases import Database
from bench.measure import sink
from bench.service import PASSWORD, RunFailed, Service
from bench.table import Figure

SETTLING = 10.0  # seconds after every mailbox was looked at, until all idle
BETWEEN = 0.25  # seconds between arrivals
PATIENCE = 30.0  # seconds for the last acknowledgement
CONNECTIONS = 4
MOST_MEGABYTES, MOST_CPU, MOST_THREADS = 150, 0.01, 32
MEDIAN_GOAL, WORST_GOAL = 0.1, 0.5  # seconds later than the raw socket: at the median, and at the 99th percentile

LOOKED_AT = "SELECT count(*) FROM mailbox WHERE progress_at IS NOT NULL"
SEEN = "SELECT count(*) FROM cursor WHERE is_current"
FOLDERS = 2  # INBOX, and the Sent folder that answers are looked for in
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process costs while it waits."""

    megabytes: float
    threads: int
    cpu: float  # share of a core


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message came: seconds until the raw socket heard of it, and until its acknowledgement was accepted."""

    heard: float
    acknowledged: float

    @property
    def later(self) -> float:
        """How much later than the raw socket."""
        return self.acknowledged - self.heard


def mailboxes(count: int) -> list[str]:
    """Their addresses, which are their users, too."""
    return [f"service{number}@example.test" for number in range(count)]


def measure_watching(
    dovecot: Dovecot,
    databases: Sequence[tuple[Database, Path]],
    count: int,
    arrivals: int,
    idle: float,
    say: Callable[[str], None],
) -> list[Figure]:
    """`count` mailboxes, left alone for `idle` seconds; then so many arrivals."""
    users = mailboxes(count)
    figures: list[Figure] = []
    with sink() as port, _idlers(dovecot, users) as (process, notices):
        for database, folder in databases:
            service = Service(
                folder,
                database,
                mailboxes=users,
                imap=dovecot.ports["IMAP"],
                smtp=port,
                connections=CONNECTIONS,
                delay="0s",
            )
            service.upgrade()
            with service:
                service.wait(lambda: database.number(LOOKED_AT) == count)  # noqa: B023  # called at once
                service.wait(lambda: database.number(SEEN) == count * FOLDERS)  # noqa: B023  # called at once
                time.sleep(SETTLING)
                floor, ours = _costs([process, service.pid], idle)
                say(f"watching {database.name}: {floor} {ours}")
                figures += cost_figures(database.name, count, floor, ours)
                arrived = _arrive(dovecot, users, arrivals, port, notices, seed=len(figures))
                figures += arrival_figures(database.name, count, arrived)
                say(f"arrivals {database.name}: {', '.join(figure.ours for figure in figures[-2:])}")
    return figures


@contextmanager
def _idlers(dovecot: Dovecot, users: Sequence[str]) -> Iterator[tuple[int, Path]]:
    """Raw sockets that idle, in a process of their own; its number, and the file of what they hear."""
    with tempfile.TemporaryDirectory(prefix="mailwatch-bench-") as folder:
        names, notices = Path(folder, "users"), Path(folder, "notices")
        names.write_text("\n".join(users), "utf-8")
        command = [sys.executable, "-m", "bench.idlers", str(dovecot.ports["IMAP"]), PASSWORD, str(names)]
        with notices.open("wb") as output, subprocess.Popen(command, stdout=output) as process:
            try:
                while not notices.read_bytes().startswith(b"ready\n"):
                    if process.poll() is not None:
                        raise RunFailed("the raw sockets couldn't be opened")
                    time.sleep(0.1)
                yield process.pid, notices
            finally:
                process.terminate()


def _costs(processes: Sequence[int], seconds: float) -> list[Cost]:
    """What processes cost in so many seconds, all in the same ones."""
    before = [_cpu_seconds(process) for process in processes]
    time.sleep(seconds)
    return [
        Cost(
            megabytes=_status(process, "VmRSS") / 1024,
            threads=_status(process, "Threads"),
            cpu=(_cpu_seconds(process) - used) / seconds,
        )
        for process, used in zip(processes, before, strict=True)
    ]


def _cpu_seconds(process: int) -> float:
    """proc(5): fields 14 and 15, counted from behind the name, which may hold anything."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _status(process: int, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _arrive(
    dovecot: Dovecot, users: Sequence[str], count: int, sink_port: int, notices: Path, seed: int
) -> list[Arrival]:
    """Messages to one mailbox after the other; what became of each."""
    step = max(len(users) // count, 1)
    chosen = [users[number * step % len(users)] for number in range(count)]
    known = len(notices.read_text("utf-8").splitlines())
    came: list[tuple[str, str, float]] = []
    for number, user in enumerate(chosen):
        raw = next(corpus.messages(1, user, datetime.now(UTC), seed=seed * 1_000_000 + number, mix={corpus.plain: 1}))
        requester = f"requester{seed}.{number}@quartier.example"
        raw = raw.replace(b"parent0@quartier0.example", requester.encode())
        came.append((user, requester, time.monotonic()))
        dovecot.deliver_by_lmtp([user], raw, requester)
        time.sleep(BETWEEN)
    acknowledged = _when_acknowledged(sink_port, [requester for _, requester, _ in came])
    heard = _when_heard(notices, known, count)
    return [
        Arrival(heard=heard[user].pop(0) - at, acknowledged=acknowledged[requester] - at)
        for user, requester, at in came
    ]


def _when_heard(notices: Path, known: int, count: int) -> dict[str, list[float]]:
    """When the raw sockets heard of so many messages more, by user. RunFailed if they don't."""
    limit = time.monotonic() + PATIENCE
    while len(lines := notices.read_text("utf-8").splitlines()[known:]) < count:
        if time.monotonic() > limit:
            raise RunFailed(f"the raw sockets heard of {len(lines)} messages, not of {count}")
        time.sleep(0.1)
    heard: dict[str, list[float]] = {}
    for line in lines:
        user, _, at = line.partition(" ")
        heard.setdefault(user, []).append(float(at))
    return heard


def _when_acknowledged(port: int, requesters: Sequence[str]) -> dict[str, float]:
    """When the sink accepted the message to each. RunFailed if one doesn't come."""
    limit = time.monotonic() + PATIENCE
    found: dict[str, float] = {}
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        for requester in requesters:
            while requester not in found:
                code, answer = client.docmd("XWHEN", requester)
                if code == 250:
                    found[requester] = float(answer)
                elif time.monotonic() > limit:
                    raise RunFailed(f"no acknowledgement for {requester}; {len(found)} came")
                else:
                    time.sleep(0.1)
    return found


def cost_figures(on: str, count: int, floor: Cost, ours: Cost) -> list[Figure]:
    """Memory, processor and threads beside those of raw sockets."""
    what = f"{count:,} idle mailboxes"
    return [
        Figure(
            what=f"{what}: memory",
            on=on,
            floor=f"{floor.megabytes:.0f} MiB",
            ours=f"{ours.megabytes:.0f} MiB",
            ratio=ours.megabytes / floor.megabytes,
            goal=f"≤ {MOST_MEGABYTES} MiB",
            is_met=ours.megabytes <= MOST_MEGABYTES,
        ),
        Figure(
            what=f"{what}: processor",
            on=on,
            floor=f"{floor.cpu:.2%} of a core",
            ours=f"{ours.cpu:.2%} of a core",
            ratio=ours.cpu / floor.cpu if floor.cpu else None,
            goal=f"≤ {MOST_CPU:.0%}",
            is_met=ours.cpu <= MOST_CPU,
        ),
        Figure(
            what=f"{what}: threads",
            on=on,
            floor=str(floor.threads),
            ours=str(ours.threads),
            ratio=ours.threads / floor.threads,
            goal=f"≤ {MOST_THREADS}",
            is_met=ours.threads <= MOST_THREADS,
        ),
    ]


def arrival_figures(on: str, count: int, arrivals: Sequence[Arrival]) -> list[Figure]:
    """Median and 99th percentile, each message against the raw socket that heard of the same message."""
    return [
        Figure(
            what=f"arrival → acknowledgement, {count:,} watched, {name} of {len(arrivals)}",
            on=on,
            floor=f"{_percentile([each.heard for each in arrivals], percent):.3f} s",
            ours=f"{_percentile([each.acknowledged for each in arrivals], percent):.3f} s, {later * 1000:+.0f} ms",
            ratio=_percentile([each.acknowledged / each.heard for each in arrivals], percent),
            goal=f"< +{goal * 1000:.0f} ms",
            is_met=later < goal,
        )
        for name, percent, goal in (("median", 50, MEDIAN_GOAL), ("99th percentile", 99, WORST_GOAL))
        for later in [_percentile([each.later for each in arrivals], percent)]
    ]


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]
