"""`mailwatch pause` and `mailwatch resume`: one row that every worker reads before it sends."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.person import who
from mailwatch.cli.store import opened
from mailwatch.domain.typography import typeset
from mailwatch.store.store import SqlStore


@click.command()
@click.option("--why", default="", help="For the colleague who finds sending paused.")
@click.pass_obj
def pause(invocation: Invocation, why: str) -> None:
    """Stop all sending at once, on every worker. Watching and recording go on; nothing is lost."""

    async def act(store: SqlStore) -> None:
        async with store.transaction() as tx:
            await tx.switch_off("sending", who(), why or "mailwatch pause")

    _with_store(invocation, act)
    click.echo(
        invocation.pick(
            "Sending is paused. `mailwatch resume` lets it go on.",
            typeset("L'envoi est suspendu. « mailwatch resume » le rétablit."),
        )
    )


@click.command()
@click.pass_obj
def resume(invocation: Invocation) -> None:
    """Let sending go on after `pause`, after the breaker has tripped, or for stopped accounts."""

    async def act(store: SqlStore) -> None:
        async with store.transaction() as tx:
            await tx.resume()

    _with_store(invocation, act)
    click.echo(invocation.pick("Sending goes on.", typeset("L'envoi reprend.")))


def _with_store(invocation: Invocation, act: Callable[[SqlStore], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(invocation, invocation.config()) as store:
            await act(store)

    asyncio.run(run())
