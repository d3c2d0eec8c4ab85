"""`mailwatch absence`: record, list, show, take back; in words and in JSON, in both languages."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import INSCRIPTIONS, MARIE, a_mailbox
from cli.program import EXAMPLE, Done, Program, plain
from services.world import a_world

from mailwatch.clock import MovableClock
from mailwatch.config import load_config
from mailwatch.services.keep_absences import CONFIGURATION, configured, keep_source
from mailwatch.store.store import open_store

PAUL, LUC = "paul.roy@cscmonavenir.example", "luc.gagnon@cscmonavenir.example"
WEDNESDAY = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)


@pytest.fixture
async def empty(tmp_path: Path) -> Path:
    """A folder with a database in which nobody is away."""
    async with a_world(tmp_path, a_mailbox()):
        pass
    (tmp_path / "world.db").rename(tmp_path / "mailwatch.db")
    return tmp_path


@pytest.fixture
def config(empty: Path, stop_clock: Callable[[datetime], None]) -> Path:
    """The example configuration, on a Wednesday; in it Marie is away from 7 to 13 December, and Paul covers."""
    stop_clock(WEDNESDAY)
    return Path(shutil.copy(EXAMPLE, empty / "mailwatch.toml"))


@pytest.fixture
def add(program: Program, config: Path) -> Callable[..., Done]:
    """Record an absence of Luc's."""
    return lambda *arguments, lang="": program("absence", "add", LUC, *arguments, config=config, lang=lang)


@pytest.mark.parametrize(
    ("arguments", "first", "back"),
    [
        ((), "2026-11-25", None),
        (("--from", "2026-12-14"), "2026-12-14", None),
        (("--from", "2026-12-14", "--until", "2026-12-18"), "2026-12-14", "2026-12-19"),
        (("--from", "2026-12-14", "--returns", "2026-12-21"), "2026-12-14", "2026-12-21"),
        (("--from", "tomorrow", "--until", "friday"), "2026-11-26", "2026-11-28"),
        (("--from", "demain", "--until", "vendredi"), "2026-11-26", "2026-11-28"),
        (("--until", "lundi"), "2026-11-25", "2026-12-01"),
        (("from tomorrow until Monday",), "2026-11-26", "2026-12-01"),
        (("du 14 au 18 décembre",), "2026-12-14", "2026-12-19"),
        (("du", "14", "au", "18", "décembre"), "2026-12-14", "2026-12-19"),
    ],
)
def test_days_are_written_as_dates_or_in_words(
    add: Callable[..., Done], arguments: tuple[str, ...], first: str, back: str | None
) -> None:
    done = add(*arguments, "--json")
    assert (done.code, done.err) == (0, "")
    (shown,) = done.objects()
    assert (shown["who"], shown["away_from"], shown["returns_on"]) == (LUC, first, back)


def test_what_is_recorded_is_shown_and_listed(program: Program, config: Path, add: Callable[..., Done]) -> None:
    options = ("--delegate", PAUL, "--audience", "internal", "--text-fr", "Congé.", "--text-en", "Leave.")
    done = add("--until", "2026-11-27", *options, "--note", "Le dossier bleu.", "--by", "anne", "--json")
    (shown,) = done.objects()
    assert shown == {
        "id": 1,
        "who": LUC,
        "away_from": "2026-11-25",
        "returns_on": "2026-11-28",
        "delegate": PAUL,
        "audience": "internal",
        "text": {"fr": "Congé.", "en": "Leave."},
        "note": "Le dossier bleu.",
        "source": "command",
        "by": "anne",
        "is_on": True,
        "covered_by": PAUL,
    }
    assert program("absence", "show", 1, "--json", config=config).objects() == [shown]
    listed = program("absence", "list", "--json", config=config).objects()
    assert listed[0] == shown
    assert [(each["who"], each["id"], each["source"]) for each in listed[1:]] == [(MARIE, None, "configuration")]
    text = plain(program("absence", "show", 1, config=config).out)
    for word in ("Luc Gagnon is away", "Le dossier bleu.", "Congé.", "anne", PAUL):
        assert word in text


def test_the_chain_is_followed_over_the_configuration_too(program: Program, config: Path) -> None:
    """Whoever covers today, by all that is known: also by what the service hasn't taken over yet."""
    absence = f'\n[[absence]]\nwho = "{PAUL}"\naway_from = 2026-11-23\nreturns_on = 2026-11-30\ndelegate = "{MARIE}"\n'
    config.write_text(config.read_text() + absence)
    (shown,) = program("absence", "add", LUC, "--delegate", PAUL, "--json", config=config).objects()
    assert shown["covered_by"] == MARIE


def test_the_same_first_day_again_changes_the_absence(program: Program, config: Path, add: Callable[..., Done]) -> None:
    add("--until", "2026-11-27")
    (shown,) = add("--until", "2026-12-04", "--json").objects()
    assert (shown["id"], shown["returns_on"]) == (1, "2026-12-05")
    assert len([each for each in program("absence", "list", "--json", config=config).objects() if each["id"]]) == 1


def test_a_mailbox_may_be_away(program: Program, config: Path) -> None:
    done = program("absence", "add", INSCRIPTIONS, "--from", "2027-07-01", "--returns", "2027-08-23", config=config)
    assert done.code == 0
    assert "July 1, 2027" in done.out


def test_an_absence_that_is_on_ends_today_and_one_that_is_not_never_was(
    program: Program, config: Path, add: Callable[..., Done]
) -> None:
    add("--from", "2026-11-23", "--until", "2026-12-04")
    add("--from", "2026-12-14", "--until", "2026-12-18")
    (ended,) = program("absence", "cancel", 1, "--json", config=config).objects()
    assert (ended["returns_on"], ended["taken_back"], ended["is_on"]) == ("2026-11-25", False, False)
    (gone,) = program("absence", "cancel", 2, "--json", config=config).objects()
    assert gone["taken_back"] is True
    listed = program("absence", "list", "--all", "--json", config=config).objects()
    assert [each["id"] for each in listed if each["source"] == "command"] == [1]
    again = program("absence", "cancel", 1, config=config)
    assert (again.code, again.out) == (2, "")
    assert "over already" in again.err


@pytest.mark.parametrize(
    ("arguments", "expected", "french"),
    [
        (("add", "nobody@x.example"), "nobody of [[people]]", "ne figure ni dans [[people]]"),
        (("add", LUC, "--delegate", "nobody@x.example"), "nobody of [[people]]", "ne figure ni dans [[people]]"),
        (("add", LUC, "--delegate", LUC), "nobody covers for themselves", "on ne se remplace pas soi-même"),
        (("add", LUC, "--from", "2026-12-14", "--returns", "2026-12-14"), "nobody is back", "le retour"),
        (("add", LUC, "--from", "2026-12-14", "--until", "2026-12-11"), "nobody is back", "le retour"),
        (("add", LUC, "demain", "--until", "2026-12-11"), "either as a period", "par une période"),
        (("add", LUC, "--until", "2026-12-11", "--returns", "2026-12-12"), "say the same thing twice", "double emploi"),
        (("add", LUC, "--from", "bientôt"), "bientôt", "bientôt"),
        (("add", LUC, "quelque part"), "quelque part", "quelque part"),
        (("show", 9), "there is no such absence", "aucune absence ne porte ce numéro"),
        (("cancel", 9), "there is no such absence", "aucune absence ne porte ce numéro"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_what_makes_no_sense_is_refused_with_the_remedy(
    program: Program, config: Path, arguments: tuple[str, ...], expected: str, french: str, lang: str
) -> None:
    done = program("absence", *arguments, config=config, lang=lang)
    assert (done.code, done.out) == (2, "")
    assert (plain(french) if lang == "fr" else expected) in " ".join(plain(done.err).split())
    assert "Traceback" not in done.err


def test_two_who_would_cover_for_each_other_are_refused(program: Program, config: Path) -> None:
    """Marie is away by the configuration, and Paul covers for her."""
    arguments = ("absence", "add", PAUL, "--from", "2026-12-10", "--until", "2026-12-11", "--delegate", MARIE)
    done = program(*arguments, config=config)
    assert done.code == 2
    assert f"{PAUL} → {MARIE}" in done.err or f"{MARIE} → {PAUL}" in done.err
    assert [each["who"] for each in program("absence", "list", "--json", config=config).objects()] == [MARIE]
    after = (*arguments[:3], "--from", "2026-12-14", "--until", "2026-12-15", *arguments[-2:])
    assert program(*after, config=config).code == 0


@pytest.fixture
async def taken_over(config: Path) -> Path:
    """The service has started: the database knows the configuration's absences."""
    kept = configured(load_config(config).organisation().absences)
    store = open_store(f"sqlite+aiosqlite:///{config.parent}/mailwatch.db", MovableClock(WEDNESDAY))
    await store.open()
    async with store.transaction() as tx:
        await keep_source(tx, CONFIGURATION, kept, WEDNESDAY.date())
    await store.close()
    return config


def test_what_the_configuration_says_is_changed_there(program: Program, taken_over: Path) -> None:
    (listed,) = program("absence", "list", "--json", config=taken_over).objects()
    assert (listed["id"], listed["source"]) == (1, "configuration")
    done = program("absence", "cancel", 1, config=taken_over)
    assert (done.code, done.out) == (2, "")
    assert "it comes from the configuration: change it there" in done.err


def test_in_french_everything_is_french(program: Program, config: Path, add: Callable[..., Done]) -> None:
    done = add("--until", "vendredi", "--delegate", PAUL, lang="fr")
    assert done.code == 0
    assert plain(done.out).startswith("Luc Gagnon : absence dès le mercredi 25 novembre 2026 ; de retour le lundi 30")
    assert "remplacement : Paul Roy" in plain(done.out)
    assert "Retirée" in program("absence", "cancel", 1, config=config, lang="fr").out
    past = add("--from", "2026-11-02", "--until", "2026-11-06", lang="fr")
    assert "déjà terminée" in past.err


def test_nobody_away_is_said(program: Program, config: Path) -> None:
    text = config.read_text()
    config.write_text(text[: text.index("\n[[absence]]")])
    assert program("absence", "list", config=config).out == "Nobody is away.\n"
    assert plain(program("absence", "list", config=config, lang="fr").out) == "Personne n'est absent.\n"
