"""`mailwatch absence publish`: have the mailboxes' own servers answer while somebody is away (docs/absences.md)."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from mailwatch.cli.absence_publish_words import explain, explain_error
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.store import opened
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.domain.absences import Absence
from mailwatch.domain.lines import dump_line
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.server_notices import (
    Closing,
    find_closing,
    is_answered_by_server,
    notice_facts,
    plan_server_notice,
)
from mailwatch.errors import MailwatchError
from mailwatch.logs import configure_logs
from mailwatch.rendering import TemplateRenderer, fold
from mailwatch.resources import templates_folder
from mailwatch.services.keep_absences import CONFIGURATION
from mailwatch.services.publish import Publication, PublicationKind, WantedScript, withdraw
from mailwatch.services.publish import publish as publish_script
from mailwatch.sieve.client import open_scripts
from mailwatch.sieve.script import compose_empty_script, compose_script, needed_extensions

AT_ONCE = 8  # servers spoken to at the same time


@dataclass(frozen=True, slots=True)
class Task:
    """A mailbox, when it is away if there is anything to publish, and the script for that."""

    mailbox: Mailbox
    closing: Closing | None = None
    script: WantedScript | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a mailbox: a publication, or the error that prevented it."""

    task: Task
    publication: Publication | None
    error: MailwatchError | None = None

    @property
    def is_well(self) -> bool:
        """Whether the server does now what it should."""
        return self.publication is not None and self.publication.kind is not PublicationKind.REFUSED


@click.command()
@click.option("--mailbox", "addresses", multiple=True, metavar="ADDRESS", help="Only this mailbox; may be repeated.")
@click.option("--withdraw", "is_withdrawing", is_flag=True, help="Have nothing answer, though somebody is away.")
@click.option("--dry-run", is_flag=True, help="Show the scripts; connect to no mail server.")
@click.option("--force", is_flag=True, help="Replace a script of ours that somebody has edited.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def publish(
    invocation: Invocation, addresses: Sequence[str], is_withdrawing: bool, dry_run: bool, force: bool, as_json: bool
) -> None:
    """Have the mailboxes' own servers answer while somebody is away, by Sieve (Dovecot, Cyrus).

    The absence that is on, or comes next, is published, and switches itself on and off in time; where there is none,
    what was published is withdrawn. A script that a person wrote is never touched. Exit code 1 if one was refused.
    """
    config = invocation.config()
    configure_logs("console", "error")
    absences = () if is_withdrawing else asyncio.run(_read_absences(invocation, config))
    offered = publishable(config, absences, SystemClock().now())
    if is_withdrawing:  # also of mailboxes whose server isn't to answer any more
        offered = [(mailbox, None) for mailbox in (config.mailboxes() if addresses else (each for each, _ in offered))]
    chosen = _choose(invocation, config, addresses, offered)
    warnings: list[str] = []
    tasks = list(_plan(config, chosen, warnings))
    if not tasks:
        nothing = invocation.pick('(no mailbox has notice = "sieve")', '(aucune boîte n’a notice = "sieve")')
        click.echo(nothing, err=True)
    are_well = (
        _show(invocation, tasks, as_json)
        if dry_run
        else asyncio.run(_publish_all(invocation, config, tasks, force=force, as_json=as_json))
    )
    for warning in warnings:
        click.echo(warning, err=True)
    if warnings or not are_well:
        sys.exit(1)


def publishable(config: Config, absences: Sequence[Absence], now: datetime) -> Sequence[tuple[Mailbox, Closing | None]]:
    """The mailboxes whose servers answer for them, each with when it is away: now, or else next."""
    return [
        (mailbox, find_closing(mailbox, absences, now))
        for mailbox in config.mailboxes()
        if is_answered_by_server(mailbox)
    ]


async def _read_absences(invocation: Invocation, config: Config) -> Sequence[Absence]:
    """What is recorded, with those of the configuration as it says now."""
    async with opened(invocation, config) as store, store.transaction() as tx:
        recorded = await tx.list_kept()
    return [*config.organisation().absences, *(one.absence for one in recorded if one.source != CONFIGURATION)]


def _choose(
    invocation: Invocation,
    config: Config,
    addresses: Sequence[str],
    offered: Sequence[tuple[Mailbox, Closing | None]],
) -> Sequence[tuple[Mailbox, Closing | None]]:
    """Those of the addresses; all without any."""
    known = {mailbox.address: (mailbox, closing) for mailbox, closing in offered}
    chosen = []
    for address in addresses:
        mailbox = config.find_mailbox(address)
        if mailbox is None or mailbox.address not in known:
            listed = ", ".join(known) or invocation.pick("none", "aucune")
            raise click.BadParameter(
                invocation.pick(
                    f"{address}: its server isn't to answer (notice, in the configuration); these are: {listed}",
                    f"{address}\u00a0: son serveur n’a pas à répondre (notice, dans la configuration)\u00a0; ceux de "
                    f"{listed}, oui",
                ),
                param_hint="--mailbox",
            )
        chosen.append(known[mailbox.address])
    return chosen or list(offered)


def _plan(config: Config, chosen: Sequence[tuple[Mailbox, Closing | None]], warnings: list[str]) -> Iterator[Task]:
    renderer = TemplateRenderer(config.templates_folder, templates_folder(), warnings.append)
    for mailbox, closing in chosen:
        if closing is None:
            yield Task(mailbox)
            continue
        words = renderer.render_notice(mailbox, None, notice_facts(closing.away))
        notice = plan_server_notice(mailbox, closing, words.subject, fold(words.text))
        yield Task(mailbox, closing, WantedScript(text=compose_script(notice), extensions=needed_extensions(notice)))


def _show(invocation: Invocation, tasks: Sequence[Task], as_json: bool) -> bool:
    """The scripts that would be published."""
    for task in tasks:
        script = task.script.text if task.script else ""
        if as_json:
            click.echo(dump_line({"mailbox": task.mailbox.address, "script": script}))
        elif script:
            click.echo(f"# {task.mailbox.address}\n{script}")
        else:
            nobody = invocation.pick("nobody is away, nothing is published", "aucune absence, rien n'est publié")
            click.echo(f"# {task.mailbox.address}: {nobody}\n")
    return True


async def _publish_all(
    invocation: Invocation, config: Config, tasks: Sequence[Task], *, force: bool, as_json: bool
) -> bool:
    """Each mailbox on its own, told in their order; whether all went well."""
    free = asyncio.Semaphore(AT_ONCE)
    are_well = True
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(_attempt(config, task, force, free)) for task in tasks]
        for each in running:
            done = await each
            are_well &= done.is_well
            _tell(invocation, done, as_json)
    return are_well


async def _attempt(config: Config, task: Task, force: bool, free: asyncio.Semaphore) -> Done:
    async with free:
        try:
            return Done(task, await _publish(config, task, force))
        except MailwatchError as error:
            return Done(task, None, error)


async def _publish(config: Config, task: Task, force: bool) -> Publication:
    account = config.imap_account(task.mailbox.address)
    password = await asyncio.to_thread(account.password.resolve, config.base, os.environ)  # it may run a command
    async with open_scripts(account, password.reveal()) as scripts:
        if task.script is None:
            return await withdraw(scripts, compose_empty_script(), force=force)
        return await publish_script(scripts, task.script, force=force)


def _tell(invocation: Invocation, done: Done, as_json: bool) -> None:
    address, publication, error = done.task.mailbox.address, done.publication, done.error
    sentences = explain(publication, done.task.closing) if publication else explain_error(error or MailwatchError())
    text = invocation.pick(sentences.en, sentences.fr)
    if not as_json:
        sign, colour = ("✓", "green") if done.is_well else ("✗", "red")
        click.echo(click.style(sign, fg=colour) + f" {address}: {text}")
        return
    facts = {
        "mailbox": address,
        "outcome": str(publication.kind) if publication else "failed",
        "reason": str(publication.refusal or "") if publication else type(error).__name__,
        "text": text,
    }
    click.echo(dump_line(facts))
