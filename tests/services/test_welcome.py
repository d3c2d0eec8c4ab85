"""While you were away: told once, in the digest of the first business day back, whatever happened meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from email.message import EmailMessage
from pathlib import Path

import pytest
from builders import MARIE
from services.away import A_WEEK, PAUL, Office, marie, text_of, to_marie
from services.world import a_letter, a_world

from mailwatch.domain.absences import Absence
from mailwatch.services.act import Act
from mailwatch.services.summarise import MOST_MET
from mailwatch.store.schema import requests

WEEK = replace(A_WEEK, delegate=PAUL)
HEADING = "PENDANT VOTRE ABSENCE"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Marie's mailbox, in which answers are seen."""
    async with a_world(tmp_path, marie()) as world:
        office = Office(world)
        await world.look()
        async with world.store.transaction() as tx:
            await tx.note_answer_seen(MARIE)
        yield office


async def ask(office: Office, when: str, number: int = 1) -> None:
    office.set(when)
    await office.arrive(number, **to_marie(sender=f"p{number}@courriel.example", subject=f"Question {number}"))
    await office.sent()


async def digest(office: Office, when: str) -> str:
    """What Marie's digest of a morning says; "" without one."""
    office.set(when)
    before = len(await office.sent())
    await office.escalate.tick()
    letters: list[EmailMessage] = (await office.sent())[before:]
    return next((text_of(letter) for letter in letters if letter["To"] == MARIE), "")


def is_welcome(text: str) -> bool:
    return HEADING in text.replace("’", "'").upper()


async def close(office: Office, by: str, when: str) -> None:
    office.set(when)
    ((reference,),) = await office.rows(requests.c.reference)
    await Act(office.world.store, office.world.mailboxes, by=by, why="").close(reference)


async def test_it_is_told_once_on_the_first_business_day_back(office: Office) -> None:
    await office.keep(replace(WEEK, returns_on=date(2026, 11, 28)))  # a Saturday
    await ask(office, "2026-11-24 10:00")
    await close(office, PAUL, "2026-11-25 10:00")
    assert await digest(office, "2026-11-27 08:31") == ""
    assert await digest(office, "2026-11-28 08:31") == ""
    text = await digest(office, "2026-11-30 08:31")
    assert is_welcome(text)
    assert "Question 1" in text
    assert await digest(office, "2026-12-01 08:31") == ""


async def test_who_answered_meanwhile_is_named(office: Office) -> None:
    await office.keep(WEEK)
    await ask(office, "2026-11-24 10:00")
    office.set("2026-11-25 10:00")
    headers = ["In-Reply-To: <1@courriel.example>", f"Cc: {MARIE}"]
    answer = {"sender": PAUL, "to": "p1@courriel.example", "subject": "RE: Question 1", "headers": headers}
    await office.arrive(2, **answer)
    text = await digest(office, "2026-11-30 08:31")
    assert is_welcome(text)
    assert "Paul Roy" in text


async def test_a_service_that_was_down_on_the_first_day_tells_on_the_next(office: Office) -> None:
    await office.keep(WEEK)
    await ask(office, "2026-11-24 10:00")
    office.start()
    assert is_welcome(await digest(office, "2026-12-02 11:00"))
    office.start()
    assert not is_welcome(await digest(office, "2026-12-03 08:31"))


async def test_who_has_been_back_for_a_fortnight_has_seen_for_themselves(office: Office) -> None:
    await office.keep(WEEK)
    await ask(office, "2026-11-24 10:00")
    assert not is_welcome(await digest(office, "2026-12-14 08:31"))


async def test_where_nothing_came_nothing_is_told(office: Office) -> None:
    await office.keep(WEEK)
    assert await digest(office, "2026-11-30 08:31") == ""


async def test_what_came_before_and_after_is_not_told_there(office: Office) -> None:
    office.set("2026-11-23 09:00")
    await ask(office, "2026-11-23 10:00", 1)
    await office.keep(replace(WEEK, away_from=date(2026, 11, 24)))
    await ask(office, "2026-11-24 10:00", 2)
    await ask(office, "2026-11-30 08:00", 3)
    text = await digest(office, "2026-11-30 08:31")
    told = text[text.replace("’", "'").upper().index(HEADING) :]
    assert "Question 2" in told
    assert "Question 3" not in told


async def test_several_absences_are_told_together_and_not_between_them(office: Office) -> None:
    second = Absence(who=MARIE, away_from=date(2026, 11, 30), returns_on=date(2026, 12, 3), delegate=PAUL)
    await office.keep(replace(WEEK, returns_on=date(2026, 11, 28)), second)
    await ask(office, "2026-11-24 10:00", 1)
    await ask(office, "2026-12-01 10:00", 2)
    assert await digest(office, "2026-12-02 08:31") == ""
    text = await digest(office, "2026-12-03 08:31")
    assert "Question 1" in text
    assert "Question 2" in text
    assert text.replace("’", "'").upper().count(HEADING) == 1
    assert not is_welcome(await digest(office, "2026-12-04 08:31"))


async def test_whoever_is_away_again_on_that_day_is_told_when_they_are_back_for_good(office: Office) -> None:
    await office.keep(WEEK)
    await ask(office, "2026-11-24 10:00")
    ill = Absence(who=MARIE, away_from=date(2026, 11, 30), returns_on=date(2026, 12, 2))
    office.set("2026-11-30 07:00")
    await office.keep(WEEK, ill)
    assert await digest(office, "2026-11-30 08:31") == ""
    assert is_welcome(await digest(office, "2026-12-02 08:31"))


async def test_an_absence_that_was_ended_and_begins_again_is_told_when_it_ends_again(office: Office) -> None:
    """The same row: a calendar's event that was taken out, and put back in."""
    long = replace(WEEK, returns_on=date(2026, 12, 14))
    await office.keep(long)
    await ask(office, "2026-11-24 10:00", 1)
    office.set("2026-11-25 07:00")
    await office.keep()
    assert is_welcome(await digest(office, "2026-11-25 08:31"))
    office.set("2026-11-26 07:00")
    await office.keep(long)
    await ask(office, "2026-11-30 10:00", 2)
    text = await digest(office, "2026-12-14 08:31")
    assert is_welcome(text)
    assert "Question 2" in text
    assert not is_welcome(await digest(office, "2026-12-15 08:31"))


async def test_a_long_list_is_cut_and_says_how_many_more_there_are(office: Office) -> None:
    await office.keep(WEEK)
    office.set("2026-11-24 10:00")
    for number in range(1, MOST_MET + 4):
        office.world.arrive(
            a_letter(number, to=MARIE, sender=f"p{number}@x.example", subject=f"Q{number}", at=office.world.clock.now())
        )
    for _ in range(8):
        await office.world.look()
    await office.sent()
    text = await digest(office, "2026-11-30 08:31")
    assert is_welcome(text)
    assert "3 autres" in text
