"""What can be said without connecting to anything: the configuration's doubts, and the operator's templates."""

from collections.abc import Iterator

from mailwatch.checkup.findings import Finding, ok, problem, warning
from mailwatch.config import Config
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder


def check_configuration(config: Config) -> Iterator[Finding]:
    """Its warnings, what isn't acted on yet, and whether anything would be watched."""
    for text in config.warnings:
        yield warning("configuration", "{text}", "{text}", text=text)
    for part in config.not_acted_on():
        yield warning(
            "configuration",
            "{part}: understood, but this version doesn't act on it yet",
            "{part} : compris, mais cette version n'en tient pas encore compte",
            part=part,
        )
    yield from _trusting(config)
    if not config.watched_mailboxes():
        yield problem(
            "configuration",
            "no [[mailbox]] that requesters write to is enabled: nothing would be watched. Add one.",
            "aucune [[mailbox]] à laquelle on écrit n'est activée : rien ne serait surveillé. Ajoutez-en une.",
        )


def _trusting(config: Config) -> Iterator[Finding]:
    """Mailboxes that believe a copy to be staff's because its From says so."""
    found = [
        mailbox.address
        for mailbox in config.watched_mailboxes()
        if mailbox.observing.copies and not mailbox.acknowledgement.authserv_id
    ]
    if found:
        yield warning(
            "configuration",
            "no `authserv_id` for {names}: whoever knows a reference can forge a colleague's address, and the request "
            "counts as answered. Name in [acknowledgement] the server that writes your Authentication-Results "
            '("microsoft" for Microsoft 365), or set `observe_copies` to false.',
            "pas d'« authserv_id » pour {names} : qui connaît une référence peut contrefaire l'adresse d'un collègue, "
            "et la demande compte comme répondue. Nommez dans [acknowledgement] le serveur qui écrit vos "
            'Authentication-Results ("microsoft" pour Microsoft 365), ou mettez « observe_copies » à false.',
            names=", ".join(found),
        )


def check_templates(config: Config) -> Iterator[Finding]:
    """Whether the operator's own templates render, for every mailbox and language."""
    if config.templates_folder is None:
        return
    broken = renderer_of(config).check_overrides(config.mailboxes())
    for text in broken:
        yield problem(
            "templates",
            "{text}",
            "un de vos modèles est à corriger ; d'ici là, le nôtre est envoyé. Voici l'erreur : {text}",
            text=text,
        )
    if not broken:
        yield ok("templates", "your own templates render", "vos propres modèles fonctionnent")


def renderer_of(config: Config) -> TemplateRenderer:
    """A renderer that keeps quiet: `check_templates` has said what there is to say."""
    return TemplateRenderer(config.templates_folder, templates_folder(), lambda text: None)
