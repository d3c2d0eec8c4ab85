"""The outbox: claim what is due, settle what was submitted. Both are batches of three or four statements.

A claim ends by its own clock, and sooner if its worker is known to be dead. Whoever claims such an entry doesn't know
whether it went out: that is one doubt more, and the bytes and the Message-ID are the same.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Row,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from mailwatch.domain.cursors import Sighting
from mailwatch.domain.outbox import CAUSED, ClaimedEntry, EntryKind, EntryState, Envelope, NewEntry, Settlement
from mailwatch.domain.requests import Event, EventKind
from mailwatch.domain.shares import LEASE
from mailwatch.ports import TOLD, Waiting
from mailwatch.store.recording import RecordingPart
from mailwatch.store.schema import (
    LIVE,
    installation,
    mailboxes,
    messages,
    outbox,
    requests,
    sightings,
    switches,
    workers,
)
from mailwatch.store.settling import settle
from mailwatch.store.types import Keys, Numbers, among

SENDING = "sending"
BREAKER = "breaker"

_NOW: BindParameter[datetime] = bindparam("now")
_IS_CLAIMED = outbox.c.state == EntryState.CLAIMED
_HAS_DEAD_WORKER = exists().where(
    workers.c.name == outbox.c.claimed_by,
    workers.c.name != bindparam("worker"),
    workers.c.beat_at < bindparam("dead_before"),
)
_IS_OFF = exists().where(switches.c.name == bindparam("sending", SENDING))
_BREAKER_IS_OUT = exists().where(switches.c.name == bindparam("breaker", BREAKER))

_DUE = (
    select(
        outbox.c.id,
        outbox.c.kind,
        mailboxes.c.address,
        outbox.c.mailbox_id,
        outbox.c.request_id,
        requests.c.reference,
        requests.c.state.label("request_state"),
        requests.c.acknowledgement_due_at,
        outbox.c.caused_by,
        outbox.c.message_id,
        outbox.c.reverse_path,
        outbox.c.recipient,
        outbox.c.body,
        outbox.c.state,
        outbox.c.enqueued_at,
        outbox.c.give_up_at,
        outbox.c.attempts,
        outbox.c.doubts,
    )
    .select_from(outbox)
    .outerjoin(mailboxes, mailboxes.c.id == outbox.c.mailbox_id)
    .outerjoin(requests, requests.c.id == outbox.c.request_id)
    .where(
        literal_column(f"outbox.{LIVE}"),  # word for word what the partial index says
        outbox.c.not_before <= _NOW,
        or_(not_(_IS_CLAIMED), outbox.c.claimed_until < _NOW, _HAS_DEAD_WORKER),
        or_(
            among(mailboxes.c.address, bindparam("mailboxes", type_=Keys())),
            # An entry that is sent for a mailbox names no account.
            and_(outbox.c.account == bindparam("account"), outbox.c.account != literal_column("''")),
        ),
        not_(_IS_OFF),
        or_(outbox.c.kind.not_in(CAUSED), not_(_BREAKER_IS_OUT)),
    )
    .order_by(outbox.c.not_before, outbox.c.id)
    .limit(bindparam("limit"))
    .with_for_update(of=outbox, skip_locked=True)
)
_CLAIM = (
    update(outbox)
    .where(among(outbox.c.id, bindparam("ids", type_=Numbers())))
    .values(
        state=EntryState.CLAIMED,
        claimed_by=bindparam("worker"),
        claimed_until=bindparam("until"),
        attempts=outbox.c.attempts + 1,
        # The right side sees the row as it was: claimed already means that its worker never told the outcome.
        doubts=outbox.c.doubts + case((_IS_CLAIMED, 1), else_=0),
    )
)
_SIGHTINGS = (
    select(outbox.c.id, sightings.c.folder, sightings.c.uidvalidity, sightings.c.uid)
    .join(messages, and_(messages.c.mailbox_id == outbox.c.mailbox_id, messages.c.identity == outbox.c.caused_by))
    .join(sightings, sightings.c.message_id == messages.c.id)
    .where(among(outbox.c.id, bindparam("ids", type_=Numbers())))
    .order_by(sightings.c.recorded_at.desc(), sightings.c.uid.desc())
)
_RELEASE = (
    update(outbox)
    .where(literal_column(f"outbox.{LIVE}"), _IS_CLAIMED, outbox.c.claimed_by == bindparam("worker"))
    .values(
        state=EntryState.PENDING,
        doubts=outbox.c.doubts + 1,  # it may have been submitted: what was not, was settled as given back
        claimed_by=None,
        claimed_until=None,
    )
)
_NEXT_DUE_AT = (
    select(func.min(outbox.c.not_before))
    .outerjoin(mailboxes, mailboxes.c.id == outbox.c.mailbox_id)
    .where(
        literal_column(f"outbox.{LIVE}"),
        outbox.c.state.in_((EntryState.PENDING, EntryState.DEFERRED)),
        or_(
            among(mailboxes.c.address, bindparam("mailboxes", type_=Keys())),
            among(outbox.c.account, bindparam("accounts", type_=Keys())),
        ),
    )
)
_COUNT_ENQUEUED = select(func.count()).where(
    outbox.c.enqueued_at >= bindparam("since"),
    outbox.c.kind.in_(CAUSED),
    # A person who let sending go on has seen what was enqueued before.
    not_(exists().where(installation.c.resumed_at >= outbox.c.enqueued_at)),
)
_LEFT_ELSEWHERE = (
    select(
        requests.c.id,
        requests.c.reference,
        mailboxes.c.address,
        messages.c.identity,
        requests.c.received_at,
        requests.c.acknowledgement_due_at,
        requests.c.answer_due_at,
        sightings.c.folder,
        sightings.c.uidvalidity,
        sightings.c.uid,
    )
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
    .join(sightings, sightings.c.message_id == messages.c.id)
    .where(
        # Written out, as in the partial index.
        requests.c.suppressed_by == literal_column("'elsewhere'"),
        requests.c.state == literal_column("'open'"),
        not_(exists().where(outbox.c.caused_by == messages.c.identity)),
    )
    .order_by(requests.c.received_at, requests.c.id, sightings.c.recorded_at, sightings.c.uid)
)
_OPENED_BY = select(requests.c.mailbox_id, requests.c.message_id).where(requests.c.id == bindparam("id"))
_UNWITHHOLD = update(requests).where(requests.c.id == bindparam("row"))
_TELL = update(messages).where(messages.c.id == bindparam("row")).values(notice=TOLD)


class OutboxPart(RecordingPart):
    """The part of a transaction that is about sending."""

    async def claim_entries(
        self, worker: str, limit: int, lease: timedelta, mailboxes: Sequence[str], account: str
    ) -> Sequence[ClaimedEntry]:
        """See `ports.Transaction`. Oldest first."""
        due = await self.rows(
            _DUE,
            {
                "now": self.now,
                "worker": worker,
                "dead_before": await self.clock() - LEASE,
                "mailboxes": sorted(mailboxes),
                "account": account,
                "limit": limit,
            },
        )
        if not due:
            return ()
        until = self.now + lease
        ids = [row.id for row in due]
        await self.connection.execute(_CLAIM, {"ids": ids, "worker": worker, "until": until})
        seen: dict[int, list[Sighting]] = defaultdict(list)
        for row in await self.rows(_SIGHTINGS, {"ids": ids}):
            seen[row.id].append(Sighting(folder=row.folder, uidvalidity=row.uidvalidity, uid=row.uid))
        return [_claimed(row, tuple(seen[row.id]), until) for row in due]

    async def settle_entries(self, worker: str, settlements: Sequence[Settlement]) -> int:
        """See `ports.Transaction`. What another worker has claimed meanwhile is left alone."""
        last = {settlement.entry_id: settlement for settlement in settlements}
        return await self.connection.run_sync(settle, worker, last)

    async def release_entries(self, worker: str) -> int:
        """See `ports.Transaction`."""
        return (await self.connection.execute(_RELEASE, {"worker": worker})).rowcount

    async def next_due_at(self, mailboxes: Sequence[str], accounts: Sequence[str]) -> datetime | None:
        """See `ports.Transaction`."""
        whose = {"mailboxes": sorted(mailboxes), "accounts": sorted(accounts)}
        due_at: datetime | None = await self.connection.scalar(_NEXT_DUE_AT, whose)
        return due_at

    async def count_enqueued(self, since: datetime) -> int:
        """See `ports.Transaction`."""
        return int(await self.connection.scalar(_COUNT_ENQUEUED, {"since": since}) or 0)

    async def list_left_elsewhere(self) -> Sequence[Waiting]:
        """See `ports.Transaction`. Of several sightings the newest."""
        waiting = {
            row.id: Waiting(
                request_id=row.id,
                reference=row.reference,
                mailbox=row.address,
                identity=row.identity,
                answer_due_at=row.answer_due_at,
                sighting=Sighting(folder=row.folder, uidvalidity=row.uidvalidity, uid=row.uid),
            )
            for row in await self.rows(_LEFT_ELSEWHERE)
            if row.received_at + (row.acknowledgement_due_at - row.received_at) / 2 <= self.now
        }
        return list(waiting.values())

    async def add_acknowledgement(
        self, request_id: int, entry: NewEntry, announced_due_at: datetime, about: Mapping[str, object]
    ) -> bool:
        """See `ports.Transaction`. False, too, for a request that takes none any more."""
        history = (await self.lock_histories([request_id])).get(request_id)
        if history is None or not history.takes(EventKind.ACKNOWLEDGEMENT_ENQUEUED):
            return False
        opened = (await self.connection.execute(_OPENED_BY, {"id": request_id})).one()
        here = opened.mailbox_id
        if not await self.insert_entries(here, [(entry, request_id)]):
            return False
        data = {"not_before": entry.not_before.isoformat(), **about}
        history.add(Event(kind=EventKind.ACKNOWLEDGEMENT_ENQUEUED, at=self.now, data=data))
        await self.write_histories([history])
        taken_over = {
            "suppressed_by": None,
            "recipient": entry.envelope.recipient,
            "announced_due_at": announced_due_at,
        }
        await self.connection.execute(_UNWITHHOLD.values(**taken_over), {"row": request_id})
        if entry.absence:
            await self.connection.execute(_TELL, {"row": opened.message_id})
        await self.insert_references(here, [(entry.message_id, request_id)])
        return True

    async def enqueue(self, entry: NewEntry) -> bool:
        """See `ports.Transaction`."""
        here = await self.mailbox_id(entry.mailbox) if entry.mailbox else None
        return bool(await self.insert_entries(here, [(entry, None)]))


def _claimed(row: Row[Any], seen: tuple[Sighting, ...], until: datetime) -> ClaimedEntry:
    return ClaimedEntry(
        id=row.id,
        kind=EntryKind(row.kind),
        mailbox=row.address or "",
        request_id=row.request_id,
        reference=row.reference or "",
        request_state=row.request_state,
        sightings=seen,
        message_id=row.message_id,
        envelope=Envelope(reverse_path=row.reverse_path, recipient=row.recipient),
        body=bytes(row.body),
        enqueued_at=row.enqueued_at,
        give_up_at=row.give_up_at,
        acknowledgement_due_at=row.acknowledgement_due_at,
        attempts=row.attempts + 1,
        doubts=row.doubts + (row.state == EntryState.CLAIMED),
        claimed_until=until,
    )
