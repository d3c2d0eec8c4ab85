"""`mailwatch requests show`: the story of one request, with the arithmetic of its due date."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.rows import jsonable, local
from mailwatch.cli.store import gauge_of, opened
from mailwatch.cli.words import (
    day_name,
    evidence_name,
    level_name,
    limit_name,
    message_kind_name,
    name_of,
    outcome_name,
)
from mailwatch.config import Config
from mailwatch.domain.clocks import ANEW, CONTINUED
from mailwatch.domain.escalations import MANAGER, OWNER
from mailwatch.domain.lines import dump_line, printable
from mailwatch.domain.requests import EventKind
from mailwatch.domain.typography import NO_BREAK
from mailwatch.store.facts import ClockFact, EntryFact, EventFact, RequestStory
from mailwatch.store.reports import RequestUnknown, get_request, normalise_reference

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")

# What an event's data is called, English and French; what isn't here is shown by its stored name.
_LABELS = {
    "why": ("why", "motif"),
    "rule": ("rule", "règle"),
    "reason": ("reason", "raison"),
    "kind": ("recorded as", "enregistré comme"),
    "evidence": ("seen by", "vue par"),
    "confidence": ("confidence", "confiance"),
    "link": ("joined by", "reliée par"),
    "folder": ("folder", "dossier"),
    "mailbox": ("seen in", "vue dans"),
    "clock": ("clock", "délai"),
    "from": ("from", "de"),
    "to": ("to", "à"),
    "level": ("level", "niveau"),
    "not_before": ("not before", "pas avant"),
    "may_belong_to": ("may belong to", "relève peut-être de"),
    "entry": ("entry", "envoi"),
    "attempts": ("attempts", "tentatives"),
    "outcome": ("outcome", "issue"),
    "returns_on": ("returns on", "de retour le"),
    "away": ("away", "absence de"),
    "cover": ("covered by", "remplacement"),
    "due_at": ("due", "échéance"),
    "clock_started_at": ("clock since", "délai depuis"),
}
# How values are put in words: by a function, or one by one.
_NAMING: Mapping[str, Callable[[Invocation, str], str]] = {
    "evidence": evidence_name,
    "kind": message_kind_name,
    "level": level_name,
    "outcome": outcome_name,
    "returns_on": day_name,
}
_WORDS = {
    "clock": {
        CONTINUED: ("goes on as if it had never stopped", "se poursuit comme s’il n’avait jamais cessé"),
        ANEW: ("starts anew", "repart de zéro"),
    },
    "to": {OWNER: (OWNER, "responsable"), MANAGER: (MANAGER, "gestionnaire")},
}
_FOR_MACHINES = frozenset({"identity", "about"})  # JSON has them


@click.command(short_help="Tell the story of one: events, evidence, arithmetic.")
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="As JSON, instants in UTC.")
@click.pass_obj
def show(invocation: Invocation, reference: str, as_json: bool) -> None:
    """Tell the story of one request: how its due date follows, who did what and when, what was sent.

    REFERENCE is what its acknowledgement names, such as MW-7F3K9Q; case doesn't matter, and MW- may be left out.
    Events stand in the order in which mailwatch learnt of them, each with the instant at which it happened; where
    that was known only later, the instant of recording stands behind. An answer says by which evidence it was seen,
    and how sure that is: below 100% somebody may want to look.
    """
    config = invocation.config()
    story = asyncio.run(_read(invocation, config, reference))
    if as_json:
        click.echo(dump_line(jsonable(story)))
    else:
        for line in _Teller(invocation, config.timezone).tell(story):
            click.echo(line)


async def _read(invocation: Invocation, config: Config, reference: str) -> RequestStory:
    async with opened(invocation, config) as store:
        try:
            return await get_request(store, reference, gauge_of(config))
        except RequestUnknown as error:
            wanted = normalise_reference(reference)
            raise RequestUnknown(
                invocation.pick(str(error), f"{wanted} : aucune demande ne porte cette référence")
            ) from None


class _Teller:
    """A story as lines for people."""

    def __init__(self, invocation: Invocation, zone: ZoneInfo) -> None:
        self._invocation = invocation
        self._pick = invocation.pick
        self._zone = zone
        self._colon = invocation.pick(":", f"{NO_BREAK}:")

    def tell(self, story: RequestStory) -> Iterator[str]:
        """The whole story."""
        request = story.request
        stands = f", {name_of(self._invocation, request.standing)}" if request.standing else ""
        yield f"{request.reference}  {name_of(self._invocation, request.state)}{stands}  {request.mailbox}"
        yield from (f"  {label:<18} {value}" for label, value in self._facts(story) if value)
        yield from self._arithmetic(story)
        yield from self._section("Earlier clocks", "Délais antérieurs", map(self._clock, story.earlier_clocks))
        yield from self._section("Escalations", "Escalades", self._escalations(story))
        yield from self._section("Events", "Événements", map(self._event, story.events))
        yield from self._section("Sent", "Envois", map(self._entry, story.entries))

    def _facts(self, story: RequestStory) -> Iterator[tuple[str, str]]:
        """What stands at its head; an empty value is left out."""
        pick, request = self._pick, story.request
        yield pick("from", "de"), printable(request.requester) or "–"
        yield pick("subject", "objet"), printable(request.subject)
        yield pick("owner", "responsable"), request.owner or "–"
        yield pick("received", "reçue"), self._local(request.received_at)
        if request.clock_started_at != request.received_at:
            yield pick("clock since", "délai depuis"), self._local(request.clock_started_at)
        acknowledge, answer = (
            limit_name(self._invocation, story.standard.get(key, "")) for key in ("acknowledge_within", "answer_within")
        )
        yield (
            pick("acknowledge by", "accuser avant"),
            f"{self._local(request.acknowledgement_due_at)} ({acknowledge})",
        )
        yield pick("answer by", "répondre avant"), f"{self._local(request.answer_due_at)} ({answer})"
        if request.announced_due_at and request.announced_due_at != request.answer_due_at:
            yield pick("announced", "annoncée pour le"), self._local(request.announced_due_at)
        yield pick("acknowledged", "accusée"), self._local(request.acknowledged_at)
        yield pick("withheld by", "accusé retenu par"), request.suppressed_by or "–"
        yield pick("answered", "répondue"), self._local(request.answered_at)
        if request.settled_at and request.settled_at != request.answered_at:
            yield pick("settled", "réglée"), self._local(request.settled_at)
        yield pick("same message", "même message"), ", ".join(story.siblings)

    def _arithmetic(self, story: RequestStory) -> Iterator[str]:
        steps = (self._pick(step.text_en, step.text_fr) for step in story.arithmetic)
        yield from self._section("How the due date follows", "Calcul de l’échéance", steps)
        if not story.is_reckonable:
            yield "  " + self._pick(
                "(public holidays have been corrected since: the date above stands)",
                "(des jours fériés ont été corrigés depuis\u00a0: la date ci-dessus fait foi)",
            )

    def _section(self, en: str, fr: str, lines: Iterator[str]) -> Iterator[str]:
        """A title and its lines; nothing without lines."""
        for number, line in enumerate(lines):
            if number == 0:
                yield self._pick(en, fr)
            yield "  " + line

    def _clock(self, clock: ClockFact) -> str:
        span = f"{self._local(clock.started_at)} → {self._local(clock.stopped_at)}"
        stopped = name_of(self._invocation, EventKind(clock.stopped_by))
        is_met = clock.stopped_at <= clock.due_at
        met = self._pick("met", "respecté") if is_met else self._pick("missed", "dépassé")
        return f"{span}  {stopped}  ({self._pick('due', 'échéance')} {self._local(clock.due_at)}, {met})"

    def _escalations(self, story: RequestStory) -> Iterator[str]:
        for one in story.escalations:
            yield f"{self._local(one.escalated_at)}  {level_name(self._invocation, one.level)}"

    def _event(self, event: EventFact) -> str:
        details = self._pick("; ", f"{NO_BREAK}; ").join(
            f"{self._label(key)}{self._colon} {self._value(key, value)}"
            for key, value in event.data.items()
            if value not in ("", None) and key not in _FOR_MACHINES
        )
        line = f"{self._local(event.occurred_at)}  {name_of(self._invocation, event.kind)} ({printable(event.by)})"
        recorded = self._local(event.at)
        if recorded != self._local(event.occurred_at):
            line += f" [{self._pick('recorded', 'enregistré le')} {recorded}]"
        return line + (f"  {details}" if details else "")

    def _label(self, key: str) -> str:
        return self._pick(*_LABELS.get(key, (key, key)))

    def _value(self, key: str, value: object) -> str:
        """A detail of an event, in words where there are any."""
        if isinstance(value, list | tuple):
            return ", ".join(self._value(key, one) for one in value)
        if isinstance(value, float):  # between 0 and 1: how sure it is
            return f"{value * 100:.0f}{self._pick('%', NO_BREAK + '%')}"
        text = str(value)
        if naming := _NAMING.get(key):
            return printable(naming(self._invocation, text))
        if words := _WORDS.get(key, {}).get(text):
            return self._pick(*words)
        # Instants are stored in ISO 8601, UTC.
        return self._local(datetime.fromisoformat(text)) if _INSTANT.fullmatch(text) else printable(text)

    def _entry(self, entry: EntryFact) -> str:
        when = self._local(entry.settled_at or entry.not_before)
        kind, state = (name_of(self._invocation, word) for word in (entry.kind, entry.state))
        return f"{when}  {kind} {state} → {printable(f'{entry.recipient} {entry.message_id}  {entry.reason}')}"

    def _local(self, instant: datetime | None) -> str:
        return local(instant, self._zone)
