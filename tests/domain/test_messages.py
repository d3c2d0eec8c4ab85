"""What is read of a message: headers, ids, words, reports, identity."""

import email
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart

import pytest

from mailwatch.domain.messages import (
    Message,
    has_reply_prefix,
    newest_received_at,
    parse_message,
    strip_comments,
    subject_key,
)

TAGS = ("[External]", "[EXTERNE]")


def read(*headers: bytes | str, body: bytes | str = "") -> Message:
    lines = [header if isinstance(header, bytes) else header.encode() for header in headers]
    content = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    return parse_message(b"\r\n".join(lines) + b"\r\n\r\n" + content)


def read_words(content_type: str, body: bytes | str, *headers: str) -> str:
    return read(f"Content-Type: {content_type}", *headers, body=body).text.strip()


# --- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("Subject: Réunion", "Réunion"),
        (b"Subject: R\xe9union", "Réunion"),
        ("Subject:Question", "Question"),
        ("SUBJECT : Question", "Question"),
        ("Subject: une\r\n question\r\n\tsimple", "une question simple"),
        ("Subject: =?utf-8?q?R=C3=A9union?=", "Réunion"),
        ("Subject: =?UTF-8*fr?B?UsOpdW5pb24=?=", "Réunion"),
        ("Subject: =?utf-8?b?UsOpdW5pb24?=", "Réunion"),
        ("Subject: =?iso-8859-1?Q?R=E9union_de_parents?=", "Réunion de parents"),
        ("Subject: =?iso-8859-1?Q?l=92=E9cole_=80?=", "l’école €"),
        ("Subject: =?utf-8?q?R=C3=A9?= =?utf-8?q?union?=", "Réunion"),
        ("Subject: =?utf-8?q?R=C3?=\r\n =?UTF-8?q?=A9union?=", "Réunion"),
        ("Subject: =?utf-8?b?UsM=?= =?utf-8?q?=A9union?=", "Réunion"),
        ("Subject: =?utf-8?q?R=C3=A9?= et =?utf-8?q?union?=", "Ré et union"),
        ("Subject: Objet =?utf-8?q?=C3=A9?=: x", "Objet é: x"),
        ("Subject: =?utf-8?q?Quelle_heure_est-il??=", "Quelle heure est-il?"),
        ("Subject: =?uft-8?q?=C3=A9?=", "é"),
        ("Subject: =?windows-874?b?ocE=?=", "กม"),
        ("Subject: =?_iso-2022-jp$esc?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("Subject: =?1?q?=E9?=", "é"),
        ("Subject: =?x-none-such?q?=C3=A9?=", "é"),
        ("Subject: =?utf-8?q?not closed", "=?utf-8?q?not closed"),
        ("Subject: =?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("Subject: =?utf-8?q?a=0D=0ABcc:_v=40x.ca=00?=", "a Bcc: v@x.ca"),
        ("Subject: =?utf-8?q?a=E2=80=A8b=C2=85c?=", "a b c"),
        ("Subject: a\x00b\x1bc", "a b c"),
        ("X: y", ""),
    ],
)
def test_a_subject_is_one_decoded_line(raw: bytes | str, subject: str) -> None:
    assert read(raw).subject == subject


def test_every_occurrence_of_a_header_is_kept_in_order() -> None:
    message = read("X-Loop: a", "Subject: b", "x-loop: =?utf-8?q?=C3=A9?=", "X-Empty:")
    assert message.headers == (("x-loop", "a"), ("subject", "b"), ("x-loop", "é"), ("x-empty", ""))
    assert message.all("x-loop") == ("a", "é")
    assert message.first("x-loop") == "a"
    assert message.first("x-empty") == ""
    assert message.first("x-other") is None
    assert message.all("x-other") == ()


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_any_line_end_will_do(line_end: bytes) -> None:
    raw = b"Subject: a\r\n b\r\nTo: x@y.ca\r\n\r\nun\r\ndeux\r\n".replace(b"\r\n", line_end)
    message = parse_message(raw)
    assert (message.subject, str(message.to[0]), message.text) == ("a b", "x@y.ca", "un\ndeux\n")


@pytest.mark.parametrize(
    "before",
    [
        b"\r\n\r\nFrom jean@x.ca Mon Nov 23\r\n",
        b">From jean@x.ca Mon Nov 23\n",
        b"From a Mon Nov 23\n>From b Mon Nov 23\n",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\n \t\nFrom a\n",
        b"\tfor <jean@x.ca>; Mon, 23 Nov\n",
        b"no field at all\n",
    ],
)
def test_what_stands_before_the_header_is_passed_over(before: bytes) -> None:
    assert parse_message(before + b"Subject: a\r\n\r\nb").subject == "a"


def test_a_from_field_with_a_blank_before_its_colon_is_no_mbox_line() -> None:
    assert parse_message(b"From : jean@x.ca\n\nb").from_[0].key == "jean@x.ca"


def test_a_line_that_is_no_header_hides_none() -> None:
    message = read("Subject: a", "this is no header", "Auto-Submitted: auto-replied")
    assert message.first("auto-submitted") == "auto-replied"


def test_bytes_without_any_header_are_text() -> None:
    assert parse_message("Bonjour à vous".encode()).text == "Bonjour à vous"


def test_several_from_headers_give_all_their_addresses() -> None:
    message = read("From: A <a@x.ca>, b@x.ca", "From: c@x.ca")
    assert [str(address) for address in message.from_] == ["a@x.ca", "b@x.ca", "c@x.ca"]


def test_what_an_encoded_word_holds_never_becomes_an_address() -> None:
    message = read("From: =?utf-8?q?Tremblay=2C_=3Cvictim=40example.org=3E?= <j@x.ca>")
    assert [(str(address), address.display) for address in message.from_] == [
        ("j@x.ca", "Tremblay, <victim@example.org>")
    ]
    assert message.first("from") == "Tremblay, <victim@example.org> <j@x.ca>"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], None),
        (["Return-Path: <>"], ""),
        (["Return-Path: < >"], ""),
        (["Return-Path: <> (null)"], ""),
        (["Return-Path:"], None),
        (["Return-Path: <jean@x.ca>"], "jean@x.ca"),
        (["Return-Path: jean@x.ca"], "jean@x.ca"),
        (["Return-Path: <MAILER-DAEMON>"], "MAILER-DAEMON"),
        (["Return-Path: <a@x.ca>", "Return-Path: <>"], "a@x.ca"),
    ],
)
def test_the_null_reverse_path_is_told_from_an_unknown_one(headers: list[str], expected: str | None) -> None:
    assert read("X: y", *headers).return_path == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("no (really)", "no"),
        ("no", "no"),
        (" (a (b) c) auto-replied (d)", "auto-replied"),
        ('a "(b)" c', 'a "(b)" c'),
        (r"a \(b", r"a \(b"),
        ("a (unclosed", "a"),
        ("a) b", "a) b"),
        ("a (b)c", "a c"),
    ],
)
def test_comments_are_taken_out(value: str, expected: str) -> None:
    assert strip_comments(value) == expected


# --- ids, dates, identity --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<abc@x>", "<abc@x>"),
        ("  <abc@x>  ", "<abc@x>"),
        ("<abc[1]@x>", "<abc[1]@x>"),
        ("< abc@x >", "<abc@x>"),
        ("<abc\r\n def@x>", "<abcdef@x>"),
        ("abc@x", "<abc@x>"),
        ("<abc@x> (comment)", "<abc@x>"),
        ("=?utf-8?q?=3Cabc=40x=3E?=", "<abc@x>"),
        ("<>", ""),
        ("", ""),
        ("<" + "a" * 1000 + "@x>", ""),
    ],
)
def test_a_message_id_is_read_from_the_raw_text(value: str, expected: str) -> None:
    assert read(f"Message-ID: {value}").message_id == expected


def test_references_are_kept_oldest_first_and_in_reply_to_beside_them() -> None:
    message = read("References: <a@x> <b@x>\r\n\t<a@x>", "In-Reply-To: Your message of Monday <b@x>")
    assert message.references == ("<a@x>", "<b@x>")
    assert message.in_reply_to == ("<b@x>",)


def test_of_too_many_references_the_newest_are_kept() -> None:
    message = read("References: " + " ".join(f"<{n}@x>" for n in range(300)))
    assert (len(message.references), message.references[-1]) == (200, "<299@x>")


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("from a by b; Mon, 23 Nov 2026 10:00:00 -0500 (EST)", datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ("from a by b (a; b);\r\n\t23 Nov 2026 10:00:00 +0000", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("from a by b; Mon, 23 Nov 2026 10:00:00 -0000", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("from a by b; Mon, 23 Nov 99999 10:00:00 -0500", None),
        ("from a by b; Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("from a by b; Mon, 23 Nov 2026 10:00:00 +9999999", None),
        ("from a by b; yesterday", None),
        ("from a by b", None),
        ("", None),
    ],
)
def test_the_newest_hop_is_dated_or_unknown(received: str, expected: datetime | None) -> None:
    assert newest_received_at(read(f"Received: {received}", "Received: x; Mon, 23 Nov 2020 10:00:00 +0000")) == expected


def test_a_message_without_received_has_no_newest_hop() -> None:
    assert newest_received_at(read("Subject: a")) is None


STABLE = ("From: jean@x.ca", "To: ecole@y.ca", "Subject: Absence", "Date: Mon, 23 Nov 2026 10:00:00 -0500")


def test_two_copies_with_one_message_id_share_their_identity() -> None:
    first = read("Received: a", "Message-ID: <a@x>", *STABLE, body="Bonjour")
    second = read("X-Spam: no", "Message-Id:  <a@x> ", *STABLE[:3], STABLE[3].replace(", ", ",\r\n "), body="[banner]")
    assert first.identity == second.identity


@pytest.mark.parametrize("changed", ["Date: Tue, 24 Nov 2026 10:00:00 -0500", "From: other@x.ca"])
def test_a_reused_message_id_is_another_identity(changed: str) -> None:
    name = changed.partition(":")[0]
    headers = [changed if header.startswith(name) else header for header in STABLE]
    assert read("Message-ID: <a@x>", *STABLE).identity != read("Message-ID: <a@x>", *headers).identity


def test_two_copies_without_message_id_share_their_identity_whatever_their_mime_looks_like() -> None:
    plain = read("Received: a", *STABLE, "Content-Type: text/plain; charset=utf-8", body="Léa est malade.\n")
    multipart = read(
        *("X-Trace: b", *STABLE, "Content-Type: multipart/mixed; boundary=zz"),
        body="--zz\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
        "L=E9a est =\nmalade.\n--zz--\n",
    )
    assert plain.identity == multipart.identity


def test_boundaries_dont_count_where_a_message_has_no_words() -> None:
    def copy(boundary: str) -> Message:
        body = f"--{boundary}\nContent-Type: image/png\n\nxyz\n--{boundary}--\n"
        return read(*STABLE, f"Content-Type: multipart/mixed; boundary={boundary}", body=body)

    assert copy("one").identity == copy("two").identity


@pytest.mark.parametrize("changed", [*STABLE, "body"])
def test_without_message_id_every_stable_header_and_the_words_count(changed: str) -> None:
    headers = [header + "x" if header == changed else header for header in STABLE]
    assert read(*STABLE, body="a").identity != read(*headers, body="b" if changed == "body" else "a").identity


# --- parts and words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=utf-8", "école", "école"),
        ("text/plain; charset=iso-8859-1", b"l\x92\xe9cole", "l’école"),
        ("text/plain; charset=us-ascii", b"\xe9cole", "école"),
        ("text/plain; charset=utf-8", b"\xe9cole", "école"),
        ("text/plain; charset=utf-8", "été".encode() + b"\xff" + "école".encode(), "été\ufffdécole"),
        ("text/plain; charset=utf-8", "école é".encode()[:-1], "école"),
        ("text/plain; charset=none-such", "école", "école"),
        ("text/plain; charset=iso-2022-jp", b"\x1b$BF|K\\\x1b(B", "日本"),
        ("text/plain; charset*0=ut; charset*1=f-8", "école", "école"),
        ("text/plain; charset*=us-ascii'fr'utf%2D8", "école", "école"),
        ('text/plain (un commentaire); charset="utf-8"', "école", "école"),
        ("text", "école", "école"),
        ("", "école", "école"),
        ("application/pdf", "%PDF", ""),
        ("text/plain; name=notes.txt", "notes", ""),
        ("text/plain; charset=utf-8", "a\x00b\x1bc", "abc"),
        ("text/plain; format=flowed", "une longue \nphrase\nfin \n-- \nJean", "une longue phrase\nfin \n-- \nJean"),
        ("text/plain; format=flowed; delsp=yes", "anti \nconstitutionnel", "anticonstitutionnel"),
        ("text/html", "<p>Bonjour,</p><p>&Eacute;cole&nbsp;&amp; co<br>fin", "Bonjour,\nÉcole & co\nfin"),
        ("text/html", "<head><title>x</title></head><style>p{}</style><script>a<b</script>un\nmot", "un mot"),
        ("text/html", "<!-- <p>non --><P CLASS='x'>oui</P><!-- pas fermé", "oui"),
        ("text/html", "<head><body>oui", "oui"),
        ("text/html", "2 < 3 &lt;b&gt;", "2 < 3 <b>"),
        ("text/html", "un <b>m</b>ot", "un mot"),
        ("multipart/mixed; boundary=b", "--b\n\nun\n--b\n\ndeux\n--b--\nnon", "un\ndeux"),
        ("multipart/mixed; boundary=b", "non\n--b  \n\nun\n--bb\n--b", "un\n--bb"),
        ("multipart/mixed; boundary=b", "--b\n\nun --b\ndeux\n--b--", "un --b\ndeux"),
        ("multipart/mixed", "--b\nContent-Type: text/plain\n\nun\n--b--\n", "un"),
        ("multipart/mixed; boundary=c", "--b\nContent-Type: text/plain\n\nun\n--b--\n", "un"),
        ("multipart/mixed; boundary=b", "Bonjour", "Bonjour"),
        (
            "multipart/alternative; boundary=b",
            "--b\nContent-Type: text/html\n\n<p>html</p>\n--b\n\nplain\n--b--",
            "plain",
        ),
        ("multipart/alternative; boundary=b", "--b\n\n \n--b\nContent-Type: text/html\n\n<p>html</p>\n--b--", "html"),
        ("multipart/mixed; boundary=b", "--b\nContent-Type: text/html\n\n<p>un\n--b\n\ndeux\n--b--", "un\ndeux"),
        (
            "multipart/mixed; boundary=b",
            "--b\nContent-Disposition: attachment\n\nnon\n--b\nContent-Disposition: inline; filename*=utf-8''x\n\nnon\n"
            "--b\nContent-Disposition: inline\n\noui\n--b--",
            "oui",
        ),
        ("multipart/mixed; boundary=b", "--b\nContent-Type: message/rfc822\n\nSubject: x\n\nnon\n--b--", ""),
    ],
)
def test_the_words_are_those_of_the_text_parts(content_type: str, body: bytes | str, text: str) -> None:
    words = read_words(content_type, body)
    assert "\n".join(line.rstrip() for line in words.split("\n") if line) == "\n".join(
        line.rstrip() for line in text.split("\n")
    )


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("base64", "w6ljb2xl"),
        ("BASE64 ", "w6lj\nb2xl\n"),
        ("base64", "w6lj*b2xl===="),
        ("base64", "w6ljb2xlA"),
        ("quoted-printable", "=C3=A9co=\nle"),
        ("quoted-printable", "=C3=A9cole="),
        ("8bit", "école"),
        ("x-unknown", "école"),
    ],
)
def test_transfer_encodings_are_undone_as_far_as_they_can_be(encoding: str, body: str) -> None:
    assert read_words("text/plain; charset=utf-8", body, f"Content-Transfer-Encoding: {encoding}") == "école"


def test_the_tree_is_listed_in_document_order_with_its_depth() -> None:
    message = read(
        "Content-Type: multipart/mixed; boundary=a",
        body="--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\nContent-Type: TEXT/HTML\n\nx\n"
        "--b--\n--a\nContent-Type: text/calendar; Method=REQUEST\n\nx\n--a--",
    )
    assert [(part.depth, part.content_type) for part in message.parts] == [
        (0, "multipart/mixed"),
        (1, "multipart/alternative"),
        (2, "text/plain"),
        (2, "text/html"),
        (1, "text/calendar"),
    ]
    assert message.parts[4].params == {"method": "REQUEST"}


def test_what_a_forwarded_message_holds_isnt_looked_into() -> None:
    inside = (
        "Content-Type: multipart/report; boundary=r\n\n--r\nContent-Type: message/delivery-status\n\nAction: failed\n"
    )
    message = read(
        "Content-Type: multipart/mixed; boundary=b", body=f"--b\nContent-Type: message/rfc822\n\n{inside}--b--"
    )
    assert [part.content_type for part in message.parts] == ["multipart/mixed", "message/rfc822"]
    assert message.report == ()


# --- reports ---------------------------------------------------------------------------------------------------------

STATUS = (
    "--r\n\nYour message wasn't delivered.\n--r\nContent-Type: message/delivery-status\n\n"
    "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; a@b.ca\nAction: failed\nStatus:\n 5.1.1\n\n"
    "Final-Recipient: rfc822; c@d.ca\n"
)
RETURNED = "Message-ID: <ours@y.ca>\nSubject: Re: x\nReferences: <other@x>\n\n"


def test_a_delivery_status_gives_the_fields_of_all_its_groups() -> None:
    message = read("Content-Type: multipart/report; report-type=delivery-status; boundary=r", body=STATUS + "--r--\n")
    assert message.report == (
        ("reporting-mta", "dns; mx.example.org"),
        ("final-recipient", "rfc822; a@b.ca"),
        ("action", "failed"),
        ("status", "5.1.1"),
        ("final-recipient", "rfc822; c@d.ca"),
    )


@pytest.mark.parametrize("returned_type", ["message/rfc822", "text/rfc822-headers", "message/global"])
def test_a_report_quotes_the_id_of_what_it_returns(returned_type: str) -> None:
    body = f"{STATUS}--r\nContent-Type: {returned_type}\n\n{RETURNED}--r--\n"
    assert read("Content-Type: multipart/report; boundary=r", body=body).quoted_ids == ("<ours@y.ca>",)


def test_a_read_receipt_names_what_was_read() -> None:
    body = "--r\nContent-Type: message/disposition-notification\n\nOriginal-Message-ID: <ours@y.ca>\n--r--\n"
    message = read("Content-Type: multipart/report; boundary=r", body=body)
    assert (message.quoted_ids, message.report) == (("<ours@y.ca>",), ())


@pytest.mark.parametrize("sign", ["Return-Path: <>", "X-Failed-Recipients: a@b.ca", "From: Mailer-Daemon@mx.ca"])
def test_a_bounce_of_plain_text_quotes_what_it_returns(sign: str) -> None:
    body = (
        f"It failed.\n\n------ This is a copy of your message. ------\n\n> {RETURNED.replace(chr(10), chr(10) + '> ')}"
    )
    assert read(sign, body=body).quoted_ids == ("<ours@y.ca>",)


def test_an_ordinary_message_quotes_nothing() -> None:
    body = f"Message-ID: <a@x>\n\n--b\nContent-Type: message/rfc822\n\n{RETURNED}--b--"
    message = read("From: jean@x.ca", "Content-Type: multipart/mixed; boundary=b", body="--b\n\n" + body)
    assert message.quoted_ids == ()


# --- subjects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "key", "is_reply"),
    [
        ("Absence de Léa", "absence de léa", False),
        ("Re: Absence de Léa", "absence de léa", True),
        ("RE : Absence", "absence", True),
        ("RE\xa0: Absence", "absence", True),
        ("RE\u202f: Absence", "absence", True),
        ("Ré: Absence", "absence", True),
        ("Re\u0301 : Absence", "absence", True),
        ("Rép. : Absence", "rép. : absence", False),
        ("Rép : Absence", "absence", True),
        ("TR: Fwd: FW: absence", "absence", True),
        ("WG: AW: SV: RV: I: absence", "absence", True),
        ("Re[2]: absence", "absence", True),
        ("Re (3): absence", "re (3): absence", False),
        ("Re(3): absence", "absence", True),
        ("[EXTERNE] RE: [External] Re: absence", "absence", True),
        ("[externe] absence", "absence", False),
        ("RE: [MW-7F3K9Q] absence", "absence", True),
        ("[MW-7F3K9Q] RE: absence", "absence", True),
        ("absence (MW-7F3K9Q)", "absence", False),
        ("  Absence\xa0 de\tLéa ", "absence de léa", False),
        ("Réunion: demain", "réunion: demain", False),
        ("Retour: livre", "retour: livre", False),
        ("Informations: x", "informations: x", False),
        ("Réponse automatique : absence", "réponse automatique : absence", False),
        ("Re:", "", True),
        ("", "", False),
        ("STRASSE straße", "strasse strasse", False),
    ],
)
def test_a_subject_is_compared_without_what_programs_put_before_it(subject: str, key: str, is_reply: bool) -> None:
    assert subject_key(subject, TAGS) == key
    assert has_reply_prefix(subject, TAGS) is is_reply


def test_tags_count_only_where_they_are_configured() -> None:
    assert subject_key("[EXTERNE] absence") == "[externe] absence"
    assert not has_reply_prefix("[EXTERNE] Re: absence")


# --- against the standard library, where a message is well formed ----------------------------------------------------


def well_formed(shape: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "Hélène Côté-Tremblay <helene@example.org>"
    message["To"] = 'École Saint-Jean <ecole@cscmonavenir.example>, "Roy, Marie" <marie@example.org>'
    message["Subject"] = "Réunion de parents à l’école élémentaire : pouvez-vous confirmer l’heure et le local, svp?"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 -0500"
    message["Message-ID"] = "<well-formed@example.org>"
    message.set_content("Bonjour,\n\nÀ quelle heure a lieu la réunion de l’école? " + "Merci à vous. " * 30 + "\n")
    if shape in ("alternative", "related", "mixed"):
        message.add_alternative("<p>Bonjour, à quelle heure a lieu la réunion?</p>", subtype="html")
    if shape == "related":
        html = message.get_payload(1)
        assert isinstance(html, MIMEPart)
        html.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>")
    if shape == "mixed":
        message.add_attachment("des notes", filename="notes d’été.txt")
        message.add_attachment(b"%PDF" * 99, maintype="application", subtype="pdf", filename="résumé.pdf")
    return message


@pytest.mark.parametrize("shape", ["plain", "alternative", "related", "mixed"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_a_well_formed_message_reads_as_the_standard_library_reads_it(shape: str, encoding: str) -> None:
    built = well_formed(shape)
    if shape == "plain":
        built.set_content(built.get_content(), cte=encoding)
    raw = built.as_bytes()
    theirs = email.message_from_bytes(raw, policy=policy.default)
    ours = parse_message(raw)
    assert ours.subject == theirs["Subject"]
    assert [(str(a), a.display) for a in ours.from_ + ours.to] == [
        (a.addr_spec, a.display_name) for name in ("From", "To") for a in theirs[name].addresses
    ]
    assert [part.content_type for part in ours.parts] == [part.get_content_type() for part in theirs.walk()]
    body = theirs.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    assert ours.text.strip() == body.get_content().replace("\r\n", "\n").strip()
