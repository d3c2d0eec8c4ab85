"""Write what a batch of received messages brings about: a handful of statements, however many messages.

    messages ─→ sightings
        └→ requests ─→ outbox entries ─→ events, references
        └→ events of the requests that messages follow

What two mailboxes' batches may both write (references, entries) goes in the order of its keys, so that two workers
never wait for each other in a circle. A mailbox's own rows are guarded by its cursor.
"""

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from mailwatch.domain.outbox import EntryState, NewEntry
from mailwatch.domain.requests import EventKind, IllegalTransition
from mailwatch.errors import CursorMoved
from mailwatch.ports import TOLD, NewRecord, NewRequest
from mailwatch.store.histories import INSERT_EVENTS, History
from mailwatch.store.requests import RequestPart
from mailwatch.store.schema import calendars, messages, outbox, requests, sightings
from mailwatch.store.types import Keys, among

ELSEWHERE = "elsewhere"  # the rule that left an acknowledgement to another mailbox

_MESSAGE_IDS = select(messages.c.identity, messages.c.id).where(
    messages.c.mailbox_id == bindparam("mailbox_id"), among(messages.c.identity, bindparam("keys", type_=Keys()))
)
_HAS_CALENDAR = select(calendars.c.digest).where(calendars.c.digest == bindparam("digest"))
_WITHHOLD_REQUEST = (
    update(requests).where(requests.c.id == bindparam("row")).values(suppressed_by=ELSEWHERE, announced_due_at=None)
)
_LEAVE_UNTOLD = update(messages).where(messages.c.id == bindparam("row")).values(notice=ELSEWHERE)
_COUNT_EVENTS = (
    update(requests).where(requests.c.id == bindparam("row")).values(event_count=bindparam("new_event_count"))
)
_WITHHOLD_MESSAGE = update(messages).where(messages.c.id == bindparam("row")).values(suppressed_by=ELSEWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A request that the batch opens, with its row's number and its history."""

    record: NewRecord
    request: NewRequest
    message: int
    history: History


class RecordingPart(RequestPart):
    """The part of a transaction that writes what was received."""

    async def keep_calendar(self, digest: str, definition: Mapping[str, object]) -> None:
        """See `ports.Transaction`."""
        if await self.connection.scalar(_HAS_CALENDAR, {"digest": digest}) is None:
            row = {"digest": digest, "definition": dict(definition), "first_used_at": self.now}
            await self.connection.execute(self.insert(calendars).on_conflict_do_nothing(), row)

    async def record(self, mailbox: str, records: Sequence[NewRecord]) -> int:
        """See `ports.Transaction`.

        An identity that another worker recorded meanwhile only gets its sighting. An entry that is left out makes its
        request's acknowledgement withheld: somebody else's acknowledgement is the one.
        """
        here = await self.mailbox_id(mailbox)
        new = await self._write_messages(here, records)
        ids = new | await self._find_messages(here, {r.identity for r in records if not r.quarantined} - new.keys())
        await self._write_sightings(here, records, ids)
        fresh: dict[str, NewRecord] = {}
        for record in records:
            if record.identity in new and not record.is_known:
                fresh.setdefault(record.identity, record)
        opened = await self._open_requests(here, list(fresh.values()), ids)
        enqueued = await self._enqueue(here, opened, list(fresh.values()))
        await self._withhold([o for o in opened if o.record.entry and o.record.entry.unique_key not in enqueued])
        promised = [(r, r.notice_entry or r.entry) for r in fresh.values() if r.notice == TOLD]
        untold = {record.identity for record, entry in promised if entry and entry.unique_key not in enqueued}
        await self._leave_untold(untold, opened, ids)
        await self.change(INSERT_EVENTS, [row for one in opened for row in one.history.new])
        followed = [_without_notice(r) if r.identity in untold else r for r in fresh.values() if r.follows is not None]
        await self._follow(followed, ids)
        await self._write_references(here, opened, followed)
        return len(enqueued)

    async def _write_messages(self, here: int, records: Sequence[NewRecord]) -> dict[str, int]:
        """Identity → number of the rows that are new."""
        rows = [self._message(here, record) for record in records if not (record.quarantined or record.is_known)]
        if not rows:
            return {}
        statement = self.insert(messages).on_conflict_do_nothing().returning(messages.c.identity, messages.c.id)
        written = await self.connection.execute(statement, rows)
        return {row.identity: row.id for row in written}

    def _message(self, here: int, record: NewRecord) -> dict[str, Any]:
        return {
            "mailbox_id": here,
            "identity": record.identity,
            "message_id": record.message_id,
            "sender": record.sender,
            "subject": record.subject,
            "received_at": record.received_at,
            "recorded_at": self.now,
            "size": record.size,
            "kind": record.kind,
            "reason": record.reason,
            "suppressed_by": record.suppressed_by,
            "hits": record.hits,
            "language": record.language,
            "notice": record.notice,
        }

    async def _find_messages(self, here: int, identities: set[str]) -> dict[str, int]:
        if not identities:
            return {}
        parameters = {"mailbox_id": here, "keys": sorted(identities)}
        found = {row.identity: row.id for row in await self.rows(_MESSAGE_IDS, parameters)}
        if missing := identities - found.keys():
            raise CursorMoved(f"{len(missing)} messages known a moment ago are gone")
        return found

    async def _write_sightings(self, here: int, records: Sequence[NewRecord], ids: Mapping[str, int]) -> None:
        rows = [
            {
                "mailbox_id": here,
                "folder": record.sighting.folder,
                "uidvalidity": record.sighting.uidvalidity,
                "uid": record.sighting.uid,
                "message_id": None if record.quarantined else ids[record.identity],
                "quarantined": record.quarantined or None,
                "recorded_at": self.now,
            }
            for record in records
        ]
        await self.change(self.insert(sightings).on_conflict_do_nothing(), rows)

    async def _open_requests(
        self, here: int, records: Sequence[NewRecord], ids: Mapping[str, int]
    ) -> Sequence[_Opened]:
        """Write the requests; their events wait until it is known which entries were taken."""
        opened = {
            ids[r.identity]: _Opened(
                record=r, request=r.request, message=ids[r.identity], history=_history(r.request, ids[r.identity])
            )
            for r in records
            if r.request is not None
        }
        if not opened:
            return ()
        statement = insert(requests).returning(requests.c.message_id, requests.c.id)
        ordered = sorted(opened.values(), key=lambda one: one.request.reference)
        written = await self.connection.execute(statement, [_request(here, one) for one in ordered])
        for row in written:
            opened[row.message_id].history.belong_to(row.id)
        return ordered

    async def _enqueue(self, here: int, opened: Sequence[_Opened], records: Sequence[NewRecord]) -> frozenset[str]:
        """The keys of the entries that were taken: acknowledgements, and notices, which are about no request."""
        pairs = [(one.record.entry, one.history.request_id) for one in opened if one.record.entry is not None]
        notices = [(r.notice_entry, None) for r in records if r.notice_entry is not None]
        return await self.insert_entries(here, [*pairs, *notices])

    async def insert_entries(self, here: int | None, entries: Sequence[tuple[NewEntry, int | None]]) -> frozenset[str]:
        """Put entries (with the mailbox and the request each is about, if any) in the outbox; returns the keys of
        those that are new."""
        if not entries:
            return frozenset()
        rows = [self._entry(here, entry, request_id) for entry, request_id in entries]
        rows.sort(key=lambda row: str(row["unique_key"]))
        statement = self.insert(outbox).on_conflict_do_nothing().returning(outbox.c.unique_key)
        return frozenset((await self.connection.execute(statement, rows)).scalars())

    def _entry(self, here: int | None, entry: NewEntry, request_id: int | None) -> dict[str, Any]:
        return {
            "unique_key": entry.unique_key,
            "kind": entry.kind,
            "mailbox_id": here,
            "account": entry.account if here is None else "",
            "request_id": request_id,
            "absence_id": entry.absence or None,
            "caused_by": entry.caused_by or None,
            "message_id": entry.message_id,
            "reverse_path": entry.envelope.reverse_path,
            "recipient": entry.envelope.recipient,
            "subject_key": entry.subject_key,
            "body": entry.body,
            "state": EntryState.PENDING,
            "reason": "",
            "enqueued_at": self.now,
            "not_before": entry.not_before,
            "give_up_at": entry.give_up_at,
        }

    async def _withhold(self, left_out: Sequence[_Opened]) -> None:
        """These requests' acknowledgements are somebody else's after all."""
        for one in left_out:
            one.history.replace_new(EventKind.ACKNOWLEDGEMENT_ENQUEUED, EventKind.ACKNOWLEDGEMENT_WITHHELD, ELSEWHERE)
        await self.change(_WITHHOLD_REQUEST, [{"row": one.history.request_id} for one in left_out])
        await self.change(_WITHHOLD_MESSAGE, [{"row": one.message} for one in left_out])

    async def _leave_untold(self, untold: Set[str], opened: Sequence[_Opened], ids: Mapping[str, int]) -> None:
        """These messages' notices are left out: another one tells their sender."""
        await self.change(_LEAVE_UNTOLD, [{"row": ids[identity]} for identity in sorted(untold)])
        shorter = [o.history for o in opened if o.record.identity in untold and o.history.drop_new(EventKind.NOTIFIED)]
        await self.change(_COUNT_EVENTS, [{"row": h.request_id, "new_event_count": h.event_count} for h in shorter])

    async def _follow(self, records: Sequence[NewRecord], ids: Mapping[str, int]) -> None:
        """Add events to requests that were there before. One that isn't legal any more is left out: another
        worker, or a person, was first."""
        histories = await self.lock_histories((r.follows for r in records if r.follows is not None), with_events=True)
        for record in sorted(records, key=lambda r: r.received_at):
            history = histories.get(record.follows or 0)
            for event in record.followed_by:
                if history is not None:
                    with suppress(IllegalTransition):
                        history.follow(event, ids[record.identity])
        await self.write_histories(list(histories.values()))

    async def _write_references(self, here: int, opened: Sequence[_Opened], followed: Sequence[NewRecord]) -> None:
        pairs = [(id_, one.history.request_id) for one in opened for id_ in one.request.message_ids]
        pairs += [(id_, r.follows) for r in followed for id_ in r.follow_ids if r.follows is not None]
        await self.insert_references(here, pairs)


def _history(request: NewRequest, message_id: int) -> History:
    """It begins when the message was received, whenever that is written."""
    history = History.begin(request.received_at, request.answer_due_at)
    first, *others = request.events
    history.add(replace(first, occurred_at=request.received_at), message_id)
    for event in others:
        history.follow(event, message_id)
    return history


def _without_notice(record: NewRecord) -> NewRecord:
    return replace(record, followed_by=tuple(e for e in record.followed_by if e.kind is not EventKind.NOTIFIED))


def _request(here: int, one: _Opened) -> dict[str, Any]:
    request = one.request
    return {
        "reference": request.reference,
        "mailbox_id": here,
        "message_id": one.message,
        "requester": request.requester,
        "recipient": request.recipient,
        "owner": request.owner,
        "language": request.language,
        "subject_key": request.subject_key,
        "thread_index": request.thread_index,
        "suppressed_by": request.suppressed_by,
        "announced_due_at": request.answer_due_at if one.record.entry else None,
        "received_at": request.received_at,
        "acknowledgement_due_at": request.acknowledgement_due_at,
        "calendar_digest": request.calendar_digest,
        "standard": dict(request.standard),
        **one.history.columns(),
    }
