"""Addresses as strangers write them."""

import pytest

from mailwatch.domain.addresses import (
    Address,
    bare_local_part,
    base_local_part,
    organisational_domain,
    parse_address,
    parse_addresses,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("j@x.ca", "j@x.ca"),
        ("<j@x.ca>", "j@x.ca"),
        ("Jean Tremblay <j@x.ca>", "j@x.ca"),
        ("Tremblay, Jean <j@x.ca>", "j@x.ca"),
        ('"Tremblay, Jean" <j@x.ca>', "j@x.ca"),
        ('"a@b" <c@d>', "c@d"),
        ("a@b <c@d>", "c@d"),
        ("<<j@x.ca>>", "j@x.ca"),
        ("<j@x.ca", "j@x.ca"),
        ("<a@x.ca, B <b@x.ca>", "b@x.ca"),
        ("Jean (le père) <j@x.ca>", "j@x.ca"),
        ("Jean (a@evil.example (deep)) <j@x.ca>", "j@x.ca"),
        ("j@x.ca (Jean)", "j@x.ca"),
        ('"jean"@x.ca', "jean@x.ca"),
        ('"jean tremblay"@x.ca', '"jean tremblay"@x.ca'),
        ('"jean@home"@x.ca', '"jean@home"@x.ca'),
        ('"say \\"hi\\""@x.ca', '"say \\"hi\\""@x.ca'),
        ("<@relay.example,@other.example:j@x.ca>", "j@x.ca"),
        ("parents: j@x.ca, m@x.ca;", "j@x.ca"),
        ("mailto:j@x.ca", "j@x.ca"),
        ("hélène@école.ca", "hélène@école.ca"),
        ("j@xn--cole-9oa.ca", "j@xn--cole-9oa.ca"),
        ("j@x.ca.", "j@x.ca"),
        ("j@[192.0.2.1]", "j@[192.0.2.1]"),
        ("a@, <>, j@x.ca", "j@x.ca"),
        ("jean.o'neil+école=x@x.ca", "jean.o'neil+école=x@x.ca"),
        ('Jean "le père <j@x.ca>', "j@x.ca"),
        ("=?utf-8?q?Tremblay=2C_Jean?= <j@x.ca>", "j@x.ca"),
        ("=?utf-8?q?victim=40example.org=2C?= <j@x.ca>", "j@x.ca"),
        ("=?utf-8?q?=3Cvictim=40example.org=3E?= <j@x.ca>", "j@x.ca"),
        ("=?utf-8?q?a <victim@example.org>?= <j@x.ca>", "j@x.ca"),
    ],
)
def test_the_usable_address_is_found(text: str, expected: str) -> None:
    assert str(parse_address(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        "a@",
        "@x.ca",
        "Jean",
        "undisclosed-recipients:;",
        "jean tremblay@x.ca",
        "<jean tremblay@x.ca>",
        "j@x .ca",
        "j@x..ca",
        "j@.ca",
        "a@b@c.ca",
        '""@x.ca',
        '"a"b"@x.ca',
        "<j\x00@x.ca>",
        "j@x.ca\r\nBcc: victim@example.org",
        "j\u202e@x.ca",
        "j@x.c\ud800a",
        "j" * 320 + "@x.ca",
        '"j@x.ca" <>',
        "=?utf-8?q?victim=40example.org?=",
        "=?utf-8?b?PHZpY3RpbUBleGFtcGxlLm9yZz4=?=",
    ],
)
def test_what_is_no_usable_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("j@x.ca", ""),
        ("Jean  Tremblay <j@x.ca>", "Jean Tremblay"),
        ('"Tremblay, Jean" <j@x.ca>', "Tremblay, Jean"),
        (r'"Jean \"Le Grand\" T." <j@x.ca>', 'Jean "Le Grand" T.'),
        ("=?utf-8?q?H=C3=A9l=C3=A8ne?= =?utf-8?q?_C=C3=B4t=C3=A9?= <j@x.ca>", "Hélène Côté"),
        ('"=?iso-8859-1?Q?C=F4t=E9=2C_Jean?=" <j@x.ca>', "Côté, Jean"),
        ("=?utf-8?q?a=0D=0ABcc:_v=40x.ca?= <j@x.ca>", "a Bcc: v@x.ca"),
        ("j@x.ca (Jean Tremblay)", "Jean Tremblay"),
        ("x" * 999 + " <j@x.ca>", "x" * 200),
    ],
)
def test_the_display_name_is_decoded_after_splitting_and_scrubbed(text: str, display: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert display == address.display


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x.ca, B <b@x.ca>; c@x.ca", ["a@x.ca", "b@x.ca", "c@x.ca"]),
        ("<a@x.ca> <b@x.ca>", ["a@x.ca", "b@x.ca"]),
        ("A: a@x.ca, b@x.ca; c@x.ca, D:;, e@x.ca", ["a@x.ca", "b@x.ca", "c@x.ca", "e@x.ca"]),
        ("a@x.ca, nobody, a@, b@x.ca", ["a@x.ca", "b@x.ca"]),
        ("a@x.ca, (b@x.ca, c@x.ca), d@x.ca", ["a@x.ca", "d@x.ca"]),
        ("", []),
    ],
)
def test_all_usable_addresses_come_in_order(text: str, expected: list[str]) -> None:
    assert [str(address) for address in parse_addresses(text)] == expected


def test_no_more_than_ten_thousand_addresses_are_read() -> None:
    assert len(parse_addresses("a@b.ca," * 10_050)) == 10_000


def test_two_addresses_are_compared_by_their_lower_case_key() -> None:
    assert Address(local="Jean", domain="X.CA").key == "jean@x.ca"
    assert str(Address(local="Jean", domain="X.CA")) == "Jean@X.CA"


@pytest.mark.parametrize(
    ("local", "base"), [("Jean+school", "jean"), ("jean", "jean"), ("+jean", "+jean"), ("a+b+c", "a"), ("", "")]
)
def test_the_sub_address_is_taken_off(local: str, base: str) -> None:
    assert base_local_part(local) == base


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("mail.ville.qc.ca", "ville.qc.ca"),
        ("VILLE.QC.CA.", "ville.qc.ca"),
        ("qc.ca", "qc.ca"),
        ("a.b.cscmonavenir.example", "cscmonavenir.example"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_the_organisational_domain_follows_the_public_suffix_list(domain: str, expected: str) -> None:
    assert organisational_domain(domain) == expected


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("MAILER-DAEMON", "mailer-daemon"),
        ("Mail Delivery Subsystem <MAILER-DAEMON>", "mailer-daemon"),
        ("root (Cron Daemon)", "root"),
        ("<bounces+a>", "bounces"),
        ("Jean Tremblay", ""),
        ("", ""),
        ("<>", ""),
        ("é", ""),
    ],
)
def test_a_sender_without_a_domain_still_has_a_local_part(text: str, local: str) -> None:
    assert bare_local_part(text) == local
