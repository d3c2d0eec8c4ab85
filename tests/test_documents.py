"""The documents say what the program does: commands, events, kinds, rules are all there; links lead somewhere."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from mailwatch.cli import COMMANDS, cli
from mailwatch.config import load_config
from mailwatch.config.model import Document
from mailwatch.config.references import list_dangling
from mailwatch.domain.answers import FLAG_CONFIDENCE, Evidence
from mailwatch.domain.classification import Kind
from mailwatch.domain.escalations import Standing
from mailwatch.domain.incidents import TroubleKind
from mailwatch.domain.requests import EventKind, State
from mailwatch.domain.rules import RULES
from mailwatch.domain.threads import CONFIDENCE
from mailwatch.services.narrate import SUSPICION_CONFIDENCE

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.fr.md")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")]
)
BUILT = {"bench/RESULTS.md"}  # written by a command, so perhaps not there yet

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# A sign that French sets off by a no-break space stands behind a plain one, or could begin a line.
LOOSE_SIGN = re.compile(r"\S*[ \n][;:!?»](?=[\s\"|)]|$)|«[ \n]\S*")
# Hosts that only serve packages, and paths of the machine on which this was written: neither is anybody's business.
REGISTRY = re.compile(r"pypi|pythonhosted|registry\.npmjs|proxy\.golang|/s[i]mple/|--index-url|find-links", re.I)
PRIVATE_PAGE = re.compile(r"\bDESIGN\b|\bLESSONS\.md|\bthe number in the design\b")  # working papers nobody else has
PRIVATE_PATH = re.compile(r"/work/|/home/\w+/|/root/|/Users/\w+/")
TEXTS = {".py", ".md", ".txt", ".toml", ".html", ".conf", ".cf", ".ini", ".eml", ".yml", ".mako", ""}
NOT_OURS = {
    ".git",
    ".venv",
    "build",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
    "uv.lock",
}


def read(name: str) -> str:
    """A document of the repository."""
    return (ROOT / name).read_text("utf-8")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that can be called, as words: ("calendar", "due")."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def examples(document: str) -> list[Mapping[str, Any]]:
    """Every piece of configuration in a document, parsed."""
    return [tomllib.loads(code) for language, code in FENCE.findall(read(document)) if language == "toml"]


def completed(example: Mapping[str, Any]) -> dict[str, Any]:
    """A piece of configuration, and what it leaves out as in the README's first one."""
    whole: dict[str, Any] = dict(examples("README.md")[0])
    for name, value in example.items():
        given = whole.get(name)
        if isinstance(value, list) and isinstance(given, list):
            own = {each.get("address") for each in value}
            whole[name] = [each for each in given if each.get("address") not in own] + value
        else:
            whole[name] = {**given, **value} if isinstance(given, dict) else value
    return whole


def calls(document: str) -> Iterator[list[str]]:
    """Every call of the program in a document, as words: in back-ticks, and on lines of code."""
    text = read(document)
    spans = re.findall(r"`mailwatch\s+([^`]+)`", FENCE.sub("", text))
    lines = (
        re.match(r"(?:/\S+/)?mailwatch (.+)", line) for _, code in FENCE.findall(text) for line in code.split("\n")
    )
    for call in (*spans, *(line[1] for line in lines if line)):
        yield re.sub(r'"[^"]*"|#.*|[][]', " ", call).split()


def find_misuse(words: list[str]) -> str:
    """What the program wouldn't understand of a call; options may stand anywhere, `a|b` is one or the other."""
    reached: list[click.Command] = [cli]
    for word in words:
        names = word.split("|")
        if word.startswith("--"):
            known = {option for command in (cli, *reached) for each in command.params for option in each.opts}
            if word not in known:
                return word
        elif groups := [command for command in reached if isinstance(command, click.Group)]:
            found = [each.get_command(click.Context(each), name) for each in groups for name in names]
            if None in found:
                return word
            reached = [command for command in found if command is not None]
    return ""


def repository_texts() -> Iterator[Path]:
    """Every text file of the repository that people wrote."""
    for path in ROOT.rglob("*"):
        if path.is_file() and path.suffix in TEXTS and not NOT_OURS & set(path.relative_to(ROOT).parts):
            yield path


def names_of(pattern: re.Pattern[str]) -> list[str]:
    """`path: match` of every text that a pattern finds; this module, which holds the patterns, is left out."""
    return [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in repository_texts()
        if path != Path(__file__) and (found := pattern.search(path.read_text("utf-8", "replace")))
    ]


def anchors(text: str) -> set[str]:
    """The fragments that the headings of a Markdown text can be linked by."""
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("readme", READMES)
def test_each_command_is_in_the_readme(readme: str) -> None:
    text = read(readme)

    assert [" ".join(words) for words in commands(cli) if f"mailwatch {' '.join(words)}" not in text] == []


def test_every_command_says_what_it_does() -> None:
    context = click.Context(cli)

    assert [name for name in COMMANDS if not (cli.get_command(context, name) or click.Command("")).help] == []


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_names_no_command_that_is_not_there(readme: str) -> None:
    first_words = set(re.findall(r"`mailwatch ([a-z]+)", read(readme)))

    assert first_words <= set(COMMANDS)


def test_the_two_readmes_have_the_same_shape() -> None:
    """Headings, code and tables of one have a counterpart in the other."""
    english, french = (
        [re.match(r"#+|```|\||- ", line)[0] for line in read(name).splitlines() if re.match(r"#+ |```|\||- ", line)]  # type: ignore[index]  # matched twice
        for name in READMES
    )

    assert english == french


def test_the_examples_of_the_readme_are_the_same_in_both_languages() -> None:
    english, french = (re.findall(r"```(?:toml|ini)\n(.*?)```", read(name), re.DOTALL) for name in READMES)

    assert english == french


def test_the_readme_s_configuration_loads(tmp_path: Path) -> None:
    path = tmp_path / "mailwatch.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", read("README.md"), re.DOTALL)[0], "utf-8")

    config = load_config(path)

    assert [mailbox.address for mailbox in config.mailboxes()] == ["inscriptions@cscmonavenir.example"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_piece_of_configuration_is_valid(document: str) -> None:
    for example in examples(document):
        whole = completed(example)

        Document.model_validate(whole)
        assert list_dangling(whole) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_call_of_the_program_is_one_it_understands(document: str) -> None:
    assert [" ".join(words) for words in calls(document) if find_misuse(words)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_line_breaks_before_a_french_sign(document: str) -> None:
    """Colons and the like that a blank precedes are French wherever they stand."""
    assert LOOSE_SIGN.findall(re.sub(r"`[^`]*`", "x", FENCE.sub("", read(document)))) == []


def test_every_event_is_in_the_glossary() -> None:
    text = read("docs/glossary.md")

    assert [kind for kind in EventKind if f"| `{kind}` |" not in text] == []


def test_every_kind_and_state_is_in_the_glossary() -> None:
    text = read("docs/glossary.md")

    assert [str(kind) for kind in Kind if not re.search(rf"\b{kind}\b", text)] == []
    assert [str(state) for state in State if f"*{state}*" not in text] == []


def test_every_standing_is_in_the_glossary() -> None:
    text = read("docs/glossary.md")

    assert [str(standing) for standing in Standing if f"*{standing}*" not in text] == []


def test_every_evidence_and_link_stands_with_its_confidence() -> None:
    text = read("docs/observing.md")
    sure: dict[str, float] = {Evidence.FLAG: FLAG_CONFIDENCE, Evidence.REFERENCE: SUSPICION_CONFIDENCE}
    sure |= {f"{link}": confidence for link, confidence in CONFIDENCE.items()}
    rows = [rf"^\| `{re.escape(each)}`.*\| {confidence:.0%} \|" for each, confidence in sure.items()]
    rows += [rf"^\| `{re.escape(each)}` \|" for each in Evidence]

    assert [row for row in rows if not re.search(row, text, re.MULTILINE)] == []


def test_every_incident_is_in_the_operator_s_list() -> None:
    text = read("docs/operations.md")

    assert [str(kind) for kind in TroubleKind if f"| `{kind}` |" not in text] == []


def test_every_rule_is_documented() -> None:
    text = read("docs/rules.md")

    assert [rule.name for rule in RULES if f"`{rule.name}`" not in text] == []


def test_every_kind_is_in_the_rules() -> None:
    text = read("docs/rules.md")

    assert [str(kind) for kind in Kind if f"| {kind} |" not in text] == []


def test_every_log_event_is_in_the_operator_s_list() -> None:
    """What is given to a logger as a literal; names built from an entry's state are listed by hand."""
    text = read("docs/operations.md")
    logged = {
        node.args[0].value
        for path in (ROOT / "mailwatch").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"debug", "info", "warning", "error", "exception"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(node.args[0].value))
    }

    assert sorted(event for event in logged if f"`{event}`" not in text) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_inside_the_repository_leads_somewhere(document: str) -> None:
    broken = []
    for link in LINK.findall(re.sub(r"```.*?```", "", read(document), flags=re.DOTALL)):
        target, _, fragment = link.partition("#")
        if "://" in link or target in BUILT:
            continue
        path = (ROOT / document).parent / target if target else ROOT / document
        is_there = path.exists() and (not fragment or fragment in anchors(path.read_text("utf-8")))
        broken += [] if is_there else [link]

    assert broken == []


def test_the_index_of_decisions_lists_every_decision() -> None:
    pages = {path.name for path in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}

    assert pages == {link for link in LINK.findall(read("docs/decisions/README.md")) if "/" not in link}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_a_document_names_exists(document: str) -> None:
    """Paths in back-ticks, such as `mailwatch/store/schema.py`."""
    named = re.findall(r"`((?:bench|deploy|docs|mailwatch|migrations|templates|tests|tools)/[\w./-]+)`", read(document))

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_test_the_threat_model_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", read("docs/threat-model.md"))
    missing = [f"{file}::{test}" for file, test in named if not re.search(rf"^(async )?def {test}\(", read(file), re.M)]

    assert len(named) > 40
    assert missing == []


def test_every_defence_of_the_threat_model_has_its_test() -> None:
    rows = re.findall(r"^\| (?!attempt|---)(.+?) \|.*\| (.*) \|$", read("docs/threat-model.md"), re.MULTILINE)

    assert rows
    assert [attempt for attempt, shown_by in rows if "::" not in shown_by] == []


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    """A title, versions newest first with their dates, and known kinds of change below each."""
    lines = read("CHANGELOG.md").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    kinds = {line for line in lines if line.startswith("### ")}

    assert lines[0] == "# Changelog"
    assert versions[0] == "## [Unreleased]" or re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", versions[0])
    assert [v for v in versions[1:] if not re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v)] == []
    assert kinds <= {f"### {kind}" for kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")}


def test_nothing_names_a_package_registry() -> None:
    assert names_of(REGISTRY) == []


def test_nothing_refers_to_papers_that_are_not_here() -> None:
    assert names_of(PRIVATE_PAGE) == []


def test_nothing_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert names_of(PRIVATE_PATH) == []
