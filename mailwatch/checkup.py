"""`check`: connect to everything the configuration names, and say each failure in words, with the remedy.

Looking changes nothing: EXAMINE and PEEK, and flags compared before and after, to prove it of this very server.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mailwatch.config import Config, ImapAccount
from mailwatch.domain.composition import Composed, compose_acknowledgement, own_message_id
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import parse_message
from mailwatch.domain.outbox import OutcomeKind
from mailwatch.errors import (
    CertificateRejected,
    ConfigurationError,
    FolderMissing,
    LoginRefused,
    MailboxUnavailable,
    MailwatchError,
    SchemaMismatch,
)
from mailwatch.imap.inspection import Folder, find_changed, list_capabilities, list_folders
from mailwatch.imap.pool import ImapPool
from mailwatch.imap.session import ImapSession
from mailwatch.ports import Clock
from mailwatch.rendering import TemplateRenderer, sample_facts
from mailwatch.resources import templates_folder
from mailwatch.smtp import SmtpMailer
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.store import open_store

AT_ONCE = 8  # mailboxes looked at at the same time
NOT_WATCHED_FOR_A_REASON = frozenset({"\\Sent", "\\Drafts", "\\Trash", "\\Junk", "\\All", "\\Archive", "\\Flagged"})


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one thing, in both languages."""

    level: Level
    about: str
    en: str
    fr: str


async def check(
    config: Config, *, clock: Clock, environ: Mapping[str, str] | None = None, send_test: str = ""
) -> AsyncIterator[Finding]:
    """Findings as they come: configuration, templates, database, SMTP accounts, mailboxes."""
    environ = os.environ if environ is None else environ
    for finding in _check_configuration(config):
        yield finding
    for finding in _check_templates(config):
        yield finding
    async for finding in _check_database(config, clock, environ):
        yield finding
    async for finding in _check_smtp(config, clock, environ, send_test):
        yield finding
    async for finding in _check_mailboxes(config, clock, environ):
        yield finding


async def check_data(
    config: Config, *, clock: Clock, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Finding]:
    """Whether what is recorded keeps every invariant (docs/invariants.md)."""
    store = open_store(config.database.resolve_url(os.environ if environ is None else environ), clock)
    try:
        await store.open()
        inconsistencies = await find_inconsistencies(store)
    finally:
        await store.close()
    for text in inconsistencies:
        yield _problem("data", text, text)
    if not inconsistencies:
        yield _ok("data", "every invariant holds", "tous les invariants tiennent")


# --- configuration, templates, database ------------------------------------------------------------------------------


def _check_configuration(config: Config) -> list[Finding]:
    findings = [_warning("configuration", text, text) for text in config.warnings]
    for part in config.not_acted_on():
        findings.append(
            _warning(
                "configuration",
                f"{part}: understood, but this version doesn't act on it yet",
                f"{part} : compris, mais cette version ne s'en sert pas encore",
            )
        )
    count = len(config.mailboxes())
    if not count:
        findings.append(
            _problem(
                "configuration",
                "no enabled [[mailbox]]: nothing would be watched. Add one.",
                "aucune [[mailbox]] active : rien ne serait surveillé. Ajoutez-en une.",
            )
        )
    return findings


def _check_templates(config: Config) -> list[Finding]:
    if config.templates_folder is None:
        return []
    broken = _renderer(config).check_overrides(config.mailboxes())
    if not broken:
        return [_ok("templates", "your templates render", "vos modèles s'affichent")]
    return [
        _problem("templates", f"{text}; ours is used instead until it is mended", f"{text} ; le nôtre sert d'ici là")
        for text in broken
    ]


def _renderer(config: Config) -> TemplateRenderer:
    return TemplateRenderer(config.templates_folder, templates_folder(), lambda text: None)


async def _check_database(config: Config, clock: Clock, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    url = config.database.resolve_url(environ)
    if url.startswith("sqlite") and not Path(url.partition(":///")[2]).exists():
        yield _database_to_come(Path(url.partition(":///")[2]))
        return
    store = open_store(url, clock)
    try:
        await store.open()
        yield _ok("database", "it answers, at the right revision", "elle répond, à la bonne révision")
    except SchemaMismatch as error:
        if url.startswith("sqlite"):
            yield _warning("database", f"{error} `run` does it by itself.", f"{error} « run » s'en charge.")
        else:
            yield _problem("database", str(error), f"{error}")
    except MailwatchError as error:
        yield _problem(
            "database",
            f"{error}. Check [database] url, and that the server runs and lets this user in.",
            f"{error}. Vérifiez [database] url, et que le serveur fonctionne et admet cet utilisateur.",
        )
    finally:
        await store.close()


def _database_to_come(path: Path) -> Finding:
    folder = path.parent
    if os.access(folder, os.W_OK):
        return _ok("database", f"{path} will be created by `run`", f"{path} sera créée par « run »")
    return _problem(
        "database",
        f"{folder} doesn't exist or can't be written to: create it, and give it to the user that runs mailwatch",
        f"{folder} n'existe pas ou n'admet pas l'écriture : créez-le et donnez-le à l'utilisateur de mailwatch",
    )


# --- SMTP ---------------------------------------------------------------------------------------------------------


async def _check_smtp(
    config: Config, clock: Clock, environ: Mapping[str, str], send_test: str
) -> AsyncIterator[Finding]:
    for name, account in config.smtp_accounts().items():
        about = f"smtp {account.host}:{account.port}" + ("" if name == "default" else f" ({name})")
        users = [mailbox for mailbox in config.mailboxes() if mailbox.smtp == name]
        sender = users[0].address if users else ""
        try:
            password = account.password.resolve(config.base, environ).reveal() if account.password else None
            mailer = SmtpMailer(account, password=password, connections=1, probe_from=sender)
        except ConfigurationError as error:
            for problem in error.problems:
                yield _problem(about, problem, problem)
            continue
        try:
            outcome = await mailer.probe()
            if outcome.kind is not OutcomeKind.SENT:
                yield _smtp_problem(about, outcome.kind, f"{outcome.code or ''} {outcome.text}".strip())
                continue
            yield _ok(about, f"takes mail from {sender}", f"accepte le courrier de {sender}")
            if send_test:
                for mailbox in users:
                    yield await _send_test(about, mailer, _sample(config, mailbox, send_test, clock), mailbox)
        finally:
            await mailer.close()


def _smtp_problem(about: str, kind: OutcomeKind, text: str) -> Finding:
    if kind is OutcomeKind.ACCOUNT_REFUSED:
        return _problem(
            about,
            f"the server refuses the account: {text}. Check username and password, and that this account may send "
            "as the mailboxes that use it.",
            f"le serveur refuse le compte : {text}. Vérifiez le nom et le mot de passe, et que ce compte a le droit "
            "d'envoyer au nom des boîtes qui s'en servent.",
        )
    return _problem(
        about,
        f"{text}. Check host, port and security in [smtp], the firewall, and the server's certificate.",
        f"{text}. Vérifiez host, port et security dans [smtp], le pare-feu et le certificat du serveur.",
    )


def _sample(config: Config, mailbox: Mailbox, recipient: str, clock: Clock) -> Composed:
    """An acknowledgement of nothing: the headers, the envelope and the words that requesters will get."""
    rendered = _renderer(config).render_acknowledgement(mailbox, None, sample_facts(mailbox))
    domain = mailbox.address.rpartition("@")[2]
    message_id = own_message_id(secrets.token_bytes(32), mailbox.address, recipient, "test", domain)
    return compose_acknowledgement(rendered, mailbox, parse_message(b""), recipient, message_id, clock.now())


async def _send_test(about: str, mailer: SmtpMailer, composed: Composed, mailbox: Mailbox) -> Finding:
    outcome = await mailer.submit(composed.envelope, composed.body)
    reverse_path, recipient = composed.envelope.reverse_path or "<>", composed.envelope.recipient
    if outcome.kind is not OutcomeKind.SENT:
        text = f"{outcome.code or ''} {outcome.text}".strip()
        return _problem(
            about,
            f"the test message from {mailbox.address} was not taken: {text}",
            f"le message d'essai de {mailbox.address} n'a pas été accepté : {text}",
        )
    return _ok(
        about,
        f"a sample acknowledgement from {mailbox.address} (envelope {reverse_path}) went to {recipient}: see that it "
        f"arrives, that From is {mailbox.address}, and that its Message-ID is still {composed.message_id}",
        f"un exemple d'accusé de {mailbox.address} (enveloppe {reverse_path}) est parti vers {recipient} : voyez s'il "
        f"arrive, si De est bien {mailbox.address} et si son Message-ID est encore {composed.message_id}",
    )


# --- IMAP ---------------------------------------------------------------------------------------------------------


async def _check_mailboxes(config: Config, clock: Clock, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    pool = ImapPool()
    gate = asyncio.Semaphore(AT_ONCE)
    lane = pool.lane()

    async def one(mailbox: Mailbox) -> list[Finding]:
        async with gate:
            account = config.imap_account(mailbox.address)
            try:
                password = account.password.resolve(config.base, environ).reveal()
                session = await ImapSession.connect(account, password, lane, clock)
            except (MailwatchError, OSError) as error:
                return _imap_problems(mailbox, account, error)
            try:
                return await _inspect(mailbox, session)
            except MailwatchError as error:
                return _imap_problems(mailbox, account, error)
            finally:
                session.close()

    try:
        for done in asyncio.as_completed([one(mailbox) for mailbox in config.mailboxes()]):
            for finding in await done:
                yield finding
    finally:
        pool.close()


async def _inspect(mailbox: Mailbox, session: ImapSession) -> list[Finding]:
    findings: list[Finding] = []
    folders = await list_folders(session)
    if "IDLE" not in await list_capabilities(session):
        findings.append(
            _warning(
                mailbox.address,
                "the server has no IDLE: new mail is noticed by polling only",
                "le serveur n'offre pas IDLE : le courrier n'est remarqué que par relève",
            )
        )
    for name in mailbox.folders:
        findings += await _inspect_folder(mailbox, session, name, folders)
    findings += _unwatched(mailbox, folders)
    return findings


async def _inspect_folder(
    mailbox: Mailbox, session: ImapSession, name: str, folders: Sequence[Folder]
) -> list[Finding]:
    try:
        state = await session.examine(name)
    except FolderMissing:
        known = ", ".join(folder.name for folder in folders)
        return [
            _problem(
                mailbox.address,
                f"there is no folder {name}, or this account may not read it. Correct `folders`; the server has: {known}",
                f"le dossier {name} n'existe pas ou ce compte ne peut le lire. Corrigez « folders » ; "
                f"le serveur offre : {known}",
            )
        ]
    if state.uidvalidity is None:
        return [
            _problem(
                mailbox.address,
                f"{name}: the server tells no UIDVALIDITY, so nothing can be recorded safely. Ask who runs the server.",
                f"{name} : le serveur n'indique pas d'UIDVALIDITY ; rien ne peut être consigné sûrement. "
                "Consultez l'exploitant du serveur.",
            )
        ]
    changed = await find_changed(session, name)
    if changed:
        return [
            _problem(
                mailbox.address,
                f"{name}: reading changed the flags of {len(changed)} messages although we only peek. Don't run mailwatch "
                "on this server before its vendor has mended that.",
                f"{name} : la lecture a changé les marques de {len(changed)} messages alors que nous ne faisons que "
                "regarder. N'utilisez pas mailwatch sur ce serveur avant correction.",
            )
        ]
    return [
        _ok(
            mailbox.address,
            f"{name}: {state.exists} messages, and reading them changes nothing",
            f"{name} : {state.exists} messages, et les lire ne change rien",
        )
    ]


def _unwatched(mailbox: Mailbox, folders: Sequence[Folder]) -> list[Finding]:
    """Folders that hold mail and are neither watched nor there for something else: rules may file requests there."""
    watched = {name.lower() for name in mailbox.folders}
    full = [
        folder.name
        for folder in folders
        if folder.messages and folder.name.lower() not in watched and folder.special_use not in NOT_WATCHED_FOR_A_REASON
    ]
    if not full:
        return []
    names = ", ".join(full)
    return [
        _warning(
            mailbox.address,
            f"not watched, though they hold mail: {names}. If rules file new mail there, add them to `folders`.",
            f"non surveillés, bien qu'ils contiennent du courrier : {names}. Si des règles y classent du nouveau "
            "courrier, ajoutez-les à « folders ».",
        )
    ]


def _imap_problems(mailbox: Mailbox, account: ImapAccount, error: Exception) -> list[Finding]:
    about, where = mailbox.address, f"{account.host}:{account.port}"
    if isinstance(error, ConfigurationError):
        return [_problem(about, problem, problem) for problem in error.problems]
    if isinstance(error, LoginRefused):
        return [
            _problem(
                about,
                f"{where} refuses the user name or the password of {account.username} ({error}). Check `username` and "
                "`password`; some servers want an application password, or IMAP switched on for the mailbox.",
                f"{where} refuse le nom ou le mot de passe de {account.username} ({error}). Vérifiez « username » et "
                "« password » ; certains serveurs exigent un mot de passe d'application ou l'activation d'IMAP.",
            )
        ]
    if isinstance(error, CertificateRejected):
        return [
            _problem(
                about,
                f"the certificate of {where} can't be trusted: {error}. Have it renewed, correct `host`, or name your own "
                "authority with `ca_file`.",
                f"le certificat de {where} n'est pas digne de confiance : {error}. Faites-le renouveler, corrigez "
                "« host », ou indiquez votre propre autorité par « ca_file ».",
            )
        ]
    if isinstance(error, MailboxUnavailable):
        return [
            _problem(
                about,
                f"{where} can't be reached: {error}. Check `host`, `port` and `security` in [imap.{account.server}], "
                "and the firewall.",
                f"{where} est injoignable : {error}. Vérifiez « host », « port » et « security » dans "
                f"[imap.{account.server}], ainsi que le pare-feu.",
            )
        ]
    return [_problem(about, str(error), str(error))]


def _ok(about: str, en: str, fr: str) -> Finding:
    return Finding(level=Level.OK, about=about, en=en, fr=fr)


def _warning(about: str, en: str, fr: str) -> Finding:
    return Finding(level=Level.WARNING, about=about, en=en, fr=fr)


def _problem(about: str, en: str, fr: str) -> Finding:
    return Finding(level=Level.PROBLEM, about=about, en=en, fr=fr)
