"""The ManageSieve session: no password without TLS; whatever a server or a network does, an error of ours."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from servers.faultproxy import Action, FaultProxy, Rule
from servers.tls import make_certificate
from sieve.post import Post
from sieve.scripted_sieve import GREETING, ScriptedSieve

from mailwatch.errors import (
    CertificateRejected,
    EncryptionRefused,
    LoginRefused,
    MailwatchError,
    ScriptRefused,
    SieveUnavailable,
)
from mailwatch.sieve.client import ManageSieve, open_scripts

TEXT = "# été\nkeep;\n"


def secrets_of(post: Post) -> list[bytes]:
    """The password, in every form in which it could travel."""
    plain = f"\0{post.user}\0{post.server.password}".encode()
    return [base64.b64encode(plain), post.user.encode(), b"AUTHENTICATE"]


# --- what works -----------------------------------------------------------------------------------------------------


async def test_scripts_come_back_as_they_were_put(post: Post) -> None:
    async with post.session() as scripts:
        await scripts.put_script('"ma\\classe"', TEXT * 2000)

        assert await scripts.list_scripts() == {'"ma\\classe"': False}
        assert (await scripts.get_script('"ma\\classe"')).text == TEXT * 2000


async def test_a_script_that_is_not_there_is_refused_and_the_session_goes_on(post: Post) -> None:
    async with post.session() as scripts:
        with pytest.raises(ScriptRefused) as refused:
            await scripts.get_script("rien")

        assert refused.value.code == "NONEXISTENT"
        assert await scripts.list_scripts() == {}


async def test_extensions_are_those_of_the_server(post: Post) -> None:
    async with post.session() as scripts:
        assert {"vacation", "date", "relational", "envelope", "include"} <= scripts.extensions


# --- TLS or nothing -------------------------------------------------------------------------------------------------


async def test_the_login_travels_under_tls(post: Post, proxy: FaultProxy) -> None:
    async with post.session(sieve_port=proxy.port) as scripts:
        await scripts.put_script("moi", TEXT)

    assert proxy.recorded.startswith(b"STARTTLS\r\n\x16\x03")
    assert [each for each in (*secrets_of(post), b"PUTSCRIPT") if each in proxy.recorded] == []


async def test_a_server_that_offers_no_tls_is_told_nothing(post: Post, proxy: FaultProxy) -> None:
    """Also what somebody in between does who takes the offer out."""
    without = GREETING.replace('"STARTTLS"\r\n', "").encode()
    proxy.rules.append(Rule("server", rb"STARTTLS", Action.REPLACE, data=without))

    with pytest.raises(EncryptionRefused, match="doesn't offer STARTTLS"):
        async with post.session(sieve_port=proxy.port):
            pass

    assert proxy.recorded == b"LOGOUT\r\n"


async def test_a_server_that_refuses_tls_is_told_nothing(post: Post, proxy: FaultProxy) -> None:
    proxy.rules.append(Rule("server", rb"Begin TLS", Action.REPLACE, data=b'NO "not today"\r\n'))

    with pytest.raises(EncryptionRefused, match="refused STARTTLS"):
        async with post.session(sieve_port=proxy.port):
            pass

    assert proxy.recorded == b"STARTTLS\r\nLOGOUT\r\n"


async def test_a_certificate_that_does_not_verify_is_told_nothing(post: Post, proxy: FaultProxy) -> None:
    with pytest.raises(CertificateRejected, match=r"self.signed certificate"):
        async with post.session(sieve_port=proxy.port, ca_file=None):
            pass

    assert proxy.recorded.startswith(b"STARTTLS\r\n")
    assert [each for each in secrets_of(post) if each in proxy.recorded] == []


async def test_what_is_slipped_in_behind_the_ok_in_clear_is_never_read(post: Post, proxy: FaultProxy) -> None:
    slipped = b'OK "Begin TLS"\r\n"SIEVE" "nothing"\r\n"SASL" "X"\r\nOK "slipped in"\r\n'
    proxy.rules.append(Rule("server", rb"Begin TLS", Action.REPLACE, data=slipped))

    async with post.session(sieve_port=proxy.port) as scripts:
        assert "vacation" in scripts.extensions


async def test_a_file_of_authorities_that_is_none_is_named(post: Post) -> None:
    with pytest.raises(CertificateRejected, match=r"dovecot\.conf can't be used"):
        async with post.session(ca_file=post.server.folder / "dovecot.conf"):
            pass


# --- logins ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["wrong", "", "\0", "é" * 2000])
async def test_a_wrong_password_is_refused(post: Post, password: str) -> None:
    with pytest.raises(LoginRefused):
        async with open_scripts(post.account(), password):
            pass


# --- networks -------------------------------------------------------------------------------------------------------


def refuse(proxy: FaultProxy) -> None:
    proxy.is_refusing = True


def be_mute(proxy: FaultProxy) -> None:
    proxy.is_mute = True


def cut_in_tls(proxy: FaultProxy) -> None:
    proxy.rules.append(Rule("client", rb"^\x16\x03", Action.CUT_BEFORE))


def talk_http(proxy: FaultProxy) -> None:
    proxy.rules.append(Rule("server", rb"", Action.REPLACE, data=b"HTTP/1.1 400 Bad Request\r\n" * 2000))


@pytest.mark.parametrize("fault", [refuse, be_mute, cut_in_tls, talk_http])
async def test_a_server_that_cannot_be_reached_is_tried_again_later(
    post: Post, proxy: FaultProxy, fault: Callable[[FaultProxy], None]
) -> None:
    fault(proxy)

    with pytest.raises(SieveUnavailable, match=r"^localhost: "):
        async with post.session(sieve_port=proxy.port, timeout=0.5):
            pass


async def test_nobody_listening_is_told_as_such(post: Post) -> None:
    with pytest.raises(SieveUnavailable, match=r"^localhost: "):
        async with post.session(sieve_port=1):
            pass


@pytest.mark.parametrize("fault", [FaultProxy.cut, lambda proxy: proxy.cut(reset=True), FaultProxy.silence])
async def test_a_connection_lost_on_the_way_is_told(
    post: Post, proxy: FaultProxy, fault: Callable[[FaultProxy], None]
) -> None:
    async with post.session(sieve_port=proxy.port, timeout=0.5) as scripts:
        fault(proxy)

        with pytest.raises(SieveUnavailable):
            await scripts.put_script("moi", TEXT)
        with pytest.raises(SieveUnavailable):  # and it stays lost
            await scripts.list_scripts()


# --- servers that behave otherwise than Pigeonhole ------------------------------------------------------------------

Scripted = Callable[..., AbstractAsyncContextManager[ManageSieve]]


@pytest.fixture
def scripted(post: Post) -> Scripted:
    """Logs in to a server with these answers by verb."""

    @asynccontextmanager
    async def connect(answers: dict[str, str], **fields: str) -> AsyncIterator[ManageSieve]:
        async with (
            ScriptedSieve(post.server.certificate, answers, **fields) as server,
            post.session(sieve_port=server.port, timeout=1.0) as scripts,
        ):
            yield scripts

    return connect


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ('NO "wrong"\r\n', LoginRefused),
        ('NO (AUTH-TOO-WEAK) "use another mechanism"\r\n', LoginRefused),
        ('NO (TRYLATER) "busy"\r\n', SieveUnavailable),
        ('NO "Temporary authentication failure"\r\n', SieveUnavailable),
        ('BYE (REFERRAL "sieve://other.example") "moved"\r\n', SieveUnavailable),
        ("", SieveUnavailable),
        ("{4}\r\nYWFh\r\n", SieveUnavailable),  # a challenge that PLAIN doesn't have
    ],
)
async def test_a_login_is_refused_for_good_or_for_now(
    scripted: Scripted, answer: str, error: type[MailwatchError]
) -> None:
    with pytest.raises(error):
        async with scripted({"AUTHENTICATE": answer}):
            pass


async def test_a_server_without_plain_is_not_logged_in_to(scripted: Scripted) -> None:
    with pytest.raises(LoginRefused, match="AUTH=PLAIN"):
        async with scripted({}, under_tls='"SASL" "GSSAPI"\r\nOK\r\n'):
            pass


@pytest.mark.parametrize(
    "answer",
    [
        "{9999999}\r\n",
        "x" * 200_000,
        '"a"\r\n' * 2000,
        'BYE "shutting down"\r\n',
        'NO (TRYLATER) "busy"\r\n',
    ],
)
async def test_a_monstrous_or_last_answer_ends_in_an_error_of_ours(scripted: Scripted, answer: str) -> None:
    async with scripted({"LISTSCRIPTS": answer}) as scripts:
        with pytest.raises(SieveUnavailable):
            await scripts.list_scripts()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"expires": -timedelta(days=1)}, "expired"), ({"names": "DNS:other.example"}, "not valid for 'localhost'")],
)
async def test_an_expired_certificate_or_one_for_another_name_ends_it(
    post: Post, tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    presented = make_certificate(tmp_path, **fields)

    async with ScriptedSieve(presented, {}) as server:
        with pytest.raises(CertificateRejected, match=reason):
            async with post.session(sieve_port=server.port, ca_file=presented.certificate):
                pass

    assert server.commands == ["STARTTLS"]
