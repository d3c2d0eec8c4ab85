"""SQLite's log is brought into the database file beside the writer: in time, and whatever is in the way."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store.conftest import SqliteDatabases

from mailwatch.store.checkpoints import EVERY, Checkpointer
from mailwatch.store.engine import Database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that never brings its log home by itself."""
    with closing(connect(file)) as connection:
        connection.execute("CREATE TABLE letter (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield connection


def connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def write(writer: sqlite3.Connection, count: int) -> int:
    """So many rows; how many the connection has changed by then."""
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO letter (name) VALUES (?)", [("x",)] * count)
    writer.execute("COMMIT")
    return writer.total_changes


def at_home(file: Path) -> int:
    """How many rows the database file itself holds, without its log."""
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM letter").fetchone()
    return int(count)


async def test_the_log_is_brought_home_every_so_many_rows(file: Path, writer: sqlite3.Connection) -> None:
    checkpointer = Checkpointer(str(file))
    seen = []
    for count in (EVERY - 1, 1, EVERY - 1, EVERY):
        checkpointer.note(write(writer, count))
        await checkpointer.close()
        seen.append(at_home(file))
    assert seen == [0, EVERY, EVERY, 3 * EVERY - 1]


async def test_rows_are_counted_anew_where_the_writer_connects_anew(file: Path, writer: sqlite3.Connection) -> None:
    checkpointer = Checkpointer(str(file))
    checkpointer.note(write(writer, 3 * EVERY))
    await checkpointer.close()
    with closing(connect(file)) as again:
        checkpointer.note(write(again, 1))
        checkpointer.note(write(again, EVERY))
        await checkpointer.close()
        assert at_home(file) == 4 * EVERY + 1


async def test_a_reader_of_an_earlier_instant_is_not_waited_for(file: Path, writer: sqlite3.Connection) -> None:
    checkpointer = Checkpointer(str(file))
    with closing(connect(file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM letter").fetchone()
        checkpointer.note(write(writer, EVERY))
        await checkpointer.close()
        assert at_home(file) == 0
    checkpointer.note(write(writer, EVERY))
    await checkpointer.close()
    assert at_home(file) == 2 * EVERY


async def test_a_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    checkpointer = Checkpointer(str(tmp_path / "gone?.db"))
    checkpointer.note(EVERY)
    await checkpointer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
async def database(tmp_path: Path, sqlite_pattern: Path) -> AsyncIterator[Database]:
    database = Database(await SqliteDatabases(tmp_path, sqlite_pattern).migrated())
    yield database
    await database.close()


async def test_the_store_s_writer_has_its_log_brought_home(database: Database) -> None:
    file = Path(database.url.database or "")
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE letter (id INTEGER PRIMARY KEY, name TEXT)")
        values = ", ".join(["('x')"] * EVERY)
        await connection.exec_driver_sql(f"INSERT INTO letter (name) VALUES {values}")
    await database.checkpointer.close()
    assert at_home(file) == EVERY
