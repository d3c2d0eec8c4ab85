"""Whether answers can be seen at all: a shared mailbox in which none ever was is one whose answers lie elsewhere."""

from collections.abc import Mapping
from datetime import datetime

from mailwatch.checkup.findings import Finding, warning
from mailwatch.domain.mailboxes import Mailbox, MailboxKind


def explain_unseen(mailbox: Mailbox, enabled_at: datetime | None, answer_seen_at: datetime | None) -> Finding | None:
    """What to do about a shared mailbox that is watched, and in which no answer was ever seen."""
    is_read = enabled_at is not None and not mailbox.observing.is_sent_only
    if mailbox.kind is not MailboxKind.SHARED or not is_read or answer_seen_at is not None:
        return None
    return warning(
        mailbox.address,
        "no answer was ever seen here, so escalation stops at the owner. Exchange files an answer from a shared "
        "mailbox among the sent messages of whoever wrote it: run `Set-Mailbox {address} "
        "-MessageCopyForSentAsEnabled $true -MessageCopyForSendOnBehalfEnabled $true`, or add the owners' accounts "
        'as [[mailbox]] with observe_sent = "only".',
        "aucune réponse n'a encore été vue ici : l'escalade s'arrête donc au responsable. Exchange range une réponse "
        "envoyée d'une boîte partagée parmi les messages envoyés de la personne qui l'a écrite : exécutez "
        "« Set-Mailbox {address} -MessageCopyForSentAsEnabled $true -MessageCopyForSendOnBehalfEnabled $true », "
        'ou ajoutez les comptes des responsables en [[mailbox]] avec observe_sent = "only".',
        address=mailbox.address,
    )


def list_unseen(
    mailboxes: tuple[Mailbox, ...], seen: Mapping[str, tuple[datetime | None, datetime | None]]
) -> list[Finding]:
    """Those findings; `seen`: when each mailbox was enabled, and when an answer was last seen there."""
    found = (explain_unseen(one, *seen.get(one.address, (None, None))) for one in mailboxes)
    return [finding for finding in found if finding]
