"""Every mistake is told, all at once, with its file, its line and what to write instead."""

import os
import string
from pathlib import Path

import pytest
from config_files import CONFIGS, a_config

from mailwatch.config import load_config
from mailwatch.config.wording import SENTENCES
from mailwatch.domain.languages import Language
from mailwatch.errors import ConfigurationError

BAD = sorted((CONFIGS / "bad").glob("*.toml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_configuration_is_refused_with_these_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)

    with pytest.raises(ConfigurationError) as refused:
        load_config(Path(path.name))

    told = "\n".join(refused.value.problems) + "\n"
    expected = path.with_suffix(".expected")
    if os.environ.get("UPDATE_EXPECTED"):  # for review in the diff
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text("utf-8")


def test_five_mistakes_give_five_lines() -> None:
    path = CONFIGS / "bad" / "01-five-mistakes.toml"

    with pytest.raises(ConfigurationError) as refused:
        load_config(path)

    text = path.read_text("utf-8").splitlines()
    wrong = ["America/Ottawa", "subdivison", "2 jours", '"common"', "ann@"]
    lines = [next(number for number, line in enumerate(text, start=1) if each in line) for each in wrong]
    assert [f"{path}:{line}" for line in lines] == [":".join(each.split(":")[:2]) for each in refused.value.problems]


def test_no_message_repeats_a_secret() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_config(CONFIGS / "bad" / "06-secrets-in-clear.toml")

    assert "hunter2" not in str(refused.value)


def test_french_problems_are_in_french_and_keep_the_place(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('[organisation]\nname = "X"\ntimezone = "Toronto"\n[calendar]\nhours = ["9-5"]\n', "utf-8")

    with pytest.raises(ConfigurationError) as refused:
        load_config(path, language=Language.FR)

    assert refused.value.problems == (
        f"{path}:3: organisation.timezone: «\xa0Toronto\xa0» n’est pas un fuseau horaire connu\xa0; "
        'écrivez un nom IANA comme "America/Toronto"',
        f"{path}:5: calendar.hours[1]: «\xa09-5\xa0» n’est pas une plage horaire\xa0; "
        'écrivez "08:30-12:00", la fin après le début, au plus 24:00',
    )


@pytest.mark.parametrize("kind", SENTENCES)
def test_both_languages_tell_the_same_facts(kind: str) -> None:
    english, french = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in SENTENCES[kind])

    assert english == french
    assert SENTENCES[kind][0] != SENTENCES[kind][1] or kind == "other"


def test_a_file_that_is_not_utf8_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes('[organisation]\nname = "Écoles"\n'.encode("latin-1"))

    with pytest.raises(ConfigurationError) as refused:
        load_config(path)

    assert refused.value.problems == (f"{path}:2: the file isn't UTF-8 text here; save it as UTF-8",)


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_config(tmp_path / "missing.toml")


def test_a_windows_editors_mark_and_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = a_config(tmp_path)
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + plain.path.read_bytes().replace(b"\n", b"\r\n"))

    assert load_config(path).document == plain.document


def test_nesting_beyond_reason_is_a_problem_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000, "utf-8")

    with pytest.raises(ConfigurationError):
        load_config(path)
