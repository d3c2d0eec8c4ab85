"""`mailwatch template`: what requesters and delegates will read, before anybody has written."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.config import Config
from mailwatch.domain.composition import Rendered
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.rendering import TemplateRenderer, sample_facts, sample_note, sample_notice
from mailwatch.resources import templates_folder

_LANGUAGES = {"fr": Language.FR, "en": Language.EN, "both": None}


class _Asked(NamedTuple):
    """What a preview is to show; a language of None is all of them."""

    renderer: TemplateRenderer
    mailbox: Mailbox
    language: Language | None


def _note(asked: _Asked) -> Rendered:
    """A note has one reader, and so one language."""
    return asked.renderer.render_note(sample_note(asked.language or asked.mailbox.organisation.languages[0]))


_MESSAGES: dict[str, Callable[[_Asked], Rendered]] = {
    "acknowledgement": lambda asked: asked.renderer.render_acknowledgement(
        asked.mailbox, asked.language, sample_facts(asked.mailbox)
    ),
    "away": lambda asked: asked.renderer.render_acknowledgement(
        asked.mailbox, asked.language, sample_facts(asked.mailbox, is_away=True)
    ),
    "notice": lambda asked: asked.renderer.render_notice(asked.mailbox, asked.language, sample_notice()),
    "note": _note,
}


@click.group()
def template() -> None:
    """The words that mailwatch sends."""


@template.command()
@click.option("--mailbox", metavar="ADDRESS", help="A watched address; without it, the first mailbox.")
@click.option("--language", type=click.Choice(list(_LANGUAGES)), help="Without it, the organisation's first language.")
@click.option("--html", is_flag=True, help="The HTML part instead of the plain text.")
@click.argument("name", type=click.Choice(list(_MESSAGES)), default="acknowledgement")
@click.pass_obj
def preview(invocation: Invocation, mailbox: str | None, language: str | None, html: bool, name: str) -> None:
    """Show a message with invented facts. Exit code 1: a template of yours fails, and ours is shown.

    NAME is acknowledgement; away, one that is sent during an absence; notice, an absence notice that stands alone; or
    note, what a delegate is told.
    """
    config = invocation.config()
    box = _find_mailbox(invocation, config, mailbox)
    chosen = _LANGUAGES[language] if language else box.organisation.languages[0]
    warnings: list[str] = []
    renderer = TemplateRenderer(config.templates_folder, templates_folder(), warnings.append)
    rendered = _MESSAGES[name](_Asked(renderer, box, chosen))
    if html:
        click.echo(rendered.html, nl=False)
    else:
        click.echo(f"{invocation.pick('Subject:', 'Objet :')} {rendered.subject}\n\n{rendered.text}", nl=False)
    for warning in warnings:
        click.echo(warning, err=True)
    if warnings:
        sys.exit(1)


def _find_mailbox(invocation: Invocation, config: Config, address: str | None) -> Mailbox:
    """The mailbox of an address, or the first one."""
    mailboxes = config.watched_mailboxes()
    found = config.find_mailbox(address) if address else next(iter(mailboxes), None)
    if found not in mailboxes:
        known = ", ".join(box.address for box in mailboxes)
        raise click.UsageError(
            invocation.pick(
                f"{address or 'No mailbox'} is not watched. The configuration has: {known or 'none'}.",
                f"{address or 'Aucune boîte'}\u00a0: cette boîte n’est pas suivie. La configuration contient\u00a0: "
                f"{known or 'aucune'}.",
            )
        )
    return found
