"""What a look at a mailbox writes, and what it never does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import a_mailbox, an_organisation
from services.world import MONDAY, World, a_letter, a_world

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import EventKind
from mailwatch.errors import CursorMoved, MailboxUnavailable, StoreUnavailable
from mailwatch.services.receive import ReceiveSettings
from mailwatch.services.record import Recorder
from mailwatch.store import reports
from mailwatch.store.store import SqlTransaction


async def states(world: World) -> list[tuple[str, str]]:
    """(kind, suppressed_by) of every recorded message, in order."""
    facts = await reports.list_messages(world.store, after=0)
    return [(str(fact.kind), fact.suppressed_by or "") for fact in facts]


async def begun(world: World) -> World:
    """A world whose mailboxes were looked at once, while they were empty."""
    await world.look()
    return world


async def test_the_first_sight_of_a_mailbox_is_silent(world: World) -> None:
    world.arrive(a_letter(1))
    await world.look()
    await world.look()
    assert await states(world) == []


async def test_a_new_message_is_recorded_and_its_acknowledgement_enqueued(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    assert await states(world) == [("request", "")]
    world.clock.advance(timedelta(minutes=5))
    await world.send()
    assert world.recipients == ["sophie.nadeau@courriel.example"]


async def test_a_restart_records_nothing_twice(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    world.restart()
    await world.look()
    assert len(await states(world)) == 1


async def test_a_folder_that_is_as_it_was_is_examined_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    mailbox = world.mailboxes[0]
    source = world.sources.sources[mailbox.address]

    async def look_again() -> list[str]:
        source.commands.clear()
        await world.receive.look(mailbox, source)
        return list(source.commands)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "transaction", None)  # what nobody may ask for
        assert await look_again() == ["EXAMINE INBOX"]
    uid = world.arrive(a_letter(2))
    assert await look_again() == ["EXAMINE INBOX", "SEARCH 2"]
    del world.folder().messages[uid]
    assert await look_again() == ["EXAMINE INBOX", "SEARCH 3"]
    assert await look_again() == ["EXAMINE INBOX"]
    world.receive.forget(mailbox)  # the connection was lost
    assert await look_again() == ["EXAMINE INBOX", "SEARCH 3"]


async def test_a_message_that_is_announced_and_not_yet_listed_is_looked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(world)
    source = world.sources.sources[world.mailboxes[0].address]
    world.arrive(a_letter(1))

    async def list_nothing(after: int) -> list[int]:
        return []

    with monkeypatch.context() as patch:
        patch.setattr(source, "list_uids", list_nothing)
        await world.look()
    assert await states(world) == []
    await world.look()
    assert await states(world) == [("request", "")]


async def test_a_first_sight_that_is_not_committed_leaves_the_folder_to_be_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = world.store.transaction

    @asynccontextmanager
    async def fail_to_commit() -> AsyncIterator[SqlTransaction]:
        async with transaction() as tx:
            yield tx
            raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "transaction", fail_to_commit)
        with pytest.raises(StoreUnavailable):
            await world.look()
    await world.look()
    world.arrive(a_letter(1))
    await world.look()
    assert await states(world) == [("request", "")]


async def test_a_second_copy_is_a_sighting_not_a_message(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    world.arrive(a_letter(1))
    await world.look()
    world.arrive(a_letter(1))
    await world.look()
    assert len(await states(world)) == 1
    assert await world.store.count_sightings() == 3


async def test_a_thousand_messages_are_recorded_in_batches_once_each(world: World) -> None:
    await begun(world)
    for number in range(1000):
        world.arrive(a_letter(number, sender=f"parent{number}@courriel.example"))
    await world.look()
    assert len(await states(world)) == 1000


async def test_a_folder_without_uidvalidity_is_not_read(world: World) -> None:
    await begun(world)
    world.folder().uidvalidity = None
    world.arrive(a_letter(1))
    await world.look()
    assert await states(world) == []
    status = await reports.status_facts(world.store, world.clock.now())
    assert [m.trouble_code for m in status.mailboxes] == ["no-uidvalidity"]


async def test_what_arrives_after_the_clock_was_set_back_past_the_first_sight_is_acknowledged(world: World) -> None:
    await begun(world)
    world.clock.advance(-timedelta(hours=2))
    world.arrive(a_letter(1))
    await world.look()
    assert await states(world) == [("request", "")]


async def test_what_is_fetched_before_the_clock_is_set_back_and_judged_after_it_is_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    read = Recorder.read

    async def read_and_set_back(recorder: Recorder, *arguments: Any) -> Any:
        reads = await read(recorder, *arguments)
        world.clock.advance(-timedelta(hours=2))
        return reads

    monkeypatch.setattr(Recorder, "read", read_and_set_back)
    await world.look()
    assert await states(world) == [("request", "")]


async def test_after_a_new_uidvalidity_known_messages_are_not_recorded_again(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    folder = world.folder()
    folder.uidvalidity = 78
    world.clock.advance(timedelta(hours=1))
    received = f"Received: from mx by us; {world.clock.now():%a, %d %b %Y %H:%M:%S +0000}"
    world.arrive(a_letter(2, headers=[received], at=world.clock.now()))
    await world.look()
    assert await states(world) == [("request", ""), ("request", "")]


async def test_after_a_new_uidvalidity_what_is_older_than_the_last_look_is_not_acknowledged(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    world.folder().uidvalidity = 78
    world.clock.advance(timedelta(hours=1))
    old = f"Received: from mx by us; {MONDAY - timedelta(days=2):%a, %d %b %Y %H:%M:%S +0000}"
    world.arrive(a_letter(2, headers=[old]))  # a migration gave it a new INTERNALDATE
    await world.look()
    assert await states(world) == [("request", ""), ("request", "before_enabled")]


async def test_many_unknown_messages_after_a_new_uidvalidity_are_recorded_silently(world: World) -> None:
    await begun(world)
    world.folder().uidvalidity = 78
    world.clock.advance(timedelta(hours=1))
    for number in range(51):
        world.arrive(a_letter(number, sender=f"p{number}@courriel.example", at=world.clock.now()))
    await world.look()
    assert set(await states(world)) == {("request", "resync")}


async def test_a_message_that_can_not_be_fetched_is_quarantined_and_the_rest_go_on(world: World) -> None:
    await begun(world)
    uids = [world.arrive(a_letter(n, sender=f"p{n}@courriel.example")) for n in range(5)]
    source = world.sources.sources[world.mailboxes[0].address]
    source.poison = {uids[2]}
    for _ in range(4):  # a whole batch once, then one by one, three times
        with pytest.raises(MailboxUnavailable):
            await world.look()
    await world.look()
    assert len(await states(world)) == 4
    status = await reports.status_facts(world.store, world.clock.now())
    assert status.quarantined == 1


async def test_a_message_that_breaks_the_judging_is_a_request_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(world)

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(world.judge, "_entry", broken)
    world.arrive(a_letter(1))
    world.arrive(a_letter(2, headers=["Auto-Submitted: auto-generated"]))
    await world.look()
    assert (await states(world))[1][0] == "automatic"
    assert (await states(world))[0][0] == "request"


async def test_what_an_earlier_look_missed_is_found_after_a_reconnection(world: World) -> None:
    await begun(world)
    folder = world.folder()
    missed = folder.append(a_letter(1), world.clock.now())
    hidden = folder.messages.pop(missed)
    world.arrive(a_letter(2, sender="david@mail.example"))
    await world.look()
    folder.messages[missed] = hidden  # the server shows it only now, below the cursor
    await world.look()
    assert len(await states(world)) == 1
    world.receive.forget(world.mailboxes[0])
    await world.look()
    assert len(await states(world)) == 2


async def test_what_was_there_at_first_sight_is_not_taken_for_missed(world: World) -> None:
    world.arrive(a_letter(1))
    await world.look()
    world.arrive(a_letter(2, sender="david@mail.example"))
    world.receive.forget(world.mailboxes[0])
    await world.look()
    assert len(await states(world)) == 1


async def test_another_worker_that_was_faster_wins_and_nothing_is_written_twice(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    async with world.store.transaction() as tx:
        cursor = await tx.find_cursor(world.mailboxes[0].address, "INBOX")
        assert cursor is not None
    await world.look()
    with pytest.raises(CursorMoved):
        async with world.store.transaction() as tx:
            await tx.advance_cursor(cursor, 5)
    assert len(await states(world)) == 1


async def test_a_reply_to_a_request_of_the_same_batch_follows_it(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    world.arrive(a_letter(2, subject="Re: Inscription", headers=["In-Reply-To: <1@courriel.example>"]))
    await world.look()
    assert await states(world) == [("request", ""), ("follow_up", "follow_up")]


async def test_a_sender_is_acknowledged_five_times_a_day_at_most(world: World) -> None:
    await begun(world)
    for number in range(7):
        world.arrive(a_letter(number, subject=f"Question {number}"))
        await world.look()
    suppressed = [rule for _, rule in await states(world)]
    assert suppressed == [""] * 5 + ["sender_limit"] * 2


async def test_the_same_subject_is_acknowledged_twice_in_three_hours(world: World) -> None:
    await begun(world)
    for number in range(3):
        world.arrive(a_letter(number))
    await world.look()
    assert [rule for _, rule in await states(world)] == ["", "", "same_subject"]
    world.clock.advance(timedelta(hours=3, minutes=1))
    world.arrive(a_letter(9))
    await world.look()
    assert (await states(world))[-1] == ("request", "")


async def test_the_breaker_holds_acknowledgements_back_until_resume(world: World) -> None:
    world.settings = ReceiveSettings(batch=10, breaker_count=15)
    world.restart()
    await begun(world)
    for number in range(30):
        world.arrive(a_letter(number, sender=f"p{number}@courriel.example"))
    await world.look()
    world.clock.advance(timedelta(minutes=6))
    await world.send()
    assert world.recipients == []
    async with world.store.transaction() as tx:
        await tx.resume()
    await world.send()
    assert len(world.recipients) == 30
    world.arrive(a_letter(99, sender="p99@courriel.example"))
    await world.look()
    async with world.store.transaction() as tx:
        assert await tx.find_switch("breaker") is None, "a resume must not trip at once again"


def a_bounce(about: str, recipient: str) -> bytes:
    """A DSN that quotes one of our acknowledgements."""
    body = (
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {about}\r\n\r\n--b--\r\n"
    )
    head = "From: MAILER-DAEMON@mx.example\r\nTo: inscriptions@cscmonavenir.example\r\nMessage-ID: <d@mx>\r\n"
    kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    return (head + kind + body).encode()


async def test_a_bounce_of_our_acknowledgement_stops_further_ones_and_new_mail_lifts_that(world: World) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    world.clock.advance(timedelta(minutes=6))
    await world.send()
    ours = next(line for line in world.mailer.letters[0][1].decode().splitlines() if line.startswith("Message-ID"))
    world.arrive(a_bounce(ours.partition(": ")[2], "sophie.nadeau@courriel.example"))
    await world.look()
    async with world.store.transaction() as tx:
        assert await tx.is_blocked("sophie.nadeau@courriel.example")
    world.arrive(a_letter(2, subject="Une autre question"))
    await world.look()
    assert (await states(world))[-1] == ("request", ""), "new mail from the address unblocks it"


async def test_a_forged_bounce_silences_nobody(world: World) -> None:
    await begun(world)
    world.arrive(a_bounce("<mw.ack.0000@cscmonavenir.example>", "sophie.nadeau@courriel.example"))
    await world.look()
    async with world.store.transaction() as tx:
        assert not await tx.is_blocked("sophie.nadeau@courriel.example")


def an_out_of_office(sender: str, body: str) -> bytes:
    """An automatic reply to the first letter's thread, the day after."""
    headers = ["Auto-Submitted: auto-replied", "In-Reply-To: <1@courriel.example>"]
    subject = "Réponse automatique : Inscription de ma fille"
    return a_letter(2, sender=sender, subject=subject, body=body, headers=headers, at=MONDAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("sender", "body", "returns_on"),
    [
        ("sophie.nadeau@courriel.example", "Je serai de retour le lundi 14 décembre.", "2026-12-14"),
        ("sophie.nadeau@courriel.example", "I am out of the office until Monday.", "2026-11-30"),
        ("sophie.nadeau@courriel.example", "Je suis absente.", None),
        ("another.parent@courriel.example", "Je serai de retour le lundi 14 décembre.", None),
    ],
)
async def test_an_out_of_office_reply_says_when_the_requester_returns_and_changes_no_state(
    world: World, sender: str, body: str, returns_on: str | None
) -> None:
    await begun(world)
    world.arrive(a_letter(1))
    await world.look()
    (before,) = await reports.list_requests(world.store)
    world.clock.advance(timedelta(days=1))
    world.arrive(an_out_of_office(sender, body))
    await world.look()
    (after,) = await reports.list_requests(world.store)
    assert (after.state, after.answer_due_at) == (before.state, before.answer_due_at)
    story = await reports.get_request(world.store, after.reference)
    event = story.events[-1]
    assert event.kind is EventKind.AUTO_REPLIED
    assert event.data.get("returns_on") == returns_on


def two_mailboxes() -> list[Mailbox]:
    """Two shared mailboxes of one organisation, each watched."""
    watched = {f"{n}@cscmonavenir.example": f"{n}@cscmonavenir.example" for n in ("inscriptions", "bibliotheque")}
    organisation = replace(an_organisation(), watched=watched)
    return [replace(a_mailbox(), address=address, organisation=organisation) for address in watched]


async def test_one_message_to_two_mailboxes_is_acknowledged_once(tmp_path: Path) -> None:
    boxes = two_mailboxes()
    async with a_world(tmp_path, *boxes) as world:
        await begun(world)
        raw = a_letter(1, to="inscriptions@cscmonavenir.example, bibliotheque@cscmonavenir.example")
        for box in boxes:
            world.arrive(raw, box)
        await world.look(boxes[1])
        await world.look(boxes[0])
        assert await states(world) == [("request", "elsewhere"), ("request", "")]
        world.clock.advance(timedelta(minutes=6))
        await world.send()
        assert len(world.recipients) == 1


async def test_the_second_mailbox_takes_over_when_the_first_has_not_acknowledged_by_half_of_the_limit(
    tmp_path: Path,
) -> None:
    boxes = two_mailboxes()
    async with a_world(tmp_path, *boxes) as world:
        await begun(world)
        raw = a_letter(1, to="inscriptions@cscmonavenir.example, bibliotheque@cscmonavenir.example")
        world.arrive(raw, boxes[1])  # the first mailbox's server is down
        await world.look(boxes[1])
        world.clock.advance(timedelta(hours=23))
        assert await world.take_over.tick() == 0
        world.clock.advance(timedelta(hours=2))
        assert await world.take_over.tick() == 1
        assert await world.take_over.tick() == 0
        await world.send()
        assert world.recipients == ["sophie.nadeau@courriel.example"]
        assert EntryState.SENT in {fact.state for fact in await reports.list_settled(world.store)}
