"""The MIME tree of a message by an explicit stack over slices: nothing is copied, nothing recurses (RFC 2045, 2046).

Lines end with LF here. A multipart whose boundary is missing or wrong is searched for one; failing that, its body
is text. What lies inside message/rfc822 isn't opened: a forwarded bounce is a person's message.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailwatch.domain.charsets import decode_base64, decode_text
from mailwatch.domain.headers import Fields, parse_content_type, parse_parameters, split_fields
from mailwatch.domain.markup import extract_words

MAX_DEPTH = 50  # each level may be searched once more: this bounds the time
MAX_PARTS = 1000
MAX_TEXT = 20_000  # characters of a message's text
MAX_MARKUP_TEXT = 10_000  # of one HTML part: its words cost five times as much
LONGEST_BOUNDARY = 250  # RFC 2046 §5.1.1 allows 70

_SNIFFED_BOUNDARY = re.compile(rb"^--(\S[^\n]{0,249})\nContent-", re.IGNORECASE | re.MULTILINE)
_CALENDAR_METHOD = re.compile(rb"^METHOD:([A-Za-z]{1,20})\s*$", re.IGNORECASE | re.MULTILINE)
_CALENDAR_HEAD = 4096
_SOFT_BREAK = re.compile(r"(?<!^--) \n(?![> ]|-- ?$)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One leaf or container of the MIME tree, in document order: lower-case type and lower-case parameter names."""

    content_type: str
    params: dict[str, str] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without parts. `alternative` numbers the multipart/alternative that it belongs to; 0: none."""

    content_type: str
    params: dict[str, str]
    encoding: str
    is_attachment: bool
    alternative: int
    is_in_report: bool
    data: bytes

    def decode(self) -> bytes:
        """The content without its transfer encoding. What isn't right in it is passed over."""
        if self.encoding == "base64":
            return decode_base64(self.data)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(self.data)
        return self.data


@dataclass(frozen=True, slots=True)
class _Node:
    """A part not looked at yet: a slice of the source."""

    fields: Fields
    start: int
    end: int
    depth: int = 0
    default_type: str = "text/plain"
    alternative: int = 0
    is_in_report: bool = False


def split_entity(source: bytes, start: int, end: int) -> tuple[Fields, int]:
    """The header fields of an entity, and where its body begins. Without a blank line or fields, all of it is body."""
    if source.startswith(b"\n", start):
        return [], start + 1
    blank = source.find(b"\n\n", start, end)
    header_end = end if blank < 0 else blank
    fields = split_fields(source[start:header_end])
    if not fields and blank < 0:
        return [], start
    return fields, end if blank < 0 else blank + 2


def walk(source: bytes, fields: Fields, start: int) -> tuple[list[Part], list[Leaf]]:
    """All parts and all leaves below an entity with these fields whose body begins at `start`, in document order."""
    parts: list[Part] = []
    leaves: list[Leaf] = []
    todo = [_Node(fields, start, len(source))]
    while todo and len(parts) < MAX_PARTS:
        node = todo.pop()
        by_name: dict[str, str] = {}
        for name, value in node.fields:
            if name.startswith("content-"):
                by_name.setdefault(name, value)
        declared = by_name.get("content-type", node.default_type)
        content_type, params = parse_content_type(declared)
        parts.append(Part(content_type=content_type, params=params, depth=node.depth))
        if content_type.startswith("multipart/"):
            if children := list(_open(source, node, content_type, params, len(parts))):
                todo += reversed(children)
                continue
            content_type = "text/plain"  # not a multipart after all
        leaf = _leaf(source, node, content_type, params, by_name)
        leaves.append(leaf)
        if content_type == "text/calendar" and "method" not in params and not leaf.is_attachment:
            params.update(_calendar_method(leaf))  # of the part too
    return parts, leaves


def read_text(leaves: list[Leaf]) -> str:
    """The words of the text leaves in order; of an alternative the plain ones, if they say anything."""
    texts: dict[int, str] = {}
    told: set[int] = set()
    for number, leaf in enumerate(leaves):
        if leaf.content_type == "text/plain" and not leaf.is_attachment:
            texts[number] = _plain_text(leaf)
            if leaf.alternative and not texts[number].isspace() and texts[number]:
                told.add(leaf.alternative)
    length = sum(map(len, texts.values()))
    for number, leaf in enumerate(leaves):
        if length >= MAX_TEXT:
            break
        if leaf.content_type == "text/html" and not leaf.is_attachment and leaf.alternative not in told:
            markup = decode_text(leaf.decode(), leaf.params.get("charset", ""))
            texts[number] = extract_words(markup, MAX_MARKUP_TEXT)
            length += len(texts[number])
    return "\n".join(texts[number] for number in sorted(texts))[:MAX_TEXT]


def _plain_text(leaf: Leaf) -> str:
    data = leaf.decode()
    if data.isascii():
        data = data[:MAX_TEXT]
    text = decode_text(data, leaf.params.get("charset", ""))[:MAX_TEXT]
    if leaf.params.get("format", "").lower() != "flowed":
        return text
    # RFC 3676 §4: a line that ends in a space goes on in the next one; not the signature's "-- ", not a quotation.
    return _SOFT_BREAK.sub("" if leaf.params.get("delsp", "").lower() == "yes" else " ", text)


def _calendar_method(leaf: Leaf) -> dict[str, str]:
    """The method that stands in the calendar only, though it belongs into Content-Type (RFC 6047 §2.4)."""
    found = _CALENDAR_METHOD.search(leaf.decode()[:_CALENDAR_HEAD])
    return {"method": found[1].decode("ascii")} if found else {}


def _leaf(source: bytes, node: _Node, content_type: str, params: dict[str, str], by_name: dict[str, str]) -> Leaf:
    disposition = by_name.get("content-disposition", "")
    is_attachment = disposition.lower().startswith("attachment") or "name" in params
    if disposition and not is_attachment:
        is_attachment = "filename" in parse_parameters(disposition)
    return Leaf(
        content_type,
        params,
        by_name.get("content-transfer-encoding", "").lower().partition(";")[0].strip(),
        is_attachment,
        node.alternative,
        node.is_in_report,
        source[node.start : node.end],
    )


def _open(source: bytes, node: _Node, content_type: str, params: dict[str, str], number: int) -> Iterator[_Node]:
    """The children of a multipart; none if it is too deep, or has no usable boundary."""
    if node.depth >= MAX_DEPTH:
        return
    boundary = params.get("boundary", "")[:LONGEST_BOUNDARY].rstrip().encode("utf-8", "replace")
    ranges = list(_split(source, node.start, node.end, boundary)) if boundary else []
    if not ranges and (sniffed := _SNIFFED_BOUNDARY.search(source, node.start, node.end)):
        ranges = list(_split(source, node.start, node.end, sniffed.group(1).rstrip()))
    for start, end in ranges:
        fields, body = split_entity(source, start, end)
        yield _Node(
            fields,
            body,
            end,
            depth=node.depth + 1,
            default_type="message/rfc822" if content_type == "multipart/digest" else "text/plain",
            alternative=number if content_type == "multipart/alternative" else node.alternative,
            is_in_report=node.is_in_report or content_type == "multipart/report",
        )


def _split(source: bytes, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Slices between the delimiter lines of a boundary (RFC 2046 §5.1.1), without the line end before each."""
    delimiter = b"--" + boundary
    opened = -1  # where the current part begins
    found = source.find(delimiter, start, end)
    count = 0
    while found >= 0 and count < MAX_PARTS:
        after = found + len(delimiter)
        line_end = source.find(b"\n", after, end)
        line_end = end if line_end < 0 else line_end
        rest = source[after:line_end].strip()
        if (found == start or source[found - 1] == 0x0A) and rest in (b"", b"--"):
            if opened >= 0:
                yield opened, max(opened, found - 1)
                count += 1
            opened = min(line_end + 1, end) if not rest else -1
            if rest:
                return
        found = source.find(delimiter, line_end, end)
    if 0 <= opened < end and count < MAX_PARTS:
        yield opened, end  # the closing delimiter is missing: cut off, or never written
