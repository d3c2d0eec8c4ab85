"""Bytes from bytes: what a damaged, or a malicious, message may look like."""

import random
from collections.abc import Sequence

LARGEST = 2**16  # what mailwatch ever reads of a message
PIECES = (
    *(b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\r\n ", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\xe2\x80\xae"),
    *(b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"=0D=0A", b"=?utf-7?q?+2AA-?=", b"=?x?q?a?=", b"*0*=", b"''%0D%0A"),
    *(b"<", b">", b'"', b"(", b")", b"\\", b"--", b";", b":", b"@", b",", b"[", b"]", b"&#", b"<!--", b"<script>"),
    *(b"{{ 7*7 }}", b"{% raw %}", b"MW-7F3K9Q", b"Re: ", b"Auto-Submitted: ", b"From: ", b"To: ", b"Bcc: a@b.example"),
    *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n", b"charset=", b"base64", b"9" * 30, b"-0500"),
)


def mutate(raw: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """One to eight changes: a bit, a piece of syntax, a stretch cut out, moved, repeated, or taken from another."""
    for _ in range(dice.randint(1, 8)):
        raw = dice.choice(_CHANGES)(raw, others, dice)
    return raw[:LARGEST]


def _stretch(raw: bytes, dice: random.Random, longest: int = 200) -> tuple[int, int]:
    start = dice.randint(0, len(raw))
    return start, min(start + dice.randint(0, longest), len(raw))


def _flip(raw: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    if not raw:
        return raw
    at = dice.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]


def _insert(raw: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    at, piece = dice.randint(0, len(raw)), dice.choice(PIECES)
    return raw[:at] + piece * dice.choice((1, 1, 1, 2, 50, 2000)) + raw[at:]


def _cut(raw: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    start, end = _stretch(raw, dice)
    return raw[:start] + raw[end:]


def _move(raw: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    start, end = _stretch(raw, dice)
    at = dice.randint(0, len(raw))
    return raw[:at] + raw[start:end] + raw[at:]


def _repeat(raw: bytes, _: Sequence[bytes], dice: random.Random) -> bytes:
    start, end = _stretch(raw, dice)
    return raw[:start] + raw[start:end] * dice.choice((2, 10, 1000)) + raw[end:]


def _splice(raw: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    other = dice.choice(others)
    start, end = _stretch(other, dice, 2000)
    at = dice.randint(0, len(raw))
    return raw[:at] + other[start:end] + raw[at:]


_CHANGES = (_flip, _insert, _insert, _cut, _move, _repeat, _splice)
