"""`mailwatch config`: the configuration as the program understands it. Connects to nothing, reads no secret."""

import json

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.config import config_schema, show_config


@click.group("config")
def config() -> None:
    """The configuration: what it means, and a schema for editors."""


@config.command("show")
@click.pass_obj
def show(invocation: Invocation) -> None:
    """Print the configuration with every default filled in; secrets are "***"."""
    found = invocation.config()
    for warning in found.warnings:
        click.echo(warning, err=True)
    click.echo(show_config(found), nl=False)


@config.command("schema")
def schema() -> None:
    """Print the JSON schema of the configuration file, for editors."""
    click.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
