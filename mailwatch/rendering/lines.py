"""Words that others wrote, as harmless lines: of strangers, of colleagues, of the configuration."""

import re
import unicodedata

MAX_SHOWN = 140  # characters of a stranger's subject or sender: enough to know it by

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # what could end a header line
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_UNSEEN = frozenset({"Cf", "Cs"})  # also the marks that turn the direction of writing
_JOINERS = "\u200c\u200d"  # Persian and emoji need these two


def one_line(text: str) -> str:
    """Text without anything that could end a header line."""
    return _CONTROLS.sub(" ", text).strip()


def split_lines(text: str) -> tuple[str, ...]:
    """A colleague's words line by line; blank ones only between others."""
    return tuple(map(one_line, text.strip().splitlines()))


def quiet(text: str) -> str:
    """A stranger's words as one harmless line: nothing that ends a line, is invisible, or turns the writing round."""
    shown = (" " if _category(each) in _BREAKS else each for each in text[: 4 * MAX_SHOWN])
    line = " ".join("".join(each for each in shown if _category(each) not in _UNSEEN or each in _JOINERS).split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1].rstrip() + "…"


def _category(character: str) -> str:
    return unicodedata.category(character)
