"""What a batch writes, once; what it finds of the past; and how a folder's cursor moves."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from store.records import (
    CALENDAR,
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    SOPHIE,
    STANDARD,
    UIDVALIDITY,
    a_follow_up,
    a_new_request,
    a_newsletter,
    a_record,
    a_sighting,
    an_entry,
    begin,
    claim,
    identity_of,
    receive,
    reference_of,
    replace,
    settle,
    traces,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.outbox import EntryState, Envelope
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.domain.standards import due
from mailwatch.errors import CursorMoved
from mailwatch.store import reports
from mailwatch.store.store import SqlStore


async def test_a_mailbox_is_enabled_once(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        assert await tx.keep_mailbox(INSCRIPTIONS) == NOW
    clock.advance(timedelta(hours=1))
    async with store.transaction() as tx:
        assert await tx.keep_mailbox(INSCRIPTIONS) == NOW


async def test_trouble_before_the_first_sight_does_not_enable_a_mailbox(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        await tx.note_trouble(INSCRIPTIONS, "login-refused", "the password is wrong")
    clock.advance(timedelta(hours=1))
    async with store.transaction() as tx:
        assert await tx.keep_mailbox(INSCRIPTIONS) == NOW + timedelta(hours=1)


async def test_trouble_keeps_the_instant_it_began_at_until_there_is_progress(
    store: SqlStore, clock: MovableClock
) -> None:
    for code in ("unreachable", "login-refused"):
        async with store.transaction() as tx:
            await tx.note_trouble(INSCRIPTIONS, code, "in words")
        clock.advance(timedelta(hours=1))
    (fact,) = (await reports.status_facts(store, clock.now())).mailboxes
    assert (fact.trouble_code, fact.trouble_since) == ("login-refused", NOW)
    async with store.transaction() as tx:
        await tx.note_progress({INSCRIPTIONS: tx.now})
    (fact,) = (await reports.status_facts(store, clock.now())).mailboxes
    assert (fact.trouble_code, fact.trouble_since, fact.progress_at) == (None, None, clock.now())


async def test_gaps_add_up(store: SqlStore) -> None:
    for missed in (2, 3):
        async with store.transaction() as tx:
            await tx.note_gap(INSCRIPTIONS, missed)
    (fact,) = (await reports.status_facts(store, NOW)).mailboxes
    assert fact.gaps == 5


# --- cursors ---------------------------------------------------------------------------------------------------------


async def test_a_cursor_starts_where_it_is_told_and_moves_on(store: SqlStore, clock: MovableClock) -> None:
    cursor = await begin(store, last_uid=7)
    clock.advance(timedelta(minutes=1))
    async with store.transaction() as tx:
        assert await tx.find_cursor(INSCRIPTIONS, "INBOX") == cursor
        moved = await tx.advance_cursor(cursor, 4_294_967_295)
    async with store.transaction() as tx:
        assert await tx.find_cursor(INSCRIPTIONS, "INBOX") == moved
    assert (moved.started_uid, moved.last_uid, moved.moved_at) == (7, 4_294_967_295, clock.now())


async def test_a_cursor_never_moves_back(store: SqlStore) -> None:
    cursor = await begin(store, last_uid=7)
    with pytest.raises(ValueError, match="back"):
        async with store.transaction() as tx:
            await tx.advance_cursor(cursor, 6)


async def test_a_good_look_without_mail_moves_the_instant_not_the_cursor(store: SqlStore, clock: MovableClock) -> None:
    cursor = await begin(store, last_uid=7)
    clock.advance(timedelta(minutes=5))
    async with store.transaction() as tx:
        await tx.note_progress({INSCRIPTIONS: tx.now})
        found = await tx.find_cursor(INSCRIPTIONS, "INBOX")
    assert found == replace(cursor, moved_at=clock.now())
    async with store.transaction() as tx:  # and the older value still moves it
        await tx.advance_cursor(cursor, 8)


async def test_a_new_uidvalidity_makes_a_new_current_cursor_and_the_old_one_can_not_move(store: SqlStore) -> None:
    old = await begin(store, last_uid=7)
    async with store.transaction() as tx:
        new = await tx.start_cursor(INSCRIPTIONS, "INBOX", 12, 3)
        assert await tx.find_cursor(INSCRIPTIONS, "INBOX") == new
    with pytest.raises(CursorMoved):
        async with store.transaction() as tx:
            await tx.advance_cursor(old, 8)


async def test_a_uidvalidity_that_comes_back_never_moves_its_cursor_back(store: SqlStore) -> None:
    await begin(store, last_uid=7)
    largest = 2**32 - 1  # RFC 3501 §2.3.1.1
    came_back = ((12, 3, 3), (UIDVALIDITY, 5, 7), (12, 9, 9), (UIDVALIDITY, largest, largest), (12, 1, 9))
    for uidvalidity, last_uid, stands_at in came_back:
        async with store.transaction() as tx:
            cursor = await tx.start_cursor(INSCRIPTIONS, "INBOX", uidvalidity, last_uid)
        assert cursor.last_uid == stands_at


async def test_starting_the_current_cursor_again_is_refused(store: SqlStore) -> None:
    await begin(store, last_uid=7)
    with pytest.raises(CursorMoved):
        async with store.transaction() as tx:
            await tx.start_cursor(INSCRIPTIONS, "INBOX", UIDVALIDITY, 9)


# --- recording -------------------------------------------------------------------------------------------------------


async def test_a_batch_is_written_whole(store: SqlStore) -> None:
    records = [a_record(1), a_newsletter(2), a_record(3, suppressed_by="forwarded")]
    assert await receive(store, *records) == 1
    messages = await reports.list_messages(store)
    assert [(m.kind, m.suppressed_by, m.reference, m.is_enqueued) for m in messages] == [
        ("request", None, reference_of(1), True),
        ("bulk", "list_header", "", False),
        ("request", "forwarded", reference_of(3), False),
    ]
    story = await reports.get_request(store, reference_of(1))
    assert [event.kind for event in story.events] == [EventKind.OPENED, EventKind.ACKNOWLEDGEMENT_ENQUEUED]
    assert [entry.state for entry in story.entries] == [EntryState.PENDING]
    assert (story.request.state, story.request.requester, story.request.owner) == (State.OPEN, SOPHIE, MARIE)


async def test_an_empty_batch_writes_nothing(store: SqlStore) -> None:
    assert await receive(store) == 0
    assert await store.count_sightings() == 0


async def test_a_known_identity_only_gets_a_sighting(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await receive(store, a_record(1, sighting=a_sighting(9), is_known=True, request=None, entry=None))
    assert len(await reports.list_messages(store)) == 1
    assert await store.count_sightings() == 2


async def test_the_second_copy_in_one_batch_only_gets_a_sighting(store: SqlStore) -> None:
    await receive(
        store, a_record(1), a_record(1, sighting=a_sighting(2), is_known=True, request=None, entry=None), a_record(3)
    )
    assert len(await reports.list_messages(store)) == 2
    assert await store.count_sightings() == 3


async def test_an_identity_that_was_recorded_meanwhile_opens_no_second_request(store: SqlStore) -> None:
    """A resync judges without a cursor to hold: another worker's resync may have written the same by now."""
    await receive(store, a_record(1))
    again = a_record(1, sighting=a_sighting(2), request=a_new_request(1, reference="MW-000ZZZ"))
    assert await receive(store, again) == 0
    assert len(await reports.list_requests(store)) == 1
    assert await store.count_sightings() == 2


async def test_a_message_that_can_not_be_read_is_quarantined_where_it_lies(store: SqlStore) -> None:
    await receive(store, a_record(5, identity="", quarantined="could not be fetched", request=None, entry=None))
    assert await reports.list_messages(store) == []
    assert (await reports.status_facts(store, NOW)).quarantined == 1
    async with store.transaction() as tx:
        assert await tx.list_recorded_uids(INSCRIPTIONS, "INBOX", UIDVALIDITY, 4) == {5}
        assert await tx.list_recorded_uids(INSCRIPTIONS, "INBOX", UIDVALIDITY, 5) == frozenset()


async def test_one_message_in_two_mailboxes_is_two_requests_and_one_acknowledgement(store: SqlStore) -> None:
    """Both mailboxes were judged at once, and both would have acknowledged: the database lets one."""
    assert await receive(store, a_record(1)) == 1
    assert await receive(store, a_record(1, OTHER), mailbox=OTHER) == 0
    story = await reports.get_request(store, reference_of(1, OTHER))
    assert story.request.suppressed_by == "elsewhere"
    assert [event.kind for event in story.events] == [EventKind.OPENED, EventKind.ACKNOWLEDGEMENT_WITHHELD]
    assert story.events[1].data == {"rule": "elsewhere"}
    assert {m.mailbox: m.suppressed_by for m in await reports.list_messages(store)} == {
        INSCRIPTIONS: None,
        OTHER: "elsewhere",
    }


async def test_a_failure_in_the_middle_leaves_nothing(store: SqlStore) -> None:
    await begin(store)

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.keep_calendar(CALENDAR.digest, CALENDAR.definition())
            await tx.record(INSCRIPTIONS, [a_record(1)])
            raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        await work()
    assert await reports.list_messages(store) == []


async def test_texts_that_no_database_takes_are_scrubbed(store: SqlStore) -> None:
    nasty = "a\0b\udcc3 é \U0001f600"
    record = a_record(
        1,
        subject=nasty,
        sender=nasty,
        message_id=f"<{nasty}>",
        hits=(("rule\0", nasty),),
        request=a_new_request(1, requester=nasty, subject_key=nasty, message_ids=(f"<{nasty}>",)),
    )
    await receive(store, record)
    (message,) = await reports.list_messages(store)
    assert message.subject == "ab? é \U0001f600"
    async with store.transaction() as tx:
        past = await tx.find_past(INSCRIPTIONS, traces(message_ids=frozenset({f"<{nasty}>"})), frozenset())
    assert list(past.by_message_id) == [f"<{nasty}>"]


async def test_keys_of_any_length_are_stored_and_found(store: SqlStore) -> None:
    """PostgreSQL's indexes refuse long rows, and a stranger chooses how long a Message-ID is."""
    long = "é" * 60_000
    ids = (f"<{long}1@x>", f"<{long}2@x>")
    for number, message_id in enumerate(ids, 1):
        request = a_new_request(number, requester=long, subject_key=long, message_ids=(message_id,))
        entry = an_entry(number, envelope=Envelope(reverse_path="", recipient=long), subject_key=long)
        await receive(store, a_record(number, sender=long, message_id=message_id, request=request, entry=entry))
    async with store.transaction() as tx:
        past = await tx.find_past(
            INSCRIPTIONS,
            traces(message_ids=frozenset(ids), recipients=frozenset({long}), subjects=frozenset({(long, long)})),
            frozenset({long}),
        )
    assert {key: found.reference for key, found in past.by_message_id.items()} == {
        ids[0]: reference_of(1),
        ids[1]: reference_of(2),
    }
    assert past.ours == frozenset(ids)
    assert [(note.recipient, note.subject_key) for note in past.sent] == [(long, long)] * 2
    assert past.by_subject[long, long].reference == reference_of(2)


async def test_an_instant_is_stored_in_utc_whatever_zone_it_came_in(store: SqlStore) -> None:
    """Twice 01:30 on the night summer time ends: one zone's wall clock, two instants."""
    toronto = ZoneInfo("America/Toronto")
    instants = [datetime(2026, 11, 1, 1, 30, tzinfo=toronto, fold=fold) for fold in (0, 1)]
    await receive(store, *(a_newsletter(n, received_at=at) for n, at in enumerate(instants, 1)))
    facts = await reports.list_messages(store)
    assert [fact.received_at.isoformat() for fact in facts] == [
        "2026-11-01T05:30:00+00:00",
        "2026-11-01T06:30:00+00:00",
    ]


async def test_an_instant_without_a_zone_is_refused(store: SqlStore) -> None:
    await begin(store)
    with pytest.raises(Exception, match="without a zone"):
        async with store.transaction() as tx:
            await tx.record(INSCRIPTIONS, [a_newsletter(1, received_at=NOW.replace(tzinfo=None))])


# --- following -------------------------------------------------------------------------------------------------------


async def a_request(store: SqlStore, number: int = 1, **fields: object) -> int:
    """The id of a recorded request."""
    await receive(store, a_record(number, **fields))
    return (await reports.list_requests(store))[0].id


async def test_what_follows_a_request_is_an_event_of_it(store: SqlStore) -> None:
    request = await a_request(store)
    await receive(store, a_follow_up(2, request), a_follow_up(3, request, EventKind.AUTO_REPLIED))
    story = await reports.get_request(store, reference_of(1))
    assert [(event.n, event.kind) for event in story.events][2:] == [
        (3, EventKind.FOLLOWED_UP),
        (4, EventKind.AUTO_REPLIED),
    ]
    assert story.request.state is State.OPEN
    assert len(story.messages) == 3


async def test_a_reply_to_a_follow_up_is_found_as_well(store: SqlStore) -> None:
    request = await a_request(store)
    await receive(store, a_follow_up(2, request))
    async with store.transaction() as tx:
        past = await tx.find_past(INSCRIPTIONS, traces(message_ids=frozenset({"<2@courriel.example>"})), frozenset())
    assert past.by_message_id["<2@courriel.example>"].id == request


async def answered(store: SqlStore, number: int = 1) -> int:
    """The id of a request that a person answered before its acknowledgement went out."""
    request = await a_request(store, number, entry=an_entry(number, not_before=NOW))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.CANCELLED, reason="answered", answered_by="\\Answered")
    return request


async def test_a_reopened_request_has_a_new_answer_clock_by_its_own_calendar(
    store: SqlStore, clock: MovableClock
) -> None:
    request = await answered(store)
    clock.advance(timedelta(days=2))
    await receive(store, a_follow_up(2, request, at=clock.now()))
    story = await reports.get_request(store, reference_of(1))
    assert (story.request.state, story.request.settled_at) == (State.OPEN, None)
    assert story.request.answer_due_at == due(CALENDAR, clock.now(), STANDARD.answer_within)
    assert [event.kind for event in story.events][-2:] == [EventKind.FOLLOWED_UP, EventKind.REOPENED]


async def test_several_follow_ups_of_one_batch_start_the_clock_with_the_earliest(
    store: SqlStore, clock: MovableClock
) -> None:
    request = await answered(store)
    clock.advance(timedelta(days=2))
    later, earlier = clock.now(), clock.now() - timedelta(days=1)
    await receive(store, a_follow_up(2, request, at=later), a_follow_up(3, request, at=earlier))
    story = await reports.get_request(store, reference_of(1))
    assert story.request.answer_due_at == due(CALENDAR, earlier, STANDARD.answer_within)
    assert [event.kind for event in story.events].count(EventKind.REOPENED) == 1


async def test_a_follow_up_that_was_received_before_the_answer_reopens_nothing(store: SqlStore) -> None:
    request = await answered(store)
    await receive(store, a_follow_up(2, request, at=NOW - timedelta(hours=1)))
    assert (await reports.get_request(store, reference_of(1))).request.state is State.ANSWERED


async def test_a_reopening_that_nobody_asked_for_is_left_out(store: SqlStore) -> None:
    request = await answered(store)
    await receive(store, a_follow_up(2, request, EventKind.THANKED, EventKind.REOPENED))
    story = await reports.get_request(store, reference_of(1))
    assert ([event.kind for event in story.events][4:], story.request.state) == ([EventKind.THANKED], State.ANSWERED)


async def test_a_request_that_was_answered_before_it_was_first_seen_is_opened_answered(store: SqlStore) -> None:
    received_at = NOW - timedelta(hours=3)
    request = a_new_request(1, suppressed_by="already_answered", at=received_at)
    seen = Event(kind=EventKind.ANSWERED, at=NOW, data={"evidence": "\\Answered"})
    await receive(
        store,
        a_record(
            1,
            suppressed_by="already_answered",
            received_at=received_at,
            request=replace(request, events=(*request.events, seen)),
        ),
    )
    story = await reports.get_request(store, reference_of(1))
    assert (story.request.state, story.request.settled_at) == (State.ANSWERED, NOW)


# --- the past --------------------------------------------------------------------------------------------------------


async def test_nothing_is_known_of_an_empty_past(store: SqlStore) -> None:
    everything = frozenset({"x"})
    async with store.transaction() as tx:
        past = await tx.find_past(
            INSCRIPTIONS,
            traces(
                identities=everything,
                message_ids=everything,
                references=everything,
                thread_indexes=everything,
                subjects=frozenset({("x", "y")}),
                recipients=everything,
                new_references=everything,
            ),
            everything,
        )
    assert not any((past.known, past.caused, past.by_message_id, past.ours, past.by_reference, past.by_thread_index))
    assert not any((past.by_subject, past.sent, past.blocks, past.taken))


async def test_the_past_is_found_by_every_key(store: SqlStore) -> None:
    await receive(store, a_record(1, request=a_new_request(1, thread_index="ab12")))
    async with store.transaction() as tx:
        await tx.block(SOPHIE, "no such address", NOW + timedelta(days=60))
        past = await tx.find_past(
            INSCRIPTIONS,
            traces(
                identities=frozenset({identity_of(1), identity_of(2)}),
                message_ids=frozenset({"<1@courriel.example>", "<other@x>"}),
                references=frozenset({reference_of(1)}),
                thread_indexes=frozenset({"ab12", "cd34"}),
                subjects=frozenset({(SOPHIE, "inscription"), (SOPHIE, "autre")}),
                recipients=frozenset({SOPHIE, "x@x"}),
                new_references=frozenset({reference_of(1), "MW-00000Z"}),
            ),
            frozenset({SOPHIE}),
        )
    assert past.known == past.caused == {identity_of(1)}
    assert past.ours == {"<1@courriel.example>"}
    assert past.taken == {reference_of(1)}
    assert past.blocks == {SOPHIE: "no such address"}
    assert [(note.mailbox, note.recipient, note.at) for note in past.sent] == [(INSCRIPTIONS, SOPHIE, NOW)]
    (request,) = {
        past.by_message_id["<1@courriel.example>"],
        past.by_reference[reference_of(1)],
        past.by_thread_index["ab12"],
        past.by_subject[SOPHIE, "inscription"],
    }
    assert (request.reference, request.mailbox, request.state) == (reference_of(1), INSCRIPTIONS, State.OPEN)
    assert (request.is_acknowledged, request.recipient, request.settled_at) == (True, SOPHIE, None)
    assert len(past.by_message_id) == len(past.by_thread_index) == len(past.by_subject) == 1


async def test_threads_stay_within_their_mailbox_and_identities_do_not(store: SqlStore) -> None:
    await receive(store, a_record(1, request=a_new_request(1, thread_index="ab12")))
    async with store.transaction() as tx:
        past = await tx.find_past(
            OTHER,
            traces(
                identities=frozenset({identity_of(1)}),
                message_ids=frozenset({"<1@courriel.example>"}),
                references=frozenset({reference_of(1)}),
                thread_indexes=frozenset({"ab12"}),
                subjects=frozenset({(SOPHIE, "inscription")}),
                new_references=frozenset({reference_of(1)}),
            ),
            frozenset(),
        )
    assert not any((past.known, past.by_message_id, past.by_reference, past.by_thread_index, past.by_subject))
    assert past.caused == {identity_of(1)}
    assert past.taken == {reference_of(1)}


async def test_a_subject_alone_joins_for_fourteen_days_and_to_the_newest(store: SqlStore, clock: MovableClock) -> None:
    wanted = traces(subjects=frozenset({(SOPHIE, "inscription")}))
    await receive(store, a_record(1))
    clock.advance(timedelta(days=3))
    await receive(store, a_record(2, received_at=clock.now(), request=a_new_request(2, at=clock.now())))
    async with store.transaction() as tx:
        past = await tx.find_past(INSCRIPTIONS, wanted, frozenset())
    assert past.by_subject[SOPHIE, "inscription"].reference == reference_of(2)
    clock.advance(timedelta(days=14))
    async with store.transaction() as tx:
        assert (await tx.find_past(INSCRIPTIONS, wanted, frozenset())).by_subject == {}


async def test_limits_look_back_a_day_and_leave_out_what_never_left(store: SqlStore, clock: MovableClock) -> None:
    wanted = traces(recipients=frozenset({SOPHIE}))
    await answered(store, 1)
    await receive(store, a_record(2))
    async with store.transaction() as tx:
        assert len((await tx.find_past(INSCRIPTIONS, wanted, frozenset())).sent) == 1
    clock.advance(timedelta(hours=24))
    async with store.transaction() as tx:
        assert (await tx.find_past(INSCRIPTIONS, wanted, frozenset())).sent == []


async def test_a_look_back_may_ask_for_thousands(store: SqlStore) -> None:
    await receive(store, *(a_newsletter(number) for number in range(1, 501)))
    identities = frozenset(identity_of(number) for number in range(40_000))
    async with store.transaction() as tx:
        past = await tx.find_past(INSCRIPTIONS, traces(identities=identities), frozenset())
    assert len(past.known) == 500
