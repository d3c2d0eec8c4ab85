"""What writes to the database all the time knows since when it hasn't been able to, and why."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from builders import a_calendar, a_mailbox
from services.world import World, a_world
from structlog.stdlib import get_logger

from mailwatch.clock import elapsed
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.shares import bundle
from mailwatch.errors import MailwatchError, StoreUnavailable
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.alert import Alerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.hold import Alone, Hold
from mailwatch.services.progress import Progress

LOG = get_logger("tests")
FULL = "database or disk is full"
Writes = tuple[Progress, Callable[[], Awaitable[object]]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, a_mailbox()) as world:
        yield world


def heartbeats(world: World) -> Writes:
    """Of the one worker of an embedded database."""
    alone = Alone(world.store, "test", dict, LOG)
    return alone.beats, alone.beat


def leases(world: World) -> Writes:
    """Of one of several workers."""
    address = world.mailboxes[0].address
    hold = Hold(world.store, bundle([(address, address)]), "test", dict, lambda _: None, elapsed, LOG)
    return hold.beats, hold.beat


def alerts(world: World) -> Writes:
    """The ticks that tell IT."""
    mailbox, settings = world.mailboxes[0], AlertSettings()
    renderer = TemplateRenderer(None, templates_folder(), world.warnings.append)
    writer = AlertWriter(renderer, mailbox.organisation, a_calendar().timezone, settings, world.store.key)
    told = Alerts(world.store, writer, a_calendar(), settings, world.mailboxes, world.clock, LOG)
    return told.progress, told.tick


@pytest.mark.parametrize("what", [heartbeats, leases, alerts])
async def test_it_knows_since_when_and_why_it_can_not_write(
    what: Callable[[World], Writes], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress, write = what(world)
    loop = asyncio.get_running_loop()
    now = loop.time
    assert progress.silent_for == 0.0
    await write()

    @asynccontextmanager
    async def full() -> AsyncIterator[None]:
        raise StoreUnavailable(FULL)
        yield

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "transaction", full)
        patch.setattr(loop, "time", lambda: now() + 900)
        with suppress(MailwatchError):
            await write()
        assert progress.silent_for >= 900
        assert progress.hindrance == FULL
    await write()
    assert progress.silent_for < 60
    assert progress.hindrance == ""
