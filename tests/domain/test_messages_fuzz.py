"""Whatever the bytes: a Message, soon, with nothing in it that may not be stored."""

import re
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from domain.monsters import HEAD, MONSTERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stopwatch import stopwatch

from mailwatch.domain.languages import detect_language
from mailwatch.domain.messages import Message, has_reply_prefix, newest_received_at, parse_message, subject_key
from mailwatch.domain.mime import MAX_DEPTH, MAX_PARTS

LIMIT_S = 0.2  # of this process's time
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SEVERAL_LINES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def texts_of(message: Message) -> list[str]:
    addresses = [*message.from_, *message.sender, *message.reply_to, *message.to, *message.cc]
    return [
        *(text for header in message.headers for text in header),
        *(text for field in message.report for text in field),
        *(text for address in addresses for text in (address.key, address.display)),
        *(text for part in message.parts for text in (part.content_type, *part.params, *part.params.values())),
        *(message.message_id, message.subject, message.date, message.return_path or "", message.thread_index),
        *(*message.references, *message.in_reply_to, *message.quoted_ids),
    ]


def check(raw: bytes) -> Message:
    """Parse, and read as the rules will; assert what holds of every message."""
    with stopwatch() as spent:
        message = parse_message(raw)
        detect_language(message.subject, message.text)
        subject_key(message.subject, ("[EXTERNE]",))
        has_reply_prefix(message.subject)
        newest_received_at(message)
    assert spent.seconds < LIMIT_S
    assert not [text for text in texts_of(message) if _SEVERAL_LINES.search(text)]
    assert not _UNSTORABLE.search(message.text)
    assert "\r" not in message.text
    assert len(message.text) <= 20_000
    assert len(message.identity) == 64
    assert len(message.parts) <= MAX_PARTS
    assert max(part.depth for part in message.parts) <= MAX_DEPTH
    assert all("@" in str(address) and len(str(address)) <= 320 for address in message.to + message.from_)
    return message


@pytest.mark.parametrize("name", MONSTERS)
def test_a_monster_is_read_in_bounded_time(name: str) -> None:
    check(MONSTERS[name])


def a_valid_message() -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Hélène Côté <helene@example.org>"
    message["To"] = "École <ecole@cscmonavenir.example>, Marie <marie@example.org>"
    message["Subject"] = "Réunion de parents à l'école, jeudi prochain"
    message["Message-ID"] = "<valid@example.org>"
    message["References"] = "<a@x> <b@x>"
    message.set_content("Bonjour, à quelle heure ferme la bibliothèque? Merci\n", cte="base64")
    message.add_alternative("<p>Bonjour, à quelle heure ferme la bibliothèque?</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="résumé.pdf")
    return message.as_bytes()


VALID = a_valid_message()
NASTY = (
    *(b"\0", b"\r", b"\n", b"\r\n\r\n", b"\xff", b"\xed\xa0\x80", b"=?", b"?=", b"=?utf-7?q?+2AA-?=", b"<", b">", b'"'),
    *(b"(", b")", b"\\", b"--", b";", b":", b"@", b",", b"*0*=", b"=", b"&#", b"<!--", b"multipart/mixed", b"=0D=0A"),
)


@given(st.binary(max_size=3000))
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_a_message(raw: bytes) -> None:
    check(raw)


@given(st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 12), st.sampled_from(NASTY)), max_size=12))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_message_is_a_message(damages: list[tuple[int, int, bytes]]) -> None:
    raw = VALID
    for position, length, nasty in damages:
        raw = raw[:position] + nasty + raw[position + length :]
    check(raw)


@given(st.lists(st.sampled_from((*NASTY, b"a", b" ", b"x@y.ca", b"From", b"To", b"Subject")), max_size=60))
@settings(deadline=None, max_examples=200)
def test_pieces_of_syntax_in_any_order_are_a_message(pieces: list[bytes]) -> None:
    check(HEAD + b"To: " + b"".join(pieces) + b"\r\nContent-Type: " + b"".join(reversed(pieces)) + b"\r\n\r\nx")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_subject_that_was_encoded_comes_back(subject: str) -> None:
    words = (f"=?utf-8?q?{''.join(f'={byte:02X}' for byte in letter.encode())}?=" for letter in subject)
    raw = b"Subject: " + " ".join(words).encode() + b"\r\n\r\n"
    expected = re.sub(" {2,}", " ", _SEVERAL_LINES.sub(" ", subject)).strip(" ")
    assert re.sub(" {2,}", " ", check(raw).subject) == expected
