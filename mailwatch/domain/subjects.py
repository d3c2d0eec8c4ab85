"""Subjects as threads compare them: without reply and forward prefixes, tags of gateways, our reference."""

import re
import unicodedata
from functools import lru_cache

LONGEST_KEY = 250  # characters; the rest of a subject never tells two threads apart
_LONGEST_SUBJECT = 2000

# Reply and forward prefixes: French, English, German, Scandinavian, Dutch, Italian, Spanish, Portuguese.
_PREFIXES = (
    "re", "ré", "rép", "réponse", "tr", "fw", "fwd", "aw", "antw", "wg", "sv", "vs", "vb", "rv", "i", "res", "enc",
)  # fmt: skip
# "Re:", "RE :" with a no-break space before the colon, "Re[2]:", "Re(2):", "Re^2:"
_PREFIX = (
    rf"(?:{'|'.join(sorted(_PREFIXES, key=len, reverse=True))})(?:\s?\[\d{{1,3}}\]|\(\d{{1,3}}\)|\^\d{{1,3}})?\s*+[:：]"
)
# requests.REFERENCE_ALPHABET, spelled out: the layers don't let a subject know what a request is.
_REFERENCE = r"[\[(]?\bMW-[0-9A-HJKMNP-TV-Z]{6}\b[\])]?"
_ANY_REFERENCE = re.compile(_REFERENCE, re.IGNORECASE)


@lru_cache(maxsize=64)
def _compile(tags: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """(everything that may stand before the subject proper, a prefix with what may stand before it)."""
    tag = "|".join([_REFERENCE, *(re.escape(tag) for tag in tags if tag)])
    head = re.compile(rf"(?:\s|{tag}|{_PREFIX})*+", re.IGNORECASE)
    return head, re.compile(rf"(?:\s|{tag})*+{_PREFIX}", re.IGNORECASE)


def subject_key(subject: str, tags: tuple[str, ...] = ()) -> str:
    """The subject as threads compare it: without prefixes (fr, en, de, es, …), tags, references; lower case."""
    head, _ = _compile(tags)
    subject = unicodedata.normalize("NFC", subject[:_LONGEST_SUBJECT])
    rest = _ANY_REFERENCE.sub(" ", subject[_end(head, subject) :])
    return " ".join(rest.casefold().split())[:LONGEST_KEY].rstrip()


def has_reply_prefix(subject: str, tags: tuple[str, ...] = ()) -> bool:
    """Whether the subject begins with Re:, RE :, TR:, AW:, … once external tags are off."""
    _, prefix = _compile(tags)
    return prefix.match(unicodedata.normalize("NFC", subject[:_LONGEST_SUBJECT])) is not None


def _end(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0
