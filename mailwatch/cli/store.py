"""The database as commands open it: only its own secret is resolved, nothing else is connected."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailwatch.checkup.database import explain_missing, explain_trouble
from mailwatch.checkup.findings import Finding
from mailwatch.cli.invocation import Invocation
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.errors import MailwatchError, PermanentError
from mailwatch.store.standings import Gauge
from mailwatch.store.store import SqlStore, open_store


class NoDatabase(PermanentError):
    """The database can't be used; the text says why and what to do, in the language of the call."""


@asynccontextmanager
async def opened(invocation: Invocation, config: Config) -> AsyncIterator[SqlStore]:
    """The configured database, open. Raises NoDatabase; ConfigurationError for its secret."""
    if missing := explain_missing(config):
        raise _unusable(invocation, missing)
    url = config.database.resolve_url(os.environ)
    store = open_store(url, SystemClock())
    try:
        await _open(invocation, config, url, store)
        yield store
    finally:
        await store.close()


def gauge_of(config: Config) -> Gauge:
    """By what standings are told now."""
    return Gauge(levels=config.levels(), now=SystemClock().now())


async def _open(invocation: Invocation, config: Config, url: str, store: SqlStore) -> None:
    try:
        await store.open()
    except MailwatchError as error:
        raise _unusable(invocation, await explain_trouble(config, url, error)) from error


def _unusable(invocation: Invocation, finding: Finding) -> NoDatabase:
    return NoDatabase(f"{finding.about}: {invocation.pick(finding.en, finding.fr)}")
