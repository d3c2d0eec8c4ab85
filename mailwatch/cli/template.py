"""`mailwatch template`: what requesters will read, before anybody has written."""

import sys

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.config import Config
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.rendering import TemplateRenderer, sample_facts
from mailwatch.resources import templates_folder

_LANGUAGES = {"fr": Language.FR, "en": Language.EN, "both": None}


@click.group()
def template() -> None:
    """The words that mailwatch sends."""


@template.command()
@click.option("--mailbox", metavar="ADDRESS", help="A watched address; without it, the first mailbox.")
@click.option("--language", type=click.Choice(list(_LANGUAGES)), help="Without it, the organisation's first language.")
@click.option("--html", is_flag=True, help="The HTML part instead of the plain text.")
@click.argument("name", type=click.Choice(["acknowledgement"]), default="acknowledgement")
@click.pass_obj
def preview(invocation: Invocation, mailbox: str | None, language: str | None, html: bool, name: str) -> None:
    """Show a message with invented facts. Exit code 1: a template of yours fails, and ours is shown."""
    config = invocation.config()
    box = _find_mailbox(invocation, config, mailbox)
    chosen = _LANGUAGES[language] if language else box.organisation.languages[0]
    warnings: list[str] = []
    renderer = TemplateRenderer(config.templates_folder, templates_folder(), warnings.append)
    rendered = renderer.render_acknowledgement(box, chosen, sample_facts(box))
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
