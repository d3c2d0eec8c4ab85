"""On which line of a TOML file each key stands. tomllib keeps no positions, so the text is walked once more.

The walk relies on tomllib having accepted the text (TOML 1.0): it follows structure and checks nothing. Paths are
those of the parsed value: names, and indexes from 0 for arrays and arrays of tables.
"""

import re
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t\r\n]*(?:#[^\n]*[ \t\r\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")  # numbers, booleans, dates: up to what can end a value
_STRINGS = (
    # Multi-line ones may end in up to two quotes of their own before the closing three.
    re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def locate_keys(text: str) -> dict[Path, int]:
    """Line (from 1) of every key, table header and array element of a text that tomllib accepts."""
    return _Walk(text).document()


def find_line(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of a path, else of the nearest table or key round it: a missing key stands nowhere."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Walk:
    """A position in the text, and what was found before it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}  # how many tables each array of tables has so far
        self._line, self._line_at = 1, 0  # the line of the last question, so that the text is counted once

    def document(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.lines

    def header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path that the keys after it stand under."""
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        self.skip(_SPACE)
        path = self.inside_arrays(self.key(), whole=not is_array)
        for length in range(1, len(path) + 1):  # `[imap.main]` makes `imap` too
            self.note(path[:length])
        if is_array:
            self.counts[path] = self.counts.get(path, 0) + 1
            path = (*path, self.counts[path] - 1)
        self.note(path)
        self.skip(_SPACE)
        self.at += 2 if is_array else 1
        return path

    def inside_arrays(self, key: Path, whole: bool) -> Path:
        """`[a.b]` below `[[a]]` means the last of them."""
        path: Path = ()
        for depth, part in enumerate(key):
            path = (*path, part)
            if path in self.counts and (whole or depth < len(key) - 1):
                path = (*path, self.counts[path] - 1)
        return path

    def pair(self, table: Path) -> None:
        """`key = value`."""
        start = self.at
        path = table
        for part in self.key():
            path = (*path, part)
            self.note(path, start)
        self.skip(_SPACE)
        self.at += 1  # =
        self.skip(_SPACE)
        self.value(path)

    def key(self) -> Path:
        """Bare, quoted and dotted keys."""
        parts = [self.key_part()]
        self.skip(_SPACE)
        while self.text.startswith(".", self.at):
            self.at += 1
            self.skip(_SPACE)
            parts.append(self.key_part())
            self.skip(_SPACE)
        return tuple(parts)

    def key_part(self) -> str:
        if self.text[self.at] == '"':
            return re.sub(r"\\(u.{4}|U.{8}|.)", _unescaped, self.string()[1:-1])
        return self.string()[1:-1] if self.text[self.at] == "'" else self.take(_BARE)

    def value(self, path: Path) -> None:
        first = self.text[self.at]
        if first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        elif first in "\"'":
            self.string()
        else:
            self.take(_SCALAR)

    def array(self, path: Path) -> None:
        """`[value, value,]`, over several lines if need be."""
        self.at += 1
        index = 0
        self.skip(_BLANK)
        while self.text[self.at] != "]":
            self.note((*path, index))
            self.value((*path, index))
            index += 1
            self.skip_comma()
        self.at += 1

    def inline_table(self, path: Path) -> None:
        """`{ key = value, … }`."""
        self.at += 1
        self.skip(_BLANK)
        while self.text[self.at] != "}":
            self.pair(path)
            self.skip_comma()
        self.at += 1

    def skip_comma(self) -> None:
        self.skip(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
            self.skip(_BLANK)

    def string(self) -> str:
        for pattern in _STRINGS:
            if found := pattern.match(self.text, self.at):
                self.at = found.end()
                return found[0]
        raise AssertionError("tomllib accepts no other string")

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        assert found, "tomllib accepts nothing else here"
        self.at = found.end()
        return found[0]

    def skip(self, pattern: re.Pattern[str]) -> None:
        self.at = pattern.match(self.text, self.at).end()  # type: ignore[union-attr]  # both match emptiness

    def note(self, path: Path, at: int | None = None) -> None:
        at = self.at if at is None else at
        if at < self._line_at:
            self._line, self._line_at = 1, 0
        self._line += self.text.count("\n", self._line_at, at)
        self._line_at = at
        self.lines.setdefault(path, self._line)


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    return chr(int(escape[1:], 16)) if escape[0] in "uU" else _ESCAPES[escape]
