"""What no real server does on request, played by a script: tests/imap/dialogues/*.dialogue."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from servers.accounts import AnAccount
from servers.dialogue import Dialogue

from mailwatch.errors import FolderMissing, LoginRefused, MailboxUnavailable
from mailwatch.imap.session import ImapSession
from mailwatch.ports import FolderState

SENT = FolderState(uidvalidity=9, uidnext=40, exists=3)


class Theatre:
    """Connects sessions to scripts."""

    def __init__(self, connect: Callable[[AnAccount], Awaitable[ImapSession]]) -> None:
        self._connect = connect
        self.dialogues: list[Dialogue] = []

    async def __call__(self, name: str) -> ImapSession:
        dialogue = await Dialogue.named(name).__aenter__()
        self.dialogues.append(dialogue)
        return await self._connect(AnAccount(host="127.0.0.1", port=dialogue.port, timeout=2))

    def cue(self) -> None:
        """The script goes on."""
        self.dialogues[-1].cue.set()


@pytest.fixture
async def open_dialogue(connect: Callable[[AnAccount], Awaitable[ImapSession]]) -> AsyncIterator[Theatre]:
    """In the end the client must have said what stands in the scripts."""
    theatre = Theatre(connect)
    yield theatre
    for dialogue in theatre.dialogues:
        await dialogue.__aexit__()
        assert dialogue.mistakes == []


# --- EXAMINE ----------------------------------------------------------------------------------------------------------


async def test_a_server_that_tells_no_uidvalidity_gets_none(open_dialogue: Theatre) -> None:
    session = await open_dialogue("no-uidvalidity")

    assert (await session.examine("INBOX")).uidvalidity is None


async def test_a_server_that_tells_no_uidnext_is_asked_for_its_last_uid(open_dialogue: Theatre) -> None:
    session = await open_dialogue("no-uidnext")

    assert (await session.examine("INBOX")).uidnext == 4_000_000_001
    assert (await session.examine("Vide")).uidnext == 1


async def test_where_the_last_uid_stays_unknown_it_is_no_guess(open_dialogue: Theatre) -> None:
    session = await open_dialogue("no-uidnext-nor-last")

    with pytest.raises(MailboxUnavailable):
        await session.examine("INBOX")


async def test_a_folder_is_found_below_inbox_and_not_looked_for_again(open_dialogue: Theatre) -> None:
    session = await open_dialogue("below-inbox")

    for _ in range(2):
        assert (await session.examine("Guichet")).uidvalidity == 7
    with pytest.raises(FolderMissing, match="Absent"):
        await session.examine("Absent")


async def test_a_folder_is_found_beside_inbox_where_it_was_once_below(open_dialogue: Theatre) -> None:
    session = await open_dialogue("beside-inbox")

    assert (await session.examine("INBOX.Guichet")).uidvalidity == 7


async def test_a_throttled_examine_is_no_missing_folder(open_dialogue: Theatre) -> None:
    session = await open_dialogue("examine-throttled")

    with pytest.raises(MailboxUnavailable) as failure:
        await session.examine("INBOX")

    assert failure.value.back_off == pytest.approx(299.961)


async def test_a_status_that_tells_too_little_is_none(open_dialogue: Theatre) -> None:
    session = await open_dialogue("status-incomplete")
    await session.examine("INBOX")

    assert [await session.status("Sent") for _ in range(3)] == [None] * 3
    assert await session.status("Sent") == FolderState(uidvalidity=9, uidnext=40, exists=3)


async def test_a_throttled_status_is_a_matter_of_time(open_dialogue: Theatre) -> None:
    session = await open_dialogue("status-throttled")

    with pytest.raises(MailboxUnavailable) as caught:
        await session.status("Sent")
    assert caught.value.back_off == pytest.approx(299.961)


async def test_news_that_comes_along_with_a_status_is_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("status-with-news")
    await session.examine("INBOX")
    await session.status("Sent")

    assert await session.idle("INBOX")


async def test_a_throttled_login_is_no_refusal(open_dialogue: Theatre) -> None:
    with pytest.raises(MailboxUnavailable) as failure:
        await open_dialogue("login-throttled")

    assert failure.value.back_off == pytest.approx(299.961)


async def test_a_server_that_goes_in_the_middle_of_a_login_refuses_nothing(open_dialogue: Theatre) -> None:
    with pytest.raises(MailboxUnavailable):
        await open_dialogue("login-cut")


async def test_a_refusal_without_a_code_is_a_refusal(open_dialogue: Theatre) -> None:
    with pytest.raises(LoginRefused):
        await open_dialogue("login-refused")


async def test_no_password_is_sent_in_clear_text_when_starttls_is_not_offered(
    connect: Callable[[AnAccount], Awaitable[ImapSession]],
) -> None:
    async with Dialogue.named("no-starttls") as dialogue:
        with pytest.raises(MailboxUnavailable, match="STARTTLS"):
            await connect(AnAccount(host="127.0.0.1", port=dialogue.port, security="starttls"))

    assert dialogue.mistakes == []


# --- FETCH ------------------------------------------------------------------------------------------------------------


async def test_without_a_readable_internaldate_the_newest_received_header_counts(open_dialogue: Theatre) -> None:
    session = await open_dialogue("internaldate-unreadable")
    await session.examine("INBOX")

    with_received, without = await session.fetch([1, 2])

    assert with_received.received_at == datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert abs((datetime.now(UTC) - without.received_at).total_seconds()) < 60


async def test_an_answer_that_cannot_be_parsed_holds_up_no_other_message(open_dialogue: Theatre) -> None:
    session = await open_dialogue("fetch-unparsable")
    await session.examine("INBOX")

    messages = await session.fetch([1, 2, 3])

    assert [(message.uid, message.head) for message in messages] == [
        (1, b"one\r\n"),
        (2, b"two\r\n"),
        (3, b"three\r\n"),
    ]


async def test_a_no_because_some_messages_are_gone_brings_the_others(open_dialogue: Theatre) -> None:
    session = await open_dialogue("fetch-some-gone")
    await session.examine("INBOX")

    assert [message.uid for message in await session.fetch([1, 2, 3])] == [1, 3]


@pytest.mark.parametrize("name", ["fetch-refused", "fetch-left-out"])
async def test_a_message_that_is_there_but_is_not_given_is_an_error_not_an_omission(
    open_dialogue: Theatre, name: str
) -> None:
    session = await open_dialogue(name)
    await session.examine("INBOX")

    with pytest.raises(MailboxUnavailable, match="UID 2"):
        await session.fetch([1, 2, 3])


async def test_flags_that_nobody_asked_for_are_no_message(open_dialogue: Theatre) -> None:
    session = await open_dialogue("fetch-unsolicited")
    await session.examine("INBOX")

    assert [(message.uid, message.head) for message in await session.fetch([1])] == [(1, b"one\r\n")]


async def test_a_goodbye_in_the_middle_of_a_fetch_ends_the_connection(open_dialogue: Theatre) -> None:
    session = await open_dialogue("fetch-bye")
    await session.examine("INBOX")

    with pytest.raises(MailboxUnavailable, match="shutting down"):
        await session.fetch([1, 2])

    assert session.is_closed


# --- IDLE -------------------------------------------------------------------------------------------------------------


async def test_news_before_the_server_idles_is_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-news-before-plus")
    await session.examine("INBOX")

    assert await session.idle("INBOX")
    await session.done()

    assert not session.is_closed


async def test_news_in_the_same_packet_as_the_plus_is_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-news-with-plus")
    await session.examine("INBOX")

    assert await session.idle("INBOX")


async def test_news_that_came_along_with_an_earlier_command_is_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-news-before")
    await session.examine("INBOX")
    await session.list_uids(0)

    assert await session.idle("INBOX")


async def test_news_that_only_a_noop_brings_is_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-news-in-noop")
    await session.examine("INBOX")

    assert await session.idle("INBOX")


async def test_a_count_that_is_only_repeated_is_no_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-count-repeated")
    await session.examine("INBOX")

    assert not await session.idle("INBOX")


async def test_the_same_count_after_an_expunge_is_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-count-after-expunge")
    await session.examine("INBOX")

    assert await session.idle("INBOX")


async def test_flags_that_people_change_and_signs_of_life_are_no_news(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-chatter")
    await session.examine("INBOX")
    assert not await session.idle("INBOX")

    open_dialogue.cue()
    assert await session.wait(2)
    assert not session.read_news()
    assert session.is_idling


async def test_a_goodbye_while_idling_calls_for_a_look_that_finds_out(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-bye")
    await session.examine("INBOX")
    await session.idle("INBOX")

    open_dialogue.cue()
    assert await session.wait(2)
    assert session.read_news()
    await session.done()
    with pytest.raises(MailboxUnavailable):
        await session.examine("INBOX")


async def test_half_a_line_while_idling_ends_the_connection_rather_than_lose_it(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-half-a-line")
    await session.examine("INBOX")
    await session.idle("INBOX")

    open_dialogue.cue()
    assert await session.wait(2)
    with pytest.raises(MailboxUnavailable):
        session.read_news()

    assert session.is_closed


async def test_a_refused_idle_is_given_up_and_the_connection_stays_good(open_dialogue: Theatre) -> None:
    session = await open_dialogue("idle-refused")
    await session.examine("INBOX")

    assert not await session.idle("INBOX")

    assert not session.can_idle
    assert (await session.examine("INBOX")).exists == 1


async def test_a_look_that_finds_nothing_new_is_one_visit_and_one_that_does_examines_once(
    open_dialogue: Theatre,
) -> None:
    session = await open_dialogue("as-known")
    before = await session.examine("INBOX")
    await session.idle("INBOX")
    await session.done()

    assert await session.is_as_known("INBOX", before, {"Sent": SENT})
    assert session.is_idling
    assert not await session.idle("INBOX")
    open_dialogue.cue()
    assert await session.wait(2)
    assert session.read_news()
    assert not await session.is_as_known("INBOX", before, {"Sent": SENT})
    assert (await session.examine("INBOX")).uidnext == 5
    assert await session.list_uids(3) == [4]


@pytest.mark.parametrize("dialogue", ["as-known-news-with-plus", "as-known-news-in-noop"])
async def test_news_that_comes_as_a_look_finds_nothing_is_news(dialogue: str, open_dialogue: Theatre) -> None:
    session = await open_dialogue(dialogue)
    before = await session.examine("INBOX")
    await session.idle("INBOX")
    await session.done()

    assert await session.is_as_known("INBOX", before, {})
    assert await session.idle("INBOX")


async def test_an_end_of_idle_that_is_never_answered_ends_the_connection_and_holds_no_thread(
    open_dialogue: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await open_dialogue("idle-done-unanswered")
    session._timeout = 0.1
    await session.examine("INBOX")
    await session.idle("INBOX")
    monkeypatch.setattr(session._lane, "submit", None)

    with pytest.raises(MailboxUnavailable, match="end of IDLE"):
        await session.done()

    assert session.is_closed
