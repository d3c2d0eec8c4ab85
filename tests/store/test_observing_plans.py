"""No statement by which answers are seen reads all requests, messages or references: only mailboxes are few."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from store.conftest import SqliteDatabases
from store.records import INSCRIPTIONS, SOPHIE, a_record, identity_of, receive, reference_of
from store.test_observed import an_answer, an_outgoing
from store.test_plans import scans, statements

from mailwatch.clock import MovableClock
from mailwatch.domain.threads import Clues
from mailwatch.ports import Fact
from mailwatch.store.store import open_store

__all__ = ["statements"]  # a fixture


async def test_no_statement_reads_a_whole_table(
    sqlite_pattern: Path,
    tmp_path: Path,
    clock: MovableClock,
    statements: list[tuple[str, Any]],  # the fixture
) -> None:
    url = await SqliteDatabases(tmp_path, sqlite_pattern).migrated()
    store = open_store(url, clock)
    await store.open()
    await receive(store, a_record(1))
    statements.clear()
    clues = Clues(in_reply_to=("<1@x>",), reference=reference_of(1), thread_root="01", subject=(SOPHIE, "inscription"))
    async with store.transaction() as tx:
        await tx.keep_outgoing([an_outgoing()])
        await tx.list_held(frozenset({"<1@courriel.example>"}), frozenset({"MW-000000"}))
        await tx.find_matches([clues])
        await tx.list_flagged(INSCRIPTIONS)
        await tx.find_requests_of(frozenset({identity_of(1)}))
        await tx.add_facts([Fact(request_id=1, event=an_answer(), message_id="<9@x>")])
        await tx.note_answer_seen(INSCRIPTIONS)
    await store.close()

    assert len(statements) > 15
    found = scans(Path(url.partition(":///")[2]), statements)
    assert [one for one in found if not one.startswith("SCAN mailbox")] == []


async def test_the_places_of_questions_are_found_by_an_index_that_tells_what_is_unsettled(
    sqlite_pattern: Path,
    tmp_path: Path,
    clock: MovableClock,
    statements: list[tuple[str, Any]],  # the fixture
) -> None:
    url = await SqliteDatabases(tmp_path, sqlite_pattern).migrated()
    store = open_store(url, clock)
    await store.open()
    statements.clear()
    async with store.transaction() as tx:
        await tx.list_flagged(INSCRIPTIONS)
    await store.close()

    [(statement, parameters)] = [one for one in statements if "sighting" in one[0]]
    with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
        [first, *_] = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    assert first[3].split(" (")[0].removeprefix("SEARCH request USING INDEX ") in (
        "ix_request_state",
        "ix_request_unsettled",
    )
