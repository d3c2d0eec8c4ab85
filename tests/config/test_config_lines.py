"""The walk over the text finds what tomllib finds, and where it stands."""

import tomllib
from typing import Any

import pytest
from config_files import CONFIGS, EXAMPLE

from mailwatch.config.locate import Path, find_line, locate_keys

TRICKY = r'''
a = 1 # [not.a.table]
"b.c" = "x = 1 # no comment"
'd'.e."\u00e9" = 'C:\'
f = """
[no] "quotes" \""" = 1
four = ""
""""
g = \'\'\'
[[no]]''\'\'\'
h = [ # comment ]
  1, "]",
  { i = [1,
         2], j.k = 3 }, # ,
  [ ],
]
empty = {}
when = 1979-05-27 07:32:00
[t]
x = 0x1F
[[l]]
n = 1
[l.sub]
m = 1
[[l]]
n = 2
[[l.deep]]
o = 1
[[l.deep]]
o = 2
[ l . "odd key" ]
p = 1
'''.replace("\\'", "'")


def paths_of(value: Any, path: Path = ()) -> set[Path]:
    """Every path of a parsed value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [paths_of(each, (*path, key)) for key, each in items]
    return set().union({path} if path else set(), *inner)


@pytest.mark.parametrize(
    "text",
    [TRICKY, *(path.read_text("utf-8") for path in [EXAMPLE, *sorted(CONFIGS.glob("good/*.toml"))])],
)
def test_every_key_that_tomllib_reads_has_a_line(text: str) -> None:
    assert set(locate_keys(text)) == paths_of(tomllib.loads(text))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("b.c",), 3),
        (("d", "e", "é"), 4),
        (("f",), 5),
        (("g",), 9),
        (("h", 1), 12),
        (("h", 2, "i", 1), 14),
        (("h", 2, "j", "k"), 14),
        (("h", 3), 15),
        (("empty",), 17),
        (("t", "x"), 20),
        (("l",), 21),
        (("l", 0, "n"), 22),
        (("l", 0, "sub", "m"), 24),
        (("l", 1), 25),
        (("l", 1, "deep", 1, "o"), 30),
        (("l", 1, "odd key", "p"), 32),
    ],
)
def test_a_key_is_found_on_its_line(path: Path, line: int) -> None:
    assert line == locate_keys(TRICKY)[path]


def test_a_missing_key_is_told_at_its_table() -> None:
    assert find_line(locate_keys("\n[a]\nb = 1\n"), ("a", "c")) == 2


def test_what_stands_nowhere_has_no_line() -> None:
    assert find_line({}, ("a",)) is None
