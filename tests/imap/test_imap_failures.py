"""Which answers mean "again later", which "never"."""

import imaplib
import ssl

import pytest
from imapclient.exceptions import LoginError

from mailwatch.errors import CertificateRejected, LoginRefused, MailboxUnavailable, MailwatchError
from mailwatch.imap.failures import LONGEST_TEXT, translate


def login_error(text: str, cause: type[Exception] = imaplib.IMAP4.error) -> Exception:
    """As IMAPClient raises it: the cause stays behind it."""
    try:
        try:
            raise cause(text)
        except imaplib.IMAP4.error as error:
            raise LoginError(str(error))  # noqa: B904  # as IMAPClient does
    except LoginError as error:
        return error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[AUTHENTICATIONFAILED] Authentication failed.", LoginRefused),
        ("[AUTHENTICATIONFAILED] Temporary rule: unavailable to you", LoginRefused),
        ("[EXPIRED] Password expired", LoginRefused),
        ("LOGIN failed.", LoginRefused),
        ("[ALERT] Application-specific password required", LoginRefused),
        ("[UNAVAILABLE] Temporary authentication failure.", MailboxUnavailable),
        ("[LIMIT] Maximum number of connections from user+IP exceeded", MailboxUnavailable),
        ("[INUSE] Another session", MailboxUnavailable),
        ("[ALERT] Too many simultaneous connections. (Failure)", MailboxUnavailable),
        ("LOGIN command error: BAD [b'User is authenticated but not connected.']", MailboxUnavailable),
        ("Request is throttled. Suggested Backoff Time: 299961 milliseconds", MailboxUnavailable),
    ],
)
def test_a_refused_login_is_permanent_unless_the_server_says_otherwise(
    text: str, expected: type[MailwatchError]
) -> None:
    assert type(translate(login_error(text), "imap.example.org")) is expected


def test_a_connection_lost_in_a_login_is_no_refusal() -> None:
    error = translate(login_error("socket error: EOF", imaplib.IMAP4.abort), "imap.example.org")

    assert type(error) is MailboxUnavailable


def test_the_pause_that_a_server_asks_for_is_read_in_seconds() -> None:
    error = translate(imaplib.IMAP4.error("BAD throttled. Suggested Backoff Time: 299961 milliseconds"), "h")

    assert isinstance(error, MailboxUnavailable)
    assert error.back_off == pytest.approx(299.961)


def test_a_line_of_a_megabyte_does_not_become_a_text_of_a_megabyte() -> None:
    error = translate(imaplib.IMAP4.abort("x" * 1_000_000), "imap.example.org")

    assert str(error) == "imap.example.org: " + "x" * LONGEST_TEXT


def test_a_certificate_problem_is_told_in_the_words_of_the_verification() -> None:
    failure = ssl.SSLCertVerificationError("long")
    failure.verify_message = "certificate has expired"

    error = translate(failure, "imap.example.org")

    assert type(error) is CertificateRejected
    assert str(error) == "imap.example.org: certificate has expired"
