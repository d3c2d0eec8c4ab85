"""What writes to the database all the time knows since when it hasn't been able to, and why."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from builders import a_calendar, a_mailbox
from services.world import World, a_letter, a_world
from structlog.stdlib import get_logger

from mailwatch.clock import elapsed
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.shares import bundle
from mailwatch.errors import CursorMoved, MailwatchError, StoreUnavailable
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.alert import Alerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.hold import Alone, Hold
from mailwatch.services.progress import TRIED_WITHIN, Occasional, Progress
from mailwatch.store.store import SqlTransaction

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


class Trials:
    """Of something that is tried when the test says so, by the test's clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.progress = Occasional(lambda: self.now)

    def attempt(self, *, after: float, error: MailwatchError | None = None) -> float:
        """Tried once more, so many seconds later; how long it has been silent then."""
        self.now += after
        with suppress(MailwatchError), self.progress.attempt():
            if error is not None:
                raise error
        return self.progress.silent_for


def test_what_is_done_now_and_then_is_silent_from_its_first_failure_on() -> None:
    trials, away = Trials(), StoreUnavailable(FULL)
    assert trials.attempt(after=0) == 0
    assert trials.attempt(after=3600, error=away) == 0, "nothing was to be done for an hour"
    assert trials.attempt(after=60, error=away) == 60
    assert trials.attempt(after=60, error=away) == 120
    assert trials.progress.hindrance == FULL
    assert trials.attempt(after=60) == 0
    assert trials.progress.hindrance == ""
    assert trials.attempt(after=60, error=away) == 0


def test_that_another_worker_was_first_means_that_the_database_takes_it() -> None:
    trials = Trials()
    trials.attempt(after=0, error=StoreUnavailable(FULL))
    assert trials.attempt(after=60, error=CursorMoved("by another worker")) == 0


def test_what_is_not_tried_any_more_is_somebody_else_s() -> None:
    trials = Trials()
    trials.attempt(after=0, error=StoreUnavailable(FULL))
    trials.now += TRIED_WITHIN
    assert trials.progress.silent_for == TRIED_WITHIN
    trials.now += 1
    assert trials.progress.silent_for == 0
    assert trials.attempt(after=60, error=StoreUnavailable(FULL)) == 0, "it begins anew"


async def test_receiving_knows_that_the_database_takes_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although it takes what is changed in place, as PostgreSQL does while its disk is full."""
    await world.look()
    loop = asyncio.get_running_loop()
    now = loop.time

    async def refuse(*_: object) -> int:
        raise StoreUnavailable(FULL)

    world.arrive(a_letter(1))
    progress = world.receive.progress
    with monkeypatch.context() as patch:
        patch.setattr(SqlTransaction, "record", refuse)
        for seconds in (0, 60):
            patch.setattr(loop, "time", lambda: now() + seconds)  # noqa: B023  # called at once
            with suppress(MailwatchError):
                await world.look()
        assert 60 <= progress.silent_for < 120
        assert progress.hindrance == FULL
    await world.look()
    assert progress.silent_for == 0.0
