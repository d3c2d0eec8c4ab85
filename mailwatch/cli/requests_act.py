"""`mailwatch requests close`, `set-aside`, `reopen`, `assign`, `release`: what a person decides, with who and why.

Each reference is an act of its own: one that can't be done holds up no other, and makes the exit code 1.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.person import VARIABLE, who
from mailwatch.cli.rows import as_object
from mailwatch.cli.store import opened
from mailwatch.cli.words import message_kind_name, name_of
from mailwatch.config import Config
from mailwatch.domain.lines import dump_line, printable
from mailwatch.domain.requests import State
from mailwatch.domain.typography import typeset
from mailwatch.errors import MailwatchError
from mailwatch.services.act import Act, Acted, ActRefused, Refusal
from mailwatch.store.reports import normalise_reference

Doing = Callable[[Act, str], Awaitable[Sequence[Acted]]]

_references = click.argument("references", metavar="REFERENCE...", nargs=-1, required=True)
_why = click.option("--why", required=True, metavar="TEXT", help="The reason; it stands in the request's history.")
_by = click.option("--by", "by", metavar="WHO", help=f"Who decides. Default: ${VARIABLE}, else your login name.")
_json = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object for each request or failure, a line each."
)

# Why an act can't be done, and what to do instead; {what} as given, {about} in the language of the call.
_REFUSALS: Mapping[Refusal, tuple[str, str]] = {
    Refusal.UNKNOWN: (
        "{what}: there is no request with this reference; `mailwatch requests list` shows them",
        "{what} : aucune demande ne porte cette référence ; « mailwatch requests list » les montre",
    ),
    Refusal.ALREADY_SO: (
        "{what}: it is so already ({about}), nothing was changed; `mailwatch requests show {what}` tells by whom",
        "{what} : c’est déjà le cas ({about}), rien n’a changé ; « mailwatch requests show {what} » dit par qui",
    ),
    Refusal.NOT_SETTLED: (
        "{what}: it isn't settled ({about}) and its clock runs: there is nothing to reopen",
        "{what} : elle n’est pas réglée ({about}) et son délai court : il n’y a rien à rouvrir",
    ),
    Refusal.OVERTAKEN: (
        "{what}: somebody changed it at the same moment; look with `mailwatch requests show {what}`, then try again",
        "{what} : quelqu’un l’a modifiée au même moment ; voyez « mailwatch requests show {what} », puis réessayez",
    ),
    Refusal.MESSAGE_UNKNOWN: (
        "{what}: there is no message with this number; `mailwatch requests list --register` shows them",
        "{what} : aucun message ne porte ce numéro ; « mailwatch requests list --register » les montre",
    ),
    Refusal.NOT_IN_REGISTER: (
        "{what}: this message isn't in the silent register (it is of the kind {about}): there is nothing to release",
        "{what} : ce message n’est pas au registre silencieux (sa nature : {about}) : il n’y a rien à libérer",
    ),
    Refusal.RELEASED_ALREADY: (
        "{what}: this message is the request {about} already",
        "{what} : ce message est déjà la demande {about}",
    ),
    Refusal.MAILBOX_UNKNOWN: (
        "{what}: its mailbox, {about}, isn't in the configuration, which would say when it is due; put it back there",
        "{what} : sa boîte, {about}, n’est pas dans la configuration, qui en fixerait l’échéance ; remettez-l’y",
    ),
}


@click.command(short_help="Close what needs no answer by e-mail any more.")
@_references
@_why
@_by
@_json
@click.pass_obj
def close(invocation: Invocation, references: Sequence[str], why: str, by: str | None, as_json: bool) -> None:
    """Close requests that need no answer by e-mail any more: answered by telephone, settled at the counter.

    What the same message opened in other mailboxes is closed with it. A requester who writes again reopens it.
    """
    _run(invocation, _stored(references), why, by, as_json, lambda act, reference: act.close(reference))


@click.command("set-aside", short_help="Set aside what isn't ours to answer.")
@_references
@_why
@_by
@_json
@click.pass_obj
def set_aside(invocation: Invocation, references: Sequence[str], why: str, by: str | None, as_json: bool) -> None:
    """Set requests aside that aren't ours to answer: advertising, a duplicate. Reports count them apart."""
    _run(invocation, _stored(references), why, by, as_json, lambda act, reference: act.set_aside(reference))


@click.command(short_help="Reopen what was settled by mistake, or is asked anew.")
@_references
@_why
@click.option("--anew", is_flag=True, help="The clock starts now. Without it, it goes on as if it had never stopped.")
@_by
@_json
@click.pass_obj
def reopen(
    invocation: Invocation, references: Sequence[str], why: str, anew: bool, by: str | None, as_json: bool
) -> None:
    """Reopen requests that were answered, closed or set aside by mistake, or that need another answer.

    By mistake: the clock goes on as if nothing had stopped it, and the request may be late at once. For a new
    question, asked otherwise than by e-mail: --anew.
    """
    _run(invocation, _stored(references), why, by, as_json, lambda act, reference: act.reopen(reference, anew=anew))


@click.command(short_help="Make somebody else answerable.")
@_references
@click.option("--to", "to", required=True, metavar="ADDRESS", help="The new owner: one of [[people]].")
@_why
@_by
@_json
@click.pass_obj
def assign(invocation: Invocation, references: Sequence[str], to: str, why: str, by: str | None, as_json: bool) -> None:
    """Make somebody else answerable for requests: the next digests go to them."""
    owner = to.strip().lower()
    people = invocation.config().organisation().people
    if owner not in people:
        known = ", ".join(sorted(people)) or "–"
        raise click.BadParameter(
            invocation.pick(
                f"{to}: not one of [[people]]; the configuration has: {known}",
                f"{to}\u00a0: ne figure pas parmi les [[people]]\u00a0; la configuration contient\u00a0: {known}",
            ),
            param_hint="--to",
        )
    _run(invocation, _stored(references), why, by, as_json, lambda act, reference: act.assign(reference, owner))


@click.command(short_help="Make a request of a message of the silent register.")
@click.argument("numbers", metavar="MESSAGE-NUMBER...", nargs=-1, required=True, type=click.IntRange(1))
@_why
@_by
@_json
@click.pass_obj
def release(invocation: Invocation, numbers: Sequence[int], why: str, by: str | None, as_json: bool) -> None:
    """Make requests of messages that were taken for a robot's, a newsletter's, spam or a copy.

    MESSAGE-NUMBER is what `mailwatch requests list --register` shows. Both clocks run from when the message was
    received. Nothing is sent: please acknowledge such a request yourself, or answer it.
    """
    names = [str(number) for number in numbers]
    _run(invocation, names, why, by, as_json, lambda act, number: act.release(int(number)))


def _stored(references: Sequence[str]) -> Sequence[str]:
    """References as people write them → as they are stored."""
    return [normalise_reference(reference) for reference in references]


def _run(invocation: Invocation, names: Sequence[str], why: str, by: str | None, as_json: bool, doing: Doing) -> None:
    """Do an act for each name, and tell each. Exit code 1 if one couldn't be done."""
    if not why.strip():
        raise click.BadParameter(invocation.pick("a reason, please", "veuillez indiquer un motif"), param_hint="--why")
    config = invocation.config()
    teller = _Teller(invocation, as_json)
    asyncio.run(_act(invocation, config, teller, names, why.strip(), (by or "").strip() or who(), doing))
    if teller.failures:
        raise SystemExit(1)


async def _act(
    invocation: Invocation, config: Config, teller: "_Teller", names: Sequence[str], why: str, by: str, doing: Doing
) -> None:
    async with opened(invocation, config) as store:
        act = Act(store, config.mailboxes(), by=by, why=why)
        done: set[str] = set()  # one may be named beside another that settles it, too
        for name in dict.fromkeys(names):
            if name in done:
                continue
            try:
                acted = await doing(act, name)
            except ActRefused as refused:
                teller.refuse(name, refused)
            except MailwatchError as error:
                teller.fail(name, f"{name}: {error}")
            else:
                done |= {one.reference for one in acted}
                teller.tell(acted)


class _Teller:
    """Tells what was done on stdout; what wasn't on stderr, or as JSON beside the rest."""

    def __init__(self, invocation: Invocation, as_json: bool) -> None:
        self._invocation = invocation
        self._as_json = as_json
        self.failures = 0

    def tell(self, acted: Sequence[Acted]) -> None:
        """Requests after an act."""
        for one in acted:
            if self._as_json:
                self._echo_json({"done": True, **as_object(one)})
            else:
                state = name_of(self._invocation, one.state)
                click.echo(f"{one.reference}  {state}  {one.mailbox}  {one.owner or '–'}")

    def refuse(self, name: str, refused: ActRefused) -> None:
        """What can't be done, and what to do."""
        english, french = _REFUSALS[refused.why]
        pattern = self._invocation.pick(english, typeset(french))
        self.fail(name, pattern.format(what=printable(name), about=self._about(refused)))

    def fail(self, name: str, text: str) -> None:
        """A sentence."""
        self.failures += 1
        if self._as_json:
            self._echo_json({"done": False, "given": name, "problem": text})
        else:
            click.echo(f"mailwatch: {text}", err=True)

    def _about(self, refused: ActRefused) -> str:
        if refused.about in set(State):
            return name_of(self._invocation, State(refused.about))
        return message_kind_name(self._invocation, refused.about) if refused.about else ""

    def _echo_json(self, facts: dict[str, object]) -> None:
        click.echo(dump_line(facts))
