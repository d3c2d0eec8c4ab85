"""IDLE (RFC 2177) step by step, so that no thread waits in it and no announcement is lost.

IMAPClient's own `idle` fails on an EXISTS that comes before "+ idling", and what arrives in the same packet as it
stays in a buffer that no selector sees.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError
from imapclient.imapclient import _parse_untagged_response


@dataclass(frozen=True, slots=True)
class Announced:
    """What a server said by itself: message counts (EXISTS), and whether messages went away (EXPUNGE)."""

    exists: tuple[int, ...] = ()
    has_expunged: bool = False
    is_ending: bool = False  # BYE, or a silence that only a round trip explains: then the connection may be dead


def ask_for_news(client: IMAPClient) -> None:
    """NOOP: the server tells what has come since the last command; some wouldn't in IDLE. Blocking."""
    client.noop()


def begin(client: IMAPClient) -> bool:
    """Send IDLE and wait for its "+"; False when the server refuses it. Blocking."""
    imap = client._imap
    client._idle_tag = tag = imap._command("IDLE")
    while imap._get_response() is not None:  # None is the "+"; anything else came before it
        if imap.tagged_commands[tag]:
            del imap.tagged_commands[tag]
            return False
    return True


def has_buffered(client: IMAPClient) -> bool:
    """Whether something was read from the socket already, so that waiting for the socket would wait in vain."""
    sock = client.socket()
    sock.setblocking(False)
    try:
        return bool(client._imap.file.peek(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    finally:
        client._set_read_timeout()


def read_announced(client: IMAPClient) -> Announced:
    """Read what came while idling, from the socket and from the buffer. Doesn't block.

    IMAPClient's own `idle_check` asks the socket first, and so finds nothing in the buffer.
    """
    responses = [_parse_untagged_response(line) for line in _read_lines(client)]
    exists = [one[0] for one in responses if len(one) > 1 and one[1] == b"EXISTS"]
    return Announced(
        exists=tuple(count for count in exists if isinstance(count, int)),
        has_expunged=any(len(one) > 1 and one[1] == b"EXPUNGE" for one in responses),
        is_ending=not responses or any(one[0] == b"BYE" for one in responses),
    )


def _read_lines(client: IMAPClient) -> list[bytes]:
    """Every line that is there. Half a line, which imaplib would lose, is an error like a broken connection."""
    lines: list[bytes] = []
    client.socket().setblocking(False)
    try:
        while True:
            lines.append(client._imap._get_line())
    except (BlockingIOError, ssl.SSLWantReadError):
        return lines
    except IMAPClientAbortError as error:
        if "EOF" not in str(error):  # which it also says where there is nothing more for now
            raise
        return lines
    finally:
        client._set_read_timeout()


def send_done(client: IMAPClient) -> None:
    """Ask to leave IDLE. Six bytes: doesn't block."""
    client._imap.send(b"DONE\r\n")


def end(client: IMAPClient) -> None:
    """Read until the server has left IDLE. Blocking."""
    client._consume_until_tagged_response(client._idle_tag, "IDLE")


def take_announced(client: IMAPClient) -> Announced:
    """What came along with the last command's answer."""
    responses = client._imap.untagged_responses
    counts: Sequence[bytes] = responses.pop("EXISTS", ())
    return Announced(
        exists=tuple(int(count) for count in counts if count.isdigit()),
        has_expunged=bool(responses.pop("EXPUNGE", ())),
    )
