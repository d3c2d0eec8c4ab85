"""What seeing answers asks of a server: Sent folders, flags that changed, messages that were moved."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import a_mailbox
from imap.test_dialogues import Theatre
from servers.accounts import AnAccount
from servers.dovecot import Dovecot
from services.test_observe import an_answer, stories
from services.world import World, a_letter, a_world

from mailwatch.domain.mailboxes import ObservingPolicy
from mailwatch.errors import MailboxUnavailable
from mailwatch.imap.session import ImapSession

LONG_AGO = datetime(2026, 2, 23, 15, 0, tzinfo=UTC)
MAIL = b"From: parent@example.org\r\nSubject: Inscription\r\n\r\nBonjour,\r\n"


@pytest.fixture
async def open_dialogue(connect: Callable[[AnAccount], Awaitable[ImapSession]]) -> AsyncIterator[Theatre]:
    """In the end the client must have said what stands in the scripts."""
    theatre = Theatre(connect)
    yield theatre
    for dialogue in theatre.dialogues:
        await dialogue.__aexit__()
        assert dialogue.mistakes == []


# --- Sent folders -----------------------------------------------------------------------------------------------------


async def test_the_sent_folder_is_the_one_that_the_server_marks(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    dovecot.deliver(user, MAIL, folder="Sent Items")

    assert await session.list_sent_folders() == ["Sent"]


async def test_sent_folders_are_known_by_name_where_the_server_marks_none(open_dialogue: Theatre) -> None:
    session = await open_dialogue("sent-by-name")

    assert await session.list_sent_folders() == ["INBOX.Sent", "INBOX.Éléments envoyés"]
    assert await session.list_sent_folders() == ["INBOX.Sent", "INBOX.Éléments envoyés"]  # not asked for again


async def test_a_server_that_tells_the_use_of_folders_only_when_asked_is_asked(open_dialogue: Theatre) -> None:
    session = await open_dialogue("sent-when-asked")

    assert await session.list_sent_folders() == ["Expédiés"]


async def test_a_sent_folder_that_is_made_later_is_found_later(open_dialogue: Theatre) -> None:
    session = await open_dialogue("sent-none-yet")

    assert await session.list_sent_folders() == []
    assert await session.list_sent_folders() == ["Sent Items"]


# --- flags that changed -----------------------------------------------------------------------------------------------


async def test_only_flags_that_changed_since_are_fetched(dovecot: Dovecot, user: str, session: ImapSession) -> None:
    for _ in range(3):
        dovecot.deliver(user, MAIL)
    before = await session.examine("INBOX")
    assert before.highest_modseq
    assert await session.fetch_flags([1, 2, 3], before.highest_modseq) == {}

    dovecot.set_flags(user, [2], ["\\Answered"])
    after = await session.examine("INBOX")

    assert (after.highest_modseq or 0) > before.highest_modseq
    changed = await session.fetch_flags([1, 2, 3], before.highest_modseq)
    assert {uid: "\\Answered" in flags for uid, flags in changed.items()} == {2: True}
    assert await session.fetch_flags([1, 2, 3], after.highest_modseq) == {}
    assert set(await session.fetch_flags([1, 2, 3])) == {1, 2, 3}


async def test_a_folder_in_which_nothing_happens_keeps_its_modseq(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    dovecot.deliver(user, MAIL)
    first = await session.examine("INBOX")
    await session.fetch([1])
    await session.examine("Sent")

    assert await session.examine("INBOX") == first


async def test_a_flag_that_changed_while_another_folder_was_looked_at_is_no_news(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    dovecot.deliver(user, MAIL)
    await session.examine("INBOX")
    await session.examine("Sent")
    dovecot.set_flags(user, [1], ["\\Seen"])

    assert not await session.idle("INBOX")


async def test_a_message_that_came_before_the_flags_were_looked_at_is_news(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    await session.examine("INBOX")
    await session.list_uids(0)
    await session.examine("Sent")
    dovecot.deliver(user, MAIL)
    await session.examine("INBOX")
    await session.fetch_flags([1])

    assert await session.idle("INBOX")
    assert not await session.idle("INBOX")


async def test_a_server_that_refuses_to_be_asked_by_modseq_is_asked_for_everything(open_dialogue: Theatre) -> None:
    session = await open_dialogue("changedsince-refused")

    assert (await session.examine("INBOX")).highest_modseq == 41
    assert await session.fetch_flags([10, 11], 40) == {10: frozenset({"\\Answered"}), 11: frozenset()}
    with pytest.raises(MailboxUnavailable, match="LIMIT"):
        await session.fetch_flags([10], 41)


async def test_flags_that_a_server_volunteers_are_nobody_else_s(open_dialogue: Theatre) -> None:
    session = await open_dialogue("flags-volunteered")
    await session.examine("INBOX")

    assert await session.fetch_flags([10, 12]) == {10: frozenset({"\\Seen"}), 12: frozenset({"\\Answered"})}


async def test_a_folder_without_modseqs_has_none(open_dialogue: Theatre) -> None:
    session = await open_dialogue("no-modseq")

    assert (await session.examine("INBOX")).highest_modseq is None


# --- whole looks ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose one mailbox is looked at on a real server."""
    policy = ObservingPolicy(closing_folders=("Traités",), set_aside_folders=("Écartés",))
    async with a_world(tmp_path, a_mailbox(observing=policy)) as world:
        yield world


async def look(world: World, session: ImapSession) -> None:
    """As the service does."""
    await world.receive.look(world.mailboxes[0], session)
    await world.observe.look(world.mailboxes[0], session)


@pytest.fixture
async def two_asked(world: World, dovecot: Dovecot, user: str, session: ImapSession) -> None:
    """Two requests, seen after the first look. In the past: Dovecot takes no INTERNALDATE that is still to come."""
    world.clock.set(LONG_AGO)
    for folder in ("Traités", "Écartés"):
        dovecot.client(user).create_folder(folder)
    await look(world, session)
    for number in (1, 2):
        sender = f"parent{number}@courriel.example"
        world.clock.advance(timedelta(minutes=1))
        dovecot.deliver(user, a_letter(number, sender=sender), internaldate=world.clock.now())
    world.clock.advance(timedelta(hours=1))
    await look(world, session)
    world.clock.advance(timedelta(hours=1))


@pytest.mark.usefixtures("two_asked")
async def test_an_answer_in_the_sent_folder_of_a_real_server_is_seen(
    world: World, dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    answer = an_answer(to="parent2@courriel.example", refers_to="<2@courriel.example>")
    dovecot.deliver(user, answer, folder="Sent", internaldate=world.clock.now(), flags=["\\Seen"])
    await look(world, session)

    assert [told.state for told in await stories(world)] == ["open", "answered"]
    assert (await stories(world))[1].answered_at == world.clock.now()


@pytest.mark.usefixtures("two_asked")
async def test_a_flag_that_a_person_sets_on_a_real_server_is_seen(
    world: World, dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    dovecot.set_flags(user, [1], ["\\Answered"])
    await look(world, session)

    assert [told.state for told in await stories(world)] == ["answered", "open"]


@pytest.mark.usefixtures("two_asked")
async def test_messages_moved_on_a_real_server_settle_their_requests(
    world: World, dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    client = dovecot.client(user)
    client.select_folder("INBOX")
    client.move([1], "Traités")
    client.move([2], "Écartés")
    flags_before = dovecot.flags(user, "Traités")
    await look(world, session)

    assert [told.state for told in await stories(world)] == ["closed", "set aside"]
    assert dovecot.flags(user, "Traités") == flags_before


@pytest.mark.usefixtures("two_asked")
async def test_a_folder_that_is_not_there_stops_nothing(
    world: World, dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    mailbox = world.mailboxes[0]
    observing = replace(mailbox.observing, sent_folders=("Nulle part", "Sent"), closing_folders=("Nulle part",))
    dovecot.deliver(user, an_answer(to="parent1@courriel.example"), folder="Sent", internaldate=world.clock.now())
    await world.observe.look(replace(mailbox, observing=observing), session)

    assert [told.state for told in await stories(world)] == ["answered", "open"]
