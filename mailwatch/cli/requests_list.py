"""`mailwatch requests list`: requests with their standing, or the silent register."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.rows import jsonable, local
from mailwatch.cli.store import gauge_of, opened
from mailwatch.cli.words import message_kind_name, name_of
from mailwatch.config import Config
from mailwatch.domain.escalations import Standing
from mailwatch.domain.lines import dump_line, printable
from mailwatch.domain.requests import State
from mailwatch.store.compliance import list_mailboxes
from mailwatch.store.facts import MessageFact, RequestFact
from mailwatch.store.reports import list_register, list_requests
from mailwatch.store.store import SqlStore

STANDINGS = {standing.replace(" ", "-"): standing for standing in Standing}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Which requests, or which messages of the register."""

    mailbox: str | None
    state: State | None
    standing: Standing | None
    owner: str | None
    since: datetime | None
    limit: int


@click.command("list", short_help="List requests with their standing, or the silent register.")
@click.option("--mailbox", metavar="ADDRESS", help="Only this mailbox's.")
@click.option("--state", type=click.Choice([str(state) for state in State]), help="Only those in this state.")
@click.option(
    "--standing", type=click.Choice(list(STANDINGS)), help="Only those that wait for an answer, and stand so now."
)
@click.option("--owner", metavar="ADDRESS", help='Only those that this person is answerable for; "" for nobody\'s.')
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Received on this day or later.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many at most.")
@click.option("--register", "is_register", is_flag=True, help="The silent register instead: messages, not requests.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, instants in UTC.")
@click.pass_obj
def list_(
    invocation: Invocation,
    mailbox: str | None,
    state: str | None,
    standing: str | None,
    owner: str | None,
    since: datetime | None,
    limit: int,
    is_register: bool,
    as_json: bool,
) -> None:
    """List requests, newest first: reference, state and standing, received → due, who, subject.

    The standing of a request that waits for an answer is "within", "at risk" (past the first warning that
    [[escalation]] sets, or one business day before it is due), or "overdue". A rule's name in brackets says why the
    acknowledgement was withheld.

    With --register: what was recorded although nobody waits for an answer (newsletters, robots' mail, spam, copies),
    each with the number by which `mailwatch requests release` makes it a request.
    """
    if is_register and (state or standing or owner is not None):
        raise click.UsageError(
            invocation.pick(
                "messages of the register have no state, no standing and no owner: --register goes with --mailbox, "
                "--since and --limit only",
                "les messages du registre n’ont ni état, ni échéance, ni responsable\u00a0: --register ne va qu’avec "
                "--mailbox, --since et --limit",
            )
        )
    config = invocation.config()
    choice = _Choice(
        mailbox=mailbox.strip() if mailbox else None,
        state=State(state) if state else None,
        standing=STANDINGS[standing] if standing else None,
        owner=owner,
        since=since.replace(tzinfo=config.timezone) if since else None,
        limit=limit,
    )
    rows = asyncio.run(_read(invocation, config, choice, is_register))
    for row in rows:
        if as_json:
            click.echo(dump_line(jsonable(row)))
        else:
            click.echo(_line(invocation, row, config.timezone))
    if not as_json:
        _echo_extent(invocation, len(rows), limit, is_register)


async def _read(
    invocation: Invocation, config: Config, choice: _Choice, is_register: bool
) -> Sequence[RequestFact | MessageFact]:
    async with opened(invocation, config) as store:
        if choice.mailbox is not None:
            await _refuse_unknown(invocation, config, store, choice.mailbox)
        if is_register:
            return await list_register(store, mailbox=choice.mailbox, since=choice.since, limit=choice.limit)
        return await list_requests(
            store,
            mailbox=choice.mailbox,
            state=choice.state,
            standing=choice.standing,
            owner=choice.owner,
            since=choice.since,
            limit=choice.limit,
            gauge=gauge_of(config),
        )


async def _refuse_unknown(invocation: Invocation, config: Config, store: SqlStore, mailbox: str) -> None:
    """An empty list for a misspelt address would mislead."""
    known = sorted({*(each.address for each in config.watched_mailboxes()), *await list_mailboxes(store)})
    if mailbox.strip().lower() not in known:
        listed = ", ".join(known)
        raise click.BadParameter(
            invocation.pick(
                f"no mailbox {mailbox}; there are: {listed}",
                f"boîte {mailbox} inconnue\u00a0; il y a\u00a0: {listed}",
            ),
            param_hint="--mailbox",
        )


def _echo_extent(invocation: Invocation, count: int, limit: int, is_register: bool) -> None:
    """Beside the result: that there is none, or that there may be more."""
    if not count:
        nothing = ("(no message)", "(aucun message)") if is_register else ("(no request)", "(aucune demande)")
        click.echo(invocation.pick(*nothing), err=True)
    elif count == limit:
        click.echo(
            invocation.pick(
                f"(the newest {limit}; --limit shows more)",
                f"(les {limit} plus {'récents' if is_register else 'récentes'}\u00a0; --limit en montre davantage)",
            ),
            err=True,
        )


def _line(invocation: Invocation, row: RequestFact | MessageFact, zone: ZoneInfo) -> str:
    return (
        _message_line(invocation, row, zone) if isinstance(row, MessageFact) else _request_line(invocation, row, zone)
    )


def _request_line(invocation: Invocation, row: RequestFact, zone: ZoneInfo) -> str:
    stands = f", {name_of(invocation, row.standing)}" if row.standing else ""
    held = f" ({row.suppressed_by})" if row.suppressed_by else ""
    who = printable(f"{row.requester}  {row.subject}")
    received, due = local(row.received_at, zone), local(row.answer_due_at, zone)
    return f"{row.reference}  {name_of(invocation, row.state) + stands + held:<34} {received} → {due}  {who}"


def _message_line(invocation: Invocation, row: MessageFact, zone: ZoneInfo) -> str:
    released = f" → {row.reference}" if row.reference else ""
    kind = message_kind_name(invocation, row.kind) + f" ({row.reason})" + released
    return f"{row.id:>7}  {kind:<34} {local(row.received_at, zone)}  {printable(f'{row.sender}  {row.subject}')}"
