"""Whether each mailbox can be read, and that reading changes nothing there: flags are compared before and after."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence, Set

from mailwatch.checkup.findings import Finding, ok, problem, warning
from mailwatch.checkup.observed import inspect_observed
from mailwatch.checkup.obstacles import (
    Server,
    explain_certificate,
    explain_secret,
    explain_unreachable,
    find_unreadable_ca,
)
from mailwatch.config import Config, ImapAccount
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import (
    CertificateRejected,
    ConfigurationError,
    FolderMissing,
    LoginRefused,
    MailboxUnavailable,
    MailwatchError,
)
from mailwatch.imap.inspection import Folder, find_changed, list_capabilities, list_folders
from mailwatch.imap.pool import ImapPool
from mailwatch.imap.session import ImapSession
from mailwatch.ports import Clock

AT_ONCE = 8  # mailboxes looked at at the same time
NOT_WATCHED_FOR_A_REASON = frozenset({"\\Sent", "\\Drafts", "\\Trash", "\\Junk", "\\All", "\\Archive", "\\Flagged"})
# The same, on servers that don't announce what their folders are for (RFC 6154).
_USUAL_NAMES = frozenset(
    {"sent", "sent items", "sent messages", "envoyés", "messages envoyés", "éléments envoyés"}
    | {"drafts", "brouillons", "outbox", "boîte d'envoi", "archive", "archives"}
    | {"trash", "deleted items", "deleted messages", "corbeille", "éléments supprimés"}
    | {"junk", "junk e-mail", "junk email", "spam", "courrier indésirable", "pourriel"}
)


async def check_mailboxes(config: Config, clock: Clock, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Every mailbox; what is wrong with a server is said once, and its other mailboxes aren't tried."""
    pool = ImapPool()
    try:
        round_ = _Round(config, clock, environ, pool)
        said: set[Finding] = set()
        for done in asyncio.as_completed([round_.check(mailbox) for mailbox in config.mailboxes()]):
            for finding in await done:
                if finding not in said:
                    said.add(finding)
                    yield finding
    finally:
        pool.close()


class _Round:
    """One round over all mailboxes. `_down`: what is wrong with servers that can't be used at all."""

    def __init__(self, config: Config, clock: Clock, environ: Mapping[str, str], pool: ImapPool) -> None:
        self._config = config
        self._clock = clock
        self._environ = environ
        self._lane = pool.lane()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._down: dict[str, Finding] = {}

    async def check(self, mailbox: Mailbox) -> list[Finding]:
        """Everything about one mailbox."""
        account = self._config.imap_account(mailbox.address)
        async with self._gate:
            try:
                password = account.password.resolve(self._config.base, self._environ).reveal()
            except ConfigurationError as error:
                return [explain_secret(mailbox.address, account.password, error.problems)]
            if account.server in self._down:
                return [self._down[account.server]]
            return await self._log_in_and_inspect(mailbox, account, password)

    async def _log_in_and_inspect(self, mailbox: Mailbox, account: ImapAccount, password: str) -> list[Finding]:
        server = _server_of(account)
        if account.security != "none" and (unreadable := find_unreadable_ca(server)):
            return self._give_up(account, unreadable)
        try:
            session = await ImapSession.connect(account, password, self._lane, self._clock)
        except LoginRefused as error:
            return [_explain_login(mailbox, account, error)]
        except CertificateRejected as error:
            return self._give_up(account, explain_certificate(server, _without_host(error, account)))
        except MailboxUnavailable as error:
            return self._give_up(account, await explain_unreachable(server, _without_host(error, account)))
        try:
            return await _inspect(mailbox, session)
        except MailwatchError as error:
            return [_explain_reading(mailbox, error)]
        finally:
            session.close()

    def _give_up(self, account: ImapAccount, finding: Finding) -> list[Finding]:
        self._down[account.server] = finding
        return [finding]


def _server_of(account: ImapAccount) -> Server:
    return Server(
        section=f"[imap.{account.server}]",
        host=account.host,
        port=account.port,
        ca_file=account.ca_file,
        timeout=account.timeout,
    )


def _without_host(error: MailwatchError, account: ImapAccount) -> str:
    """The error's text; our sentences name the host themselves, and set the stop."""
    return str(error).removeprefix(f"{account.host}: ").rstrip(".")


def _explain_login(mailbox: Mailbox, account: ImapAccount, error: LoginRefused) -> Finding:
    return problem(
        mailbox.address,
        "{where} refuses the user name or the password of {username} ({text}). Check `username` and `password` of this "
        "mailbox; some servers want an application password, or IMAP switched on for the mailbox.",
        "{where} refuse le nom ou le mot de passe de {username} ({text}). Vérifiez « username » et « password » de "
        "cette boîte ; certains serveurs exigent un mot de passe d'application, ou l'activation d'IMAP pour la boîte.",
        where=f"{account.host}:{account.port}",
        username=account.username,
        text=_without_host(error, account),
    )


def _explain_reading(mailbox: Mailbox, error: MailwatchError) -> Finding:
    return problem(
        mailbox.address,
        "the login worked, but then reading failed: {text}. Try again; if it stays so, ask who runs the server.",
        "la connexion a réussi, puis la lecture a échoué : {text}. Réessayez ; si cela persiste, consultez "
        "l'exploitant du serveur.",
        text=str(error).rstrip("."),
    )


# --- a mailbox that lets us in ----------------------------------------------------------------------------------------


async def _inspect(mailbox: Mailbox, session: ImapSession) -> list[Finding]:
    folders = await list_folders(session)
    if mailbox.observing.is_sent_only:
        return await inspect_observed(mailbox, session, folders)
    findings = [await _inspect_folder(mailbox, session, name, folders) for name in mailbox.folders]
    findings += await inspect_observed(mailbox, session, folders)
    if "IDLE" not in await list_capabilities(session):
        findings.append(
            warning(
                mailbox.address,
                "the server has no IDLE: new mail is noticed by polling only",
                "le serveur n'offre pas IDLE : le nouveau courrier n'est remarqué qu'à chaque relève",
            )
        )
    return findings + _unwatched(mailbox, folders)


async def _inspect_folder(mailbox: Mailbox, session: ImapSession, name: str, folders: Sequence[Folder]) -> Finding:
    try:
        state = await session.examine(name)
    except FolderMissing:
        return problem(
            mailbox.address,
            "there is no folder {name}, or this account may not read it. Correct `folders`; the server has: {known}.",
            "le dossier {name} n'existe pas, ou ce compte n'a pas le droit de le lire. Corrigez « folders » ; le "
            "serveur offre : {known}.",
            name=name,
            known=", ".join(folder.name for folder in folders),
        )
    if state.uidvalidity is None:
        return problem(
            mailbox.address,
            "{name}: the server gives no UIDVALIDITY, so that nothing can be recorded safely. Ask who runs the server.",
            "{name} : le serveur n'indique pas d'UIDVALIDITY ; rien ne peut être consigné sûrement. Consultez "
            "l'exploitant du serveur.",
            name=name,
        )
    if changed := await find_changed(session, name):
        return problem(
            mailbox.address,
            "{name}: reading changed the flags of messages ({count}), although we only peek. Don't run mailwatch on "
            "this server before its vendor has mended that.",
            "{name} : la lecture a changé les marques de messages ({count}), alors que nous ne faisons que regarder. "
            "N'utilisez pas mailwatch sur ce serveur avant que son éditeur ne l'ait corrigé.",
            name=name,
            count=len(changed),
        )
    return ok(
        mailbox.address,
        "{name} can be read ({count} messages), and reading changes nothing",
        "{name} peut être lu ({count} messages), et la lecture n'y change rien",
        name=name,
        count=state.exists,
    )


def _unwatched(mailbox: Mailbox, folders: Sequence[Folder]) -> list[Finding]:
    """Folders that hold mail and are neither looked at nor there for something else: rules may file requests there."""
    observing = mailbox.observing
    observed = (*observing.sent_folders, *observing.closing_folders, *observing.set_aside_folders)
    watched = {name.lower() for name in (*mailbox.folders, *observed)}
    full = [f.name for f in folders if f.messages and not _is_among(watched, f) and not _is_for_something_else(f)]
    if not full:
        return []
    return [
        warning(
            mailbox.address,
            "not watched, though they hold mail: {names}. If rules file new mail there, add them to `folders`.",
            "non surveillés, bien qu'ils contiennent du courrier : {names}. Si des règles y classent du nouveau "
            "courrier, ajoutez-les à « folders ».",
            names=", ".join(full),
        )
    ]


def _is_among(names: Set[str], folder: Folder) -> bool:
    return not names.isdisjoint({folder.name.lower(), folder.plain_name.lower()})


def _is_for_something_else(folder: Folder) -> bool:
    return folder.special_use in NOT_WATCHED_FOR_A_REASON or _is_among(_USUAL_NAMES, folder)
