"""Periodic acts of four workers on one PostgreSQL, all at the same moment: each is done once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from builders import INSCRIPTIONS, MARIE, a_calendar, a_mailbox, a_person, an_organisation
from servers.postgres import Postgres
from services.world import World, a_letter, a_world
from sqlalchemy import func, select

from mailwatch.domain.escalations import MANAGER, OWNER, Level
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.standards import parse_limit
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.alert import Alerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.escalate import Escalate, EscalateSettings
from mailwatch.store import reports
from mailwatch.store.schema import escalations
from mailwatch.store.store import SqlStore, open_store

WORKERS = 4
LUC = "luc.gagnon@cscmonavenir.example"
IT = "informatique@cscmonavenir.example"
PEOPLE = {MARIE: a_person(manager=LUC), LUC: a_person(LUC, "Luc Gagnon")}
MAILBOX = replace(a_mailbox(), organisation=replace(an_organisation(), people=PEOPLE), owners=(PEOPLE[MARIE],))
DIGESTS = EscalateSettings(at=time(8, 30), details=False, sender=INSCRIPTIONS, account="default", message_link="")
OVERDUE = Level(after=parse_limit("0 business days"), to=(OWNER, MANAGER))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
async def world(postgres: Postgres, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, MAILBOX, url=postgres.url(await postgres.create())) as world:
        await world.look()
        async with world.store.transaction() as tx:
            await tx.note_answer_seen(INSCRIPTIONS)
        for number in range(1, 6):
            world.arrive(a_letter(number))
        await world.look()
        yield world


@pytest.fixture
async def stores(world: World) -> AsyncIterator[list[SqlStore]]:
    """Four processes' ways into the database."""
    async with AsyncExitStack() as stack:
        url = world.store.database.url.render_as_string(hide_password=False)
        stores = [open_store(url, world.clock, f"worker{number}") for number in range(WORKERS)]
        for store in stores:
            stack.push_async_callback(store.close)
            await store.open()
        yield stores


async def enqueued(world: World, kind: str) -> Counter[str]:
    return Counter(entry.recipient for entry in await reports.list_entries(world.store) if entry.kind == kind)


async def test_four_workers_make_one_digest_for_each_person_and_escalate_once(
    world: World, stores: list[SqlStore]
) -> None:
    renderer = TemplateRenderer(None, templates_folder(), lambda _: None)
    workers = [
        Escalate(
            store,
            renderer,
            MAILBOX.organisation,
            a_calendar(),
            world.mailboxes,
            [OVERDUE],
            DIGESTS,
            world.clock,
            world.log,
            store.key,
        )
        for store in stores
    ]
    for day in (1, 2):  # past the due date of Monday 30 November
        world.clock.set(datetime(2026, 12, day, 14, 0, tzinfo=UTC))
        told = await asyncio.gather(*(worker.tick() for worker in workers))
        assert any(told)
        assert await enqueued(world, "digest") == {MARIE: day, LUC: day}
    async with world.store.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(escalations)) == 5


async def test_four_workers_tell_of_one_trouble_once(world: World, stores: list[SqlStore]) -> None:
    renderer = TemplateRenderer(None, templates_folder(), lambda _: None)
    settings = AlertSettings(to=(IT,), account="default", sender=INSCRIPTIONS)
    zone = a_calendar().timezone
    workers = [
        Alerts(
            store,
            AlertWriter(renderer, MAILBOX.organisation, zone, settings, store.key),
            a_calendar(),
            settings,
            world.mailboxes,
            world.clock,
            world.log,
        )
        for store in stores
    ]
    async with world.store.transaction() as tx:
        await tx.switch_off("breaker", "mailwatch", "600 in ten minutes")
    await asyncio.gather(*(worker.tick() for worker in workers))
    assert await enqueued(world, "alert") == {IT: 1}
    async with world.store.transaction() as tx:
        await tx.switch_on("breaker")
    for _ in range(2):
        await asyncio.gather(*(worker.tick() for worker in workers))
        world.clock.advance(timedelta(minutes=16))
        async with world.store.transaction() as tx:
            await tx.note_progress({INSCRIPTIONS: tx.now})
    assert await enqueued(world, "alert") == {IT: 2}
