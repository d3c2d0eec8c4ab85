"""What a server's reply means for the message and for the account: RFC 5321 §4.2, RFC 3463, Exchange Online's codes.

4xx: again later. 5xx: never, for this recipient or message; or, about who we are, nothing more until a person acts.
"""

import re
from enum import StrEnum

from mailwatch.domain.outbox import Outcome, OutcomeKind

MAX_TEXT = 300  # characters of a reply that are kept

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
_CONTROLS = re.compile(r"[\x00-\x20\x7f-\x9f]+")
_RELAYING = re.compile(r"\brelay", re.IGNORECASE)


class Stage(StrEnum):
    """What the server was replying to."""

    GREETING = "greeting"  # banner, EHLO, STARTTLS
    LOGIN = "login"
    SENDER = "sender"  # MAIL FROM
    RECIPIENT = "recipient"  # RCPT TO
    MESSAGE = "message"  # DATA, and the final dot


# Replies about the submitting account at whatever stage. RFC 4954 §6; Microsoft's and Google's lists of NDR codes.
_ACCOUNT_CODES = frozenset({530, 534, 535, 538})
_ACCOUNT_ENHANCED = frozenset(
    {
        "5.1.8",  # bad outbound sender: the account sent too much spam
        "5.1.90",  # recipient limit of the day
        "5.4.5",  # Gmail: sending limit of the day
        "5.7.3",  # authentication unsuccessful
        "5.7.8",  # credentials invalid (RFC 4954)
        "5.7.9",  # mechanism too weak (RFC 4954)
        "5.7.30",  # basic authentication is off
        "5.7.54",  # unable to relay
        "5.7.57",  # client was not authenticated
        "5.7.60",  # may not send as this sender
        "5.7.64",  # tenant attribution, relay access denied
        "5.7.139",  # authentication unsuccessful, by policy
        "5.7.233",  # tenant's limit of external recipients
        "5.7.501",
        "5.7.502",
        "5.7.503",  # banned for spam
        "5.7.705",  # tenant's threshold exceeded
        "5.7.708",  # this IP address isn't accepted
        "5.7.750",  # domain not registered
    }
)
_ACCOUNT_FAMILY = re.compile(r"5\.2\.25\d")  # may not send on behalf; sending is switched off for the mailbox

# 5xx at MAIL FROM that are about this message only: its size (RFC 1870 §6.1), its addresses' script (RFC 6531 §3.5).
_MESSAGE_CODES = frozenset({552, 555})
_MESSAGE_ENHANCED = frozenset({"5.2.3", "5.3.4", "5.6.7"})


def judge_reply(stage: Stage, code: int, text: str) -> Outcome:
    """What a reply to a stage comes to; `code` as received, `text` without it."""
    match = _ENHANCED.match(text)
    enhanced = match[1] if match else ""
    kind = _kind(stage, code, enhanced, text)
    return Outcome(kind=kind, code=code, enhanced=enhanced, text=tidy(text))


def tidy(text: str) -> str:
    """A server's text on one line, cut."""
    return _CONTROLS.sub(" ", text).strip()[:MAX_TEXT]


def _kind(stage: Stage, code: int, enhanced: str, text: str) -> OutcomeKind:
    match code // 100:
        case 2:
            return OutcomeKind.SENT
        case 5 if stage is Stage.GREETING:
            return OutcomeKind.DEFERRED  # "no service here": about the server, and never about one message
        case 5 if _concerns_account(stage, code, enhanced, text):
            return OutcomeKind.ACCOUNT_REFUSED
        case 5:
            return OutcomeKind.FAILED
        case _:
            return OutcomeKind.DEFERRED


def _concerns_account(stage: Stage, code: int, enhanced: str, text: str) -> bool:
    if stage is Stage.LOGIN or code in _ACCOUNT_CODES:
        return True
    if enhanced in _ACCOUNT_ENHANCED or _ACCOUNT_FAMILY.fullmatch(enhanced):
        return True
    if stage is Stage.SENDER:
        return not (code in _MESSAGE_CODES or enhanced in _MESSAGE_ENHANCED)
    # "Relay access denied" is how servers tell a client that has not logged in.
    return stage is Stage.RECIPIENT and bool(_RELAYING.search(text))
