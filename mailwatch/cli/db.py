"""`mailwatch db`: look after the database."""

import asyncio
import os

import click

from mailwatch.cli.db_copy import copy
from mailwatch.cli.invocation import Invocation
from mailwatch.store.migration import upgrade as upgrade_database
from mailwatch.store.revisions import current_revision


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(invocation: Invocation) -> None:
    """Create the tables, or bring them to this version's revision. Does nothing where they are there already.

    Stop the workers first, and have a backup. `run` does this by itself for SQLite.
    """
    url = invocation.config().database.resolve_url(os.environ)
    asyncio.run(upgrade_database(url))
    revision = asyncio.run(current_revision(url))
    click.echo(
        invocation.pick(f"The database is at revision {revision}.", f"La base de données est à la révision {revision}.")
    )


db.add_command(copy)
