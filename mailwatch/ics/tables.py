"""Absences from a table (CSV), as a spreadsheet saves it in French or in English: everything that is wrong, at once.

The first line names the columns, in any order; the delimiter is the one it uses. Dates are 2026-12-07 or 07/12/2026,
the day first, since Excel in French writes them so; 12/07 is never guessed to be July.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mailwatch.domain.addresses import parse_address
from mailwatch.domain.languages import Language
from mailwatch.domain.outings import FoundAbsence
from mailwatch.ics.lines import decode
from mailwatch.ics.moments import FIRST_YEAR, LAST_YEAR
from mailwatch.ics.wording import TableProblem

MAX_TABLE_BYTES = 2**20  # ten thousand absences with their texts
MAX_ROWS = 20_000
MAX_CELL = 10_000  # characters

_COLUMNS = {
    "who": ("who", "qui", "personne", "courriel", "email"),
    "away_from": ("away_from", "absent_du", "absente_du", "absence_du", "depart", "du"),
    "returns_on": ("returns_on", "retour_le", "de_retour_le", "retour"),
    "delegate": ("delegate", "remplacement", "remplacant", "remplacante"),
    "audience": ("audience", "public"),
    "text_fr": ("text_fr", "texte_fr"),
    "text_en": ("text_en", "texte_en"),
    "note": ("note", "remarque"),
}
_NAMES = {name: column for column, names in _COLUMNS.items() for name in names}
_REQUIRED = ("who", "away_from")
_AUDIENCES = {
    "": "all",
    "all": "all",
    "tous": "all",
    "internal": "internal",
    "internes": "internal",
    "interne": "internal",
    "external": "external",
    "externes": "external",
    "externe": "external",
}
_DELIMITERS = ";\t,"
_FORMATS = ("%Y-%m-%d", "%d/%m/%Y")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?/\d\d?/\d{4}", re.ASCII)
_ACCENTS = str.maketrans("éèêàçô’' -", "eeeaco____")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTable:
    """What a table says. With any problem, nothing of it should be imported."""

    absences: tuple[FoundAbsence, ...]
    problems: tuple[TableProblem, ...]


def parse_table(data: bytes) -> ReadTable:
    """The absences of a table, or all its problems. Blank lines are nothing."""
    if len(data) > MAX_TABLE_BYTES:
        return _refused("table_too_large", value=str(MAX_TABLE_BYTES // 2**20))
    try:
        rows = list(_rows(decode(data)))
    except csv.Error:
        return _refused("table_broken")
    if not rows:
        return _refused("table_empty")
    if len(rows) > MAX_ROWS:
        return _refused("table_too_long", value=str(MAX_ROWS))
    return _Table(*rows[0]).read(rows[1:])


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that isn't blank, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    for row in reader:
        cells = [cell.replace("\r\n", "\n").strip() for cell in row]
        if any(cells):
            yield line, cells
        line = reader.line_num + 1


def _refused(kind: str, *, value: str = "") -> ReadTable:
    return ReadTable(absences=(), problems=(TableProblem(line=1, kind=kind, value=value),))


def _delimiter(text: str) -> str:
    """The one that the first line uses most."""
    first = text.lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


class _Table:
    """A table while it is read."""

    def __init__(self, line: int, header: list[str]) -> None:
        self.problems: list[TableProblem] = []
        self.seen: dict[str, int] = {}
        self.columns: list[str] = []
        for name in header:
            self.columns.append(self._column(line, name))
        for column in _REQUIRED:
            if column not in self.columns:
                self._report(line, "column_missing", column)

    def read(self, rows: list[tuple[int, list[str]]]) -> ReadTable:
        if self.problems:
            return ReadTable(absences=(), problems=tuple(self.problems))
        absences = [absence for line, cells in rows if (absence := self._row(line, cells))]
        return ReadTable(absences=() if self.problems else tuple(absences), problems=tuple(self.problems))

    def _column(self, line: int, name: str) -> str:
        """ "" for a column without a name: spreadsheets add such."""
        column = _NAMES.get(name.lower().replace("(e)", "").translate(_ACCENTS), "")
        if name and not column:
            self.problems.append(TableProblem(line=line, kind="column_unknown", value=name, known=", ".join(_COLUMNS)))
        elif column in self.columns and column:
            self._report(line, "column_twice", name)
        return column

    def _row(self, line: int, cells: list[str]) -> FoundAbsence | None:
        before = len(self.problems)
        if any(cells[len(self.columns) :]):
            self._report(line, "cells")
        row = {column: cell for column, cell in zip(self.columns, cells, strict=False) if column}
        absence = self._absence(line, row)
        if absence and (first := self.seen.setdefault(absence.uid, line)) != line:
            self._report(line, "same_twice", str(first))
        return absence if len(self.problems) == before else None

    def _absence(self, line: int, row: Mapping[str, str]) -> FoundAbsence | None:
        who = self._address(line, row.get("who", ""), "who_missing")
        delegate = self._address(line, row.get("delegate", ""))
        away_from = self._date(line, row.get("away_from", ""), "away_from_missing")
        returns_on = self._date(line, row.get("returns_on", ""))
        audience = _AUDIENCES.get(row.get("audience", "").casefold())
        if audience is None:
            self._report(line, "audience", row["audience"])
        if who and who == delegate:
            self._report(line, "own_delegate", who)
        if away_from and returns_on and returns_on <= away_from:
            self._report(line, "reversed", row["returns_on"])
        if not who or not away_from:
            return None
        return FoundAbsence(
            uid=f"{who}/{away_from:%Y%m%d}",
            who=who,
            away_from=away_from,
            returns_on=returns_on,
            delegate=delegate,
            audience=audience or "all",
            note=row.get("note", "")[:MAX_CELL],
            text=dict(_texts(row)),
        )

    def _address(self, line: int, text: str, missing: str = "") -> str:
        address = parse_address(text) if text else None
        if text and not (address and "." in address.domain):
            self._report(line, "address", text)
        elif not text and missing:
            self._report(line, missing)
        return address.key if address else ""

    def _date(self, line: int, text: str, missing: str = "") -> date | None:
        found = _parse_date(text)
        if text and not found:
            self._report(line, "date", text)
        elif not text and missing:
            self._report(line, missing)
        return found

    def _report(self, line: int, kind: str, value: str = "") -> None:
        self.problems.append(TableProblem(line=line, kind=kind, value=value))


def _texts(row: Mapping[str, str]) -> Iterator[tuple[Language, str]]:
    for language in Language:
        if text := row.get(f"text_{language}", ""):
            yield language, text[:MAX_CELL]


def _parse_date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        day = datetime.strptime(text, _FORMATS["/" in text]).replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None
