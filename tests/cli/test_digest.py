"""`mailwatch digest preview` on a database in which one request is held and one is overdue."""

import asyncio
import email
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from email.policy import default
from pathlib import Path

import pytest
from builders import MARIE, a_mailbox
from cli.program import EXAMPLE, Program, plain
from services.world import MONDAY, a_letter, a_world

LUC, DIRECTOR = "luc.gagnon@cscmonavenir.example", "director@cscmonavenir.example"
FOR_MARIE = ("digest", "preview", "--for", MARIE)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two requests of Monday 23 November; one writer asked for silence, nobody answered either."""
    folder = tmp_path_factory.mktemp("recorded")
    asyncio.run(fill(folder))
    return folder / "world.db"


async def fill(folder: Path) -> None:
    async with a_world(folder, a_mailbox()) as world:
        await world.look()
        world.arrive(a_letter(1))
        world.arrive(a_letter(2, sender="b@mail.example", subject="Autobus", headers=["X-Auto-Response-Suppress: All"]))
        world.arrive(a_letter(3, sender="c@mail.example", subject="Liste", headers=["List-Id: <x.mail.example>"]))
        await world.look()
        world.clock.advance(timedelta(minutes=6))
        await world.send()


@pytest.fixture
def config(recorded: Path, tmp_path: Path, stop_clock: Callable[[datetime], None]) -> Path:
    """The example configuration on a copy of that database, on Tuesday 1 December: both were due the day before."""
    stop_clock(MONDAY + timedelta(days=8))
    shutil.copy(recorded, tmp_path / "mailwatch.db")
    return Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))


def test_an_owner_s_digest_is_shown_as_text(program: Program, config: Path) -> None:
    done = program(*FOR_MARIE, config=config)

    assert (done.code, done.err) == (0, "")
    text = plain(done.out)
    assert text.startswith(
        "Subject: 2 demandes en retard, la plus ancienne d'un jour ouvrable\n\nBonjour Marie Tremblay,"
    )
    assert text.index("À ENVOYER VOUS-MÊME") < text.index("Objet : Autobus") < text.index("Objet : Inscription de ma")
    assert "Motif : le système de la personne" in text


@pytest.mark.parametrize("recipient", [LUC, DIRECTOR])
def test_whoever_escalation_has_not_reached_has_nothing_to_read(program: Program, config: Path, recipient: str) -> None:
    """No answer was ever seen in that shared mailbox: it stops at the owner."""
    done = program("digest", "preview", "--for", recipient, config=config)

    assert (done.code, done.out, done.err) == (0, "", f"(nothing to tell {recipient})\n")


def test_html_is_shown_alone(program: Program, config: Path) -> None:
    done = program(*FOR_MARIE, "--format", "html", config=config)

    assert done.out.startswith("<!DOCTYPE html>\n")
    assert done.out.rstrip().endswith("</html>")


def test_eml_is_the_message_that_would_be_sent(program: Program, config: Path) -> None:
    done = program(*FOR_MARIE, "--format", "eml", config=config)

    message = email.message_from_string(done.out, policy=default)
    assert message["To"] == MARIE
    assert message["From"].addresses[0].addr_spec == "inscriptions@cscmonavenir.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert plain(message["Subject"]) == "2 demandes en retard, la plus ancienne d'un jour ouvrable"


def test_a_day_may_be_chosen(program: Program, config: Path) -> None:
    done = program(*FOR_MARIE, "--date", "2026-12-03", config=config)

    assert "ce jeudi 3 décembre 2026" in plain(done.out).replace("\n", " ")
    assert "la plus ancienne de 3 jours ouvrables" in plain(done.out)


def test_the_silent_register_of_the_last_days_is_counted(program: Program, config: Path) -> None:
    done = program(*FOR_MARIE, "--date", "2026-11-30", config=config)

    assert "listes de diffusion et envois en nombre : 1\n" in plain(done.out)
    assert "1 demande sans accusé de réception depuis le lundi 23 novembre" in plain(done.out)


def test_a_day_without_digests_is_said_to_be_one(program: Program, config: Path) -> None:
    done = program(*FOR_MARIE, "--date", "2026-12-05", config=config, lang="fr")

    assert plain(done.err) == "(2026-12-05 n'est pas un jour ouvrable : aucun récapitulatif n'est envoyé)\n"


def test_nobody_is_told_in_place_of_whoever_is_away(program: Program, config: Path) -> None:
    """She is away from 7 to 13 December; Paul Roy covers."""
    hers = program(*FOR_MARIE, "--date", "2026-12-08", config=config)
    his = program("digest", "preview", "--for", "paul.roy@cscmonavenir.example", "--date", "2026-12-08", config=config)

    assert (hers.out, hers.err) == ("", f"(nothing to tell {MARIE})\n")
    assert "Vous recevez aussi les demandes de Marie Tremblay, le temps de son absence." in plain(his.out)


@pytest.mark.parametrize(
    ("lang", "expected"), [("en", "is nobody of [[people]]"), ("fr", "ne figure ni dans [[people]] ni")]
)
def test_a_misspelt_address_is_a_usage_error_that_names_the_known_ones(
    program: Program, config: Path, lang: str, expected: str
) -> None:
    done = program("digest", "preview", "--for", "mary@cscmonavenir.example", config=config, lang=lang)

    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert DIRECTOR in done.err


def test_a_preview_changes_nothing(program: Program, config: Path) -> None:
    def contents() -> list[str]:
        database = sqlite3.connect(config.parent / "mailwatch.db")
        dump = list(database.iterdump())
        database.close()
        return dump

    before = contents()
    program(*FOR_MARIE, config=config)

    assert contents() == before


def test_a_template_that_fails_is_told_and_ends_with_1(program: Program, config: Path) -> None:
    config.write_text(config.read_text().replace("\n[templates]\n", '\n[templates]\nfolder = "mine"\n'))
    (config.parent / "mine/fr").mkdir(parents=True)
    (config.parent / "mine/fr/digest.txt").write_text("Bonjour {{ prenom }}")

    done = program(*FOR_MARIE, config=config)

    assert done.code == 1
    assert done.err.startswith("fr/digest.txt: UndefinedError: 'prenom' is undefined.")
    assert "Bonjour Marie Tremblay," in done.out
