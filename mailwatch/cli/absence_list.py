"""`mailwatch absence list` and `show`."""

import asyncio
from collections.abc import Iterator, Sequence

import click

from mailwatch.cli.absence_words import as_json as to_json
from mailwatch.cli.absence_words import describe, is_over, merge_configured, today_of
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.store import opened
from mailwatch.cli.words import day_name
from mailwatch.config import Config
from mailwatch.domain.absences import find_cover
from mailwatch.domain.covers import find_away
from mailwatch.domain.lines import dump_line, printable
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.roster import Roster


@click.command("list", short_help="Who is away, now and later.")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(invocation: Invocation, everything: bool, as_json: bool) -> None:
    """List absences: who, from when, until when, who covers, and where each comes from. Those that are on are marked.

    What stands in the configuration without a number isn't in the database yet: the service takes it over when it
    starts.
    """
    config = invocation.config()
    today = today_of(config)
    kept = merge_configured(config, asyncio.run(_read(invocation, config)))
    shown = [each for each in kept if everything or not is_over(each.absence, today)]
    if as_json:
        for each in shown:
            click.echo(dump_line(to_json(each, config, today, kept)))
        return
    for each in shown:
        number = str(each.absence.id or "–")
        mark = "*" if each.absence.covers(today) else " "
        click.echo(f"{mark} {number:>4}  {describe(invocation, config, each)}  ({each.source})")
    if not shown:
        click.echo(invocation.pick("Nobody is away.", "Personne n’est absent."))


@click.command(short_help="One absence: what is said, who covers, what it changes.")
@click.argument("number", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def show(invocation: Invocation, number: int, as_json: bool) -> None:
    """Show absence NUMBER (from `mailwatch absence list`): its own sentence, the note, who covers today."""
    config = invocation.config()
    known = merge_configured(config, asyncio.run(_read(invocation, config)))
    kept = next((each for each in known if each.absence.id == number), None)
    if kept is None:
        raise click.UsageError(
            invocation.pick(
                f"{number}: there is no such absence; `mailwatch absence list --all` shows them",
                f"{number}\u00a0: aucune absence ne porte ce numéro\u00a0; «\u00a0mailwatch absence list "
                "--all\u00a0» les montre",
            )
        )
    if as_json:
        click.echo(dump_line(to_json(kept, config, today_of(config), known)))
        return
    for line in asyncio.run(_story(invocation, config, kept)):
        click.echo(line)


async def _read(invocation: Invocation, config: Config) -> Sequence[KeptAbsence]:
    async with opened(invocation, config) as store, store.transaction() as tx:
        return await tx.list_kept()


async def _story(invocation: Invocation, config: Config, kept: KeptAbsence) -> list[str]:
    async with opened(invocation, config) as store, store.transaction() as tx:
        staffed = await Roster(config.watched_mailboxes()).read(tx)
        now = tx.now
    pick, absence, today = invocation.pick, kept.absence, today_of(config)
    lines = [describe(invocation, config, kept)]
    facts = [(pick("source", "source"), kept.source), (pick("recorded by", "consignée par"), printable(kept.by))]
    facts.append((pick("told to", "public"), str(absence.audience)))
    facts += [(f"{pick('text', 'texte')} ({language})", printable(text)) for language, text in absence.text.items()]
    facts.append((pick("note", "note"), printable(absence.note)))
    if absence.covers(today):
        cover = find_cover(absence.who, today, staffed.absences, config.organisation().people)
        facts.append((pick("covers today", "remplace aujourd’hui"), cover if cover != absence.who else "–"))
    lines += [f"  {label:<22} {value}" for label, value in facts if value]
    for mailbox in staffed.mailboxes.values():
        away = find_away(mailbox, now)
        if away is not None and away.absence.id == absence.id:
            lines += _mailbox_lines(invocation, mailbox.address, str(away.returns_on or ""), away.is_covered)
    return lines


def _mailbox_lines(invocation: Invocation, address: str, returns_on: str, is_covered: bool) -> Iterator[str]:
    """What it means for a mailbox just now."""
    back = day_name(invocation, returns_on) if returns_on else invocation.pick("unknown", "inconnu")
    yield "  " + invocation.pick(
        f"{address}: whoever writes is told; back on business day {back}; "
        + ("the standard holds" if is_covered else "answers are due the business day after"),
        f"{address}\u00a0: les personnes qui écrivent en sont avisées\u00a0; retour, jour ouvrable\u00a0: {back}"
        + "\u00a0; "
        + ("la norme tient" if is_covered else "les réponses sont dues le jour ouvrable suivant"),
    )
