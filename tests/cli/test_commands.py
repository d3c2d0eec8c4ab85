"""The other commands as people and scripts use them: results, exit codes, languages, and errors in one sentence."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from builders import INSCRIPTIONS, a_mailbox
from cli.program import EXAMPLE, ROOT, Done, Program, plain
from services.world import MONDAY, a_letter, a_world

from mailwatch import __version__
from mailwatch.cli import cli
from mailwatch.clock import SystemClock
from mailwatch.demo.story import STORY
from mailwatch.domain.lines import printable
from mailwatch.store import revisions
from mailwatch.store.store import open_store

BAD = ROOT / "tests" / "configs" / "bad"
FIVE_MISTAKES = BAD / "01-five-mistakes.toml"
SOPHIE, DAVID = "sophie.nadeau@courriel.example", "david.chen@mail.example"


def as_a_process(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """`python -m mailwatch`, with nothing in the environment that it could take for its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "mailwatch", *map(str, arguments)],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- calendar: the worked examples of the promise ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-23T10:00", "2026-11-30T16:30:00-05:00"),
        ("2026-11-27T17:45", "2026-12-04T16:30:00-05:00"),
        ("2026-11-28T09:00", "2026-12-04T16:30:00-05:00"),
        ("2026-12-18T09:00", "2027-01-08T16:30:00-05:00"),  # closed 21 December to 1 January
        ("2026-06-24T12:00", "2026-07-02T16:30:00-04:00"),  # Canada Day
        ("2026-03-06T23:30", "2026-03-13T16:30:00-04:00"),  # DST starts on the 8th
    ],
)
@pytest.mark.parametrize("mailbox", [(), ("--mailbox", INSCRIPTIONS)])
def test_the_example_s_calendar_gives_the_promised_due_dates(
    program: Program, received: str, due: str, mailbox: tuple[str, ...]
) -> None:
    done = program("calendar", "due", "--json", *mailbox, received, "5 business days", config=EXAMPLE)
    assert (done.code, done.err) == (0, "")
    (facts,) = done.objects()
    assert (facts["due"], facts["limit"], facts["start"][:16]) == (due, "5 business days", received)
    assert facts.keys() == {"start", "limit", "due", "steps"}


# --- configurations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "check"])
def test_every_mistake_is_told_at_once_with_its_line(command: str) -> None:
    done = as_a_process("--config", FIVE_MISTAKES, command)
    assert (done.returncode, done.stdout) == (2, "")
    expected = FIVE_MISTAKES.with_suffix(".expected").read_text().splitlines()
    assert done.stderr.splitlines() == [f"{BAD}/{line}" for line in expected]
    assert [int(line.split(":")[1]) for line in done.stderr.splitlines()] == [4, 10, 14, 28, 31]


def test_mistakes_are_told_in_french_too(program: Program) -> None:
    done = program("check", config=FIVE_MISTAKES, lang="fr")
    assert done.code == 2
    assert f"{FIVE_MISTAKES}:10: calendar.subdivison: clé inconnue ; vouliez-vous écrire « subdivision » ?" in plain(
        done.err
    )


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "mailwatch.toml: no such file. Name the configuration with --config FILE or $MAILWATCH_CONFIG;"),
        ("fr", "mailwatch.toml : fichier introuvable. Indiquez la configuration par --config FICHIER ou"),
    ],
)
def test_without_a_configuration_the_program_says_how_to_name_one(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lang: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = program("run", lang=lang)
    assert (done.code, done.out) == (2, "")
    assert plain(done.err).startswith(expected)
    assert "config.example.toml" in done.err
    assert done.err.count("\n") == 1


def test_the_configuration_may_be_named_by_the_environment_or_lie_here(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert program("config", "show").code == 2
    monkeypatch.setenv("MAILWATCH_CONFIG", str(EXAMPLE))
    assert program("config", "show").code == 0
    monkeypatch.delenv("MAILWATCH_CONFIG")
    shutil.copy(EXAMPLE, "mailwatch.toml")
    assert program("config", "show").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", next((ROOT / "tests" / "corpus").glob("01-*.eml"))),
        ("calendar", "due", "2026-11-23", "48h"),
        ("calendar", "between", "2026-11-23", "2026-11-24"),
        ("template", "preview"),
        ("config", "show"),
        ("config", "schema"),
    ],
)
def test_commands_that_connect_to_nothing_work_on_the_example_as_it_ships(
    program: Program, arguments: tuple[object, ...]
) -> None:
    done = program(*arguments, config=EXAMPLE)
    assert done.code == 0
    assert done.out


def test_config_show_prints_toml_again(program: Program) -> None:
    done = program("config", "show", config=EXAMPLE)
    assert tomllib.loads(done.out)["organisation"]["name"] == "Conseil scolaire catholique MonAvenir"


def test_the_schema_accepts_the_example_and_no_unknown_key(program: Program) -> None:
    schema = json.loads(program("config", "schema").out)
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert list(problems(schema, schema, example)) == []
    example["mailbox"][0]["adress"] = "typo"
    del example["organisation"]["name"]
    assert sorted(problems(schema, schema, example)) == ["mailbox.0: adress", "organisation: name"]


def problems(root: dict[str, Any], schema: Any, value: Any, at: str = "") -> Iterator[str]:
    """Keys that a JSON schema misses or doesn't know: as much of a validator as this test needs."""
    while isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if not isinstance(schema, dict):
        return
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        outcomes = [list(problems(root, choice, value, at)) for choice in choices if fits(root, choice, value)]
        yield from min(outcomes, key=len, default=[f"{at}: no choice fits"])
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (f"{at}: {key}" for key in schema.get("required", ()) if key not in value)
        for key, inner in value.items():
            if key not in known and schema.get("additionalProperties") is False:
                yield f"{at}: {key}"
            yield from problems(
                root, known.get(key, schema.get("additionalProperties")), inner, f"{at}.{key}".lstrip(".")
            )
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from problems(root, schema.get("items"), inner, f"{at}.{number}")


def fits(root: dict[str, Any], schema: Any, value: Any) -> bool:
    """Whether a value is of the type that a schema wants."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    types = {dict: "object", list: "array", bool: "boolean", int: "integer", str: "string"}
    return schema.get("type", "string") == types.get(type(value), "string")


# --- the demo ---------------------------------------------------------------------------------------------------------


def test_the_demo_s_numbers_add_up(program: Program) -> None:
    done = program("demo", "--json")
    assert (done.code, done.err) == (0, "")
    (summary,) = done.objects()
    assert summary.keys() == {"received", "requests", "acknowledged", "suppressed"}
    assert summary["received"] == summary["acknowledged"] + sum(summary["suppressed"].values())
    assert (summary["received"], summary["requests"], summary["acknowledged"]) == (16, 9, 7)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_demo_tells_the_whole_story_and_ends(program: Program, lang: str) -> None:
    done = program("demo", lang=lang)
    assert (done.code, done.err) == (0, "")
    told = plain(done.out)
    headlines = [plain(scene.fr if lang == "fr" else scene.en) for scene in STORY]
    assert [told.count(headline) for headline in headlines] == [1] * len(STORY)
    assert "Nous avons bien reçu votre demande le lundi 23 novembre 2026 à 9 h 12." in told
    assert "We received your request at 9:30 a.m. on Monday, November 23, 2026." in told
    assert told.count("│ Bonjour,") <= 2  # each wording once, not for every letter
    story, found, digest = told.partition("✉  1 demande sans accusé de réception depuis le lundi 23 novembre")
    (answered,) = re.findall(r"(?:answered|répondue ?): (MW-\w{6})", story)
    # The sixth is to be acknowledged by hand: its acknowledgement came back.
    assert (bool(found), len(set(re.findall(r"MW-\w{6}", digest))), answered in digest) == (True, 6, False)
    assert "mailwatch check" in " ".join(told.splitlines()[-2:])


# --- the database -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two requests, one of them acknowledged, and a robot's message; nothing runs any more."""
    folder = tmp_path_factory.mktemp("recorded")
    asyncio.run(fill(folder))
    return folder / "world.db"


async def fill(folder: Path) -> None:
    async with a_world(folder, a_mailbox()) as world:
        await world.look()
        world.arrive(a_letter(1))
        world.arrive(a_letter(2, headers=["Auto-Submitted: auto-replied"]))
        await world.look()
        world.clock.advance(timedelta(minutes=6))
        await world.send()
        world.arrive(
            a_letter(3, sender=DAVID, subject="School bus\u202e", body="Hello, when does the school bus come?")
        )
        await world.look()


@pytest.fixture
def configured(recorded: Path, tmp_path: Path, stop_clock: Callable[[datetime], None]) -> Path:
    """The example configuration on a copy of that database; none of its mail servers' secrets exists. It is ten
    minutes later."""
    stop_clock(MONDAY + timedelta(minutes=16))
    shutil.copy(recorded, tmp_path / "mailwatch.db")
    return Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))


def beat(configured: Path, age: timedelta) -> None:
    """A worker says that it is alive, or did so a while ago."""

    class Then:
        def now(self) -> datetime:
            return SystemClock().now() - age

    async def write() -> None:
        store = open_store(f"sqlite+aiosqlite:///{configured.parent}/mailwatch.db", Then())
        await store.open()
        async with store.transaction() as tx:
            await tx.beat("embedded", {"pid": 1})
        await store.close()

    asyncio.run(write())


NO_ANSWER_EVER = (
    "  ! no answer was ever seen here, so escalation stops at the owner. Exchange files an answer from a shared "
    f"mailbox among the sent messages of whoever wrote it: run `Set-Mailbox {INSCRIPTIONS} "
    "-MessageCopyForSentAsEnabled $true -MessageCopyForSendOnBehalfEnabled $true`, or add the owners' accounts as "
    '[[mailbox]] with observe_sent = "only".'
)
JAMAIS_DE_REPONSE = (
    "  ! aucune réponse n'a encore été vue ici : l'escalade s'arrête donc au responsable. Exchange range une réponse "
    "envoyée d'une boîte partagée parmi les messages envoyés de la personne qui l'a écrite : exécutez « Set-Mailbox "
    f"{INSCRIPTIONS} -MessageCopyForSentAsEnabled $true -MessageCopyForSendOnBehalfEnabled $true », ou ajoutez les "
    'comptes des responsables en [[mailbox]] avec observe_sent = "only".'
)


def test_status_shows_what_is_recorded(program: Program, configured: Path) -> None:
    done = program("status", config=configured)
    assert (done.code, done.err) == (0, "")
    assert done.lines == [
        "service      NOT RUNNING: start `mailwatch run`",
        "requests     acknowledged: 1, open: 1",
        "standing     within: 2",
        "outbox       pending: 1, sent: 1",
        f"{INSCRIPTIONS} (no. 1)",
        "  last look 2026-11-23 10:06",
        "  standing within: 2",
        "  Sent folder Sent",
        NO_ANSWER_EVER,
    ]


def test_status_in_french(program: Program, configured: Path) -> None:
    beat(configured, timedelta())
    assert program("status", config=configured, lang="fr").lines == [
        "service      en marche",
        "demandes     accusée : 1, ouverte : 1",
        "échéances    dans les délais : 2",
        "envois       en attente : 1, envoyé : 1",
        f"{INSCRIPTIONS} (nº 1)",
        "  dernier regard 2026-11-23 10:06",
        "  échéances dans les délais : 2",
        "  dossier des messages envoyés Sent",
        JAMAIS_DE_REPONSE,
    ]


def test_status_as_json(program: Program, configured: Path) -> None:
    (facts,) = program("status", "--json", config=configured).objects()
    assert facts["alive"] is False
    assert facts["requests"] == {"acknowledged": 1, "open": 1}
    assert facts["outbox"] == {"pending": 1, "sent": 1}
    assert facts["mailboxes"][0]["progress_at"] == "2026-11-23T15:06:00+00:00"


@pytest.mark.parametrize(
    ("age", "code", "en", "fr"),
    [
        (None, 1, "no worker", "aucun service"),
        (timedelta(hours=1), 1, "no worker", "aucun service"),
        (timedelta(), 0, "alive", "en vie"),
    ],
)
def test_health_is_the_exit_code(
    program: Program, configured: Path, age: timedelta | None, code: int, en: str, fr: str
) -> None:
    if age is not None:
        beat(configured, age)
    for lang, expected in (("en", en), ("fr", fr)):
        done = program("status", "--health", config=configured, lang=lang)
        assert (done.code, done.lines) == (code, [expected])


def test_requests_are_listed_newest_first(program: Program, configured: Path) -> None:
    lines = program("requests", "list", config=configured).lines
    assert [re.sub(r"^MW-[0-9A-Z]{6}", "MW", " ".join(line.split())) for line in lines] == [
        f"MW open, within 2026-11-23 10:06 → 2026-11-30 16:30 {DAVID} School bus",
        f"MW acknowledged, within 2026-11-23 10:00 → 2026-11-30 16:30 {SOPHIE} Inscription de ma fille",
    ]


def test_a_stranger_s_words_can_not_steer_the_terminal() -> None:
    assert printable("Bonjour\x1b]0;titre\x07\r\n\u202eteffed\x9b2J, école") == "Bonjour ]0;titre teffed 2J, école"


def test_a_subject_is_shown_without_what_steers_a_terminal(program: Program, configured: Path) -> None:
    (open_one, _) = program("requests", "list", "--json", config=configured).objects()
    assert open_one["subject"] == "School bus\u202e"  # JSON has it as it came
    for arguments in (("list",), ("show", open_one["reference"])):
        shown = program("requests", *arguments, config=configured).out
        assert ("School bus" in shown, "\u202e" in shown) == (True, False)


@pytest.mark.parametrize(
    ("options", "senders"),
    [
        ((), [DAVID, SOPHIE]),
        (("--state", "acknowledged"), [SOPHIE]),
        (("--state", "answered"), []),
        (("--mailbox", INSCRIPTIONS.upper()), [DAVID, SOPHIE]),
        (("--since", "2026-11-23"), [DAVID, SOPHIE]),
        (("--since", "2026-11-24"), []),
        (("--limit", "1"), [DAVID]),
    ],
)
def test_requests_are_chosen_by_options(
    program: Program, configured: Path, options: tuple[str, ...], senders: list[str]
) -> None:
    done = program("requests", "list", "--json", *options, config=configured)
    assert (done.code, done.err) == (0, "")
    assert [row["requester"] for row in done.objects()] == senders


def test_an_empty_or_cut_list_is_told_beside_the_result(program: Program, configured: Path) -> None:
    empty = program("requests", "list", "--state", "closed", config=configured, lang="fr")
    assert (empty.code, empty.out, empty.err) == (0, "", "(aucune demande)\n")
    assert program("requests", "list", "--limit", "1", config=configured).err == "(the newest 1; --limit shows more)\n"


def the_acknowledged(program: Program, configured: Path) -> str:
    (row,) = program("requests", "list", "--json", "--state", "acknowledged", config=configured).objects()
    return str(row["reference"])


def test_the_story_of_a_request(program: Program, configured: Path) -> None:
    reference = the_acknowledged(program, configured)
    lines = program("requests", "show", reference, config=configured).lines
    assert lines[0] == f"{reference}  acknowledged, within  {INSCRIPTIONS}"
    assert "  acknowledge by     2026-11-25 10:00 (48h)" in lines
    assert "  answer by          2026-11-30 16:30 (5 business days)" in lines
    assert "  2026-11-23 10:00  acknowledgement enqueued (mailwatch)  not before: 2026-11-23 10:05" in lines
    assert lines[-1].startswith(f"  2026-11-23 10:06  acknowledgement sent → {SOPHIE} <mw.")


def test_the_story_in_french(program: Program, configured: Path) -> None:
    reference = the_acknowledged(program, configured)
    lines = program("requests", "show", reference, config=configured, lang="fr").lines
    assert lines[0] == f"{reference}  accusée, dans les délais  {INSCRIPTIONS}"
    assert "  répondre avant     2026-11-30 16:30 (5 jours ouvrables)" in lines
    assert "  2026-11-23 10:00  accusé mis en attente (mailwatch)  pas avant : 2026-11-23 10:05" in lines
    assert lines[-1].startswith(f"  2026-11-23 10:06  accusé de réception envoyé → {SOPHIE} <mw.")


def test_the_story_as_json(program: Program, configured: Path) -> None:
    reference = the_acknowledged(program, configured)
    (story,) = program("requests", "show", "--json", reference.removeprefix("MW-").lower(), config=configured).objects()
    assert story["request"]["reference"] == reference
    assert [event["kind"] for event in story["events"]] == ["opened", "acknowledgement enqueued", "acknowledged"]
    assert [entry["state"] for entry in story["entries"]] == ["sent"]


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "mailwatch: MW-000000: there is no request with this reference\n"),
        ("fr", "mailwatch: MW-000000 : aucune demande ne porte cette référence\n"),
    ],
)
def test_an_unknown_reference_is_one_sentence(program: Program, configured: Path, lang: str, expected: str) -> None:
    done = program("requests", "show", "mw-000000", config=configured, lang=lang)
    assert (done.code, done.out, done.err) == (1, "", expected)


def test_pause_and_resume_may_be_said_twice_and_status_shows_it(program: Program, configured: Path) -> None:
    for _ in range(2):
        assert program("pause", "--why", "exercice", config=configured).code == 0
    (facts,) = program("status", "--json", config=configured).objects()
    assert [(switch["name"], switch["why"]) for switch in facts["switches"]] == [("sending", "exercice")]
    told = program("status", config=configured, lang="fr").lines
    assert re.fullmatch(r"envoi        SUSPENDU depuis \d{4}-\d\d-\d\d \d\d:\d\d \(.+\) : exercice", told[1])
    assert "mailwatch resume" in told[2]
    for _ in range(2):
        assert program("resume", config=configured).code == 0
    (facts,) = program("status", "--json", config=configured).objects()
    assert facts["switches"] == []


def test_pause_works_for_a_user_without_a_name(
    program: Program, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")  # what Python 3.11 says in a container

    monkeypatch.setattr("getpass.getuser", nobody)
    assert program("pause", config=configured).code == 0
    (facts,) = program("status", "--json", config=configured).objects()
    assert facts["switches"][0]["by"] == f"uid {os.getuid()}"


def test_pause_and_resume_answer_in_the_language_of_the_call(program: Program, configured: Path) -> None:
    assert program("pause", config=configured).lines == ["Sending is paused. `mailwatch resume` lets it go on."]
    assert program("resume", config=configured, lang="fr").lines == ["L'envoi reprend."]


@pytest.mark.parametrize("command", [("status",), ("requests", "list"), ("pause",), ("resume",)])
@pytest.mark.parametrize(
    ("lang", "expected"),
    [("en", "there is no database yet. `mailwatch run` makes it."), ("fr", "« mailwatch run » la crée.")],
)
def test_without_a_database_commands_say_so_and_make_none(
    program: Program, tmp_path: Path, command: tuple[str, ...], lang: str, expected: str
) -> None:
    config = Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))
    done = program(*command, config=config, lang=lang)
    assert (done.code, done.out) == (1, "")
    assert plain(done.err).endswith(f"{expected}\n")
    assert done.err.count("\n") == 1
    assert not (tmp_path / "mailwatch.db").exists()


def one_sentence(done: Done) -> str:
    """What a failing command says, without a traceback."""
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("mailwatch: ")
    assert done.err.count("\n") == 1
    return plain(done.err)


def test_a_database_of_a_newer_version_is_one_sentence(program: Program, configured: Path) -> None:
    database = sqlite3.connect(configured.parent / "mailwatch.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "install the newer mailwatch again" in one_sentence(program("status", config=configured))
    assert "réinstallez la version plus récente" in one_sentence(program("pause", config=configured, lang="fr"))
    assert "9999" in one_sentence(program("db", "upgrade", config=configured))


def test_a_file_that_is_no_database_is_one_sentence(program: Program, configured: Path) -> None:
    (configured.parent / "mailwatch.db").write_text("Bonjour, je ne suis pas une base de données. " * 100)
    assert "not a database" in one_sentence(program("status", config=configured))


def test_a_database_server_that_is_down_is_one_sentence(program: Program, tmp_path: Path) -> None:
    config = tmp_path / "mailwatch.toml"
    config.write_text(EXAMPLE.read_text().replace("sqlite:///mailwatch.db", "postgresql://app@127.0.0.1:9/mailwatch"))
    assert "Vérifiez « url » dans [database]" in one_sentence(program("status", config=config, lang="fr"))


def test_db_upgrade_makes_the_tables_and_may_be_said_twice(program: Program, tmp_path: Path) -> None:
    config = Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))
    for _ in range(2):
        done = program("db", "upgrade", config=config)
        assert (done.code, done.lines) == (0, [f"The database is at revision {revisions.HEAD}."])
    assert program("status", "--json", config=config).code == 0


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_CA.UTF-8"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_CA.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_CA.UTF-8", "LC_MESSAGES": "fr_CA.UTF-8"}, "fr"),
    ],
)
def test_the_language_is_that_of_the_environment(
    program: Program,
    configured: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    language: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    expected = {"en": ["Sending goes on."], "fr": ["L'envoi reprend."]}
    assert program("resume", config=configured).lines == expected[language]
    assert program("resume", config=configured, lang="fr").lines == expected["fr"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("--nothing",),
        ("status", "--nothing"),
        ("requests",),
        ("requests", "nothing"),
        ("requests", "list", "--state", "lost"),
        ("requests", "list", "--limit", "0"),
        ("requests", "list", "--since", "hier"),
        ("requests", "show"),
        ("calendar", "due", "2026-11-23"),
        ("template", "preview", "--language", "de"),
        ("--lang", "de", "status"),
    ],
)
def test_bad_usage_ends_with_two_and_prints_no_result(program: Program, arguments: tuple[str, ...]) -> None:
    done = program(*arguments, config=EXAMPLE)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: ")


def test_the_version() -> None:
    done = as_a_process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mailwatch, version {__version__}\n", "")


# --- help -------------------------------------------------------------------------------------------------------------


def commands(group: click.Group = cli, path: str = "mailwatch") -> Iterator[tuple[str, click.Command]]:
    """Every command of the tree, with how it is called."""
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


TREE = dict(commands())


def test_every_command_has_a_sentence() -> None:
    assert [path for path, command in TREE.items() if not re.match(r"[A-Z].*[.:]", command.help or "", re.DOTALL)] == []


def test_every_option_has_a_help_text() -> None:
    options = [(path, one) for path, command in TREE.items() for one in command.params if isinstance(one, click.Option)]
    assert len(options) > 20
    assert [f"{path} {one.opts[0]}" for path, one in options if not one.help] == []


@pytest.mark.parametrize("path", TREE)
def test_help_is_shown_without_a_configuration(program: Program, path: str) -> None:
    done = program(*path.split()[1:], "--help")
    assert (done.code, done.err) == (0, "")
    usage = done.out.splitlines()[0]
    assert usage.startswith("Usage: ")
    assert " ".join(path.split()[1:]) in usage  # the program's own name is pytest's here


def test_help_is_quick_since_it_imports_nothing_that_only_commands_need() -> None:
    listing = "import sys, mailwatch.cli; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True
    ).stdout.split()

    assert {"asyncio", "babel", "httpx2", "jinja2", "sqlalchemy", "structlog"} & {*imported} == set()
