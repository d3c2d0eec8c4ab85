"""What the first version of the tables held: a database of that revision, and four requests' lives in it."""

import asyncio
import json
from argparse import Namespace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncConnection
from store.records import (
    CALENDAR,
    INSCRIPTIONS,
    MARIE,
    NOW,
    SOPHIE,
    STANDARD,
    UIDVALIDITY,
    an_entry,
    due,
    identity_of,
    reference_of,
)

from mailwatch.store import schema
from mailwatch.store.engine import Database

MIGRATIONS = Path(__file__).parents[2] / "migrations"
HOUR = timedelta(hours=1)

ENQUEUED, ACKNOWLEDGED, CANCELLED = "acknowledgement enqueued", "acknowledged", "acknowledgement cancelled"
WITHHELD, FOLLOWED = "acknowledgement withheld", "followed up"

# Of each request, by number: its state, and what happened: (hour, kind, the message that brought it about).
# Messages from 10 on are received an hour before they are written, as the polling found them.
LIVES: dict[int, tuple[str, tuple[tuple[float, str, int], ...]]] = {
    1: ("acknowledged", ((0, "opened", 1), (0, ENQUEUED, 1), (1, ACKNOWLEDGED, 0), (5, FOLLOWED, 11))),
    2: (
        "open",
        (
            (0, "opened", 2),
            (0, ENQUEUED, 2),
            (2, "answered", 0),
            (2, CANCELLED, 0),
            (5, FOLLOWED, 12),
            (5, "reopened", 12),
        ),
    ),
    # Received an hour before the answer was seen, and written after it.
    3: ("open", ((0, "opened", 3), (0, WITHHELD, 3), (2, "answered", 0), (2.5, FOLLOWED, 13), (2.5, "reopened", 13))),
    4: ("answered", ((0, "opened", 4), (0, WITHHELD, 4), (2, "answered", 0), (3, "auto-replied", 14))),
}
OUTCOMES = {1: "sent", 2: "cancelled"}


async def migrate_to_first(url: str) -> None:
    """Make the tables of the first version."""
    config = Config(cmd_opts=Namespace(x=[f"url={url}"]))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    await asyncio.to_thread(command.upgrade, config, "0001")


async def fill(url: str) -> None:
    """Write the lives as the first version did."""
    database = Database(url)
    try:
        async with database.write() as connection:
            await _write_mailbox(connection)
            for number, (state, life) in LIVES.items():
                await _write_life(connection, number, state, life)
    finally:
        await database.close()


async def _write_mailbox(connection: AsyncConnection) -> None:
    definition = json.loads(json.dumps(CALENDAR.definition()))
    row = {"digest": CALENDAR.digest, "definition": definition, "first_used_at": NOW}
    await connection.execute(schema.calendars.insert().values(row))
    await connection.execute(schema.mailboxes.insert().values(id=1, address=INSCRIPTIONS, enabled_at=NOW))
    cursor = {"mailbox_id": 1, "folder": "INBOX", "uidvalidity": UIDVALIDITY, "last_uid": 99, "started_uid": 0}
    await connection.execute(schema.cursors.insert().values(**cursor, is_current=True, moved_at=NOW))


async def _write_life(
    connection: AsyncConnection, number: int, state: str, life: tuple[tuple[float, str, int], ...]
) -> None:
    restarted = [_received_at(hour, message) for hour, kind, message in life if kind == "reopened"]
    answered = [NOW + hour * HOUR for hour, kind, _ in life if kind == "answered"]
    await _write_messages(connection, {message: hour for hour, _, message in life if message})
    started_at = max([NOW, *restarted])
    await connection.execute(
        schema.requests.insert().values(
            id=number,
            reference=reference_of(number),
            mailbox_id=1,
            message_id=number,
            requester=SOPHIE,
            recipient=SOPHIE,
            owner=MARIE,
            subject_key="inscription",
            thread_index="",
            state=state,
            event_count=len(life),
            suppressed_by=None if number in OUTCOMES else "forwarded",
            received_at=NOW,
            clock_started_at=started_at,
            acknowledgement_due_at=due(CALENDAR, NOW, STANDARD.acknowledge_within),
            answer_due_at=due(CALENDAR, started_at, STANDARD.answer_within),
            acknowledged_at=NOW + HOUR if OUTCOMES.get(number) == "sent" else None,
            settled_at=answered[0] if state == "answered" else None,
            calendar_digest=CALENDAR.digest,
            standard={"acknowledge_within": "48h", "answer_within": "5 business days"},
        )
    )
    if number in OUTCOMES:
        await _write_entry(connection, number)
    for n, (hour, kind, message) in enumerate(life, 1):
        event: dict[str, Any] = {"request_id": number, "n": n, "kind": kind, "at": NOW + hour * HOUR, "data": {}}
        await connection.execute(schema.events.insert().values(**event, by="mailwatch", message_id=message or None))


async def _write_messages(connection: AsyncConnection, hours: dict[int, float]) -> None:
    for message, hour in hours.items():
        row = {
            "id": message,
            "mailbox_id": 1,
            "identity": identity_of(message),
            "message_id": f"<{message}@courriel.example>",
            "sender": SOPHIE,
            "subject": "Inscription",
            "received_at": _received_at(hour, message),
            "recorded_at": NOW + hour * HOUR,
            "size": 29_000,
            "kind": "request" if message < 10 else "follow_up",
            "reason": "person",
            "hits": [],
        }
        sighting = {"mailbox_id": 1, "folder": "INBOX", "uidvalidity": UIDVALIDITY, "uid": message}
        await connection.execute(schema.messages.insert().values(row))
        await connection.execute(schema.sightings.insert().values(**sighting, message_id=message, recorded_at=NOW))


async def _write_entry(connection: AsyncConnection, number: int) -> None:
    entry = an_entry(number)
    await connection.execute(
        schema.outbox.insert().values(
            unique_key=entry.unique_key,
            kind="acknowledgement",
            mailbox_id=1,
            request_id=number,
            caused_by=entry.caused_by,
            message_id=entry.message_id,
            reverse_path=entry.envelope.reverse_path,
            recipient=entry.envelope.recipient,
            subject_key="inscription",
            body=entry.body,
            state=OUTCOMES[number],
            reason="because",
            enqueued_at=NOW,
            not_before=NOW,
            give_up_at=NOW + 48 * HOUR,
            settled_at=NOW + HOUR,
        )
    )


def _received_at(hour: float, message: int) -> datetime:
    return NOW + (hour - (message >= 10)) * HOUR
