"""One message to two mailboxes: the second acknowledges where the first doesn't, and only what it may itself."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_mailbox, an_organisation
from services.world import World, a_letter, a_world

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import parse_message
from mailwatch.ports import FetchedMessage
from mailwatch.services.judge import Judge
from mailwatch.services.share import belongs_here
from mailwatch.store import reports

BOTH = "inscriptions@cscmonavenir.example, bibliotheque@cscmonavenir.example"
HALF = timedelta(hours=25)


def two_mailboxes() -> list[Mailbox]:
    watched = {f"{n}@cscmonavenir.example": f"{n}@cscmonavenir.example" for n in ("inscriptions", "bibliotheque")}
    organisation = replace(an_organisation(), watched=watched)
    return [replace(a_mailbox(), address=address, organisation=organisation) for address in watched]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[World]:
    """Two mailboxes, looked at once; what follows reaches only the second."""
    async with a_world(tmp_path, *two_mailboxes()) as world:
        await world.look()
        yield world


async def reasons(world: World) -> list[str]:
    return [fact.suppressed_by or "" for fact in await reports.list_messages(world.store)]


async def test_a_sender_past_the_limit_is_not_acknowledged_by_taking_over(office: World) -> None:
    second = office.mailboxes[1]
    office.arrive(a_letter(0, to=BOTH, subject="Question 0"), second)
    await office.look(second)
    office.clock.advance(HALF)
    for number in range(1, 6):
        office.arrive(a_letter(number, to=second.address, subject=f"Question {number}"), second)
    await office.look(second)
    assert await reasons(office) == ["elsewhere"] + [""] * 5
    assert await office.take_over.tick() == 0


async def test_a_blocked_address_gets_nothing_by_taking_over(office: World) -> None:
    office.arrive(a_letter(1, to=BOTH, headers=["Reply-To: secretariat@courriel.example"]), office.mailboxes[1])
    await office.look(office.mailboxes[1])
    async with office.store.transaction() as tx:
        await tx.block("secretariat@courriel.example", "no such address", office.clock.now() + timedelta(days=60))
    office.clock.advance(HALF)
    assert await office.take_over.tick() == 0


async def test_what_a_person_answered_is_not_taken_over(office: World) -> None:
    uid = office.arrive(a_letter(1, to=BOTH), office.mailboxes[1])
    await office.look(office.mailboxes[1])
    office.folder(office.mailboxes[1]).flag(uid, "\\Answered")
    office.clock.advance(HALF)
    assert await office.take_over.tick() == 0


async def test_what_the_second_mailbox_would_not_acknowledge_either_is_not_left_to_the_first(office: World) -> None:
    office.arrive(a_letter(1, to=BOTH), office.mailboxes[1], flags=["\\Answered"])
    await office.look(office.mailboxes[1])
    assert await reasons(office) == ["answered"]


async def test_what_a_migration_brings_back_is_not_taken_over(office: World) -> None:
    second = office.mailboxes[1]
    office.clock.advance(timedelta(hours=1))
    office.folder(second).uidvalidity = 78
    for number in range(51):
        office.arrive(a_letter(number, to=BOTH, sender=f"p{number}@courriel.example", at=office.clock.now()), second)
    await office.look(second)
    assert set(await reasons(office)) == {"resync"}
    office.clock.advance(HALF)
    assert await office.take_over.tick() == 0


async def test_an_unreachable_mailbox_is_asked_once_a_tick_and_again_at_the_next(
    office: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        office.arrive(a_letter(number, to=BOTH, sender=f"p{number}@courriel.example"), office.mailboxes[1])
    await office.look(office.mailboxes[1])
    office.clock.advance(HALF)
    asked = 0
    use = office.sources.use

    async def count(mailbox: str, *arguments: object) -> object:
        nonlocal asked
        asked += 1
        return await use(mailbox, *arguments)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(office.sources, "use", count)
    office.sources.down = {office.mailboxes[1].address}
    assert (await office.take_over.tick(), asked) == (0, 1)
    office.sources.down = set()
    assert await office.take_over.tick() == 3


async def test_what_may_not_be_taken_over_is_fetched_once_not_every_minute(office: World) -> None:
    uid = office.arrive(a_letter(1, to=BOTH), office.mailboxes[1])
    await office.look(office.mailboxes[1])
    office.folder(office.mailboxes[1]).flag(uid, "\\Answered")
    office.clock.advance(HALF)
    source = office.sources.sources[office.mailboxes[1].address]
    before = len(source.fetches)
    for _ in range(5):
        await office.take_over.tick()
    assert len(source.fetches) == before + 1


async def test_one_message_that_breaks_the_judging_keeps_no_other_waiting(
    office: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        office.arrive(a_letter(number, to=BOTH, sender=f"p{number}@courriel.example"), office.mailboxes[1])
    await office.look(office.mailboxes[1])
    office.clock.advance(HALF)
    read = Judge.read

    def break_one(self: Judge, mailbox: Mailbox, fetched: FetchedMessage) -> object:
        if b"<0@courriel.example>" in fetched.head:
            raise RuntimeError("a fault of ours")
        return read(self, mailbox, fetched)

    monkeypatch.setattr(Judge, "read", break_one)
    assert await office.take_over.tick() == 2


@pytest.mark.parametrize(
    ("to", "belongs"),
    [
        ("bibliotheque@cscmonavenir.example", [False, True]),
        ("bibliotheque+prets@cscmonavenir.example", [False, True]),
        ("tous@cscmonavenir.example", [True, False]),
        (BOTH, [True, True]),
    ],
)
def test_in_a_shared_folder_a_message_belongs_to_whom_it_is_addressed(to: str, belongs: Sequence[bool]) -> None:
    boxes = two_mailboxes()
    shares = tuple(box.address for box in boxes)
    message = parse_message(a_letter(1, to=to))
    assert [belongs_here(message, replace(box, shares_with=shares)) for box in boxes] == belongs
