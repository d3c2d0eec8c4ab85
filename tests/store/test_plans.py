"""No statement of receiving or dispatching reads a whole table: a million requests must cost what a thousand do."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from store.conftest import SqliteDatabases
from store.records import (
    INSCRIPTIONS,
    NOW,
    SOPHIE,
    a_digest,
    a_follow_up,
    a_record,
    an_entry,
    claim,
    identity_of,
    receive,
    reference_of,
    settle,
    traces,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.requests import Event, EventKind
from mailwatch.ports import Fact
from mailwatch.store.store import SqlStore, open_store

# One row, or a few dozen: mailboxes' switches and workers, and what a person has blocked.
SMALL = frozenset({"installation", "switch", "worker", "json_each", "CONSTANT"})


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is executed from here on, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


async def a_busy_day(store: SqlStore) -> None:
    """Receive, look back, follow up, claim, settle, take over, wait."""
    await receive(store, a_record(1, entry=an_entry(1, not_before=NOW)), a_record(2, suppressed_by="elsewhere"))
    keys = frozenset({"x"})
    async with store.transaction() as tx:
        await tx.find_past(
            INSCRIPTIONS,
            traces(
                identities=frozenset({identity_of(1)}),
                message_ids=keys,
                references=keys,
                thread_indexes=keys,
                subjects=frozenset({(SOPHIE, "inscription")}),
                recipients=keys,
                new_references=frozenset({reference_of(1)}),
            ),
            keys,
        )
        await tx.unblock(keys)
        await tx.count_enqueued(NOW)
        await tx.next_due_at([INSCRIPTIONS], ["default"])
        await tx.list_left_elsewhere()
        await tx.list_recorded_uids(INSCRIPTIONS, "INBOX", 1, 0)
    (entry,) = await claim(store)
    await receive(store, a_follow_up(3, entry.request_id or 0))
    await settle(store, entry, answered_by="\\Answered")
    async with store.transaction() as tx:
        await tx.enqueue(a_digest())
        asked = Event(kind=EventKind.FOLLOWED_UP, at=NOW, occurred_at=NOW + timedelta(hours=1))
        await tx.follow_facts([Fact(request_id=1, event=asked, message_id="<7@courriel.example>")])
    (digest,) = await claim(store)
    await settle(store, digest)
    async with store.transaction() as tx:
        await tx.release_entries("one")


def path_of(store: SqlStore) -> Path:
    """The file of its database."""
    return Path(store.database.url.database or "")


def plan(path: Path, statement: str, parameters: Any) -> list[str]:
    """What SQLite would do, step by step."""
    with closing(sqlite3.connect(path)) as connection:
        return [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]


def scans(path: Path, statements: list[tuple[str, Any]]) -> list[str]:
    """Tables that SQLite would read from end to end, each with the statement."""
    found = []
    for statement, parameters in statements:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            for step in plan(path, statement, parameters):
                words = step.split()
                if words[0] == "SCAN" and words[1] not in SMALL and "USING INDEX ix_outbox_live" not in step:
                    found.append(f"{step}: {statement}")
    return found


@pytest.fixture
async def store(
    sqlite_pattern: Path, tmp_path: Path, clock: MovableClock, statements: list[tuple[str, Any]]
) -> AsyncIterator[SqlStore]:
    """On SQLite, whose planner has no statistics to go by. What opening it executes isn't seen."""
    store = open_store(await SqliteDatabases(tmp_path, sqlite_pattern).migrated(), clock)
    await store.open()
    statements.clear()
    yield store
    await store.close()


async def test_no_statement_reads_a_whole_table(store: SqlStore, statements: list[tuple[str, Any]]) -> None:
    await a_busy_day(store)
    assert len(statements) > 40
    assert scans(path_of(store), statements) == []


async def test_who_was_told_of_an_absence_is_found_among_notices_not_among_all_that_they_were_ever_sent(
    store: SqlStore, statements: list[tuple[str, Any]]
) -> None:
    async with store.transaction() as tx:
        await tx.find_past(INSCRIPTIONS, traces(recipients=frozenset({SOPHIE})), frozenset())
    [(statement, parameters)] = [each for each in statements if "absence_id" in each[0]]
    steps = plan(path_of(store), statement, parameters)
    assert any("USING INDEX ix_outbox_told (recipient=?" in step for step in steps), steps
