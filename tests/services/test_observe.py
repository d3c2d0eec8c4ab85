"""What people do in their own mail programs, and what it says of requests; in whatever order it is seen."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import INSCRIPTIONS, MARIE, a_mailbox, a_person, a_staff_mailbox, an_organisation
from services.world import MONDAY, Folder, World, a_letter, a_world
from sqlalchemy import select
from structlog.testing import capture_logs

from mailwatch.domain.mailboxes import Mailbox, ObservingPolicy
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.errors import MailboxUnavailable, StoreUnavailable
from mailwatch.ports import Fact, Flagged
from mailwatch.services import flags
from mailwatch.store.observing import ObservingPart
from mailwatch.store.schema import cursors, events, mailboxes, requests

SOPHIE = "sophie.nadeau@courriel.example"
COLLEAGUE = "luc.gagnon@cscmonavenir.example"
LIBRARY = "bibliotheque@cscmonavenir.example"
HOUR = timedelta(hours=1)


# --- the story as it stands -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """A request as it stands, and its events after the opening ones."""

    mailbox: str
    state: str
    settled_at: datetime | None
    answered_at: datetime | None
    kinds: tuple[str, ...]
    data: tuple[dict[str, Any], ...]
    by: tuple[str, ...]


_OPENING = ("opened", "acknowledgement enqueued", "acknowledgement withheld")


async def stories(world: World) -> list[Story]:
    """Every request, oldest first."""
    async with world.store.reading() as connection:
        rows = (
            await connection.execute(
                select(requests, mailboxes.c.address)
                .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
                .order_by(requests.c.received_at, mailboxes.c.address)
            )
        ).all()
        told = []
        for row in rows:
            chosen = select(events).where(events.c.request_id == row.id).order_by(events.c.n)
            later = [event for event in (await connection.execute(chosen)).all() if event.kind not in _OPENING]
            told.append(
                Story(
                    mailbox=row.address,
                    state=row.state,
                    settled_at=row.settled_at,
                    answered_at=row.answered_at,
                    kinds=tuple(event.kind for event in later),
                    data=tuple(event.data for event in later),
                    by=tuple(event.by for event in later),
                )
            )
    return told


async def story(world: World) -> Story:
    """The only request."""
    [only] = await stories(world)
    return only


async def answers_seen_at(world: World, mailbox: str = INSCRIPTIONS) -> datetime | None:
    """When an answer was last seen for a mailbox."""
    async with world.store.reading() as connection:
        chosen = select(mailboxes.c.answer_seen_at).where(mailboxes.c.address == mailbox)
        return (await connection.execute(chosen)).scalar_one()


async def cursor_of(world: World, folder: str) -> int:
    """How far a folder of the only mailbox was read."""
    async with world.store.reading() as connection:
        chosen = select(cursors.c.last_uid).where(cursors.c.folder == folder, cursors.c.is_current)
        return (await connection.execute(chosen)).scalar_one()


# --- what people write ------------------------------------------------------------------------------------------------


def an_answer(
    number: int = 100,
    *,
    to: str = SOPHIE,
    refers_to: str = "<1@courriel.example>",
    sender: str = INSCRIPTIONS,
    subject: str = "RE: Inscription de ma fille",
    headers: Sequence[str] = (),
    at: datetime = MONDAY,
) -> bytes:
    """What staff write to Sophie in answer to her first letter."""
    referring = (f"In-Reply-To: {refers_to}", f"References: {refers_to}") if refers_to else ()
    return a_letter(
        number,
        sender=sender,
        to=to,
        subject=subject,
        body="Bonjour, il faut l'acte de naissance et une preuve d'adresse.",
        headers=(*referring, *headers),
        at=at,
    )


def with_observing(mailbox: Mailbox, **fields: Any) -> Mailbox:
    """The mailbox, observed otherwise."""
    return replace(mailbox, observing=replace(mailbox.observing, **fields))


def a_board(*others: Mailbox) -> list[Mailbox]:
    """The admissions service and other mailboxes of one organisation."""
    boxes = [a_mailbox(), *others]
    people = {MARIE: a_person(), COLLEAGUE: a_person(COLLEAGUE, "Luc Gagnon")}
    organisation = an_organisation(watched={box.address: box.address for box in boxes}, people=people)
    return [replace(box, organisation=organisation) for box in boxes]


async def asked(world: World, number: int = 1, mailbox: Mailbox | None = None, **fields: Any) -> int:
    """Everybody is looked at once; an hour later Sophie writes, and it is seen. The UID of her letter."""
    await world.look()
    world.clock.advance(HOUR)
    uid = world.arrive(a_letter(number, at=world.clock.now(), **fields), mailbox)
    await world.look()
    world.clock.advance(HOUR)
    return uid


def send(world: World, raw: bytes, mailbox: Mailbox | None = None, folder: str = "Sent") -> int:
    """Staff sent something now: its copy lies in their Sent folder."""
    return world.folder(mailbox, folder).append(raw, world.clock.now(), ["\\Seen"])


# --- Sent folders -----------------------------------------------------------------------------------------------------


async def test_an_answer_in_a_sent_folder_stops_the_clock_when_it_was_written(world: World) -> None:
    await asked(world)
    written_at = world.clock.now()
    send(world, an_answer())
    world.clock.advance(HOUR)
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds, told.by) == ("answered", ("answered",), (INSCRIPTIONS,))
    assert told.settled_at == told.answered_at == written_at
    assert told.data[0]["evidence"] == "sent folder"
    assert told.data[0]["confidence"] > 0.9
    assert await answers_seen_at(world) == world.clock.now()


async def test_what_lay_in_a_sent_folder_at_its_first_sight_is_left_alone(world: World) -> None:
    send(world, an_answer())
    await asked(world)
    await world.look()

    assert (await story(world)).state == "open"
    assert await answers_seen_at(world) is None


async def test_a_sent_folder_first_seen_while_a_clock_runs_is_read_as_far_back_as_that(world: World) -> None:
    unobserved = with_observing(world.mailboxes[0], sent=False)
    old = send(world, an_answer(90, refers_to="<0@courriel.example>"))
    world.clock.advance(timedelta(days=3))
    await world.look(unobserved)
    world.arrive(a_letter(at=world.clock.now()))
    await world.look(unobserved)
    world.clock.advance(HOUR)
    written_at = world.clock.now()
    new = send(world, an_answer(at=written_at))
    world.clock.advance(HOUR)
    source = world.sources.sources[INSCRIPTIONS]
    source.fetches.clear()

    await world.look()

    assert ((await story(world)).state, (await story(world)).settled_at) == ("answered", written_at)
    assert source.fetches == [[new]]
    assert old < new == await cursor_of(world, "Sent")


async def test_an_answer_is_applied_once_however_often_it_is_seen(world: World) -> None:
    await asked(world)
    send(world, an_answer())
    await world.look()
    send(world, an_answer())  # filed twice
    world.arrive(an_answer(to=f"{SOPHIE}, {INSCRIPTIONS}"))  # and copied to the mailbox
    await world.look()
    world.restart()
    await world.look()

    assert (await story(world)).kinds == ("answered",)


async def test_a_copy_that_arrives_in_the_mailbox_is_an_answer_too(world: World) -> None:
    await asked(world)
    world.arrive(an_answer(sender=MARIE, to=f"{SOPHIE}, {INSCRIPTIONS}"))
    await world.look()

    told = await story(world)

    assert (told.state, told.by) == ("answered", (MARIE,))
    assert told.data[0]["evidence"] == "copy"
    assert await answers_seen_at(world) == world.clock.now()


async def test_an_answer_seen_before_its_request_is_held_and_applied(tmp_path: Path) -> None:
    boxes = a_board(a_staff_mailbox())
    async with a_world(tmp_path, *boxes) as world:
        await world.look()
        world.arrive(a_letter(1), boxes[0])  # this mailbox's server is slow
        world.clock.advance(HOUR)
        send(world, an_answer(sender=MARIE), boxes[1])
        await world.look(boxes[1])
        assert await stories(world) == []
        world.clock.advance(HOUR)
        await world.look(boxes[0])

        told = await story(world)

        assert (told.state, told.by) == ("answered", (MARIE,))
        assert told.answered_at == world.clock.now() - HOUR
        assert await answers_seen_at(world) == world.clock.now()


async def test_an_answer_to_a_follow_up_that_is_recorded_later_is_held_and_applied(tmp_path: Path) -> None:
    boxes = a_board(a_staff_mailbox())
    async with a_world(tmp_path, *boxes) as world:
        await asked(world, mailbox=boxes[0])
        reply = ("In-Reply-To: <1@courriel.example>",)
        world.arrive(a_letter(2, subject="RE: Inscription de ma fille", headers=reply), boxes[0])
        world.clock.advance(HOUR)
        send(world, an_answer(refers_to="<2@courriel.example>", sender=MARIE), boxes[1])
        await world.look(boxes[1])
        assert (await story(world)).state == "open"
        await world.look(boxes[0])

        told = await story(world)

        assert (told.state, told.kinds) == ("answered", ("answer suspected", "followed up", "answered"))


async def test_an_answer_applies_to_every_mailbox_that_the_request_reached(tmp_path: Path) -> None:
    boxes = a_board(a_mailbox(address=LIBRARY))
    async with a_world(tmp_path, *boxes) as world:
        await world.look()
        for box in boxes:
            world.arrive(a_letter(1, to=f"{INSCRIPTIONS}, {LIBRARY}"), box)
        await world.look()
        world.clock.advance(HOUR)
        send(world, an_answer(), boxes[0])
        await world.look()

        assert [(told.mailbox, told.state) for told in await stories(world)] == [
            (LIBRARY, "answered"),
            (INSCRIPTIONS, "answered"),
        ]
        assert await answers_seen_at(world, LIBRARY) == await answers_seen_at(world) == world.clock.now()


async def test_the_second_mailbox_is_answered_too_when_it_receives_the_request_after_the_answer(
    tmp_path: Path,
) -> None:
    boxes = a_board(a_mailbox(address=LIBRARY))
    async with a_world(tmp_path, *boxes) as world:
        await world.look()
        for box in boxes:
            world.arrive(a_letter(1, to=f"{INSCRIPTIONS}, {LIBRARY}"), box)
        await world.look(boxes[0])
        world.clock.advance(HOUR)
        send(world, an_answer(), boxes[0])
        await world.look(boxes[0])
        await world.look(boxes[1])

        assert [told.state for told in await stories(world)] == ["answered", "answered"]


async def test_a_consultation_is_noted_and_answers_nothing(world: World) -> None:
    await asked(world)
    send(world, an_answer(to=COLLEAGUE, subject="TR: Inscription de ma fille"))
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds) == ("open", ("consulted",))
    assert await answers_seen_at(world) is None


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated", "X-Autoreply: yes", "Precedence: auto_reply"],
)
async def test_automatic_mail_in_a_sent_folder_answers_nothing(world: World, header: str) -> None:
    await asked(world)
    send(world, an_answer(headers=[header]))
    await world.look()

    assert (await story(world)).kinds == ()


async def test_an_answer_known_by_its_subject_alone_is_only_suspected(world: World) -> None:
    await asked(world)
    send(world, an_answer(refers_to=""))
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds) == ("open", ("answer suspected",))
    assert told.data[0]["confidence"] < 0.5


async def test_nobody_answers_a_colleague_but_who_is_there_for_it(tmp_path: Path) -> None:
    boxes = a_board(a_mailbox(address=LIBRARY))
    async with a_world(tmp_path, *boxes) as world:
        await asked(world, mailbox=boxes[0], sender=COLLEAGUE)
        send(world, an_answer(100, sender="jean@cscmonavenir.example", to=COLLEAGUE), boxes[1])
        await world.look()
        assert (await story(world)).state == "open"
        send(world, an_answer(101, sender=MARIE, to=COLLEAGUE), boxes[1])
        await world.look()

        assert (await story(world)).state == "answered"


async def test_an_answer_goes_to_whatever_address_a_parent_wrote_from_last(world: World) -> None:
    await asked(world)
    headers = ["In-Reply-To: <1@courriel.example>"]
    world.arrive(a_letter(2, sender="s.nadeau@travail.example", subject="RE: Inscription", headers=headers))
    world.arrive(a_letter(3, sender=COLLEAGUE, subject="RE: Inscription", headers=headers))
    await world.look()
    world.clock.advance(HOUR)
    send(world, an_answer(100, to=COLLEAGUE, refers_to="<3@courriel.example>"))  # staff among themselves
    send(world, an_answer(101, to="s.nadeau@travail.example", refers_to="<1@courriel.example>"))  # not what she wrote
    await world.look()
    assert (await story(world)).state == "open"
    send(world, an_answer(102, to="s.nadeau@travail.example", refers_to="<2@courriel.example>"))
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds[-3:]) == ("answered", ("consulted", "consulted", "answered"))


async def test_an_answer_comes_after_what_it_replies_to_whatever_two_servers_clocks_say(world: World) -> None:
    await asked(world)
    send(world, an_answer(90))
    await world.look()
    world.clock.advance(HOUR)
    again = a_letter(2, subject="RE: Inscription", headers=["In-Reply-To: <90@courriel.example>"])
    world.arrive(again)
    await world.look()
    behind = world.clock.now() - timedelta(minutes=2)
    world.folder(name="Sent").append(an_answer(91, refers_to="<2@courriel.example>"), behind)
    await world.look()

    told = await story(world)

    assert (told.state, told.settled_at) == ("answered", world.clock.now())


async def test_a_requester_who_replies_to_all_starts_the_clock_again(world: World) -> None:
    await asked(world)
    send(world, an_answer(100, sender=MARIE, headers=[f"Cc: {INSCRIPTIONS}"]))
    await world.look()
    world.clock.advance(HOUR)
    headers = ["In-Reply-To: <100@courriel.example>", f"Cc: {INSCRIPTIONS}"]
    world.arrive(a_letter(2, to=MARIE, subject="RE: Inscription", headers=headers))
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds) == ("open", ("answered", "followed up", "reopened"))


async def test_a_reply_to_an_answer_belongs_to_the_same_request(world: World) -> None:
    await asked(world)
    send(world, an_answer(100))
    await world.look()
    world.clock.advance(HOUR)
    question = "Bonjour, et si l'acte de naissance est en anglais ?"
    headers = ["In-Reply-To: <100@courriel.example>"]
    world.arrive(a_letter(3, subject="RE: RE: Inscription de ma fille", body=question, headers=headers))
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds) == ("open", ("answered", "followed up", "reopened"))


async def test_where_only_the_sent_folder_is_watched_its_mail_opens_nothing(tmp_path: Path) -> None:
    writer = with_observing(a_staff_mailbox(), is_sent_only=True)
    boxes = a_board(writer)
    async with a_world(tmp_path, *boxes) as world:
        await asked(world, mailbox=boxes[0])
        world.arrive(a_letter(5, to=MARIE), boxes[1])
        send(world, an_answer(sender=MARIE), boxes[1])
        await world.look()

        told = await story(world)

        assert (told.mailbox, told.state) == (INSCRIPTIONS, "answered")


async def test_sent_folders_are_not_looked_at_where_that_is_switched_off(tmp_path: Path) -> None:
    async with a_world(tmp_path, with_observing(a_mailbox(), sent=False)) as world:
        await asked(world)
        send(world, an_answer())
        await world.look()

        assert (await story(world)).state == "open"


async def test_named_sent_folders_are_read_in_place_of_the_server_s(tmp_path: Path) -> None:
    async with a_world(tmp_path, with_observing(a_mailbox(), sent_folders=("Réponses",))) as world:
        await asked(world)
        send(world, an_answer(100, to=COLLEAGUE))
        send(world, an_answer(101), folder="Réponses")
        await world.look()

        assert (await story(world)).kinds == ("answered",)


async def test_a_sent_folder_that_is_missing_is_no_trouble_and_is_said_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, with_observing(a_mailbox(), sent_folders=("Envoyés", "Réponses"))) as world:
        missing = world.folders[INSCRIPTIONS].pop("Envoyés")
        with capture_logs() as logs:
            await asked(world)
            send(world, an_answer(), folder="Réponses")
            await world.look()
        assert [line["folder"] for line in logs if line["event"] == "folder.unobserved"] == ["Envoyés"]
        assert (await story(world)).state == "answered"

        world.folders[INSCRIPTIONS]["Envoyés"] = missing
        await world.look()
        assert await cursor_of(world, "Envoyés") == 0


async def test_a_sent_folder_without_uidvalidity_is_not_read(world: World) -> None:
    await asked(world)
    world.folder(name="Sent").uidvalidity = None
    send(world, an_answer())
    await world.look()

    assert (await story(world)).state == "open"


async def test_a_message_that_breaks_the_connection_is_passed_over_and_the_next_answers_are_seen(world: World) -> None:
    await asked(world)
    send(world, an_answer(99, to=COLLEAGUE))
    poison = send(world, an_answer(100, to=COLLEAGUE))
    send(world, an_answer(101))
    world.sources.sources[INSCRIPTIONS].poison.add(poison)
    broken = 0
    with capture_logs() as logs:
        for _ in range(10):
            try:
                await world.look()
            except MailboxUnavailable:
                broken += 1

    assert broken <= 5
    assert [line["uid"] for line in logs if line["event"] == "message.passed_over"] == [poison]
    assert (await story(world)).state == "answered"


async def test_a_folder_that_breaks_every_connection_rests_so_that_receiving_goes_on(world: World) -> None:
    await asked(world)
    source = world.sources.sources[INSCRIPTIONS]
    source.poison.add(send(world, an_answer()))  # the only message: nothing proves the server well
    for _ in range(6):
        with pytest.raises(MailboxUnavailable):
            await world.look()
    before = len(source.fetches)

    world.arrive(a_letter(7))
    await world.look()
    assert len(source.fetches) == before + 1
    assert len(await stories(world)) == 2

    source.poison.clear()
    await world.look()
    assert (await stories(world))[0].state == "open"
    world.clock.advance(timedelta(minutes=15))
    await world.look()
    assert (await stories(world))[0].state == "answered"


async def test_a_sent_folder_that_is_renumbered_is_read_again_and_nothing_counts_twice(world: World) -> None:
    await asked(world)
    sent = world.folder(name="Sent")
    send(world, an_answer(99, to=COLLEAGUE))
    await world.look()
    send(world, an_answer(100))
    sent.renumber(78)
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds) == ("answered", ("consulted", "answered"))
    assert await cursor_of(world, "Sent") == 2


async def test_after_a_migration_only_the_newest_answers_are_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailwatch.services.folders.MOST_REREAD", 3)
    await asked(world)
    for number in range(100, 120):
        send(world, an_answer(number, to=COLLEAGUE))
    send(world, an_answer(120))
    world.folder(name="Sent").renumber(78)
    source = world.sources.sources[INSCRIPTIONS]
    source.fetches.clear()
    await world.look()

    assert source.fetches == [[19, 20, 21]]
    assert (await story(world)).state == "answered"
    assert await cursor_of(world, "Sent") == 21


async def test_an_old_answer_that_is_migrated_answers_nothing_that_was_asked_since(world: World) -> None:
    await asked(world)
    written = world.clock.now()
    world.clock.advance(timedelta(days=2))
    world.arrive(a_letter(2, subject="Re: Inscription de ma fille", headers=["In-Reply-To: <1@courriel.example>"]))
    await world.look()
    world.clock.advance(HOUR)
    send(world, an_answer().replace(b"Date: ", f"Date: {written:%a, %d %b %Y %H:%M:%S +0000}\r\nX-Old: ".encode()))
    await world.look()

    told = await story(world)

    assert (told.state, told.answered_at) == ("open", written)


async def test_a_draft_that_lies_in_a_sent_folder_was_not_sent(world: World) -> None:
    await asked(world)
    world.folder(name="Sent").append(an_answer(), world.clock.now(), ["\\Seen", "\\Draft"])
    await world.look()

    assert (await story(world)).kinds == ()


async def test_a_sent_folder_with_nothing_new_is_not_even_examined(world: World) -> None:
    """So the folder to idle on stays examined meanwhile. Not for ever: STATUS may be slow to tell."""
    await asked(world)
    send(world, an_answer())
    await world.look()
    commands = world.sources.sources[INSCRIPTIONS].commands

    async def look_again() -> list[str]:
        commands.clear()
        await world.look()
        return [one for one in commands if "INBOX" not in one]

    assert await look_again() == ["STATUS Sent"]
    world.clock.advance(HOUR)
    assert await look_again() == ["EXAMINE Sent"]
    assert await look_again() == ["STATUS Sent"]
    world.clock.advance(-HOUR)  # and is set back
    assert await look_again() == ["EXAMINE Sent"]
    send(world, an_answer(101))
    assert await look_again() == ["STATUS Sent", "EXAMINE Sent", "SEARCH 2"]
    world.folder(name="Sent").renumber(78)
    assert (await look_again())[:2] == ["STATUS Sent", "EXAMINE Sent"]
    world.sources.sources[INSCRIPTIONS].has_status = False
    assert await look_again() == ["STATUS Sent", "EXAMINE Sent"]


async def test_a_folder_whose_status_breaks_the_connection_is_examined_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked(world)
    await world.look()
    source = world.sources.sources[INSCRIPTIONS]

    async def cut(folder: str) -> None:
        raise MailboxUnavailable("the connection broke")

    monkeypatch.setattr(source, "status", cut)
    with pytest.raises(MailboxUnavailable):
        await world.look()
    send(world, an_answer())
    await world.look()
    assert (await story(world)).state == "answered"


async def test_answers_are_seen_however_many_there_are(world: World) -> None:
    await world.look()
    for number in range(25):
        world.arrive(a_letter(number, sender=f"parent{number}@courriel.example"))
    await world.look()
    world.clock.advance(HOUR)
    for number in range(25):
        refers_to = f"<{number}@courriel.example>"
        send(world, an_answer(100 + number, to=f"parent{number}@courriel.example", refers_to=refers_to))
    await world.look()

    assert {told.state for told in await stories(world)} == {"answered"}


# --- flags ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def condstore(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose server keeps modification sequences."""
    async with a_world(tmp_path, a_mailbox()) as world:
        world.folder().modseq = 1
        yield world


async def test_a_flagged_original_is_an_answer(world: World) -> None:
    uid = await asked(world)
    world.folder().flag(uid, "\\Answered")
    await world.look()
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds, told.by) == ("answered", ("answered",), ("mailwatch",))
    assert told.data[0]["evidence"] == "\\Answered"
    assert await answers_seen_at(world) == world.clock.now()


async def test_a_flag_and_the_answer_itself_count_once_in_either_order(world: World) -> None:
    uid = await asked(world)
    written_at = world.clock.now()
    world.folder().flag(uid, "\\Answered")
    world.clock.advance(HOUR)
    await world.look()
    world.folder(name="Sent").append(an_answer(), written_at)
    await world.look()

    told = await story(world)

    assert (told.state, told.kinds) == ("answered", ("answered", "answer noted"))
    assert told.answered_at == written_at


async def test_a_flag_on_the_original_says_nothing_of_what_was_asked_after_the_answer(world: World) -> None:
    uid = await asked(world)
    send(world, an_answer())
    await world.look()
    world.clock.advance(HOUR)
    question = "Bonjour, et si l'acte de naissance est en anglais ?"
    later = world.arrive(a_letter(3, body=question, headers=["In-Reply-To: <1@courriel.example>"]))
    await world.look()
    world.folder().flag(uid, "\\Answered")
    world.clock.advance(HOUR)
    await world.look()
    assert (await story(world)).state == "open"

    world.folder().flag(later, "\\Answered")
    await world.look()
    assert (await story(world)).state == "answered"


async def test_a_flag_in_one_mailbox_answers_the_request_in_the_other_too(tmp_path: Path) -> None:
    boxes = a_board(a_mailbox(address=LIBRARY))
    async with a_world(tmp_path, *boxes) as world:
        await world.look()
        uids = [world.arrive(a_letter(1, to=f"{INSCRIPTIONS}, {LIBRARY}"), box) for box in boxes]
        await world.look()
        world.folder(boxes[0]).flag(uids[0], "\\Answered")
        await world.look(boxes[0])

        assert [told.state for told in await stories(world)] == ["answered", "answered"]


async def test_flags_are_not_looked_at_where_that_is_switched_off(tmp_path: Path) -> None:
    async with a_world(tmp_path, with_observing(a_mailbox(), flags=False)) as world:
        uid = await asked(world)
        world.folder().flag(uid, "\\Answered")
        await world.look()

        assert (await story(world)).state == "open"
        assert world.sources.sources[INSCRIPTIONS].flag_fetches == []


async def test_flags_are_asked_for_only_when_the_folder_has_changed(condstore: World) -> None:
    world = condstore
    uid = await asked(world)
    source = world.sources.sources[INSCRIPTIONS]
    assert source.flag_fetches == [([uid], None)]

    await world.look()
    await world.look()
    assert len(source.flag_fetches) == 1

    modseq = world.folder().modseq
    world.folder().flag(uid, "\\Seen")
    await world.look()
    assert source.flag_fetches[1:] == [([uid], modseq)]

    world.folder().flag(uid, "\\Answered")
    await world.look()
    assert (await story(world)).state == "answered"
    await world.look()
    assert len(source.flag_fetches) == 3


@pytest.fixture
def questionings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose questions the database was asked for, look by look."""
    asked_for: list[str] = []
    list_flagged = ObservingPart.list_flagged

    async def count(part: ObservingPart, mailbox: str) -> Sequence[Flagged]:
        asked_for.append(mailbox)
        return await list_flagged(part, mailbox)

    monkeypatch.setattr(ObservingPart, "list_flagged", count)
    return asked_for


async def test_while_nothing_changes_in_a_folder_the_database_is_not_asked_for_its_questions(
    condstore: World, questionings: list[str]
) -> None:
    world = condstore
    uid = await asked(world)

    async def look_again() -> int:
        questionings.clear()
        await world.look()
        return len(questionings)

    await look_again()
    assert [await look_again(), await look_again()] == [0, 0]
    world.clock.advance(HOUR)
    assert [await look_again(), await look_again()] == [1, 0]
    world.folder().flag(uid, "\\Seen")
    assert [await look_again(), await look_again()] == [1, 0]
    world.folder().flag(uid, "\\Answered")
    assert [await look_again(), await look_again()] == [1, 0]
    assert (await story(world)).state == "answered"


async def test_where_changes_can_not_be_known_the_database_is_asked_each_time(
    world: World, questionings: list[str]
) -> None:
    await asked(world)
    questionings.clear()
    await world.look()
    await world.look()

    assert len(questionings) == 2


async def test_what_was_too_much_for_one_look_is_gone_on_with_though_nothing_changes(
    condstore: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = condstore
    monkeypatch.setattr(flags, "FLAGS_A_LOOK", 3)
    await world.look()
    uids = [world.arrive(a_letter(n, sender=f"parent{n}@courriel.example")) for n in range(8)]
    await world.look()  # three flags are read, and none is set
    for uid in uids:
        world.folder().flag(uid, "\\Answered")
    for _ in range(2):
        await world.look()

    assert {told.state for told in await stories(world)} == {"answered"}


async def test_a_flag_that_could_not_be_recorded_is_found_again(
    condstore: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = condstore
    uid = await asked(world)
    world.folder().flag(uid, "\\Answered")

    async def refuse(*_: object) -> None:
        raise StoreUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr("mailwatch.store.observing.ObservingPart.add_facts", refuse)
        with pytest.raises(StoreUnavailable):
            await world.look()
    await world.look()

    assert (await story(world)).state == "answered"


async def test_flags_that_a_server_volunteers_say_nothing_of_the_requests_asked_about(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await asked(world)
    world.folder().flag(uid, "\\Answered")
    source = world.sources.sources[INSCRIPTIONS]
    fetch_flags = source.fetch_flags

    async def volunteer(uids: Sequence[int], changed_since: int | None = None) -> Mapping[int, frozenset[str]]:
        return {**await fetch_flags(uids, changed_since), 4711: frozenset({"\\Answered"})}

    monkeypatch.setattr(source, "fetch_flags", volunteer)
    await world.look()

    assert (await story(world)).state == "answered"


async def test_without_modification_sequences_flags_are_read_by_turns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flags, "FLAGS_A_LOOK", 3)
    await world.look()
    uids = [world.arrive(a_letter(n, sender=f"parent{n}@courriel.example")) for n in range(8)]
    for _ in range(3):
        await world.look()

    fetched = world.sources.sources[INSCRIPTIONS].flag_fetches

    assert [len(some) for some, _ in fetched] == [3, 3, 3]
    assert {uid for some, _ in fetched for uid in some} == set(uids)


async def test_a_renumbered_folder_s_flags_are_read_anew(condstore: World) -> None:
    world = condstore
    await asked(world)
    world.folder().renumber(78)
    [new] = world.folder().messages
    world.folder().flag(new, "\\Answered")
    await world.look()

    assert (await story(world)).state == "answered"


# --- folders that settle ----------------------------------------------------------------------------------------------


@pytest.fixture
async def tidy(tmp_path: Path) -> AsyncIterator[World]:
    """A world where moving a message to Traités closes its request, and to Écartés sets it aside."""
    policy = ObservingPolicy(closing_folders=("Traités",), set_aside_folders=("Écartés",))
    async with a_world(tmp_path, a_mailbox(observing=policy)) as world:
        yield world


def move(world: World, uid: int, to: str) -> Folder:
    """A person moves a message out of the inbox."""
    world.folder().move(uid, world.folder(name=to))
    return world.folder(name=to)


@pytest.mark.parametrize(("folder", "state"), [("Traités", "closed"), ("Écartés", "set aside")])
async def test_moving_the_original_settles_the_request(tidy: World, folder: str, state: str) -> None:
    uid = await asked(tidy)
    move(tidy, uid, folder)
    await tidy.look()

    told = await story(tidy)

    assert (told.state, told.kinds, told.by) == (state, (state,), (INSCRIPTIONS,))
    assert told.data == ({"folder": folder},)
    assert told.settled_at == tidy.clock.now()
    assert told.answered_at is None


async def test_what_one_mailbox_sets_aside_still_waits_in_the_other(tmp_path: Path) -> None:
    policy = ObservingPolicy(closing_folders=("Traités",), set_aside_folders=("Écartés",))
    boxes = a_board(a_mailbox(address=LIBRARY))
    boxes = [replace(box, observing=policy) for box in boxes]
    async with a_world(tmp_path, *boxes) as world:
        await world.look()
        raw = a_letter(1, to=f"{INSCRIPTIONS}, {LIBRARY}", at=world.clock.now())
        here, there = world.arrive(raw, boxes[0]), world.arrive(raw, boxes[1])
        await world.look()
        world.folder(boxes[0]).move(here, world.folder(boxes[0], "Écartés"))
        await world.look()
        assert {told.mailbox: told.state for told in await stories(world)} == {
            INSCRIPTIONS: "set aside",
            LIBRARY: "open",
        }

        world.folder(boxes[1]).move(there, world.folder(boxes[1], "Traités"))
        await world.look()
        assert {told.state for told in await stories(world)} == {"closed"}


async def test_what_lay_in_a_closing_folder_at_its_first_sight_is_left_alone(tidy: World) -> None:
    tidy.folder(name="Traités").append(a_letter(1), tidy.clock.now())
    await asked(tidy)
    await tidy.look()

    assert (await story(tidy)).state == "open"


async def test_a_message_moved_with_answered_on_it_was_answered(tidy: World) -> None:
    uid = await asked(tidy)
    tidy.folder().flag(uid, "\\Answered")
    move(tidy, uid, "Traités")
    await tidy.look()

    told = await story(tidy)

    assert (told.state, told.kinds) == ("closed", ("answered", "closed"))
    assert told.answered_at == tidy.clock.now()


async def test_an_answered_request_that_is_tidied_away_stays_answered_in_the_figures(tidy: World) -> None:
    uid = await asked(tidy)
    written_at = tidy.clock.now()
    send(tidy, an_answer())
    tidy.clock.advance(HOUR)
    move(tidy, uid, "Traités")
    await tidy.look()

    told = await story(tidy)

    assert (told.state, told.answered_at) == ("closed", written_at)


async def test_an_older_message_that_is_tidied_away_does_not_settle_what_was_asked_since(tidy: World) -> None:
    uid = await asked(tidy)
    send(tidy, an_answer())
    await tidy.look()
    tidy.clock.advance(HOUR)
    question = "Bonjour, et si l'acte de naissance est en anglais ?"
    later = tidy.arrive(a_letter(3, body=question, headers=["In-Reply-To: <1@courriel.example>"]))
    await tidy.look()
    move(tidy, uid, "Traités")
    await tidy.look()
    assert (await story(tidy)).state == "open"

    move(tidy, later, "Traités")
    await tidy.look()
    assert (await story(tidy)).state == "closed"


async def test_moving_a_message_that_asks_nothing_settles_nothing(tidy: World) -> None:
    await asked(tidy)
    headers = ["In-Reply-To: <1@courriel.example>", "Auto-Submitted: auto-replied"]
    robot = tidy.arrive(a_letter(4, headers=headers))
    await tidy.look()
    move(tidy, robot, "Traités")
    await tidy.look()

    assert (await story(tidy)).state == "open"


async def test_a_fault_in_one_kind_of_evidence_stops_neither_the_others_nor_the_look(
    tidy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await asked(tidy)
    move(tidy, uid, "Traités")

    async def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("mailwatch.store.observing.ObservingPart.list_flagged", fail)
    with capture_logs() as logs:
        await tidy.look()

    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["observing.failed"]
    assert (await story(tidy)).state == "closed"


async def test_a_request_reopened_after_its_message_was_moved_is_not_closed_again(tidy: World) -> None:
    uid = await asked(tidy)
    folder = move(tidy, uid, "Traités")
    await tidy.look()
    tidy.clock.advance(HOUR)
    reopened = Event(kind=EventKind.REOPENED, at=tidy.clock.now(), by=MARIE, data={"clock": "continued"})
    async with tidy.store.transaction() as tx:
        assert await tx.add_facts([Fact(request_id=1, event=reopened)]) == {1: State.OPEN}
    folder.renumber(99)
    await tidy.look()
    tidy.restart()
    await tidy.look()

    assert (await story(tidy)).state == "open"


async def test_a_message_moved_back_and_away_again_closes_again(tidy: World) -> None:
    uid = await asked(tidy)
    done = move(tidy, uid, "Traités")
    await tidy.look()
    aside = tidy.folder(name="Écartés")
    done.move(1, aside)
    await tidy.look()
    aside.move(1, done)
    await tidy.look()

    assert (await story(tidy)).kinds == ("closed", "set aside", "closed")


async def test_a_watched_folder_is_receiving_s_alone_even_if_it_is_the_sent_folder(tmp_path: Path) -> None:
    box = a_mailbox(folders=("INBOX", "Sent"))
    async with a_world(tmp_path, box) as world:
        await world.look()
        world.folder(name="Sent").append(a_letter(1), world.clock.now())
        await world.observe.look(box, world.sources.sources[INSCRIPTIONS])
        assert await stories(world) == []
        await world.look()

        assert (await story(world)).state == "open"
