"""Replies of real servers, judged."""

import pytest

from mailwatch.domain.outbox import OutcomeKind
from mailwatch.smtp.replies import Stage, judge_reply

DEFERRED, FAILED, REFUSED = OutcomeKind.DEFERRED, OutcomeKind.FAILED, OutcomeKind.ACCOUNT_REFUSED


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind"),
    [
        # Exchange Online
        (Stage.LOGIN, 535, "5.7.139 Authentication unsuccessful, the request did not meet the criteria", REFUSED),
        (Stage.LOGIN, 550, "5.7.30 Basic authentication is not supported for Client Submission.", REFUSED),
        (Stage.SENDER, 530, "5.7.57 Client not authenticated to send mail", REFUSED),
        (Stage.MESSAGE, 554, "5.2.252 SendAsDenied; inscriptions@cscmonavenir.example not allowed", REFUSED),
        (Stage.MESSAGE, 550, "5.7.233 exceeded the tenant external recipient rate limit", REFUSED),
        (Stage.RECIPIENT, 550, "5.1.8 Access denied, bad outbound sender", REFUSED),
        (Stage.MESSAGE, 432, "4.3.2 Concurrent connections limit exceeded", DEFERRED),
        (Stage.RECIPIENT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound", FAILED),
        (Stage.RECIPIENT, 550, "5.4.1 Recipient address rejected: Access denied", FAILED),
        # Google
        (Stage.MESSAGE, 550, "5.4.5 Daily user sending limit exceeded", REFUSED),
        (Stage.LOGIN, 534, "5.7.9 Application-specific password required", REFUSED),
        (Stage.RECIPIENT, 550, "5.1.1 The email account that you tried to reach does not exist.", FAILED),
        # Postfix
        (Stage.RECIPIENT, 554, "5.7.1 <a@b.example>: Relay access denied", REFUSED),
        (Stage.SENDER, 553, "5.7.1 <x@y.example>: Sender address rejected: not owned by user", REFUSED),
        (Stage.SENDER, 552, "5.3.4 Message size exceeds fixed limit", FAILED),
        (Stage.RECIPIENT, 450, "4.2.0 <a@b.example>: Greylisted", DEFERRED),
        (Stage.MESSAGE, 550, "5.7.1 relay of spam is not wanted here", FAILED),
        # others
        (Stage.GREETING, 554, "no SMTP service here", DEFERRED),
        (Stage.GREETING, 421, "too many connections", DEFERRED),
        (Stage.RECIPIENT, 551, "user not local", FAILED),
        (Stage.MESSAGE, 999, "what", DEFERRED),
    ],
)
def test_a_reply_says_whose_trouble_it_is(stage: Stage, code: int, text: str, kind: OutcomeKind) -> None:
    assert judge_reply(stage, code, text).kind is kind


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        ("5.1.1 unknown", "5.1.1"),
        ("4.7.26\nsecond line", "4.7.26"),
        ("5.7.5011 no code", ""),
        ("see 5.1.1", ""),
        ("3.1.1 no class", ""),
        ("", ""),
    ],
)
def test_the_enhanced_code_stands_at_the_beginning(text: str, enhanced: str) -> None:
    assert judge_reply(Stage.RECIPIENT, 550, text).enhanced == enhanced


def test_a_text_is_one_line_of_300_characters_at_most() -> None:
    text = judge_reply(Stage.RECIPIENT, 550, "5.1.1 no\r\nsuch\x1b user " + "x" * 9999).text

    assert len(text) == 300
    assert text.startswith("5.1.1 no such user xxx")
