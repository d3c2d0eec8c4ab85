"""A long history, written straight into the tables: the same statements for both databases, many rows each.

Requests come one after the other over two years, `MAILBOXES` mailboxes in turn, 100 at the same instant at most; all
but the newest `OPEN` were acknowledged and answered. For every four of them there is a message that opened none. A
short history is the end of a long one: what is open falls due at the same instants. Keys are hashes, so that they lie
in their indexes as scattered as real ones. Absences come through the store.

What `mailwatch check --data` looks at holds. The bodies of acknowledgements are made up, and shorter than real ones.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from bench.databases import Database, Execute
from mailwatch.domain.absences import Absence
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.standards import ServiceStandard, due
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import keep_source
from mailwatch.store.store import SqlStore

MAILBOXES = 20
OPEN = 300  # requests whose clock runs: as many after two years as after a week
SPAN = timedelta(days=730)
HOURS = range(13, 21)  # UTC, in which requests come
EACH_HOUR = 5  # instants at which they do
CHUNK = 50_000  # rows of a statement
UIDVALIDITY = 77
ACKNOWLEDGED_AFTER, ANSWERED_AFTER = timedelta(minutes=5), timedelta(hours=3)
BODY = "x" * 1_000  # below the headers: real ones are longer, and lie beside their rows
AWAY = 100  # people who are away, one after the other

# i: 1 … count; those past it are messages that opened no request.
_SERIES = "WITH RECURSIVE series(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM series WHERE i < {last}) "
_AT = (
    "FROM series JOIN bench_slot AS slot ON slot.n = CAST("
    "{before} + CASE WHEN i <= {count} THEN i - 1 ELSE (i - {count} - 1) * 4 END AS bigint) * {slots} / {whole} "
    "JOIN request_facts ON true "
)
_MAILBOX = "1 + i % {mailboxes}"
_IDENTITY = "md5('identity' || i) || md5('rest' || i)"
_THEIRS = "'<' || md5('message' || i) || '@quartier.example>'"
_OURS = "'<mw.ack.' || md5('ours' || i) || '@example.test>'"
_THE_ANSWER = "'<' || md5('answer' || i) || '@example.test>'"
_REQUESTER = "'parent' || (i % ({count} / 3 + 1)) || '@quartier' || (i % 97) || '.example'"
_SUBJECT = "'inscription ' || (i % 5000)"
# An odd factor: each of 2³⁰ numbers becomes another one, five bits of it a letter.
_REFERENCE = "'MW-' || " + " || ".join(
    f"substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', "
    f"CAST(1 + CAST(i AS bigint) * 636413621 % 1073741824 / {32**place} % 32 AS integer), 1)"
    for place in range(5, -1, -1)
)
_IS_OPEN = "i > {count} - {open}"

MESSAGES = f"""INSERT INTO message
 (id, mailbox_id, identity, message_id, sender, subject, received_at, recorded_at, size, kind, reason, hits, language)
 {_SERIES} SELECT i, {_MAILBOX}, {_IDENTITY}, {_THEIRS}, {_REQUESTER}, {_SUBJECT}, received_at, received_at, 29000,
 CASE WHEN i <= {{count}} THEN 'request' ELSE 'bulk' END, CASE WHEN i <= {{count}} THEN 'person' ELSE 'list' END,
 '[]', 'fr' {_AT}"""
SIGHTINGS = f"""INSERT INTO sighting (mailbox_id, folder, uidvalidity, uid, message_id, recorded_at)
 {_SERIES} SELECT {_MAILBOX}, 'INBOX', {UIDVALIDITY}, i, i, received_at {_AT}"""
REQUESTS = f"""INSERT INTO request
 (id, reference, mailbox_id, message_id, requester, recipient, owner, language, subject_key, thread_index, state,
  event_count, received_at, clock_started_at, acknowledgement_due_at, answer_due_at, acknowledged_at, announced_due_at,
  answered_at, settled_at, calendar_digest, standard)
 {_SERIES} SELECT i, {_REFERENCE}, {_MAILBOX}, i, {_REQUESTER}, {_REQUESTER}, 'marie@example.test', 'fr', {_SUBJECT},
 '', CASE WHEN {_IS_OPEN} THEN 'acknowledged' ELSE 'answered' END, CASE WHEN {_IS_OPEN} THEN 3 ELSE 4 END,
 received_at, received_at, acknowledgement_due_at, answer_due_at, acknowledged_at, answer_due_at,
 CASE WHEN {_IS_OPEN} THEN NULL ELSE answered_at END, CASE WHEN {_IS_OPEN} THEN NULL ELSE answered_at END,
 digest, standard {_AT}"""
OUTBOX = f"""INSERT INTO outbox
 (id, unique_key, kind, mailbox_id, account, request_id, caused_by, message_id, reverse_path, recipient, subject_key,
  body, state, reason, enqueued_at, not_before, give_up_at, attempts, settled_at)
 {_SERIES} SELECT i, 'ack:' || {_IDENTITY}, 'acknowledgement', {_MAILBOX}, '', i, {_IDENTITY}, {_OURS},
 'service' || (i % {{mailboxes}}) || '@example.test', {_REQUESTER}, {_SUBJECT},
 CAST('Auto-Submitted: auto-replied' || {{crlf}} || 'Message-ID: ' || {_OURS} || {{crlf}} || {{crlf}} || '{BODY}' AS
 {{octets}}), 'sent', '250 ok', received_at, received_at, answer_due_at, 1, acknowledged_at {_AT}"""
EVENTS = tuple(
    f"INSERT INTO event (request_id, n, kind, at, occurred_at, by, message_id, data) {_SERIES}"
    f"SELECT i, {n}, '{kind}', {at}, {at}, '{by}', {message}, '{data}' {_AT} {where}"
    for n, kind, at, by, message, data, where in (
        (1, "opened", "received_at", "mailwatch", "i", '{{"reason":"person"}}', ""),
        (2, "acknowledgement enqueued", "received_at", "mailwatch", "i", "{{}}", ""),
        (3, "acknowledged", "acknowledged_at", "mailwatch", "NULL", '{{"attempts":1,"outcome":"sent"}}', ""),
        (
            4,
            "answered",
            "answered_at",
            "marie@example.test",
            "NULL",
            '{{"evidence":"sent folder","confidence":0.99}}',
            f"WHERE NOT ({_IS_OPEN})",
        ),
    )
)
REFERENCES = tuple(
    f"INSERT INTO reference (mailbox_id, message_id, request_id) {_SERIES} SELECT {_MAILBOX}, {key}, i {_AT} {where}"
    for key, where in ((_THEIRS, ""), (_OURS, ""), (_THE_ANSWER, f"WHERE NOT ({_IS_OPEN})"))
)


def write_past(database: Database, mailbox: Mailbox, count: int, until: datetime, whole: int) -> None:
    """The last `count` requests of a history of two years and `whole` requests, which ends just before `until`.

    The tables are there, and empty but for the calendar.
    """
    slots = list(_slots(mailbox.standard, until))
    names = {
        "count": count,
        "whole": whole,
        "before": whole - count,
        "open": min(OPEN, count // 3),
        "mailboxes": MAILBOXES,
        "slots": len(slots),
    }
    with database.loading() as execute:
        _write_slots(execute, mailbox.standard, slots)
        _write_mailboxes(execute, until, count + count // 4)
        for statements, rows in (
            ((MESSAGES, SIGHTINGS), count + count // 4),
            ((REQUESTS, OUTBOX, *EVENTS, *REFERENCES), count),
        ):
            for statement in statements:
                for first in range(1, rows + 1, CHUNK):
                    execute(_filled(statement, database, first, min(first + CHUNK - 1, rows), names))
        execute("DROP TABLE bench_slot")
        execute("DROP TABLE request_facts")
    database.settle()


async def write_absences(store: SqlStore, count: int, today: date) -> None:
    """Absences of staff, over or not; none of those who own what is measured."""
    kept = [
        KeptAbsence(
            absence=Absence(
                who=f"person{number % AWAY}@example.test",
                away_from=(first := today - timedelta(days=100 - number * 160 // count)),
                returns_on=first + timedelta(days=1 + number % 14),
                delegate=f"person{(number + 1) % AWAY}@example.test",
            ),
            source="import",
            uid=str(number),
            by="bench",
        )
        for number in range(count)
    ]
    async with store.transaction() as tx:
        await keep_source(tx, "import", kept, today)


def _filled(statement: str, database: Database, first: int, last: int, names: dict[str, int]) -> str:
    return statement.format(first=first, last=last, octets=database.octets, crlf=database.crlf, **names)


def _slots(standard: ServiceStandard, until: datetime) -> Iterator[tuple[datetime, ...]]:
    """When requests come, oldest first, each with what follows from that by the standard."""
    day = (until - SPAN).date()
    while day < until.date():
        if day.weekday() < 5:
            for number in range(len(HOURS) * EACH_HOUR):
                hour, part = divmod(number, EACH_HOUR)
                at = datetime.combine(day, time(HOURS[hour], part * 60 // EACH_HOUR), UTC)
                yield (
                    at,
                    due(standard.calendar, at, standard.acknowledge_within),
                    due(standard.calendar, at, standard.answer_within),
                    at + ACKNOWLEDGED_AFTER,
                    at + ANSWERED_AFTER,
                )
        day += timedelta(days=1)


def _write_slots(execute: Execute, standard: ServiceStandard, slots: list[tuple[datetime, ...]]) -> None:
    columns = ("received_at", "acknowledgement_due_at", "answer_due_at", "acknowledged_at", "answered_at")
    # As columns of the tables they go to: so their types are those of this database.
    execute("CREATE TABLE bench_slot AS SELECT id AS n, " + ", ".join(columns) + " FROM request WHERE false")
    execute("CREATE TABLE request_facts AS SELECT calendar_digest AS digest, standard FROM request WHERE false")
    limits = f'{{"acknowledge_within":"{standard.acknowledge_within}","answer_within":"{standard.answer_within}"}}'
    execute(f"INSERT INTO request_facts SELECT digest, '{limits}' FROM calendar")
    for first in range(0, len(slots), 500):
        values = (
            f"({number}, " + ", ".join(f"'{_written(each)}'" for each in slot) + ")"
            for number, slot in enumerate(slots[first : first + 500], first)
        )
        execute(f"INSERT INTO bench_slot VALUES {', '.join(values)}")
    execute("CREATE UNIQUE INDEX bench_slot_n ON bench_slot (n)")


def _write_mailboxes(execute: Execute, until: datetime, last_uid: int) -> None:
    began = _written(until - SPAN)
    for number in range(MAILBOXES):
        execute(
            "INSERT INTO mailbox (id, address, enabled_at) "
            f"VALUES ({number + 1}, 'service{number}@example.test', '{began}')"
        )
        execute(
            "INSERT INTO cursor (mailbox_id, folder, uidvalidity, last_uid, started_uid, is_current, moved_at) "
            f"VALUES ({number + 1}, 'INBOX', {UIDVALIDITY}, {last_uid}, 0, true, '{began}')"
        )


def _written(instant: datetime) -> str:
    """As SQLite holds it; PostgreSQL reads it, too."""
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z"
