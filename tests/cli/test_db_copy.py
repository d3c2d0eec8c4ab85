"""`mailwatch db copy`: a fortnight's database moves to PostgreSQL and back, and what can't be copied is refused."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cli.fortnight import NOW
from cli.program import EXAMPLE, Program, plain
from servers.postgres import Postgres

from mailwatch.process import only_process

COPIED = "Copied and compared; every invariant holds. Put this URL into [database] and start mailwatch."


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def to(postgres: Postgres) -> str:
    """The URL of an empty PostgreSQL database."""
    return postgres.url(asyncio.run(postgres.create()), "postgresql")


@pytest.fixture
def configured(fortnight: Path, tmp_path: Path, stop_clock: Callable[[datetime], None]) -> Path:
    """The example configuration on a copy of that database, on 1 December at 10:00."""
    stop_clock(NOW)
    shutil.copy(fortnight, tmp_path / "mailwatch.db")
    return Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))


def use(configured: Path, url: str) -> None:
    """Put a URL into [database]."""
    text = configured.read_text("utf-8")
    assert text.count('url = "sqlite:///mailwatch.db"') == 1
    configured.write_text(text.replace('"sqlite:///mailwatch.db"', f'"{url}"'), "utf-8")


def test_it_says_what_it_copied(program: Program, configured: Path, to: str) -> None:
    done = program("db", "copy", "--to", to, config=configured)

    assert (done.code, done.err) == (0, "")
    assert "request                  4" in done.lines
    assert done.lines[-1] == COPIED


def test_the_copy_serves_as_the_original_did(program: Program, configured: Path, to: str) -> None:
    before = program("status", "--json", config=configured).objects()
    assert program("db", "copy", "--to", to, "--json", config=configured).code == 0

    use(configured, to)

    assert program("status", "--json", config=configured).objects() == before
    assert program("check", "--data", config=configured).lines[0] == "✓ data: every invariant holds"


def test_it_comes_back_from_postgresql(program: Program, configured: Path, to: str, tmp_path: Path) -> None:
    (there,) = program("db", "copy", "--to", to, "--json", config=configured).objects()
    use(configured, to)
    back = f"sqlite:///{tmp_path}/back.db"

    (here,) = program("db", "copy", "--to", back, "--json", config=configured).objects()

    assert here == there | {"to": back}
    assert here["rows"] == sum(here["tables"].values()) > 40
    assert here["inconsistencies"] == []


def test_a_copy_that_breaks_invariants_says_so(program: Program, configured: Path, to: str) -> None:
    with sqlite3.connect(configured.parent / "mailwatch.db") as database:
        database.execute("UPDATE cursor SET last_uid = started_uid")
    database.close()

    done = program("db", "copy", "--to", to, config=configured, lang="fr")

    assert done.code == 1
    assert any(line.startswith("! messages lie past the cursor") for line in done.lines)
    assert "« mailwatch check --data » dit si la source les viole aussi" in done.lines[-1]


def test_it_is_not_copied_while_mailwatch_runs_on_it(program: Program, configured: Path, to: str) -> None:
    with only_process(configured.parent / "mailwatch.db"):
        done = program("db", "copy", "--to", to, config=configured)

    assert done.code == 2
    assert "another `mailwatch run` uses this database" in done.err


REFUSED = [
    ("mysql://u@h/d", 2, "--to: this isn't a database mailwatch knows", "--to: ce n'est pas une base de données"),
    ("postgresql://u:p@h/d", 2, "--to: a password doesn't stand in the URL", "--to: un mot de passe n'a pas sa place"),
    ("sqlite:///{folder}/mailwatch.db", 2, "that is the configured database", "c'est la base configurée elle-même"),
    ("sqlite:///{folder}/full.db", 1, "the target isn't empty (tables: other)", "n'est pas vide (tables : other)"),
]


@pytest.mark.parametrize(("url", "code", "english", "french"), REFUSED)
def test_what_is_no_target_is_refused(
    program: Program, configured: Path, url: str, code: int, english: str, french: str
) -> None:
    with sqlite3.connect(configured.parent / "full.db") as database:
        database.execute("CREATE TABLE other (id INTEGER)")
    database.close()

    for lang, sentence in (("en", english), ("fr", french)):
        done = program("db", "copy", "--to", url.format(folder=configured.parent), config=configured, lang=lang)
        assert (done.code, done.out) == (code, "")
        assert sentence in plain(done.err)
        assert "p@h" not in done.err
