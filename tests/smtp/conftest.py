"""A scripted server, and mailers that are closed at the end."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from scripted_smtp import ScriptedServer

from mailwatch.smtp import SmtpMailer


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = await ScriptedServer().start()
    yield scripted
    await scripted.stop()


@pytest.fixture
async def mailer_for() -> AsyncIterator[Callable[..., SmtpMailer]]:
    """mailer_for(server, connections=…, timeout=…): keywords go to the account, but for the mailer's own."""
    mailers: list[SmtpMailer] = []

    def make(scripted: ScriptedServer, **keywords: Any) -> SmtpMailer:
        own = {"password", "connections", "hostname", "probe_from", "idle_seconds"} & keywords.keys()
        options = {"hostname": "client.example", **{key: keywords.pop(key) for key in own}}
        mailers.append(SmtpMailer(scripted.account(**keywords), **options))
        return mailers[-1]

    yield make
    for mailer in mailers:
        await mailer.close()
