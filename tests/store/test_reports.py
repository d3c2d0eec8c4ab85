"""What people read: status, lists, the story of a request."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from store.records import (
    CALENDAR,
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    STANDARD,
    UIDVALIDITY,
    a_follow_up,
    a_new_request,
    a_newsletter,
    a_record,
    an_entry,
    claim,
    let_pass,
    receive,
    reference_of,
    settle,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.escalations import DEFAULT_LEVELS, Standing
from mailwatch.domain.incidents import Trouble, TroubleKind
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.domain.shares import LEASE
from mailwatch.domain.standards import explain_due
from mailwatch.domain.verdicts import Kind
from mailwatch.errors import MailwatchError
from mailwatch.ports import Fact
from mailwatch.store import reports
from mailwatch.store.standings import Gauge
from mailwatch.store.store import SqlStore


def gauge(now: datetime) -> Gauge:
    """Standings at an instant, by the levels that hold without any in the configuration."""
    return Gauge(levels=DEFAULT_LEVELS, now=now)


async def happen(store: SqlStore, number: int, kind: EventKind, at: datetime = NOW) -> None:
    """Something is learnt of the request that the n-th message opened."""
    story = await reports.get_request(store, reference_of(number))
    async with store.transaction() as tx:
        event = Event(kind=kind, at=tx.now, occurred_at=at)
        assert await tx.add_facts([Fact(request_id=story.request.id, event=event)])


async def test_the_status_of_an_unused_database_is_empty(store: SqlStore) -> None:
    status = await reports.status_facts(store, NOW)
    assert (status.mailboxes, status.requests, status.outbox, status.switches, status.workers) == ((), {}, {}, (), ())
    assert (status.oldest_waiting_at, status.quarantined, status.held_back, status.unacknowledged) == (None, 0, 0, 0)
    assert (status.standings, status.oldest_late, status.incidents) == ({}, None, ())


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
        await tx.note_progress({INSCRIPTIONS: tx.now})
        await tx.note_trouble(OTHER, "unreachable", "no route to host")
        await tx.switch_off("sending", "marie", "an emergency")
        await tx.beat("one", {"pid": 7})
    await let_pass(store, clock, 31)
    async with store.transaction() as tx:
        await tx.beat("two", {"watches": "a"})
        await tx.keep_leases([INSCRIPTIONS, OTHER, MARIE])
        await tx.claim_leases("two", [INSCRIPTIONS, OTHER], LEASE)
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
    assert [worker.mailboxes for worker in status.workers] == [2, 0]
    assert status.held_back == 1  # not the one that another mailbox acknowledges


async def test_requests_past_their_acknowledgement_are_counted_while_nobody_acknowledged_or_answered(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1, suppressed_by="forwarded"), a_record(2, suppressed_by="forwarded"))
    due_at = NOW + timedelta(hours=48)
    assert (await reports.status_facts(store, due_at)).unacknowledged == 0
    assert (await reports.status_facts(store, due_at + timedelta(seconds=1))).unacknowledged == 2
    await happen(store, 1, EventKind.ANSWERED)
    await happen(store, 1, EventKind.FOLLOWED_UP, at=clock.advance(timedelta(seconds=1)))
    status = await reports.status_facts(store, due_at + timedelta(seconds=1))
    assert (status.requests, status.unacknowledged, status.held_back) == ({State.OPEN: 2}, 1, 1)


async def test_an_acknowledgement_that_failed_is_a_person_s_to_make_up_for(store: SqlStore) -> None:
    await receive(store, a_record(1, entry=an_entry(1, not_before=NOW)))
    (entry,) = await claim(store)
    await settle(store, entry, EntryState.FAILED, reason="550")
    assert (await reports.status_facts(store, NOW)).held_back == 1


async def test_running_clocks_are_counted_by_standing_and_mailbox(store: SqlStore) -> None:
    await receive(store, a_record(1), a_record(2), a_record(3))
    early = NOW - timedelta(days=4)
    await receive(
        store,
        a_record(4, OTHER, received_at=early, request=a_new_request(4, OTHER, at=early), entry=an_entry(4, OTHER)),
        mailbox=OTHER,
    )
    await happen(store, 3, EventKind.CLOSED)
    due_at = (await reports.list_requests(store, mailbox=OTHER))[0].answer_due_at
    at_limit = await reports.status_facts(store, due_at, gauge(due_at))
    assert (at_limit.standings, at_limit.oldest_late) == ({Standing.AT_RISK: 1, Standing.WITHIN: 2}, None)
    past = due_at + timedelta(seconds=1)
    status = await reports.status_facts(store, past, gauge(past))
    assert list(status.standings.items()) == [(Standing.OVERDUE, 1), (Standing.WITHIN, 2)]
    assert [(m.address, m.standings) for m in status.mailboxes] == [
        (OTHER, {Standing.OVERDUE: 1}),
        (INSCRIPTIONS, {Standing.WITHIN: 2}),
    ]
    assert status.oldest_late is not None
    assert (status.oldest_late.reference, status.oldest_late.mailbox) == (reference_of(4, OTHER), OTHER)


async def test_the_status_names_incidents_until_they_are_over(store: SqlStore) -> None:
    trouble = Trouble(kind=TroubleKind.QUARANTINED, about=INSCRIPTIONS, since=NOW, data={"count": 2})
    async with store.transaction() as tx:
        incident = await tx.open_incident(trouble)
    (fact,) = (await reports.status_facts(store, NOW)).incidents
    assert (fact.kind, fact.about, fact.since, fact.data) == (trouble.kind, INSCRIPTIONS, NOW, {"count": 2})
    assert incident is not None
    async with store.transaction() as tx:
        await tx.close_incident(incident.id)
    assert (await reports.status_facts(store, NOW)).incidents == ()


async def test_mailboxes_say_when_an_answer_was_last_seen(store: SqlStore) -> None:
    await receive(store, a_record(1))
    assert await reports.list_answers_seen(store) == {INSCRIPTIONS: (NOW, None)}
    async with store.transaction() as tx:
        await tx.note_answer_seen(INSCRIPTIONS)
    assert await reports.list_answers_seen(store) == {INSCRIPTIONS: (NOW, NOW)}
    assert (await reports.status_facts(store, NOW)).mailboxes[0].answer_seen_at == NOW


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
    assert len(await references(owner=MARIE.upper())) == 3
    assert await references(owner="") == []


async def test_requests_are_chosen_by_standing_past_those_of_another(store: SqlStore) -> None:
    """The newest isn't what is asked for: the limit counts what is."""
    await receive(store, *(a_record(n) for n in range(1, 4)))
    late = NOW - timedelta(days=30)
    await receive(store, a_record(4, received_at=late, request=a_new_request(4, at=late)))

    async def references(standing: Standing, limit: int = 100) -> list[str]:
        facts = await reports.list_requests(store, standing=standing, gauge=gauge(NOW), limit=limit)
        return [fact.reference for fact in facts]

    assert await references(Standing.OVERDUE, 1) == [reference_of(4)]
    assert await references(Standing.WITHIN, 2) == [reference_of(3), reference_of(2)]
    assert await references(Standing.AT_RISK) == []
    with pytest.raises(ValueError, match="gauge"):
        await reports.list_requests(store, standing=Standing.OVERDUE)


async def test_a_standing_is_told_only_of_running_clocks_and_only_with_a_gauge(store: SqlStore) -> None:
    await receive(store, a_record(1), a_record(2))
    await happen(store, 2, EventKind.SET_ASIDE)
    measured = await reports.list_requests(store, gauge=gauge(NOW))
    assert [fact.standing for fact in measured] == [None, Standing.WITHIN]
    assert [fact.standing for fact in await reports.list_requests(store)] == [None, None]


async def test_the_silent_register_is_listed_newest_first(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_newsletter(1), a_record(2), a_newsletter(3, kind=Kind.SPAM), a_newsletter(4, kind=Kind.OWN))
    later = clock.advance(timedelta(hours=1))
    await receive(store, a_newsletter(5, received_at=later))
    await receive(store, a_newsletter(6), mailbox=OTHER)

    async def numbers(**filters: object) -> list[str]:
        return [fact.message_id for fact in await reports.list_register(store, **filters)]  # type: ignore[arg-type]

    assert await numbers() == [f"<{n}@courriel.example>" for n in (6, 5, 3, 1)]
    assert await numbers(limit=1) == ["<6@courriel.example>"]
    assert await numbers(mailbox=OTHER) == ["<6@courriel.example>"]
    assert await numbers(since=later) == ["<5@courriel.example>"]


async def test_the_story_of_a_request_holds_its_messages_and_entries(store: SqlStore) -> None:
    await receive(store, a_record(1))
    request = (await reports.list_requests(store))[0]
    await receive(store, a_follow_up(2, request.id, subject="Re: Inscription"))
    story = await reports.get_request(store, reference_of(1))
    assert story.request == request
    assert [message.subject for message in story.messages] == ["Inscription", "Re: Inscription"]
    assert [(entry.reference, entry.state) for entry in story.entries] == [(reference_of(1), EntryState.PENDING)]
    assert story.standard == {"acknowledge_within": "48h", "answer_within": "5 business days"}


async def test_the_story_of_a_request_holds_its_clocks_and_their_arithmetic(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1))
    first_due_at = (await reports.list_requests(store))[0].answer_due_at
    answered_at, asked_at = NOW + timedelta(days=1), NOW + timedelta(days=2)
    clock.set(asked_at)
    await happen(store, 1, EventKind.ANSWERED, at=answered_at)
    await happen(store, 1, EventKind.FOLLOWED_UP, at=asked_at)
    story = await reports.get_request(store, reference_of(1), gauge(asked_at))
    assert [(c.n, c.started_at, c.due_at, c.stopped_at, c.stopped_by) for c in story.earlier_clocks] == [
        (1, NOW, first_due_at, answered_at, "answered")
    ]
    assert (story.request.clock_started_at, story.request.standing) == (asked_at, Standing.WITHIN)
    answered = next(event for event in story.events if event.kind is EventKind.ANSWERED)
    assert (answered.at, answered.occurred_at) == (asked_at, answered_at)
    assert story.is_reckonable
    assert story.arithmetic == explain_due(CALENDAR, asked_at, STANDARD.answer_within)


async def test_a_story_knows_the_other_requests_of_its_message(store: SqlStore) -> None:
    await receive(store, a_record(1), a_record(2))
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    assert (await reports.get_request(store, reference_of(1))).siblings == (reference_of(1, OTHER),)
    assert (await reports.get_request(store, reference_of(2))).siblings == ()


async def test_digests_and_alerts_are_listed_among_the_entries(store: SqlStore) -> None:
    message_id = "<mw.dig.0@cscmonavenir.example>"
    digest = an_entry(
        1,
        "",
        kind=EntryKind.DIGEST,
        account="default",
        caused_by="",
        message_id=message_id,
        body=f"Auto-Submitted: auto-generated\r\nMessage-ID: {message_id}\r\n\r\nBonjour\r\n".encode(),
        unique_key=f"digest:{MARIE}:2026-11-23",
    )
    async with store.transaction() as tx:
        assert await tx.enqueue(digest)
    (entry,) = await reports.list_entries(store)
    assert (entry.kind, entry.mailbox, entry.reference) == (EntryKind.DIGEST, "", "")


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
