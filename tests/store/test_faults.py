"""What a database's errors become: wait, look again, or call a person; and never a word of anybody's mail."""

from datetime import timedelta
from pathlib import Path

import pytest
from servers.ports import free_ports
from servers.postgres import Postgres
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from store.conftest import SqliteDatabases
from store.records import INSCRIPTIONS, NOW, SOPHIE, a_new_request, a_newsletter, a_record, begin, receive, reference_of

from mailwatch.clock import MovableClock
from mailwatch.errors import CursorMoved, StoreUnavailable
from mailwatch.store import engine
from mailwatch.store.faults import StoreRefused, translate
from mailwatch.store.store import SqlStore, open_store
from mailwatch.store.types import clean, shorten, to_json


async def execute(store: SqlStore, statement: str) -> None:
    async with store.transaction() as tx:
        await tx.connection.execute(text(statement))


async def test_a_unique_key_that_exists_means_that_another_worker_was_first(store: SqlStore) -> None:
    await receive(store, a_record(1))
    with pytest.raises(CursorMoved):
        await receive(store, a_record(2, request=a_new_request(2, reference=reference_of(1))))


async def test_a_row_that_breaks_a_rule_is_refused_without_quoting_it(store: SqlStore) -> None:
    await begin(store)
    request = a_new_request(1, answer_due_at=NOW - timedelta(days=1))
    with pytest.raises(StoreRefused) as caught:
        await receive(store, a_record(1, subject="Confidentiel", request=request))
    assert "answer_due_at" in str(caught.value)
    assert SOPHIE not in str(caught.value)
    assert "Confidentiel" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_only_the_first_line_of_a_drivers_text_is_kept() -> None:
    """The second one, DETAIL, quotes the row."""
    cause = Exception(f"a rule was broken\nDETAIL: Failing row contains (1, {SOPHIE})")
    assert str(translate(ProgrammingError("INSERT", {}, cause))) == "a rule was broken"


async def test_a_fault_of_ours_is_not_taken_for_one_that_passes(store: SqlStore) -> None:
    with pytest.raises(StoreRefused):
        await execute(store, "SELECT * FROM nowhere")
    with pytest.raises(StoreRefused, match="without a zone"):
        async with store.transaction() as tx:
            await tx.block(SOPHIE, "refused", NOW.replace(tzinfo=None))


async def test_after_a_failure_the_store_goes_on(store: SqlStore) -> None:
    with pytest.raises(StoreRefused):
        await execute(store, "SELECT * FROM nowhere")
    await receive(store, a_newsletter(1))


async def test_a_server_that_is_not_there_is_unavailable(clock: MovableClock) -> None:
    (port,) = free_ports(1)
    store = open_store(f"postgresql+asyncpg://app@127.0.0.1:{port}/mailwatch", clock)
    with pytest.raises(StoreUnavailable):
        await store.open()
    await store.close()


async def test_a_lost_connection_is_unavailable_once_and_the_next_one_works(
    postgres: Postgres, postgres_pattern: str, clock: MovableClock
) -> None:
    store = open_store(postgres.url(await postgres.create(postgres_pattern)), clock)
    await store.open()

    async def work() -> None:
        async with store.transaction() as tx:
            pid = await tx.connection.scalar(text("SELECT pg_backend_pid()"))
            await postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
            await tx.find_switch("sending")

    with pytest.raises(StoreUnavailable):
        await work()
    await begin(store)
    await store.close()


async def test_a_locked_file_is_unavailable(
    sqlite_pattern: Path, tmp_path: Path, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_TIMEOUT_MS", 20)
    url = await SqliteDatabases(tmp_path, sqlite_pattern).migrated()
    store, rival = open_store(url, clock), open_store(url, clock)
    await store.open()
    async with store.transaction() as tx:
        await tx.keep_mailbox(INSCRIPTIONS)
        with pytest.raises(StoreUnavailable, match="locked"):
            await begin(rival)
    await begin(rival)
    await store.close()
    await rival.close()


async def test_a_file_that_cannot_be_written_says_what_to_do(
    sqlite_pattern: Path, tmp_path: Path, clock: MovableClock
) -> None:
    store = open_store(await SqliteDatabases(tmp_path, sqlite_pattern).migrated(), clock)
    await execute(store, "PRAGMA query_only=ON")
    with pytest.raises(StoreUnavailable, match=r"readonly database \(the file must belong to the user"):
        await begin(store)
    await store.close()


@pytest.mark.parametrize("databases", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("sqlstate", "says"), [("53100", "free space on the disk"), ("XX000", "PostgreSQL's own log says why")]
)
async def test_a_server_in_trouble_of_its_own_is_unavailable(store: SqlStore, sqlstate: str, says: str) -> None:
    """A full disk is either: a table can't grow, and a new connection's cache can't be written."""
    with pytest.raises(StoreUnavailable, match=says):
        await execute(store, f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$")


async def test_a_server_that_is_read_only_for_now_is_unavailable(
    postgres: Postgres, postgres_pattern: str, clock: MovableClock
) -> None:
    """As a standby is until it is promoted."""
    store = open_store(postgres.url(await postgres.create(postgres_pattern)), clock)
    name = store.database.url.database
    await execute(store, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await store.close()  # sessions that are open don't hear of it
    with pytest.raises(StoreUnavailable, match=r"read-only transaction \(a standby that isn't promoted"):
        await begin(store)
    await store.close()


def test_a_driver_that_gives_up_without_a_word_is_told_in_words_of_ours() -> None:
    told = translate(TimeoutError())
    assert isinstance(told, StoreUnavailable)
    assert str(told).startswith("the database didn't answer in time (it is locked")
    assert "timed out" in str(translate(TimeoutError(110, "Connection timed out")))


def test_a_pool_that_is_exhausted_is_told_in_words_of_ours() -> None:
    error = translate(PoolTimeout("QueuePool limit of size 1 overflow 0 reached"))
    assert isinstance(error, StoreUnavailable)
    assert str(error).startswith("the database is busy")


async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path, clock: MovableClock) -> None:
    store = open_store(f"sqlite+aiosqlite:///{tmp_path}/nowhere/mailwatch.db", clock)
    with pytest.raises(StoreUnavailable, match="unable to open"):
        await store.open(upgrade=True)
    await store.close()


async def test_a_report_sees_one_instant(store: SqlStore) -> None:
    async with store.reading() as connection:
        counted = text("SELECT count(*) FROM message")
        assert await connection.scalar(counted) == 0
        await receive(store, a_newsletter(1))
        assert await connection.scalar(counted) == 0


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("plain", "plain"), ("a\0b", "ab"), ("é\0", "é"), ("\udcc3x", "?x"), ("\U0001f600", "\U0001f600"), ("", "")],
)
def test_texts_are_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert to_json([text, {text: text}]) == to_json([cleaned, {cleaned: cleaned}])


def test_a_text_that_merely_looks_like_an_escape_is_kept() -> None:
    assert to_json("\\u0000") == '"\\\\u0000"'


def test_long_keys_stay_different() -> None:
    one, two = shorten("é" * 1000 + "1"), shorten("é" * 1000 + "2")
    assert one != two
    assert len(one) == len(two) == 300
    assert shorten("x" * 300) == "x" * 300
