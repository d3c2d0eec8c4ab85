"""`mailwatch db copy`: everything that was recorded into another database, and proof that it arrived."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

from mailwatch.checkup.database import explain_missing
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.store import NoDatabase
from mailwatch.clock import SystemClock
from mailwatch.config import Config, Database, database_at
from mailwatch.domain.typography import typeset
from mailwatch.errors import ConfigurationError, MailwatchError, SchemaMismatch
from mailwatch.process import only_process
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.copying import CopyDiffers, Progress, SourceBusy, TargetNotEmpty, copy_database, count_rows
from mailwatch.store.store import open_store

_TO = "--to"


@click.command()
@click.option("--to", "to", metavar="URL", required=True, help="postgresql://USER@HOST/DATABASE or sqlite:///PATH")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.pass_obj
def copy(invocation: Invocation, to: str, as_json: bool) -> None:
    """Copy everything recorded into another database, which must be empty; then prove it.

    Stop mailwatch first. Rows are counted and compared on both sides, then every invariant is checked in the copy:
    exit code 1 if one is broken. The source stays as it is. A password for PostgreSQL comes from $PGPASSWORD or
    ~/.pgpass. Message-IDs stay what they were: the installation's key is copied, too.
    """
    config = invocation.config()
    target = _target(invocation, config, to)
    if missing := explain_missing(config):
        raise NoDatabase(f"{missing.about}: {invocation.pick(missing.en, missing.fr)}")
    with _alone(config.database, target):
        tables, broken = asyncio.run(_copy(invocation, config, target))
    if as_json:
        rows = sum(tables.values())
        click.echo(json.dumps({"to": to, "rows": rows, "tables": tables, "inconsistencies": broken}))
    else:
        _tell(invocation, tables, broken)
    raise SystemExit(1 if broken else 0)


def _target(invocation: Invocation, config: Config, to: str) -> Database:
    """Raises ConfigurationError for what is no database, or the configured one."""
    if urlsplit(to).password is not None:  # other users would see it in the list of processes
        problem = invocation.pick(
            f"{_TO}: a password doesn't stand in the URL; put it into $PGPASSWORD or ~/.pgpass",
            typeset(f"{_TO}: un mot de passe n'a pas sa place dans l'URL ; donnez-le par $PGPASSWORD ou ~/.pgpass"),
        )
        raise ConfigurationError([problem])
    target = database_at(to, Path.cwd(), _TO, invocation.language)
    source = config.database
    is_same = source.sqlite_path == target.sqlite_path if source.is_sqlite and target.is_sqlite else source.url == to
    if is_same:
        problem = invocation.pick(
            f"{_TO}: that is the configured database itself", typeset(f"{_TO}: c'est la base configurée elle-même")
        )
        raise ConfigurationError([problem])
    return target


@contextmanager
def _alone(*databases: Database) -> Iterator[None]:
    """No `mailwatch run` on a SQLite file, now or until we are done."""
    with ExitStack() as stack:
        for database in databases:
            if database.is_sqlite:
                stack.enter_context(only_process(database.sqlite_path))
        yield


async def _copy(invocation: Invocation, config: Config, target: Database) -> tuple[Mapping[str, int], list[str]]:
    source_url, target_url = config.database.resolve_url(os.environ), target.resolve_url(os.environ)
    clock = SystemClock()
    try:
        with _progress(invocation, await count_rows(source_url)) as on_progress:
            tables = await copy_database(source_url, target_url, clock.now(), on_progress)
    except (SourceBusy, TargetNotEmpty, CopyDiffers, SchemaMismatch) as error:
        raise NoDatabase(_refusal(invocation, error)) from error
    store = open_store(target_url, clock)
    try:
        await store.open()
        return tables, await find_inconsistencies(store)
    finally:
        await store.close()


@contextmanager
def _progress(invocation: Invocation, rows: int) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere nothing."""
    label = invocation.pick("copying", "copie")
    with click.progressbar(length=rows, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda _, more: bar.update(more)


def _refusal(invocation: Invocation, error: MailwatchError) -> str:
    match error:
        case SourceBusy():
            french = f"des services utilisent cette base : {', '.join(error.names)} ; arrêtez-les, et copiez une "
            french += "demi-minute plus tard"
        case TargetNotEmpty():
            french = f"la base de destination n'est pas vide (tables : {', '.join(error.tables)}) ; nommez-en une "
            french += "nouvelle, vide"
        case CopyDiffers():
            french = f"la copie diffère pour {', '.join(error.tables)} ; la destination est restée vide"
        case _:
            return str(error)
    return invocation.pick(str(error), typeset(french))


def _tell(invocation: Invocation, tables: Mapping[str, int], broken: list[str]) -> None:
    pick = invocation.pick
    for name, rows in tables.items():
        click.echo(f"{name:<16} {rows:>9}")
    for sentence in broken:
        click.echo(f"! {sentence}")
    if broken:
        click.echo(
            pick(
                "Everything was copied, and the copy breaks invariants: `mailwatch check --data` says whether the "
                "source does, too.",
                typeset(
                    "Tout a été copié, et la copie viole des invariants : « mailwatch check --data » dit si la "
                    "source les viole aussi."
                ),
            )
        )
        return
    click.echo(
        pick(
            "Copied and compared; every invariant holds. Put this URL into [database] and start mailwatch.",
            typeset(
                "Copié et comparé ; tous les invariants sont respectés. Inscrivez cette URL dans [database] et "
                "lancez mailwatch."
            ),
        )
    )
