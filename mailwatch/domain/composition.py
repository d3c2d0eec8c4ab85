"""Rendered words → the bytes of an automatic message, and its envelope (RFC 3834, RFC 5322, MS-OXCMAIL §2.1.3.2.20).

Auto-Submitted, threading headers and the envelope are policy, so they live here; words come from templates.
The bytes are written here rather than by `email.generator`, which takes twenty times as long; the tests read every
kind of message back with the standard library. What follows from the arguments alone is the same at every attempt:
no random boundary, no clock.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import format_datetime
from functools import lru_cache

from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.outbox import Envelope
from mailwatch.domain.people import Person

OWN_HEADER = "X-Mailwatch-Message-ID"  # repeats our Message-ID: some providers rewrite the real one
OWN_ID_PREFIX = "mw."  # <mw.KIND.32 hex digits@domain>

# Not "All": that would also suppress the report that our message could not be delivered (NDR).
AUTO_RESPONSE_SUPPRESS = "DR, RN, NRN, OOF, AutoReply"

MAX_REFERENCES = 20  # ids; what mail programs still follow
MAX_REFERENCES_OCTETS = 900  # all ids together, below the 998 of a line even where a relay unfolds them
MAX_ID_OCTETS = 900  # a longer id could not stand on one line (RFC 5322 §2.1.1)

_MESSAGE_ID = re.compile(r"<[!-;=?-~]+>", re.ASCII)  # printable, nothing to fold or to break out with
_ADDRESS = re.compile(r"[!-~]+@[!-~]+", re.ASCII)
_BREAKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")  # all that could end a header line, and runs of blanks
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*", re.ASCII)  # RFC 5322 §3.2.3, with blanks
_WORDS = re.compile(r"[^ ]+ ?| ")  # each with the blank after it
_WORD_OPENING = b"=?utf-8?q?"
_WORD_ROOM = 75 - len(_WORD_OPENING) - len(b"?=")  # RFC 2047 §2: an encoded word has at most 75 characters
_PLAIN_LINE = 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The words of one automatic message; `languages` in the order they stand in."""

    subject: str
    text: str
    html: str
    languages: tuple[Language, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What goes to the outbox: CRLF bytes, 7-bit clean, no line over 998 octets."""

    message_id: str
    envelope: Envelope
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayFacts:
    """What an automatic message says of an absence.

    name        the absent person's name; "" where the service itself is closed
    returns_on  first business day back; None while that is unknown
    cover       whom to turn to meanwhile; None: nobody, and the mailbox's `contact`, if it has one, is named instead
    text        the organisation's own words about this absence; a language that has none is told the rest
    """

    name: str
    returns_on: date | None
    cover: Person | None
    text: Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementFacts:
    """What an acknowledgement states of its request; templates see these names, and the dates in words beside them.

    With `away`, one message is both acknowledgement and absence notice.
    """

    reference: str
    received_at: datetime  # aware, in the mailbox's zone
    answer_due_at: datetime  # aware, in the mailbox's zone
    subject: str  # the requester's own subject, or "" where it may not be echoed
    is_internal: bool
    away: AwayFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """What an absence notice states that stands alone, because its message gets no acknowledgement.

    reference  of the request that the message belongs to, or ""
    subject    as in AcknowledgementFacts
    """

    reference: str
    subject: str
    is_internal: bool
    away: AwayFacts


def own_message_id(key: bytes, mailbox: str, identity: str, kind: str, domain: str) -> str:
    """Our Message-ID: follows from what the message is about, the same after a restore (an HMAC)."""
    digest = hmac.new(key, f"{kind}\0{mailbox}\0{identity}".encode(), hashlib.sha256).hexdigest()[:32]
    return f"<{OWN_ID_PREFIX}{kind[:3]}.{digest}@{domain}>"


def is_own_message_id(message_id: str) -> bool:
    """Whether a Message-ID has our form."""
    return message_id.startswith("<" + OWN_ID_PREFIX)


def compose_acknowledgement(
    rendered: Rendered, mailbox: Mailbox, message: Message, recipient: str, message_id: str, now: datetime
) -> Composed:
    """The acknowledgement of `message`, to be sent to `recipient`. Equal arguments give equal bytes.

    `now` (aware) becomes the Date header. Raises ValueError for a `message_id` of ours that is none.
    """
    own_id = _own_id(message_id)
    answered_id = _usable_id(message.message_id)
    lines = _opening(_service_name(mailbox, rendered.languages), mailbox.address, recipient, rendered, now)
    lines.append(b"Message-ID: " + own_id)
    if answered_id:
        lines.append(b"In-Reply-To: " + answered_id)
    lines.append(b"References: " + b"\r\n ".join(_references(message.references, answered_id, own_id)))
    lines.append(b"Auto-Submitted: auto-replied")  # RFC 3834 §5
    lines += _remainder(rendered, own_id)
    return Composed(message_id=message_id, envelope=_envelope(mailbox, recipient), body=b"\r\n".join(lines))


def compose_report(
    rendered: Rendered, *, sender_name: str, sender: str, recipient: str, message_id: str, now: datetime
) -> Composed:
    """A digest or an alert to one of our own people. Equal arguments give equal bytes.

    It answers nothing, so it stands in no thread but its own: References repeats our Message-ID, for replies to name
    where a server rewrites the real one. The reverse-path is `sender`: a digest that can't be delivered is somebody's
    business. `now` (aware) becomes the Date header. Raises ValueError for a `message_id` of ours that is none, and for
    a sender that no header can hold.
    """
    own_id = _own_id(message_id)
    lines = [
        *_opening(sender_name, sender, recipient, rendered, now),
        b"Message-ID: " + own_id,
        b"References: " + own_id,
        b"Auto-Submitted: auto-generated",  # RFC 3834 §5: nobody's message caused it
        *_remainder(rendered, own_id),
    ]
    envelope = Envelope(reverse_path=sender, recipient=recipient)
    return Composed(message_id=message_id, envelope=envelope, body=b"\r\n".join(lines))


def encode_unstructured(text: str, used: int = 0) -> bytes:
    """A header value such as Subject: ASCII as it is, else encoded words (RFC 2047), folded. One line of meaning:
    line ends and controls become one blank. `used`: how many characters of the first line the name takes."""
    text = _BREAKS.sub(" ", text).strip()
    if text.isascii() and "=?" not in text and len(text) + used <= _PLAIN_LINE:
        return text.encode()
    return b"\r\n ".join(_encoded_words(text, _PLAIN_LINE - used))


def encode_phrase(text: str) -> bytes:
    """A display name (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words; folded where it is long."""
    text = _BREAKS.sub(" ", text).strip()
    if not text.isascii() or "=?" in text or len(text) > _PLAIN_LINE - 10:
        return b"\r\n ".join(_encoded_words(text, _PLAIN_LINE - len("From: ")))
    if _ATOMS.fullmatch(text):
        return text.encode()
    return b'"' + re.sub(r'(["\\])', r"\\\1", text).encode() + b'"'


def _encoded_words(text: str, first_room: int) -> Iterable[bytes]:
    """Encoded words of whole characters, the first one short enough for its line; broken between words where possible,
    since some readers (CPython's, of names) show a blank between two of them."""
    room = min(_WORD_ROOM, first_room - (75 - _WORD_ROOM))
    encoded = bytearray()
    for word in _WORDS.findall(text):
        pieces = [_q_encode(character) for character in word]
        if encoded and sum(map(len, pieces)) > room - len(encoded):
            yield _WORD_OPENING + encoded + b"?="
            encoded, room = bytearray(), _WORD_ROOM
        for piece in pieces:
            if len(encoded) + len(piece) > room:
                yield _WORD_OPENING + encoded + b"?="
                encoded, room = bytearray(), _WORD_ROOM
            encoded += piece
    yield _WORD_OPENING + encoded + b"?="


@lru_cache(maxsize=1024)
def _q_encode(character: str) -> bytes:
    """One character in the Q encoding, safe in a phrase too (RFC 2047 §5 (3))."""
    if character == " ":
        return b"_"
    if character.isascii() and character.isalnum():
        return character.encode()
    return b"".join(b"=%02X" % octet for octet in character.encode("utf-8", "replace"))


def _opening(name: str, sender: str, recipient: str, rendered: Rendered, now: datetime) -> list[bytes]:
    """From, To, Subject, Date."""
    return [
        b"From: " + _from(name, sender),
        b"To: " + _to(recipient),
        b"Subject: " + encode_unstructured(rendered.subject, len("Subject: ")),
        b"Date: " + format_datetime(now).encode(),
    ]


def _remainder(rendered: Rendered, own_id: bytes) -> list[bytes]:
    """What every automatic message of ours ends with: headers that don't depend on its kind, and the body."""
    return [
        b"X-Auto-Response-Suppress: " + AUTO_RESPONSE_SUPPRESS.encode(),
        OWN_HEADER.encode() + b": " + own_id,
        b"Content-Language: " + ", ".join(rendered.languages).encode(),
        b"MIME-Version: 1.0",
        *_alternative(rendered.text, rendered.html, own_id),
    ]


def _service_name(mailbox: Mailbox, languages: Sequence[Language]) -> str:
    """The mailbox's name in each language of the message, each name once."""
    return " / ".join(dict.fromkeys(mailbox.name_in(language) for language in languages))


@lru_cache(maxsize=4096)
def _from(name: str, address: str) -> bytes:
    bare = _ascii_address(address)
    if bare is None:
        raise ValueError("a mailbox's address is ASCII (its domain may be internationalised)")
    if not name or name == address:
        return bare
    phrase = encode_phrase(name)
    last_line = len(phrase) - phrase.rfind(b"\n")
    gap = b"\r\n " if last_line + len(bare) > _PLAIN_LINE - len("From: ") else b" "
    return phrase + gap + b"<" + bare + b">"


def _to(recipient: str) -> bytes:
    """The recipient's address alone: a display name would be the sender's words.

    An address that no 7-bit header can hold (RFC 6532) stands only in the envelope.
    """
    return _ascii_address(recipient) or b"undisclosed-recipients:;"


def _ascii_address(address: str) -> bytes | None:
    """The address as a header may hold it, its domain in A-labels (RFC 5891); None if there is no such form."""
    if _ADDRESS.fullmatch(address):
        return address.encode()
    local, _, domain = address.rpartition("@")
    try:
        ascii_form = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return None
    return ascii_form.encode() if _ADDRESS.fullmatch(ascii_form) else None


def _own_id(message_id: str) -> bytes:
    """A Message-ID of ours as header bytes. Raises ValueError for anything else."""
    own_id = _usable_id(message_id)
    if not own_id:
        raise ValueError("a Message-ID of ours is printable ASCII between < and >")
    return own_id


def _usable_id(message_id: str) -> bytes:
    """A Message-ID that can't break out of its header, or b"": nor once some reader has decoded encoded words in it,
    which have no business there (RFC 2047 §5)."""
    if len(message_id) <= MAX_ID_OCTETS and "=?" not in message_id and _MESSAGE_ID.fullmatch(message_id):
        return message_id.encode()
    return b""


def _references(references: Sequence[str], answered_id: bytes, own_id: bytes) -> list[bytes]:
    """The thread so far, then the message answered, then our own id: where Message-ID is rewritten, replies still
    name it. Of a long thread the first id and the newest ones stay (RFC 5322 §3.6.4 allows to trim)."""
    tail = [answered_id, own_id] if answered_id else [own_id]
    usable = (_usable_id(message_id) for message_id in references)
    thread = [message_id for message_id in dict.fromkeys(usable) if message_id and message_id not in tail]
    room = MAX_REFERENCES_OCTETS - sum(map(len, tail))
    count = MAX_REFERENCES - len(tail)
    kept: list[bytes] = []
    for message_id in [*thread[:1], *reversed(thread[1:])]:
        room -= len(message_id) + 1
        if room < 0 or len(kept) == count:
            break
        kept.append(message_id)
    return [*kept[:1], *reversed(kept[1:]), *tail]


def _envelope(mailbox: Mailbox, recipient: str) -> Envelope:
    """Our own address by default, so that the bounce of a mistyped address is noticed."""
    chosen = mailbox.acknowledgement.envelope_from
    reverse_path = "" if chosen == "<>" else chosen or mailbox.address
    return Envelope(reverse_path=reverse_path, recipient=recipient)


def _alternative(text: str, html: str, own_id: bytes) -> Iterable[bytes]:
    """Content-Type and body of a multipart/alternative (RFC 2046 §5.1.4), line by line."""
    # "=_" occurs neither in quoted-printable nor in base64, so no part can hold the boundary (RFC 2045 §6.7).
    boundary = b"=_mw_" + hashlib.sha256(own_id).hexdigest()[:24].encode()
    yield b'Content-Type: multipart/alternative; boundary="' + boundary + b'"'
    yield b""
    for subtype, words in ((b"plain", text), (b"html", html)):
        encoding, content = _encode_body(words)
        yield b"--" + boundary
        yield b"Content-Type: text/" + subtype + b'; charset="utf-8"'
        yield b"Content-Transfer-Encoding: " + encoding
        yield b""
        yield content
    yield b"--" + boundary + b"--"
    yield b""


def _encode_body(words: str) -> tuple[bytes, bytes]:
    """The shorter of quoted-printable and base64, with CRLF line ends and lines of at most 76 octets."""
    unix = words.replace("\r\n", "\n").replace("\r", "\n")
    octets = unix.replace("\n", "\r\n").encode("utf-8", "replace")
    # In LF form: given CRLF, b2a_qp looks at the first line only and may then break the others with a bare LF.
    quoted = binascii.b2a_qp(unix.encode("utf-8", "replace"), istext=True)
    is_shorter = len(quoted) * 3 <= len(octets) * 4 + 120
    # b2a_qp runs over by two octets where a full line ends in a blank.
    if is_shorter and max(map(len, quoted.split(b"\n"))) <= _PLAIN_LINE:
        return b"quoted-printable", quoted.replace(b"\n", b"\r\n")
    return b"base64", base64.encodebytes(octets).replace(b"\n", b"\r\n")
