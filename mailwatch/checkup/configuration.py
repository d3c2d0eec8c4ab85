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
    if not config.watched_mailboxes():
        yield problem(
            "configuration",
            "no [[mailbox]] that requesters write to is enabled: nothing would be watched. Add one.",
            "aucune [[mailbox]] à laquelle on écrit n'est activée : rien ne serait surveillé. Ajoutez-en une.",
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
