"""The check finds what contradicts an invariant: each kind of contradiction is planted, and named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text, update
from store.conftest import Databases, SqliteDatabases
from store.records import NOW, OTHER, a_newsletter, a_record, begin, receive

from mailwatch.clock import MovableClock
from mailwatch.store import schema
from mailwatch.store.consistency import CHECKS, find_inconsistencies
from mailwatch.store.engine import Database
from mailwatch.store.store import SqlStore, open_store

SETTLED = "UPDATE outbox SET settled_at = enqueued_at, state = "

PLANTED = [
    ("UPDATE cursor SET last_uid = 0", "messages lie past the cursor"),
    ("DELETE FROM sighting WHERE uid = 1", "messages were never seen anywhere"),
    ("UPDATE message SET kind = 'request'", "messages are requests by kind, and opened none"),
    ("UPDATE message SET kind = 'bulk'", "requests were opened by a message that isn't one"),
    ("UPDATE request SET mailbox_id = mailbox_id + 1", "requests were opened by a message that isn't one"),
    ("DELETE FROM event", "requests have no events"),
    ("UPDATE request SET suppressed_by = NULL", "requests have neither an acknowledgement nor a reason why not"),
    ("UPDATE request SET suppressed_by = 'late'", "requests have an acknowledgement and a reason why not"),
    ("UPDATE request SET acknowledged_at = received_at", "requests count as acknowledged, and none was sent"),
    ("DELETE FROM event WHERE n = 2", "acknowledgements are in the outbox, and their request's history doesn't say so"),
    (SETTLED + "'sent'", "acknowledgements were sent, and their request's history doesn't say so"),
    (SETTLED + "'failed'", "acknowledgements were not sent for good, and their request's history doesn't say so"),
    (SETTLED + "'uncertain'", "entries came to their end without a reason"),
    (SETTLED + "'cancelled'", "acknowledgements were cancelled, and their request's history doesn't say so"),
    ("UPDATE outbox SET caused_by = 'f'", "acknowledgements answer another message"),
    ("UPDATE reference SET mailbox_id = mailbox_id + 1", "Message-IDs lead to a request of another mailbox"),
    ("UPDATE request SET state = 'set aside'", "the state isn't what the events come to: MW-"),
    ("UPDATE event SET kind = 'opened'", "an event isn't legal where it stands: MW-"),
    ("UPDATE event SET n = 7 WHERE n = 2", "events are missing, or counted wrongly: MW-"),
    ("UPDATE request SET event_count = 9", "events are missing, or counted wrongly: MW-"),
    ("UPDATE request SET answer_due_at = received_at", "the answer is due at another instant: MW-"),
    ("UPDATE request SET clock_started_at = answer_due_at", "the answer is due at another instant: MW-"),
    (
        "UPDATE request SET acknowledgement_due_at = received_at",
        "the acknowledgement is due at another instant: MW-",
    ),
]


@pytest.fixture
async def tainted(databases: Databases, clock: MovableClock) -> AsyncIterator[SqlStore]:
    """A store with two requests and a newsletter, which a test is about to make inconsistent."""
    store = open_store(await databases.migrated(), clock)
    await store.open()
    await receive(store, a_record(1), a_newsletter(2), a_record(3, suppressed_by="forwarded"))
    await begin(store, OTHER)
    yield store
    await store.close()


@pytest.fixture
async def sqlite_store(sqlite_pattern: Path, tmp_path: Path, clock: MovableClock) -> AsyncIterator[SqlStore]:
    """An empty store on SQLite, for what PostgreSQL's types and constraints make impossible."""
    store = open_store(await SqliteDatabases(tmp_path, sqlite_pattern).migrated(), clock)
    await store.open()
    yield store
    await store.close()


async def execute(store: SqlStore, statement: str) -> None:
    async with store.database.write() as connection:
        await connection.execute(text(statement))


async def test_what_receiving_writes_is_consistent(tainted: SqlStore) -> None:
    assert await find_inconsistencies(tainted) == []


@pytest.mark.parametrize(("statement", "sentence"), PLANTED)
async def test_a_planted_contradiction_is_named(tainted: SqlStore, statement: str, sentence: str) -> None:
    await execute(tainted, statement)
    problems = await find_inconsistencies(tainted)
    assert any(problem.startswith(sentence) for problem in problems), problems


def test_every_check_has_its_planted_contradiction() -> None:
    constrained = {"folders have more than one current cursor", "messages caused more than one automatic message"}
    constrained.add("requests are due before they were received")
    planted = [sentence for _, sentence in PLANTED]
    unplanted = {sentence for sentence, _ in CHECKS if not any(sentence.startswith(text) for text in planted)}
    assert unplanted == constrained


async def test_a_body_that_does_not_say_what_it_is_is_named(tainted: SqlStore) -> None:
    async with tainted.database.write() as connection:
        await connection.execute(update(schema.outbox).values(body=b"Subject: x\r\n\r\nAuto-Submitted: auto-replied"))
    problems = await find_inconsistencies(tainted)
    assert [problem.partition(":")[0] for problem in problems] == [
        "an automatic message doesn't say that it is one",
        "an automatic message has another Message-ID than the outbox",
    ]


async def test_due_instants_of_a_calendar_that_is_computed_otherwise_today_stand(tainted: SqlStore) -> None:
    """The holiday library's tables were corrected: requests keep the version they were opened under."""
    async with tainted.database.write() as connection:
        await connection.execute(schema.calendars.insert().values(digest="old", definition={}, first_used_at=NOW))
        row = (await connection.execute(schema.calendars.select().where(schema.calendars.c.digest != "old"))).one()
        changed = update(schema.calendars).where(schema.calendars.c.digest == "old").values(definition=row.definition)
        await connection.execute(changed)
        await connection.execute(
            update(schema.requests).values(calendar_digest="old", answer_due_at=schema.requests.c.received_at)
        )
    assert await find_inconsistencies(tainted) == []


async def test_offenders_are_named_but_not_all_of_a_thousand(tainted: SqlStore) -> None:
    await receive(tainted, *(a_record(number) for number in range(10, 30)))
    await execute(tainted, "UPDATE request SET suppressed_by = 'late'")
    (problem,) = await find_inconsistencies(tainted)
    assert problem.count("MW-") == 5


async def test_instants_that_would_not_sort_are_named(sqlite_store: SqlStore) -> None:
    await begin(sqlite_store)
    await execute(sqlite_store, "UPDATE mailbox SET progress_at = '2026-11-23T10:00:00-05:00'")
    (problem,) = await find_inconsistencies(sqlite_store)
    assert problem == "instants aren't UTC: mailbox.progress_at: 2026-11-23T10:00:00-05:00"


async def test_rows_that_point_nowhere_are_named(sqlite_store: SqlStore) -> None:
    await begin(sqlite_store)
    careless = Database(str(sqlite_store.database.url), foreign_keys=False)
    async with careless.write() as connection:
        await connection.execute(text("UPDATE cursor SET mailbox_id = 99"))
    await careless.close()
    problems = await find_inconsistencies(sqlite_store)
    assert problems == ["rows point to rows that don't exist; tables: cursor"]
