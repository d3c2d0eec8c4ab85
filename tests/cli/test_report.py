"""`mailwatch report`: the November of tests/store/november.py in every form and both languages."""

import asyncio
import csv
import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cli.program import ROOT, Done, Program, plain
from golden_files import assert_golden
from store.november import FORMER, INSCRIPTIONS, NOVEMBER, OTHER, november, play

from mailwatch.cli.report_forms import as_csv, as_json
from mailwatch.clock import MovableClock
from mailwatch.domain.figures import Figures, Report, Scope, ScopeKind
from mailwatch.store import migration
from mailwatch.store.store import open_store

AS_OF = "2026-12-01T12:00"
CONFIG = f"""
[organisation]
name = "Conseil scolaire catholique MonAvenir"
timezone = "America/Toronto"
languages = ["fr", "en"]
domains = ["cscmonavenir.example"]

[database]
url = "sqlite:///mailwatch.db"

[calendar]
country = "CA"
subdivision = "ON"
hours = ["08:30-12:00", "13:00-16:30"]

[smtp]
host = "smtp.example.org"
port = 587
security = "starttls"
username = "mailwatch"
password = {{ env = "SMTP_PASSWORD" }}

[imap.main]
host = "imap.example.org"
port = 993
security = "tls"

[[people]]
email = "marie.tremblay@cscmonavenir.example"
name = "Marie Tremblay"

[[mailbox]]
address = "{INSCRIPTIONS}"
name = {{ fr = "Service des inscriptions" }}
kind = "shared"
imap = "main"
username = "inscriptions"
password = {{ env = "IMAP_PASSWORD" }}
owners = ["marie.tremblay@cscmonavenir.example"]
department = "Inscriptions"

[[mailbox]]
address = "{OTHER}"
name = {{ fr = "Bibliothèque" }}
kind = "shared"
imap = "main"
username = "bibliotheque"
password = {{ env = "IMAP_PASSWORD" }}
owners = ["marie.tremblay@cscmonavenir.example"]
department = "Bibliothèque"
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose database holds that November; the command only reads it."""
    folder = tmp_path_factory.mktemp("report")
    url = f"sqlite+aiosqlite:///{folder / 'mailwatch.db'}"

    async def fill() -> None:
        await migration.upgrade(url)
        clock = MovableClock(november(0, "12:00"))
        store = open_store(url, clock)
        await store.open()
        await play(store, clock)
        await store.close()

    asyncio.run(fill())
    path = folder / "mailwatch.toml"
    path.write_text(CONFIG, "utf-8")
    return path


class Call:
    """`report("--format", "csv")`, of that November unless `month` says otherwise."""

    def __init__(self, program: Program, config: Path) -> None:
        self._program = program
        self._config = config

    def __call__(self, *options: str, month: str = "2026-11", as_of: str = AS_OF, lang: str = "en") -> Done:
        arguments = ("report", "--month", month, "--as-of", as_of, *options)
        return self._program(*arguments, config=self._config, lang=lang)


@pytest.fixture
def report(program: Program, config: Path) -> Call:
    return Call(program, config)


# --- every form -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("form", ["text", "html"])
def test_what_people_read_is_kept_whole(report: Call, form: str, lang: str) -> None:
    done = report("--format", form, lang=lang)
    assert (done.code, done.err) == (0, "")
    assert_golden(f"report.{lang}.{'txt' if form == 'text' else form}", done.out.encode())


@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_machines_read_is_kept_whole_and_the_same_in_every_language(report: Call, form: str) -> None:
    english, french = (report("--format", form, lang=lang) for lang in ("en", "fr"))
    assert english == french
    assert (english.code, english.err) == (0, "")
    assert_golden(f"report.{form}", english.out.encode())


def test_csv_opens_with_one_header_row_and_has_one_for_every_scope(report: Call) -> None:
    rows = list(csv.DictReader(io.StringIO(report("--format", "csv").out)))
    assert [(row["scope"], row["name"], row["department"]) for row in rows] == [
        ("mailbox", FORMER, ""),
        ("mailbox", OTHER, "Bibliothèque"),
        ("mailbox", INSCRIPTIONS, "Inscriptions"),
        ("department", "Bibliothèque", "Bibliothèque"),
        ("department", "Inscriptions", "Inscriptions"),
        ("total", "", ""),
    ]
    assert all(len(row) == len(rows[0]) and None not in row for row in rows)
    total = rows[-1]
    assert (total["acknowledged_met"], total["acknowledged_of"], total["acknowledged_percent"]) == ("12", "14", "85.7")
    assert (total["business_minutes_median"], total["elapsed_minutes_p90"]) == ("840", str(175 * 60 + 31))
    assert (total["suppressed"], total["suppressed_by"]) == ("3", "elsewhere=1 forwarded=2")
    assert rows[0]["answered_percent"] == rows[0]["elapsed_minutes_p90"] == ""
    assert total["as_of"] == "2026-12-01T12:00:00-05:00"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_in_the_csv_is_no_formula_for_a_spreadsheet(name: str) -> None:
    scope = Scope(kind=ScopeKind.DEPARTMENT, name=name, department=name, figures=Figures())
    found = Report(month=NOVEMBER, as_of=november(30, "12:00"), scopes=(scope,))
    (row,) = csv.DictReader(io.StringIO(as_csv(found)))
    assert (row["name"], row["department"]) == (f"'{name}", f"'{name}")
    assert json.loads(as_json(found, "x"))["scopes"][0]["name"] == name


def test_csv_and_json_say_the_same(report: Call) -> None:
    rows = list(csv.DictReader(io.StringIO(report("--format", "csv").out)))
    scopes = json.loads(report("--format", "json").out)["scopes"]
    for row, scope in zip(rows, scopes, strict=True):
        flat = {"suppressed": sum(scope.pop("suppressed").values())} | flattened(scope)
        assert {name: "" if value is None else str(value) for name, value in flat.items()} == {
            name: value for name, value in row.items() if name not in ("month", "as_of", "suppressed_by")
        }


def flattened(scope: Mapping[str, Any]) -> dict[str, object]:
    """Objects inside as their members, named after both."""
    flat: dict[str, object] = {}
    for name, value in scope.items():
        flat |= {f"{name}_{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def test_every_column_and_every_member_is_defined(report: Call) -> None:
    text = (ROOT / "docs/report.md").read_text("utf-8")
    columns = report("--format", "csv").out.splitlines()[0].split(",")
    members = json.loads(report("--format", "json").out)["scopes"][0]
    assert [name for name in [*columns, *members] if f"`{name}`" not in text] == []


# --- the schema of the JSON -------------------------------------------------------------------------------------------

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/report.schema.json").read_text("utf-8"))
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
SAID = {"$schema", "title", "description", "$defs"}  # what forbids nothing
KNOWN = {"$ref", "type", "const", "enum", "pattern", "minimum", "maximum", "minItems", "items"} | SAID
KNOWN |= {"required", "properties", "additionalProperties"}


def faults(value: Any, schema: Mapping[str, Any], path: str = "$") -> list[str]:
    """Where a value breaks a schema that uses only what ours does."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        return faults(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path)
    if "type" in schema and not has_type(value, schema["type"]):
        return [f"{path}: not {schema['type']}"]
    is_wrong = (
        ("const" in schema and value != schema["const"])
        or ("enum" in schema and value not in schema["enum"])
        or ("pattern" in schema and not re.search(schema["pattern"], value))
        or ("minimum" in schema and value is not None and value < schema["minimum"])
        or ("maximum" in schema and value is not None and value > schema["maximum"])
        or ("minItems" in schema and len(value) < schema["minItems"])
    )
    found = [f"{path}: {value!r}"] if is_wrong else []
    if isinstance(value, list):
        found += [fault for n, one in enumerate(value) for fault in faults(one, schema["items"], f"{path}[{n}]")]
    if isinstance(value, dict):
        found += [f"{path}: no {name}" for name in schema.get("required", ()) if name not in value]
        for name, one in value.items():
            below = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
            found += [f"{path}.{name}: unexpected"] if below is False else faults(one, below, f"{path}.{name}")
    return found


def has_type(value: object, names: str | list[str]) -> bool:
    """JSON tells true from 1."""
    names = [names] if isinstance(names, str) else names
    if isinstance(value, bool):
        return "boolean" in names
    return any(name != "boolean" and isinstance(value, TYPES[name]) for name in names)


@pytest.mark.parametrize("month", ["2026-11", "2026-01"])
def test_json_keeps_to_its_schema(report: Call, month: str) -> None:
    assert faults(json.loads(report("--format", "json", month=month).out), SCHEMA) == []


def test_the_schema_finds_what_is_wrong(report: Call) -> None:
    value = json.loads(report("--format", "json").out)
    value |= {"schema": 2, "as_of": "yesterday", "surplus": 1}
    value["scopes"][0] |= {"scope": "person", "received": -1, "answers": 1.5, "suppressed": {"x": "1"}}
    value["scopes"][1]["answered"]["percent"] = 100.1
    del value["scopes"][2]["silent"]["spam"]
    assert sorted(fault.partition(":")[0] for fault in faults(value, SCHEMA)) == [
        "$.as_of",
        "$.schema",
        "$.scopes[0].answers",
        "$.scopes[0].received",
        "$.scopes[0].scope",
        "$.scopes[0].suppressed.x",
        "$.scopes[1].answered.percent",
        "$.scopes[2].silent",
        "$.surplus",
    ]


# --- the page ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Every element with its attributes, and whether they are closed in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_page_stands_alone_and_its_tables_can_be_heard(report: Call, lang: str) -> None:
    page = Page(report("--format", "html", lang=lang).out)
    tags = [tag for tag, _ in page.elements]
    assert page.elements[0] == ("html", {"lang": lang})
    names = [attributes.get("aria-labelledby") for tag, attributes in page.elements if tag == "table"]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert names == [None, *ids]  # the overview, which has a caption, and six scopes
    assert (len(names), tags.count("caption")) == (7, 1)
    assert {attributes.get("scope") for tag, attributes in page.elements if tag == "th"} == {"row", "col"}
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert [attributes for _, attributes in page.elements if {"src", "href"} & attributes.keys()] == []


def test_the_page_escapes_what_the_configuration_says(report: Call, config: Path, program: Program) -> None:
    sly = config.with_name("sly.toml")
    sly.write_text(CONFIG.replace('"Inscriptions"', '"<b>A & B</b>"').replace("MonAvenir", "<i>"), "utf-8")
    done = program("report", "--month", "2026-11", "--as-of", AS_OF, "--format", "html", config=sly)
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in done.out
    assert "<b>" not in done.out
    assert "<i>" not in done.out


# --- which figures ----------------------------------------------------------------------------------------------------


def test_a_single_mailbox_is_told_once(report: Call) -> None:
    lines = report("--mailbox", OTHER.upper()).lines
    assert lines[:5] == [
        "Conseil scolaire catholique MonAvenir",
        "Service standards: November 2026",
        "As things stood on Tuesday, December 1, 2026, 12:00 p.m. (America/Toronto).",
        "",
        OTHER,
    ]
    assert "Total" not in lines


def test_a_few_are_told_as_a_fraction_first(report: Call) -> None:
    text = plain(report("--mailbox", OTHER, lang="fr").out)
    assert "3 sur 3 (100,0 %)" in text
    assert "85,7 % (12 sur 14)" in plain(report(lang="fr").out)


def test_a_department_is_found_whatever_its_case(report: Call) -> None:
    rows = list(csv.DictReader(io.StringIO(report("--department", "bibliothèque", "--format", "csv").out)))
    assert [(row["scope"], row["received"]) for row in rows] == [("mailbox", "3"), ("department", "3"), ("total", "3")]


def test_a_mailbox_that_left_the_configuration_can_still_be_asked_for(report: Call) -> None:
    assert [row["received"] for row in csv.DictReader(report("--mailbox", FORMER, "--format", "csv").out.split("\n"))]


@pytest.mark.parametrize(
    ("lang", "expected"),
    [("en", "No request was received in January 2026."), ("fr", "Aucune demande reçue au mois de janvier 2026.")],
)
def test_an_empty_month_says_so(report: Call, lang: str, expected: str) -> None:
    assert expected in plain(report(month="2026-01", lang=lang).out)
    assert expected in plain(report("--format", "html", month="2026-01", lang=lang).out)


def test_it_says_when_in_words(report: Call) -> None:
    assert "Situation du mardi 1er décembre 2026 à 12 h (America/Toronto)." in report(lang="fr").lines
    assert "As things stood on Wednesday, December 2, 2026, 8:05 a.m. (America/Toronto)." in (
        report(as_of="2026-12-02T08:05").lines
    )


def test_french_elides_before_a_vowel(report: Call) -> None:
    assert "au mois d'avril 2026." in plain(report(month="2026-04", lang="fr").out)


def test_a_month_that_isn_t_over_is_provisional(report: Call) -> None:
    assert "Provisional: the month was not over then." in report(as_of="2026-11-30T23:59").lines
    assert "Provisional: the month was not over then." not in report(as_of="2026-12-01").lines
    assert "Chiffres provisoires : le mois n'était pas terminé." in report(as_of="2026-11-11", lang="fr").lines


def test_without_an_instant_the_figures_are_those_of_now_and_can_be_asked_for_again(
    program: Program, config: Path, report: Call
) -> None:
    now = program("report", "--month", "2026-01", "--format", "json", config=config)
    assert report("--format", "json", month="2026-01", as_of=json.loads(now.out)["as_of"]).out == now.out


# --- bad usage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "english", "french"),
    [
        (("--month", "2026-13"), "expected a month such as", "attendu, un mois tel que"),
        (("--month", "2026-11", "--as-of", "soon"), "'soon': expected ISO 8601", "'soon' : ISO 8601 attendu"),
        (
            ("--month", "2026-11", "--mailbox", "x@y.example"),
            f"no mailbox x@y.example; there are: {FORMER}, {OTHER}, {INSCRIPTIONS}",
            f"boîte x@y.example inconnue ; il y a : {FORMER}",
        ),
        (
            ("--month", "2026-11", "--department", "Finance"),
            "no department 'Finance'; the configuration has: Bibliothèque, Inscriptions",
            "service 'Finance' inconnu ; la configuration contient : Bibliothèque, Inscriptions",
        ),
        (
            ("--month", "2026-11", "--department", "Inscriptions", "--mailbox", OTHER),
            "--mailbox or --department, not both",
            "--mailbox ou --department, pas les deux",
        ),
        ((), "Missing option '--month'", "il manque --month"),
    ],
)
def test_bad_usage_says_what_was_expected_and_ends_with_two(
    program: Program, config: Path, arguments: tuple[str, ...], english: str, french: str
) -> None:
    for lang, expected in (("en", english), ("fr", french)):
        done = program("report", *arguments, config=config, lang=lang)
        assert (done.code, done.out) == (2, "")
        assert expected in plain(done.err)
