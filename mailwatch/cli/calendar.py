"""`mailwatch calendar`: the arithmetic of due dates, step by step. Needs no secret and no database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.config import Config
from mailwatch.domain.calendars import ServiceCalendar, business_days_between, business_time_between
from mailwatch.domain.lines import dump_line
from mailwatch.domain.standards import Limit, due, explain_due, format_duration, parse_limit

YEARS = range(1970, 2200)  # holidays and time zones mean little outside

_mailbox = click.option(
    "--mailbox", "address", metavar="ADDRESS", help="By this mailbox's calendar. Default: the organisation's."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def calendar() -> None:
    """Explain the arithmetic of due dates.

    An INSTANT is ISO 8601: 2026-11-23T10:00, "2026-11-23 10:00", or 2026-11-23 for its first minute. Without an
    offset (-05:00, Z) it is in the organisation's time zone; where the clocks repeat an hour it is then the first
    of the two, where they skip one it is as much later.
    """


@calendar.command("due")
@_mailbox
@_json
@click.argument("instant")
@click.argument("limit")
@click.pass_obj
def due_command(invocation: Invocation, address: str | None, as_json: bool, instant: str, limit: str) -> None:
    """Say when a clock started at INSTANT reaches LIMIT, and why.

    A LIMIT is written as in the configuration: 48h, 30m, "5 business days", "16 business hours".
    """
    config = invocation.config()
    service = _calendar(invocation, config, address)
    start = _parse_instant(invocation, instant, config.timezone)
    within = _parse_limit(invocation, limit)
    end = due(service, start, within)
    steps = [(step.on, invocation.pick(step.text_en, step.text_fr)) for step in explain_due(service, start, within)]
    if as_json:
        _echo_json(
            {
                "start": _local(service, start),
                "limit": str(within),
                "due": _local(service, end),
                "steps": [{"on": on, "text": text} for on, text in steps],
            }
        )
        return
    for _, text in steps:
        click.echo(f"  {text}")
    click.echo(invocation.pick("Due: ", "Échéance\u00a0: ") + f"{_local(service, end)} ({service.timezone})")
    click.echo(_both_times(invocation, service, start, end))


@calendar.command("between")
@_mailbox
@_json
@click.argument("start_text", metavar="INSTANT")
@click.argument("end_text", metavar="INSTANT")
@click.pass_obj
def between_command(invocation: Invocation, address: str | None, as_json: bool, start_text: str, end_text: str) -> None:
    """Say how many business days and how much open time lie between two INSTANTs.

    The day of the first doesn't count, that of the second does: exactly n between a start and its due instant.
    """
    config = invocation.config()
    service = _calendar(invocation, config, address)
    start, end = (_parse_instant(invocation, text, config.timezone) for text in (start_text, end_text))
    days = business_days_between(service, start, end)
    if as_json:
        _echo_json(
            {
                "start": _local(service, start),
                "end": _local(service, end),
                "business_days": days,
                "business_minutes": _minutes(business_time_between(service, start, end)),
                "elapsed_minutes": _minutes(end - start),
            }
        )
        return
    click.echo(
        invocation.pick(
            f"{days} business {'day' if days == 1 else 'days'}",
            f"{days} {'jour ouvrable' if days < 2 else 'jours ouvrables'}",
        )
    )
    click.echo(_both_times(invocation, service, start, end))


def _calendar(invocation: Invocation, config: Config, address: str | None) -> ServiceCalendar:
    if address is None:
        return config.calendar()
    if mailbox := config.find_mailbox(address):
        return mailbox.standard.calendar
    known = ", ".join(each.address for each in config.mailboxes())
    raise click.BadParameter(
        invocation.pick(
            f"no mailbox {address}; the configuration has: {known}",
            f"boîte {address} inconnue\u00a0; la configuration contient\u00a0: {known}",
        ),
        param_hint="--mailbox",
    )


def _parse_instant(invocation: Invocation, text: str, zone: ZoneInfo) -> datetime:
    """An instant in UTC; without an offset in `zone`, where PEP 495's fold=0 settles what is repeated or skipped."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        instant = None
    if instant is None or instant.year not in YEARS:
        expected = f'"2026-11-23T10:00", "2026-11-23 10:00-05:00", "2026-11-23" ({YEARS[0]}-{YEARS[-1]})'
        raise click.BadParameter(
            invocation.pick(
                f"{text!r}: expected ISO 8601: {expected}", f"{text!r}\u00a0: ISO 8601 attendu\u00a0: {expected}"
            ),
            param_hint="INSTANT",
        )
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def _parse_limit(invocation: Invocation, text: str) -> Limit:
    try:
        return parse_limit(text)
    except ValueError as error:
        forms = '"48h", "30m", "5 business days", "16 business hours", "90 business minutes"'
        raise click.BadParameter(
            invocation.pick(str(error), f"{text!r}\u00a0: attendu, une limite d’au plus dix ans telle que {forms}"),
            param_hint="LIMIT",
        ) from None


def _both_times(invocation: Invocation, service: ServiceCalendar, start: datetime, end: datetime) -> str:
    open_time = format_duration(business_time_between(service, start, end))
    elapsed = format_duration(end - start)
    return invocation.pick(f"{open_time} of service, {elapsed} elapsed", f"{open_time} de service, {elapsed} écoulées")


def _local(service: ServiceCalendar, instant: datetime) -> str:
    return instant.astimezone(service.timezone).isoformat()


def _minutes(length: timedelta) -> int:
    return int(length / timedelta(minutes=1))  # whole ones, negative where the instants are reversed


def _echo_json(facts: dict[str, object]) -> None:
    click.echo(dump_line(facts))
