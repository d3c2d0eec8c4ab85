"""`mailwatch requests`: what people asked, and the story of one request."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.rows import jsonable, local, printable
from mailwatch.cli.store import opened
from mailwatch.cli.words import name_of
from mailwatch.config import Config
from mailwatch.domain.outbox import EntryKind
from mailwatch.domain.requests import State
from mailwatch.store.facts import EntryFact, EventFact, RequestFact, RequestStory
from mailwatch.store.reports import RequestUnknown, get_request, list_requests, normalise_reference

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
_KINDS_FR = {EntryKind.ACKNOWLEDGEMENT: "accusé de réception"}


@click.group()
def requests() -> None:
    """List requests, or tell the story of one."""


@requests.command("list")
@click.option("--mailbox", metavar="ADDRESS", help="Only this mailbox's.")
@click.option("--state", type=click.Choice([str(state) for state in State]), help="Only these.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Received on this day or later.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, instants in UTC.")
@click.pass_obj
def list_(
    invocation: Invocation, mailbox: str | None, state: str | None, since: datetime | None, limit: int, as_json: bool
) -> None:
    """List requests, newest first."""
    config = invocation.config()
    start = since.replace(tzinfo=config.timezone) if since else None
    rows = asyncio.run(_list(invocation, config, mailbox, State(state) if state else None, start, limit))
    for row in rows:
        if as_json:
            click.echo(json.dumps(jsonable(row), ensure_ascii=False))
        else:
            click.echo(_line(invocation, row, config.timezone))
    if not as_json:
        _echo_extent(invocation, len(rows), limit)


def _echo_extent(invocation: Invocation, count: int, limit: int) -> None:
    """Beside the result: that there is none, or that there may be more."""
    if not count:
        click.echo(invocation.pick("(no request)", "(aucune demande)"), err=True)
    elif count == limit:
        click.echo(
            invocation.pick(
                f"(the newest {limit}; --limit shows more)",
                f"(les {limit} plus récentes ; --limit en montre davantage)",
            ),
            err=True,
        )


async def _list(
    invocation: Invocation,
    config: Config,
    mailbox: str | None,
    state: State | None,
    since: datetime | None,
    limit: int,
) -> Sequence[RequestFact]:
    async with opened(invocation, config) as store:
        return await list_requests(store, mailbox=mailbox, state=state, since=since, limit=limit)


def _line(invocation: Invocation, row: RequestFact, zone: ZoneInfo) -> str:
    held = f" ({row.suppressed_by})" if row.suppressed_by else ""
    who = printable(f"{row.requester}  {row.subject}")
    received, due = local(row.received_at, zone), local(row.answer_due_at, zone)
    return f"{row.reference}  {name_of(invocation, row.state) + held:<28} {received} → {due}  {who}"


@requests.command()
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="As JSON, instants in UTC.")
@click.pass_obj
def show(invocation: Invocation, reference: str, as_json: bool) -> None:
    """Tell the story of one request: events, and what was sent.

    REFERENCE is what its acknowledgement names, such as MW-7F3K9Q; case doesn't matter, and MW- may be left out.
    """
    config = invocation.config()
    story = asyncio.run(_show(invocation, config, reference))
    if as_json:
        click.echo(json.dumps(jsonable(story), ensure_ascii=False))
    else:
        _tell(invocation, story, config.timezone)


async def _show(invocation: Invocation, config: Config, reference: str) -> RequestStory:
    async with opened(invocation, config) as store:
        try:
            return await get_request(store, reference)
        except RequestUnknown as error:
            wanted = normalise_reference(reference)
            raise RequestUnknown(
                invocation.pick(str(error), f"{wanted} : aucune demande ne porte cette référence")
            ) from None


def _tell(invocation: Invocation, story: RequestStory, zone: ZoneInfo) -> None:
    pick, request = invocation.pick, story.request
    within = story.standard
    click.echo(f"{request.reference}  {name_of(invocation, request.state)}  {request.mailbox}")
    rows = (
        (pick("from", "de"), printable(request.requester)),
        (pick("subject", "objet"), printable(request.subject)),
        (pick("owner", "responsable"), request.owner or "–"),
        (pick("received", "reçue"), local(request.received_at, zone)),
        (
            pick("acknowledge by", "accuser avant"),
            f"{local(request.acknowledgement_due_at, zone)} ({within.get('acknowledge_within', '')})",
        ),
        (
            pick("answer by", "répondre avant"),
            f"{local(request.answer_due_at, zone)} ({within.get('answer_within', '')})",
        ),
        (pick("acknowledged", "accusée"), local(request.acknowledged_at, zone)),
        (pick("withheld by", "accusé retenu par"), request.suppressed_by or "–"),
    )
    for label, value in rows:
        click.echo(f"  {label:<18} {value}")
    click.echo(pick("Events", "Événements"))
    for event in story.events:
        click.echo("  " + _event(invocation, event, zone))
    if story.entries:
        click.echo(pick("Sent", "Envois"))
    for entry in story.entries:
        click.echo("  " + _entry(invocation, entry, zone))


def _event(invocation: Invocation, event: EventFact, zone: ZoneInfo) -> str:
    data = ", ".join(f"{key}: {_value(value, zone)}" for key, value in event.data.items() if value not in ("", None))
    return f"{local(event.at, zone)}  {name_of(invocation, event.kind)} ({event.by})" + (f"  {data}" if data else "")


def _value(value: object, zone: ZoneInfo) -> str:
    """A detail of an event; instants are stored in ISO 8601, UTC."""
    text = str(value)
    return local(datetime.fromisoformat(text), zone) if _INSTANT.fullmatch(text) else printable(text)


def _entry(invocation: Invocation, entry: EntryFact, zone: ZoneInfo) -> str:
    when = local(entry.settled_at or entry.not_before, zone)
    kind = invocation.pick(str(entry.kind), _KINDS_FR.get(entry.kind, str(entry.kind)))
    outcome = printable(f"{entry.recipient} {entry.message_id}  {entry.reason}")
    return f"{when}  {kind} {name_of(invocation, entry.state)} → {outcome}"
