"""`mailwatch explain`: the corpus as its notes say, and anything else without ever failing."""

import json
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import INSCRIPTIONS, MARIE
from cli.program import EXAMPLE, ROOT, Done, Program, plain
from domain.monsters import MONSTERS
from stopwatch import stopwatch

CORPUS = sorted((ROOT / "tests" / "corpus").glob("*.eml"))
FIELDS = {"file", "kind", "reason", "acknowledge", "suppressed_by", "language", "rules"}
PATIENCE = 0.2  # seconds of CPU a message, whatever it is
SEED = 20261123

# The example configuration, with what some corpus files need: Marie's own mailbox, a group, a form, a gateway's banner.
MORE = {
    "banners": "banners = [\"AVERTISSEMENT : Ce courriel provient de l'extérieur de l'organisation. "
    'Soyez prudent avec les liens."]',
    "forms": 'forms = ["formulaire@prestataire.example"]',
    "authserv_id": 'authserv_id = ["mail.cscmonavenir.example"]',
}
STAFF = f"""
[[mailbox]]
address = "{MARIE}"
kind = "staff"
imap = "main"
password = {{ env = "MARIE_PASSWORD" }}
owners = ["{MARIE}"]
"""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mailboxes that the corpus speaks of: `shared` is the example's own, `staff` is Marie's."""
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        "groups = []", 'groups = ["inscriptions-equipe@cscmonavenir.example"]'
    )
    for key, line in MORE.items():
        assert f"#{key} = []" in text
        text = text.replace(f"#{key} = []", line)
    path = tmp_path_factory.mktemp("explain") / "mailwatch.toml"
    path.write_text(text + STAFF, encoding="utf-8")
    return path


def explain(program: Program, configuration: Path, *arguments: object) -> list[dict[str, Any]]:
    done = program("explain", "--json", *arguments, config=configuration)
    assert (done.code, done.err) == (0, "")
    return done.objects()


def notes_of(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("mailbox", "address"), [("shared", INSCRIPTIONS), ("staff", MARIE)])
def test_the_corpus_is_explained_as_its_notes_say(
    program: Program, configuration: Path, mailbox: str, address: str
) -> None:
    files = [path for path in CORPUS if notes_of(path).get("mailbox", "shared") == mailbox]
    found = explain(program, configuration, "--mailbox", address, *files)
    assert [facts["file"] for facts in found] == [str(path) for path in files]
    wanted = {path.stem: {"suppressed_by": None} | notes_of(path) for path in files}
    differing = {
        name: {key: (facts[key], notes[key]) for key in FIELDS & notes.keys() if facts[key] != notes[key]}
        for facts, (name, notes) in zip(found, wanted.items(), strict=True)
    }
    assert {name: keys for name, keys in differing.items() if keys} == {}  # (found, wanted)


def test_each_line_has_exactly_the_promised_keys(program: Program, configuration: Path) -> None:
    assert [facts.keys() for facts in explain(program, configuration, *CORPUS[:2])] == [FIELDS, FIELDS]


def test_without_mailbox_the_addressed_one_judges(program: Program, configuration: Path, tmp_path: Path) -> None:
    """A reply to something unknown is only recorded by Marie; what names nobody is judged by the first mailbox."""
    letters = []
    for name, address in (("marie", MARIE), ("service", INSCRIPTIONS), ("nobody", "ailleurs@courriel.example")):
        letter = tmp_path / f"{name}.eml"
        letter.write_bytes(
            b"From: jean@courriel.example\r\nTo: " + address.encode() + b"\r\nSubject: RE: Votre lettre\r\n"
            b"In-Reply-To: <lettre@courriel.example>\r\n\r\nBonjour, quand aura lieu la rencontre ?\r\n"
        )
        letters.append(letter)
    judged = [(facts["kind"], facts["reason"]) for facts in explain(program, configuration, *letters)]
    assert judged == [("reply", "reply"), ("request", "person"), ("request", "undisclosed")]


def hostile_files(folder: Path) -> Iterator[Path]:
    """Random bytes, corpus messages cut anywhere, and the monsters."""
    chance = random.Random(SEED)
    letters = {f"random-{n}": chance.randbytes(chance.randint(0, 100_000)) for n in range(100)}
    for n in range(100):
        whole = chance.choice(CORPUS).read_bytes()
        letters[f"cut-{n}"] = whole[: chance.randint(0, len(whole))]
    letters |= {f"monster-{n}": raw for n, raw in enumerate(MONSTERS.values())}
    for name, raw in letters.items():
        path = folder / f"{name}.eml"
        path.write_bytes(raw)
        yield path


def test_no_bytes_whatever_make_it_fail_or_take_long(program: Program, configuration: Path, tmp_path: Path) -> None:
    files = list(hostile_files(tmp_path))
    explain(program, configuration, CORPUS[0])  # the tables are built at first use
    slow, judged = {}, []
    for file in files:
        with stopwatch() as spent:
            judged += explain(program, configuration, file)
        if spent.seconds > PATIENCE:
            slow[file.name] = spent.seconds
    assert slow == {}
    assert [facts["file"] for facts in judged] == [str(file) for file in files]
    assert all(isinstance(facts["reason"], str) and facts["reason"] for facts in judged)


def test_a_missing_file_is_told_and_the_others_are_judged(
    program: Program, configuration: Path, tmp_path: Path
) -> None:
    done = program("explain", "--json", tmp_path / "none.eml", CORPUS[0], tmp_path, config=configuration)
    assert done.code == 1
    assert [facts["file"] for facts in done.objects()] == [str(CORPUS[0])]
    assert done.err.splitlines() == [f"{tmp_path}/none.eml: No such file or directory", f"{tmp_path}: Is a directory"]


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", f"no mailbox x@y.example; the configuration has: {INSCRIPTIONS}"),
        ("fr", f"boîte x@y.example inconnue ; la configuration contient : {INSCRIPTIONS}"),
    ],
)
def test_an_unknown_mailbox_is_bad_usage(program: Program, lang: str, expected: str) -> None:
    done = program("explain", "--mailbox", "x@y.example", CORPUS[0], config=EXAMPLE, lang=lang)
    assert (done.code, done.out) == (2, "")
    assert expected in plain(done.err)


@pytest.mark.parametrize(
    ("lang", "expected"), [("en", "name at least one FILE.eml"), ("fr", "au moins un FICHIER.eml")]
)
def test_no_file_is_bad_usage(program: Program, lang: str, expected: str) -> None:
    done = program("explain", config=EXAMPLE, lang=lang)
    assert (done.code, done.out) == (2, "")
    assert expected in done.err


def told(program: Program, name: str, lang: str) -> Done:
    (file,) = (path for path in CORPUS if path.stem.endswith(name))
    return program("explain", file, config=EXAMPLE, lang=lang)


def test_the_text_says_what_why_and_by_which_standard(program: Program) -> None:
    assert told(program, "19-auto-submitted-replied", "en").lines[1:] == [
        "  kind           auto_reply (by auto_replied)",
        "  acknowledge    no, because of auto_replied",
        "  language       fr",
        "  - auto_replied  [RFC 3834 §5]",
    ]


def test_the_text_is_french_too(program: Program) -> None:
    assert told(program, "01-parent-outlook-fr", "fr").lines[1:] == [
        "  nature         request (par person)",
        "  accusé         oui",
        "  langue         fr",
    ]


def test_rules_are_listed_with_those_of_the_configuration(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "mailwatch.toml"
    path.write_text(
        EXAMPLE.read_text() + '\n[[rule]]\nname = "paie"\nsenders = ["paie@x.example"]\ntreat_as = "record"\n'
    )
    lines = program("explain", "--rules", config=path).lines
    assert lines[0].split()[:2] == ["1", "own"]
    assert lines[-1].split() == ["[[rule]]", "paie"]
    assert any("null_reverse_path" in line and "RFC 3834" in line for line in lines)


def test_json_keeps_accents_readable(program: Program, configuration: Path, tmp_path: Path) -> None:
    path = tmp_path / "été.eml"
    path.write_bytes(b"From: a@b.example\r\n\r\nBonjour")
    done = program("explain", "--json", path, config=configuration)
    assert "été.eml" in done.out
    assert json.loads(done.out)["file"] == str(path)
