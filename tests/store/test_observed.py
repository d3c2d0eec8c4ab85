"""Answers held, requests found over all mailboxes, and the places of questions whose clock runs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from store.records import (
    INSCRIPTIONS,
    MARIE,
    NOW,
    OTHER,
    SOPHIE,
    UIDVALIDITY,
    a_follow_up,
    a_new_request,
    a_newsletter,
    a_record,
    a_sighting,
    identity_of,
    receive,
    reference_of,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.answers import Evidence, Outgoing
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.domain.threads import Clues
from mailwatch.ports import Fact, Flagged
from mailwatch.store.schema import mailboxes, outgoing, outgoing_keys
from mailwatch.store.store import SqlStore

HOUR = timedelta(hours=1)
LONG_ID = "<" + "x" * 5000 + "@courriel.example>"


def an_outgoing(number: int = 100, **fields: Any) -> Outgoing:
    """What Marie wrote to Sophie in answer to her first message."""
    defaults: dict[str, Any] = {
        "identity": identity_of(number),
        "message_id": f"<{number}@cscmonavenir.example>",
        "mailbox": INSCRIPTIONS,
        "evidence": Evidence.SENT,
        "writer": MARIE,
        "recipients": frozenset({SOPHIE, INSCRIPTIONS}),
        "written_at": NOW + HOUR,
        "clues": Clues(in_reply_to=("<1@courriel.example>",), references=("<0@courriel.example>",)),
    }
    return Outgoing(**(defaults | fields))


async def keep(store: SqlStore, *some: Outgoing) -> None:
    async with store.transaction() as tx:
        await tx.keep_outgoing(some)


async def held(store: SqlStore, *message_ids: str, references: frozenset[str] = frozenset()) -> list[Outgoing]:
    async with store.transaction() as tx:
        return list(await tx.list_held(frozenset(message_ids), references))


async def count(store: SqlStore, table: Any) -> int:
    async with store.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def flagged(store: SqlStore, mailbox: str = INSCRIPTIONS) -> list[Flagged]:
    async with store.transaction() as tx:
        return list(await tx.list_flagged(mailbox))


def an_answer(at_hours: int = 1, identity: str = identity_of(100), **data: object) -> Event:
    """An answer written some hours after the requests of these tests were received."""
    at = NOW + at_hours * HOUR
    evidence: dict[str, object] = {"evidence": "sent folder", "confidence": 0.99, "identity": identity}
    return Event(kind=EventKind.ANSWERED, at=at, by=MARIE, data=evidence | data, occurred_at=at)


async def learn(store: SqlStore, *facts: Fact) -> dict[int, State]:
    async with store.transaction() as tx:
        return dict(await tx.add_facts(facts))


# --- held -------------------------------------------------------------------------------------------------------------


async def test_what_was_held_comes_back_as_it_was(store: SqlStore) -> None:
    clues = Clues(
        in_reply_to=("<1@courriel.example>", LONG_ID),
        references=("<0@courriel.example>",),
        reference="MW-7F3K9Q",
        thread_root="01d8",
        subject=(MARIE, "inscription"),
    )
    one = an_outgoing(clues=clues)
    await keep(store, one)

    for keys in (["<1@courriel.example>"], ["<0@courriel.example>", "<9@courriel.example>"], [LONG_ID]):
        assert await held(store, *keys) == [one]
    assert await held(store, references=frozenset({"MW-7F3K9Q"})) == [one]
    assert await held(store, "<9@courriel.example>", references=frozenset({"MW-000000"})) == []
    assert await held(store) == []


async def test_an_outgoing_message_is_held_once_for_each_mailbox_that_shows_it(store: SqlStore) -> None:
    await keep(store, an_outgoing(), an_outgoing(written_at=NOW + 2 * HOUR))
    await keep(store, an_outgoing(evidence=Evidence.COPY), an_outgoing(mailbox=OTHER))

    found = await held(store, "<1@courriel.example>")

    assert [(one.mailbox, one.evidence, one.written_at) for one in found] == [
        (INSCRIPTIONS, Evidence.SENT, NOW + HOUR),
        (OTHER, Evidence.SENT, NOW + HOUR),
    ]
    assert (await count(store, outgoing), await count(store, outgoing_keys)) == (2, 4)


async def test_held_messages_come_in_the_order_in_which_they_were_written(store: SqlStore) -> None:
    await keep(store, an_outgoing(2, written_at=NOW + 2 * HOUR), an_outgoing(1, written_at=NOW + HOUR))

    assert [one.identity for one in await held(store, "<1@courriel.example>")] == [identity_of(1), identity_of(2)]


async def test_holding_nothing_writes_nothing(store: SqlStore) -> None:
    await keep(store)

    assert await count(store, outgoing) == 0


# --- matches ----------------------------------------------------------------------------------------------------------


async def test_requests_of_every_mailbox_are_found_by_every_kind_of_clue(store: SqlStore) -> None:
    request = a_new_request(1, thread_index="01d8")
    await receive(store, a_record(1, request=request))
    other = a_new_request(1, OTHER, thread_index="01d8", suppressed_by="elsewhere")
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere", request=other), mailbox=OTHER)
    await receive(store, a_record(2, request=a_new_request(2, requester="x@courriel.example")))
    clues = Clues(
        references=("<1@courriel.example>", "<7@courriel.example>"), reference=reference_of(1), thread_root="01d8"
    )
    async with store.transaction() as tx:
        found = await tx.find_matches([clues, Clues(subject=(SOPHIE, "inscription")), Clues(subject=("y", "z"))])

    both = [reference_of(1), reference_of(1, OTHER)]
    assert {key: [r.reference for r in some] for key, some in found.by_message_id.items()} == {
        "<1@courriel.example>": both
    }
    assert {key: [r.reference for r in some] for key, some in found.by_reference.items()} == {
        reference_of(1): [reference_of(1)]
    }
    assert {key: [r.reference for r in some] for key, some in found.by_thread_root.items()} == {"01d8": both}
    assert {key: [r.reference for r in some] for key, some in found.by_subject.items()} == {
        (SOPHIE, "inscription"): both
    }
    assert [r.mailbox for r in found.by_message_id["<1@courriel.example>"]] == [INSCRIPTIONS, OTHER]


async def test_a_message_that_asks_is_found_with_its_sender_in_its_own_request(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await receive(store, a_record(2))
    async with store.transaction() as tx:
        found = await tx.find_matches([Clues(in_reply_to=("<1@courriel.example>", "<7@courriel.example>"))])

    assert {key: one.by for key, one in found.asked.items()} == {(1, "<1@courriel.example>"): SOPHIE}


async def test_a_subject_alone_leads_to_no_request_of_long_ago(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1))
    clock.advance(timedelta(days=15))
    async with store.transaction() as tx:
        found = await tx.find_matches([Clues(subject=(SOPHIE, "inscription"))])

    assert found.by_subject == {}


async def test_no_clue_leads_nowhere(store: SqlStore) -> None:
    await receive(store, a_record(1))
    async with store.transaction() as tx:
        found = await tx.find_matches([Clues()])

    assert (found.by_message_id, found.by_reference, found.by_thread_root, found.by_subject) == ({}, {}, {}, {})


async def test_the_requester_s_reply_to_an_answer_finds_its_request(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await learn(store, Fact(request_id=1, event=an_answer(), identity=identity_of(100), message_id="<100@here>"))
    async with store.transaction() as tx:
        found = await tx.find_matches([Clues(in_reply_to=("<100@here>",))])

    assert [request.state for request in found.by_message_id["<100@here>"]] == [State.ANSWERED]


# --- questions --------------------------------------------------------------------------------------------------------


async def test_the_questions_of_running_clocks_are_listed_with_their_places(store: SqlStore) -> None:
    await receive(store, a_record(1), a_newsletter(2))
    await receive(store, a_record(1, sighting=a_sighting(7), is_known=True, request=None, entry=None))
    await receive(store, a_follow_up(3, 1, at=NOW + HOUR))

    assert await flagged(store) == [
        Flagged(identity=identity_of(n), sighting=a_sighting(uid), received_at=at, request_ids=(1,))
        for n, uid, at in ((1, 1, NOW), (3, 3, NOW + HOUR), (1, 7, NOW))
    ]
    assert await flagged(store, OTHER) == []


async def test_a_settled_request_has_no_questions(store: SqlStore) -> None:
    await receive(store, a_record(1), a_record(2))
    await learn(store, Fact(request_id=1, event=an_answer()))

    assert [one.request_ids for one in await flagged(store)] == [(2,)]


async def test_only_what_was_asked_since_the_clock_started_again_is_listed(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await learn(store, Fact(request_id=1, event=an_answer(1)))
    await receive(store, a_follow_up(2, 1, at=NOW + 2 * HOUR))

    assert [one.identity for one in await flagged(store)] == [identity_of(2)]


async def test_a_question_seen_flagged_is_not_listed_again(store: SqlStore) -> None:
    await receive(store, a_record(1))
    data = {"evidence": str(Evidence.FLAG), "about": NOW.isoformat()}
    await learn(store, Fact(request_id=1, event=an_answer(1, identity_of(1), **data), identity=identity_of(1)))
    reopened = Event(kind=EventKind.REOPENED, at=NOW + 2 * HOUR, by=MARIE, data={"clock": "continued"})
    assert await learn(store, Fact(request_id=1, event=reopened)) == {1: State.OPEN}

    assert await flagged(store) == []


async def test_a_place_under_an_old_uidvalidity_is_not_listed(store: SqlStore) -> None:
    await receive(store, a_record(1))
    async with store.transaction() as tx:
        await tx.start_cursor(INSCRIPTIONS, "INBOX", UIDVALIDITY + 1, 4)
    assert await flagged(store) == []

    again = Sighting(folder="INBOX", uidvalidity=UIDVALIDITY + 1, uid=4)
    async with store.transaction() as tx:
        await tx.record(INSCRIPTIONS, [a_record(1, sighting=again, is_known=True, request=None, entry=None)])
    assert [one.sighting for one in await flagged(store)] == [again]


async def test_a_question_bears_on_the_requests_it_opened_in_other_mailboxes(store: SqlStore) -> None:
    await receive(store, a_record(1))
    late = a_new_request(1, OTHER, suppressed_by="elsewhere", at=NOW + timedelta(seconds=2))
    record = a_record(1, OTHER, suppressed_by="elsewhere", request=late, received_at=NOW + timedelta(seconds=2))
    await receive(store, record, mailbox=OTHER)
    assert [one.request_ids for one in await flagged(store)] == [(1, 2)]

    await learn(store, Fact(request_id=2, event=an_answer()))
    assert [one.request_ids for one in await flagged(store)] == [(1,)]
    assert await flagged(store, OTHER) == []


# --- requests of messages ---------------------------------------------------------------------------------------------


async def test_the_requests_that_messages_opened_or_follow_are_found_in_every_mailbox(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await receive(store, a_record(1, OTHER, suppressed_by="elsewhere"), mailbox=OTHER)
    await receive(store, a_follow_up(3, 1), a_newsletter(4))
    async with store.transaction() as tx:
        found = await tx.find_requests_of(frozenset(identity_of(n) for n in (1, 3, 4, 5)))

    assert {key: sorted(r.id for r in some) for key, some in found.items()} == {
        identity_of(1): [1, 2],
        identity_of(3): [1],
    }


async def test_a_message_without_message_id_is_found_by_what_it_opened(store: SqlStore) -> None:
    request = replace(a_new_request(1), message_ids=())
    await receive(store, a_record(1, message_id="", request=request))
    async with store.transaction() as tx:
        found = await tx.find_requests_of(frozenset({identity_of(1)}))

    assert [request.id for request in found[identity_of(1)]] == [1]


async def test_an_automatic_message_belongs_to_a_request_and_asks_nothing(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await receive(store, a_follow_up(2, 1, EventKind.AUTO_REPLIED, kind="auto_reply"))
    async with store.transaction() as tx:
        assert await tx.find_requests_of(frozenset({identity_of(2)})) == {}


# --- answers seen -----------------------------------------------------------------------------------------------------


async def test_when_an_answer_was_last_seen_for_a_mailbox_is_remembered(store: SqlStore, clock: MovableClock) -> None:
    await receive(store, a_record(1))
    clock.advance(HOUR)
    async with store.transaction() as tx:
        await tx.note_answer_seen(INSCRIPTIONS)
    async with store.reading() as connection:
        chosen = select(mailboxes.c.answer_seen_at).where(mailboxes.c.address == INSCRIPTIONS)
        assert await connection.scalar(chosen) == NOW + HOUR


async def test_no_fact_changes_nothing(store: SqlStore) -> None:
    assert await learn(store) == {}
