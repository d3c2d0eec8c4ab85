"""Composed messages, read back with the standard library; whole ones are compared byte for byte in tests/golden."""

import email
import re
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from golden_files import (
    NOW,
    OWN_ID,
    TEMPLATES,
    a_mailbox,
    a_question,
    assert_golden,
    some_facts,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwatch.domain.composition import (
    OWN_HEADER,
    Composed,
    Rendered,
    compose_acknowledgement,
    encode_phrase,
    encode_unstructured,
    is_own_message_id,
    own_message_id,
)
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.outbox import Envelope
from mailwatch.rendering import TemplateRenderer

WORDS = Rendered(
    subject="Nous avons bien reçu votre demande [MW-7F3K9Q]",
    text="Bonjour,\n\nDéjà reçue.\n",
    html="<p>Bonjour</p>\n",
    languages=(Language.FR,),
)

TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=("Cs",)))
LINE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")))


def composed(
    rendered: Rendered = WORDS,
    mailbox: Mailbox | None = None,
    message: Message | None = None,
    recipient: str = "parent@example.org",
    message_id: str = OWN_ID,
) -> Composed:
    mailbox, message = mailbox or a_mailbox(), message or a_question()
    return compose_acknowledgement(rendered, mailbox, message, recipient, message_id, NOW)


def read_back(body: bytes) -> EmailMessage:
    """The message as the standard library reads it, once every rule of form is checked."""
    assert body.isascii()
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert b"\r" not in body.replace(b"\r\n", b"")
    assert max(map(len, body.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(body, policy=default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
        assert [header.defects for header in part.values()] == [()] * len(part)
    return message


def words_of(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return plain.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("language", [Language.FR, Language.EN, None], ids=["fr", "en", "bilingual"])
@pytest.mark.parametrize(
    ("case", "mailbox", "facts"),
    [
        ("external", a_mailbox(), some_facts()),
        (
            "internal-with-everything",
            a_mailbox(
                contact={
                    Language.FR: "Marie Tremblay, 416-555-0123, poste 2210",
                    Language.EN: "Marie Tremblay, 416-555-0123, extension 2210",
                },
                standards_url="https://cscmonavenir.example/normes-de-service",
                privacy_notice={
                    Language.FR: "Vos renseignements sont protégés par la politique 4.2 du Conseil.",
                    Language.EN: "Your information is protected under the Board’s policy 4.2.",
                },
            ),
            some_facts(subject="Inscription à l’école <Saint-Paul>", is_internal=True),
        ),
        ("english-first", a_mailbox(languages=(Language.EN, Language.FR)), some_facts()),
    ],
)
def test_whole_messages_are_as_reviewed(case: str, mailbox: Mailbox, facts, language: Language | None) -> None:
    renderer = TemplateRenderer(None, TEMPLATES, pytest.fail)
    rendered = renderer.render_acknowledgement(mailbox, language, facts)

    body = composed(rendered, mailbox, a_question(references=("<q0@ecole.example>",))).body

    assert_golden(f"acknowledgement.{language or 'bilingual'}.{case}.eml", body)
    message = read_back(body)
    assert message["Subject"] == rendered.subject
    assert words_of(message) == (rendered.text, rendered.html)


@settings(max_examples=150)
@given(subject=LINE, text=TEXT, html=TEXT)
def test_every_message_is_read_back_exactly(subject: str, text: str, html: str) -> None:
    message = read_back(composed(replace(WORDS, subject=subject, text=text, html=html)).body)

    assert str(message["Subject"]) == re.sub(" +", " ", subject).strip()
    assert words_of(message) == (text, html)


@settings(max_examples=150)
@given(name=LINE.filter(str.strip))
def test_every_name_of_a_service_is_read_back(name: str) -> None:
    body = composed(mailbox=a_mailbox(name={Language.FR: name})).body
    read_back(body)

    # policy.default shows a blank between two encoded words of a name; the older reader follows RFC 2047 §6.2.
    display, address = parseaddr(email.message_from_bytes(body)["From"].replace("\r\n", ""))
    assert str(make_header(decode_header(display))) == re.sub(" +", " ", name).strip()
    assert address == "inscriptions@cscmonavenir.example"


def test_a_long_name_is_read_back_by_careless_readers_too() -> None:
    name = "Service de l’éducation à la petite enfance et de la francisation / Early Years and French Language Support"

    [sender] = read_back(composed(mailbox=a_mailbox(name={Language.FR: name})).body)["From"].addresses

    assert sender.display_name.split() == name.split()


@settings(max_examples=100)
@given(text=st.text(max_size=300))
def test_no_text_breaks_out_of_its_header(text: str) -> None:
    for encoded in (encode_unstructured(text, 9), encode_phrase(text)):
        assert encoded.isascii()
        assert not re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", encoded)
        assert re.sub(rb"\r\n ", b"", encoded).translate(None, b"\r\n") == re.sub(rb"\r\n ", b"", encoded)
        assert all(len(line) <= 78 for line in encoded.split(b"\r\n"))


def test_the_headers_say_what_kind_of_message_this_is() -> None:
    message = read_back(composed().body)

    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert message["Content-Language"] == "fr"
    assert message["Date"] == "Tue, 24 Nov 2026 15:10:07 +0000"
    assert (message["Message-ID"], message[OWN_HEADER]) == (OWN_ID, OWN_ID)
    assert message["To"] == "parent@example.org"
    assert message["From"] == "Service des inscriptions <inscriptions@cscmonavenir.example>"


def test_the_sender_bears_the_name_of_every_language_of_the_message() -> None:
    words = replace(WORDS, languages=(Language.EN, Language.FR))

    message = read_back(composed(words).body)

    assert message["From"] == "Admissions / Service des inscriptions <inscriptions@cscmonavenir.example>"
    assert message["Content-Language"] == "en, fr"


def test_a_name_that_is_the_same_in_both_languages_stands_once() -> None:
    mailbox = a_mailbox(name={Language.FR: "Inscriptions", Language.EN: "Inscriptions"})

    body = composed(replace(WORDS, languages=(Language.FR, Language.EN)), mailbox).body

    assert b"From: Inscriptions <inscriptions@cscmonavenir.example>\r\n" in body


def test_equal_arguments_give_equal_bytes() -> None:
    assert composed() == composed()


def test_two_messages_have_different_boundaries() -> None:
    other = own_message_id(b"key", "a@b.example", "1", "acknowledgement", "b.example")

    boundaries = {read_back(composed(message_id=each).body).get_boundary() for each in (OWN_ID, other)}

    assert len(boundaries) == 2


def test_the_message_joins_the_thread_it_answers() -> None:
    question = a_question("<q3@ecole.example>", ("<q1@ecole.example>", "<q2@ecole.example>"))

    message = read_back(composed(message=question).body)

    assert message["In-Reply-To"] == "<q3@ecole.example>"
    assert message["References"].split() == [
        "<q1@ecole.example>",
        "<q2@ecole.example>",
        "<q3@ecole.example>",
        OWN_ID,
    ]


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "<a@b>\r\nBcc: all@b.example",
        "<a b@c>",
        "a@b",
        "<é@b>",
        "<" + "x" * 950 + "@b>",
        "<a@b><c@d>",
        "<a\x00@b>",
        "<a@b>\n",
        "<=?utf-8?q?a=0D=0ABcc:_b=40c?=>",
    ],
)
def test_an_id_that_no_header_can_hold_is_left_out(message_id: str) -> None:
    message = read_back(composed(message=a_question(message_id, (message_id, "<q1@ecole.example>"))).body)

    assert message["In-Reply-To"] is None
    assert message["References"].split() == ["<q1@ecole.example>", OWN_ID]
    assert message["Bcc"] is None


def test_a_long_thread_keeps_its_first_id_and_its_newest() -> None:
    ids = tuple(f"<{number}@ecole.example>" for number in range(200))

    references = read_back(composed(message=a_question("<q@ecole.example>", ids)).body)["References"].split()

    assert references == [ids[0], *ids[-17:], "<q@ecole.example>", OWN_ID]
    assert len(references) == 20


def test_long_ids_are_bounded_by_their_octets() -> None:
    ids = tuple(f"<{number:0100}@ecole.example>" for number in range(30))

    references = read_back(composed(message=a_question("<q@ecole.example>", ids)).body)["References"]

    assert len(references) <= 900
    assert references.split()[0] == ids[0]
    assert references.split()[-3] == ids[-1]


@given(st.lists(st.text(st.sampled_from("<>@ab\r\n\x00é "), max_size=12), max_size=30))
def test_references_never_break_out_of_their_header(ids: list[str]) -> None:
    message = read_back(composed(message=a_question(references=tuple(ids))).body)

    assert message["References"].split()[-2:] == ["<q1@ecole.example>", OWN_ID]
    assert len(message.keys()) == 13


@pytest.mark.parametrize(
    ("setting", "reverse_path"),
    [
        ("", "inscriptions@cscmonavenir.example"),
        ("<>", ""),
        ("retours@cscmonavenir.example", "retours@cscmonavenir.example"),
    ],
)
def test_the_envelope_follows_the_policy(setting: str, reverse_path: str) -> None:
    envelope = composed(mailbox=a_mailbox(envelope_from=setting)).envelope

    assert envelope == Envelope(reverse_path=reverse_path, recipient="parent@example.org")


def test_a_recipient_of_another_script_stands_in_the_envelope_alone() -> None:
    result = composed(recipient="zoé@exemple.example")

    assert read_back(result.body)["To"].addresses == ()
    assert result.envelope.recipient == "zoé@exemple.example"


def test_a_domain_of_another_script_is_written_in_a_labels() -> None:
    assert read_back(composed(recipient="zoe@écoles.example").body)["To"] == "zoe@xn--coles-9ra.example"


def test_a_recipient_that_would_break_out_does_not() -> None:
    message = read_back(composed(recipient="a@b.example\r\nBcc: all@b.example").body)

    assert message["Bcc"] is None
    assert message["To"].addresses == ()


def test_an_own_id_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        composed(message_id="<mw.ack.1@b>\r\nBcc: x@y")


def test_text_that_is_hardly_ascii_is_written_in_base64() -> None:
    cyrillic = "Здравствуйте, мы получили ваш запрос.\n" * 20

    message = read_back(composed(replace(WORDS, text=cyrillic)).body)

    plain, html = message.iter_parts()
    assert (plain["Content-Transfer-Encoding"], html["Content-Transfer-Encoding"]) == ("base64", "quoted-printable")
    assert words_of(message)[0] == cyrillic


@pytest.mark.parametrize("length", range(70, 80))
def test_a_full_line_that_ends_in_a_blank_stays_within_76_octets(length: int) -> None:
    text = "a" * length + " \n"

    body = composed(replace(WORDS, text=text)).body

    assert words_of(read_back(body))[0] == text
    assert max(map(len, body.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76


def test_lone_surrogates_do_not_stop_a_message() -> None:
    message = read_back(composed(replace(WORDS, subject="a\ud800b", text="c\udfffd\n")).body)

    assert (message["Subject"], words_of(message)[0]) == ("a?b", "c?d\n")


def test_an_own_message_id_follows_from_what_it_is_about() -> None:
    facts = (b"key", "a@b.example", "identity", "acknowledgement", "b.example")

    assert own_message_id(*facts) == own_message_id(*facts)
    assert is_own_message_id(own_message_id(*facts))
    assert re.fullmatch(r"<mw\.ack\.[0-9a-f]{32}@b\.example>", own_message_id(*facts))
    assert own_message_id(b"other", *facts[1:]) != own_message_id(*facts)
    assert not is_own_message_id("<q1@ecole.example>")
