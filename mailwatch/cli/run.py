"""`mailwatch run`: the service, in the foreground, until SIGTERM or SIGINT."""

import asyncio
import signal

import click

from mailwatch.app import App
from mailwatch.cli.invocation import Invocation
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.logs import configure_logs, get_logger
from mailwatch.process import end_within

log = get_logger(__name__)

LAST_MOMENT = 9.5  # seconds after the signal: a service manager grants ten


@click.command()
@click.pass_obj
def run(invocation: Invocation) -> None:
    """Watch, record, acknowledge. Ends cleanly on SIGTERM and SIGINT.

    A SQLite database is created and upgraded as needed; a PostgreSQL one must be at the right revision
    (`mailwatch db upgrade`). Logs go to stderr.
    """
    config = invocation.config()
    configure_logs(config.log.format, config.log.level)
    for warning in config.warnings:
        log.warning("configuration.warning", text=warning)
    asyncio.run(_run(config))


async def _run(config: Config) -> None:
    stop = asyncio.Event()

    def end() -> None:
        stop.set()
        end_within(LAST_MOMENT, _cut_short)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    await App(config, clock=SystemClock()).run(stop)


def _cut_short() -> None:
    """Something doesn't come to its end: a database that is locked, a name that DNS doesn't resolve."""
    log.warning("service.cut_short", after_s=LAST_MOMENT)
