"""One line of text stays one, and harmless, wherever a stranger's words are shown to people or to programs."""

import json
import re
from collections.abc import Callable
from typing import Any

# What a terminal obeys instead of showing (C0, DEL, C1), what many programs take for the end of a line (U+0085,
# U+2028, U+2029), and the marks that turn the direction of writing, by which a line could be made to read as another.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_RUNS = re.compile(f"{_OBEYED.pattern}+")


def printable(text: str) -> str:
    """A stranger's text as one harmless line."""
    return _RUNS.sub(" ", text)


def dump_line(value: object, *, default: Callable[[Any], Any] | None = None) -> str:
    """JSON on one harmless line, that says the same: JSON itself escapes only the C0 controls."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False, default=default))
