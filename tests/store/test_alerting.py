"""What the tables say is wrong, and incidents that open and close once, on both databases."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from store.records import (
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    a_digest,
    a_new_request,
    a_record,
    a_sighting,
    an_entry,
    begin,
    claim,
    receive,
    reference_of,
    replace,
    settle,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.incidents import Incident, Trouble, TroubleKind, TroubleLimits
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.store.store import SqlStore

LIMITS = TroubleLimits(mailboxes=(INSCRIPTIONS,))
QUARTER_LEFT = timedelta(hours=36)
BREAKER = Trouble(kind=TroubleKind.BREAKER_TRIPPED, about="", since=NOW, data={"why": "600 in 10m"})


async def troubles(store: SqlStore, limits: TroubleLimits = LIMITS) -> Sequence[Trouble]:
    async with store.transaction() as tx:
        return await tx.list_troubles(limits)


async def about_mail(store: SqlStore) -> list[Trouble]:
    """What is wrong, but for the mailbox itself, which nobody looks at in these tests."""
    return [each for each in await troubles(store) if each.kind is not TroubleKind.MAILBOX_SILENT]


async def progress(store: SqlStore, mailbox: str = INSCRIPTIONS) -> None:
    async with store.transaction() as tx:
        await tx.keep_mailbox(mailbox)
        await tx.note_progress({mailbox: tx.now})


# --- acknowledgements near their limit --------------------------------------------------------------------------------


async def test_an_unsent_acknowledgement_is_told_when_a_quarter_of_its_time_is_left(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1), a_record(2))
    clock.advance(QUARTER_LEFT - timedelta(minutes=1))
    assert await about_mail(store) == []
    clock.advance(timedelta(minutes=1))
    (trouble,) = await about_mail(store)

    assert (trouble.kind, trouble.about) == (TroubleKind.ACKNOWLEDGEMENT_NEAR_LIMIT, INSCRIPTIONS)
    assert trouble.since == NOW + QUARTER_LEFT
    assert trouble.data == {
        "count": 2,
        "due_at": "2026-11-25 15:00 UTC",
        "references": sorted([reference_of(1), reference_of(2)]),
    }


async def test_a_sent_acknowledgement_is_no_trouble(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1))
    clock.advance(QUARTER_LEFT)
    (entry,) = await claim(store)
    await settle(store, entry, at=clock.now())

    assert await about_mail(store) == []


async def test_an_acknowledgement_that_waits_for_a_person_is_told_only_when_it_should_have_left(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1, entry=an_entry(1, not_before=NOW + timedelta(hours=40))))
    clock.advance(timedelta(hours=40, minutes=4))
    assert await about_mail(store) == []
    clock.advance(timedelta(minutes=2))
    assert [each.kind for each in await about_mail(store)] == [TroubleKind.ACKNOWLEDGEMENT_NEAR_LIMIT]


async def test_an_acknowledgement_put_off_is_told_although_its_next_attempt_is_to_come(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1))
    clock.advance(QUARTER_LEFT)
    (entry,) = await claim(store)
    later = clock.now() + timedelta(hours=1)
    await settle(store, entry, EntryState.DEFERRED, at=clock.now(), not_before=later)

    assert [each.kind for each in await about_mail(store)] == [TroubleKind.ACKNOWLEDGEMENT_NEAR_LIMIT]


async def test_a_request_left_to_a_mailbox_that_never_acknowledged_is_told(
    store: SqlStore, clock: MovableClock
) -> None:
    await receive(store, a_record(1, suppressed_by="elsewhere"), a_record(2, suppressed_by="elsewhere"))
    await receive(store, a_record(2, OTHER), mailbox=OTHER)
    clock.advance(QUARTER_LEFT)

    (trouble,) = await about_mail(store)
    assert trouble.data["references"] == [reference_of(1)]


async def test_a_withheld_acknowledgement_is_its_owners_business(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1, suppressed_by="late"))
    clock.advance(timedelta(hours=50))

    assert await about_mail(store) == []


# --- mailboxes --------------------------------------------------------------------------------------------------------


async def test_a_mailbox_without_progress_is_told(store: SqlStore, clock: MovableClock) -> None:
    await progress(store)
    clock.advance(timedelta(minutes=14))
    assert await troubles(store) == []
    clock.advance(timedelta(minutes=1))

    assert await troubles(store) == [Trouble(kind=TroubleKind.MAILBOX_SILENT, about=INSCRIPTIONS, since=NOW)]
    await progress(store)
    assert await troubles(store) == []


async def test_a_refused_login_is_a_trouble_of_its_own(store: SqlStore, clock: MovableClock) -> None:
    await progress(store)
    async with store.transaction() as tx:
        await tx.note_trouble(INSCRIPTIONS, "login-refused", "[AUTHENTICATIONFAILED]")
    clock.advance(timedelta(minutes=15))

    (trouble,) = await troubles(store)
    assert (trouble.kind, trouble.data) == (TroubleKind.LOGIN_REFUSED, {"code": "login-refused"})


async def test_a_mailbox_that_was_never_seen_is_silent_and_one_not_watched_is_history(store: SqlStore) -> None:
    await begin(store, OTHER)

    assert [(each.kind, each.about) for each in await troubles(store)] == [(TroubleKind.MAILBOX_SILENT, INSCRIPTIONS)]
    assert await troubles(store, TroubleLimits()) == []


async def test_how_long_is_too_long_is_configured(store: SqlStore, clock: MovableClock) -> None:
    await progress(store)
    clock.advance(timedelta(minutes=10))

    assert await troubles(store, replace(LIMITS, after=timedelta(minutes=5))) != []


# --- sending ----------------------------------------------------------------------------------------------------------


async def test_what_mailwatch_switched_off_is_told_and_a_pause_is_not(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        await tx.switch_off("sending", "marie", "maintenance")
        await tx.switch_off("breaker", "mailwatch", "600 in 10m")
        await tx.switch_off("account:main_1", "mailwatch", "535 no")

    found = {each.kind: each for each in await about_mail(store)}
    assert found == {
        TroubleKind.BREAKER_TRIPPED: BREAKER,
        TroubleKind.ACCOUNT_STOPPED: Trouble(
            kind=TroubleKind.ACCOUNT_STOPPED, about="main_1", since=NOW, data={"why": "535 no"}
        ),
    }


async def test_failures_and_doubts_of_a_day_are_one_trouble_each(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1), a_record(2), a_record(3))
    clock.advance(timedelta(minutes=10))
    entries = await claim(store)
    states = (EntryState.FAILED, EntryState.UNCERTAIN, EntryState.FAILED)
    for entry, state in zip(entries, states, strict=True):
        await settle(store, entry, state, at=clock.now())

    failed, uncertain = await about_mail(store)
    assert (failed.kind, failed.since, failed.about) == (TroubleKind.OUTBOX_FAILED, clock.now(), "")
    assert failed.data == {"count": 2, "references": [entries[0].reference, entries[2].reference]}
    assert (uncertain.kind, uncertain.data["count"]) == (TroubleKind.OUTCOME_UNCERTAIN, 1)
    clock.advance(timedelta(hours=24, minutes=1))
    assert await about_mail(store) == []


async def test_an_alert_that_failed_is_no_reason_for_another(store: SqlStore, clock: MovableClock) -> None:
    base = an_entry(1, mailbox="", account="default", caused_by="")
    async with store.transaction() as tx:
        for kind in (EntryKind.ALERT, EntryKind.DIGEST):
            marked = replace(
                base, kind=kind, unique_key=f"{kind}:{MARIE}:2026-11-23", message_id=f"<mw.{kind}@x.example>"
            )
            marked = replace(
                marked, body=b"Auto-Submitted: auto-generated\r\nMessage-ID: " + marked.message_id.encode()
            )
            assert await tx.enqueue(marked)
    clock.advance(timedelta(minutes=10))
    for entry in await claim(store):
        await settle(store, entry, EntryState.FAILED, at=clock.now())

    assert [(each.kind, dict(each.data)) for each in await about_mail(store)] == [
        (TroubleKind.OUTBOX_FAILED, {"count": 1, "references": []})
    ]


async def test_a_digest_that_failed_hides_no_acknowledgement_that_failed(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        assert await tx.enqueue(a_digest())
    await receive(store, a_record(1))
    clock.advance(timedelta(minutes=10))
    for entry in await claim(store):
        await settle(store, entry, EntryState.FAILED, at=clock.now())

    assert sorted((each.kind, each.about, each.data["count"]) for each in await about_mail(store)) == [
        (TroubleKind.OUTBOX_FAILED, "", 1),
        (TroubleKind.OUTBOX_FAILED, MARIE, 1),
    ]


# --- quarantine -------------------------------------------------------------------------------------------------------


async def test_quarantined_messages_of_a_week_are_told_by_mailbox(store: SqlStore, clock: MovableClock) -> None:
    bad = [
        replace(a_record(n, request=None, entry=None), sighting=a_sighting(n), identity="", quarantined="unreadable")
        for n in (1, 2)
    ]
    await receive(store, *bad)
    (trouble,) = await about_mail(store)

    assert (trouble.kind, trouble.about, trouble.since, trouble.data) == (
        TroubleKind.QUARANTINED,
        INSCRIPTIONS,
        NOW,
        {"count": 2},
    )
    clock.advance(timedelta(days=7, minutes=1))
    assert await about_mail(store) == []


# --- incidents --------------------------------------------------------------------------------------------------------


async def test_an_incident_is_open_until_it_is_closed_and_may_come_again(store: SqlStore, clock: MovableClock) -> None:
    async with store.transaction() as tx:
        first = await tx.open_incident(BREAKER)
        assert await tx.open_incident(replace(BREAKER, since=NOW + timedelta(hours=1))) is None
    assert first is not None
    async with store.transaction() as tx:
        assert await tx.list_open_incidents() == [Incident(id=first.id, trouble=BREAKER, opened_at=NOW)]
        assert await tx.close_incident(first.id)
        assert not await tx.close_incident(first.id)
        assert await tx.list_open_incidents() == []
        again = await tx.open_incident(BREAKER)
    assert again is not None
    assert again.id != first.id


async def test_of_two_workers_one_opens_and_one_closes(store: SqlStore, rival: SqlStore) -> None:
    async with store.transaction() as tx:
        mine = await tx.open_incident(BREAKER)
    async with rival.transaction() as tx:
        assert await tx.open_incident(BREAKER) is None
        assert mine is not None
        assert await tx.close_incident(mine.id)
    async with store.transaction() as tx:
        assert not await tx.close_incident(mine.id)


async def test_incidents_of_two_mailboxes_stand_side_by_side(store: SqlStore) -> None:
    async with store.transaction() as tx:
        for about in (INSCRIPTIONS, MARIE):
            assert await tx.open_incident(Trouble(kind=TroubleKind.MAILBOX_SILENT, about=about, since=NOW))
        assert [each.trouble.about for each in await tx.list_open_incidents()] == [INSCRIPTIONS, MARIE]


async def test_a_request_of_a_mailbox_no_longer_watched_is_nobodys_alert(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1, OTHER, request=a_new_request(1, OTHER)), mailbox=OTHER)
    clock.advance(QUARTER_LEFT)

    assert await about_mail(store) == []


async def test_two_workers_at_the_same_moment_open_each_incident_once(store: SqlStore, rival: SqlStore) -> None:
    kinds = sorted(set(TroubleKind))

    async def open_all(worker: SqlStore) -> list[TroubleKind]:
        async with worker.transaction() as tx:
            found = [await tx.open_incident(Trouble(kind=kind, about="", since=NOW)) for kind in kinds]
        return [each.trouble.kind for each in found if each is not None]

    mine, theirs = await asyncio.gather(open_all(store), open_all(rival))

    assert sorted(mine + theirs) == kinds
