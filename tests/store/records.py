"""Builders of what receiving writes: say what matters, the rest is an ordinary request of an ordinary day."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from builders import INSCRIPTIONS, MARIE, NOW, a_calendar, a_standard
from sqlalchemy import text

from mailwatch.clock import MovableClock
from mailwatch.domain.classification import Kind
from mailwatch.domain.cursors import Cursor, Sighting
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import ClaimedEntry, EntryKind, EntryState, Envelope, NewEntry, Settlement
from mailwatch.domain.requests import Event, EventKind, encode_reference
from mailwatch.domain.standards import due
from mailwatch.ports import NewRecord, NewRequest, Traces
from mailwatch.store.store import SqlStore

UIDVALIDITY = 3_301_328_731  # above 2³¹: it must not be taken for a signed number
OTHER = "bibliotheque@cscmonavenir.example"
SOPHIE = "sophie.nadeau@courriel.example"
LEASE = timedelta(minutes=5)

__all__ = ["INSCRIPTIONS", "MARIE", "NOW", "UTC", "Any", "datetime", "replace"]

CALENDAR = a_calendar()
STANDARD = a_standard(calendar=CALENDAR)


def identity_of(number: int) -> str:
    """The identity of the n-th message."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def reference_of(number: int, mailbox: str = INSCRIPTIONS) -> str:
    """The reference of the request that the n-th message opens in a mailbox."""
    return encode_reference(number * 2 + (mailbox != INSCRIPTIONS))


def a_sighting(uid: int = 1, **fields: Any) -> Sighting:
    """A place in the inbox."""
    return Sighting(**({"folder": "INBOX", "uidvalidity": UIDVALIDITY, "uid": uid} | fields))


def an_entry(number: int = 1, mailbox: str = INSCRIPTIONS, **fields: Any) -> NewEntry:
    """The acknowledgement of the n-th message."""
    message_id = f"<mw.ack.{identity_of(number)[:32]}.{len(mailbox)}@cscmonavenir.example>"
    defaults: dict[str, Any] = {
        "unique_key": f"ack:{identity_of(number)}",
        "kind": EntryKind.ACKNOWLEDGEMENT,
        "mailbox": mailbox,
        "caused_by": identity_of(number),
        "message_id": message_id,
        "envelope": Envelope(reverse_path=mailbox, recipient=SOPHIE),
        "subject_key": "inscription",
        "body": f"Auto-Submitted: auto-replied\r\nMessage-ID: {message_id}\r\n\r\nBonjour\r\n".encode(),
        "not_before": NOW + timedelta(minutes=5),
        "give_up_at": NOW + timedelta(hours=48),
    }
    return NewEntry(**(defaults | fields))


def a_digest(number: int = 1, recipient: str = MARIE, day: str = "2026-11-23", **fields: Any) -> NewEntry:
    """A digest, which is about no single request and sent for no mailbox."""
    message_id = f"<mw.dig.{number}@cscmonavenir.example>"
    return an_entry(
        **{
            "unique_key": f"digest:{recipient}:{day}",
            "kind": EntryKind.DIGEST,
            "mailbox": "",
            "account": "default",
            "caused_by": "",
            "message_id": message_id,
            "envelope": Envelope(reverse_path=INSCRIPTIONS, recipient=recipient),
            "subject_key": "",
            "body": f"Auto-Submitted: auto-generated\r\nMessage-ID: {message_id}\r\n\r\nBonjour\r\n".encode(),
            "not_before": NOW,
            **fields,
        }
    )


def a_new_request(
    number: int = 1, mailbox: str = INSCRIPTIONS, *, suppressed_by: str | None = None, at: datetime = NOW, **fields: Any
) -> NewRequest:
    """What the n-th message asks."""
    second = (
        Event(kind=EventKind.ACKNOWLEDGEMENT_WITHHELD, at=at, data={"rule": suppressed_by})
        if suppressed_by
        else Event(kind=EventKind.ACKNOWLEDGEMENT_ENQUEUED, at=at)
    )
    defaults: dict[str, Any] = {
        "reference": reference_of(number, mailbox),
        "requester": SOPHIE,
        "recipient": SOPHIE,
        "owner": MARIE,
        "language": Language.FR,
        "subject_key": "inscription",
        "thread_index": "",
        "received_at": at,
        "acknowledgement_due_at": due(CALENDAR, at, STANDARD.acknowledge_within),
        "answer_due_at": due(CALENDAR, at, STANDARD.answer_within),
        "calendar_digest": CALENDAR.digest,
        "standard": {
            "acknowledge_within": str(STANDARD.acknowledge_within),
            "answer_within": str(STANDARD.answer_within),
        },
        "suppressed_by": suppressed_by,
        "events": (Event(kind=EventKind.OPENED, at=at), second),
        "message_ids": (f"<{number}@courriel.example>",),
    }
    return NewRequest(**(defaults | fields))


def a_record(
    number: int = 1, mailbox: str = INSCRIPTIONS, *, suppressed_by: str | None = None, **fields: Any
) -> NewRecord:
    """The n-th message, which is a request; acknowledged unless a rule suppresses that."""
    defaults: dict[str, Any] = {
        "sighting": a_sighting(number),
        "received_at": NOW,
        "identity": identity_of(number),
        "message_id": f"<{number}@courriel.example>",
        "sender": SOPHIE,
        "subject": "Inscription",
        "size": 29_000,
        "kind": Kind.REQUEST,
        "reason": "person",
        "suppressed_by": suppressed_by,
        "language": Language.FR,
        "request": a_new_request(number, mailbox, suppressed_by=suppressed_by),
        "entry": None if suppressed_by else an_entry(number, mailbox),
    }
    return NewRecord(**(defaults | fields))


def a_newsletter(number: int = 1, **fields: Any) -> NewRecord:
    """The n-th message, which asks nothing."""
    quiet: dict[str, Any] = {"kind": Kind.BULK, "reason": "list_header", "suppressed_by": "list_header"}
    return a_record(number, **(quiet | {"request": None, "entry": None} | fields))


def a_follow_up(number: int, request: int, *kinds: EventKind, at: datetime = NOW, **fields: Any) -> NewRecord:
    """The n-th message, which follows a request."""
    events = tuple(Event(kind=kind, at=at, occurred_at=at) for kind in kinds or (EventKind.FOLLOWED_UP,))
    defaults: dict[str, Any] = {
        "kind": Kind.FOLLOW_UP,
        "reason": "follow_up",
        "suppressed_by": "follow_up",
        "request": None,
        "entry": None,
        "received_at": at,
        "follows": request,
        "followed_by": events,
        "follow_ids": (f"<{number}@courriel.example>",),
    }
    return a_record(number, **(defaults | fields))


def traces(**fields: frozenset[Any]) -> Traces:
    """Look-up keys; nothing but what is given."""
    names = (
        "identities",
        "message_ids",
        "references",
        "thread_indexes",
        "subjects",
        "recipients",
        "new_references",
    )
    return Traces(**(dict.fromkeys(names, frozenset()) | fields))


async def receive(store: SqlStore, *records: NewRecord, mailbox: str = INSCRIPTIONS) -> int:
    """Record a batch as receiving does: calendar, cursor, records. How many acknowledgements were enqueued."""
    async with store.transaction() as tx:
        await tx.keep_mailbox(mailbox)
        await tx.keep_calendar(CALENDAR.digest, CALENDAR.definition())
        cursor = await tx.find_cursor(mailbox, "INBOX")
        if cursor is None:
            cursor = await tx.start_cursor(mailbox, "INBOX", UIDVALIDITY, 0)
        highest = max((record.sighting.uid for record in records), default=0)
        await tx.advance_cursor(cursor, max(cursor.last_uid, highest))
        return await tx.record(mailbox, records)


async def begin(store: SqlStore, mailbox: str = INSCRIPTIONS, last_uid: int = 0) -> Cursor:
    """First sight of a mailbox."""
    async with store.transaction() as tx:
        await tx.keep_mailbox(mailbox)
        return await tx.start_cursor(mailbox, "INBOX", UIDVALIDITY, last_uid)


async def claim(
    store: SqlStore, worker: str = "one", limit: int = 100, *mailboxes: str, account: str = "default"
) -> Sequence[ClaimedEntry]:
    """Claim what is due."""
    async with store.transaction() as tx:
        return await tx.claim_entries(worker, limit, LEASE, mailboxes or (INSCRIPTIONS, OTHER), account)


async def enqueue(store: SqlStore, entry: NewEntry) -> bool:
    """Put a digest or an alert in the outbox."""
    async with store.transaction() as tx:
        return await tx.enqueue(entry)


async def settle(
    store: SqlStore, entry: ClaimedEntry, state: EntryState = EntryState.SENT, worker: str = "one", **fields: Any
) -> int:
    """Record the outcome of one entry."""
    settlement = Settlement(**({"entry_id": entry.id, "state": state, "reason": "250 ok", "at": NOW} | fields))
    async with store.transaction() as tx:
        return await tx.settle_entries(worker, [settlement])


async def let_pass(store: SqlStore, clock: MovableClock, seconds: float) -> None:
    """Time by the clock that workers' beats and leases go by: PostgreSQL's own can't be moved, so its rows are."""
    clock.advance(timedelta(seconds=seconds))
    if not store.database.is_sqlite:
        earlier = f"- interval '{seconds} seconds'"
        async with store.database.write() as connection:
            await connection.execute(text(f"UPDATE worker SET beat_at = beat_at {earlier}"))
            await connection.execute(text(f"UPDATE lease SET until = until {earlier}"))
