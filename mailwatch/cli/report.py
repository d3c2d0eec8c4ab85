"""`mailwatch report`: how a month's requests were served, against the standard. It connects to the database only."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.report_forms import as_csv, as_json, as_text
from mailwatch.cli.report_page import as_html
from mailwatch.cli.report_words import ReportWords
from mailwatch.cli.store import opened
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.domain.compliance import YEARS, Month
from mailwatch.domain.figures import Report
from mailwatch.store.compliance import list_mailboxes, measure_month

FORMS = ("text", "csv", "json", "html")


@click.command()
@click.option("--month", "month_text", metavar="YYYY-MM", required=True, help="Of requests received in this month.")
@click.option("--mailbox", metavar="ADDRESS", help="Only this mailbox's.")
@click.option("--department", metavar="NAME", help="Only the mailboxes' of this department.")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True, help="How to write it.")
@click.option("--as-of", "as_of_text", metavar="INSTANT", help="As things stood then, in ISO 8601. Default: now.")
@click.pass_obj
def report(
    invocation: Invocation,
    month_text: str,
    mailbox: str | None,
    department: str | None,
    form: str,
    as_of_text: str | None,
) -> None:
    """Report how the requests of a month were served: by mailbox, by department and in total.

    docs/report.md defines every figure. An INSTANT without offset is in the organisation's time zone.
    """
    config = invocation.config()
    if mailbox and department:
        raise click.UsageError(
            invocation.pick("--mailbox or --department, not both", "--mailbox ou --department, pas les deux")
        )
    month = _parse_month(invocation, month_text, config.timezone)
    as_of = _parse_instant(invocation, as_of_text, config.timezone) if as_of_text else _now()
    chosen = _department(invocation, config, department) if department else None
    found = asyncio.run(_measure(invocation, config, month, as_of, mailbox.lower() if mailbox else None, chosen))
    words = ReportWords(invocation.language)
    name = config.organisation().name
    match form:
        case "csv":
            click.echo(as_csv(found), nl=False)
        case "json":
            click.echo(as_json(found, name), nl=False)
        case "html":
            click.echo(as_html(found, name, words), nl=False)
        case _:
            click.echo(as_text(found, name, words), nl=False)


async def _measure(
    invocation: Invocation, config: Config, month: Month, as_of: datetime, mailbox: str | None, department: str | None
) -> Report:
    departments = _departments(config)
    async with opened(invocation, config) as store:
        known = await list_mailboxes(store)
        if mailbox is not None and mailbox not in departments and mailbox not in known:
            listed = ", ".join(sorted({*departments, *known}))
            raise click.BadParameter(
                invocation.pick(
                    f"no mailbox {mailbox}; there are: {listed}",
                    f"boîte {mailbox} inconnue\u00a0; il y a\u00a0: {listed}",
                ),
                param_hint="--mailbox",
            )
        if mailbox is not None:
            departments = {mailbox: departments.get(mailbox, "")}
        return await measure_month(
            store, month, as_of=as_of, departments=departments, mailbox=mailbox, department=department
        )


def _departments(config: Config) -> Mapping[str, str]:
    """Every watched mailbox with its department. An account of which only Sent folders are read receives nothing."""
    return {each.address: each.department for each in config.mailboxes() if not each.observing.is_sent_only}


def _department(invocation: Invocation, config: Config, name: str) -> str:
    """The department as the configuration writes it; case doesn't matter."""
    known = sorted({each for each in _departments(config).values() if each})
    for each in known:
        if each.casefold() == name.strip().casefold():
            return each
    listed = ", ".join(known) or "–"
    raise click.BadParameter(
        invocation.pick(
            f"no department {name!r}; the configuration has: {listed}",
            f"service {name!r} inconnu\u00a0; la configuration contient\u00a0: {listed}",
        ),
        param_hint="--department",
    )


def _parse_month(invocation: Invocation, text: str, zone: ZoneInfo) -> Month:
    try:
        return Month.parse(text, zone)
    except ValueError as error:
        french = f'{text!r}\u00a0: attendu, un mois tel que "2026-11"'
        raise click.BadParameter(invocation.pick(str(error), french), param_hint="--month") from None


def _parse_instant(invocation: Invocation, text: str, zone: ZoneInfo) -> datetime:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        instant = None
    if instant is None or instant.year not in YEARS:
        expected = f'"2026-12-01T09:00", "2026-12-01 09:00-05:00", "2026-12-01" ({YEARS[0]}-{YEARS[-1]})'
        raise click.BadParameter(
            invocation.pick(
                f"{text!r}: expected ISO 8601: {expected}", f"{text!r}\u00a0: ISO 8601 attendu\u00a0: {expected}"
            ),
            param_hint="--as-of",
        )
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def _now() -> datetime:
    """To the second: what the report prints can be given back to --as-of."""
    return SystemClock().now().replace(microsecond=0)
