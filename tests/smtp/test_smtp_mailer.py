"""Every way in which a submission can end, against a real server that follows a script."""

import asyncio
from collections.abc import Callable

import pytest
from scripted_smtp import CUT, GARBAGE, HANG, ScriptedServer

from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind
from mailwatch.smtp import SmtpMailer

SENT, DEFERRED, FAILED = OutcomeKind.SENT, OutcomeKind.DEFERRED, OutcomeKind.FAILED
UNCERTAIN, REFUSED = OutcomeKind.UNCERTAIN, OutcomeKind.ACCOUNT_REFUSED
TO_PARENT = Envelope(reverse_path="inscriptions@cscmonavenir.example", recipient="parent@example.org")
BODY = b"Subject: Bonjour\r\n\r\nNous avons bien re=C3=A7u votre demande.\r\n"

MailerFor = Callable[..., SmtpMailer]


async def test_a_message_arrives_as_it_was_given_with_its_envelope(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    outcome = await mailer_for(server).submit(TO_PARENT, BODY)

    assert outcome == Outcome(kind=SENT, code=250, enhanced="2.0.0", text="2.0.0 queued as 4XyZ")
    [delivered] = server.delivered
    assert (delivered.mail_from, delivered.rcpt_tos) == ("inscriptions@cscmonavenir.example", ["parent@example.org"])
    assert delivered.original_content == BODY


@pytest.mark.parametrize("body", [b".first\r\n\r\nend", b"first\r\n\r\n.\r\n..two\r\n.end"])
async def test_lines_that_begin_with_a_dot_arrive_unharmed(
    server: ScriptedServer, mailer_for: MailerFor, body: bytes
) -> None:
    assert (await mailer_for(server).submit(TO_PARENT, body)).kind is SENT
    assert server.delivered[0].original_content == body + b"\r\n"


async def test_the_null_reverse_path_is_an_empty_sender(server: ScriptedServer, mailer_for: MailerFor) -> None:
    assert (await mailer_for(server).submit(Envelope(reverse_path="", recipient="a@b.example"), BODY)).kind is SENT
    assert "MAIL <>" in server.heard


@pytest.mark.parametrize(
    ("command", "reply", "kind", "enhanced"),
    [
        ("MAIL", "421 4.3.2 shutting down", DEFERRED, "4.3.2"),
        ("MAIL", "450 4.7.1 slow down", DEFERRED, "4.7.1"),
        ("MAIL", "451 4.3.0 local error", DEFERRED, "4.3.0"),
        ("MAIL", "452 4.3.1 full", DEFERRED, "4.3.1"),
        ("MAIL", "550 5.7.1 not you", REFUSED, "5.7.1"),
        ("MAIL", "530 5.7.0 Authentication required", REFUSED, "5.7.0"),
        ("MAIL", "552 5.3.4 too large", FAILED, "5.3.4"),
        ("MAIL", "554 5.2.252 SendAsDenied", REFUSED, "5.2.252"),
        ("RCPT", "421 4.7.0 bye", DEFERRED, "4.7.0"),
        ("RCPT", "450 4.2.1 greylisted", DEFERRED, "4.2.1"),
        ("RCPT", "550 5.1.1 no such user", FAILED, "5.1.1"),
        ("RCPT", "550 no such user", FAILED, ""),
        ("RCPT", "554 5.7.1 <a@b>: Relay access denied", REFUSED, "5.7.1"),
        ("RCPT", "550 5.7.233 tenant limit", REFUSED, "5.7.233"),
        ("DATA", "421 4.3.2 bye", DEFERRED, "4.3.2"),
        ("DATA", "451 4.3.0 try again", DEFERRED, "4.3.0"),
        ("DATA", "554 5.5.1 no valid recipients", FAILED, "5.5.1"),
        ("DOT", "421 4.3.2 bye", DEFERRED, "4.3.2"),
        ("DOT", "451 4.7.1 greylisted", DEFERRED, "4.7.1"),
        ("DOT", "452 4.3.1 full", DEFERRED, "4.3.1"),
        ("DOT", "550 5.7.1 looks like spam", FAILED, "5.7.1"),
        ("DOT", "552 5.3.4 too large", FAILED, "5.3.4"),
        ("DOT", "554 5.7.60 SMTP; Client does not have permissions to send as this sender", REFUSED, "5.7.60"),
    ],
)
async def test_a_reply_is_judged_by_its_stage_and_code(
    server: ScriptedServer, mailer_for: MailerFor, command: str, reply: str, kind: OutcomeKind, enhanced: str
) -> None:
    server.script[command] = [reply]
    mailer = mailer_for(server)

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert (outcome.kind, outcome.code, outcome.enhanced) == (kind, int(reply[:3]), enhanced)
    assert server.delivered == []
    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT, "what follows is not harmed"


@pytest.mark.parametrize(
    ("command", "act", "kind"),
    [
        ("EHLO", CUT, DEFERRED),
        ("MAIL", CUT, DEFERRED),
        ("RCPT", CUT, DEFERRED),
        ("DATA", CUT, DEFERRED),
        ("DOT", CUT, UNCERTAIN),
        ("MAIL", GARBAGE, DEFERRED),
        ("RCPT", GARBAGE, DEFERRED),
        ("DATA", GARBAGE, DEFERRED),
        ("DOT", GARBAGE, UNCERTAIN),
        ("DATA", "250 what message?", DEFERRED),
        ("MAIL", "354 go on", DEFERRED),
    ],
)
async def test_a_lost_connection_leaves_a_doubt_only_after_the_message(
    server: ScriptedServer, mailer_for: MailerFor, command: str, act: str, kind: OutcomeKind
) -> None:
    server.script[command] = [act]
    mailer = mailer_for(server)

    assert (await mailer.submit(TO_PARENT, BODY)).kind is kind
    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT
    assert server.opened == 2, "a connection that is out of step is not used again"


@pytest.mark.parametrize(
    ("command", "kind"),
    [("EHLO", DEFERRED), ("MAIL", DEFERRED), ("RCPT", DEFERRED), ("DATA", DEFERRED), ("DOT", UNCERTAIN)],
)
async def test_a_server_that_falls_silent_is_left_after_the_timeout(
    server: ScriptedServer, mailer_for: MailerFor, command: str, kind: OutcomeKind
) -> None:
    server.script[command] = [HANG]
    mailer = mailer_for(server, timeout=0.1)

    assert (await mailer.submit(TO_PARENT, BODY)).kind is kind
    await server.gone.wait()


async def test_a_connection_serves_many_messages(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server)

    outcomes = [await mailer.submit(TO_PARENT, BODY) for _ in range(5)]

    assert {outcome.kind for outcome in outcomes} == {SENT}
    assert (len(server.delivered), server.opened) == (5, 1)


async def test_after_a_refused_recipient_the_connection_is_reset_and_used_again(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    server.script["RCPT"] = ["550 5.1.1 unknown"]
    mailer = mailer_for(server)

    kinds = [(await mailer.submit(TO_PARENT, BODY)).kind for _ in range(3)]

    assert kinds == [FAILED, SENT, SENT]
    assert (server.opened, server.heard.count("RSET")) == (1, 1)


@pytest.mark.parametrize("command", ["RCPT", "DOT"])
async def test_a_connection_that_the_server_is_closing_is_not_used_again(
    server: ScriptedServer, mailer_for: MailerFor, command: str
) -> None:
    server.script[command] = ["421 4.7.0 too many messages on this connection"]
    mailer = mailer_for(server)

    kinds = [(await mailer.submit(TO_PARENT, BODY)).kind for _ in range(2)]

    assert (kinds, server.opened) == ([DEFERRED, SENT], 2)


async def test_no_more_connections_are_open_than_allowed(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server, connections=3)

    outcomes = await asyncio.gather(*(mailer.submit(TO_PARENT, BODY) for _ in range(30)))

    assert [outcome.kind for outcome in outcomes] == [SENT] * 30
    assert server.most_at_once == 3


async def test_messages_go_in_parallel(server: ScriptedServer, mailer_for: MailerFor) -> None:
    server.script["DOT"] = [HANG]
    mailer = mailer_for(server, connections=2)
    stuck = asyncio.create_task(mailer.submit(TO_PARENT, BODY))
    await server.reached.wait()

    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)


async def test_a_connection_that_the_server_ended_while_idle_is_replaced_at_once(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(server)
    await mailer.submit(TO_PARENT, BODY)
    server.drop_connections()

    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT
    assert server.opened == 2


@pytest.mark.parametrize("farewell", [CUT, "421 4.4.2 timeout exceeded", GARBAGE])
async def test_a_stale_connection_found_at_mail_from_costs_no_attempt(
    server: ScriptedServer, mailer_for: MailerFor, farewell: str
) -> None:
    mailer = mailer_for(server)
    await mailer.submit(TO_PARENT, BODY)
    server.script["MAIL"] = [farewell]

    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT
    assert server.opened == 2


async def test_a_reused_connection_lost_after_the_message_is_not_tried_again(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(server)
    await mailer.submit(TO_PARENT, BODY)
    server.script["DOT"] = [CUT]

    assert (await mailer.submit(TO_PARENT, BODY)).kind is UNCERTAIN
    assert server.opened == 1


async def test_a_new_connection_is_tried_only_once(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server)
    await mailer.submit(TO_PARENT, BODY)
    server.script["MAIL"] = ["421 4.3.2 overloaded", "421 4.3.2 overloaded"]

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert (outcome.kind, outcome.code, server.opened) == (DEFERRED, 421, 2)


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "DATA", "DOT"])
async def test_cancellation_ends_the_connection_and_harms_nobody_else(
    server: ScriptedServer, mailer_for: MailerFor, command: str
) -> None:
    server.script[command] = [HANG]
    mailer = mailer_for(server, connections=1)
    submission = asyncio.create_task(mailer.submit(TO_PARENT, BODY))
    await server.reached.wait()

    submission.cancel()

    with pytest.raises(asyncio.CancelledError):
        await submission
    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT
    assert server.opened == 2


async def test_idle_connections_are_left_with_a_goodbye(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server, idle_seconds=0.01)
    await mailer.submit(TO_PARENT, BODY)

    await server.gone.wait()

    assert server.heard[-1] == "QUIT"
    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT


async def test_closing_says_goodbye_on_every_connection(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server, connections=2)
    await asyncio.gather(mailer.submit(TO_PARENT, BODY), mailer.submit(TO_PARENT, BODY))

    await mailer.close()

    assert server.heard.count("QUIT") == 2


async def test_the_rate_spaces_messages_out(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server, rate_per_minute=600)
    loop = asyncio.get_running_loop()
    began = loop.time()

    for _ in range(3):
        await mailer.submit(TO_PARENT, BODY)

    assert loop.time() - began >= 0.2


async def test_a_turn_that_is_too_far_off_is_put_off_instead_of_waited_for(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(server, rate_per_minute=1, timeout=5)

    outcomes = [await mailer.submit(TO_PARENT, BODY) for _ in range(2)]

    assert [outcome.kind for outcome in outcomes] == [SENT, DEFERRED]
    assert "rate" in outcomes[1].text


async def test_a_server_that_is_not_there_defers(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server)
    await server.stop()

    outcome = await mailer.submit(TO_PARENT, BODY)

    assert (outcome.kind, outcome.code) == (DEFERRED, 0)
    assert outcome.text == f"nothing listens at 127.0.0.1:{server.port}"


async def test_an_unknown_name_defers(server: ScriptedServer, mailer_for: MailerFor) -> None:
    outcome = await mailer_for(server, host="smtp.invalid").submit(TO_PARENT, BODY)

    assert outcome.kind is DEFERRED
    assert "smtp.invalid" in outcome.text


@pytest.mark.parametrize(
    "recipient", ["", "nobody", "a@b>\r\nRCPT TO:<c@d", "a@b c", "a b@c.example", "a@b\x00", "<a@b.example>", "a@"]
)
async def test_an_address_that_smtp_cannot_express_fails_without_a_word_to_the_server(
    server: ScriptedServer, mailer_for: MailerFor, recipient: str
) -> None:
    outcome = await mailer_for(server).submit(Envelope(reverse_path="", recipient=recipient), BODY)

    assert (outcome.kind, server.heard) == (FAILED, [])


async def test_an_internationalised_domain_needs_nothing_of_the_server(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    outcome = await mailer_for(server).submit(Envelope(reverse_path="", recipient="jean@écoles.example"), BODY)

    assert outcome.kind is SENT
    assert "RCPT <jean@xn--coles-9ra.example>" in server.heard


async def test_an_internationalised_local_part_fails_where_smtputf8_is_not_offered(
    server: ScriptedServer, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(server)

    outcome = await mailer.submit(Envelope(reverse_path="", recipient="zoé@b.example"), BODY)

    assert outcome.kind is FAILED
    assert "SMTPUTF8" in outcome.text
    assert (await mailer.submit(TO_PARENT, BODY)).kind is SENT
    assert server.opened == 1


async def test_an_internationalised_local_part_uses_smtputf8_where_it_is_offered(mailer_for: MailerFor) -> None:
    server = await ScriptedServer(utf8=True).start()

    outcome = await mailer_for(server).submit(Envelope(reverse_path="a@b.example", recipient="zoé@b.example"), BODY)

    assert outcome.kind is SENT
    assert server.delivered[0].rcpt_tos == ["zoé@b.example"]
    assert "MAIL <a@b.example> SMTPUTF8" in server.heard
    await server.stop()


async def test_a_probe_asks_for_the_sender_and_sends_nothing(server: ScriptedServer, mailer_for: MailerFor) -> None:
    outcome = await mailer_for(server, probe_from="inscriptions@cscmonavenir.example").probe()

    assert outcome.kind is SENT
    assert server.heard == ["EHLO", "MAIL <inscriptions@cscmonavenir.example>"]


async def test_a_probe_asks_for_the_sender_that_was_refused(server: ScriptedServer, mailer_for: MailerFor) -> None:
    server.script["MAIL"] = ["550 5.7.60 may not send as", "550 5.7.60 may not send as"]
    mailer = mailer_for(server)
    await mailer.submit(TO_PARENT, BODY)

    assert (await mailer.probe()).kind is REFUSED
    assert (await mailer.probe()).kind is SENT
    assert server.heard.count("MAIL <inscriptions@cscmonavenir.example>") == 3


async def test_a_probe_of_a_server_that_is_not_there_defers(server: ScriptedServer, mailer_for: MailerFor) -> None:
    mailer = mailer_for(server)
    await server.stop()

    assert (await mailer.probe()).kind is DEFERRED
