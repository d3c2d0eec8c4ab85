"""What must never be true of the tables: each contradiction as a sentence, with the SELECT of what belies it.

Only what one SELECT can tell. What needs the domain (histories, clocks, due instants) is `consistency`'s.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select

from mailwatch.domain.classification import SILENT_REGISTER, Kind
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind
from mailwatch.store.schema import cursors, events, messages, outbox, references, requests, sightings

_IS_ACKNOWLEDGEMENT = outbox.c.kind == EntryKind.ACKNOWLEDGEMENT
_IS_REPORT = outbox.c.kind.in_((EntryKind.DIGEST, EntryKind.NOTE, EntryKind.ALERT))
_DAY = func.substr(outbox.c.unique_key, func.length(outbox.c.unique_key) - len("2026-11-23") + 1)
_ITS_REQUEST = requests.c.id == outbox.c.request_id
_ITS_MESSAGE = messages.c.id == requests.c.message_id
# A person made a request of it: its kind stays what the rules said.
_IS_RELEASED = and_(
    requests.c.suppressed_by.is_not(None),
    requests.c.suppressed_by == "released",
    messages.c.kind.in_(sorted(SILENT_REGISTER)),
)


def _has_event(kind: EventKind) -> ColumnElement[bool]:
    return exists().where(events.c.request_id == requests.c.id, events.c.kind == kind)


def _has_entry(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(outbox.c.request_id == requests.c.id, *conditions)


_SENT = outbox.c.state == EntryState.SENT
_ENDED_BADLY = outbox.c.state.in_((EntryState.FAILED, EntryState.UNCERTAIN))

# A sentence, and a SELECT of what belies it.
CHECKS: tuple[tuple[str, Select[Any]], ...] = (
    (
        "messages lie past the cursor that should cover them",
        select(sightings.c.uid).join(
            cursors,
            and_(
                cursors.c.mailbox_id == sightings.c.mailbox_id,
                cursors.c.folder == sightings.c.folder,
                cursors.c.uidvalidity == sightings.c.uidvalidity,
                cursors.c.last_uid < sightings.c.uid,
            ),
        ),
    ),
    (
        "folders have more than one current cursor",
        select(cursors.c.folder)
        .where(cursors.c.is_current)
        .group_by(cursors.c.mailbox_id, cursors.c.folder)
        .having(func.count() > 1),
    ),
    (
        "messages were never seen anywhere",
        select(messages.c.id).where(not_(exists().where(sightings.c.message_id == messages.c.id))),
    ),
    (
        "messages are requests by kind, and opened none",
        select(messages.c.id).where(
            messages.c.kind == Kind.REQUEST, not_(exists().where(requests.c.message_id == messages.c.id))
        ),
    ),
    (
        "requests were opened by a message that isn't one, or of another mailbox",
        select(requests.c.reference)
        .join(messages, _ITS_MESSAGE)
        .where(
            or_(
                and_(messages.c.kind != Kind.REQUEST, not_(_IS_RELEASED)),
                messages.c.mailbox_id != requests.c.mailbox_id,
            )
        ),
    ),
    (
        "requests have no events",
        select(requests.c.reference).where(not_(exists().where(events.c.request_id == requests.c.id))),
    ),
    (
        "requests are due before they were received",
        select(requests.c.reference).where(
            or_(
                requests.c.acknowledgement_due_at < requests.c.received_at,
                requests.c.answer_due_at < requests.c.clock_started_at,
            )
        ),
    ),
    (
        "requests have neither an acknowledgement nor a reason why not",
        select(requests.c.reference).where(requests.c.suppressed_by.is_(None), not_(_has_entry())),
    ),
    (
        "requests have an acknowledgement and a reason why not",
        select(requests.c.reference).where(requests.c.suppressed_by.is_not(None), _has_entry(_IS_ACKNOWLEDGEMENT)),
    ),
    (
        "requests count as acknowledged, and none was sent",
        select(requests.c.reference).where(
            or_(requests.c.acknowledged_at.is_not(None), _has_event(EventKind.ACKNOWLEDGED)), not_(_has_entry(_SENT))
        ),
    ),
    (
        "acknowledgements are in the outbox, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(_IS_ACKNOWLEDGEMENT, not_(_has_event(EventKind.ACKNOWLEDGEMENT_ENQUEUED))),
    ),
    (
        "acknowledgements were sent, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(
            _IS_ACKNOWLEDGEMENT,
            _SENT,
            or_(requests.c.acknowledged_at.is_(None), not_(_has_event(EventKind.ACKNOWLEDGED))),
        ),
    ),
    (
        "acknowledgements were not sent for good, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(_IS_ACKNOWLEDGEMENT, _ENDED_BADLY, not_(_has_event(EventKind.ACKNOWLEDGEMENT_FAILED))),
    ),
    (
        "acknowledgements were cancelled, and their request's history doesn't say so",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .where(
            _IS_ACKNOWLEDGEMENT,
            outbox.c.state == EntryState.CANCELLED,
            not_(_has_event(EventKind.ACKNOWLEDGEMENT_CANCELLED)),
        ),
    ),
    (
        "acknowledgements answer another message than the one that opened their request",
        select(outbox.c.id)
        .join(requests, _ITS_REQUEST)
        .join(messages, _ITS_MESSAGE)
        .where(
            _IS_ACKNOWLEDGEMENT,
            or_(messages.c.identity != outbox.c.caused_by, outbox.c.mailbox_id != requests.c.mailbox_id),
        ),
    ),
    (
        "messages caused more than one automatic message",
        select(outbox.c.caused_by)
        .where(outbox.c.caused_by.is_not(None))
        .group_by(outbox.c.caused_by)
        .having(func.count() > 1),
    ),
    (
        "entries have one Message-ID",
        select(outbox.c.message_id).group_by(outbox.c.message_id).having(func.count() > 1),
    ),
    (
        "entries came to their end without a reason",
        select(outbox.c.id).where(or_(_ENDED_BADLY, outbox.c.state == EntryState.CANCELLED), outbox.c.reason == ""),
    ),
    (
        "acknowledgements announce a date, and their request doesn't say which",
        select(requests.c.reference).where(requests.c.announced_due_at.is_(None), _has_entry(_IS_ACKNOWLEDGEMENT)),
    ),
    (
        "requests have announced a date without an acknowledgement",
        select(requests.c.reference).where(
            requests.c.announced_due_at.is_not(None), not_(_has_entry(_IS_ACKNOWLEDGEMENT))
        ),
    ),
    (
        "digests, notes or alerts are about one request, or caused by a message",
        select(outbox.c.id).where(_IS_REPORT, or_(outbox.c.request_id.is_not(None), outbox.c.caused_by.is_not(None))),
    ),
    (
        "digests have a key that doesn't say for which day",
        select(outbox.c.id).where(
            outbox.c.kind == EntryKind.DIGEST, not_(outbox.c.unique_key.like("digest:%:____-__-__"))
        ),
    ),
    (
        "people have more than one digest of a day",
        select(outbox.c.recipient)
        .where(outbox.c.kind == EntryKind.DIGEST)
        .group_by(outbox.c.recipient, _DAY)
        .having(func.count() > 1),
    ),
    (
        "Message-IDs lead to a request of another mailbox",
        select(references.c.message_id)
        .join(requests, requests.c.id == references.c.request_id)
        .where(requests.c.mailbox_id != references.c.mailbox_id),
    ),
)
