"""What people read: status, lists, the story of a request."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from store.records import (
    INSCRIPTIONS,
    NOW,
    OTHER,
    UIDVALIDITY,
    a_follow_up,
    a_new_request,
    a_newsletter,
    a_record,
    an_entry,
    claim,
    receive,
    reference_of,
    settle,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import State
from mailwatch.errors import MailwatchError
from mailwatch.store import reports
from mailwatch.store.store import SqlStore


async def test_the_status_of_an_unused_database_is_empty(store: SqlStore) -> None:
    status = await reports.status_facts(store, NOW)
    assert (status.mailboxes, status.requests, status.outbox, status.switches, status.workers) == ((), {}, {}, (), ())
    assert (status.oldest_waiting_at, status.quarantined, status.held_back, status.unacknowledged) == (None, 0, 0, 0)


async def test_the_status_says_what_is_going_on(store: SqlStore, clock: MovableClock) -> None:
    await receive(
        store,
        a_record(1, entry=an_entry(1, not_before=NOW)),
        a_record(2),
        a_record(3, suppressed_by="forwarded"),
        a_newsletter(4),
    )
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    (entry,) = await claim(store)
    await settle(store, entry)
    async with store.transaction() as tx:
        await tx.note_progress(INSCRIPTIONS)
        await tx.note_trouble(OTHER, "unreachable", "no route to host")
        await tx.switch_off("sending", "marie", "an emergency")
        await tx.beat("one", {"pid": 7})
    clock.advance(timedelta(seconds=31))
    async with store.transaction() as tx:
        await tx.beat("two", {})
    status = await reports.status_facts(store, clock.now())
    other, here = status.mailboxes
    assert (other.address, other.trouble_code, other.trouble_text) == (OTHER, "unreachable", "no route to host")
    assert (here.address, here.enabled_at, here.progress_at, here.trouble_code) == (INSCRIPTIONS, NOW, NOW, None)
    assert [(c.folder, c.uidvalidity, c.last_uid) for c in here.cursors] == [("INBOX", UIDVALIDITY, 4)]
    assert status.requests == {State.ACKNOWLEDGED: 1, State.OPEN: 3}
    assert status.outbox == {EntryState.SENT: 1, EntryState.PENDING: 1}
    assert status.oldest_waiting_at == NOW
    assert [(switch.name, switch.by, switch.why) for switch in status.switches] == [
        ("sending", "marie", "an emergency")
    ]
    assert [(worker.name, worker.is_alive) for worker in status.workers] == [("two", True), ("one", False)]
    assert status.workers[1].facts == {"pid": 7}
    assert status.held_back == 2


async def test_open_requests_past_their_acknowledgement_are_counted(store: SqlStore) -> None:
    await receive(store, a_record(1, suppressed_by="forwarded"))
    due_at = NOW + timedelta(hours=48)
    assert (await reports.status_facts(store, due_at)).unacknowledged == 0
    assert (await reports.status_facts(store, due_at + timedelta(seconds=1))).unacknowledged == 1


async def test_requests_are_listed_newest_first_and_chosen_by_every_filter(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1, entry=an_entry(1, not_before=NOW)))
    await receive(store, a_record(2, OTHER, suppressed_by="forwarded"), mailbox=OTHER)
    clock.advance(timedelta(hours=1))
    later = a_new_request(3, at=clock.now())
    await receive(store, a_record(3, received_at=clock.now(), request=later))
    (entry,) = await claim(store, "one", 1)
    await settle(store, entry)

    async def references(**filters: object) -> list[str]:
        return [fact.reference for fact in await reports.list_requests(store, **filters)]  # type: ignore[arg-type]

    assert await references() == [reference_of(3), reference_of(2, OTHER), reference_of(1)]
    assert await references(limit=1) == [reference_of(3)]
    assert await references(mailbox=OTHER.upper()) == [reference_of(2, OTHER)]
    assert await references(state=State.ACKNOWLEDGED) == [reference_of(1)]
    assert await references(since=clock.now()) == [reference_of(3)]
    assert await references(mailbox="nobody@x") == []


async def test_the_story_of_a_request_holds_its_messages_and_entries(store: SqlStore) -> None:
    await receive(store, a_record(1))
    request = (await reports.list_requests(store))[0]
    await receive(store, a_follow_up(2, request.id, subject="Re: Inscription"))
    story = await reports.get_request(store, reference_of(1))
    assert story.request == request
    assert [message.subject for message in story.messages] == ["Inscription", "Re: Inscription"]
    assert [(entry.reference, entry.state) for entry in story.entries] == [(reference_of(1), EntryState.PENDING)]
    assert story.standard == {"acknowledge_within": "48h", "answer_within": "5 business days"}


@pytest.mark.parametrize("written", ["MW-7F3K01", "mw-7f3k01", " Mw 7F3KO1 ", "7f3koi", "MW-7F3K0L"])
async def test_a_reference_is_found_as_people_write_it(store: SqlStore, written: str) -> None:
    await receive(store, a_record(1, request=a_new_request(1, reference="MW-7F3K01")))
    assert (await reports.get_request(store, written)).request.reference == "MW-7F3K01"


async def test_an_unknown_reference_is_named(store: SqlStore) -> None:
    with pytest.raises(reports.RequestUnknown, match="MW-7F3K01"):
        await reports.get_request(store, "7f3k01")


async def test_messages_are_listed_after_a_number_in_the_order_of_arrival(store: SqlStore) -> None:
    await receive(store, a_newsletter(9), a_record(8), a_newsletter(7))
    facts = await reports.list_messages(store)
    assert [fact.message_id for fact in facts] == [f"<{n}@courriel.example>" for n in (9, 8, 7)]
    assert await reports.list_messages(store, after=facts[1].id) == facts[2:]


async def test_settled_entries_are_listed_in_the_order_they_were_settled_in(store: SqlStore) -> None:
    await receive(store, *(a_record(n, entry=an_entry(n, not_before=NOW)) for n in (1, 2)))
    first, second = await claim(store)
    await settle(store, second, at=NOW + timedelta(seconds=1))
    await settle(store, first, EntryState.FAILED, at=NOW + timedelta(seconds=2), reason="550")
    assert [(fact.id, fact.state) for fact in await reports.list_settled(store)] == [
        (second.id, EntryState.SENT),
        (first.id, EntryState.FAILED),
    ]


async def test_a_report_can_not_write(store: SqlStore) -> None:
    async def write() -> None:
        async with store.reading() as connection:
            await connection.execute(text("DELETE FROM worker"))

    with pytest.raises(MailwatchError):
        await write()
