"""`mailwatch absence add` and `cancel`: what a person says of absences."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

import click

from mailwatch.cli.absence_words import as_json as to_json
from mailwatch.cli.absence_words import describe, find_delegate, find_who, is_over, merge_configured, today_of
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.person import VARIABLE, who
from mailwatch.cli.store import opened
from mailwatch.config import Config
from mailwatch.domain.absences import Absence, Audience, find_circle
from mailwatch.domain.days import UnclearDay, parse_day, parse_period
from mailwatch.domain.languages import Language
from mailwatch.domain.lines import dump_line
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import COMMAND, natural_uid, take_back

_by = click.option("--by", "by", metavar="WHO", help=f"Who says so. Default: ${VARIABLE}, else your login name.")
_json = click.option("--json", "as_json", is_flag=True, help="As one JSON object.")


@click.command(short_help="Record that a person or a mailbox is away.")
@click.argument("address", metavar="WHO")
@click.argument("period", nargs=-1)
@click.option("--from", "away_from", metavar="DAY", help="First day away. Default: today.")
@click.option("--until", metavar="DAY", help="Last day away.")
@click.option("--returns", metavar="DAY", help="First day back. Without --until either: unknown.")
@click.option("--delegate", metavar="ADDRESS", help="The person who covers: one of [[people]].")
@click.option("--audience", type=click.Choice([str(each) for each in Audience]), default="all", help="Who is told.")
@click.option("--text-fr", metavar="TEXT", default="", help="A sentence of your own for the notice, in French.")
@click.option("--text-en", metavar="TEXT", default="", help="The same in English.")
@click.option("--note", metavar="TEXT", default="", help="What the delegate should know; requesters never see it.")
@_by
@_json
@click.pass_obj
def add(
    invocation: Invocation,
    address: str,
    period: Sequence[str],
    away_from: str | None,
    until: str | None,
    returns: str | None,
    delegate: str | None,
    audience: str,
    text_fr: str,
    text_en: str,
    note: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Record that WHO (a person's e-mail, or a mailbox) is away. Recorded again with the same first day, it changes.

    Days are written 2026-12-07, or in words: tomorrow, Monday, "14 December", demain, lundi, « 14 décembre ». A PERIOD
    says both ends: "from tomorrow until Monday" means that Monday is the last day away; "back on" names the day of
    return. What was understood is repeated. The running service takes it over within a minute: open requests
    that came in meanwhile get another due date, and their history says so.
    """
    config = invocation.config()
    absent = find_who(invocation, config, address, "WHO")
    first, back = _days(invocation, today_of(config), period, away_from, until, returns)
    texts = {Language.FR: text_fr, Language.EN: text_en}
    absence = Absence(
        who=absent,
        away_from=first,
        returns_on=back,
        delegate=find_delegate(invocation, config, delegate, absent) if delegate else "",
        text={language: text for language, text in texts.items() if text},
        audience=Audience(audience),
        note=note,
    )
    kept = KeptAbsence(absence=absence, source=COMMAND, uid=natural_uid(absence), by=by or who())
    kept, known = asyncio.run(_keep(invocation, config, kept))
    if is_over(absence, today_of(config)):
        click.echo(invocation.pick("(it is over already)", "(elle est déjà terminée)"), err=True)
    _tell(invocation, config, kept, known, as_json)


@click.command(short_help="End an absence today, or take it back before it begins.")
@click.argument("number", type=click.IntRange(1))
@_json
@click.pass_obj
def cancel(invocation: Invocation, number: int, as_json: bool) -> None:
    """End absence NUMBER (from `mailwatch absence list`): who is away is back today. One that hasn't begun never was.

    Only what was recorded by command or imported: the configuration's and a calendar's are changed there.
    """
    config = invocation.config()
    kept, ended = asyncio.run(_cancel(invocation, config, number))
    if as_json:
        kept = replace(kept, absence=ended or kept.absence)
        shown = to_json(kept, config, today_of(config), [kept])
        click.echo(dump_line({**shown, "taken_back": ended is None}))
    elif ended is None:
        click.echo(invocation.pick("Taken back: it never was.", "Retirée\u00a0: elle n’a jamais eu lieu."))
    else:
        click.echo(describe(invocation, config, replace(kept, absence=ended)))


def _days(
    invocation: Invocation,
    today: date,
    period: Sequence[str],
    away_from: str | None,
    until: str | None,
    returns: str | None,
) -> tuple[date, date | None]:
    """First day away, first day back. Raises click.UsageError."""
    if period and (away_from or until or returns):
        raise click.UsageError(
            invocation.pick(
                "write the days either as a period or by --from, --until, --returns",
                "indiquez les jours par une période ou par --from, --until, --returns, pas les deux",
            )
        )
    if until and returns:
        raise click.UsageError(
            invocation.pick("--until and --returns say the same thing twice", "--until et --returns font double emploi")
        )
    if period:
        return _understood(invocation, "PERIOD", lambda: parse_period(" ".join(period), today))
    first = _understood(invocation, "--from", lambda: parse_day(away_from, today)) if away_from else today
    if until:
        last = _understood(invocation, "--until", lambda: parse_day(until, max(first, today)))
        back: date | None = date.fromordinal(last.toordinal() + 1)
    else:
        back = _understood(invocation, "--returns", lambda: parse_day(returns or "", first)) if returns else None
    if back is not None and back <= first:
        raise click.UsageError(
            invocation.pick(
                f"nobody is back ({back}) before they are away ({first})",
                f"le retour ({back}) doit suivre le premier jour d’absence ({first})",
            )
        )
    return first, back


T = TypeVar("T")


def _understood(invocation: Invocation, hint: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except UnclearDay as error:
        raise click.BadParameter(invocation.pick(str(error), error.french), param_hint=hint) from None


async def _keep(invocation: Invocation, config: Config, kept: KeptAbsence) -> tuple[KeptAbsence, list[KeptAbsence]]:
    """Write it, unless nobody would be there any more; with it, all that aren't over."""
    today = today_of(config)
    async with opened(invocation, config) as store, store.transaction() as tx:
        known = merge_configured(config, await tx.list_kept())
        current = [each for each in known if not is_over(each.absence, today)]
        others = [each for each in current if (each.source, each.uid) != (kept.source, kept.uid)]
        if circle := find_circle([*(each.absence for each in others), kept.absence]):
            names = " → ".join([each.who for each in circle] + [circle[0].who])
            raise click.BadParameter(
                invocation.pick(
                    f"{names}: they cover for each other while all of them are away; name somebody else",
                    f"{names}\u00a0: ces personnes se remplacent l’une l’autre alors que toutes sont absentes\u00a0; "
                    "nommez quelqu’un d’autre",
                ),
                param_hint="--delegate",
            )
        number = await tx.keep_absence(kept)
    kept = replace(kept, absence=replace(kept.absence, id=number))
    return kept, [*others, kept]


async def _cancel(invocation: Invocation, config: Config, number: int) -> tuple[KeptAbsence, Absence | None]:
    today = today_of(config)
    async with opened(invocation, config) as store, store.transaction() as tx:
        kept = next((each for each in await tx.list_kept() if each.absence.id == number), None)
        if kept is None:
            raise click.UsageError(
                invocation.pick(
                    f"{number}: there is no such absence; `mailwatch absence list` shows them",
                    f"{number}\u00a0: aucune absence ne porte ce numéro\u00a0; «\u00a0mailwatch absence "
                    "list\u00a0» les montre",
                )
            )
        _refuse(invocation, kept, today)
        return kept, await take_back(tx, kept, today)


def _refuse(invocation: Invocation, kept: KeptAbsence, today: date) -> None:
    """What can't be taken back here."""
    if is_over(kept.absence, today):
        raise click.UsageError(invocation.pick("it is over already", "elle est déjà terminée"))
    if kept.source != COMMAND and not kept.source.startswith("import "):
        raise click.UsageError(
            invocation.pick(
                f"it comes from the {kept.source}: change it there, or it would come back",
                f"elle provient d’ailleurs ({kept.source})\u00a0: modifiez-la là-bas, sinon elle reviendrait",
            )
        )


def _tell(
    invocation: Invocation, config: Config, kept: KeptAbsence, known: Sequence[KeptAbsence], as_json: bool
) -> None:
    if as_json:
        shown: Mapping[str, object] = to_json(kept, config, today_of(config), known)
        click.echo(dump_line(shown))
    else:
        click.echo(describe(invocation, config, kept))
