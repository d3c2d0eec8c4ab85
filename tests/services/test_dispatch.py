"""What leaves, when, once; and what is done about every answer of a server."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_mailbox
from services.world import MONDAY, RecordingMailer, World, a_letter, a_world
from structlog.testing import capture_logs

from mailwatch.domain.mailboxes import ObservingPolicy
from mailwatch.domain.outbox import EntryKind, Envelope, NewEntry, Outcome, OutcomeKind
from mailwatch.domain.settlements import give_back
from mailwatch.errors import MailboxUnavailable
from mailwatch.services.dispatch import Dispatch, DispatchSettings
from mailwatch.store import reports

GRACE = timedelta(minutes=6)
DIRECTOR = "directrice@cscmonavenir.example"
REFUSED = Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, code=535, enhanced="5.7.8", text="bad credentials")


async def a_request(world: World, number: int = 1, sender: str = "sophie.nadeau@courriel.example") -> int:
    """A recorded request whose acknowledgement waits for its grace; the UID of its message."""
    await world.look()
    uid = world.arrive(a_letter(number, sender=sender))
    await world.look()
    return uid


async def entry_states(world: World) -> list[str]:
    return [str(fact.state) for fact in await reports.list_entries(world.store)]


async def request_states(world: World) -> list[str]:
    return [str(row.state) for row in await reports.list_requests(world.store)]


async def test_nothing_leaves_before_people_had_their_time(world: World) -> None:
    await a_request(world)
    world.clock.advance(timedelta(minutes=4))
    await world.send()
    assert world.recipients == []
    world.clock.advance(timedelta(minutes=2))
    await world.send()
    assert world.recipients == ["sophie.nadeau@courriel.example"]
    assert await request_states(world) == ["acknowledged"]


async def test_a_sent_acknowledgement_is_never_sent_again(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    await world.send()
    world.clock.advance(timedelta(days=3))
    await world.send()
    assert len(world.recipients) == 1


async def test_an_answer_seen_before_the_submission_cancels_it(world: World) -> None:
    uid = await a_request(world)
    world.folder().flag(uid, "\\Answered")
    world.clock.advance(GRACE)
    await world.send()
    assert world.recipients == []
    assert await entry_states(world) == ["cancelled"]
    assert await request_states(world) == ["answered"]


async def test_a_flag_cancels_nothing_where_flags_are_not_to_be_read(tmp_path: Path) -> None:
    async with a_world(tmp_path, a_mailbox(observing=ObservingPolicy(flags=False))) as world:
        uid = await a_request(world)
        world.folder().flag(uid, "\\Answered")
        world.clock.advance(GRACE)
        await world.send()
        assert world.recipients == ["sophie.nadeau@courriel.example"]


async def test_an_unreachable_mailbox_puts_its_acknowledgements_off_but_not_for_ever(world: World) -> None:
    await a_request(world)
    world.sources.down = {world.mailboxes[0].address}
    world.clock.advance(GRACE)
    await world.send()
    assert await entry_states(world) == ["deferred"]
    world.clock.advance(timedelta(hours=25))
    await world.send()
    assert len(world.recipients) == 1, "past half of the limit it goes out all the same"


async def test_pause_stops_sending_and_resume_lets_it_go_on(world: World) -> None:
    await a_request(world)
    async with world.store.transaction() as tx:
        await tx.switch_off("sending", "marie", "test")
    world.clock.advance(GRACE)
    await world.send()
    assert world.recipients == []
    async with world.store.transaction() as tx:
        await tx.resume()
    await world.send()
    assert len(world.recipients) == 1


async def test_a_transient_refusal_is_tried_again_with_the_same_bytes(world: World) -> None:
    await a_request(world)
    world.mailer.answers = [Outcome(kind=OutcomeKind.DEFERRED, code=450, enhanced="4.7.1", text="greylisted")]
    world.clock.advance(GRACE)
    await world.send()
    assert await entry_states(world) == ["deferred"]
    world.clock.advance(timedelta(minutes=2))
    await world.send()
    assert await entry_states(world) == ["sent"]
    assert world.mailer.letters[0] == world.mailer.letters[1]


async def test_pauses_grow_and_end_in_failure_at_the_entrys_own_limit(world: World) -> None:
    await a_request(world)
    for _ in range(200):
        world.mailer.answers = [Outcome(kind=OutcomeKind.DEFERRED, code=451, text="later")]
        world.clock.advance(timedelta(minutes=30))
        await world.send()
    assert await entry_states(world) == ["failed"]
    assert 40 < len(world.mailer.letters) < 100
    assert await request_states(world) == ["open"]


async def test_a_permanent_refusal_fails_and_shows_it(world: World) -> None:
    await a_request(world)
    world.mailer.answers = [Outcome(kind=OutcomeKind.FAILED, code=552, enhanced="5.2.2", text="mailbox full")]
    world.clock.advance(GRACE)
    await world.send()
    assert await entry_states(world) == ["failed"]


async def test_an_unknown_address_is_blocked(world: World) -> None:
    await a_request(world)
    world.mailer.answers = [Outcome(kind=OutcomeKind.FAILED, code=550, enhanced="5.1.1", text="no such user")]
    world.clock.advance(GRACE)
    await world.send()
    async with world.store.transaction() as tx:
        assert await tx.is_blocked("sophie.nadeau@courriel.example")


async def test_an_unknown_outcome_is_tried_once_more_and_then_left_to_a_person(world: World) -> None:
    await a_request(world)
    doubt = Outcome(kind=OutcomeKind.UNCERTAIN, text="the connection was lost after DATA")
    world.mailer.answers = [doubt, doubt]
    world.clock.advance(GRACE)
    await world.send()
    world.clock.advance(timedelta(hours=2))
    await world.send()
    world.clock.advance(timedelta(hours=12))
    await world.send()
    assert await entry_states(world) == ["uncertain"]
    assert len(world.mailer.letters) == 2
    assert world.mailer.letters[0] == world.mailer.letters[1]


async def test_a_refused_account_is_stopped_and_probed(world: World) -> None:
    for number in range(5):
        await a_request(world, number, f"p{number}@courriel.example")
    world.mailer.answers = [REFUSED]
    world.mailer.accepts = False
    world.clock.advance(GRACE)
    dispatch = world.dispatch(connections=1)
    await world.send(dispatch)
    assert len(world.mailer.letters) == 1
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:default")
    world.clock.advance(timedelta(minutes=16))
    await world.send(dispatch)
    assert len(world.mailer.letters) == 1
    world.mailer.accepts = True
    world.clock.advance(timedelta(minutes=16))
    await world.send(dispatch)
    assert set(await entry_states(world)) == {"sent"}
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:default") is None


async def test_a_stopped_account_whose_server_is_silent_holds_up_no_other(world: World) -> None:
    dispatch, other = with_another(world)
    await a_report(world, EntryKind.ALERT, "other")
    other.answers = [REFUSED]
    await world.send(dispatch)
    other.is_silent = True
    world.clock.advance(timedelta(minutes=16))
    await a_request(world)
    world.clock.advance(GRACE)
    running = asyncio.create_task(dispatch.run())
    dispatch.wake()
    async with asyncio.timeout(10):
        await other.probed.wait()
        await world.mailer.submitted.wait()
    running.cancel()
    await asyncio.wait([running])
    assert world.recipients == ["sophie.nadeau@courriel.example"]


async def test_a_rest_of_a_second_does_not_become_one_of_hours_because_the_clock_is_set_back(world: World) -> None:
    dispatch = world.dispatch(connections=1)
    await a_request(world, 1)
    world.clock.advance(GRACE)
    world.mailer.answers = [Outcome(kind=OutcomeKind.DEFERRED, text="connection refused")]
    await world.send(dispatch)
    world.clock.advance(-timedelta(hours=2))
    await a_request(world, 2, "omar.haddad@courriel.example")
    world.clock.advance(GRACE)
    await world.send(dispatch)
    assert world.recipients[-1] == "omar.haddad@courriel.example"


async def test_a_stopped_account_is_probed_although_the_clock_was_set_back(world: World) -> None:
    await a_request(world)
    world.mailer.answers = [REFUSED]
    world.clock.advance(GRACE)
    dispatch = world.dispatch(connections=1)
    await world.send(dispatch)
    world.clock.advance(-timedelta(hours=2))
    await world.send(dispatch)
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:default") is None


async def test_an_unreachable_server_costs_no_entry_its_chance(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    for _ in range(10):
        world.mailer.answers = [Outcome(kind=OutcomeKind.DEFERRED, text="connection refused")]
        await world.send()
        world.clock.advance(timedelta(minutes=2))
    world.mailer.answers = []
    await world.send()
    assert await entry_states(world) == ["sent"]


async def test_two_dispatchers_share_the_work_and_send_nothing_twice(world: World) -> None:
    for number in range(40):
        await a_request(world, number, f"p{number}@courriel.example")
    world.clock.advance(GRACE)
    await asyncio.gather(world.send(world.dispatch("one")), world.send(world.dispatch("two")))
    assert sorted(world.recipients) == sorted(f"p{number}@courriel.example" for number in range(40))


async def test_what_a_worker_had_claimed_when_it_died_is_sent_by_another(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    async with world.store.transaction() as tx:
        claimed = await tx.claim_entries("dead", 10, timedelta(minutes=5), [world.mailboxes[0].address], "default")
    assert len(claimed) == 1
    await world.send()
    assert world.recipients == []
    world.clock.advance(timedelta(minutes=6))
    await world.send()
    assert len(world.recipients) == 1


async def test_a_read_message_is_not_an_answered_one(world: World) -> None:
    uid = await a_request(world)
    world.folder().flag(uid, "\\Seen")
    world.clock.advance(GRACE)
    await world.send()
    assert await entry_states(world) == ["sent"]


# --- digests and alerts: sent for no mailbox --------------------------------------------------------------------------


async def a_report(world: World, kind: EntryKind = EntryKind.DIGEST, account: str = "default") -> None:
    """A digest or an alert in the outbox."""
    message_id = f"<mw.{kind}@cscmonavenir.example>"
    body = f"Auto-Submitted: auto-generated\r\nMessage-ID: {message_id}\r\n\r\nBonjour\r\n"
    entry = NewEntry(
        unique_key=f"{kind}:{DIRECTOR}:2026-11-23",
        kind=kind,
        mailbox="",
        account=account,
        caused_by="",
        message_id=message_id,
        envelope=Envelope(reverse_path="inscriptions@cscmonavenir.example", recipient=DIRECTOR),
        subject_key="",
        body=body.encode(),
        not_before=MONDAY,
        give_up_at=MONDAY + timedelta(hours=24),
    )
    async with world.store.transaction() as tx:
        assert await tx.enqueue(entry)


def with_another(world: World) -> tuple[Dispatch, RecordingMailer]:
    """A dispatcher with a second account, through which no mailbox submits."""
    other = RecordingMailer()
    mailers = {"default": world.mailer, "other": other}
    settings = DispatchSettings(connections=2)
    return Dispatch(
        world.store, mailers, world.mailboxes, world.sources, world.clock, settings, "test", world.log
    ), other


async def test_a_digest_leaves_through_the_account_it_names_and_no_mailbox_is_asked(world: World) -> None:
    world.sources.down = {mailbox.address for mailbox in world.mailboxes}
    await a_report(world)
    world.clock.advance(GRACE)
    with capture_logs() as logs:
        await world.send()

    assert world.recipients == [DIRECTOR]
    assert await entry_states(world) == ["sent"]
    (line,) = [each for each in logs if each["event"] == "digest.sent"]
    assert {"account": "default", "attempt": 1, "reason": "250 ok"}.items() <= line.items()
    assert not any(DIRECTOR in str(each) for each in logs)


async def test_an_alert_leaves_through_an_account_that_no_mailbox_uses(world: World) -> None:
    dispatch, other = with_another(world)
    await a_report(world, EntryKind.ALERT, "other")
    await world.send(dispatch)

    assert (world.recipients, len(other.letters)) == ([], 1)


async def test_a_refused_account_does_not_hold_up_the_alerts_of_another(world: World) -> None:
    dispatch, other = with_another(world)
    await a_request(world)
    await a_report(world, EntryKind.ALERT, "other")
    world.mailer.answers, world.mailer.accepts = [REFUSED], False
    world.clock.advance(GRACE)
    await world.send(dispatch)

    assert [envelope.recipient for envelope, _ in other.letters] == [DIRECTOR]
    assert sorted(await entry_states(world)) == ["deferred", "sent"]
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:default") is not None
        assert await tx.find_switch("account:other") is None


async def test_an_account_that_sends_alerts_alone_is_stopped_and_probed_like_any_other(world: World) -> None:
    dispatch, other = with_another(world)
    await a_report(world, EntryKind.ALERT, "other")
    other.answers = [REFUSED]
    await world.send(dispatch)
    assert await entry_states(world) == ["deferred"]
    async with world.store.transaction() as tx:
        assert await tx.find_switch("account:other") is not None
    world.clock.advance(timedelta(minutes=16))
    await world.send(dispatch)

    assert await entry_states(world) == ["sent"]


async def test_a_digest_to_an_address_that_is_not_there_fails_and_blocks_nobody(world: World) -> None:
    await a_report(world)
    world.mailer.answers = [Outcome(kind=OutcomeKind.FAILED, code=550, enhanced="5.1.1", text="no such user")]
    await world.send()

    assert await entry_states(world) == ["failed"]
    async with world.store.transaction() as tx:
        assert not await tx.is_blocked(DIRECTOR)


async def test_an_alert_that_could_not_leave_in_its_time_is_not_sent_late(world: World) -> None:
    await a_report(world, EntryKind.ALERT)
    world.clock.advance(timedelta(hours=25))
    await world.send()

    assert world.recipients == []
    assert await entry_states(world) == ["failed"]


async def test_pause_holds_up_digests_too(world: World) -> None:
    await a_report(world)
    async with world.store.transaction() as tx:
        await tx.switch_off("sending", "marie", "test")
    await world.send()

    assert world.recipients == []


# --- beside other workers ---------------------------------------------------------------------------------------------


@dataclass
class Present:
    """A presence that a test breaks."""

    number: int | None = 0

    def term(self) -> int | None:
        return self.number


async def test_what_another_worker_watches_is_that_one_s_to_send(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    world.sources.elsewhere = {world.mailboxes[0].address}
    await world.send()
    assert (world.recipients, await entry_states(world)) == ([], ["pending"])
    world.sources.elsewhere = set()
    await world.send()
    assert len(world.recipients) == 1


async def test_an_entry_whose_mailbox_has_changed_hands_meanwhile_is_given_back(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    here = world.mailboxes[0].address

    async def lose_it(mailbox: str, *_: object) -> None:
        world.sources.elsewhere = {here}
        raise MailboxUnavailable(f"{mailbox} isn't watched here")

    world.sources.use = lose_it  # type: ignore[method-assign,assignment]  # as it goes between claim and look
    await world.send()
    (entry,) = await reports.list_entries(world.store)
    assert (entry.state, entry.attempts) == ("pending", 0)


async def test_nothing_is_claimed_by_a_worker_that_is_not_sure_of_its_presence(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    await world.send(world.dispatch(presence=Present(None)))
    assert (world.recipients, await entry_states(world)) == ([], ["pending"])


@pytest.mark.parametrize("new_term", [None, 1])
async def test_what_was_claimed_before_a_freeze_does_not_leave_after_it(world: World, new_term: int | None) -> None:
    """Frozen between claim and DATA. Awake, it may even be sure of its presence again: others may have been quicker."""
    await a_request(world)
    world.clock.advance(GRACE)
    presence = Present()
    frozen = FreezingMailer(presence, new_term)
    world.mailer = frozen
    dispatch = world.dispatch("frozen", presence=presence)
    running = asyncio.create_task(dispatch.run())
    dispatch.wake()
    async with asyncio.timeout(10):
        await frozen.refused.wait()
    await dispatch.finish(5)
    running.cancel()
    await asyncio.wait([running])
    assert frozen.letters == []
    assert await entry_states(world) == ["pending"]


async def test_a_woken_worker_does_not_give_back_what_another_has_claimed(world: World) -> None:
    await a_request(world)
    world.clock.advance(GRACE)
    async with world.store.transaction() as tx:
        await tx.beat("frozen", {})
        (entry,) = await tx.claim_entries("frozen", 9, timedelta(minutes=7), [world.mailboxes[0].address], "default")
    world.clock.advance(timedelta(seconds=16))
    await world.send(world.dispatch("another"))
    assert len(world.recipients) == 1
    async with world.store.transaction() as tx:
        assert await tx.settle_entries("frozen", [give_back(entry, world.clock.now())]) == 0
    assert await entry_states(world) == ["sent"]


class FreezingMailer(RecordingMailer):
    """The process is frozen, and woken, when the server waits for the message."""

    def __init__(self, presence: Present, new_term: int | None) -> None:
        super().__init__()
        self._presence, self._new_term = presence, new_term
        self.refused = asyncio.Event()

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        self._presence.number = self._new_term
        try:
            return await super().submit(envelope, body, ready)
        except Exception:
            self.refused.set()
            raise
