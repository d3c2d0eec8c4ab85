"""`mailwatch reload`: the running service takes the configuration as it is now, or says why not."""

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.store import opened
from mailwatch.clock import SystemClock
from mailwatch.domain.lines import printable
from mailwatch.domain.typography import typeset
from mailwatch.store.facts import WorkerFact
from mailwatch.store.reports import list_workers
from mailwatch.store.store import SqlStore

LOOK_EVERY = 0.2  # seconds
PATIENCE = 60.0  # seconds: submissions in hand are ended first, secrets may come from a command


@click.command()
@click.pass_obj
def reload(invocation: Invocation) -> None:
    """Have the service on this machine take the configuration as it is now; the same as SIGHUP, and waits for it.

    A wrong configuration is refused, here or by the service, and the old one goes on: exit code 2 or 1. Nothing is
    lost meanwhile. A changed [database] url takes a restart.
    """
    config = invocation.config()

    async def act() -> bool:
        async with opened(invocation, config) as store:
            return await _reload(invocation, store)

    raise SystemExit(0 if asyncio.run(act()) else 1)


async def _reload(invocation: Invocation, store: SqlStore) -> bool:
    here, elsewhere = await _find(store)
    for worker in elsewhere:
        host = printable(str(worker.facts.get("host", worker.name)))
        text = invocation.pick(
            f"{host}: another machine; run `mailwatch reload` there",
            typeset(f"{host} : une autre machine ; lancez-y « mailwatch reload »"),
        )
        click.echo(text, err=True)
    if not here:
        text = invocation.pick("no mailwatch runs here", typeset("aucun mailwatch n'est en marche ici"))
        click.echo(text, err=True)
        return False
    for worker in here:
        os.kill(_pid(worker), signal.SIGHUP)
    return all([await _outcome(invocation, store, worker) for worker in here])


async def _find(store: SqlStore) -> tuple[Sequence[WorkerFact], Sequence[WorkerFact]]:
    """Living workers on this machine, and on others."""
    alive = [each for each in await list_workers(store, SystemClock().now()) if each.is_alive]
    elsewhere = [each for each in alive if each.facts.get("host") != socket.gethostname()]
    return [each for each in alive if each not in elsewhere and _is_ours(_pid(each))], elsewhere


def _pid(worker: WorkerFact) -> int:
    return int(str(worker.facts.get("pid", 0)))


def _is_ours(pid: int) -> bool:
    """A heartbeat outlives its process by seconds, and the number may be another's by then."""
    try:
        return pid > 0 and b"mailwatch" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def _outcome(invocation: Invocation, store: SqlStore, before: WorkerFact) -> bool:
    """Wait for the worker's word; whether it took the configuration."""
    for _ in range(round(PATIENCE / LOOK_EVERY)):
        await asyncio.sleep(LOOK_EVERY)
        found = [each for each in await list_workers(store, SystemClock().now()) if each.name == before.name]
        facts = found[0].facts if found else {}
        if facts.get("refused_at") != before.facts.get("refused_at"):
            return _tell_refusal(invocation, facts.get("refused"))
        if facts.get("configured_at") != before.facts.get("configured_at"):
            click.echo(invocation.pick("the configuration is loaded", "la configuration est chargée"))
            return True
    text = invocation.pick(
        "no answer from the service; its log says more", "le service ne répond pas : voir son journal"
    )
    click.echo(typeset(text), err=True)
    return False


def _tell_refusal(invocation: Invocation, problems: object) -> bool:
    click.echo(
        invocation.pick(
            "the service refuses it, and goes on as before:",
            typeset("le service la refuse, et continue comme avant :"),
        ),
        err=True,
    )
    for problem in problems if isinstance(problems, list) else []:
        click.echo(printable(str(problem)), err=True)
    return False
