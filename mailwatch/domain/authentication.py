"""What our own mail server says about a message's sender: Authentication-Results (RFC 8601).

Anybody can write this header, so only the topmost one with a configured `authserv_id` is believed. Microsoft 365
writes no authserv-id at all; there the configured value is "microsoft" (a name that no server can have in earnest).
"""

import re

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message, strip_comments

HEADER = "authentication-results"
MICROSOFT = "microsoft"

_DMARC = re.compile(r"\s*dmarc(?:\s*/\s*\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)


def find_dmarc_result(message: Message, mailbox: Mailbox) -> str | None:
    """The DMARC result by our own server's word in lower case (`pass`, `fail`, `none`, …), or None: it said nothing."""
    trusted = {authserv_id.lower() for authserv_id in mailbox.acknowledgement.authserv_id}
    for value in message.all(HEADER) if trusted else ():
        authserv_id, result = _parse(value)
        if authserv_id in trusted:
            return result
    return None


def _parse(value: str) -> tuple[str, str | None]:
    """authserv-id and DMARC result of one header value."""
    pieces = strip_comments(value).split(";")
    head = pieces[0].split()
    if not head or "=" in pieces[0]:
        authserv_id = MICROSOFT
    else:
        authserv_id, pieces = head[0].lower(), pieces[1:]
    found = (match for piece in pieces if (match := _DMARC.match(piece)))
    match = next(found, None)
    return authserv_id, match[1].lower() if match else None


def is_authenticated(message: Message, mailbox: Mailbox) -> bool:
    """Whether the one From address is proved by DMARC, by our own server's word."""
    return len(message.from_) == 1 and find_dmarc_result(message, mailbox) == "pass"
