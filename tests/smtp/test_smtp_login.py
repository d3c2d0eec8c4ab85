"""TLS and login: what is refused, whose fault it is, and in which words it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from scripted_smtp import AnAccount, ScriptedServer
from servers.tls import Certificate, make_certificate

from mailwatch.domain.outbox import Envelope, OutcomeKind
from mailwatch.errors import ConfigurationError
from mailwatch.smtp import SmtpMailer

TO_PARENT = Envelope(reverse_path="inscriptions@cscmonavenir.example", recipient="parent@example.org")
BODY = b"Subject: Bonjour\r\n\r\nBonjour.\r\n"

MailerFor = Callable[..., SmtpMailer]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("expired"), expires=timedelta(days=-1))


def context(certificate: Certificate) -> ssl.SSLContext:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate.certificate, certificate.key)
    return served


@pytest.fixture
async def guarded() -> AsyncIterator[ScriptedServer]:
    """A server that asks for a login."""
    scripted = await ScriptedServer(password="à-la-bonne-heure").start()
    yield scripted
    await scripted.stop()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_message_goes_over_tls_with_the_authority_that_is_named(
    certificate: Certificate, mailer_for: MailerFor, security: str
) -> None:
    server = await ScriptedServer(tls=context(certificate)).start(implicit_tls=security == "tls")

    mailer = mailer_for(server, host="localhost", security=security, ca_file=certificate.certificate)
    outcome = await mailer.submit(TO_PARENT, BODY)

    assert outcome.kind is OutcomeKind.SENT
    assert server.delivered[0].original_content == BODY
    await mailer.close()
    await server.stop()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_self_signed_certificate_is_refused_and_the_remedy_named(
    certificate: Certificate, mailer_for: MailerFor, security: str
) -> None:
    server = await ScriptedServer(tls=context(certificate)).start(implicit_tls=security == "tls")

    outcome = await mailer_for(server, security=security).submit(TO_PARENT, BODY)

    assert (outcome.kind, outcome.code) == (OutcomeKind.DEFERRED, 0)
    assert f"certificate of 127.0.0.1:{server.port} doesn't verify: self-signed certificate" in outcome.text
    assert "ca_file" in outcome.text
    assert not [line for line in server.heard if line.startswith("MAIL")]
    await server.stop()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_an_expired_certificate_is_refused_in_words(
    expired: Certificate, mailer_for: MailerFor, security: str
) -> None:
    server = await ScriptedServer(tls=context(expired)).start(implicit_tls=security == "tls")

    outcome = await mailer_for(server, security=security, ca_file=expired.certificate).submit(TO_PARENT, BODY)

    assert outcome.kind is OutcomeKind.DEFERRED
    assert "certificate has expired" in outcome.text
    await server.stop()


async def test_a_server_without_starttls_is_never_spoken_to_in_clear(
    guarded: ScriptedServer, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(guarded, security="starttls", username="mailwatch", password="à-la-bonne-heure")

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert outcome.kind is OutcomeKind.DEFERRED
    assert "STARTTLS" in outcome.text
    assert guarded.heard == ["EHLO"]


async def test_tls_to_a_port_that_speaks_plainly_names_the_setting(
    guarded: ScriptedServer, mailer_for: MailerFor
) -> None:
    outcome = await mailer_for(guarded, security="tls").submit(TO_PARENT, BODY)

    assert outcome.kind is OutcomeKind.DEFERRED
    assert "security = 'tls'" in outcome.text


async def test_a_login_happens_once_for_many_messages(guarded: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(guarded, username="mailwatch", password="à-la-bonne-heure")

    outcomes = [await mailer.submit(TO_PARENT, BODY) for _ in range(3)]

    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SENT}
    assert guarded.heard.count("AUTH PLAIN") == 1


async def test_a_wrong_password_refuses_the_account_after_one_attempt(
    guarded: ScriptedServer, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(guarded, username="mailwatch", password="faux")

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert (outcome.kind, outcome.code, outcome.enhanced) == (OutcomeKind.ACCOUNT_REFUSED, 535, "5.7.8")
    assert [line for line in guarded.heard if line.startswith("AUTH")] == ["AUTH PLAIN"]
    assert (await mailer.probe()).kind is OutcomeKind.ACCOUNT_REFUSED


async def test_a_login_that_fails_for_now_defers(guarded: ScriptedServer, mailer_for: MailerFor) -> None:
    guarded.script["AUTH"] = ["454 4.7.0 Temporary authentication failure"]
    mailer = mailer_for(guarded, username="mailwatch", password="à-la-bonne-heure")

    outcomes = [await mailer.submit(TO_PARENT, BODY) for _ in range(2)]

    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.DEFERRED, OutcomeKind.SENT]


async def test_a_mechanism_that_the_server_does_not_know_after_all_gives_way_to_the_next(
    guarded: ScriptedServer, mailer_for: MailerFor
) -> None:
    guarded.script["AUTH"] = ["504 5.5.4 Unrecognized authentication type"]
    mailer = mailer_for(guarded, username="mailwatch", password="à-la-bonne-heure")

    assert (await mailer.submit(TO_PARENT, BODY)).kind is OutcomeKind.SENT
    assert [line for line in guarded.heard if line.startswith("AUTH")] == ["AUTH PLAIN", "AUTH LOGIN"]


async def test_a_login_accepted_without_its_challenge_sends_nothing_and_is_not_taken_for_sent(
    guarded: ScriptedServer, mailer_for: MailerFor
) -> None:
    """2xx, and yet the server is out of step: nothing was sent."""
    guarded.script["AUTH"] = ["250 2.0.0 ok"]
    guarded.script["EHLO"] = ["250-scripted.example\r\n250 AUTH CRAM-MD5"]
    mailer = mailer_for(guarded, username="mailwatch", password="à-la-bonne-heure")

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert outcome.kind is OutcomeKind.DEFERRED
    assert outcome.text == "a reply out of step: 250 2.0.0 ok"
    assert guarded.delivered == []


async def test_a_banner_of_250_is_not_taken_for_a_message_that_was_sent(mailer_for: MailerFor) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"250 ready\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        server = AnAccount(port=listening.sockets[0].getsockname()[1])
        mailer = SmtpMailer(server)
        outcome = await mailer.submit(TO_PARENT, BODY)
        await mailer.close()

    assert (outcome.kind, outcome.text) == (OutcomeKind.DEFERRED, "a reply out of step: 250 ready")


async def test_a_server_that_offers_no_login_refuses_the_account(server: ScriptedServer, mailer_for: MailerFor) -> None:
    outcome = await mailer_for(server, username="mailwatch", password="x").submit(TO_PARENT, BODY)

    assert outcome.kind is OutcomeKind.ACCOUNT_REFUSED
    assert "log in" in outcome.text


async def test_a_server_that_refuses_ehlo_is_greeted_the_old_way(server: ScriptedServer, mailer_for: MailerFor) -> None:
    server.script["EHLO"] = ["502 5.5.1 not implemented"]

    assert (await mailer_for(server).submit(TO_PARENT, BODY)).kind is OutcomeKind.SENT


async def test_the_password_is_in_no_text(guarded: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(guarded, username="mailwatch", password="très-secret")

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert "très-secret" not in outcome.text + repr(mailer._server)


def test_an_authority_that_cannot_be_read_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    account = ScriptedServer().account(security="tls", ca_file=missing)

    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        SmtpMailer(account)
