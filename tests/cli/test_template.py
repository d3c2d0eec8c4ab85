"""`mailwatch template preview` on the example configuration, which needs no secret."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.template import template
from mailwatch.domain.languages import Language

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def preview(*arguments: str, config: Path = EXAMPLE, language: Language = Language.EN) -> Result:
    invocation = Invocation(config_path=config, language=language)
    return CliRunner().invoke(template, ["preview", *arguments], obj=invocation)


def test_preview_shows_subject_and_text_in_the_organisations_first_language() -> None:
    result = preview()

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Subject: Nous avons bien reçu votre demande [MW-7F3K9Q]\n\nBonjour,\n")
    assert result.stdout.endswith("\nService des inscriptions\nConseil scolaire catholique MonAvenir\n")


@pytest.mark.parametrize(
    ("language", "greetings"), [("fr", ["Bonjour,"]), ("en", ["Hello,"]), ("both", ["Bonjour,", "Hello,"])]
)
def test_preview_shows_the_language_that_is_asked_for(language: str, greetings: list[str]) -> None:
    output = preview("--language", language, "acknowledgement").stdout

    assert [line for line in output.splitlines() if line in {"Bonjour,", "Hello,"}] == greetings


@pytest.mark.parametrize(
    ("name", "subject", "words"),
    [
        ("away", "Request received – out of the office, back on", "Answer expected no later than"),
        ("notice", "Message received – out of the office, back on", "it is not repeated for every message"),
        ("note", "Request MW-7F3K9Q: you are covering for Marie Tremblay", "HOW TO ANSWER"),
    ],
)
def test_preview_shows_what_is_said_of_an_absence(name: str, subject: str, words: str) -> None:
    result = preview("--language", "en", name)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Subject: {subject}")
    assert words in result.stdout


def test_a_note_has_one_reader_and_so_one_language() -> None:
    assert "HOW TO ANSWER" not in preview("--language", "both", "note").stdout


def test_preview_shows_the_html_alone() -> None:
    assert preview("--html").stdout.startswith("<!DOCTYPE html>\n")


def test_preview_speaks_the_language_of_the_call() -> None:
    assert preview(language=Language.FR).stdout.startswith("Objet : Nous avons bien reçu")


def test_an_unknown_mailbox_is_a_usage_error_that_names_the_known_ones() -> None:
    result = preview("--mailbox", "nobody@cscmonavenir.example")

    assert result.exit_code == 2
    assert "inscriptions@cscmonavenir.example" in result.stderr


def test_a_template_that_fails_is_told_and_ends_with_1(tmp_path: Path) -> None:
    config = tmp_path / "mailwatch.toml"
    config.write_text(EXAMPLE.read_text().replace("\n[templates]\n", '\n[templates]\nfolder = "mine"\n'))
    (tmp_path / "mine/fr").mkdir(parents=True)
    (tmp_path / "mine/fr/acknowledgement.txt").write_text("Bonjour {{ prenom }}")

    result = preview(config=config)

    assert result.exit_code == 1
    assert result.stderr.startswith("fr/acknowledgement.txt: UndefinedError: 'prenom' is undefined.")
    assert "Bonjour,\n" in result.stdout
