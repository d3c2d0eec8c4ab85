"""What a person does to a request: who, when, why; what can't be done changes nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from builders import INSCRIPTIONS, MARIE, a_mailbox, a_person, a_staff_mailbox, an_organisation
from services.world import MONDAY, World, a_letter, a_world

from mailwatch.domain.mailboxes import LocalRule, Mailbox
from mailwatch.domain.requests import EventKind, State
from mailwatch.services.act import Act, ActRefused, Refusal
from mailwatch.store.facts import EventFact, RequestFact
from mailwatch.store.reports import get_request, list_register, list_requests

PAUL = "paul.roy@cscmonavenir.example"
WHY = "répondu par téléphone"
LIST = "List-Id: <parents.courriel.example>"


def an_act(world: World) -> Act:
    return Act(world.store, world.mailboxes, by="marie", why=WHY)


async def the_request(world: World) -> RequestFact:
    (fact,) = await list_requests(world.store)
    return fact


async def last_event(world: World) -> EventFact:
    return (await get_request(world.store, (await the_request(world)).reference)).events[-1]


@pytest.fixture
async def asked(world: World) -> World:
    """A request that is two hours old."""
    await world.look()
    world.arrive(a_letter(1))
    await world.look()
    world.clock.advance(timedelta(hours=2))
    return world


async def test_a_closed_request_says_who_when_and_why(asked: World) -> None:
    (acted,) = await an_act(asked).close((await the_request(asked)).reference)

    request = await the_request(asked)
    assert (acted.reference, acted.state, acted.mailbox) == (request.reference, State.CLOSED, INSCRIPTIONS)
    assert (request.state, request.settled_at, request.answered_at) == (State.CLOSED, asked.clock.now(), None)
    event = await last_event(asked)
    assert (event.kind, event.by, event.at, event.data) == (
        EventKind.CLOSED,
        "marie",
        asked.clock.now(),
        {"why": WHY},
    )


async def test_what_is_closed_before_its_acknowledgement_went_out_is_not_acknowledged(asked: World) -> None:
    await an_act(asked).close((await the_request(asked)).reference)
    await asked.send()

    assert asked.recipients == []


async def test_a_request_set_aside_waits_for_nobody(asked: World) -> None:
    (acted,) = await an_act(asked).set_aside((await the_request(asked)).reference)

    assert acted.state is State.SET_ASIDE
    assert (await last_event(asked)).data == {"why": WHY}


async def test_a_request_closed_twice_keeps_the_first_reason(asked: World) -> None:
    reference = (await the_request(asked)).reference
    await an_act(asked).close(reference)
    first = await last_event(asked)

    with pytest.raises(ActRefused) as refused:
        await Act(asked.store, asked.mailboxes, by="paul", why="encore").close(reference)

    assert (refused.value.why, refused.value.about) == (Refusal.ALREADY_SO, State.CLOSED)
    assert await last_event(asked) == first


async def test_what_was_settled_by_mistake_goes_on_as_if_it_had_never_stopped(asked: World) -> None:
    before = await the_request(asked)
    await an_act(asked).close(before.reference)
    asked.clock.advance(timedelta(days=7))
    await an_act(asked).reopen(before.reference)

    after = await the_request(asked)
    assert (after.state, after.clock_started_at, after.answer_due_at) == (State.OPEN, MONDAY, before.answer_due_at)
    assert (await last_event(asked)).data == {"why": WHY, "clock": "continued"}


async def test_what_is_asked_anew_has_a_new_clock(asked: World) -> None:
    before = await the_request(asked)
    await an_act(asked).close(before.reference)
    asked.clock.advance(timedelta(days=7))
    await an_act(asked).reopen(before.reference, anew=True)

    after = await the_request(asked)
    assert after.clock_started_at == asked.clock.now()
    assert after.answer_due_at > before.answer_due_at
    story = await get_request(asked.store, before.reference)
    assert [(run.started_at, run.stopped_by) for run in story.earlier_clocks] == [(MONDAY, "closed")]


async def test_what_is_not_settled_can_not_be_reopened(asked: World) -> None:
    with pytest.raises(ActRefused) as refused:
        await an_act(asked).reopen((await the_request(asked)).reference)

    assert (refused.value.why, refused.value.about) == (Refusal.NOT_SETTLED, State.OPEN)


async def test_a_request_is_given_to_somebody_else(asked: World) -> None:
    reference = (await the_request(asked)).reference
    (acted,) = await an_act(asked).assign(reference, PAUL)

    assert (acted.owner, (await the_request(asked)).owner) == (PAUL, PAUL)
    event = await last_event(asked)
    assert (event.kind, event.data) == (EventKind.REASSIGNED, {"why": WHY, "from": MARIE, "to": PAUL})
    with pytest.raises(ActRefused, match="already so"):
        await an_act(asked).assign(reference, PAUL)


async def test_a_reference_that_nobody_has_is_refused(asked: World) -> None:
    with pytest.raises(ActRefused) as refused:
        await an_act(asked).close("MW-000000")

    assert (refused.value.why, refused.value.about) == (Refusal.UNKNOWN, "MW-000000")


# --- one message, several mailboxes -----------------------------------------------------------------------------------


def two_mailboxes() -> tuple[Mailbox, Mailbox]:
    organisation = an_organisation(people={MARIE: a_person(), PAUL: a_person(PAUL, "Paul Roy")})
    return a_mailbox(organisation=organisation), a_staff_mailbox(organisation=organisation)


@pytest.fixture
async def twice(tmp_path: Path) -> AsyncIterator[World]:
    """One message that two mailboxes received."""
    async with a_world(tmp_path, *two_mailboxes()) as world:
        await world.look()
        letter = a_letter(1, to=f"{INSCRIPTIONS}, {MARIE}")
        for mailbox in world.mailboxes:
            world.arrive(letter, mailbox)
        await world.look()
        yield world


async def test_a_closing_applies_to_every_request_that_the_message_opened(twice: World) -> None:
    first, second = await list_requests(twice.store)
    acted = await an_act(twice).close(second.reference)

    assert [(one.reference, one.state) for one in acted] == [
        (second.reference, State.CLOSED),
        (first.reference, State.CLOSED),
    ]
    assert [fact.state for fact in await list_requests(twice.store)] == [State.CLOSED, State.CLOSED]


async def test_setting_aside_is_one_mailbox_s_affair(twice: World) -> None:
    first, second = await list_requests(twice.store)
    await an_act(twice).set_aside(second.reference)

    assert [fact.state for fact in await list_requests(twice.store)] == [first.state, State.SET_ASIDE]


async def test_a_story_names_the_other_requests_of_its_message(twice: World) -> None:
    first, second = await list_requests(twice.store)

    assert (await get_request(twice.store, first.reference)).siblings == (second.reference,)


# --- the silent register ----------------------------------------------------------------------------------------------


@pytest.fixture
async def silent(world: World) -> World:
    """A parent's letter that came through a list, two hours ago."""
    await world.look()
    world.arrive(a_letter(1, headers=[LIST]))
    await world.look()
    world.clock.advance(timedelta(hours=2))
    return world


async def test_a_released_message_is_a_request_whose_clocks_run_from_its_arrival(silent: World) -> None:
    (message,) = await list_register(silent.store)
    (acted,) = await an_act(silent).release(message.id)

    request = await the_request(silent)
    assert (request.reference, request.owner, request.requester) == (acted.reference, MARIE, message.sender)
    assert (request.received_at, request.clock_started_at) == (MONDAY, MONDAY)
    assert request.acknowledgement_due_at == MONDAY + timedelta(hours=48)
    assert (request.state, request.suppressed_by) == (State.OPEN, "released")
    (released,) = await list_register(silent.store)
    assert (released.kind, released.reference) == ("bulk", acted.reference)
    opened, withheld = (await get_request(silent.store, acted.reference)).events
    assert (opened.by, opened.at, opened.occurred_at) == ("marie", silent.clock.now(), MONDAY)
    assert opened.data == {"why": WHY, "reason": "released", "kind": "bulk"}
    assert (withheld.kind, withheld.data) == (EventKind.ACKNOWLEDGEMENT_WITHHELD, {"rule": "released"})


async def test_a_released_message_has_the_reference_that_receiving_would_have_given(silent: World) -> None:
    """So that a restored back-up, in which it is released again, gives it the same."""
    (message,) = await list_register(silent.store)
    (acted,) = await an_act(silent).release(message.id)
    letter = a_letter(1, headers=[LIST])
    uid = silent.arrive(letter)
    read = silent.judge.read(silent.mailboxes[0], silent.folder().messages[uid])

    assert acted.reference == read.references[0]


async def test_a_message_is_released_once(silent: World) -> None:
    (message,) = await list_register(silent.store)
    (acted,) = await an_act(silent).release(message.id)

    with pytest.raises(ActRefused) as refused:
        await an_act(silent).release(message.id)

    assert (refused.value.why, refused.value.about) == (Refusal.RELEASED_ALREADY, acted.reference)


async def test_only_the_register_can_be_released(silent: World) -> None:
    silent.arrive(a_letter(2, headers=["Auto-Submitted: auto-replied"]))
    await silent.look()

    for number, why in ((2, Refusal.NOT_IN_REGISTER), (3, Refusal.MESSAGE_UNKNOWN)):
        with pytest.raises(ActRefused) as refused:
            await an_act(silent).release(number)
        assert refused.value.why is why


async def test_a_mailbox_that_is_not_configured_any_more_can_not_say_when_a_message_is_due(silent: World) -> None:
    with pytest.raises(ActRefused) as refused:
        await Act(silent.store, [], by="marie", why=WHY).release(1)

    assert (refused.value.why, refused.value.about) == (Refusal.MAILBOX_UNKNOWN, INSCRIPTIONS)


async def test_an_answer_seen_before_the_release_counts(silent: World) -> None:
    answered_at = silent.clock.now()
    reply = a_letter(
        9, sender=MARIE, to="sophie.nadeau@courriel.example", headers=["In-Reply-To: <1@courriel.example>"]
    )
    silent.folder(name="Sent").append(reply, answered_at)
    await silent.look()
    silent.clock.advance(timedelta(hours=1))
    (acted,) = await an_act(silent).release(1)

    assert acted.state is State.ANSWERED
    assert (await the_request(silent)).answered_at == answered_at


async def test_what_a_local_rule_hit_goes_to_the_rule_s_owner(tmp_path: Path) -> None:
    rule = LocalRule(name="parents", domains=frozenset({"courriel.example"}), treat_as="record", owner=PAUL)
    organisation = an_organisation(people={MARIE: a_person(), PAUL: a_person(PAUL, "Paul Roy")})
    async with a_world(tmp_path, a_mailbox(organisation=organisation, rules=(rule,))) as world:
        await world.look()
        world.arrive(a_letter(1))
        await world.look()
        (acted,) = await an_act(world).release(1)

        assert acted.owner == PAUL
