"""Sessions on servers other than Dovecot: what each of them does in its own way."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from imap.conftest import Connect
from servers.accounts import AnAccount
from servers.courier import Courier
from servers.cyrus import Cyrus
from servers.embedded import Embedded

MAIL = b"From: parent@example.org\r\nSubject: Inscription\r\n\r\nBonjour,\r\n"
SERVERS: dict[str, Callable[[], Cyrus | Courier | Embedded]] = {
    "cyrus": Cyrus,
    "cyrus with altnamespace": lambda: Cyrus(altnamespace=True),
    "courier": Courier,
    "pymap": Embedded,
}
Server = Cyrus | Courier | Embedded


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as server:
        yield server


def account(server: Server) -> AnAccount:
    return AnAccount(port=server.ports["IMAP"], username="marie")


async def test_what_is_there_lies_below_uidnext(server: Server, connect: Connect) -> None:
    """A server that tells no UIDNEXT, and finds nothing by `SEARCH *`, made all of an old mailbox new."""
    for _ in range(3):
        server.deliver("marie", MAIL)
    session = await connect(account(server))

    state = await session.examine("INBOX")
    assert (state.exists, state.uidnext) == (3, max(server.flags("marie")) + 1)
    assert await session.list_uids(state.uidnext - 1) == []

    server.deliver("marie", MAIL)
    await session.examine("INBOX")
    assert await session.list_uids(state.uidnext - 1) == [state.uidnext]


async def test_a_folder_is_found_with_and_without_the_prefix(server: Server, connect: Connect) -> None:
    server.deliver("marie", MAIL, folder="Traitées")
    if not isinstance(server, Embedded):  # which knows no namespaces
        session = await connect(account(server))
        for name in ("Traitées", "INBOX.Traitées"):
            assert (await session.examine(name)).exists == 1


async def test_the_sent_folder_is_found(server: Server, connect: Connect) -> None:
    server.deliver("marie", MAIL, folder="Sent")
    session = await connect(account(server))

    assert await session.list_sent_folders() == [server.name_of("Sent")]


async def test_status_tells_of_a_message_that_came(server: Server, connect: Connect) -> None:
    server.deliver("marie", MAIL, folder="Sent")
    session = await connect(account(server))
    state = await session.examine("Sent")
    await session.examine("INBOX")
    before = await session.status("Sent")
    server.deliver("marie", MAIL, folder="Sent")
    after = await session.status("Sent")

    assert state.holds_as(before)
    assert after is not None
    assert (after.uidnext, after.exists) == (state.uidnext + 1, 2)


async def test_flags_are_told_though_there_may_be_no_modseq(server: Server, connect: Connect) -> None:
    server.deliver("marie", MAIL)
    session = await connect(account(server))
    state = await session.examine("INBOX")
    (uid,) = await session.list_uids(0)

    server.set_flags("marie", [uid], ["\\Answered"])
    await session.examine("INBOX")  # Courier tells what it knew when the folder was opened
    changed = await session.fetch_flags([uid], state.highest_modseq)

    assert "\\Answered" in changed[uid]


async def test_news_is_heard_while_idling(server: Server, connect: Connect) -> None:
    """Courier looks every two seconds here, and every minute as it comes."""
    session = await connect(account(server))
    await session.examine("INBOX")
    await session.list_uids(0)
    assert not await session.idle("INBOX")
    assert session.is_idling

    server.deliver("marie", MAIL)
    async with asyncio.timeout(10):
        while not (await session.wait(10) and session.read_news()):
            pass
    await session.done()

    assert (await session.examine("INBOX")).exists == 1
