"""`mailwatch status`: what is going on, even with every mailbox broken. It connects to the database only."""

import asyncio
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

import click

from mailwatch.checkup.answers import explain_unseen
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.rows import as_object, local
from mailwatch.cli.store import gauge_of, opened
from mailwatch.cli.words import name_of, trouble_name
from mailwatch.config import Config
from mailwatch.domain.escalations import Standing
from mailwatch.domain.lines import dump_line, printable
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import State
from mailwatch.domain.typography import NO_BREAK, typeset
from mailwatch.store.facts import MailboxFact, StatusFacts, SwitchFact, WorkerFact
from mailwatch.store.reports import status_facts

# What follows a count; in words that suit one and many.
_HELD_BACK = ("held back: please acknowledge yourself", "en attente de vous : accusez réception vous-même")
_UNACKNOWLEDGED = ("past their acknowledgement's limit", "au-delà de la limite d'accusé")
_DOUBTFUL = ("failed or uncertain in the outbox", "parmi les envois en échec ou d'issue incertaine")
_QUARANTINED = ("in quarantine: messages that can't be read", "en quarantaine : des messages illisibles")

_SWITCHES_FR = {"sending": "envoi", "breaker": "disjoncteur"}


@click.command()
@click.option("--health", is_flag=True, help="Only say whether a worker is alive: exit code 0 or 1.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, instants in UTC.")
@click.pass_obj
def status(invocation: Invocation, health: bool, as_json: bool) -> None:
    """Show what is going on: workers that share the mailboxes and how many each holds, requests by state and standing,
    the outbox, what is switched off, open incidents, and each mailbox with its last look, its trouble, and when an
    answer was last seen there.

    Lines that begin with ! are for a person. `mailwatch requests list --standing overdue` lists what is late.
    """
    config = invocation.config()
    facts = asyncio.run(_read(invocation, config))
    alive = any(worker.is_alive for worker in facts.workers)
    if health:
        click.echo(invocation.pick("alive", "en vie") if alive else invocation.pick("no worker", "aucun service"))
        raise SystemExit(0 if alive else 1)
    if as_json:
        click.echo(dump_line(_as_dict(invocation, config, facts, alive)))
    else:
        _Page(invocation, config).show(facts, alive)


async def _read(invocation: Invocation, config: Config) -> StatusFacts:
    async with opened(invocation, config) as store:
        gauge = gauge_of(config)
        return await status_facts(store, gauge.now, gauge)


def _as_dict(invocation: Invocation, config: Config, facts: StatusFacts, alive: bool) -> dict[str, object]:
    """Everything, and of each mailbox what only the configuration knows."""
    seen = {
        fact.address: {"sent_folders": _sent_folders(config, fact), "advice": _advice(invocation, config, fact)}
        for fact in facts.mailboxes
    }
    whole = as_object(facts)
    mailboxes = [as_object(fact) | seen[fact.address] for fact in facts.mailboxes]
    return {"alive": alive, **whole, "mailboxes": mailboxes}


def _mailbox_of(config: Config, fact: MailboxFact) -> Mailbox | None:
    """The mailbox as configured; None for one that is history, or an alias by now."""
    mailbox = config.find_mailbox(fact.address)
    return mailbox if mailbox and mailbox.address == fact.address else None


def _sent_folders(config: Config, fact: MailboxFact) -> list[str]:
    """The folders read for answers: whatever is read beside the folders that the configuration names for the rest."""
    mailbox = _mailbox_of(config, fact)
    if mailbox is None:
        return []
    observing = mailbox.observing
    others = {*mailbox.folders, *observing.closing_folders, *observing.set_aside_folders} - {*observing.sent_folders}
    return [cursor.folder for cursor in fact.cursors if cursor.folder not in others]


def _advice(invocation: Invocation, config: Config, fact: MailboxFact) -> str:
    """What to do where no answer was ever seen, or ""."""
    mailbox = _mailbox_of(config, fact)
    finding = explain_unseen(mailbox, fact.enabled_at, fact.answer_seen_at) if mailbox else None
    return invocation.pick(finding.en, finding.fr) if finding else ""


class _Page:
    """The status for people."""

    def __init__(self, invocation: Invocation, config: Config) -> None:
        self._invocation = invocation
        self._pick = invocation.pick
        self._config = config
        self._zone: ZoneInfo = config.timezone

    def show(self, facts: StatusFacts, alive: bool) -> None:
        pick = self._pick
        running = (
            pick("running", "en marche")
            if alive
            else pick("NOT RUNNING: start `mailwatch run`", typeset("À L'ARRÊT : lancez « mailwatch run »"))
        )
        click.echo(f"{'service':<12} {running}")
        for worker in facts.workers:
            self._worker(worker)
        for switch in facts.switches:
            self._switch(switch)
        click.echo(f"{pick('requests', 'demandes'):<12} {self._counts(facts.requests)}")
        if facts.standings:
            click.echo(f"{pick('standing', 'échéances'):<12} {self._counts(facts.standings)}")
        click.echo(f"{pick('outbox', 'envois'):<12} {self._counts(facts.outbox)}")
        self._incidents(facts)
        self._concerns(facts)
        for mailbox in facts.mailboxes:
            self._mailbox(mailbox)

    def _worker(self, worker: WorkerFact) -> None:
        """One of several that share the mailboxes."""
        if "watches" not in worker.facts:
            return
        pick = self._pick
        held = pick(f"mailboxes: {worker.mailboxes}", f"boîtes{NO_BREAK}: {worker.mailboxes}")
        last = f"{pick('last heard of', 'dernière nouvelle')} {local(worker.beat_at, self._zone)}"
        gone = "" if worker.is_alive else pick("GONE, ", "DISPARU, ")
        click.echo(f"{pick('worker', 'processus'):<12} {printable(worker.name)}, {gone}{held}, {last}")

    def _switch(self, switch: SwitchFact) -> None:
        pick = self._pick
        off = pick("OFF since", "SUSPENDU depuis")
        name = pick(switch.name, _SWITCHES_FR.get(switch.name, switch.name))
        why = pick(":", f"{NO_BREAK}:") + f" {printable(switch.why)}"
        click.echo(f"{name:<12} {off} {local(switch.since, self._zone)} ({printable(switch.by)}){why}")
        remedy = pick("`mailwatch resume` lets sending go on", typeset("« mailwatch resume » rétablit l'envoi"))
        click.echo(f"{'':<12} {remedy}")

    def _incidents(self, facts: StatusFacts) -> None:
        for one in facts.incidents:
            name = trouble_name(self._invocation, one.kind)
            about = f" ({printable(one.about)})" if one.about else ""
            since = f"{self._pick('since', 'depuis')} {local(one.since, self._zone)}"
            click.echo(f"{'!':<12} {name}{about}, {since}")

    def _concerns(self, facts: StatusFacts) -> None:
        """What a person should look at; nothing where all is well."""
        for text in self._concerned(facts):
            click.echo(f"{'!':<12} {text}")

    def _concerned(self, facts: StatusFacts) -> Iterator[str]:
        pick = self._pick
        if late := facts.oldest_late:
            due = f"{pick('due', 'échéance')} {local(late.answer_due_at, self._zone)}"
            owner = late.owner or pick("nobody's", "sans responsable")
            yield f"{pick('oldest overdue', 'le plus ancien retard')} {late.reference}, {due}, {owner}"
        doubtful = facts.outbox.get(EntryState.FAILED, 0) + facts.outbox.get(EntryState.UNCERTAIN, 0)
        rows = (
            (facts.held_back, *_HELD_BACK),
            (facts.unacknowledged, *_UNACKNOWLEDGED),
            (doubtful, *_DOUBTFUL),
            (facts.quarantined, *_QUARANTINED),
        )
        yield from (f"{count} {pick(en, typeset(fr))}" for count, en, fr in rows if count)

    def _mailbox(self, mailbox: MailboxFact) -> None:
        pick = self._pick
        gaps = f", {mailbox.gaps} {pick('found late', 'trouvés tard')}" if mailbox.gaps else ""
        click.echo(f"{mailbox.address} ({pick('no.', 'nº')} {mailbox.id})")
        click.echo(f"  {pick('last look', 'dernier regard')} {local(mailbox.progress_at, self._zone)}{gaps}")
        if mailbox.trouble_code:
            since = local(mailbox.trouble_since, self._zone)
            colon = pick(":", f"{NO_BREAK}:")
            click.echo(
                f"  ! {mailbox.trouble_code} {pick('since', 'depuis')} {since}{colon} "
                f"{printable(mailbox.trouble_text or '')}"
            )
        if mailbox.standings:
            click.echo(f"  {pick('standing', 'échéances')} {self._counts(mailbox.standings)}")
        self._answers(mailbox)

    def _answers(self, mailbox: MailboxFact) -> None:
        """By what its answers are seen, and when one last was."""
        pick = self._pick
        facts = []
        if mailbox.answer_seen_at:
            facts.append(
                f"{pick('last answer seen', 'dernière réponse vue')} {local(mailbox.answer_seen_at, self._zone)}"
            )
        if sent := _sent_folders(self._config, mailbox):
            folders = printable(", ".join(sent))
            facts.append(f"{pick('Sent folder', 'dossier des messages envoyés')} {folders}")
        if facts:
            click.echo("  " + ", ".join(facts))
        if advice := _advice(self._invocation, self._config, mailbox):
            click.echo(f"  ! {advice}")

    def _counts(self, counts: Mapping[State, int] | Mapping[EntryState, int] | Mapping[Standing, int]) -> str:
        colon = self._pick(":", f"{NO_BREAK}:")
        return ", ".join(f"{name_of(self._invocation, word)}{colon} {n}" for word, n in counts.items()) or "–"
