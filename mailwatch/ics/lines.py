"""Bytes → content lines (RFC 5545 §3.1), bounded before anything else looks at them.

What exporters get wrong is forgiven: bare LF or CR, a byte order mark, Windows-1252, NUL bytes.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailwatch.ics.wording import unreadable

MAX_BYTES = 5 * 2**20  # ten years of a busy calendar; Exchange publishes a few months
MAX_LINES = 250_000  # 5 MB at 21 bytes a line: real calendars have about 40
MAX_PARAMETERS = 2_000  # characters

_FOLD = re.compile(r"\r\n[ \t]|[\r\n][ \t]")
_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_PARAMETER = re.compile(r';([A-Za-z0-9-]{1,60})=("[^"]*"|[^";:]*)(?:,(?:"[^"]*"|[^",;:]*))*')


@dataclass(frozen=True, slots=True)
class ContentLine:
    """`NAME;PARAMETER=VALUE:value`: names in upper case; of a parameter's values, the first."""

    name: str
    parameters: Mapping[str, str]
    value: str


def unfold(data: bytes) -> Iterator[str]:
    """The unfolded lines of a calendar. Raises CalendarUnreadable if it is too large."""
    if len(data) > MAX_BYTES:
        raise unreadable("too_large", limit=MAX_BYTES // 2**20)
    if max(data.count(b"\n"), data.count(b"\r")) > MAX_LINES:
        raise unreadable("too_many_lines", limit=MAX_LINES)
    text = _FOLD.sub("", decode(data)).replace("\r\n", "\n").replace("\r", "\n")
    return iter(text.split("\n"))


def decode(data: bytes) -> str:
    """Text in UTF-8, in UTF-16 with a byte order mark, else as Windows writes it; without NUL bytes."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return text.replace("\0", "")


def parse_line(line: str) -> ContentLine:
    """The parts of a content line. Raises ValueError if it isn't one."""
    name = _NAME.match(line)
    at = name.end() if name else 0
    parameters: dict[str, str] = {}
    while (parameter := _PARAMETER.match(line, at, MAX_PARAMETERS)) is not None:
        parameters.setdefault(parameter[1].upper(), parameter[2].strip('"'))
        at = parameter.end()
    if name is None or line[at : at + 1] != ":":
        raise ValueError("not a content line")
    return ContentLine(name[0].upper(), parameters, line[at + 1 :])
