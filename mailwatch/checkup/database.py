"""Whether the database answers, at the right revision; and whether what it holds keeps every invariant."""

import os
import stat
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

from mailwatch.checkup.answers import list_unseen
from mailwatch.checkup.findings import Finding, Level, ok, problem, warning
from mailwatch.checkup.obstacles import explain_secret
from mailwatch.config import Config
from mailwatch.errors import ConfigurationError, MailwatchError, SchemaMismatch
from mailwatch.ports import Clock
from mailwatch.store import revisions
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.reports import list_answers_seen
from mailwatch.store.store import open_store

ABOUT = "database"


async def check_database(config: Config, clock: Clock, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    """It answers, or why not; and the mailboxes in which it has never recorded an answer. A SQLite file that is
    missing isn't made."""
    database = config.database
    if database.is_sqlite and not database.sqlite_path.exists():
        yield _yet_to_come(database.sqlite_path)
        return
    url = _resolve(config, environ)
    if isinstance(url, Finding):
        yield url
        return
    store = open_store(url, clock)
    try:
        await store.open()
        seen = await list_answers_seen(store)
    except MailwatchError as error:
        yield await explain_trouble(config, url, error)
        return
    finally:
        await store.close()
    yield ok(ABOUT, "it answers, and its tables are this version's", "elle répond, et ses tables sont de cette version")
    if database.is_sqlite and database.sqlite_path.stat().st_mode & stat.S_IRWXO:
        yield warning(
            ABOUT,
            "everybody on this machine may read {path}, which holds addresses and subjects: chmod it to 600 or 640",
            "tout le monde sur cette machine peut lire {path}, qui contient des adresses et des objets : chmod 600 ou "
            "640",
            path=database.sqlite_path,
        )
    for finding in list_unseen(config.mailboxes(), seen):
        yield finding


async def check_data(config: Config, clock: Clock, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Each invariant that is broken, in a sentence that names the row (docs/invariants.md)."""
    if missing := explain_missing(config):
        yield missing
        return
    url = _resolve(config, environ)
    if isinstance(url, Finding):
        yield url
        return
    store = open_store(url, clock)
    try:
        await store.open()
        inconsistencies = await find_inconsistencies(store)
    except MailwatchError as error:
        yield replace(await explain_trouble(config, url, error), level=Level.PROBLEM)  # nothing was checked
        return
    finally:
        await store.close()
    for text in inconsistencies:
        yield problem("data", "{text}", "incohérence : {text}", text=text)
    if not inconsistencies:
        yield ok("data", "every invariant holds", "tous les invariants sont respectés")


def _resolve(config: Config, environ: Mapping[str, str]) -> str | Finding:
    try:
        return config.database.resolve_url(environ)
    except ConfigurationError as error:
        if config.database.password is not None:
            return explain_secret(ABOUT, config.database.password, error.problems)
        return problem(ABOUT, "{text}", "{text}", text=error)


def _yet_to_come(path: Path) -> Finding:
    if os.access(path.parent, os.W_OK):
        return ok(ABOUT, "`mailwatch run` will make {path}", "« mailwatch run » créera {path}", path=path)
    return problem(
        ABOUT,
        "{folder} isn't there, or can't be written to. Make it, and give it to the user that runs mailwatch.",
        "{folder} n'existe pas, ou n'admet pas l'écriture. Créez-le, et donnez-le à "
        "l'utilisateur qui exécute mailwatch.",
        folder=path.parent,
    )


def explain_missing(config: Config) -> Finding | None:
    """The problem of a SQLite file that isn't there: whoever connects to it would make an empty one."""
    database = config.database
    if not database.is_sqlite or database.sqlite_path.exists():
        return None
    return problem(
        ABOUT,
        "{path}: there is no database yet. `mailwatch run` makes it.",
        "{path} : il n'y a pas encore de base de données. « mailwatch run » la crée.",
        path=database.sqlite_path,
    )


async def explain_trouble(config: Config, url: str, error: MailwatchError) -> Finding:
    """What to do about a database that could not be opened."""
    if config.database.is_sqlite and config.database.sqlite_path.is_dir():
        return problem(
            ABOUT,
            "{path} is a folder: `url` in [database] names the file in it.",
            "{path} est un dossier : « url » dans [database] nomme le fichier qui s'y trouve.",
            path=config.database.sqlite_path,
        )
    if isinstance(error, SchemaMismatch):
        return await _explain_revision(config, url, error)
    if config.database.is_sqlite:
        return problem(
            ABOUT,
            "{path}: {error}. Check that `url` in [database] names mailwatch's own file, and that this user may read "
            "and write it and its folder; or put the backup back.",
            "{path} : {error}. Vérifiez que « url » dans [database] nomme le fichier de mailwatch, et que cet "
            "utilisateur peut lire et modifier ce fichier et son dossier ; ou remettez la sauvegarde.",
            path=config.database.sqlite_path,
            error=error,
        )
    return problem(
        ABOUT,
        "{error}. Check `url` in [database], that the server runs, and that it lets this user in.",
        "{error}. Vérifiez « url » dans [database], que le serveur fonctionne et qu'il admet cet utilisateur.",
        error=error,
    )


async def _explain_revision(config: Config, url: str, error: SchemaMismatch) -> Finding:
    current = await revisions.current_revision(url)
    if str(error) == revisions.TOO_NEW.format(current=current):
        return problem(
            ABOUT,
            "{error}",
            "la base est à la révision {current}, que ce programme ne connaît pas : réinstallez la version plus "
            "récente de mailwatch.",
            error=error,
            current=current,
        )
    if config.database.is_sqlite and current is None:
        return warning(
            ABOUT,
            "{path} holds no tables of mailwatch's yet; `mailwatch run` makes them.",
            "{path} ne contient pas encore les tables de mailwatch ; « mailwatch run » les crée.",
            path=config.database.sqlite_path,
        )
    if config.database.is_sqlite:
        return warning(
            ABOUT,
            "its tables are of an older version; `mailwatch run` upgrades them by itself. Have a backup.",
            "ses tables sont d'une version antérieure ; « mailwatch run » les met à jour en démarrant. "
            "Ayez une sauvegarde.",
        )
    if current is None:
        return problem(
            ABOUT,
            "{error}",
            "la base ne contient pas encore les tables de mailwatch : « mailwatch db upgrade » les crée.",
            error=error,
        )
    return problem(
        ABOUT,
        "{error}",
        "la base est à la révision {current}, et ce programme exige {head} : arrêtez mailwatch, faites une sauvegarde, "
        "puis « mailwatch db upgrade ».",
        error=error,
        current=current,
        head=revisions.HEAD,
    )
