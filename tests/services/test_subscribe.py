"""Of several calendars none waits for another: neither for one that can't be read, nor for a fault of ours."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from builders import MARIE, a_mailbox
from services.world import World, a_world
from structlog.testing import capture_logs

from mailwatch.domain.outings import (
    CalendarFilter,
    CalendarSource,
    FoundAbsence,
    ReadCalendar,
    Subscription,
    Validators,
)
from mailwatch.errors import CalendarUnreadable, StoreUnavailable
from mailwatch.services.subscribe import Subscribe

TORONTO = ZoneInfo("America/Toronto")
HOUR = timedelta(hours=1)
AWAY = FoundAbsence(uid="1", away_from=date(2026, 11, 24), returns_on=date(2026, 11, 30))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, a_mailbox()) as world:
        yield world


class Reader:
    """Calendars by their files' names: what is raised when one is read, or an absence."""

    def __init__(self, **faults: Exception) -> None:
        self.faults = faults

    async def read(
        self, source: CalendarSource, takes: CalendarFilter, zone: ZoneInfo, today: date, known: Validators
    ) -> tuple[ReadCalendar, Validators] | None:
        if fault := self.faults.get(source.location):
            raise fault
        return ReadCalendar(absences=(AWAY,), passed_over={}), Validators()


def subscribe(world: World, reader: Reader, *names: str) -> Subscribe:
    subscriptions = [
        Subscription(name=name, who=MARIE, source=CalendarSource(location=name), takes=CalendarFilter(), every=HOUR)
        for name in names
    ]
    return Subscribe(world.store, reader, subscriptions, TORONTO, world.clock, world.log)


async def troubles(world: World, *names: str) -> list[str | None]:
    async with world.store.transaction() as tx:
        found = [await tx.find_calendar(name) for name in names]
    return ["not asked" if one is None else one.trouble for one in found]


async def test_a_calendar_that_breaks_us_is_said_and_keeps_no_other_unread(world: World) -> None:
    fault, bad = ValueError("year 0 is out of range"), CalendarUnreadable("no calendar", "no-calendar", {})
    reader = Reader(broken=fault, bad=bad)
    with capture_logs() as said:
        await subscribe(world, reader, "broken", "bad", "good").tick()
    broken, *others = await troubles(world, "broken", "bad", "good")
    assert broken == "a fault of mailwatch's own (ValueError): see calendar.failed in its log, and report it"
    assert others == ["no calendar", None]
    events = [one["event"] for one in said]
    assert events == ["calendar.failed", "calendar.unread", "calendar.unread", "calendar.read", "absences.kept"]
    reader.faults.clear()
    world.clock.advance(HOUR)
    await subscribe(world, reader, "broken").tick()
    assert await troubles(world, "broken") == [None]


async def test_a_database_that_is_away_is_no_calendar_s_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(broken=StoreUnavailable("the disk is full"))
    with pytest.raises(StoreUnavailable):
        await subscribe(world, reader, "broken").tick()
    assert await troubles(world, "broken") == [None]
