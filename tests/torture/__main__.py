"""python -m torture [--kills N] [--database sqlite|postgres] [--only WORDS]: everything, as tables; needs root."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from servers.postgres import Postgres

from bench.table import markdown
from torture import kills, machine, network, trials
from torture.databases import postgres_on, sqlite_in
from torture.points import POINTS
from torture.trials import Trial

DATABASES = ("sqlite", "postgres")
AT_ONCE = 4  # jobs: most of them wait most of the time
AT_POINTS = 2  # kills at each named point, on each database
SHOWN = 10  # problems of a trial


def main() -> None:
    """Play everything, print the tables; exit code 1 if a promise was broken."""
    options = _options()
    begun = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="mailwatch-torture-"))
    databases = [options.database] if options.database else list(DATABASES)
    _say(f"seed {options.seed}; configurations and logs in {root}")
    with ProcessPoolExecutor(AT_ONCE) as pool:
        campaigns = {
            database: pool.submit(_kill, root, database, options.kills, options.seed)
            for database in databases
            if options.kills
        }
        tried = [pool.submit(_try, name, root) for name in _jobs(databases) if options.only in name]
        rows = {database: future.result() for database, future in campaigns.items()}
        found = [trial for future in tried for trial in future.result()]
    _print(kills.HEADINGS, [campaign.row(database) for database, campaign in rows.items()])
    _print(trials.HEADINGS, trials.rows(found))
    problems = [f"kills on {database}: {text}" for database, one in rows.items() for text in one.problems[:SHOWN]]
    problems += [f"{trial.fault} ({trial.on}): {text}" for trial in found for text in trial.problems[:SHOWN]]
    _say("\n".join([*problems, f"{time.monotonic() - begun:.0f} s, {len(problems)} promises broken"]))
    if not problems:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(bool(problems))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="at random moments, on each database; 0: none")
    parser.add_argument("--database", choices=DATABASES, help="this one only")
    parser.add_argument("--only", default="", help="trials whose name holds this: machine, network, imap …")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    return parser.parse_args()


def _jobs(databases: Sequence[str]) -> Mapping[str, Callable[[Path], list[Trial]]]:
    """What is tried, by name. The network's faults don't care for the database."""
    plays = {"sqlite": machine.play_on_sqlite, "postgres": machine.play_on_postgres}
    jobs = {f"machine on {database}": partial(_on_machine, plays[database]) for database in databases}
    return jobs | {
        "network: imap": partial(_in_street, network.imap_street),
        "network: smtp": partial(_in_street, network.smtp_street),
    }


def _try(name: str, root: Path) -> list[Trial]:
    folder = root / name.replace(": ", "-").replace(" ", "-")
    folder.mkdir()
    failed = Trial(name, "", 0, "")
    found = [failed]
    with failed.attempted():
        found = _jobs(DATABASES)[name](folder)
        _say(f"{name}: {len(found)} trials")
    return found


def _on_machine(play: Callable[..., list[Trial]], folder: Path) -> list[Trial]:
    return play(folder, _say)


def _in_street(play: Callable[..., list[Trial]], folder: Path) -> list[Trial]:
    return play(folder, sqlite_in(folder))


def _kill(root: Path, database: str, count: int, seed: int) -> kills.Campaign:
    folder = root / f"kills-on-{database}"
    folder.mkdir()
    say = partial(_say_of, f"kills on {database}")
    play = partial(kills.kill_again_and_again, folder, kills=count, at_points=AT_POINTS, seed=seed, say=say)
    say(f"{count} at random moments, {AT_POINTS} at each of {len(POINTS)} points")
    if database == "sqlite":
        return play(sqlite_in(folder))
    with Postgres(fsync=True) as server:
        return play(postgres_on(server))


def _say_of(what: str, text: str) -> None:
    _say(f"{what}: {text}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _print(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    if lines:
        sys.stdout.write(f"\n{markdown(headings, lines)}\n")


if __name__ == "__main__":
    main()
