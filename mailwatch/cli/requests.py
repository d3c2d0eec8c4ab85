"""`mailwatch requests`: what people asked, and the story of one request."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.rows import jsonable, local
from mailwatch.cli.store import opened
from mailwatch.config import Config
from mailwatch.domain.requests import State
from mailwatch.store.facts import RequestFact, RequestStory
from mailwatch.store.reports import get_request, list_requests


@click.group()
def requests() -> None:
    """List requests, or tell the story of one."""


@requests.command("list")
@click.option("--mailbox", metavar="ADDRESS", help="Only this mailbox's.")
@click.option("--state", type=click.Choice([str(state) for state in State]), help="Only these.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Received on this day or later (YYYY-MM-DD).")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, instants in UTC.")
@click.pass_obj
def list_(
    invocation: Invocation, mailbox: str | None, state: str | None, since: datetime | None, limit: int, as_json: bool
) -> None:
    """List requests, newest first."""
    config = invocation.config()
    start = since.replace(tzinfo=config.timezone) if since else None
    rows = asyncio.run(_list(config, mailbox, State(state) if state else None, start, limit))
    for row in rows:
        if as_json:
            click.echo(json.dumps(jsonable(row), ensure_ascii=False))
        else:
            click.echo(_line(row, config.timezone))
    if not as_json and len(rows) == limit:
        click.echo(
            invocation.pick(f"(the newest {limit}; --limit shows more)", f"(les {limit} plus récentes)"), err=True
        )


async def _list(
    config: Config, mailbox: str | None, state: State | None, since: datetime | None, limit: int
) -> Sequence[RequestFact]:
    async with opened(config) as store:
        return await list_requests(store, mailbox=mailbox, state=state, since=since, limit=limit)


def _line(row: RequestFact, zone: ZoneInfo) -> str:
    held = f" ({row.suppressed_by})" if row.suppressed_by else ""
    received, due = local(row.received_at, zone), local(row.answer_due_at, zone)
    return f"{row.reference}  {row.state + held:<28} {received} → {due}  {row.requester}  {row.subject}"


@requests.command()
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="As JSON, instants in UTC.")
@click.pass_obj
def show(invocation: Invocation, reference: str, as_json: bool) -> None:
    """Tell the story of the request REFERENCE (MW-…): its events, its messages, what was sent."""
    config = invocation.config()
    story = asyncio.run(_show(config, reference))
    if as_json:
        click.echo(json.dumps(jsonable(story), ensure_ascii=False))
    else:
        _tell(invocation, story, config.timezone)


async def _show(config: Config, reference: str) -> RequestStory:
    async with opened(config) as store:
        return await get_request(store, reference)


def _tell(invocation: Invocation, story: RequestStory, zone: ZoneInfo) -> None:
    pick, request = invocation.pick, story.request
    within = story.standard
    click.echo(f"{request.reference}  {request.state}  {request.mailbox}")
    rows = (
        (pick("from", "de"), request.requester),
        (pick("subject", "objet"), request.subject),
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
        data = ", ".join(f"{key}: {value}" for key, value in event.data.items() if value not in ("", None))
        click.echo(f"  {local(event.at, zone)}  {event.kind} ({event.by})" + (f"  {data}" if data else ""))
    if story.entries:
        click.echo(pick("Sent", "Envois"))
    for entry in story.entries:
        when = local(entry.settled_at or entry.not_before, zone)
        click.echo(f"  {when}  {entry.kind} {entry.state} → {entry.recipient} {entry.message_id}  {entry.reason}")
