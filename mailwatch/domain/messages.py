"""bytes → Message, whatever the bytes: bounded time and memory, never an exception (RFC 5322, 2045–2047, 2231).

Only the first `MAX_HEAD` bytes of a message are ever looked at. Texts are scrubbed: no NUL, no lone surrogate,
no C0 control; header values hold no CR or LF, whatever their encoded words decode to.
Why not the standard library's parser: docs/decisions/message-parser.md.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailwatch.domain.addresses import Address, bare_local_part, parse_address, parse_addresses
from mailwatch.domain.charsets import decode_words
from mailwatch.domain.headers import Fields, find_message_ids, parse_message_id, split_fields, strip_comments
from mailwatch.domain.mime import Leaf, Part, read_text, split_entity, walk
from mailwatch.domain.subjects import has_reply_prefix, subject_key

__all__ = [
    "MAX_HEAD",
    "Message",
    "Part",
    "has_reply_prefix",
    "newest_received_at",
    "parse_message",
    "strip_comments",
    "subject_key",
    "written_at_by_header",
]

MAX_HEAD = 64 * 1024  # what one FETCH brings of a message; the rest can't change a verdict
MAX_REPORT_FIELDS = 500
MAX_QUOTED_IDS = 20
IDENTITY_CHARACTERS = 4096  # of the text, where there is no Message-ID

_LONGEST_DATE = 100
_REPORT_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RECEIPT_TYPES = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_RETURNED_TYPES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_BOUNCERS = frozenset({"mailer-daemon", "mail-daemon", "postmaster"})
_BOM = b"\xef\xbb\xbf"
_BEFORE_HEADER = re.compile(rb"(?:[ \t]*+\n)*+(?:>?From (?![ \t]*+:)[^\n]*+\n)*+")  # blank lines, then mbox's own line
_QUOTED_ID = re.compile(r"^[> \t]{0,8}Message-ID:[ \t]*+(?:\n[> \t]{1,8})?(<[^<>\s]++>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A received message as the rules see it.

    headers       every header, (lower-case name, unfolded decoded value) in order
    message_id    the raw id between < and >, with them, or "" (never through the address parser)
    references    ids of References, oldest first; in_reply_to: ids of In-Reply-To
    return_path   None: no Return-Path header (unknown); "": the null reverse-path; else the address
    text          words of the text parts (plain preferred over HTML), at most 20,000 characters
    quoted_ids    Message-IDs of what a report, a receipt or a bounce returns, from its parts or its text
    report        fields of message/delivery-status: ("final-recipient", "rfc822; a@b"), … lower-case names
    identity      sha256 hex; see `docs/invariants.md`: Message-ID + From + raw Date, or stable headers + 4 KiB body
    """

    headers: tuple[tuple[str, str], ...]
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    thread_index: str
    from_: tuple[Address, ...]
    sender: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    return_path: str | None
    subject: str
    date: str
    parts: tuple[Part, ...]
    text: str
    quoted_ids: tuple[str, ...]
    report: tuple[tuple[str, str], ...]
    identity: str
    index: dict[str, tuple[str, ...]]  # header values by lower-case name, for the rules

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, by lower-case name, in order."""
        return self.index.get(name, ())

    def first(self, name: str) -> str | None:
        """The topmost value of a header, or None."""
        values = self.index.get(name)
        return values[0] if values else None


def parse_message(raw: bytes) -> Message:
    """Parse the first MAX_HEAD bytes of a message. Never raises; bounded time (well under 200 ms for any bytes)."""
    source = _normalise(raw[:MAX_HEAD])
    fields, start = split_entity(source, 0, len(source))
    parts, leaves = walk(source, fields, start)
    text = read_text(leaves)
    raw_index = _index(fields)
    headers = tuple([(name, decode_words(value) if "=?" in value else value) for name, value in fields])
    index = _index(headers)
    from_ = _addresses(raw_index, "from")
    message_id = parse_message_id(raw_index.get("message-id", ("",))[0])
    return_path = _return_path(raw_index)
    is_returned = return_path == "" or "x-failed-recipients" in index or not _BOUNCERS.isdisjoint(_locals(from_, index))
    return Message(
        headers=headers,
        message_id=message_id,
        in_reply_to=find_message_ids(" ".join(raw_index.get("in-reply-to", ()))),
        references=find_message_ids(" ".join(raw_index.get("references", ()))),
        thread_index=index.get("thread-index", ("",))[0],
        from_=from_,
        sender=_addresses(raw_index, "sender"),
        reply_to=_addresses(raw_index, "reply-to"),
        to=_addresses(raw_index, "to"),
        cc=_addresses(raw_index, "cc"),
        return_path=return_path,
        subject=index.get("subject", ("",))[0],
        date=index.get("date", ("",))[0],
        parts=tuple(parts),
        text=text,
        quoted_ids=_quoted_ids(leaves, text, is_returned),
        report=_report(leaves),
        identity=_identity(message_id, from_, index, text or source[start:].decode("latin-1")),
        index=index,
    )


def newest_received_at(message: Message) -> datetime | None:
    """When the last server to touch the message says it received it (its topmost Received), UTC; None if unusable."""
    received = message.first("received")
    if received is None or ";" not in received:
        return None
    return _parse_date(received.rpartition(";")[2])


def written_at_by_header(message: Message) -> datetime | None:
    """When the writer's program says it was written (Date), UTC; None if unusable. Anybody may write anything there."""
    return _parse_date(message.date)


def _parse_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(strip_comments(text)[:_LONGEST_DATE])
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _normalise(head: bytes) -> bytes:
    """Lines ended by LF, without what may stand before the header: a byte order mark, blank lines, an mbox line."""
    without = head.replace(b"\r", b"")
    if len(head) - len(without) <= head.count(b"\n"):
        head = without  # every CR belongs to a CRLF, or is a stray: this is ten times as fast as replacing CRLF
    else:
        head = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    head = head.removeprefix(_BOM)
    before = _BEFORE_HEADER.match(head)
    return head[before.end() :] if before and before.end() else head


def _index(fields: Fields | tuple[tuple[str, str], ...]) -> dict[str, tuple[str, ...]]:
    lists: dict[str, list[str]] = {}
    for name, value in fields:
        lists.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in lists.items()}


def _addresses(index: dict[str, tuple[str, ...]], name: str) -> tuple[Address, ...]:
    """The addresses of all headers of a name: values raw, since encoded words are decoded after splitting only."""
    values = index.get(name)
    return parse_addresses(", ".join(values)) if values else ()


def _locals(from_: tuple[Address, ...], index: dict[str, tuple[str, ...]]) -> list[str]:
    return [address.local.lower() for address in from_] or [bare_local_part(index.get("from", ("",))[0])]


def _return_path(index: dict[str, tuple[str, ...]]) -> str | None:
    values = index.get("return-path")
    value = strip_comments(values[0]) if values else ""
    if not value:
        return None
    if address := parse_address(value):
        return str(address)
    return value.strip("<> ")


def _report(leaves: list[Leaf]) -> tuple[tuple[str, str], ...]:
    """The fields of all groups of a delivery status (RFC 3464 §2.1), in order."""
    fields: Fields = []
    for leaf in leaves:
        if leaf.content_type in _REPORT_TYPES and len(fields) < MAX_REPORT_FIELDS:
            fields += split_fields(_normalise(leaf.decode()))
    return tuple((name, decode_words(value)) for name, value in fields[:MAX_REPORT_FIELDS])


def _quoted_ids(leaves: list[Leaf], text: str, is_returned: bool) -> tuple[str, ...]:
    """Ids of the messages that a report returns or names; in an ordinary message there are none."""
    ids: dict[str, None] = {}
    for leaf in leaves:
        if len(ids) >= MAX_QUOTED_IDS:
            break
        if not (leaf.is_in_report or is_returned):
            continue
        is_returned = True
        if leaf.content_type in _RETURNED_TYPES:
            name = "message-id"
        elif leaf.content_type in _RECEIPT_TYPES:
            name = "original-message-id"
        else:
            continue
        data = _normalise(leaf.decode())
        fields, _ = split_entity(data, 0, len(data))
        ids.update((parse_message_id(value), None) for found, value in fields if found == name)
    if is_returned:
        ids.update((found, None) for found in _QUOTED_ID.findall(text)[:MAX_QUOTED_IDS])
    ids.pop("", None)
    return tuple(ids)[:MAX_QUOTED_IDS]


def _identity(message_id: str, from_: tuple[Address, ...], index: dict[str, tuple[str, ...]], body: str) -> str:
    """What makes two copies one message, by whatever way each came.

    With a Message-ID: that, the From address and the Date as written, since programs reuse Message-IDs.
    Without: From, To, Cc, Subject, Date and the first 4 KiB of the words. Trace headers, MIME boundaries, transfer
    encodings and line lengths differ from copy to copy: none of them is in it.
    """
    sender = from_[0].key if from_ else " ".join(index.get("from", ()))
    facts = [message_id, sender, *(" ".join(value.split()) for value in index.get("date", ())[:1])]
    if not message_id:
        facts += [" ".join(" ".join(index.get(name, ())).split()) for name in ("to", "cc", "subject")]
        facts.append(" ".join(_without_boundaries(body).split())[:IDENTITY_CHARACTERS])
    return hashlib.sha256("\0".join(facts).encode("utf-8", "replace")).hexdigest()


def _without_boundaries(body: str) -> str:
    return "\n".join(line for line in body.split("\n") if not line.startswith("--"))
