"""One bad message, or one bad hour of a server, harms nothing else: neither the mailbox nor the other messages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from services.world import MONDAY, Source, World, a_letter

from mailwatch.errors import CursorMoved, MailboxUnavailable, PermanentError
from mailwatch.ports import FetchedMessage, FolderState, NewRecord
from mailwatch.services import record
from mailwatch.services.fetch import PATIENCE, Fetcher
from mailwatch.services.receive import MAX_UNKNOWN_AFTER_RESYNC
from mailwatch.store import reports
from mailwatch.store.store import SqlTransaction

AN_HOUR_AGO = MONDAY - timedelta(hours=1)


async def verdicts(world: World) -> list[tuple[str, str]]:
    """(kind, suppressed_by) of every recorded message, in order."""
    return [(fact.kind, fact.suppressed_by or "") for fact in await reports.list_messages(world.store)]


async def quarantined(world: World) -> int:
    return (await reports.status_facts(world.store, world.clock.now())).quarantined


def source_of(world: World) -> Source:
    return world.sources.sources[world.mailboxes[0].address]


async def fail_to_look(world: World, times: int) -> None:
    for _ in range(times):
        with pytest.raises(MailboxUnavailable):
            await world.look()


async def test_an_outage_quarantines_nothing(world: World) -> None:
    world.arrive(a_letter(1))
    await world.look()
    uids = [world.arrive(a_letter(n, sender=f"p{n}@courriel.example")) for n in (2, 3)]
    source = source_of(world)
    source.poison = {1, *uids}  # the server's storage is away: it lets us in, and gives nothing
    await fail_to_look(world, 12)
    source.poison = set()
    await world.look()
    assert await quarantined(world) == 0
    assert await verdicts(world) == [("request", "")] * 2


async def test_the_only_message_of_a_folder_is_given_up_after_much_patience(world: World) -> None:
    await world.look()
    source_of(world).poison = {world.arrive(a_letter(1))}
    await fail_to_look(world, 3 * PATIENCE - 1)
    assert await quarantined(world) == 0
    await fail_to_look(world, 1)
    assert await quarantined(world) == 1
    await world.look()


async def test_a_message_that_can_not_be_fetched_holds_up_no_new_uidvalidity(world: World) -> None:
    await world.look()
    uids = [world.arrive(a_letter(n, sender=f"p{n}@courriel.example")) for n in range(4)]
    world.folder().uidvalidity = 78
    source_of(world).poison = {uids[1]}
    await fail_to_look(world, 4)
    await world.look()
    assert (len(await verdicts(world)), await quarantined(world)) == (3, 1)


async def test_a_message_that_can_not_be_fetched_holds_up_no_comparison(world: World) -> None:
    await world.look()
    folder = world.folder()
    missed = [folder.append(a_letter(n, sender=f"p{n}@courriel.example"), MONDAY) for n in range(3)]
    hidden = [(uid, folder.messages.pop(uid)) for uid in missed]
    world.arrive(a_letter(9))
    await world.look()
    folder.messages.update(hidden)
    world.receive.forget(world.mailboxes[0])
    source_of(world).poison = {missed[0]}
    await fail_to_look(world, 4)
    await world.look()
    assert (len(await verdicts(world)), await quarantined(world)) == (3, 1)


@pytest.mark.parametrize(
    ("suspects", "batches"),
    [
        ([], [[1, 2], [3, 4], [5]]),
        ([1], [[1], [2, 3], [4, 5]]),
        ([3], [[1, 2], [3], [4, 5]]),
        ([2, 3], [[1], [2], [3], [4, 5]]),
        ([5], [[1, 2], [3, 4], [5]]),
    ],
)
async def test_suspects_are_fetched_one_by_one_in_their_place(
    suspects: Sequence[int], batches: Sequence[Sequence[int]]
) -> None:
    fetcher = Fetcher(77, attempts=3)
    source = Source({})
    source.poison = set(suspects)
    for uid in suspects:
        with pytest.raises(MailboxUnavailable):
            await fetcher.fetch(source, [uid])
    assert fetcher.batches([1, 2, 3, 4, 5], 2) == batches


async def test_a_message_that_the_database_refuses_is_quarantined_and_the_rest_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look()
    record = SqlTransaction.record

    async def refuse_one(self: SqlTransaction, mailbox: str, records: Sequence[NewRecord]) -> int:
        if any(one.message_id == "<2@courriel.example>" for one in records):
            raise PermanentError("a value that the schema doesn't take")
        return await record(self, mailbox, records)

    monkeypatch.setattr(SqlTransaction, "record", refuse_one)
    for number in range(5):
        world.arrive(a_letter(number, sender=f"p{number}@courriel.example"))
    await world.look()
    assert (len(await verdicts(world)), await quarantined(world)) == (4, 1)


async def test_a_fault_in_seeing_answers_costs_no_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> int:
        raise ValueError("an answer that nobody had thought of")

    await world.look()
    monkeypatch.setattr(record, "apply_held", fail)
    for number in (1, 2, 3):
        world.arrive(a_letter(number))
    await world.look()

    assert await verdicts(world) == [("request", "")] * 2 + [("request", "same_subject")]
    assert await quarantined(world) == 0


@pytest.mark.parametrize(
    ("year", "header", "received_at"),
    [
        (1, [], MONDAY),
        (1970, [], MONDAY),
        (
            1970,
            [f"Received: by mx; {MONDAY - timedelta(hours=1):%a, %d %b %Y %H:%M:%S +0000}"],
            MONDAY - timedelta(hours=1),
        ),
    ],
)
async def test_a_server_that_does_not_know_when_it_received_a_message_holds_nothing_up(
    world: World, year: int, header: Sequence[str], received_at: datetime
) -> None:
    world.clock.advance(-timedelta(hours=2))
    await world.look()
    world.clock.set(MONDAY)
    world.folder().append(a_letter(1, headers=header), datetime(year, 1, 1, tzinfo=UTC))
    await world.look()
    facts = await reports.list_messages(world.store)
    assert [(fact.kind, fact.suppressed_by, fact.received_at) for fact in facts] == [("request", None, received_at)]


async def test_a_resync_that_is_cut_short_stays_silent_when_it_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look()
    world.folder().uidvalidity = 78
    world.clock.advance(timedelta(hours=1))
    for number in range(MAX_UNKNOWN_AFTER_RESYNC + 1):
        world.arrive(a_letter(number, sender=f"p{number}@courriel.example", at=world.clock.now()))
    source, fetch, count = source_of(world), Source.fetch, 0

    async def break_late(uids: Sequence[int]) -> Sequence[FetchedMessage]:
        nonlocal count
        count += 1
        if count == 9:  # six batches to count, two to write
            raise MailboxUnavailable("the connection broke")
        return await fetch(source, uids)

    monkeypatch.setattr(source, "fetch", break_late)
    await fail_to_look(world, 1)
    assert 0 < len(await verdicts(world)) < MAX_UNKNOWN_AFTER_RESYNC
    await world.look()
    assert await verdicts(world) == [("request", "resync")] * (MAX_UNKNOWN_AFTER_RESYNC + 1)


async def test_a_uidvalidity_that_changes_during_a_look_is_no_good_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look()
    world.arrive(a_letter(1))
    await world.look()
    source, examine, times = source_of(world), Source.examine, 0
    world.arrive(a_letter(2, sender="david@mail.example"))
    world.folder().uidnext += 1  # an EXISTS that no fetch explains: it is looked at again

    async def change(folder: str) -> FolderState:
        nonlocal times
        times += 1
        if times == 2:
            world.folder().uidvalidity = 78
        return await examine(source, folder)

    monkeypatch.setattr(source, "examine", change)
    with pytest.raises(CursorMoved):
        await world.look()
    await world.look()
    assert await verdicts(world) == [("request", "")] * 2


async def test_a_message_answered_before_it_was_seen_is_an_answered_request(world: World) -> None:
    await world.look()
    world.arrive(a_letter(1), flags=["\\Answered"])
    await world.look()
    [request] = await reports.list_requests(world.store)
    assert (str(request.state), request.suppressed_by) == ("answered", "answered")


async def test_a_second_copy_lifts_no_block(world: World) -> None:
    await world.look()
    world.arrive(a_letter(1))
    await world.look()
    async with world.store.transaction() as tx:
        await tx.block("sophie.nadeau@courriel.example", "no such address", MONDAY + timedelta(days=60))
    world.arrive(a_letter(1))
    await world.look()
    async with world.store.transaction() as tx:
        assert await tx.is_blocked("sophie.nadeau@courriel.example")
    world.arrive(a_letter(2))
    await world.look()
    async with world.store.transaction() as tx:
        assert not await tx.is_blocked("sophie.nadeau@courriel.example")


async def test_a_reused_message_id_is_a_new_request_with_an_acknowledgement_of_its_own(world: World) -> None:
    await world.look()
    world.arrive(a_letter(1))
    world.arrive(a_letter(1, subject="Autre chose", at=MONDAY - timedelta(minutes=1)))
    await world.look()
    assert await verdicts(world) == [("request", "")] * 2
    assert len({entry.message_id for entry in await reports.list_entries(world.store)}) == 2


async def test_whoever_is_told_of_an_enqueued_acknowledgement_finds_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look()
    world.arrive(a_letter(1))
    transaction, told = world.store.transaction, []

    @asynccontextmanager
    async def watch() -> AsyncIterator[SqlTransaction]:
        async with transaction() as tx:
            yield tx
            told.append(world.receive.enqueued.is_set())

    monkeypatch.setattr(world.store, "transaction", watch)
    await world.receive.look(world.mailboxes[0], world.sources.sources[world.mailboxes[0].address])
    assert not any(told[:-1]), "nobody is told before the commit"
    assert world.receive.enqueued.is_set()
