"""What goes wrong on a connection, in our words: again later, or not before a person acts (RFC 5530)."""

import re
import ssl

from imapclient.exceptions import (
    IMAPClientAbortError,
    IMAPClientError,
    LoginError,
)

from mailwatch.errors import CertificateRejected, LoginRefused, MailboxUnavailable, MailwatchError

# All that a server's bytes can make imaplib and IMAPClient raise: they parse trustingly, and don't wrap everything.
FAILURES = (
    IMAPClientError,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RecursionError,
)

LONGEST_TEXT = 300  # an exception of imaplib may quote a line of 1 MB
_PERMANENT = re.compile(
    r"\[(AUTHENTICATIONFAILED|AUTHORIZATIONFAILED|EXPIRED|PRIVACYREQUIRED|CONTACTADMIN|NOPERM|NONEXISTENT)\b",
    re.IGNORECASE,
)
_TEMPORARY = re.compile(
    r"\[(UNAVAILABLE|LIMIT|INUSE|SERVERBUG|OVERQUOTA|THROTTLED)\b"
    r"|backoff|throttl|temporar|try again|too many|not connected|unavailable|timed? ?out|busy|internal error",
    re.IGNORECASE,
)
_BACK_OFF = re.compile(r"Suggested Backoff Time: ?(\d{1,9}) ?milliseconds", re.IGNORECASE)  # Exchange


def is_temporary(text: str) -> bool:
    """Whether a server's NO or BAD means "again later". Without a code (RFC 5530) its words have to tell."""
    return not _PERMANENT.search(text) and bool(_TEMPORARY.search(text))


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone. A tagged NO, or an answer that can't be parsed, leaves it usable."""
    return isinstance(error, (IMAPClientAbortError, OSError, EOFError))


def translate(error: BaseException, host: str) -> MailwatchError:
    """The error of ours that stands for one of `FAILURES`."""
    text = _describe(error, host)
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRejected(text)
    if isinstance(error, LoginError) and not is_lost(error.__context__ or error) and not is_temporary(str(error)):
        return LoginRefused(text)
    return MailboxUnavailable(text, _find_back_off(str(error)))


def _find_back_off(text: str) -> float | None:
    """Seconds that the server asks us to stay away."""
    found = _BACK_OFF.search(text)
    return int(found[1]) / 1000 if found else None


def _describe(error: BaseException, host: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = error.verify_message
    elif isinstance(error, TimeoutError):
        text = "no answer in time"
    else:
        text = str(error) or type(error).__name__
    return f"{host}: {text[:LONGEST_TEXT]}"
