"""`mailwatch digest preview`: what a person would be told. It connects to the database only, and writes nothing."""

import asyncio
import sys
from datetime import UTC, date, datetime

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.store import opened
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.domain.calendars import closing_at
from mailwatch.domain.composition import Composed, Rendered, compose_report, own_message_id
from mailwatch.domain.digests import Digest
from mailwatch.domain.escalations import MANAGER, OWNER
from mailwatch.logs import get_logger
from mailwatch.rendering import TemplateRenderer
from mailwatch.reporters import make_escalate
from mailwatch.resources import templates_folder
from mailwatch.services.keep_absences import configured

FORMS = ("text", "html", "eml")


@click.group()
def digest() -> None:
    """What people are told by e-mail of requests that wait."""


@digest.command()
@click.option("--for", "recipient", required=True, metavar="ADDRESS", help="Whose digest.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="At its hour on this day, not now."
)
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True, help="How to show it.")
@click.pass_obj
def preview(invocation: Invocation, recipient: str, day: datetime | None, form: str) -> None:
    """Show a person's digest, of the requests as they stand now; nothing is sent, and nothing counts as told.

    Exit code 1: a template of yours fails, and ours is shown.
    """
    config = invocation.config()
    address = recipient.strip().lower()
    _refuse_strangers(invocation, config, address)
    now = _digest_time(config, day.date()) if day else SystemClock().now()
    _warn_of_closed_day(invocation, config, now)
    asyncio.run(_preview(invocation, config, address, now, form))


async def _preview(invocation: Invocation, config: Config, recipient: str, now: datetime, form: str) -> None:
    warnings: list[str] = []
    renderer = TemplateRenderer(config.templates_folder, templates_folder(), warnings.append)
    async with opened(invocation, config) as store:
        escalate = make_escalate(config, store, renderer, SystemClock(), get_logger(__name__))
        found = await escalate.preview(recipient, now, configured(config.organisation().absences))
        key = store.key
    if found.is_empty:
        click.echo(
            invocation.pick(f"(nothing to tell {recipient})", f"(rien à signaler à {recipient})"),
            err=True,
        )
        return
    rendered = renderer.render_digest(found)
    _echo(invocation, rendered, _compose(config, found, rendered, key, now), form)
    for warning in warnings:
        click.echo(warning, err=True)
    if warnings:
        sys.exit(1)


def _echo(invocation: Invocation, rendered: Rendered, composed: Composed, form: str) -> None:
    match form:
        case "html":
            click.echo(rendered.html, nl=False)
        case "eml":
            click.echo(composed.body, nl=False)
        case _:
            click.echo(f"{invocation.pick('Subject:', 'Objet :')} {rendered.subject}\n\n{rendered.text}", nl=False)


def _compose(config: Config, found: Digest, rendered: Rendered, key: bytes, now: datetime) -> Composed:
    """The message as the service would send it, its Message-ID included."""
    sender = config.digests.sender
    domain = sender.rpartition("@")[2]
    return compose_report(
        rendered,
        sender_name=found.organisation,
        sender=sender,
        recipient=found.recipient,
        message_id=own_message_id(key, found.recipient, str(found.on), "digest", domain),
        now=now,
    )


def _refuse_strangers(invocation: Invocation, config: Config, address: str) -> None:
    """Nobody else is ever told: an empty preview for a misspelt address would mislead."""
    named = {name.lower() for level in config.levels() for name in level.to} - {OWNER, MANAGER}
    known = sorted(named | set(config.organisation().people))
    if address not in known:
        listed = ", ".join(known)
        raise click.BadParameter(
            invocation.pick(
                f"{address} is nobody of [[people]] or [[escalation]]; there are: {listed}",
                f"{address} ne figure ni dans [[people]] ni dans [[escalation]]\u00a0; il y a\u00a0: {listed}",
            ),
            param_hint="--for",
        )


def _digest_time(config: Config, day: date) -> datetime:
    """When digests are sent on a day, in UTC."""
    return datetime.combine(day, config.digests.at, config.calendar().timezone).astimezone(UTC)


def _warn_of_closed_day(invocation: Invocation, config: Config, now: datetime) -> None:
    day = now.astimezone(config.calendar().timezone).date()
    if closing_at(config.calendar(), day) is None:
        click.echo(
            invocation.pick(
                f"({day} isn't a business day: no digest is sent)",
                f"({day} n’est pas un jour ouvrable\u00a0: aucun récapitulatif n’est envoyé)",
            ),
            err=True,
        )
