"""A sick machine: signals, a clock that is set, a disk that is full, a database that is locked, gone or read-only."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

import asyncpg
from servers.postgres import Postgres
from system.books import Database
from system.service import ENDING, LOOK_EVERY, eventually

from torture.databases import postgres_on, sqlite_in
from torture.house import CONNECTIONS, House, a_house
from torture.trials import REMEDY, Trial

OUTAGE = 15.0  # seconds; the long ones take a minute
LOCKED = {"sqlite": 35.0, "postgres": 65.0}  # seconds: longer than anybody waits for a lock there
STOPPED = 15.0  # seconds
TWO_HOURS = 7200.0
BUSY = 60  # messages
TAKES_NOTHING = "database takes nothing"
BEAT = "SELECT beat_at FROM worker ORDER BY started_at DESC LIMIT 1"


# --- signals ----------------------------------------------------------------------------------------------------------


def sigterm_while_it_sends(house: House, trial: Trial) -> None:
    """Ends cleanly, gives back what it had claimed."""
    house.sink.pace = 0.05
    house.deliver(150)
    eventually(lambda: len(house.sink.letters) >= 20, "it is sending")
    _terminate(house, trial)
    house.sink.pace = 0.0
    house.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def sigterm_while_the_smtp_server_is_silent(house: House, trial: Trial) -> None:
    """Doesn't wait for replies that don't come."""
    house.sink.is_silent = True
    house.deliver(20)
    eventually(lambda: house.sink.in_hand == CONNECTIONS, "every connection waits for a reply")
    _terminate(house, trial)
    house.sink.is_silent = False
    house.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def sigterm_while_the_database_is_locked(house: House, trial: Trial) -> None:
    """Doesn't wait for the lock."""
    with _locked(house.database):
        house.deliver(20)
        time.sleep(2)
        _terminate(house, trial, reads=False)
    house.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def stopped_and_continued(house: House, trial: Trial) -> None:
    """SIGSTOP, as a suspended machine is for a while."""
    house.sink.pace = 0.05
    house.deliver(BUSY)
    eventually(lambda: len(house.sink.letters) >= 10, "it is sending")
    os.kill(house.service.pid, signal.SIGSTOP)
    time.sleep(STOPPED)
    house.deliver(10)
    house.ends.append(len(house.sink.letters))  # what was on its way is in doubt, as after a kill
    os.kill(house.service.pid, signal.SIGCONT)
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def _terminate(house: House, trial: Trial, *, reads: bool = True) -> None:
    """`reads`: the database can be read, so that what was claimed must have been given back."""
    code, seconds = house.service.terminate()
    trial.observed.append(f"ended after {seconds:.1f} s")
    trial.expect(seconds < ENDING, f"it took {seconds:.1f} s to end")
    if reads:
        trial.expect(code == 0, f"exit code {code}")
        claimed = [entry.id for entry in house.database.entries() if entry.state == "claimed"]
        trial.expect(not claimed, f"still claimed: {claimed}")


# --- the clock --------------------------------------------------------------------------------------------------------


def clock_set_forward(house: House, trial: Trial) -> None:
    """By two hours, while it works."""
    _set_clock(house, trial, TWO_HOURS)


def clock_set_back(house: House, trial: Trial) -> None:
    """By two hours, while it works."""
    _set_clock(house, trial, -TWO_HOURS)


def clock_set_back_while_the_smtp_server_is_away(house: House, trial: Trial) -> None:
    """A pause that was to last a second must not last two hours."""
    house.sink.shut()
    house.deliver(5)
    eventually(lambda: house.service.said("acknowledgement.deferred"), "the server is missed")
    waiting = house.owed()
    house.set_clock(-TWO_HOURS)
    house.sink.open()
    house.deliver(5)
    trial.await_well(lambda: house.owed() <= waiting, "what comes now is acknowledged")
    house.set_clock(0)
    eventually(house.is_well, "what was deferred is acknowledged once the clock is right", 60)


def _set_clock(house: House, trial: Trial, seconds: float) -> None:
    house.deliver(BUSY)
    eventually(lambda: len(house.sink.letters) >= 10, "it is sending")
    house.set_clock(seconds)
    waiting = house.owed()
    house.deliver(BUSY)
    if seconds < 0:  # what waits for its time waits as much longer as the clock was set back
        trial.await_well(lambda: house.owed() <= waiting, "what comes now is acknowledged")
        trial.observed.append(f"{len(house.owed())} wait until the clock is right")
        eventually(lambda: house.service.said("clock.set_back"), "the clock is seen to be wrong", 30)
    else:
        trial.await_well(house.is_well, "everybody has an acknowledgement")
    before = house.database.scalar(BEAT)
    eventually(lambda: house.database.scalar(BEAT) != before, "the heart beats on", 30)
    trial.observed.append("ticks go on")
    house.set_clock(0)
    house.deliver(10)
    eventually(house.is_well, "the clock is right again, and all is well")


# --- the database -----------------------------------------------------------------------------------------------------


def database_locked(house: House, trial: Trial) -> None:
    """Another process holds a lock for longer than anybody waits for one."""
    with _locked(house.database):
        house.deliver(20)
        time.sleep(LOCKED[trial.on])
    trial.await_well(house.is_well, "everybody has an acknowledgement")


@contextmanager
def _locked(database: Database) -> Iterator[None]:
    """By another connection."""
    if database.is_sqlite:
        connection = sqlite3.connect(database.url.partition(":///")[2], timeout=10, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()
    else:
        lock = "SELECT 1; LOCK TABLE mailbox, outbox, request, message, worker IN ACCESS EXCLUSIVE MODE"
        with asyncio.Runner() as runner:
            held = runner.run(asyncpg.connect(database.configured))
            runner.run(held.execute(f"BEGIN; {lock}"))
            try:
                yield
            finally:
                runner.run(held.execute("ROLLBACK"))
                runner.run(held.close())


def disk_full(house: House, trial: Trial) -> None:
    """The database's disk is full for a while; one message was sent just before, and waits to be written down."""
    _fill(Path(house.database.url.partition(":///")[2]).parent, house, trial)


def postgresql_disk_full(house: House, trial: Trial, server: Postgres) -> None:
    """The same of the disk that holds PostgreSQL's tables. (Without room for its log it stops altogether.)"""
    _fill(server.folder / TABLESPACE, house, trial)


def _fill(disk: Path, house: House, trial: Trial) -> None:
    house.sink.pace = 0.2
    house.deliver(20)
    eventually(lambda: len(house.sink.letters) >= 2, "it is sending")
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        _fill_up(file)
        house.deliver(20)
        over = time.monotonic() + OUTAGE
        while time.monotonic() < over:  # the database itself gives some room back now and then
            _fill_up(file)
            time.sleep(LOOK_EVERY)
    ballast.unlink()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def _fill_up(file: RawIOBase) -> None:
    with suppress(OSError):
        while True:
            file.write(bytes(4096))


@contextmanager
def a_small_disk(folder: Path, megabytes: int = 3) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _on_a_small_disk(server: Postgres) -> Iterator[Database]:
    """A database whose tables lie there; it goes before the disk does, for the server would miss its files."""
    with a_small_disk(server.folder / TABLESPACE, TABLESPACE_MB) as disk:
        server.give(disk)
        database = postgres_on(server)
        name = database.url.rpartition("/")[2]
        asyncio.run(server.execute(f"CREATE TABLESPACE {TABLESPACE} LOCATION '{disk}'"))
        asyncio.run(server.execute(f'ALTER DATABASE "{name}" SET TABLESPACE {TABLESPACE}'))
        yield database
        asyncio.run(server.drop(name))
        asyncio.run(server.execute(f"DROP TABLESPACE {TABLESPACE}"))


def database_file_read_only(house: House, trial: Trial) -> None:
    """Found so at the start: `run` ends with words, not with a traceback, and works once it is writable."""
    house.deliver(5)
    eventually(house.is_well, "all is well before")
    house.service.stop()
    file = house.database.url.partition(":///")[2]
    house.deliver(5)
    subprocess.run(["mount", "--bind", file, file], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", file], check=True)
        run = house.service.command("run")
    finally:
        subprocess.run(["umount", file], check=True)
    trial.observed.append(f"exit code {run.returncode}: {run.stderr.splitlines()[-1]}")
    trial.expect(run.returncode == 1, f"exit code {run.returncode}")
    trial.expect("Traceback" not in run.stderr, "a traceback")
    house.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def database_folder_read_only(house: House, trial: Trial) -> None:
    """The same of the folder that holds the file."""
    house.service.stop()
    house.deliver(5)
    folder = str(Path(house.database.url.partition(":///")[2]).parent)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    try:
        run = house.service.command("run")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    trial.observed.append(f"exit code {run.returncode}: {run.stderr.splitlines()[-1]}")
    trial.expect(run.returncode in (1, 2), f"exit code {run.returncode}")
    trial.expect("Traceback" not in run.stderr, "a traceback")
    house.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def postgresql_restarted(house: House, trial: Trial, server: Postgres) -> None:
    """Every connection is ended while it works."""
    house.sink.pace = 0.02
    house.deliver(BUSY)
    eventually(lambda: len(house.sink.letters) >= 5, "it is sending")
    server.halt()
    server.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def postgresql_gone_for_a_minute(house: House, trial: Trial, server: Postgres) -> None:
    """Nothing listens there."""
    house.sink.pace = 0.02
    house.deliver(BUSY)
    eventually(lambda: len(house.sink.letters) >= 5, "it is sending")
    server.halt()
    time.sleep(60)
    house.deliver(10)
    server.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def postgresql_read_only(house: House, trial: Trial, server: Postgres) -> None:
    """As after a fail-over to a standby that isn't promoted yet."""
    name = house.database.url.rpartition("/")[2]
    _make_read_only(server, name, "on")
    house.deliver(20)
    time.sleep(OUTAGE)
    _make_read_only(server, name, "off")
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def sigterm_while_postgresql_is_gone(house: House, trial: Trial, server: Postgres) -> None:
    """Ends all the same; what it had claimed is free once it is known to be dead."""
    house.sink.pace = 0.1
    house.deliver(20)
    eventually(lambda: len(house.sink.letters) >= 2, "it is sending")
    server.halt()
    time.sleep(2)
    _terminate(house, trial, reads=False)
    house.ends.append(len(house.sink.letters))
    server.start()
    house.start()
    trial.await_well(house.is_well, "everybody has an acknowledgement")


def _make_read_only(server: Postgres, name: str, value: str) -> None:
    async def act() -> None:
        await server.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}')
        await server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    asyncio.run(act())


# --- all of them ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What is tried, the seconds within which all is well again, the log event that tells of it, by database; whether
    IT is told that the database takes nothing."""

    play: Callable[..., None]
    bound: float
    on_sqlite: str = ""
    on_postgres: str = ""
    is_told: bool = False

    @property
    def name(self) -> str:
        """In words."""
        return self.play.__name__.replace("_", " ")


ANYWHERE = (
    Fault(sigterm_while_it_sends, 60, "service.stopped", "service.stopped"),
    Fault(sigterm_while_the_smtp_server_is_silent, 60, "outbox.unfinished", "outbox.unfinished"),
    Fault(sigterm_while_the_database_is_locked, 60, "service.cut_short", "service.cut_short"),
    Fault(stopped_and_continued, 90),
    Fault(clock_set_forward, 60),
    Fault(clock_set_back, 60, "clock.set_back", "clock.set_back"),
    Fault(clock_set_back_while_the_smtp_server_is_away, 60, "acknowledgement.deferred", "acknowledgement.deferred"),
    Fault(database_locked, 60, "look.postponed", "leases.unrenewed", is_told=True),
)
ON_SQLITE = (
    Fault(disk_full, 60, "look.postponed", is_told=True),
    Fault(database_file_read_only, 60),
    Fault(database_folder_read_only, 60),
)
ON_POSTGRESQL = (
    Fault(postgresql_restarted, 60, "", "outbox.unavailable"),
    Fault(postgresql_gone_for_a_minute, 60, "", "leases.unrenewed", is_told=True),
    Fault(postgresql_read_only, 60, "", "leases.unrenewed", is_told=True),
    Fault(postgresql_disk_full, 60, "", "look.postponed", is_told=True),
    Fault(sigterm_while_postgresql_is_gone, 90, "", "service.stopped"),
)
SMALL_DISK = (disk_full, database_folder_read_only)
TABLESPACE, TABLESPACE_MB = "small", 24  # the tables of an empty database are some nine megabytes


def play_on_sqlite(root: Path, say: Callable[[str], object]) -> list[Trial]:
    """Each fault in a house of its own."""
    trials = []
    for fault in (*ANYWHERE, *ON_SQLITE):
        folder = root / fault.play.__name__
        with a_small_disk(root / f"{folder.name}.disk") if fault.play in SMALL_DISK else nullcontext(folder) as place:
            trials.append(attempt(fault, folder, sqlite_in(place)))
        say(f"{fault.name}: {trials[-1].recovered_in:.1f} s")
    return trials


def play_on_postgres(root: Path, say: Callable[[str], object]) -> list[Trial]:
    """Each fault in a house of its own, on one server that is durable."""
    trials = []
    with Postgres(fsync=True) as server:
        for fault in (*ANYWHERE, *ON_POSTGRESQL):
            more = (server,) if fault in ON_POSTGRESQL else ()
            is_small = fault.play is postgresql_disk_full
            with _on_a_small_disk(server) if is_small else nullcontext(postgres_on(server)) as database:
                trials.append(attempt(fault, root / fault.play.__name__, database, *more))
            say(f"{fault.name}: {trials[-1].recovered_in:.1f} s")
    return trials


def find(name: str) -> Fault:
    """A fault by its name."""
    return next(fault for fault in (*ANYWHERE, *ON_SQLITE, *ON_POSTGRESQL) if fault.name == name)


def attempt(fault: Fault, folder: Path, database: Database, *more: Postgres) -> Trial:
    """Try a fault in a house of its own; `more`: the server, for those who stop it."""
    event = fault.on_sqlite if database.is_sqlite else fault.on_postgres
    alert = TAKES_NOTHING if fault.is_told else ""
    trial = Trial(fault.name, "sqlite" if database.is_sqlite else "postgres", fault.bound, event, alert)
    with trial.attempted(), a_house(folder, database) as house:
        fault.play(house, trial, *more)
        trial.problems += house.judge()
        trial.expect(not event or bool(house.service.said(event)), f"the log says no {event}")
        trial.expect(not alert or bool(house.service.said("incident.opened", kind=alert)), f"no incident: {alert}")
        trial.expect(not alert or REMEDY in house.alerts(), "IT isn't told what to do")
        trial.problems += house.service.faults()[:3]
    return trial
