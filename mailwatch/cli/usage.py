"""What is wrong with how a command was called, in French: click's own sentences are English.

Help pages stay English; so does whatever sentence of click's isn't known here.
"""

import re
from collections.abc import Sequence

import click

from mailwatch.domain.typography import NO_BREAK, typeset

_USAGE = "Usage: "  # how click begins a line of usage

# What click says where nothing but the sentence tells one error from another.
_SENTENCES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"No such command '(.*)'\."), "commande inconnue : {}"),
    (re.compile(r"Got unexpected extra arguments? \((.*)\)"), "argument en trop : {}"),
    (re.compile(r"Option '(.*)' requires an argument\."), "l'option {} demande une valeur"),
    (re.compile(r"Option '(.*)' does not take a value\."), "l'option {} ne prend pas de valeur"),
)


def show_in_french(error: click.UsageError) -> None:
    """Write on stderr how the command is called, and what is wrong with this call."""
    if error.ctx is not None:
        usage = error.ctx.get_usage().removeprefix(_USAGE)
        click.echo(f"Utilisation{NO_BREAK}: {usage}", err=True)
        click.echo(typeset(f"« {error.ctx.command_path} --help » en dit davantage.") + "\n", err=True)
    click.echo(f"Erreur{NO_BREAK}: {explain_in_french(error)}", err=True)


def explain_in_french(error: click.UsageError) -> str:
    """What is wrong."""
    match error:
        case click.NoSuchOption():
            near = ", ".join(error.possibilities or ())
            return _say("option inconnue : {}", error.option_name) + (_say(" ; peut-être {}", near) if near else "")
        case click.MissingParameter():
            return _say("il manque {}", _hint(error))
        case click.BadParameter():
            return _say("valeur non valide pour {} : ", _hint(error)) + _expected(error)
        case _:
            return _sentence(error.message)


def _hint(error: click.BadParameter) -> str:
    """The option or argument that it is about, as it is written."""
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param and error.ctx else "")
    return (hint if isinstance(hint, str) else " / ".join(hint)).replace("'", "")


def _expected(error: click.BadParameter) -> str:
    """What was expected; our own sentences are French already."""
    match error.param.type if error.param is not None else None:
        case click.Choice(choices=choices):
            return _say("un de ceux-ci est attendu : {}", ", ".join(map(str, choices)))
        case click.DateTime():
            return "une date telle que 2026-11-30 est attendue"
        case click.types.IntParamType():
            return "un nombre entier, au moins 1, est attendu"
        case _:
            return error.message


def _sentence(message: str) -> str:
    for pattern, french in _SENTENCES:
        if found := pattern.fullmatch(message):
            return _say(french, found[1])
    return message


def _say(french: str, about: str) -> str:
    """Only our own words are typeset."""
    return typeset(french).format(about)
