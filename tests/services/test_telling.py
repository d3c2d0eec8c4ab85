"""Somebody is away: who is told what, how often; when the answer is due; who covers. On a real database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import INSCRIPTIONS, MARIE, a_staff_mailbox, an_organisation
from services.away import A_WEEK, LUC, PAUL, PEOPLE, TORONTO, Office, inscriptions, marie, text_of, to_marie
from services.world import a_world

from mailwatch.domain.absences import Absence, Audience
from mailwatch.domain.languages import Language
from mailwatch.domain.people import Responder
from mailwatch.store.schema import messages, outbox, requests


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Office]:
    """Marie's mailbox."""
    async with a_world(tmp_path, marie()) as world:
        office = Office(world)
        await world.look()
        yield office


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Office]:
    """The shared mailbox."""
    async with a_world(tmp_path, inscriptions()) as world:
        office = Office(world)
        await world.look()
        yield office


async def test_one_message_at_once_acknowledges_and_tells_of_the_absence(own: Office) -> None:
    await own.keep(replace(A_WEEK, delegate=PAUL))
    await own.arrive(**to_marie())
    (letter,) = await own.sent()
    text = text_of(letter)
    assert "Marie Tremblay" in text
    assert "lundi 30 novembre 2026" in text
    assert "Paul Roy" in text
    assert PAUL in text
    assert "416-555-0123" in text
    assert letter["Auto-Submitted"] == "auto-replied"
    assert await own.rows(outbox.c.id, outbox.c.kind, outbox.c.absence_id) == [(1, "acknowledgement", 1)]
    assert await own.rows(messages.c.id, messages.c.notice) == [(1, "told")]


async def test_where_nobody_covers_the_answer_is_due_the_business_day_after_the_return_and_announced_so(
    own: Office,
) -> None:
    await own.keep(A_WEEK)
    await own.arrive(**to_marie())
    assert await own.due() == "12-01 16:30"
    (letter,) = await own.sent()
    assert "mardi 1er décembre 2026" in text_of(letter)
    assert "Luc Gagnon" in text_of(letter)  # her manager, as the last resort
    assert await own.history() == ["opened", "rescheduled", "acknowledgement enqueued", "acknowledged"]


async def test_where_a_delegate_covers_the_standard_holds(own: Office) -> None:
    await own.keep(replace(A_WEEK, delegate=PAUL))
    await own.arrive(**to_marie())
    assert await own.due() == "11-30 16:30"


async def test_a_follow_up_gets_no_second_message_within_the_week_of_the_first(own: Office) -> None:
    await own.keep(replace(A_WEEK, returns_on=date(2026, 12, 14)))
    await own.arrive(1, **to_marie())
    await own.sent()
    own.world.clock.set(own.world.clock.now() + timedelta(days=1))
    await own.arrive(2, **to_marie(subject="Re: Inscription", headers=["In-Reply-To: <1@courriel.example>"]))
    assert len(await own.sent()) == 1
    assert await own.rows(messages.c.id, messages.c.notice) == [(1, "told"), (2, "told already")]


async def test_a_follow_up_of_an_earlier_request_gets_a_notice_of_its_own_once_in_seven_days(own: Office) -> None:
    await own.arrive(1, **to_marie())  # before the absence: a plain acknowledgement
    own.world.clock.set(own.world.clock.now() + timedelta(days=1, hours=1))
    assert len(await own.sent()) == 1
    own.set("2026-12-07 09:00")
    await own.keep(replace(A_WEEK, away_from=date(2026, 12, 5), returns_on=date(2027, 1, 4), delegate=PAUL))
    reply = {"headers": ["In-Reply-To: <1@courriel.example>"], "subject": "Re: Inscription de ma fille"}
    for number, when in enumerate(("12-07 09:00", "12-08 09:00", "12-14 08:59", "12-14 09:01"), 2):
        own.set(f"2026-{when}")
        await own.arrive(number, **to_marie(**reply))
        letters = await own.sent()
    kinds = await own.rows(outbox.c.id, outbox.c.kind)
    assert [kind for _, kind in kinds] == ["acknowledgement", "notice", "notice"]
    assert all("Paul Roy" in text_of(letter) for letter in letters[1:])
    assert letters[1]["In-Reply-To"] == "<2@courriel.example>"
    noted = [notice for _, notice in await own.rows(messages.c.id, messages.c.notice)]
    assert noted == [None, "told", "told already", "told already", "told"]
    assert (await own.history()).count("notified") == 2


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        ({"headers": ["X-Auto-Response-Suppress: OOF"]}, "oof"),
        ({"headers": ["X-Auto-Response-Suppress: DR, OOF, RN"]}, "oof"),
        ({"sender": "collegue@cscmonavenir.example"}, "audience"),
    ],
)
async def test_what_asks_for_no_notice_gets_the_plain_acknowledgement(
    own: Office, letter: dict[str, Any], why: str
) -> None:
    await own.keep(replace(A_WEEK, delegate=PAUL, audience=Audience.EXTERNAL))
    await own.arrive(**to_marie(**letter))
    assert await own.rows(messages.c.id, messages.c.notice) == [(1, why)]
    own.world.clock.set(own.world.clock.now() + timedelta(days=1, hours=1))
    (plain,) = await own.sent()
    assert "Paul Roy" not in text_of(plain)


@pytest.mark.parametrize(
    "headers",
    [
        ["Auto-Submitted: auto-replied"],
        ["Auto-Submitted: auto-generated"],
        ["List-Id: <bulletin.example>"],
        ["Precedence: bulk"],
        ["X-Auto-Response-Suppress: All"],
        ["X-Spam-Flag: YES"],
    ],
)
async def test_nothing_automatic_is_told_of_an_absence(own: Office, headers: list[str]) -> None:
    await own.keep(replace(A_WEEK, delegate=PAUL))
    await own.arrive(**to_marie(headers=headers))
    own.world.clock.set(own.world.clock.now() + timedelta(days=2))
    assert await own.sent() == []


async def test_where_acknowledgements_are_off_a_new_request_gets_the_notice_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path, marie(policy={"enabled": False})) as world:
        office = Office(world)
        await world.look()
        await office.keep(replace(A_WEEK, delegate=PAUL))
        for number in (1, 2):
            await office.arrive(number, **to_marie(subject=f"Question {number}"))
        (letter,) = await office.sent()
        assert "Paul Roy" in text_of(letter)
        assert await office.rows(outbox.c.id, outbox.c.kind) == [(1, "notice")]


@pytest.mark.parametrize("who", ["person", "mailbox"])
async def test_where_another_program_tells_of_absences_mailwatch_never_does(tmp_path: Path, who: str) -> None:
    person = replace(PEOPLE[MARIE], notice=Responder.NONE if who == "person" else Responder.SEND)
    organisation = an_organisation(people={**PEOPLE, MARIE: person})
    notice = Responder.SIEVE if who == "mailbox" else Responder.SEND
    box = a_staff_mailbox(organisation=organisation, owners=(person,), notice=notice)
    async with a_world(tmp_path, box) as world:
        office = Office(world)
        await world.look()
        await office.keep(replace(A_WEEK, delegate=PAUL))
        await office.arrive(**to_marie())
        assert await office.rows(messages.c.id, messages.c.notice) == [(1, "responder")]


async def test_a_closed_service_says_so_and_when_it_opens_again(shared: Office) -> None:
    closed = Absence(who=INSCRIPTIONS, away_from=date(2026, 11, 23), returns_on=date(2026, 11, 28))
    await shared.keep(closed)
    await shared.arrive()
    (letter,) = await shared.sent()
    assert "lundi 30 novembre 2026" in text_of(letter)  # the 28th is a Saturday
    assert "Marie" not in text_of(letter)
    assert await shared.due() == "12-01 16:30"


async def test_a_return_moved_forward_moves_what_is_open_and_keeps_what_was_announced(own: Office) -> None:
    await own.keep(replace(A_WEEK, returns_on=date(2026, 12, 14)))
    await own.arrive(**to_marie())
    assert await own.due() == "12-15 16:30"
    await own.sent()
    own.set("2026-11-25 09:00")
    await own.keep(replace(A_WEEK, returns_on=date(2026, 12, 2)))
    await own.tick()
    assert await own.due() == "12-03 16:30"
    ((announced,),) = await own.rows(requests.c.announced_due_at)
    assert f"{announced.astimezone(TORONTO):%m-%d}" == "12-15"
    assert (await own.history())[-1] == "rescheduled"


async def test_an_absence_that_is_taken_back_in_its_middle_ended_today(own: Office) -> None:
    await own.keep(replace(A_WEEK, returns_on=date(2026, 12, 14)))
    await own.arrive(1, **to_marie())
    own.set("2026-11-25 09:00")
    await own.keep()
    await own.tick()
    assert await own.due() == "11-30 16:30"  # back on the 25th: the standard is later
    await own.arrive(2, **to_marie(subject="Autre chose", sender="x@courriel.example"))
    assert [notice for _, notice in await own.rows(messages.c.id, messages.c.notice)] == ["told", None]


async def test_an_absence_that_is_over_keeps_its_due_dates_though_nobody_names_it_any_more(own: Office) -> None:
    await own.keep(replace(A_WEEK, returns_on=date(2026, 12, 14)))
    await own.arrive(**to_marie())
    own.set("2026-12-14 09:00")
    await own.keep()
    await own.tick()
    assert await own.due() == "12-15 16:30"


async def test_a_delegate_gets_one_note_of_a_request_and_the_chain_is_followed(own: Office) -> None:
    away = replace(A_WEEK, delegate=PAUL, note="Le dossier bleu est sur mon bureau.")
    await own.keep(away, replace(A_WEEK, who=PAUL, delegate=LUC))
    await own.arrive(**to_marie())
    for _ in range(3):
        await own.tick()
    letters = await own.sent()
    notes = [letter for letter in letters if letter["To"] == LUC]
    assert len(notes) == 1
    assert len(letters) == 2
    assert notes[0]["Auto-Submitted"] == "auto-generated"
    assert "Le dossier bleu est sur mon bureau." in text_of(notes[0])
    assert "Luc Gagnon" in text_of(next(letter for letter in letters if letter["To"] != LUC))


async def test_no_note_where_no_delegate_is_named_or_the_person_is_back(own: Office) -> None:
    await own.keep(A_WEEK)
    await own.arrive(**to_marie())
    await own.tick()
    assert await own.rows(outbox.c.id, outbox.c.kind) == [(1, "acknowledgement")]


async def test_an_english_sender_is_told_in_english_with_the_organisation_s_own_words(own: Office) -> None:
    text = {Language.EN: "I am at a conference.", Language.FR: "Je participe à un congrès."}
    await own.keep(replace(A_WEEK, delegate=PAUL, text=text))
    body = "Hello, which documents do I need to register my daughter for school? Thank you for your help."
    await own.arrive(**to_marie(subject="Registration", body=body))
    (letter,) = await own.sent()
    assert "I am at a conference." in text_of(letter)
    assert "congrès" not in text_of(letter)
    assert "Monday, November 30, 2026" in text_of(letter)
