"""The two measurements. Each round takes a floor and then mailwatch, so that a busy minute weighs on both.

    backlog    first sight of an empty mailbox → service down → messages arrive → `mailwatch run` until all are recorded
    sending    acknowledgements pending in the outbox → `mailwatch run` until all are recorded as sent

mailwatch's time runs from the start of its process, less the shortest time it needed to start and to look at a
mailbox without news.
"""

import json
import pickle
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from servers.dovecot import Dovecot

from bench import corpus
from bench.databases import Database
from bench.service import PASSWORD, RunFailed, Service
from bench.table import Result, Round

BACKLOG_GOAL = 2.0
SENDING_GOAL = 1.5
CONNECTIONS = 4
START_UPS = 3  # how often the start-up is measured
INBOX = "requests@example.test"  # receives the backlog
OUTBOX = "answers@example.test"  # receives what is acknowledged

RECORDED = "SELECT count(*) FROM sighting"
FOLDERS = 2  # seen at first sight: INBOX, and the Sent folder that answers are looked for in
SEEN = "SELECT count(*) FROM cursor WHERE is_current"
READ_UP_TO = "SELECT max(last_uid) FROM cursor WHERE is_current"
SENT = "SELECT count(*) FROM outbox WHERE state = 'sent'"
ENQUEUED = "SELECT count(*) FROM outbox"
# What waits for its delay becomes due, as of the mailbox's first sight.
MAKE_DUE = "UPDATE outbox SET not_before = (SELECT min(enabled_at) FROM mailbox)"


def floor(*arguments: str) -> dict[str, float]:
    """Run a floor in a process of its own."""
    command = [sys.executable, "-m", "bench.floor", *arguments]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result


@contextmanager
def sink() -> Iterator[int]:
    """An SMTP sink in a process of its own; its port."""
    with subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RunFailed("the sink has no output")
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def measure_backlog(
    dovecot: Dovecot, databases: Sequence[tuple[Database, Path]], count: int, rounds: int, say: Callable[[str], None]
) -> list[Result]:
    """`count` messages that arrived after first sight, while the service was down: fetched, classified, recorded."""
    services = {
        database.name: (
            database,
            Service(folder, database, mailboxes=[INBOX], imap=dovecot.ports["IMAP"], smtp=9, connections=1),
        )
        for database, folder in databases
    }
    start_ups = {name: _first_sight(database, service) for name, (database, service) in services.items()}
    dovecot.fill(INBOX, corpus.messages(count, INBOX, datetime.now(UTC)))
    dovecot.client(INBOX).select_folder("INBOX")  # the server indexes what is new, before anybody is measured
    fetch = ("fetch", str(dovecot.ports["IMAP"]), INBOX, PASSWORD)
    floor(*fetch)
    found: dict[str, list[Round]] = {name: [] for name in services}
    for number in range(rounds):
        for name, (database, service) in services.items():
            bare = floor(*fetch)
            database.restore()
            top = count
            taken = service.seconds_until(lambda: database.number(READ_UP_TO) >= top)  # noqa: B023  # called at once
            if (recorded := database.number(RECORDED)) != count:
                raise RunFailed(f"{recorded} of {count} messages recorded on {name}")
            found[name].append(Round(floor=bare["seconds"], ours=taken - start_ups[name]))
            say(f"backlog {number + 1}/{rounds} {name}: {found[name][-1].ratio:.2f}")
    what = f"{count:,} messages recorded"
    return [Result(what=what, on=name, count=count, goal=BACKLOG_GOAL, rounds=each) for name, each in found.items()]


def measure_sending(
    dovecot: Dovecot, databases: Sequence[tuple[Database, Path]], count: int, rounds: int, say: Callable[[str], None]
) -> list[Result]:
    """`count` acknowledgements that are due: submitted to a sink, their outcomes recorded."""
    with sink() as port:
        services = {
            database.name: (
                database,
                folder,
                Service(
                    folder,
                    database,
                    mailboxes=[OUTBOX],
                    imap=dovecot.ports["IMAP"],
                    smtp=port,
                    connections=CONNECTIONS,
                ),
            )
            for database, folder in databases
        }
        start_ups = {name: _first_sight(database, service) for name, (database, _, service) in services.items()}
        dovecot.fill(OUTBOX, corpus.messages(count, OUTBOX, datetime.now(UTC), seed=7, mix={corpus.plain: 1}))
        for database, folder, service in services.values():
            _enqueue(database, folder, service, count)
        found: dict[str, list[Round]] = {name: [] for name in services}
        for number in range(rounds):
            for name, (database, folder, service) in services.items():
                bare = floor("submit", str(port), str(CONNECTIONS), str(folder / "mails"))
                _check_sink(port, count)
                database.restore()
                taken = service.seconds_until(lambda: database.number(SENT) == count)  # noqa: B023  # called at once
                _check_sink(port, count)
                found[name].append(Round(floor=bare["seconds"], ours=taken - start_ups[name]))
                say(f"sending {number + 1}/{rounds} {name}: {found[name][-1].ratio:.2f}")
    what = f"{count:,} acknowledgements sent"
    return [Result(what=what, on=name, count=count, goal=SENDING_GOAL, rounds=each) for name, each in found.items()]


def _first_sight(database: Database, service: Service) -> float:
    """See the empty folders once, keep that state, and measure the start-up from it."""
    service.upgrade()
    service.seconds_until(lambda: database.number(SEEN) == FOLDERS)
    database.keep()
    return service.start_up(START_UPS)


def _enqueue(database: Database, folder: Path, service: Service, count: int) -> None:
    """Record the requests, make their acknowledgements due, keep that state, and their bytes for the floor."""
    database.restore()
    service.seconds_until(lambda: database.number(ENQUEUED) == count)
    database.execute(MAKE_DUE)
    mails = database.rows("SELECT reverse_path, recipient, body FROM outbox ORDER BY id")
    (folder / "mails").write_bytes(pickle.dumps([(path, to, bytes(body)) for path, to, body in mails]))  # type: ignore[call-overload]  # a BLOB
    database.keep()


def _check_sink(port: int, count: int) -> None:
    """Every message arrived, each under a Message-ID of its own."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as client:
        client.ehlo()
        _, answer = client.docmd("XCOUNT")
    if answer != f"{count} {count}".encode():
        raise RunFailed(f"the sink got {answer.decode()} messages and ids, not {count}")
