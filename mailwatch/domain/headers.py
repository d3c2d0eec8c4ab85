"""Header blocks and the values in them (RFC 5322 §2.2, §3.6; parameters: RFC 2045 §5.1, RFC 2231).

Every pattern here is linear on any input: what repeats is possessive, or can't match what follows it.
"""

import re
from urllib.parse import unquote_to_bytes

from mailwatch.domain.charsets import decode_bytes, decode_words, scrub_line

MAX_FIELDS = 2000  # of one header block; real messages have under 200
MAX_PARAMETERS = 100
MAX_IDS = 200  # of one References; the newest are kept
LONGEST_ID = 998  # RFC 5322 §2.1.1: a line. Longer ones are nobody's Message-ID

Fields = list[tuple[str, str]]

_FIELD = re.compile(r"^([!-9;-~]++)[ \t]*+:(.*+(?:\n[ \t].*+)*+)", re.MULTILINE)
_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]++>")
_PADDED_ID = re.compile(r"<([^<>]++)>")
_COMMENT_TOKEN = re.compile(r'[()]|"(?:[^"\\]|\\.)*+"?|\\.?|[^()"\\]++', re.DOTALL)
_PARAMETER = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"?|[^;\s]*+)', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_MEDIA_TYPE = re.compile(r"\s*+([^\s/;]{1,127}/[^\s/;]{1,127})\s*(?:;|$)")


def split_fields(block: bytes) -> Fields:
    """(lower-case name, unfolded and scrubbed value, encoded words as they stand), in order.

    Lines that are no field are passed over. Lines end with LF.
    """
    # Latin-1 can't fail and can be taken back: only values with 8-bit bytes are worth a guess.
    text = block.decode("latin-1")
    fields: Fields = []
    for name, value in _FIELD.findall(text)[:MAX_FIELDS]:
        if not value.isascii():
            value = decode_bytes(value.encode("latin-1"))
        fields.append((name.lower(), scrub_line(value)))
    return fields


def strip_comments(value: str) -> str:
    """A structured header value without its RFC 5322 comments, trimmed: `no (really)` → `no`."""
    if "(" not in value:
        return value.strip()
    kept: list[str] = []
    depth = 0
    for token in _COMMENT_TOKEN.findall(value):
        if token == "(":
            depth += 1
        elif token == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(token)
    return " ".join("".join(kept).split())


def parse_message_id(value: str) -> str:
    """The one id of a Message-ID value with < and >, or "". Padding and folds inside are taken out, brackets added."""
    if ids := find_message_ids(value):
        return ids[0]
    padded = _PADDED_ID.search(value)
    text = "".join((padded.group(1) if padded else value).split()).strip("<>")
    return f"<{text}>" if 0 < len(text) <= LONGEST_ID else ""


def find_message_ids(value: str) -> tuple[str, ...]:
    """Every `<id>` of a value, from the raw text, in order, each once; the last MAX_IDS of them."""
    ids = _ID.findall(value)
    if not ids and "=?" in value:  # some programs encode what may never be encoded
        ids = _ID.findall(decode_words(value))
    return tuple(dict.fromkeys(found for found in ids if len(found) <= LONGEST_ID))[-MAX_IDS:]


def parse_content_type(value: str) -> tuple[str, dict[str, str]]:
    """Lower-case media type and parameters. What is no media type is text/plain (RFC 2045 §5.2)."""
    value = strip_comments(value)
    found = _MEDIA_TYPE.match(value)
    return (found.group(1).lower() if found else "text/plain"), parse_parameters(value)


def parse_parameters(value: str) -> dict[str, str]:
    """The `; name=value` of a header: lower-case names, continuations joined, charsets decoded (RFC 2231)."""
    parameters: dict[str, str] = {}
    extended: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, text in _PARAMETER.findall(value)[:MAX_PARAMETERS]:
        name, text = name.lower(), _unquote(text)
        if "*" not in name:
            parameters.setdefault(name, decode_words(text))
            continue
        base, _, section = name.partition("*")
        number = section.rstrip("*")
        is_percent_coded = name.endswith("*")
        order = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
        extended.setdefault(base, {}).setdefault(order, (text, is_percent_coded))
    for base, sections in extended.items():
        parameters[base] = _join_sections([sections[order] for order in sorted(sections)])
    return parameters


def _unquote(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _QUOTED_PAIR.sub(r"\1", text[1:].removesuffix('"'))


def _join_sections(sections: list[tuple[str, bool]]) -> str:
    """RFC 2231 §4.1: the first percent-coded section begins with charset'language'."""
    charset = ""
    if sections[0][1] and sections[0][0].count("'") >= 2:
        charset, _, rest = sections[0][0].split("'", 2)
        sections[0] = (rest, True)
    data = b"".join(unquote_to_bytes(text) if coded else text.encode("utf-8", "replace") for text, coded in sections)
    return scrub_line(decode_bytes(data, charset))
