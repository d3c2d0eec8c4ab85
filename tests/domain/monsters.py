"""Hostile messages, by name: each is bytes that a stranger could send. Importable by any test: `MONSTERS`."""

from collections.abc import Callable, Mapping

HEAD = (
    b"Return-Path: <jean@example.org>\r\nFrom: Jean <jean@example.org>\r\nTo: ecole@cscmonavenir.example\r\n"
    b"Subject: Question\r\nMessage-ID: <monster@example.org>\r\nDate: Mon, 23 Nov 2026 10:00:00 -0500\r\n"
)
_TWO_HUNDRED_KB = 200_000


def with_headers(headers: bytes, body: bytes = b"Bonjour\r\n") -> bytes:
    """A plain message with more headers."""
    return HEAD + headers + b"\r\n\r\n" + body


def with_type(content_type: bytes, body: bytes) -> bytes:
    """A message whose body is of a type."""
    return HEAD + b"MIME-Version: 1.0\r\nContent-Type: " + content_type + b"\r\n\r\n" + body


def deep_mime(depth: int = 10_000) -> bytes:
    """Multiparts in multiparts."""
    levels = (b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(depth))
    return with_type(b"multipart/mixed; boundary=b0", b"".join(levels) + b"the bottom")


def deep_mime_of_one_boundary(depth: int = 10_000) -> bytes:
    """Multiparts in multiparts, all with the same boundary."""
    level = b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return with_type(b"multipart/mixed; boundary=b", level * depth)


def many_parts(count: int = 3000) -> bytes:
    """A flat multipart with thousands of parts."""
    return with_type(b"multipart/mixed; boundary=b", b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n")


def nested_html(depth: int = 20_000) -> bytes:
    """Deep HTML: a recursive reader overflows its stack."""
    return with_type(b"text/html", b"<div>" * depth + b"fond" + b"</div>" * depth)


_BUILDERS: Mapping[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one NUL": lambda: b"\0",
    "only line ends": lambda: b"\r\n" * 50_000,
    "only CR": lambda: b"\r" * _TWO_HUNDRED_KB,
    "only colons": lambda: b":" * _TWO_HUNDRED_KB,
    "only angle brackets": lambda: b"<" * _TWO_HUNDRED_KB,
    "NUL everywhere": lambda: HEAD.replace(b"e", b"\0") + b"\r\n" + b"\0" * 40_000,
    "every byte": lambda: bytes(range(256)) * 400,
    "CR-only lines": lambda: with_headers(b"X-A: b").replace(b"\r\n", b"\r"),
    "no header at all": lambda: b"bonjour tout le monde\r\n" * 4000,
    "no From": lambda: b"Subject: x\r\n\r\nbonjour",
    "100 MB of header, as far as it is fetched": lambda: HEAD + b"X-A: " + b"a" * _TWO_HUNDRED_KB,
    "30,000 headers": lambda: b"A:\r\n" * 30_000,
    "30,000 From headers": lambda: b"From: a@b\r\n" * 30_000,
    "folds without end": lambda: b"Subject: x" + b"\r\n " * 60_000,
    "a 120 KB From": lambda: with_headers(b"From: " + b"a" * 120_000 + b"@x.example"),
    "a From of 20,000 addresses": lambda: b"From: " + b"a@b," * 20_000,
    "a To of comments": lambda: with_headers(b"To: " + b"(" * 60_000),
    "a To of quotes": lambda: with_headers(b"To: " + b'"' * 59_999 + b"a@b.ca"),
    "a To of backslashes": lambda: with_headers(b'To: "' + b"\\" * 59_999),
    "a To of groups": lambda: with_headers(b"To: " + b"g:;" * 20_000),
    "a To of angles": lambda: with_headers(b"To: " + b"<a@b" * 15_000),
    "encoded words without end": lambda: with_headers(b"Subject: " + b"=?utf-8?q?a" * 6000),
    "encoded words without space": lambda: with_headers(b"Subject: " + b"=?utf-8?q?a?=" * 5000),
    "encoded words of many charsets": lambda: with_headers(
        b"Subject: " + b" ".join(b"=?x-%d?b?4pjD?=" % n for n in range(3000))
    ),
    "10,000 recipients": lambda: with_headers(b"To: " + b", ".join(b"p%d@example.org" % n for n in range(10_000))),
    "10,000 named recipients in Cc": lambda: with_headers(
        b"Cc: " + b",\r\n ".join(b'"N, %d" <p%d@example.org>' % (n, n) for n in range(10_000))
    ),
    "64 KiB of encoded words": lambda: (
        HEAD.replace(b"Question", b"\r\n ".join([b"=?utf-8?b?w6k=?="] * 3450)) + b"\r\nx"
    ),
    "64 KiB of encoded words in From": lambda: (
        b"From: " + b" ".join([b"=?utf-8?q?=C3=A9?="] * 3100) + b" <jean@example.org>\r\n\r\nx"
    ),
    "messages in messages": lambda: with_type(
        b"message/rfc822", b"Subject: x\r\nContent-Type: message/rfc822\r\n\r\n" * 1200
    ),
    "archives in archives": lambda: with_type(
        b"multipart/mixed; boundary=b",
        b"--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"UEsDBBQ=" * 7000,
    ),
    "an address of quotes and comments": lambda: (
        b'From: (a (b) \\)c) "a\\"b@c" (d) <"a b\\"@,;:<>"@(e)example.org(f)>\r\nTo: <@a,@b:ecole@cscmonavenir.example>'
        b"\r\n\r\nx"
    ),
    "an address of every script": lambda: (
        "From: Ωμέγα <пользователь@пример.рф>\r\nTo: 用户@例子.公司, ecole@cscmonavenir.example\r\n"
        "Reply-To: \u202eevil\u2066@exa\u200bmple.org, a@xn--zzzzzz---.example\r\n\r\nx"
    ).encode(),
    "an encoded line end": lambda: with_headers(b"Subject: =?utf-8?q?a=0D=0ABcc:_victim=40example.org?="),
    "lone surrogates in UTF-7": lambda: with_type(b"text/plain; charset=utf-7", b"+2AA- +3AA-" * 100),
    "lone surrogates in an encoded word": lambda: with_headers(b"Subject: =?utf-7?q?+2AA-?= \xed\xa0\x80"),
    "punycode as a charset": lambda: with_type(b"text/plain; charset=punycode", b"a" * 60_000),
    "a codec that isn't a charset": lambda: with_type(b"text/plain; charset=zlib", b"a" * 100),
    "a charset of one digit": lambda: with_type(b"text/plain; charset=1", b"caf\xe9"),
    "UTF-16 cut in the middle": lambda: with_type(b"text/plain; charset=utf-16", "école".encode("utf-16")[:-1]),
    "a date that overflows": lambda: HEAD.replace(b"2026", b"99999") + b"\r\nx",
    "a Received of digits": lambda: b"Received: x; Mon, 23 Nov 2026 10:00:00 +" + b"9" * 60_000 + b"\r\n" + HEAD,
    "a 14 KB Content-Type": lambda: with_type(b"text/plain; " + b"a*0*=b; " * 1800, b"x"),
    "a Content-Type of quotes": lambda: with_type(b"text/plain; " + b'a="\\' * 4000, b"x"),
    "a Content-Type of semicolons": lambda: with_type(b"multipart/mixed" + b";  " * 15_000, b"x"),
    "a Content-Type of blanks": lambda: with_type(b"text/plain;" + b" " * 50_000 + b"x", b"x"),
    "parameters with huge numbers": lambda: with_type(b"text/plain; a*" + b"9" * 10_000 + b"=b", b"x"),
    "a boundary of 20 KB": lambda: with_type(b"multipart/mixed; boundary=" + b"b" * 20_000, b"--" + b"b" * 20_000),
    "an empty boundary": lambda: with_type(b'multipart/mixed; boundary=""', b"--\r\n" * 10_000),
    "a boundary that is missing": lambda: with_type(b"multipart/mixed", b"--x\r\nContent-Type: text/plain\r\n\r\nallo"),
    "a boundary nearly everywhere": lambda: with_type(b"multipart/mixed; boundary=b", b"--bb" * 15_000),
    "10,000-deep MIME": deep_mime,
    "10,000-deep MIME of one boundary": deep_mime_of_one_boundary,
    "3,000 parts": many_parts,
    "3,000 HTML parts": lambda: with_type(
        b"multipart/mixed; boundary=b", b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n" * 3000
    ),
    "20,000-deep HTML": nested_html,
    "HTML of open tags": lambda: with_type(b"text/html", b"<p " * 20_000),
    "HTML of open comments": lambda: with_type(b"text/html", b"<!--" * 15_000),
    "HTML of open heads": lambda: with_type(b"text/html", b"<head>" * 10_000),
    "HTML of entities": lambda: with_type(b"text/html", b"&amp" * 15_000),
    "HTML with an entity of 50,000 digits": lambda: with_type(b"text/html", b"&#" + b"1" * 50_000 + b";"),
    "HTML of long false entities": lambda: with_type(b"text/html", (b"&" + b"a" * 32) * 1900),
    "HTML with letters that grow in lower case": lambda: with_type(b"text/html", "İ<style>x</style>".encode() * 2000),
    "base64 that isn't": lambda: with_type(b"text/plain\r\nContent-Transfer-Encoding: base64", b"=" * 30_000 + b"a"),
    "quoted-printable of equals": lambda: with_type(
        b"text/plain\r\nContent-Transfer-Encoding: quoted-printable", b"=" * 60_000
    ),
    "a report of 20,000 fields": lambda: with_type(
        b"multipart/report; boundary=b", b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + b"A: b\r\n" * 20_000
    ),
    "a text of Message-IDs": lambda: b"Return-Path: <>\r\n" + with_headers(b"X: y", b"Message-ID: <a@b>\r\n" * 5000),
    "References of 15,000 ids": lambda: with_headers(b"References: " + b"<a@b>" * 15_000),
    "a Message-ID of 60 KB": lambda: b"Message-ID: <" + b"a" * 60_000 + b"@b>\r\n\r\nx",
    "a flowed text of spaces": lambda: with_type(b"text/plain; format=flowed", b" \r\n" * 20_000),
    "a subject of Re:": lambda: with_headers(b"Subject: " + b"Re: " * 15_000),
    "attributions without end": lambda: with_headers(b"X: y", b"Le 3 novembre, Jean\r\n" * 4000),
    "quotations without end": lambda: with_headers(b"X: y", b">" * 60_000),
    "thanks without end": lambda: with_headers(b"X: y", b"Merci\r\n" * 8000),
}
MONSTERS: Mapping[str, bytes] = {name: build() for name, build in _BUILDERS.items()}
