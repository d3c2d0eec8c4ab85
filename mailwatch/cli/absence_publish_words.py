"""What became of a notice on a server, in both languages, with the remedy where it was refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailwatch.domain.server_notices import Closing
from mailwatch.domain.typography import typeset
from mailwatch.errors import (
    CertificateRejected,
    EncryptionRefused,
    LoginRefused,
    MailwatchError,
    SieveUnavailable,
)
from mailwatch.services.publish import SCRIPT, Publication, PublicationKind, Refusal

INCLUDE = f'require ["include"]; include :personal :optional "{SCRIPT}";'


@dataclass(frozen=True, slots=True)
class Sentences:
    """The same in English and in French, `{}` filled in: only our own words are typeset."""

    en: str
    fr: str


_KINDS: Mapping[PublicationKind, tuple[str, str]] = {
    PublicationKind.PUBLISHED: (
        "published: the server answers from {period}.",
        "publié : le serveur répond à partir du {period}.",
    ),
    PublicationKind.UNCHANGED: (
        "published already: the server answers from {period}.",
        "déjà publié : le serveur répond à partir du {period}.",
    ),
    PublicationKind.WITHDRAWN: (
        "withdrawn: the server answers nothing any more.",
        "retiré : le serveur ne répond plus rien.",
    ),
    PublicationKind.NOTHING: (
        "nothing to do: nobody is away, and nothing of ours is published.",
        "rien à faire : aucune absence, et rien n'est publié de notre part.",
    ),
}
_REFUSALS: Mapping[Refusal, tuple[str, str]] = {
    Refusal.ANOTHER_ACTIVE: (
        'the script "{detail}" is active, and stays so: it is the person\'s own. Ours lies beside it as "{script}", '
        "inactive. To have it answer, put this into the person's script: {include}",
        "le script « {detail} » est actif et le reste : c'est celui de la personne. Le nôtre est déposé à côté sous le "
        "nom « {script} », inactif. Pour qu'il réponde, ajoutez au script de la personne : {include}",
    ),
    Refusal.EDITED: (
        'our script "{script}" was edited by hand, and is left alone. --force replaces it by ours.',
        "notre script « {script} » a été modifié à la main et n'est pas touché. --force le remplace par le nôtre.",
    ),
    Refusal.NAME_TAKEN: (
        'the account has a script "{script}" that isn\'t ours, and it is left alone. Rename it, then publish again.',
        "le compte a un script « {script} » qui n'est pas le nôtre, et qui n'est pas touché. Renommez-le, puis publiez "
        "de nouveau.",
    ),
    Refusal.EXTENSIONS_MISSING: (
        "the server's Sieve can't do this: {detail} is missing. Have it allowed on the server (Pigeonhole: "
        'sieve_extensions), or let mailwatch answer itself: notice = "send".',
        "le Sieve du serveur ne le permet pas : il manque {detail}. Faites-le autoriser sur le serveur (Pigeonhole : "
        'sieve_extensions), ou laissez mailwatch répondre lui-même : notice = "send".',
    ),
    Refusal.QUOTA: (
        "the server has no room left for the script: {detail}. Delete scripts that nobody needs, or have the quota "
        "raised.",
        "le serveur n'a plus de place pour le script : {detail}. Supprimez les scripts inutiles, ou faites augmenter "
        "le quota.",
    ),
    Refusal.SCRIPT_REFUSED: (
        "the server refused the script: {detail}",
        "le serveur a refusé le script : {detail}",
    ),
}
_ERRORS: Mapping[type[MailwatchError], tuple[str, str]] = {
    EncryptionRefused: (
        "{error}. Nothing was sent: mailwatch never logs in without TLS here. Have STARTTLS enabled on the ManageSieve "
        "server.",
        "{error}. Rien n'a été envoyé : mailwatch ne s'y connecte jamais sans TLS. Faites activer STARTTLS sur le "
        "serveur ManageSieve.",
    ),
    CertificateRejected: (
        "{error}. Renew the certificate, name your authority in ca_file, or correct sieve_host.",
        "{error}. Renouvelez le certificat, indiquez votre autorité dans ca_file, ou corrigez sieve_host.",
    ),
    LoginRefused: (
        "{error}. Correct username or password; they are those of IMAP.",
        "{error}. Corrigez l'identifiant ou le mot de passe ; ce sont ceux d'IMAP.",
    ),
    SieveUnavailable: (
        "{error}. Is there a ManageSieve server at sieve_host and sieve_port? Otherwise try again later.",
        "{error}. Y a-t-il un serveur ManageSieve à sieve_host et sieve_port ? Si oui, recommencez plus tard.",
    ),
}


def explain(publication: Publication, closing: Closing | None) -> Sentences:
    """What became of a mailbox, and what to do where it was refused."""
    patterns = _REFUSALS[publication.refusal] if publication.refusal else _KINDS[publication.kind]
    facts = {"detail": publication.detail, "script": SCRIPT, "include": INCLUDE}
    return Sentences(
        en=patterns[0].format(**facts, period=_period(closing, "until before {}", "until it is withdrawn")),
        fr=typeset(patterns[1]).format(
            **facts, period=_period(closing, "jusqu’à la veille du {}", "jusqu’à ce qu’il soit retiré")
        ),
    )


def explain_error(error: MailwatchError) -> Sentences:
    """What prevented it, and what to do."""
    english, french = _ERRORS.get(type(error), ("{error}", "{error}"))
    return Sentences(en=english.format(error=error), fr=typeset(french).format(error=error))


def _period(closing: Closing | None, bounded: str, endless: str) -> str:
    """`2026-12-07, until before 2026-12-14`."""
    if closing is None:
        return ""
    return f"{closing.first}, {bounded.format(closing.end) if closing.end else endless}"
