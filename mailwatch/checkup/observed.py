"""Whether the folders can be read in which staff leave what they did: Sent, and those that settle requests."""

from collections.abc import Sequence

from mailwatch.checkup.findings import Finding, ok, problem, warning
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import FolderMissing
from mailwatch.imap.inspection import Folder
from mailwatch.imap.session import ImapSession


async def inspect_observed(mailbox: Mailbox, session: ImapSession, folders: Sequence[Folder]) -> list[Finding]:
    """What there is to say of a mailbox's Sent folders, and of its closing and set-aside folders."""
    policy = mailbox.observing
    findings: list[Finding] = []
    if policy.sent or policy.is_sent_only:
        names = policy.sent_folders or tuple(await session.list_sent_folders())
        findings += [await _inspect_sent(mailbox, session, name, folders) for name in names]
        if not names:
            findings.append(_without_sent(mailbox, folders))
    for key, settling in (("closing_folders", policy.closing_folders), ("set_aside_folders", policy.set_aside_folders)):
        missing = [name for name in settling if not await _is_there(session, name)]
        findings += [_missing(mailbox, key, name, folders) for name in missing]
    return findings


async def _inspect_sent(mailbox: Mailbox, session: ImapSession, name: str, folders: Sequence[Folder]) -> Finding:
    if not await _is_there(session, name):
        return _missing(mailbox, "sent_folders", name, folders)
    return ok(
        mailbox.address,
        "answers are looked for in {name}",
        "les réponses sont cherchées dans {name}",
        name=name,
    )


async def _is_there(session: ImapSession, name: str) -> bool:
    try:
        await session.examine(name)
    except FolderMissing:
        return False
    return True


def _without_sent(mailbox: Mailbox, folders: Sequence[Folder]) -> Finding:
    return warning(
        mailbox.address,
        "no Sent folder was recognised, so that answers are seen only by copies and by \\Answered. If there is one, "
        "name it in `sent_folders`; the server has: {known}.",
        "aucun dossier d'envois n'a été reconnu : les réponses ne se voient que par les copies et par \\Answered. S'il "
        "y en a un, nommez-le dans « sent_folders » ; le serveur offre : {known}.",
        known=", ".join(folder.name for folder in folders),
    )


def _missing(mailbox: Mailbox, key: str, name: str, folders: Sequence[Folder]) -> Finding:
    return problem(
        mailbox.address,
        "there is no folder {name}, or this account may not read it. Create it, or correct `{key}`; the server has: "
        "{known}.",
        "le dossier {name} n'existe pas, ou ce compte n'a pas le droit de le lire. Créez-le, ou corrigez « {key} » ; "
        "le serveur offre : {known}.",
        name=name,
        key=key,
        known=", ".join(folder.name for folder in folders),
    )
