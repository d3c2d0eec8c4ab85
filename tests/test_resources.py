"""The files that ship with the program are found in the tree, and inside the package of a wheel."""

from pathlib import Path

import pytest

from mailwatch import resources

ROOT = Path(__file__).parent.parent


def test_in_the_source_tree_they_lie_beside_the_package() -> None:
    assert resources.templates_folder() == ROOT / "templates"
    assert resources.migrations_folder() == ROOT / "migrations"


def test_in_a_wheel_they_lie_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "mailwatch"
    (package / "_templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()  # somebody else's, beside site-packages/mailwatch
    monkeypatch.setattr(resources, "files", lambda _name: package)

    assert resources.templates_folder() == package / "_templates"


def test_when_they_are_missing_the_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "files", lambda _name: tmp_path / "mailwatch")

    with pytest.raises(FileNotFoundError, match=r"migrations are missing; looked at .*_migrations and .*migrations"):
        resources.migrations_folder()
