"""Who may claim what, and what an outcome writes."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from store.records import (
    INSCRIPTIONS,
    LEASE,
    NOW,
    OTHER,
    SOPHIE,
    a_digest,
    a_new_request,
    a_record,
    a_sighting,
    an_entry,
    claim,
    enqueue,
    identity_of,
    let_pass,
    receive,
    reference_of,
    replace,
    settle,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.outbox import EntryState, Envelope, Settlement
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.ports import Fact, NewRecord
from mailwatch.store import reports
from mailwatch.store.faults import StoreRefused
from mailwatch.store.schema import requests
from mailwatch.store.store import SqlStore

MINUTE = timedelta(minutes=1)
ALL = [INSCRIPTIONS, OTHER]


def a_due(number: int = 1, *, minutes_ago: int = 0, mailbox: str = INSCRIPTIONS) -> NewRecord:
    """A request whose acknowledgement may be sent since so many minutes."""
    entry = an_entry(number, mailbox, not_before=NOW - minutes_ago * MINUTE)
    return a_record(number, mailbox, entry=entry)


async def stored(store: SqlStore, column: str) -> list[object]:
    """A column of the requests, in the order in which they were written."""
    async with store.reading() as connection:
        return list(await connection.scalars(select(requests.c[column]).order_by(requests.c.id)))


async def states(store: SqlStore) -> list[str]:
    return [str(entry.state) for entry in await reports.list_entries(store)]


# --- claiming --------------------------------------------------------------------------------------------------------


async def test_a_claimed_entry_brings_all_that_must_be_looked_at_again(store: SqlStore) -> None:
    await receive(store, a_due(1))
    await receive(store, a_record(1, sighting=a_sighting(9, folder="Parents"), is_known=True, request=None, entry=None))
    (entry,) = await claim(store)
    request = (await reports.get_request(store, reference_of(1))).request
    assert (entry.request_id, entry.reference, entry.request_state) == (request.id, reference_of(1), "open")
    assert set(entry.sightings) == {a_sighting(1), a_sighting(9, folder="Parents")}
    assert entry.envelope == Envelope(reverse_path=INSCRIPTIONS, recipient=SOPHIE)
    assert entry.body == an_entry(1).body
    assert entry.message_id == an_entry(1).message_id
    assert (entry.attempts, entry.doubts, entry.claimed_until) == (1, 0, NOW + LEASE)
    assert entry.acknowledgement_due_at == request.acknowledgement_due_at
    assert (entry.mailbox, entry.enqueued_at) == (INSCRIPTIONS, NOW)


async def test_sightings_of_another_mailbox_are_not_its_own(store: SqlStore) -> None:
    await receive(store, a_due(1))
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    (entry,) = await claim(store)
    assert entry.sightings == (Sighting(folder="INBOX", uidvalidity=a_sighting().uidvalidity, uid=1),)


async def test_only_what_is_due_is_claimed_and_the_oldest_first(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_due(1, minutes_ago=1), a_due(2, minutes_ago=3), a_due(3, minutes_ago=2), a_record(4))
    assert [e.reference for e in await claim(store, "one", 2)] == [reference_of(2), reference_of(3)]
    assert [e.reference for e in await claim(store, "one", 2)] == [reference_of(1)]
    assert await claim(store) == ()
    clock.advance(5 * MINUTE)
    assert [e.reference for e in await claim(store, "two", 2)] == [reference_of(4)]


async def test_only_the_mailboxes_asked_for_are_claimed(store: SqlStore) -> None:
    await receive(store, a_due(1))
    await receive(store, a_due(2, mailbox=OTHER), mailbox=OTHER)
    assert [e.mailbox for e in await claim(store, "one", 9, OTHER)] == [OTHER]
    assert await claim(store, "one", 9, "nobody@cscmonavenir.example") == ()


async def test_nothing_is_claimed_while_sending_is_paused(store: SqlStore) -> None:
    await receive(store, a_due(1))
    async with store.transaction() as tx:
        await tx.switch_off("sending", "marie", "an emergency")
    assert await claim(store) == ()
    async with store.transaction() as tx:
        assert await tx.switch_on("sending")
    assert len(await claim(store)) == 1


async def test_no_acknowledgement_is_claimed_while_the_breaker_is_out(store: SqlStore) -> None:
    await receive(store, a_due(1))
    async with store.transaction() as tx:
        await tx.switch_off("breaker", "mailwatch", "600 in ten minutes")
    assert await claim(store) == ()
    async with store.transaction() as tx:
        await tx.resume()
    assert len(await claim(store)) == 1


async def test_another_account_being_stopped_changes_nothing_here(store: SqlStore) -> None:
    await receive(store, a_due(1))
    async with store.transaction() as tx:
        await tx.switch_off("account:default", "mailwatch", "535")
    assert len(await claim(store)) == 1


async def test_a_claim_ends_by_its_own_clock_and_leaves_a_doubt(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_due(1))
    await claim(store, "one")
    clock.advance(LEASE)
    assert await claim(store, "two") == ()
    clock.advance(timedelta(seconds=1))
    (entry,) = await claim(store, "two")
    (stored,) = await reports.list_entries(store)
    assert (entry.attempts, entry.doubts) == (stored.attempts, stored.doubts) == (2, 1)


async def test_a_claim_ends_when_its_worker_has_not_beaten_for_a_lease(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_due(1))
    async with store.transaction() as tx:
        await tx.beat("one", {})
    await claim(store, "one")
    await let_pass(store, clock, 14)
    assert await claim(store, "two") == ()
    await let_pass(store, clock, 2)
    assert await claim(store, "one") == (), "a worker doesn't take its own claims for dead"
    assert len(await claim(store, "two")) == 1


async def test_a_worker_that_beats_keeps_its_claims(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_due(1))
    await claim(store, "one")
    await let_pass(store, clock, 120)
    async with store.transaction() as tx:
        await tx.beat("one", {})
    assert await claim(store, "two") == ()


async def test_what_others_have_to_send_is_not_due_here(store: SqlStore) -> None:
    await receive(store, a_due(1, minutes_ago=1))
    await enqueue(store, a_digest(1))
    async with store.transaction() as tx:
        assert await tx.next_due_at([OTHER], ["default"]) == NOW
        assert await tx.next_due_at([OTHER], ["relay"]) is None
        assert await tx.next_due_at([INSCRIPTIONS], ["relay"]) == NOW - MINUTE


async def test_what_a_crash_left_is_given_back_with_a_doubt(store: SqlStore) -> None:
    await receive(store, a_due(1), a_due(2))
    await claim(store, "one", 1)
    await claim(store, "two", 1)
    async with store.transaction() as tx:
        assert await tx.release_entries("one") == 1
    (entry,) = await claim(store, "three")
    assert (entry.attempts, entry.doubts) == (2, 1)


async def test_the_next_due_instant_is_that_of_the_oldest_entry_that_waits(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.next_due_at(ALL, ["default"]) is None
    await receive(store, a_due(1, minutes_ago=1), a_record(2))
    async with store.transaction() as tx:
        assert await tx.next_due_at(ALL, ["default"]) == NOW - MINUTE
    await claim(store)
    async with store.transaction() as tx:
        assert await tx.next_due_at(ALL, ["default"]) == NOW + 5 * MINUTE


# --- what is sent for no mailbox -------------------------------------------------------------------------------------


async def test_a_digest_is_claimed_by_whoever_submits_through_its_account(store: SqlStore) -> None:
    await receive(store, a_due(1))
    assert await enqueue(store, a_digest(1))
    assert await enqueue(store, a_digest(2, "luc@cscmonavenir.example", account="alerts"))
    (entry,) = await claim(store, "one", 9, OTHER, account="alerts")
    assert (entry.mailbox, entry.request_id, entry.reference, entry.sightings) == ("", None, "", ())
    assert (entry.request_state, entry.acknowledgement_due_at) == (None, None)
    assert entry.envelope.recipient == "luc@cscmonavenir.example"
    kinds = [entry.kind for entry in await claim(store, "one", 9, INSCRIPTIONS, account="default")]
    assert sorted(kinds) == ["acknowledgement", "digest"]


async def test_an_account_without_a_name_claims_no_more_than_its_mailboxes(store: SqlStore) -> None:
    await receive(store, a_due(1))
    await enqueue(store, a_digest(1))
    assert await claim(store, "one", 9, OTHER, account="") == ()


async def test_a_digest_of_a_day_is_enqueued_once(store: SqlStore) -> None:
    assert await enqueue(store, a_digest(1))
    assert not await enqueue(store, a_digest(2))
    assert await enqueue(store, a_digest(3, day="2026-11-24"))


async def test_digests_go_out_while_the_breaker_holds_acknowledgements_back(store: SqlStore) -> None:
    await receive(store, a_due(1))
    await enqueue(store, a_digest(1))
    async with store.transaction() as tx:
        await tx.switch_off("breaker", "mailwatch", "600 in ten minutes")
        assert await tx.count_enqueued(NOW) == 1, "the breaker counts acknowledgements"
    assert [entry.kind for entry in await claim(store)] == ["digest"]


@pytest.mark.parametrize("state", [EntryState.SENT, EntryState.FAILED, EntryState.CANCELLED])
async def test_the_outcome_of_a_digest_is_recorded_beside_those_of_acknowledgements(
    store: SqlStore, state: EntryState
) -> None:
    await receive(store, a_due(1))
    await enqueue(store, a_digest(1))
    async with store.transaction() as tx:
        settlements = [
            Settlement(entry_id=entry.id, state=state, reason="because", at=NOW)
            for entry in await tx.claim_entries("one", 9, LEASE, [INSCRIPTIONS], "default")
        ]
        assert await tx.settle_entries("one", settlements) == 2
        assert await tx.settle_entries("one", settlements) == 0, "a settled entry stays as it is"


async def test_a_digest_that_waits_is_given_back_deferred_and_due_like_any_entry(
    store: SqlStore, clock: MovableClock
) -> None:
    await enqueue(store, a_digest(1))
    (entry,) = await claim(store)
    async with store.transaction() as tx:
        assert await tx.release_entries("one") == 1
        assert await tx.next_due_at(ALL, ["default"]) == NOW
    (entry,) = await claim(store)
    assert (entry.attempts, entry.doubts) == (2, 1)
    await settle(store, entry, EntryState.DEFERRED, reason="451 later", not_before=NOW + MINUTE)
    assert await claim(store) == ()
    clock.advance(MINUTE)
    assert len(await claim(store)) == 1


# --- settling --------------------------------------------------------------------------------------------------------


async def test_what_was_sent_acknowledges_its_request(store: SqlStore) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    sent_at = NOW + timedelta(seconds=3)
    assert await settle(store, entry, at=sent_at) == 1
    story = await reports.get_request(store, reference_of(1))
    assert (story.request.state, story.request.acknowledged_at) == (State.ACKNOWLEDGED, sent_at)
    assert (story.events[-1].kind, story.events[-1].at, story.events[-1].n) == (EventKind.ACKNOWLEDGED, sent_at, 3)
    (fact,) = story.entries
    assert (fact.state, fact.reason, fact.settled_at) == (EntryState.SENT, "250 ok", sent_at)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (EntryState.FAILED, EventKind.ACKNOWLEDGEMENT_FAILED),
        (EntryState.UNCERTAIN, EventKind.ACKNOWLEDGEMENT_FAILED),
        (EntryState.CANCELLED, EventKind.ACKNOWLEDGEMENT_CANCELLED),
    ],
)
async def test_what_was_not_sent_leaves_the_request_open_and_says_so(
    store: SqlStore, state: EntryState, event: EventKind
) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    assert await settle(store, entry, state, reason="550 no such user") == 1
    story = await reports.get_request(store, reference_of(1))
    assert (story.request.state, story.request.acknowledged_at) == (State.OPEN, None)
    assert (story.events[-1].kind, story.events[-1].data["outcome"]) == (event, str(state))
    assert await claim(store) == ()


async def test_a_deferred_entry_comes_back_at_its_instant(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.DEFERRED, reason="451 later", not_before=NOW + MINUTE, doubts=1)
    assert await claim(store) == ()
    clock.advance(MINUTE)
    (again,) = await claim(store)
    assert (again.body, again.message_id) == (entry.body, entry.message_id)
    assert (again.attempts, again.doubts) == (2, 1)
    assert len((await reports.get_request(store, reference_of(1))).events) == 2


async def test_an_entry_given_back_was_not_tried(store: SqlStore) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.PENDING, reason="", not_before=NOW)
    (again,) = await claim(store)
    assert (again.attempts, again.doubts) == (1, 0)


async def test_an_answer_seen_in_time_settles_the_request(store: SqlStore) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.CANCELLED, reason="answered by a person", answered_by="\\Answered")
    story = await reports.get_request(store, reference_of(1))
    assert (story.request.state, story.request.settled_at) == (State.ANSWERED, NOW)
    assert [event.kind for event in story.events][2:] == [EventKind.ANSWERED, EventKind.ACKNOWLEDGEMENT_CANCELLED]
    assert story.events[2].data == {
        "evidence": "\\Answered",
        "confidence": 0.9,
        "about": NOW.isoformat(),
        "identity": identity_of(1),
    }


async def test_a_flag_that_is_seen_twice_counts_once(store: SqlStore) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    data = {"evidence": "\\Answered", "about": NOW.isoformat(), "identity": identity_of(1)}
    event = Event(kind=EventKind.ANSWERED, at=NOW, data=data)
    async with store.transaction() as tx:
        await tx.follow_facts([Fact(request_id=entry.request_id or 0, event=event)])
    await settle(store, entry, EntryState.CANCELLED, reason="answered", answered_by="\\Answered")
    story = await reports.get_request(store, reference_of(1))
    assert [event.kind for event in story.events][2:] == [EventKind.ANSWERED, EventKind.ACKNOWLEDGEMENT_CANCELLED]


async def test_many_outcomes_are_settled_at_once(store: SqlStore) -> None:
    await receive(store, *(a_due(number) for number in range(1, 41)))
    entries = await claim(store)
    outcomes = (EntryState.SENT, EntryState.FAILED, EntryState.DEFERRED, EntryState.CANCELLED)
    settlements = [
        Settlement(entry_id=entry.id, state=outcomes[number % 4], reason="because", at=NOW, not_before=NOW + MINUTE)
        for number, entry in enumerate(entries)
    ]
    async with store.transaction() as tx:
        assert await tx.settle_entries("one", settlements) == 40
    facts = await reports.status_facts(store, NOW)
    assert facts.outbox == dict.fromkeys(outcomes, 10)
    assert facts.requests == {State.ACKNOWLEDGED: 10, State.OPEN: 30}


async def test_only_the_worker_that_claimed_settles(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_due(1))
    (stale,) = await claim(store, "frozen")
    clock.advance(LEASE + MINUTE)
    (entry,) = await claim(store, "awake")
    assert await settle(store, stale, EntryState.FAILED, "frozen") == 0
    assert await settle(store, entry, EntryState.SENT, "awake") == 1
    assert await settle(store, entry, EntryState.FAILED, "awake") == 0, "a settled entry stays as it is"
    assert await states(store) == ["sent"]


async def test_an_acknowledgement_that_went_out_after_the_answer_is_noted(store: SqlStore) -> None:
    """Order of arrival doesn't matter: the state stays answered, the history says both."""
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.CANCELLED, reason="answered", answered_by="\\Answered")
    story = await reports.get_request(store, reference_of(1))
    async with store.transaction() as tx:
        history = (await tx.lock_histories([story.request.id]))[story.request.id]
    assert history.takes(EventKind.ACKNOWLEDGED)
    assert not history.takes(EventKind.OPENED)


# --- taking over -----------------------------------------------------------------------------------------------------


async def test_what_was_left_elsewhere_is_listed_from_half_of_its_limit_on(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    await receive(store, a_record(2, suppressed_by="forwarded"))
    clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    async with store.transaction() as tx:
        assert await tx.list_left_elsewhere() == []
    clock.advance(timedelta(microseconds=1))
    async with store.transaction() as tx:
        (waiting,) = await tx.list_left_elsewhere()
    assert (waiting.mailbox, waiting.reference) == (OTHER, reference_of(1, OTHER))
    assert (waiting.identity, waiting.sighting) == (identity_of(1), a_sighting(1))


async def test_the_date_that_an_acknowledgement_announces_is_kept_and_only_then(store: SqlStore) -> None:
    await receive(store, a_record(1), a_record(2, suppressed_by="forwarded"))
    await receive(store, a_record(1, OTHER), mailbox=OTHER)  # left out: another one acknowledges
    due_at = a_new_request(1).answer_due_at
    assert await stored(store, "announced_due_at") == [due_at, None, None]


async def test_what_another_mailbox_has_enqueued_is_not_left(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    await receive(store, a_record(1))
    clock.advance(timedelta(hours=30))
    async with store.transaction() as tx:
        assert await tx.list_left_elsewhere() == []


async def test_taking_over_enqueues_once(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    clock.advance(timedelta(hours=30))
    entry = an_entry(1, OTHER, not_before=clock.now())
    async with store.transaction() as tx:
        (waiting,) = await tx.list_left_elsewhere()
        assert await tx.add_acknowledgement(waiting.request_id, entry, waiting.answer_due_at, {})
    async with store.transaction() as tx:
        other = replace(entry, message_id="<another@x>")
        assert not await tx.add_acknowledgement(waiting.request_id, other, waiting.answer_due_at, {})
        assert await tx.list_left_elsewhere() == []
    (claimed,) = await claim(store)
    assert await settle(store, claimed) == 1
    story = await reports.get_request(store, reference_of(1, OTHER))
    assert (story.request.state, story.request.suppressed_by) == (State.ACKNOWLEDGED, None)
    assert await stored(store, "announced_due_at") == [story.request.answer_due_at]


async def test_a_request_that_was_answered_takes_no_acknowledgement_any_more(store: SqlStore) -> None:
    await receive(store, a_due(1))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.CANCELLED, reason="answered", answered_by="\\Answered")
    fresh = replace(an_entry(1), unique_key="ack:" + "f" * 64, caused_by="f" * 64, message_id="<another@x>")
    async with store.transaction() as tx:
        assert not await tx.add_acknowledgement(entry.request_id or 0, fresh, NOW, {})
        assert not await tx.add_acknowledgement(999_999, fresh, NOW, {})


async def test_an_acknowledgement_s_key_follows_from_its_cause(store: SqlStore) -> None:
    """Which alone is unique, of its keys."""
    with pytest.raises(StoreRefused, match="ck_outbox_acknowledgement"):
        await receive(store, a_record(1, entry=replace(an_entry(1), unique_key="another")))


async def test_other_entries_are_unique_by_key_and_by_message_id(store: SqlStore) -> None:
    digest = a_digest()
    async with store.transaction() as tx:
        assert await tx.enqueue(digest)
        assert not await tx.enqueue(replace(digest, message_id="<another@x>"))
        assert not await tx.enqueue(replace(digest, unique_key="digest:another:2026-11-23"))


# --- limits and switches ---------------------------------------------------------------------------------------------


async def test_the_breaker_counts_what_was_enqueued_since_the_last_resume(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1), a_record(2))
    async with store.transaction() as tx:
        assert await tx.count_enqueued(NOW) == 2
        assert await tx.count_enqueued(NOW + timedelta(microseconds=1)) == 0
        await tx.resume()
    clock.advance(MINUTE)
    await receive(store, a_record(3, request=a_new_request(3, at=clock.now()), received_at=clock.now()))
    async with store.transaction() as tx:
        assert await tx.count_enqueued(NOW) == 1


async def test_a_switch_put_off_twice_keeps_its_first_reason(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.find_switch("sending") is None
        await tx.switch_off("sending", "marie", "first")
        await tx.switch_off("sending", "luc", "second")
        assert await tx.find_switch("sending") == "first"
    async with store.transaction() as tx:
        assert await tx.switch_on("sending")
        assert not await tx.switch_on("sending")


async def test_resume_lets_everything_go_on(store: SqlStore) -> None:
    async with store.transaction() as tx:
        for name in ("sending", "breaker", "account:default"):
            await tx.switch_off(name, "mailwatch", "a reason")
        await tx.resume()
        assert [await tx.find_switch(name) for name in ("sending", "breaker", "account:default")] == [None] * 3


async def test_a_block_holds_until_its_instant_and_the_longer_one_stays(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        await tx.block(SOPHIE, "refused", NOW + 2 * MINUTE)
        await tx.block(SOPHIE, "refused again", NOW + MINUTE)
    clock.advance(2 * MINUTE - timedelta(seconds=1))
    async with store.transaction() as tx:
        assert await tx.is_blocked(SOPHIE)
    clock.advance(timedelta(seconds=1))
    async with store.transaction() as tx:
        assert not await tx.is_blocked(SOPHIE)


async def test_new_mail_lifts_the_block_of_its_sender_only(store: SqlStore) -> None:
    async with store.transaction() as tx:
        for address in (SOPHIE, "x@x"):
            await tx.block(address, "refused", NOW + MINUTE)
        await tx.unblock(frozenset({SOPHIE, "nobody@x"}))
        await tx.unblock(frozenset())
        assert (await tx.is_blocked(SOPHIE), await tx.is_blocked("x@x")) == (False, True)
