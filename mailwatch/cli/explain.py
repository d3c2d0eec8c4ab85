"""`mailwatch explain`: what would become of a message, and by which rules. Needs no secret and no database."""

from pathlib import Path

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.domain.classification import History
from mailwatch.domain.decisions import Decision, decide
from mailwatch.domain.lines import dump_line, printable
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import MAX_HEAD, Message, parse_message
from mailwatch.domain.rules import RULES


@click.command()
@click.option("--mailbox", "address", metavar="ADDRESS", help="Judge as this mailbox. Default: the addressed one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--rules", "list_rules", is_flag=True, help="List the rules in their order, and the local ones.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="FILE.eml…")
@click.pass_obj
def explain(
    invocation: Invocation, address: str | None, as_json: bool, list_rules: bool, files: tuple[Path, ...]
) -> None:
    """Judge each FILE as if it had just arrived, with no history.

    Prints the kind, the rule that decided it, whether it would be acknowledged or which rule forbids it, the
    language of the answer, and every rule that hit.
    """
    config = invocation.config()
    mailbox = _named_mailbox(invocation, config, address)
    if list_rules:
        _echo_rules(config)
        return
    if not files:
        raise click.UsageError(invocation.pick("name at least one FILE.eml", "indiquez au moins un FICHIER.eml"))
    failed = False
    for file in files:
        try:
            with file.open("rb") as opened:
                head = opened.read(MAX_HEAD)
        except OSError as error:
            click.echo(f"{file}: {error.strerror}", err=True)
            failed = True
            continue
        _explain_one(invocation, config, file, parse_message(head), mailbox, as_json)
    if failed:
        raise SystemExit(1)


def _named_mailbox(invocation: Invocation, config: Config, address: str | None) -> Mailbox | None:
    if not config.watched_mailboxes():
        raise click.UsageError(
            invocation.pick("the configuration has no enabled [[mailbox]]", "aucune [[mailbox]] active")
        )
    if address is None:
        return None
    mailbox = config.find_mailbox(address)
    if mailbox not in config.watched_mailboxes():
        known = ", ".join(m.address for m in config.watched_mailboxes())
        raise click.UsageError(
            invocation.pick(
                f"no mailbox {address}; the configuration has: {known}",
                f"boîte {address} inconnue\u00a0; la configuration contient\u00a0: {known}",
            )
        )
    return mailbox


def _explain_one(
    invocation: Invocation, config: Config, file: Path, message: Message, mailbox: Mailbox | None, as_json: bool
) -> None:
    mailbox = mailbox or _addressed(message, config)
    now = SystemClock().now()
    decision = decide(message, mailbox, History(), now, now)
    if as_json:
        click.echo(dump_line(_facts(file, decision)))
    else:
        _echo(invocation, file, mailbox, decision)


def _addressed(message: Message, config: Config) -> Mailbox:
    """The first mailbox that the message names, else the first of the configuration."""
    for recipient in (*message.to, *message.cc):
        mailbox = config.find_mailbox(recipient.key)
        if mailbox in config.watched_mailboxes():
            return mailbox
    return config.watched_mailboxes()[0]


def _facts(file: Path, decision: Decision) -> dict[str, object]:
    return {
        "file": str(file),
        "kind": str(decision.verdict.kind),
        "reason": decision.verdict.reason,
        "acknowledge": decision.acknowledge,
        "suppressed_by": decision.suppressed_by,
        "language": str(decision.language) if decision.language else "unsure",
        "rules": [hit.rule for hit in decision.verdict.hits],
    }


def _echo(invocation: Invocation, file: Path, mailbox: Mailbox, decision: Decision) -> None:
    pick = invocation.pick
    facts = _facts(file, decision)
    click.echo(f"{file}  ({mailbox.address})")
    click.echo(f"  {pick('kind', 'nature'):<14} {facts['kind']} ({pick('by', 'par')} {facts['reason']})")
    withheld = pick("no, because of", "non, à cause de")
    outcome = pick("yes", "oui") if decision.acknowledge else f"{withheld} {facts['suppressed_by']}"
    click.echo(f"  {pick('acknowledge', 'accusé'):<14} {outcome}")
    click.echo(f"  {pick('language', 'langue'):<14} {facts['language']}")
    sources = {rule.name: rule for rule in RULES}
    for hit in decision.verdict.hits:
        rule = sources.get(hit.rule)
        detail = f": {printable(hit.detail)}" if hit.detail else ""
        click.echo(f"  - {hit.rule}{detail}" + (f"  [{rule.source}]" if rule else ""))


def _echo_rules(config: Config) -> None:
    for rule in RULES:
        click.echo(f"{rule.rung:>4}  {rule.name:<28} {rule.summary}  [{rule.source}]")
    seen: set[str] = set()
    for mailbox in config.watched_mailboxes():
        for local in mailbox.rules:
            if local.name not in seen:
                seen.add(local.name)
                click.echo(f"  [[rule]]  {local.name}")
