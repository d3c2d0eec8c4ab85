"""`check`: connect to everything the configuration names, and say each failure in words, with the remedy.

Looking changes nothing: EXAMINE and PEEK, and flags compared before and after, to prove it of this very server.
"""

import os
from collections.abc import AsyncIterator, Mapping

from mailwatch.checkup.absences import check_calendars
from mailwatch.checkup.configuration import check_configuration, check_templates
from mailwatch.checkup.database import check_data as _check_data
from mailwatch.checkup.database import check_database
from mailwatch.checkup.findings import Finding, Level
from mailwatch.checkup.reading import check_mailboxes
from mailwatch.checkup.submission import check_submission
from mailwatch.config import Config
from mailwatch.ports import Clock

__all__ = ["Finding", "Level", "check", "check_data"]


async def check(
    config: Config, *, clock: Clock, environ: Mapping[str, str] | None = None, send_test: str = ""
) -> AsyncIterator[Finding]:
    """Findings as they come: configuration, templates, database, SMTP accounts, mailboxes, absence calendars."""
    environ = os.environ if environ is None else environ
    for finding in check_configuration(config):
        yield finding
    for finding in check_templates(config):
        yield finding
    async for finding in check_database(config, clock, environ):
        yield finding
    async for finding in check_submission(config, clock, environ, send_test):
        yield finding
    async for finding in check_mailboxes(config, clock, environ):
        yield finding
    async for finding in check_calendars(config, clock, environ):
        yield finding


def check_data(config: Config, *, clock: Clock, environ: Mapping[str, str] | None = None) -> AsyncIterator[Finding]:
    """Whether what is recorded keeps every invariant (docs/invariants.md)."""
    return _check_data(config, clock, os.environ if environ is None else environ)
