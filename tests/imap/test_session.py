"""A session against a real Dovecot."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from servers.accounts import AnAccount, an_account
from servers.dovecot import Dovecot
from servers.faultproxy import Action, FaultProxy, Rule
from servers.ports import free_ports
from servers.tls import make_certificate

from mailwatch.errors import CertificateRejected, FolderMissing, LoginRefused, MailboxUnavailable
from mailwatch.imap import commands
from mailwatch.imap.inspection import find_changed, list_capabilities, list_folders
from mailwatch.imap.session import ImapSession

MAIL = b"From: parent@example.org\r\nSubject: Inscription\r\n\r\nBonjour,\r\n"
TORONTO_WINTER = timezone(timedelta(hours=-5))


# --- looking ----------------------------------------------------------------------------------------------------------


async def test_a_message_comes_with_its_size_flags_and_the_instant_it_was_received(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    received_at = datetime(2026, 2, 23, 23, 30, tzinfo=TORONTO_WINTER)
    dovecot.deliver(user, MAIL, internaldate=received_at, flags=["\\Answered", "$Forwarded"])

    await session.examine("INBOX")
    [message] = await session.fetch([1])

    assert message.head == MAIL
    assert message.size == len(MAIL)
    assert message.received_at == received_at
    assert message.received_at.tzinfo is UTC
    assert message.flags - {"\\Recent"} == {"\\Answered", "$Forwarded"}


async def test_no_more_than_64_kib_of_a_message_are_fetched(dovecot: Dovecot, user: str, session: ImapSession) -> None:
    large = MAIL + b"x" * 60 + b"\r\n" + b"0123456789abcde\r\n" * 10_000
    dovecot.deliver(user, large)

    await session.examine("INBOX")
    [message] = await session.fetch([1])

    assert message.head == large[:65_536]
    assert message.size == len(large)


async def test_looking_at_everything_changes_no_flag_of_any_message(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    for flags in ([], ["\\Seen"], ["\\Answered", "\\Flagged"], [], ["\\Deleted"], ["\\Draft", "$Label1"]):
        dovecot.deliver(user, MAIL, flags=flags)
    before = dovecot.flags(user)

    await session.examine("INBOX")
    uids = await session.list_uids(0)
    await session.fetch(uids)
    await session.fetch_flags(uids)
    await session.list_uids_since(date(2026, 1, 1))
    await session.idle("INBOX")
    await session.done()
    assert await find_changed(session, "INBOX") == frozenset()

    assert dovecot.flags(user) == before
    assert len(before) == 6


async def test_the_last_message_is_not_listed_again_although_n_star_names_it(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    for _ in range(3):
        dovecot.deliver(user, MAIL)

    await session.examine("INBOX")

    assert await session.list_uids(0) == [1, 2, 3]
    assert await session.list_uids(2) == [3]
    assert await session.list_uids(3) == []
    assert await session.list_uids(4_000_000_000) == []


async def test_a_folder_too_large_for_one_answer_is_listed_by_windows(
    dovecot: Dovecot, user: str, session: ImapSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "UIDS_A_LINE", 3)
    for _ in range(11):
        dovecot.deliver(user, MAIL)
    client = dovecot.client(user)
    client.select_folder("INBOX")
    client.delete_messages([2, 7])
    client.expunge()

    await session.examine("INBOX")

    assert await session.list_uids(0) == [1, 3, 4, 5, 6, 8, 9, 10, 11]
    assert await session.list_uids(5) == [6, 8, 9, 10, 11]
    assert await session.list_uids_since(date(2020, 1, 1)) == [1, 3, 4, 5, 6, 8, 9, 10, 11]


async def test_messages_are_listed_by_the_day_they_were_received(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    for day in (1, 20, 22):
        dovecot.deliver(user, MAIL, internaldate=datetime(2026, 11, day, 12, tzinfo=UTC))

    await session.examine("INBOX")

    assert await session.list_uids_since(date(2026, 11, 20)) == [2, 3]


async def test_expunged_messages_are_missing_and_the_others_come(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    for _ in range(3):
        dovecot.deliver(user, MAIL)
    await session.examine("INBOX")
    client = dovecot.client(user)
    client.select_folder("INBOX")
    client.delete_messages([2])
    client.expunge()

    assert [message.uid for message in await session.fetch([1, 2, 3, 77])] == [1, 3]
    assert set(await session.fetch_flags([1, 2, 3, 77])) == {1, 3}


async def test_a_wait_whose_time_comes_ends_none_that_has_begun_meanwhile(session: ImapSession) -> None:
    """Else whoever ends IDLE in that moment takes it for a server that doesn't answer, and hangs up."""
    await session.examine("INBOX")
    await session.idle("INBOX")
    waiting = asyncio.create_task(session.wait(0))
    await asyncio.sleep(0)  # it waits
    await asyncio.sleep(0)  # its time has come, and its turn is behind ours
    await session.done()

    assert await waiting is False
    assert (await session.examine("INBOX")).exists == 0


async def test_a_folder_that_is_not_there_is_named_and_the_connection_stays_good(session: ImapSession) -> None:
    with pytest.raises(FolderMissing, match="Nulle part"):
        await session.examine("Nulle part")

    assert (await session.examine("INBOX")).exists == 0


async def test_status_tells_what_examining_would_and_leaves_the_folder_examined(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    dovecot.deliver(user, MAIL)
    for name in ("Sent", "Éléments envoyés"):
        dovecot.deliver(user, MAIL, folder=name)
        await session.examine("INBOX")
        told = await session.status(name)

        assert await session.list_uids(0) == [1]
        assert (await session.examine(name)).holds_as(told)


async def test_status_tells_nothing_of_a_missing_folder_nor_of_the_examined_one(session: ImapSession) -> None:
    await session.examine("INBOX")

    assert await session.status("Nulle part") is None
    assert await session.status("INBOX") is None
    assert (await session.examine("INBOX")).exists == 0


async def test_what_is_as_known_is_so_for_whole_folders_and_to_the_last_flag(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    for folder in ("INBOX", "Sent"):
        dovecot.deliver(user, MAIL, folder=folder)
    others = {"Sent": await session.examine("Sent")}
    known = await session.examine("INBOX")
    assert await session.is_as_known("INBOX", known, others)
    assert not session.is_idling, "it has not idled before"

    dovecot.set_flags(user, [1], ["\\Answered"])
    assert not await session.is_as_known("INBOX", known, others)
    known = await session.examine("INBOX")
    assert await session.is_as_known("INBOX", known, others)

    assert not await session.is_as_known("INBOX", known, others | {"Nulle part": known})
    with pytest.raises(FolderMissing):
        await session.is_as_known("Nulle part", known, others)

    dovecot.set_flags(user, [1], ["\\Answered", "\\Seen"])
    assert not await session.is_as_known("INBOX", known, others)
    await session.fetch_flags([1])
    dovecot.set_flags(user, [1], ["\\Answered", "\\Flagged"])
    modseq = known.highest_modseq or 0
    known = await session.examine("INBOX")
    assert (known.highest_modseq or 0) >= modseq + 2, "examined anew"

    dovecot.deliver(user, MAIL, folder="Sent")
    assert not await session.is_as_known("INBOX", known, others)
    assert (await session.examine("INBOX")) == known

    await session.idle("INBOX")
    assert await session.is_as_known("INBOX", known, {"Sent": await session.examine("Sent")})
    assert session.is_idling
    dovecot.deliver(user, MAIL)
    assert await session.wait(8)
    assert session.read_news()
    assert set(await session.fetch_flags([1])) == {1}, "any command ends IDLE first"


async def test_folders_may_have_any_name(dovecot: Dovecot, user: str, session: ImapSession) -> None:
    for name in ("Éléments envoyés", "R&D", 'dit "Prêt"', "Été/Août"):
        dovecot.deliver(user, MAIL, folder=name)

        assert (await session.examine(name)).exists == 1


async def test_a_changed_uidvalidity_is_seen_by_the_next_examine(
    dovecot: Dovecot, user: str, connect: Callable[..., object], session: ImapSession
) -> None:
    dovecot.deliver(user, MAIL)
    first = await session.examine("INBOX")
    dovecot.change_uidvalidity(user, 4_294_967_295)

    try:
        second = await session.examine("INBOX")
    except MailboxUnavailable:  # some servers end the connection over it
        second = await (await connect(an_account(dovecot, user))).examine("INBOX")

    assert first.uidvalidity != second.uidvalidity == 4_294_967_295


async def test_folders_are_listed_with_their_use_and_their_counts(
    dovecot: Dovecot, user: str, session: ImapSession
) -> None:
    dovecot.deliver(user, MAIL)
    dovecot.deliver(user, MAIL, folder="Traités")

    folders = {folder.name: folder for folder in await list_folders(session)}

    assert folders["Sent"].special_use == "\\Sent"
    assert folders["Junk"].special_use == "\\Junk"
    assert folders["INBOX"].special_use == ""
    assert (folders["INBOX"].messages, folders["INBOX"].uidnext) == (1, 2)
    assert folders["Traités"].messages == 1
    assert "IDLE" in await list_capabilities(session)


# --- connecting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
async def test_each_kind_of_security_connects(
    dovecot: Dovecot, user: str, connect: Callable[..., object], security: str
) -> None:
    session = await connect(an_account(dovecot, user, security=security))

    assert (await session.examine("INBOX")).exists == 0
    assert hasattr(session._client.socket(), "cipher") is (security != "none")


async def test_a_wrong_password_is_refused_for_good(
    dovecot: Dovecot, user: str, connect: Callable[..., object]
) -> None:
    with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED") as refusal:
        await connect(an_account(dovecot, user), "secret mistake")

    assert "secret mistake" not in str(refusal.value)


async def test_names_and_passwords_may_have_accents(connect: Callable[..., object]) -> None:
    with Dovecot(users=["marie@example.test"], password="Étéàlécole") as dovecot:
        session = await connect(an_account(dovecot, "marie@example.test"), "Étéàlécole")

        assert (await session.examine("INBOX")).exists == 0


async def test_too_many_connections_are_a_matter_of_time(connect: Callable[..., object]) -> None:
    limit = "protocol imap {\n  mail_max_userip_connections = 1\n}\n"
    with Dovecot(users=["marie@example.test"], extra=limit) as dovecot:
        account = an_account(dovecot, "marie@example.test")
        await connect(account)

        with pytest.raises(MailboxUnavailable, match="LIMIT"):
            await connect(account)


async def test_an_expired_certificate_is_rejected(tmp_path: Path, connect: Callable[..., object]) -> None:
    expired = make_certificate(tmp_path, expires=timedelta(days=-1))
    with Dovecot(users=["marie@example.test"], certificate=expired) as dovecot:
        for security in ("tls", "starttls"):
            with pytest.raises(CertificateRejected, match="expired"):
                await connect(an_account(dovecot, "marie@example.test", security=security))


async def test_a_certificate_that_nobody_we_trust_signed_is_rejected(
    dovecot: Dovecot, user: str, connect: Callable[..., object]
) -> None:
    with pytest.raises(CertificateRejected, match="self-signed"):
        await connect(replace(an_account(dovecot, user, security="tls"), ca_file=None))


async def test_a_certificate_for_another_host_is_rejected(tmp_path: Path, connect: Callable[..., object]) -> None:
    other = make_certificate(tmp_path, names="DNS:imap.other.example")
    with (
        Dovecot(users=["marie@example.test"], certificate=other) as dovecot,
        pytest.raises(CertificateRejected, match="localhost"),
    ):
        await connect(an_account(dovecot, "marie@example.test", security="tls"))


@pytest.mark.parametrize("content", [None, "not a certificate"])
async def test_a_file_of_authorities_that_cannot_be_used_is_named(
    dovecot: Dovecot, user: str, connect: Callable[..., object], tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "authorities.pem"
    if content is not None:
        ca_file.write_text(content)

    with pytest.raises(CertificateRejected, match=r"authorities\.pem"):
        await connect(replace(an_account(dovecot, user, security="tls"), ca_file=ca_file))


async def test_an_unknown_host_is_unavailable(connect: Callable[..., object]) -> None:
    with pytest.raises(MailboxUnavailable, match=r"no-such-host\.invalid"):
        await connect(AnAccount(host="no-such-host.invalid", port=993))


async def test_a_closed_port_is_unavailable(connect: Callable[..., object]) -> None:
    with pytest.raises(MailboxUnavailable):
        await connect(AnAccount(host="127.0.0.1", port=free_ports(1)[0]))


async def test_tls_to_a_port_without_it_is_unavailable(
    dovecot: Dovecot, user: str, connect: Callable[..., object]
) -> None:
    with pytest.raises(MailboxUnavailable):
        await connect(replace(an_account(dovecot, user, security="tls"), port=dovecot.ports["IMAP"]))


@pytest.mark.parametrize("security", ["tls", "none"])
async def test_a_server_that_never_greets_is_unavailable(
    dovecot: Dovecot, user: str, connect: Callable[..., object], security: str
) -> None:
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        proxy.is_mute = True
        account = replace(an_account(dovecot, user, security=security), port=proxy.port, timeout=0.1)

        with pytest.raises(MailboxUnavailable, match="in time"):
            await connect(account)


# --- breaking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.CUT_BEFORE, Action.RESET_AFTER, Action.SILENCE_AFTER])
async def test_a_connection_that_breaks_in_a_fetch_is_closed(
    dovecot: Dovecot, user: str, connect: Callable[..., object], action: Action
) -> None:
    dovecot.deliver(user, MAIL + b"x" * 50_000)
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        session = await connect(replace(an_account(dovecot, user), port=proxy.port, timeout=0.2))
        await session.examine("INBOX")
        proxy.rules.append(Rule("client", rb"FETCH", action))

        with pytest.raises(MailboxUnavailable):
            await session.fetch([1])

        assert session.is_closed
        with pytest.raises(MailboxUnavailable, match="closed"):
            await session.examine("INBOX")


async def test_a_message_cut_short_is_never_taken_for_a_whole_one(
    dovecot: Dovecot, user: str, connect: Callable[..., object]
) -> None:
    dovecot.deliver(user, MAIL + b"x" * 50_000)
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        session = await connect(replace(an_account(dovecot, user), port=proxy.port))
        await session.examine("INBOX")
        proxy.rules.append(Rule("server", rb"BODY\[\]", Action.TRUNCATE, count=1000))

        with pytest.raises(MailboxUnavailable):
            await session.fetch([1])


@pytest.mark.parametrize("security", ["tls", "none"])
async def test_cancelling_a_command_that_hangs_is_prompt(
    dovecot: Dovecot, user: str, connect: Callable[..., object], security: str
) -> None:
    account = an_account(dovecot, user, security=security)
    with FaultProxy(account.port) as proxy:
        session = await connect(replace(account, port=proxy.port, timeout=30))
        proxy.silence()
        hanging = asyncio.create_task(session.examine("INBOX"))
        while session._running is None or not session._running.running():  # noqa: ASYNC110  # a thread's state
            await asyncio.sleep(0)
        thread = session._running

        started = time.monotonic()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        await asyncio.wait([asyncio.wrap_future(thread)], timeout=5)

        assert time.monotonic() - started < 1
        assert session.is_closed
        assert session._client.socket().fileno() == -1


@pytest.mark.parametrize("security", ["tls", "none"])
async def test_cancelling_a_login_that_hangs_is_prompt_and_frees_its_thread(
    dovecot: Dovecot, user: str, connect: Callable[..., object], pool: object, security: str
) -> None:
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        proxy.is_mute = True
        account = replace(an_account(dovecot, user, security=security), port=proxy.port, timeout=30)
        hanging = asyncio.create_task(connect(account))
        while not proxy.connections:  # noqa: ASYNC110  # a thread's state
            await asyncio.sleep(0)

        started = time.monotonic()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        pool._executor.shutdown(wait=True)

        assert time.monotonic() - started < 1
