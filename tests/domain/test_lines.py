"""A stranger's words on one line."""

import json

from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.lines import dump_line, printable

HOSTILE = "\x1b]0;ha\x07 \x9b2J \x85 \u2028 \u2029 \u202etxt.exe \u2066x\u2069 \u061c \r\n\0"


def harmless(line: str) -> bool:
    """One line, by anybody's count, without what a terminal obeys or what turns the writing round."""
    return len(line.splitlines()) < 2 and not any(c < " " or "\x7f" <= c <= "\x9f" or c in "\u202e\u2066" for c in line)


@given(st.text() | st.just(HOSTILE))
def test_any_text_becomes_one_harmless_line(text: str) -> None:
    assert harmless(printable(text))


def test_what_people_write_is_shown_as_it_is() -> None:
    assert printable("Élève « Noël » : 10 € 👩‍🏫 سلام") == "Élève « Noël » : 10 € 👩‍🏫 سلام"


@given(st.dictionaries(st.text(), st.text() | st.just(HOSTILE)))
def test_any_json_is_one_harmless_line_that_says_the_same(value: dict[str, str]) -> None:
    line = dump_line(value)

    assert harmless(line)
    assert json.loads(line) == value
