"""`mailwatch status`: what is going on, even with every mailbox broken. It connects to the database only."""

import asyncio
import json
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.rows import jsonable, local, printable
from mailwatch.cli.store import opened
from mailwatch.cli.words import name_of
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import State
from mailwatch.store.facts import MailboxFact, StatusFacts, SwitchFact
from mailwatch.store.reports import status_facts

_SWITCHES_FR = {"sending": "envoi", "breaker": "disjoncteur"}


@click.command()
@click.option("--health", is_flag=True, help="Only say whether a worker is alive: exit code 0 or 1.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, instants in UTC.")
@click.pass_obj
def status(invocation: Invocation, health: bool, as_json: bool) -> None:
    """Show mailboxes with their last progress, requests and outbox by state, and what is switched off."""
    config = invocation.config()
    facts = asyncio.run(_read(invocation, config))
    alive = any(worker.is_alive for worker in facts.workers)
    if health:
        click.echo(invocation.pick("alive", "en vie") if alive else invocation.pick("no worker", "aucun service"))
        raise SystemExit(0 if alive else 1)
    if as_json:
        click.echo(json.dumps({"alive": alive, **_as_dict(facts)}, ensure_ascii=False))
    else:
        _Page(invocation, config.timezone).show(facts, alive)


async def _read(invocation: Invocation, config: Config) -> StatusFacts:
    async with opened(invocation, config) as store:
        return await status_facts(store, SystemClock().now())


def _as_dict(facts: StatusFacts) -> dict[str, object]:
    value = jsonable(facts)
    return value if isinstance(value, dict) else {}


class _Page:
    """The status for people."""

    def __init__(self, invocation: Invocation, zone: ZoneInfo) -> None:
        self._invocation = invocation
        self._pick = invocation.pick
        self._zone = zone

    def show(self, facts: StatusFacts, alive: bool) -> None:
        pick = self._pick
        running = (
            pick("running", "en marche")
            if alive
            else pick("NOT RUNNING: start `mailwatch run`", "À L'ARRÊT : lancez « mailwatch run »")
        )
        click.echo(f"{'service':<12} {running}")
        for switch in facts.switches:
            self._switch(switch)
        click.echo(f"{pick('requests', 'demandes'):<12} {self._counts(facts.requests)}")
        click.echo(f"{pick('outbox', 'envois'):<12} {self._counts(facts.outbox)}")
        self._concerns(facts)
        for mailbox in facts.mailboxes:
            self._mailbox(mailbox)

    def _switch(self, switch: SwitchFact) -> None:
        pick = self._pick
        off = pick("OFF since", "SUSPENDU depuis")
        name = pick(switch.name, _SWITCHES_FR.get(switch.name, switch.name))
        click.echo(f"{name:<12} {off} {local(switch.since, self._zone)} ({switch.by}): {printable(switch.why)}")
        remedy = pick("`mailwatch resume` lets sending go on", "« mailwatch resume » rétablit l'envoi")
        click.echo(f"{'':<12} {remedy}")

    def _concerns(self, facts: StatusFacts) -> None:
        """What a person should look at; nothing where all is well."""
        pick = self._pick
        doubtful = facts.outbox.get(EntryState.FAILED, 0) + facts.outbox.get(EntryState.UNCERTAIN, 0)
        rows = (
            (facts.held_back, pick("held back: please acknowledge yourself", "retenues : accusez réception vous-même")),
            (facts.unacknowledged, pick("past their acknowledgement's limit", "au-delà de la limite d'accusé")),
            (doubtful, pick("acknowledgements failed or uncertain", "accusés échoués ou incertains")),
            (facts.quarantined, pick("messages in quarantine", "messages en quarantaine")),
        )
        for count, text in rows:
            if count:
                click.echo(f"{'!':<12} {count} {text}")

    def _mailbox(self, mailbox: MailboxFact) -> None:
        pick = self._pick
        progress = f"{pick('last look', 'dernier regard')} {local(mailbox.progress_at, self._zone)}"
        click.echo(f"{mailbox.address}")
        click.echo(f"  {progress}" + (f", {mailbox.gaps} {pick('found late', 'trouvés tard')}" if mailbox.gaps else ""))
        if mailbox.trouble_code:
            since = local(mailbox.trouble_since, self._zone)
            click.echo(
                f"  ! {mailbox.trouble_code} {pick('since', 'depuis')} {since}: {printable(mailbox.trouble_text or '')}"
            )

    def _counts(self, counts: Mapping[State, int] | Mapping[EntryState, int]) -> str:
        colon = self._pick(":", " :")
        return ", ".join(f"{name_of(self._invocation, state)}{colon} {n}" for state, n in counts.items()) or "–"
