"""What people do to requests, in the database: found, given away once, opened from a message that is there."""

from datetime import timedelta

import pytest
from store.records import (
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    SOPHIE,
    a_new_request,
    a_newsletter,
    a_record,
    a_sighting,
    identity_of,
    receive,
    reference_of,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.classification import Kind
from mailwatch.domain.languages import Language
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.errors import CursorMoved
from mailwatch.ports import NewRecord
from mailwatch.ports.acting import Recorded
from mailwatch.services.act import Act, ActRefused, Refusal
from mailwatch.store.reports import get_request, list_register, list_requests
from mailwatch.store.store import SqlStore

PAUL = "paul.roy@cscmonavenir.example"


def released(recorded: Recorded, number: int = 1) -> NewRecord:
    """The record of a message that somebody releases."""
    events = (
        Event(kind=EventKind.OPENED, at=NOW, by="marie", occurred_at=recorded.received_at),
        Event(kind=EventKind.ACKNOWLEDGEMENT_WITHHELD, at=NOW, data={"rule": "released"}),
    )
    request = a_new_request(number, suppressed_by="released", at=recorded.received_at, events=events)
    return NewRecord(
        sighting=recorded.sighting, received_at=recorded.received_at, identity=recorded.identity, request=request
    )


async def test_a_request_is_found_by_its_reference_and_by_its_message(store: SqlStore) -> None:
    await receive(store, a_record(1), a_record(2))
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    async with store.transaction() as tx:
        target = await tx.find_target(reference_of(1))
        assert target is not None
        assert (target.mailbox, target.state, target.owner, target.identity) == (
            INSCRIPTIONS,
            State.OPEN,
            MARIE,
            identity_of(1),
        )
        found = await tx.list_targets(identity_of(1))
        assert [one.reference for one in found] == [reference_of(1), reference_of(1, OTHER)]
        assert await tx.find_target("MW-000000") is None
        assert await tx.list_taken([reference_of(1), "MW-000000"]) == {reference_of(1)}


async def test_a_request_is_given_away_by_its_known_owner_only(store: SqlStore) -> None:
    await receive(store, a_record(1))
    async with store.transaction() as tx:
        target = await tx.find_target(reference_of(1))
        assert target is not None
        assert await tx.change_owner(target, PAUL)
        assert not await tx.change_owner(target, "luc.gagnon@cscmonavenir.example")
    assert [fact.owner for fact in await list_requests(store)] == [PAUL]


async def test_a_message_is_found_by_its_number(store: SqlStore) -> None:
    await receive(store, a_newsletter(1, hits=(("local_rule", "parents"), ("list_header", "List-Id"))), a_record(2))
    async with store.transaction() as tx:
        recorded = await tx.find_recorded(1)
        assert recorded == Recorded(
            id=1,
            mailbox=INSCRIPTIONS,
            sighting=a_sighting(1),
            identity=identity_of(1),
            message_id="<1@courriel.example>",
            sender=SOPHIE,
            subject="Inscription",
            kind=Kind.BULK,
            received_at=NOW,
            language=Language.FR,
            local_rules=frozenset({"parents"}),
            reference="",
        )
        request = await tx.find_recorded(2)
        assert request is not None
        assert request.reference == reference_of(2)
        assert await tx.find_recorded(3) is None


async def test_a_request_is_opened_from_a_message_that_is_there_and_answers_find_it(
    store: SqlStore, clock: MovableClock
) -> None:
    early = NOW - timedelta(days=1)
    await receive(store, a_newsletter(1, received_at=early))
    async with store.transaction() as tx:
        recorded = await tx.find_recorded(1)
        assert recorded is not None
        await tx.open_recorded(recorded, released(recorded))
    story = await get_request(store, reference_of(1))
    assert (story.request.received_at, story.request.suppressed_by) == (early, "released")
    assert [(e.kind, e.by) for e in story.events] == [
        (EventKind.OPENED, "marie"),
        (EventKind.ACKNOWLEDGEMENT_WITHHELD, "mailwatch"),
    ]
    assert [message.kind for message in story.messages] == [Kind.BULK]
    assert [(fact.kind, fact.reference) for fact in await list_register(store)] == [(Kind.BULK, reference_of(1))]


async def test_a_message_opens_one_request_only(store: SqlStore) -> None:
    await receive(store, a_newsletter(1))
    async with store.transaction() as tx:
        recorded = await tx.find_recorded(1)
        assert recorded is not None
        await tx.open_recorded(recorded, released(recorded))
    with pytest.raises(CursorMoved):
        async with store.transaction() as tx:
            await tx.open_recorded(recorded, released(recorded, 9))
    assert [fact.reference for fact in await list_requests(store)] == [reference_of(1)]


async def test_an_act_by_way_of_the_service_is_one_transaction(store: SqlStore, clock: MovableClock) -> None:
    """On both databases: an owner who isn't changed leaves no event, and an event that isn't legal no owner."""
    await receive(store, a_record(1), a_record(2))
    act = Act(store, [], by="marie", why="congé")
    clock.advance(timedelta(hours=1))
    await act.assign(reference_of(1), PAUL)
    await act.close(reference_of(1))
    for doing, why in (
        (act.assign(reference_of(1), PAUL), Refusal.ALREADY_SO),
        (act.close(reference_of(1)), Refusal.ALREADY_SO),
        (act.reopen(reference_of(2)), Refusal.NOT_SETTLED),
    ):
        with pytest.raises(ActRefused) as refused:
            await doing
        assert refused.value.why is why
    await act.reopen(reference_of(1))
    story = await get_request(store, reference_of(1))
    assert [event.kind for event in story.events][2:] == [EventKind.REASSIGNED, EventKind.CLOSED, EventKind.REOPENED]
    assert (story.request.state, story.request.owner, story.earlier_clocks) == (State.OPEN, PAUL, ())
    assert len((await get_request(store, reference_of(2))).events) == 2
