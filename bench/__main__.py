"""python -m bench [--only WHAT …] [--on DATABASE …] [--write]: measurements as a table; needs root, for the servers."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from servers.dovecot import Dovecot
from servers.postgres import Postgres

from bench import machine
from bench.databases import Database, Postgresql, Sqlite
from bench.history import measure_history
from bench.measure import INBOX, OUTBOX, measure_backlog, measure_sending
from bench.service import PASSWORD
from bench.table import HEADINGS, Line, markdown, merge
from bench.watching import mailboxes, measure_watching

RESULTS = Path(__file__).with_name("RESULTS.md")
IDLE_CLIENTS = 100  # connections that share a process of the IMAP server; else it needs 8 GB for what idles
POLL = 300.0  # seconds: the default between two looks at a mailbox, so that each is looked at once
DATABASES = [Sqlite.name, Postgresql.name]
HOW = (
    "Written by `make bench`. A ratio is the median over the rounds of *mailwatch ÷ floor*, both measured within the "
    "same round; floors and ways of measuring are described in `bench/measure.py`, `bench/watching.py` and "
    "`bench/history.py`. "
    "PostgreSQL runs with fsync on, SQLite with `synchronous = FULL`."
)


def main() -> None:
    """Measure, print, and write the results where that is asked for."""
    options = _options()
    lines = [
        [*each.cells(), f"{datetime.now(UTC):%Y-%m-%d}, {_rounds(name, options.rounds)}"]
        for name in options.only
        for each in MEASUREMENTS[name](options)
    ]
    sys.stdout.write(_report(lines))
    if options.write:
        before = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
        RESULTS.write_text(_report(merge(before, lines)), "utf-8")


def _rounds(name: str, rounds: int) -> str:
    """Watching is measured once, whatever is asked for: it takes a poll's time."""
    return "once" if name == "watching" else f"{rounds} rounds"


def _backlog(options: argparse.Namespace) -> Sequence[Line]:
    with _dovecot([INBOX]) as dovecot, _databases(options.on) as databases:
        return measure_backlog(dovecot, databases, options.messages, options.rounds, _say)


def _sending(options: argparse.Namespace) -> Sequence[Line]:
    with _dovecot([OUTBOX]) as dovecot, _databases(options.on) as databases:
        return measure_sending(dovecot, databases, options.acknowledgements, options.rounds, _say)


def _watching(options: argparse.Namespace) -> Sequence[Line]:
    users = mailboxes(options.mailboxes)
    with _dovecot(users, clients=IDLE_CLIENTS) as dovecot, _databases(options.on) as databases:
        return measure_watching(dovecot, databases, options.mailboxes, options.arrivals, options.idle, _say)


def _history(options: argparse.Namespace) -> Sequence[Line]:
    with _databases(options.on) as small, _databases(options.on) as large:
        pairs = list(zip(small, large, strict=True))
        return measure_history(pairs, options.requests, options.absences, options.rounds, _say)


MEASUREMENTS: dict[str, Callable[[argparse.Namespace], Sequence[Line]]] = {
    "backlog": _backlog,
    "sending": _sending,
    "watching": _watching,
    "history": _history,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS), metavar="WHAT")
    parser.add_argument("--on", nargs="+", choices=DATABASES, default=DATABASES, metavar="DATABASE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=10_000, help="of backlog")
    parser.add_argument("--acknowledgements", type=int, default=2_000, help="of sending")
    parser.add_argument("--mailboxes", type=int, default=1_000, help="of watching")
    parser.add_argument("--arrivals", type=int, default=500, help="of watching")
    parser.add_argument("--idle", type=float, default=POLL, help="of watching: seconds without mail")
    parser.add_argument("--requests", type=int, default=1_000_000, help="of history")
    parser.add_argument("--absences", type=int, default=300, help="of history")
    parser.add_argument("--write", action="store_true", help=f"write the lines into {RESULTS.name}; others stay")
    return parser.parse_args()


@contextmanager
def _dovecot(users: Sequence[str], clients: int = 1) -> Iterator[Dovecot]:
    with Dovecot(users=users, password=PASSWORD, clients=clients) as dovecot:
        yield dovecot


@contextmanager
def _databases(names: Sequence[str]) -> Iterator[list[tuple[Database, Path]]]:
    """Those asked for, empty, each with a folder for its service."""
    with ExitStack() as stack:
        found: list[tuple[Database, Path]] = []
        for name in names:
            folder = Path(tempfile.mkdtemp(prefix="mailwatch-bench-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            if name == Sqlite.name:
                found.append((Sqlite(folder), folder))
            else:
                postgresql = Postgresql(stack.enter_context(Postgres(fsync=True)))
                stack.callback(postgresql.close)
                found.append((postgresql, folder))
        yield found


def _report(lines: Sequence[Sequence[str]]) -> str:
    table = markdown(HEADINGS, lines)
    why = "Where a goal is missed, [PROFILE.md](PROFILE.md) says where the time goes."
    facts = markdown(["machine", ""], [[what, value] for what, value in machine.describe()])
    return f"# Measurements\n\n{HOW}\n\n{table}\n\n{why}\n\n{facts}\n"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
