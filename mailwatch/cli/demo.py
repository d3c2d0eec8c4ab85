"""`mailwatch demo`: the story, told in the terminal."""

import asyncio
import importlib
import textwrap
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.domain.lines import dump_line
from mailwatch.domain.typography import NO_BREAK, typeset
from mailwatch.errors import MailwatchError
from mailwatch.logs import configure_logs

if TYPE_CHECKING:
    from mailwatch.demo.play import Summary, Told
    from mailwatch.store.reports import MessageFact

    Play = Callable[
        [Callable[[Told], None], Callable[[datetime, EmailMessage], None]], Coroutine[object, object, Summary]
    ]

ZONE = ZoneInfo("America/Toronto")  # where the story takes place
WIDTH = 96
# Why no acknowledgement, in a reader's words; the rules' own summaries are in docs/rules.md.
WHY = {
    "follow_up": ("it belongs to a request that was acknowledged", "il appartient à une demande déjà accusée"),
    "auto_replied": ("it says itself that a machine wrote it", "il dit lui-même qu'une machine l'a écrit"),
    "null_reverse_path": (
        "it is a bounce: it accepts no answer",
        "c'est un avis de retour : il n'admet pas de réponse",
    ),
    "delivery_report": ("it is a delivery report", "c'est un avis de non-remise"),
    "list_header": ("it was sent to a list", "il a été envoyé à une liste"),
    "no_reply": ("its sender is a robot", "son expéditeur est un robot"),
    "elsewhere": ("the first service it names acknowledges", "le premier service nommé en accuse réception"),
    "answer_copy": ("it is our own answer to somebody", "c'est notre propre réponse à quelqu'un"),
    "answered": ("a person answered first", "une personne a répondu d'abord"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Only the summary, as JSON.")
@click.pass_obj
def demo(invocation: Invocation, as_json: bool) -> None:
    """See the main job: a Monday morning's mail, what is recorded, what is acknowledged, and why the rest is not.

    Embedded IMAP and SMTP servers on 127.0.0.1, SQLite in a temporary folder, a clock that is moved. Nothing
    leaves this machine, nothing stays.
    """
    configure_logs("console", "error")
    teller = _Teller(invocation)
    if not as_json:
        teller.open()
    summary = _run(_silent, _silent) if as_json else _run(teller.tell, teller.tell_digest)
    if as_json:
        click.echo(dump_line(asdict(summary)))
    else:
        teller.close(summary)


def _run(on_scene: "Callable[[Told], None]", on_digest: "Callable[[datetime, EmailMessage], None]") -> "Summary":
    """Play to the end. What goes wrong among the service's tasks comes wrapped in groups; one sentence is enough."""
    try:
        return asyncio.run(_play()(on_scene, on_digest))
    except ExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
            failure = failure.exceptions[0]
        if isinstance(failure, (MailwatchError, OSError)):  # OSError: who reads our output has gone
            raise failure from None
        raise


def _play() -> "Play":
    """The player; its servers come with the extra `demo`."""
    try:
        module = importlib.import_module("mailwatch.demo.play")
    except ModuleNotFoundError as error:
        raise MailwatchError(f"the demo needs {error.name}: pip install 'mailwatch[demo]'") from None
    play: Play = module.play
    return play


def _silent(*told: object) -> None:
    """For --json: the summary says it all."""


class _Teller:
    """Prints the story in the language of the call."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._number = 0
        self._letters: set[str] = set()  # languages of those that were shown in full

    def _pick(self, en: str, fr: str) -> str:
        return self._invocation.pick(en, typeset(fr))

    def open(self) -> None:
        """What is about to be seen."""
        click.secho("mailwatch", bold=True)
        self._say(
            "A school board's admissions service and library share this morning's mail. Staff keep their mail "
            "program; mailwatch reads their mailboxes over IMAP, changes nothing there, and keeps the promise: "
            "everybody who asks hears from us within 48 hours, and is told by which date the answer comes.",
            "Le service des inscriptions et la bibliothèque d'un conseil scolaire reçoivent leur courrier du matin. "
            "Le personnel garde son logiciel de courriel ; mailwatch lit les boîtes par IMAP, n'y change rien et "
            "tient la promesse : quiconque demande reçoit de nos nouvelles dans les 48 heures, avec la date de la "
            "réponse.",
        )

    def tell(self, told: "Told") -> None:
        """One scene: the message, what was recorded, what was sent and in which words, or why nothing was."""
        self._number += 1
        click.echo()
        headline = self._pick(told.scene.en, told.scene.fr)
        click.secho(f"{self._number:>2}. {told.at:%H:%M}  {headline}", bold=True)
        opens, closes = self._pick(": “", " : « "), self._pick("”", " »")
        click.echo(f"    ✉  {told.scene.writer}{opens}{told.subject}{closes}")
        if told.duplicate:
            self._line(
                "=", self._pick("known already: nothing new is recorded", "déjà connu : rien de neuf n'est consigné")
            )
        for fact in told.facts:
            self._tell_fact(fact)
        for reference in told.answered:
            self._line("✓", f"{self._pick('answered:', 'répondue :')} {reference}", colour="green")
        if told.cancelled:
            self._withheld("answered")
        if told.letter is not None:
            self._tell_letter(told.letter)

    def _tell_fact(self, fact: "MessageFact") -> None:
        if fact.reference:
            due = self._pick("answer due", "réponse attendue le")
            when = fact.answer_due_at.astimezone(ZONE) if fact.answer_due_at else None
            until = f", {due} {when:%Y-%m-%d}{NO_BREAK}{when:%H:%M}" if when else ""
            word = self._pick("request", "demande")
            self._line("+", f"{word} {fact.reference} ({fact.mailbox}){until}")
        else:
            word = self._pick("recorded as", "consigné comme")
            self._line("·", f"{word} {fact.kind} ({fact.mailbox})")
        if fact.suppressed_by:
            self._withheld(fact.suppressed_by)

    def _withheld(self, rule: str) -> None:
        text = self._pick(*WHY[rule]) if rule in WHY else ""
        label = self._pick("no acknowledgement:", "pas d'accusé de réception :")
        self._line("✗", f"{label} {rule}" + (f", {text}" if text else ""), colour="yellow")

    def _tell_letter(self, letter: EmailMessage) -> None:
        label = self._pick("acknowledged:", "accusé de réception :")
        self._line("✓", f"{label} {letter['Subject']}", colour="green")
        language = str(letter["Content-Language"])
        if language in self._letters:
            return
        self._letters.add(language)
        self._quote(letter)

    def tell_digest(self, at: datetime, letter: EmailMessage) -> None:
        """What the owner of the requests is told in the morning."""
        click.echo()
        headline = self._pick(
            "The Monday after, when the answers are due: one e-mail to Marie, and no more that day.",
            "Le lundi suivant, jour des réponses attendues : un courriel à Marie, un seul par jour.",
        )
        click.secho(f"{self._number + 1:>2}. {at:%H:%M}  {headline}", bold=True)
        self._line("✉", str(letter["Subject"]), colour="green")
        self._quote(letter)

    def _quote(self, letter: EmailMessage) -> None:
        body = letter.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        for line in text.strip().splitlines():
            for part in textwrap.wrap(line, WIDTH - 10) or [""]:
                click.secho(f"      │ {part}", dim=True)

    def _line(self, sign: str, text: str, colour: str | None = None) -> None:
        first, *rest = textwrap.wrap(text, WIDTH - 7) or [""]
        click.secho(f"    {sign}  {first}", fg=colour)
        for line in rest:
            click.secho(f"       {line}", fg=colour)

    def _say(self, en: str, fr: str) -> None:
        click.echo(textwrap.fill(self._pick(en, fr), WIDTH))

    def close(self, summary: "Summary") -> None:
        """The count, and where to go from here."""
        click.echo()
        click.secho(self._pick("In the end", "À la fin"), bold=True)
        rows = [
            (self._pick("messages received", "messages reçus"), summary.received),
            (self._pick("requests recorded", "demandes consignées"), summary.requests),
            (self._pick("acknowledged, once each", "accusés de réception, un seul chacun"), summary.acknowledged),
        ]
        rows += [
            (self._pick("  not acknowledged: ", "  sans accusé de réception : ") + rule, n)
            for rule, n in summary.suppressed.items()
        ]
        for label, count in rows:
            click.echo(f"  {label:<56}{count:>4}")
        click.echo()
        self._say(
            "Next: copy config.example.toml to mailwatch.toml, describe your service in it, then `mailwatch check` "
            "and `mailwatch run`.",
            "Ensuite : copiez config.example.toml vers mailwatch.toml, décrivez-y votre service, puis "
            "« mailwatch check » et « mailwatch run ».",
        )
