"""`mailwatch absence import`: absences from a calendar file (ICS) or a table (CSV)."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from mailwatch.cli.absence_words import find_delegate, find_who, is_over, merge_configured, today_of
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.person import VARIABLE, who
from mailwatch.cli.store import opened
from mailwatch.config import Config
from mailwatch.domain.absences import Absence, Audience, find_circle
from mailwatch.domain.lines import dump_line
from mailwatch.domain.outings import CalendarFilter, CalendarSource, FoundAbsence
from mailwatch.errors import CalendarUnavailable, CalendarUnreadable
from mailwatch.ics import (
    fetch_calendar,
    parse_calendar,
    parse_table,
    tell_calendar_problem,
    tell_table_problem,
    window_around,
)
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import Revision, keep_source, natural_uid

MOST_PROBLEMS = 100  # of a table, shown; the rest are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a file holds: absences, or what is wrong with it; and what was passed over, why."""

    absences: Sequence[FoundAbsence] = ()
    problems: Sequence[str] = ()
    passed_over: Mapping[str, int]


@click.command("import", short_help="Take over absences from a calendar (ICS) or a table (CSV).")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--who", "address", metavar="ADDRESS", help="Whose calendar it is; a table says so in each line.")
@click.option("--delegate", metavar="ADDRESS", help="Who covers, where the file doesn't say.")
@click.option("--audience", type=click.Choice([str(each) for each in Audience]), help="Who is told. Default: all.")
@click.option("--category", metavar="NAME", default="", help="Events of this category count, too.")
@click.option("--every-event", is_flag=True, help="Every event of the calendar counts.")
@click.option("--source", metavar="NAME", help="What this file is known by. Default: its name.")
@click.option("--by", "by", metavar="WHO", help=f"Who says so. Default: ${VARIABLE}, else your login name.")
@click.option("--json", "as_json", is_flag=True, help="What changed, as one JSON object.")
@click.pass_obj
def import_(
    invocation: Invocation,
    file: Path,
    address: str | None,
    delegate: str | None,
    audience: str | None,
    category: str,
    every_event: bool,
    source: str | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Take over the absences of FILE: an ICS file of one person or mailbox (--who), or a CSV table of many.

    Of a calendar, only out-of-office events count (or those of --category, or all with --every-event). A table names
    its columns in the first line: who, away_from, returns_on, delegate, audience, text_fr, text_en, note; French names
    are known, too. With anything wrong in a table, nothing of it is taken over. Imported again under the same name,
    a file replaces what it said before, and touches nothing else: what it doesn't name any more is ended, or
    taken back.
    """
    config = invocation.config()
    absent = find_who(invocation, config, address, "--who") if address else ""
    covers = find_delegate(invocation, config, delegate, absent) if delegate else ""
    is_table = file.suffix.lower() in (".csv", ".tsv", ".txt")
    if not is_table and not absent:
        raise click.UsageError(
            invocation.pick(
                "a calendar doesn't say whose it is: add --who ADDRESS",
                "un calendrier ne dit pas à qui il est\u00a0: ajoutez --who ADRESSE",
            )
        )
    takes = CalendarFilter(category=category, every_event=every_event)
    read = _read_table(invocation, file) if is_table else _read_calendar(invocation, config, file, takes)
    absences = [_absence(found, absent, covers, audience) for found in read.absences]
    problems = [*read.problems, *_list_strangers(invocation, config, absences)]
    if problems:
        _refuse(invocation, problems)
    name = f"import {source or file.name}"
    uids = [found.uid or natural_uid(absence) for found, absence in zip(read.absences, absences, strict=True)]
    kept = [
        KeptAbsence(absence=absence, source=name, uid=uid, by=by or who())
        for absence, uid in zip(absences, uids, strict=True)
    ]
    revision = asyncio.run(_keep(invocation, config, name, kept))
    _tell(invocation, name, revision, read.passed_over, as_json)


def _read_table(invocation: Invocation, file: Path) -> _Read:
    table = parse_table(file.read_bytes())
    problems = [f"{file}:{tell_table_problem(each, invocation.language)}" for each in table.problems]
    return _Read(absences=table.absences, problems=problems, passed_over={})


def _read_calendar(invocation: Invocation, config: Config, file: Path, takes: CalendarFilter) -> _Read:
    try:
        fetched = asyncio.run(fetch_calendar(CalendarSource(location=str(file.resolve()))))
        zone, window = config.calendar().timezone, window_around(today_of(config))
        found = parse_calendar(fetched.data if fetched else b"", zone, window, takes=takes)
    except (CalendarUnreadable, CalendarUnavailable) as error:
        return _Read(problems=[f"{file}: {tell_calendar_problem(error, invocation.language)}"], passed_over={})
    return _Read(absences=found.absences, passed_over={str(why): count for why, count in found.passed_over.items()})


def _absence(found: FoundAbsence, absent: str, covers: str, audience: str | None) -> Absence:
    return Absence(
        who=found.who or absent,
        away_from=found.away_from,
        returns_on=found.returns_on,
        delegate=found.delegate or covers,
        text=found.text,
        audience=Audience(audience or found.audience),
        note=found.note,
    )


def _list_strangers(invocation: Invocation, config: Config, absences: Sequence[Absence]) -> list[str]:
    """Whom the configuration doesn't know, or who would cover for themselves."""
    people = config.organisation().people
    found: dict[str, None] = {}
    for absence in absences:
        if absence.who not in people and config.find_mailbox(absence.who) is None:
            found[absence.who] = None
        if absence.delegate and absence.delegate not in people:
            found[absence.delegate] = None
        if absence.delegate == absence.who:
            en, fr = "{}: nobody covers for themselves", "{}\u00a0: on ne se remplace pas soi-même"
            found[invocation.pick(en, fr).format(absence.who)] = None
    unknown = invocation.pick(
        "{}: nobody of [[people]] and no [[mailbox]] has this address",
        "{}\u00a0: cette adresse ne figure ni dans [[people]] ni dans [[mailbox]]",
    )
    return [each if " " in each else unknown.format(each or "–") for each in found]


def _refuse(invocation: Invocation, problems: Sequence[str]) -> None:
    """Tell what is wrong; nothing was taken over."""
    for problem in problems[:MOST_PROBLEMS]:
        click.echo(problem, err=True)
    if len(problems) > MOST_PROBLEMS:
        more = len(problems) - MOST_PROBLEMS
        click.echo(invocation.pick(f"… and {more} more", f"… et {more} de plus"), err=True)
    click.echo(invocation.pick("Nothing was taken over.", "Rien n’a été repris."), err=True)
    sys.exit(1)


async def _keep(invocation: Invocation, config: Config, source: str, kept: Sequence[KeptAbsence]) -> Revision:
    today: date = today_of(config)
    async with opened(invocation, config) as store, store.transaction() as tx:
        others = [each.absence for each in merge_configured(config, await tx.list_kept()) if each.source != source]
        others = [each for each in others if not is_over(each, today)]
        circle = find_circle([*others, *(each.absence for each in kept if not is_over(each.absence, today))])
        if circle and not find_circle(others):  # one that stood before isn't this file's
            names = " → ".join([each.who for each in circle] + [circle[0].who])
            _refuse(
                invocation,
                [
                    invocation.pick(
                        f"{names}: they cover for each other while all of them are away",
                        f"{names}\u00a0: ces personnes se remplacent l’une l’autre alors que toutes sont absentes",
                    )
                ],
            )
        return await keep_source(tx, source, kept, today)


def _tell(
    invocation: Invocation, source: str, revision: Revision, passed_over: Mapping[str, int], as_json: bool
) -> None:
    counts = {
        "added": len(revision.added),
        "changed": len(revision.changed),
        "ended": len(revision.ended),
        "taken_back": len(revision.taken_back),
    }
    if as_json:
        click.echo(dump_line({"source": source, **counts, "passed_over": dict(passed_over)}))
        return
    click.echo(
        invocation.pick(
            "{added} new, {changed} changed, {ended} ended today, {taken_back} taken back",
            "{added} nouvelles, {changed} modifiées, {ended} terminées aujourd’hui, {taken_back} retirées",
        ).format(**counts)
    )
    for why, count in passed_over.items():
        click.echo(f"  {invocation.pick('passed over', 'laissés de côté')}: {count} ({why})")
