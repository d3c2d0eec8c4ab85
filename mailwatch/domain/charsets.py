"""Bytes and encoded words → text that may be stored, shown and sent: never an exception, whatever was declared.

A declared charset that fails or doesn't exist gives way to UTF-8, then to Windows-1252. ISO-8859-1 is read as
Windows-1252, as every mail program does. Codecs that aren't charsets, or that a stranger could make slow
(punycode, idna, unicode_escape), are not to be had. Encoded words: RFC 2047.
"""

import binascii
import codecs
import re
from encodings.aliases import aliases
from itertools import groupby

_NOT_CHARSETS = frozenset(
    {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "oem", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
)


def _squash(name: str) -> str:
    """A charset's name as it is looked up: letters and digits only, since senders vary the rest."""
    return "".join(character for character in name.lower() if character.isalnum())


# A table instead of codecs.lookup, which imports modules by name and remembers every name it is ever given.
_CODECS = {
    _squash(name): codec for alias, codec in aliases.items() if codec not in _NOT_CHARSETS for name in (alias, codec)
} | {
    # What real mail calls them, and the supersets that real mail means.
    "uft8": "utf_8",
    "utf": "utf_8",
    "utf8mb4": "utf_8",
    "unicode": "utf_8",
    "unicode11utf8": "utf_8",
    "xunknown": "utf_8",
    "ascii": "utf_8",
    "usascii": "utf_8",
    "latin1": "cp1252",
    "iso88591": "cp1252",
    "88591": "cp1252",
    "ansi": "cp1252",
    "xansi": "cp1252",
    "windows874": "cp874",
    "cp874": "cp874",
    "xmaccroatian": "mac_croatian",
    "xmacroman": "mac_roman",
    "iso2022jpesc": "iso2022_jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "xgbk": "gb18030",
    "euckr": "cp949",
    "ksc56011987": "cp949",
    "shiftjis": "cp932",
    "xsjis": "cp932",
    "iso88598i": "iso8859_8",
    "iso88598e": "iso8859_8",
}
_ASCII_BASED = frozenset({"utf_8", "cp1252", "iso8859_15"})
_LONGEST_NAME = 60

_C0 = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# U+0085, U+2028 and U+2029 end a line for str.splitlines, and so for EmailMessage.
_UNSAFE_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_SPACES = re.compile(r" {2,}")

# The text ends at the next "=?" at the latest, which keeps the search linear: "=?=" is base64 padding and the end.
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,75})\?([bBqQ])\?((?:[^?=]|\?(?!=)|=(?!\?(?!=)))*+)\?=")


def scrub_line(value: str) -> str:
    """One line: every run of controls, line ends and lone surrogates, and every run of spaces, is one space."""
    if not value.isprintable():
        value = _UNSAFE_IN_LINE.sub(" ", value)
    if "  " in value:
        value = _SPACES.sub(" ", value)
    return value.strip(" ")


def scrub_text(text: str) -> str:
    """Text of several lines, ended by LF, without NUL, other C0 controls and lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return _CONTROLS.sub("", text)


def decode_bytes(data: bytes, charset: str = "") -> str:
    """Bytes as text by a declared charset, else by the best guess. A character cut off at the end is left out."""
    codec = _CODECS.get(_squash(charset[:_LONGEST_NAME])) if charset else None
    if codec is None or codec == "utf_8":
        return _guess(data)
    if codec == "cp1252":
        return data.decode("cp1252", "replace")
    try:
        return codecs.getincrementaldecoder(codec)().decode(data)
    except (UnicodeError, ValueError, LookupError):
        return _guess(data)


def decode_text(data: bytes, charset: str) -> str:
    """The text of a body: decoded and scrubbed."""
    if _CODECS.get(_squash(charset[:_LONGEST_NAME]), "utf_8") in _ASCII_BASED:
        # Deleting controls from bytes is many times as fast as from text, and the same in these charsets.
        text = decode_bytes(data.translate(None, _C0), charset)
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return scrub_text(decode_bytes(data, charset))


def _guess(data: bytes) -> str:
    """UTF-8, even with a few faults, unless that spoils more characters than it explains; then Windows-1252."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        if fault.reason == "unexpected end of data" and not data[: fault.start].isascii():
            return data[: fault.start].decode("utf-8", "replace")  # UTF-8, cut off in a character
    text = data.decode("utf-8", "replace")
    spoiled = text.count("\ufffd")
    explained = len(text) - len(text.encode("ascii", "ignore")) - spoiled
    return text if explained > spoiled else data.decode("cp1252", "replace")


def decode_base64(data: bytes) -> bytes:
    """Base64 with whatever is wrong with it: foreign bytes are left out, a missing end is made good."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        pass  # the padding is missing, or a character too many stands before it
    digits = _NOT_BASE64.sub(b"", data)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return binascii.a2b_base64(digits + b"==")


def decode_words(value: str) -> str:
    """A header value with its encoded words decoded, and scrubbed.

    Words with nothing but white space between them are joined; those of one charset are joined before they are
    decoded, since senders cut a character between two words.
    """
    if "=?" not in value:
        return scrub_line(value)
    pieces: list[str] = []
    run: list[tuple[str, bytes]] = []
    position = 0
    for word in _ENCODED_WORD.finditer(value):
        gap = value[position : word.start()]
        if not run or gap.strip():
            pieces += (_decode_run(run), gap)
            run = []
        charset, encoding, text = word.groups()
        run.append((charset.partition("*")[0].lower(), _decode_word(text, encoding)))
        position = word.end()
    pieces += (_decode_run(run), value[position:])
    return scrub_line("".join(pieces))


def _decode_word(text: str, encoding: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(data)
    return binascii.a2b_qp(data, header=True)


def _decode_run(run: list[tuple[str, bytes]]) -> str:
    grouped = groupby(run, key=lambda word: word[0])
    return "".join(decode_bytes(b"".join(data for _, data in words), charset) for charset, words in grouped)
