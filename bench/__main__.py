"""python -m bench [--rounds N] [--write]: every measurement, as a table; needs root, for the servers."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from servers.dovecot import Dovecot
from servers.postgres import Postgres

from bench import machine
from bench.databases import Database, Postgresql, Sqlite
from bench.measure import INBOX, OUTBOX, measure_backlog, measure_sending
from bench.service import PASSWORD
from bench.table import HEADINGS, Result, markdown

RESULTS = Path(__file__).with_name("RESULTS.md")
HOW = (
    "Written by `make bench`. A ratio is the median over the rounds of *mailwatch ÷ floor*, both measured within the "
    "same round; the floors and the way of measuring are described in `bench/measure.py` and `bench/floor.py`. "
    "PostgreSQL runs with fsync on, SQLite with `synchronous = FULL`."
)


def main() -> None:
    """Measure, print, and write the results where that is asked for."""
    options = _options()
    _say(f"{options.messages} messages, {options.acknowledgements} acknowledgements, {options.rounds} rounds")
    results: list[Result] = []
    with Dovecot(users=[INBOX, OUTBOX], password=PASSWORD) as dovecot:
        with _databases() as databases:
            results += measure_backlog(dovecot, databases, options.messages, options.rounds, _say)
        with _databases() as databases:
            results += measure_sending(dovecot, databases, options.acknowledgements, options.rounds, _say)
    text = _report(results, options.rounds)
    sys.stdout.write(text)
    if options.write:
        RESULTS.write_text(text, "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--acknowledgements", type=int, default=2_000)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    return parser.parse_args()


@contextmanager
def _databases() -> Iterator[list[tuple[Database, Path]]]:
    """Both, empty, each with a folder for its service."""
    with ExitStack() as stack:
        server = stack.enter_context(Postgres(fsync=True))
        folders = [Path(tempfile.mkdtemp(prefix="mailwatch-bench-")) for _ in range(2)]
        for folder in folders:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgresql = Postgresql(server)
        stack.callback(postgresql.close)
        yield [(Sqlite(folders[0]), folders[0]), (postgresql, folders[1])]


def _report(results: list[Result], rounds: int) -> str:
    facts = [[what, value] for what, value in machine.describe()]
    facts.append(["measured", f"{datetime.now(UTC):%Y-%m-%d}, {rounds} rounds"])
    table = markdown(HEADINGS, [result.cells() for result in results])
    why = "Where a goal is missed, [PROFILE.md](PROFILE.md) says where the time goes."
    return f"# Measurements\n\n{HOW}\n\n{table}\n\n{why}\n\n{markdown(['machine', ''], facts)}\n"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
