"""The command line: `mailwatch [--config FILE] [--lang fr|en] COMMAND`.

Exit codes: 0 done, 1 found problems, 2 bad usage or configuration. Results go to stdout, logs and errors to stderr.
Commands are imported when they are called, so that `--help` is quick.
"""

import importlib
import os
import sys
from itertools import pairwise
from pathlib import Path

import click

from mailwatch import __version__
from mailwatch.cli.invocation import Invocation
from mailwatch.cli.usage import show_in_french
from mailwatch.domain.languages import Language
from mailwatch.errors import ConfigurationError, MailwatchError

# name → (module below mailwatch.cli, what it does): the order is the order of a new user's questions.
COMMANDS = {
    "demo": ("demo", "See the main job on embedded servers; needs no configuration."),
    "check": ("check", "Connect to everything the configuration names; say what is wrong and what to do."),
    "run": ("run", "Run the service in the foreground."),
    "reload": ("reload", "Have the running service take the configuration as it is now."),
    "status": ("status", "Show what is going on: mailboxes, requests, what is late, outbox, switches."),
    "requests": ("requests", "List requests, tell the story of one, close, reopen, assign or release it."),
    "absence": ("absence", "Record who is away and who covers; list, import, publish, take back."),
    "report": ("report", "Report how a month's requests were served, against the standard."),
    "digest": ("digest", "Preview what a person is told of requests that wait."),
    "explain": ("explain", "Judge messages in files as if they had just arrived."),
    "calendar": ("calendar", "Explain the arithmetic of due dates."),
    "template": ("template", "Preview what is sent."),
    "pause": ("sending", "Stop all sending at once, on every worker."),
    "resume": ("sending", "Let sending go on."),
    "config": ("config", "Show the configuration, or its JSON schema for editors."),
    "db": ("db", "Look after the database."),
}


class Commands(click.Group):
    """Finds a command's module only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mailwatch.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration. Default: $MAILWATCH_CONFIG, then ./mailwatch.toml.",
)
@click.option("--lang", type=click.Choice([str(language) for language in Language]), help="Default: from $LANG.")
@click.version_option(__version__, prog_name="mailwatch")
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None, lang: str | None) -> None:
    """Keeps a public body's e-mail promises: acknowledges each request, watches the clock, measures.

    \b
    New here?                mailwatch demo
    Writing a configuration? start from config.example.toml, then `mailwatch check`
    """
    ctx.obj = Invocation(config_path=config_path, language=_language(lang))


def _language(lang: str | None) -> Language:
    chosen = lang or os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Language.FR if chosen.lower().startswith("fr") else Language.EN


def _show(error: click.UsageError) -> None:
    """In the language of the call, as it is written: it may not have come as far as its options."""
    given = [after for word, after in pairwise(sys.argv) if word == "--lang"]
    given += [word.removeprefix("--lang=") for word in sys.argv if word.startswith("--lang=")]
    if _language(next(iter(given), None)) is Language.FR:
        show_in_french(error)
    else:
        error.show()


def main() -> None:
    """The program's entry point."""
    try:
        cli(prog_name="mailwatch", standalone_mode=False)
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(2)
    except click.UsageError as error:
        _show(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except MailwatchError as error:
        click.echo(f"mailwatch: {error}", err=True)
        sys.exit(1)
