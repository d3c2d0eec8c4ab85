"""`mailwatch run`: the service, in the foreground, until SIGTERM or SIGINT."""

import asyncio

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.logs import configure_logs, get_logger
from mailwatch.service import Service

log = get_logger(__name__)


@click.command()
@click.pass_obj
def run(invocation: Invocation) -> None:
    """Watch, record, acknowledge. Ends cleanly on SIGTERM and SIGINT; takes a new configuration on SIGHUP.

    A SQLite database is created and upgraded as needed; a PostgreSQL one must be at the right revision
    (`mailwatch db upgrade`). Logs go to stderr.
    """
    config = invocation.config()
    configure_logs(config.log.format, config.log.level)
    for warning in config.warnings:
        log.warning("configuration.warning", text=warning)
    asyncio.run(_run(invocation, config))


async def _run(invocation: Invocation, config: Config) -> None:
    await Service(invocation.config, clock=SystemClock()).run(config)
