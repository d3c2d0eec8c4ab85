"""What strangers write into every header they own comes out as words, or not at all: mail, log, database, terminal."""

import email
import email.policy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from domain.test_lines import harmless
from servers.dovecot import Dovecot
from system.books import Database
from system.letters import INSCRIPTIONS
from system.service import Service, eventually
from system.sink import Letter, Sink
from system.town import (
    MARIE,
    PASSWORD,
    a_configuration,
    a_watched_mailbox,
    an_imap_server_in_plain_text,
    now,
    smtp_plain,
)

pytestmark = pytest.mark.system

VICTIM = "victime@ailleurs.example"
# What stands in the subject, the display name, an attachment's name, and wherever else text goes.
WORDS: Mapping[str, bytes] = {
    "bare CR": b"Allo\rBcc: " + VICTIM.encode(),
    "folded Bcc": b"Allo\r\n Bcc: " + VICTIM.encode(),
    "CR LF in Q": b"=?utf-8?q?Allo=0D=0ABcc:_" + VICTIM.replace("@", "=40").encode() + b"?=",
    "CR LF in B": b"=?utf-8?b?QWxsbw0KQmNjOiB2aWN0aW1lQGFpbGxldXJzLmV4YW1wbGU=?=",
    "a whole body in Q": b"=?utf-8?q?Allo=0D=0A=0D=0A<script>alert(1)</script>?=",
    "NUL": b"Allo\0Bcc: " + VICTIM.encode(),
    "NUL in Q": b"=?utf-8?q?Allo=00Bcc?=",
    "separators": b"=?utf-8?q?Allo=E2=80=A8Bcc:=E2=80=A9x=C2=85y=0Bz=0C?=",
    "bidi": b"=?utf-8?q?Facture=E2=80=AEfdp.exe=E2=81=A6?=",
    "terminal": b"=?utf-8?q?=1B]0;pwned=07=1B[2J=C2=9B31m?=",
    "template": b"{{ 7*7 }} {% for i in range(9) %}x{% endfor %} {{ organisation.__class__ }} ${7*7} %n{0.__class__}",
    "HTML": b"<script>alert(1)</script><img src=x onerror=alert(1)> <b>&lt;",
    "HTML in Q": b"=?utf-8?q?=3Cscript=3Ealert(1)=3C/script=3E?=",
    "lone surrogate": b"=?utf-7?q?+2AA-?= \xed\xa0\x80",
    "raw bytes": b"\xff\xfe caf\xe9",
    "64 KiB of encoded words": b"=?utf-8?q?a?=\r\n " * 4300,
}
HEADERS = {
    *("from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "mime-version"),
    *("x-auto-response-suppress", "x-mailwatch-message-id", "content-language", "content-type"),
}
_MESSAGE_ID = re.compile(r"<[\x21-\x7e]+@[\x21-\x7e]+>")


def a_hostile_letter(number: int, words: bytes, *, is_trusted: bool) -> bytes:
    """Words in every place. Where our own server vouches for the sender, the acknowledgement may repeat the subject."""
    quoted = re.sub(rb'[\r\n"\\]+', b" ", words[:500])
    inside_an_id = re.sub(rb"[<>]", b"", quoted[:60])  # with them it would be one that the next letter refers to
    vouched = b"pass" if is_trusted else b"none"
    lines = [
        b"Return-Path: <parent%d@courriel.example>" % number,
        b"Authentication-Results: mx.cscmonavenir.example; dmarc=" + vouched + b" header.from=courriel.example",
        b'From: "' + quoted + b'" <parent%d@courriel.example>' % number,
        b"Reply-To: " + quoted + b" <" + VICTIM.encode() + b">",
        b"To: inscriptions@cscmonavenir.example",
        b"Subject: " + words,
        b"Date: Mon, 23 Nov 2026 10:00:00 -0500",
        b"Message-ID: <%d." % number + inside_an_id + b"@courriel.example>",
        b"References: <a@b>\r\n <" + inside_an_id + b"> <x\rBcc: " + VICTIM.encode() + b"@y> <\0@z>",
        b"In-Reply-To: <" + inside_an_id + b"@c> <x y@z>",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset*=utf-8''a%0D%0ABcc%3A; name*0*=utf-8''%0D%0A" + b"x" * 20,
        b"",
        b"Bonjour, quels documents faut-il fournir pour inscrire ma fille ? Merci beaucoup.",
    ]
    return b"\r\n".join(lines) + b"\r\n"


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot([INSCRIPTIONS], PASSWORD, domain="cscmonavenir.example") as server:
        yield server


def read(letter: Letter) -> EmailMessage:
    message = email.message_from_bytes(letter.body, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def plain_text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text


def assert_harmless(message: EmailMessage, recipient: str) -> None:
    """The headers that we write, each once; one recipient; markup that is ours alone."""
    assert message.defects == []
    assert sorted(name.lower() for name in message) == sorted({*(name.lower() for name in message)})
    assert {name.lower() for name in message} <= HEADERS
    assert [address.addr_spec for address in message["To"].addresses] == [recipient]
    assert harmless(str(message["Subject"]))
    assert all(_MESSAGE_ID.fullmatch(each) for each in str(message["References"]).split())
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/alternative", "text/plain", "text/html"),
    ]
    html = message.get_body(("html",))
    assert html is not None
    assert not re.search(r"<(script|img|b)\b|onerror=[^&]*>", html.get_content(), re.IGNORECASE)
    assert "49" not in str(message["Subject"])


def test_words_stay_words_in_mail_log_database_and_terminal(
    dovecot: Dovecot, sink: Sink, sqlite: Database, tmp_path: Path, a_service: Callable[[str], Service]
) -> None:
    service = a_service(
        a_configuration(
            sqlite.configured,
            smtp_plain(sink.port),
            [an_imap_server_in_plain_text(dovecot.ports["IMAP"])],
            [a_watched_mailbox(more='authserv_id = ["mx.cscmonavenir.example"]\n')],
        )
    )
    service.start()
    eventually(lambda: service.said("folder.first_seen", folder="INBOX"), "the first sight of the mailbox")
    letters = [
        a_hostile_letter(2 * number + is_trusted, words, is_trusted=bool(is_trusted))
        for number, words in enumerate(WORDS.values())
        for is_trusted in (0, 1)
    ]
    dovecot.fill(INSCRIPTIONS, letters)
    eventually(lambda: len(sqlite.messages()) == len(letters), "all are recorded")
    assert [(one.kind, one.suppressed_by) for one in sqlite.messages() if not one.is_enqueued] == []
    eventually(lambda: len(service.said("acknowledgement.sent")) == len(letters), "all are acknowledged")
    service.stop()

    # Mail: to the one who wrote, and to nobody that a header names.
    assert sorted(letter.recipient for letter in sink.letters) == sorted(
        f"parent{number}@courriel.example" for number in range(len(letters))
    )
    for letter in sink.letters:
        assert_harmless(read(letter), letter.recipient)
    subjects = [str(read(letter)["Subject"]) for letter in sink.letters]
    assert not any("{{ 7*7 }}" in subject or "script" in subject for subject in subjects)
    template = list(WORDS).index("template")
    told = {letter.recipient: "{{ 7*7 }}" in plain_text(read(letter)) for letter in sink.letters}
    assert [who for who, is_told in told.items() if is_told] == [f"parent{2 * template + 1}@courriel.example"]

    # The log: a line is a line, and tells nothing of the people.
    log = (tmp_path / "mailwatch.log").read_text("utf-8")
    assert all(harmless(line) and json.loads(line) for line in log.splitlines())
    assert not [word for word in ("courriel.example", VICTIM, "alert(1)", "7*7", "pwned") if word in log]

    # The database: facts of the headers, and nothing of what was written below them.
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("mailwatch.db*"))
    assert b"parent1@courriel.example" in stored
    assert b"quels documents faut-il" not in stored

    # The terminal, and the digest that the owner gets when the time has come.
    for arguments in (
        ("status",),
        ("requests", "list"),
        ("requests", "list", "--json"),
        ("requests", "show", sqlite.requests()[0].reference),
    ):
        done = service.command(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert [line for line in done.stdout.split("\n") if not harmless(line)] == [], arguments
    in_three_weeks = str((now() + timedelta(days=21)).date())
    preview = ("digest", "preview", "--for", MARIE, "--date", in_three_weeks, "--format")
    digest = email.message_from_string(service.command(*preview, "eml").stdout, policy=email.policy.default)
    assert isinstance(digest, EmailMessage)
    assert_harmless(digest, MARIE)
    assert "{{ 7*7 }}" in plain_text(digest)
    assert [line for line in plain_text(digest).split("\n") if not harmless(line)] == []
    assert sqlite.inconsistencies() == []
