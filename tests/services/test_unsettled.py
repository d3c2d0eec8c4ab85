"""What was submitted and could not be written down; what broke off; what an earlier process left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from services.world import World, a_letter

from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind
from mailwatch.errors import StoreUnavailable
from mailwatch.store import reports
from mailwatch.store.store import SqlTransaction

GRACE = timedelta(minutes=6)


async def requests_arrive(world: World, count: int) -> None:
    await world.look()
    for number in range(count):
        world.arrive(a_letter(number, sender=f"p{number}@courriel.example"))
    await world.look()
    world.clock.advance(GRACE)


async def entry_states(world: World) -> list[str]:
    return sorted(str(fact.state) for fact in await reports.list_entries(world.store))


@asynccontextmanager
async def no_settling(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Outcomes can't be written until the block ends; the event is set when one was tried."""
    tried = asyncio.Event()

    async def refuse(*_: object) -> int:
        tried.set()
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(SqlTransaction, "settle_entries", refuse)
        yield tried


async def test_an_outcome_that_waits_for_the_database_longer_than_its_lease_is_not_submitted_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await requests_arrive(world, 1)
    dispatch = world.dispatch()
    running = asyncio.create_task(dispatch.run())
    claimed = asyncio.Event()
    claim = SqlTransaction.claim_entries

    async def watch(self: SqlTransaction, *arguments: object) -> object:
        found = await claim(self, *arguments)  # type: ignore[arg-type]  # as they came
        if found and world.mailer.letters:
            claimed.set()
        return found

    async with no_settling(world, monkeypatch) as tried, asyncio.timeout(10):
        dispatch.wake()
        await tried.wait()
        world.clock.advance(timedelta(hours=1))
        monkeypatch.setattr(SqlTransaction, "claim_entries", watch)
        dispatch.wake()
        await claimed.wait()  # its lease is over: the entry is ours once more, and yet it is in our hands
    dispatch.wake()
    async with asyncio.timeout(10):
        await dispatch.until_idle()
    running.cancel()
    await asyncio.wait([running])
    assert len(world.mailer.letters) == 1
    assert await entry_states(world) == ["sent"]


async def test_a_submission_that_breaks_off_by_a_fault_of_ours_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await requests_arrive(world, 3)
    submit = type(world.mailer).submit
    broken = 0

    async def break_one(envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]]) -> Outcome:
        nonlocal broken
        if envelope.recipient.startswith("p1@"):
            broken += 1
            raise UnicodeError("what nobody thought of")
        return await submit(world.mailer, envelope, body, ready)

    monkeypatch.setattr(world.mailer, "submit", break_one)
    for _ in range(3):
        await world.send()
        world.clock.advance(timedelta(hours=3))
    assert await entry_states(world) == ["sent", "sent", "uncertain"]
    assert broken == 2, "once more, and then it is left to a person"


async def test_an_account_that_a_restart_mended_is_no_longer_shown_as_stopped(world: World) -> None:
    await requests_arrive(world, 2)
    world.mailer.answers = [Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, code=535, text="bad credentials")]
    await world.send(world.dispatch(connections=1))
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:default")
    await world.send(world.dispatch())  # the process that has the new password
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:default") is None
    assert await entry_states(world) == ["sent", "sent"]
