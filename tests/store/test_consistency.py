"""The check finds what contradicts an invariant: each kind of contradiction is planted, and named."""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from store.conftest import Databases, SqliteDatabases
from store.records import MARIE, NOW, OTHER, a_digest, a_newsletter, a_record, an_entry, begin, enqueue, receive

from mailwatch.clock import MovableClock
from mailwatch.domain.absences import Absence
from mailwatch.domain.outbox import EntryKind
from mailwatch.domain.requests import Event, EventKind
from mailwatch.ports import Fact
from mailwatch.ports.absences import KeptAbsence
from mailwatch.store import retelling, schema
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.contradictions import CHECKS
from mailwatch.store.engine import Database
from mailwatch.store.store import SqlStore, open_store

AS_DIGEST = "UPDATE outbox SET kind = 'digest'"
SETTLED = "UPDATE outbox SET settled_at = enqueued_at, state = "

LUC = "luc.gagnon@cscmonavenir.example"
EVIDENCE = {"evidence": "sent folder", "confidence": 0.99}

# What happened to one of the requests: late, answered, asked again.
LIFE = [
    Event(kind=EventKind.ESCALATED, at=NOW, data={"level": "after 0 business days", "to": ["owner"]}),
    Event(kind=EventKind.REASSIGNED, at=NOW, data={"from": MARIE, "to": LUC}),
    Event(kind=EventKind.CONSULTED, at=NOW, data={**EVIDENCE, "identity": "a"}),
    Event(kind=EventKind.ANSWERED, at=NOW, data={**EVIDENCE, "identity": "b"}),
    Event(kind=EventKind.FOLLOWED_UP, at=NOW + timedelta(hours=1)),
]
ABSENT = Absence(who=MARIE, away_from=NOW.date())
MOVED = {"clock_started_at": NOW.isoformat(), "due_at": (NOW + timedelta(days=60)).isoformat(), "away": MARIE}

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
    ("UPDATE outbox SET caused_by = 'f' || id, unique_key = 'ack:f' || id", "acknowledgements answer another message"),
    ("UPDATE outbox SET message_id = '<mw.1@x.example>'", "entries have one Message-ID: <mw.1@x.example>"),
    ("UPDATE reference SET mailbox_id = mailbox_id + 1", "Message-IDs lead to a request of another mailbox"),
    ("UPDATE request SET announced_due_at = NULL", "acknowledgements announce a date, and their request doesn't say"),
    ("UPDATE request SET announced_due_at = received_at", "requests have announced a date without an acknowledgement"),
    (AS_DIGEST, "digests, notes or alerts are about one request, or caused by a message"),
    (AS_DIGEST, "digests have a key that doesn't say for which day"),
    (AS_DIGEST + ", unique_key = 'digest:' || id || ':2026-11-23'", "people have more than one digest of a day: "),
    (
        "UPDATE request SET state = 'set aside', settled_at = received_at",
        "the state isn't what the events come to: MW-",
    ),
    (
        "UPDATE event SET occurred_at = '2026-11-01T12:00:00.000000Z'",
        "the history doesn't begin when the request was received: MW-",
    ),
    ("UPDATE request SET clock_started_at = answer_due_at", "the clock isn't what the events come to: MW-"),
    ("UPDATE event SET kind = 'thanked' WHERE kind = 'followed up'", "the clock isn't what the events come to: MW-"),
    ("DELETE FROM earlier_clock", "the clock isn't what the events come to: MW-"),
    ("UPDATE earlier_clock SET stopped_by = 'closed'", "the clock isn't what the events come to: MW-"),
    ("UPDATE earlier_clock SET due_at = stopped_at", "the answer is due at another instant: MW-"),
    ("UPDATE request SET answered_at = NULL", "the first answer isn't when the events say: MW-"),
    ("UPDATE request SET acknowledged_at = received_at", "the acknowledgement isn't when the events say: MW-"),
    (
        "UPDATE event SET data = (SELECT data FROM event AS e WHERE e.kind = 'answered') WHERE kind = 'consulted'",
        "the same evidence counts twice: MW-",
    ),
    ("DELETE FROM escalation", "escalations aren't what the events say: MW-"),
    ("UPDATE escalation SET level = 'after 3 business days'", "escalations aren't what the events say: MW-"),
    ("UPDATE request SET owner = 'nobody@cscmonavenir.example'", "the owner isn't whom the events name: MW-"),
    ("UPDATE event SET kind = 'opened'", "an event isn't legal where it stands: MW-"),
    ("UPDATE event SET n = 70 WHERE n = 2", "events are missing, or counted wrongly: MW-"),
    ("UPDATE request SET event_count = 9", "events are missing, or counted wrongly: MW-"),
    ("UPDATE request SET answer_due_at = received_at", "the answer is due at another instant: MW-"),
    ("UPDATE request SET clock_started_at = answer_due_at", "the answer is due at another instant: MW-"),
    # Moved by an absence: not to another instant, and never to one before the standard.
    ("UPDATE request SET answer_due_at = acknowledgement_due_at", "the answer isn't due when the events say: MW-"),
    ("UPDATE request SET answer_due_at = clock_started_at", "the answer is due at another instant: MW-"),
    (
        "UPDATE request SET acknowledgement_due_at = received_at",
        "the acknowledgement is due at another instant: MW-",
    ),
]


@pytest.fixture
async def tainted(databases: Databases, clock: MovableClock) -> AsyncIterator[SqlStore]:
    """A store with a newsletter and three requests, which a test is about to make inconsistent."""
    store = open_store(await databases.migrated(), clock)
    await store.open()
    await receive(store, a_record(1), a_newsletter(2), a_record(3, suppressed_by="forwarded"), a_record(4))
    await begin(store, OTHER)
    async with store.transaction() as tx:
        await tx.follow_facts([Fact(request_id=1, event=event) for event in LIFE])
        await tx.follow_facts([Fact(request_id=3, event=Event(kind=EventKind.RESCHEDULED, at=NOW, data=MOVED))])
    async with store.database.write() as connection:
        level = {"request_id": 1, "level": "after 0 business days", "clock_started_at": NOW, "escalated_at": NOW}
        await connection.execute(schema.escalations.insert().values(**level))
        await connection.execute(update(schema.requests).where(schema.requests.c.id == 1).values(owner=LUC))
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
        await connection.exec_driver_sql(statement)


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
    sentences = [sentence for sentence, _ in (*CHECKS, *retelling.CHECKS)]
    unplanted = {sentence for sentence in sentences if not any(_belongs(sentence, text) for text in planted)}
    assert unplanted == constrained


def _belongs(sentence: str, planted: str) -> bool:
    return sentence.startswith(planted) or planted.startswith(sentence)


async def test_a_body_that_does_not_say_what_it_is_is_named(tainted: SqlStore) -> None:
    async with tainted.database.write() as connection:
        await connection.execute(update(schema.outbox).values(body=b"Subject: x\r\n\r\nAuto-Submitted: auto-replied"))
    problems = await find_inconsistencies(tainted)
    assert [problem.partition(":")[0] for problem in problems] == [
        "an automatic message doesn't say that it is one, and of which kind",
        "an automatic message has another Message-ID than the outbox",
    ] * 2


async def test_a_digest_that_says_it_answers_a_message_is_named(tainted: SqlStore) -> None:
    body = a_digest().body.replace(b"auto-generated", b"auto-replied")
    await enqueue(tainted, a_digest(body=body))
    (problem,) = await find_inconsistencies(tainted)
    assert problem.startswith("an automatic message doesn't say that it is one, and of which kind: entry")


async def tell(store: SqlStore, number: int, *, days: int) -> None:
    """A sender is told of the first absence, so many days after the beginning."""
    entry = an_entry(number, kind=EntryKind.NOTICE, unique_key=f"notice:1:x:{number}", absence=1)
    record = a_newsletter(number, notice_entry=entry, notice="told")
    await receive(store, record)
    at = (NOW + timedelta(days=days)).replace(tzinfo=UTC)
    async with store.database.write() as connection:
        told = update(schema.outbox).where(schema.outbox.c.unique_key == entry.unique_key)
        await connection.execute(told.values(enqueued_at=at))


@pytest.mark.parametrize(
    ("days", "state", "is_named"), [(6, "pending", True), (7, "pending", False), (6, "failed", False)]
)
async def test_whoever_was_told_twice_of_an_absence_within_a_week_is_named(
    tainted: SqlStore, days: int, state: str, is_named: bool
) -> None:
    async with tainted.transaction() as tx:
        await tx.keep_absence(KeptAbsence(absence=ABSENT, source="command", uid="a", by="paul"))
    await tell(tainted, 10, days=0)
    await tell(tainted, 11, days=days)
    if state != "pending":
        settled = "UPDATE outbox SET settled_at = enqueued_at, reason = 'x', state = 'failed'"
        await execute(tainted, f"{settled} WHERE unique_key = 'notice:1:x:10'")
    problems = await find_inconsistencies(tainted)
    assert [problem.partition(":")[0] for problem in problems] == (
        ["somebody was told again of an absence too soon"] if is_named else []
    )


async def test_due_instants_of_a_calendar_that_is_computed_otherwise_today_stand(tainted: SqlStore) -> None:
    """The holiday library's tables were corrected: requests keep the version they were opened under."""
    async with tainted.database.write() as connection:
        await connection.execute(schema.calendars.insert().values(digest="old", definition={}, first_used_at=NOW))
        row = (await connection.execute(schema.calendars.select().where(schema.calendars.c.digest != "old"))).one()
        changed = update(schema.calendars).where(schema.calendars.c.digest == "old").values(definition=row.definition)
        await connection.execute(changed)
        moved = select(schema.events.c.request_id).where(schema.events.c.kind == EventKind.RESCHEDULED)
        by_old = update(schema.requests).where(schema.requests.c.id.not_in(moved))
        await connection.execute(by_old.values(calendar_digest="old", answer_due_at=schema.requests.c.clock_started_at))
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
