"""ManageSieve's responses and strings (RFC 5804 §1.2, §1.6, §4): bytes → words, in bounded memory."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_LINE = 64 * 1024  # octets; also what a connection buffers. The longest real line lists extensions
MAX_LITERAL = 2**20  # octets of a script; servers take a few dozen KiB
MAX_LINES = 1000  # of one response: scripts of an account, or capabilities
MAX_QUOTED = 1024  # octets of a quoted string (§4)

_LITERAL = re.compile(rb"\{(\d{1,9})\+?\}$")
_WORD = re.compile(rb'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<atom>[()]|[^\s()"]+)')


class ProtocolFault(ValueError):
    """The server doesn't speak ManageSieve."""


class Atom(str):
    """A word outside quotation marks, or a parenthesis."""

    __slots__ = ()


Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """Everything up to and including OK, NO or BYE. `code` is the first word in parentheses, such as QUOTA/MAXSIZE."""

    status: str
    code: str
    text: str
    lines: tuple[Words, ...]


async def read_response(reader: asyncio.StreamReader) -> Response:
    """The next response. Raises ProtocolFault, IncompleteReadError, OSError."""
    lines: list[Words] = []
    while len(lines) < MAX_LINES:
        words = await _read_words(reader)
        if words and isinstance(words[0], Atom) and words[0].upper() in ("OK", "NO", "BYE"):
            return _response(words, lines)
        lines.append(words)
    raise ProtocolFault(f"a response of more than {MAX_LINES} lines")


def quote(text: str) -> bytes:
    """A string as a client may send it: quoted, or as a literal that waits for no reply (§1.2)."""
    raw = text.encode()
    if len(raw) > MAX_QUOTED or re.search(rb"[\r\n\0]", raw):
        return b"{%d+}\r\n%b" % (len(raw), raw)
    return b'"' + re.sub(rb'([\\"])', rb"\\\1", raw) + b'"'


def _response(words: Words, lines: Iterable[Words]) -> Response:
    status, *rest = words
    code, text = "", rest
    if rest[:1] == [Atom("(")] and isinstance(rest[0], Atom):
        end = next((place for place, word in enumerate(rest) if isinstance(word, Atom) and word == ")"), len(rest))
        code, text = " ".join(rest[1:2]).upper(), rest[end + 1 :]
    return Response(status=status.upper(), code=code, text=" ".join(text), lines=tuple(lines))


async def _read_words(reader: asyncio.StreamReader) -> Words:
    """A line; where a literal ends it, the literal and the line that goes on behind."""
    words: list[str] = []
    while True:
        line = (await _read_line(reader)).rstrip(b"\r\n")
        literal = _LITERAL.search(line)
        words += _split(line[: literal.start()] if literal else line)
        if literal is None:
            return tuple(words)
        size = int(literal[1])
        if size > MAX_LITERAL or len(words) > MAX_LINES:
            raise ProtocolFault(f"a string of {size} octets")
        words.append((await reader.readexactly(size)).decode("utf-8", "replace"))


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise ProtocolFault(f"a line of more than {MAX_LINE} octets") from None


def _split(line: bytes) -> Iterator[str]:
    for found in _WORD.finditer(line):
        if found["atom"] is not None:
            yield Atom(found["atom"].decode("utf-8", "replace"))
        else:
            yield re.sub(rb"\\(.)", rb"\1", found["quoted"]).decode("utf-8", "replace")
