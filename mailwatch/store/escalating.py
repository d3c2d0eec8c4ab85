"""The part of a transaction by which what is late is reported: escalations, digests, periodic acts.

An escalation is a row for (request, level, run of the clock), and an act one for (act, period): that they are unique
is what makes reporting once true, whoever else ticks, and however often.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, exists, func, literal_column, not_, or_, select

from mailwatch.domain.calendars import ServiceCalendar, from_definition
from mailwatch.domain.escalations import NewEscalation, Unsettled
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import Event, EventKind, State
from mailwatch.store.histories import History
from mailwatch.store.requests import RequestPart
from mailwatch.store.schema import SILENT, UNSETTLED, acts, calendars, events, mailboxes, messages, outbox, requests
from mailwatch.store.schema import escalations as levels
from mailwatch.store.types import Keys, among

_GONE_WRONG = (EntryState.FAILED, EntryState.UNCERTAIN)

LONGEST_AGO = timedelta(days=366)  # nobody is told what came before
LATE_ARRIVALS = timedelta(days=30)  # how old a message may be when it is recorded, and still be news

# The server took it, and it came back all the same: whoever wrote has heard nothing.
_HAS_BOUNCED = exists().where(events.c.request_id == requests.c.id, events.c.kind == EventKind.BOUNCED)
_IS_UNACKNOWLEDGED = and_(requests.c.answered_at.is_(None), or_(requests.c.acknowledged_at.is_(None), _HAS_BOUNCED))
_HAS_FAILED = or_(
    _HAS_BOUNCED,
    exists().where(
        outbox.c.request_id == requests.c.id,
        outbox.c.kind == EntryKind.ACKNOWLEDGEMENT,
        outbox.c.state.in_(_GONE_WRONG),
    ),
)
_IS_LISTED = and_(
    literal_column(f"request.{UNSETTLED}"),  # word for word what the partial index says
    or_(requests.c.answer_due_at < bindparam("due_before"), _IS_UNACKNOWLEDGED),
)
_LIST = (
    select(
        requests.c.id,
        requests.c.reference,
        mailboxes.c.address,
        mailboxes.c.answer_seen_at,
        requests.c.state,
        requests.c.requester,
        messages.c.subject,
        messages.c.message_id,
        requests.c.owner,
        requests.c.received_at,
        requests.c.clock_started_at,
        requests.c.answer_due_at,
        requests.c.acknowledgement_due_at,
        requests.c.calendar_digest,
        requests.c.suppressed_by,
        _IS_UNACKNOWLEDGED.label("is_unacknowledged"),
        and_(_IS_UNACKNOWLEDGED, _HAS_FAILED).label("has_failed"),
    )
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
    .where(_IS_LISTED)
    .order_by(requests.c.received_at, requests.c.id)
)
_LIST_ESCALATED = (
    select(levels.c.request_id, levels.c.level, levels.c.escalated_at)
    .join(
        requests,
        and_(requests.c.id == levels.c.request_id, requests.c.clock_started_at == levels.c.clock_started_at),
    )
    .where(_IS_LISTED)
)
_DEFINITIONS = select(calendars.c.digest, calendars.c.definition).where(
    among(calendars.c.digest, bindparam("digests", type_=Keys()))
)
_LAST_ACT = select(func.max(acts.c.done_at)).where(acts.c.act == bindparam("name"))
# Mailboxes are chosen afterwards, and not here: else a planner without statistics reads their whole histories.
_COUNT_SILENT = (
    select(messages.c.mailbox_id, messages.c.kind, func.count().label("how_many"))
    .where(
        literal_column(f"message.{SILENT}"),
        messages.c.received_at > bindparam("received_since"),  # what the index is on
        messages.c.recorded_at > bindparam("since"),
        not_(exists().where(requests.c.message_id == messages.c.id)),  # nobody has released it
    )
    .group_by(messages.c.mailbox_id, messages.c.kind)
)
_MAILBOX_IDS = select(mailboxes.c.id).where(among(mailboxes.c.address, bindparam("addresses", type_=Keys())))

_known_calendars: dict[str, ServiceCalendar] = {}  # by digest: a version never changes, and there are few


class EscalatingPart(RequestPart):
    """The part of a transaction by which what is late is reported."""

    async def list_unsettled(self, due_before: datetime) -> Sequence[Unsettled]:
        """See `ports.Transaction`. Oldest first: by when they were received. All of them."""
        parameters = {"due_before": due_before}
        listed = await self.rows(_LIST, parameters)
        await self.learn_calendars({row.calendar_digest for row in listed})
        escalated: dict[int, dict[str, datetime]] = defaultdict(dict)
        for row in await self.rows(_LIST_ESCALATED, parameters):
            escalated[row.request_id][row.level] = row.escalated_at
        return [_unsettled(row, escalated.get(row.id, {})) for row in listed]

    async def escalate(self, escalations: Sequence[NewEscalation]) -> int:
        """See `ports.Transaction`. Nothing is escalated whose clock has stopped, or was started again, meanwhile."""
        histories = await self.lock_histories(new.request_id for new in escalations)
        running = [new for new in escalations if _still_runs(histories.get(new.request_id), new)]
        written = [new for new in running if await self._write_escalation(new)]
        for new in written:
            data = {"level": new.level, "to": list(new.to)}
            histories[new.request_id].add(Event(kind=EventKind.ESCALATED, at=self.now, data=data))
        await self.write_histories(list(histories.values()))
        return len(written)

    async def begin_act(self, act: str, period: str) -> bool:
        """See `ports.Transaction`. Of two workers at once, the second waits for the first to commit."""
        row = {"act": act, "period": period, "done_at": self.now}
        statement = self.insert(acts).on_conflict_do_nothing().returning(acts.c.act)
        return (await self.connection.execute(statement, row)).first() is not None

    async def find_last_act(self, act: str) -> datetime | None:
        """See `ports.Transaction`."""
        done_at: datetime | None = await self.connection.scalar(_LAST_ACT, {"name": act})
        return done_at

    async def count_silent(self, mailboxes: Sequence[str], since: datetime) -> Mapping[str, int]:
        """See `ports.Transaction`. What a person has released is a request, and no longer counted."""
        if not mailboxes:
            return {}
        since = max(since, self.now - LONGEST_AGO)
        chosen = await self.mailbox_ids(mailboxes)
        counts: Counter[str] = Counter()
        for row in await self.rows(_COUNT_SILENT, {"since": since, "received_since": since - LATE_ARRIVALS}):
            if row.mailbox_id in chosen:
                counts[row.kind] += row.how_many
        return counts

    async def mailbox_ids(self, addresses: Sequence[str]) -> list[int]:
        """The rows of those of the mailboxes that have one, ascending."""
        if not addresses:
            return []
        return sorted(row.id for row in await self.rows(_MAILBOX_IDS, {"addresses": sorted(addresses)}))

    async def _write_escalation(self, new: NewEscalation) -> bool:
        """Whether it is the first of its kind."""
        row = {
            "request_id": new.request_id,
            "level": new.level,
            "clock_started_at": new.clock_started_at,
            "escalated_at": self.now,
        }
        statement = self.insert(levels).on_conflict_do_nothing().returning(levels.c.request_id)
        return (await self.connection.execute(statement, row)).first() is not None

    async def learn_calendars(self, digests: set[str]) -> None:
        """Look up versions of calendars that aren't known yet."""
        if unknown := sorted(digests - _known_calendars.keys()):
            for row in await self.rows(_DEFINITIONS, {"digests": unknown}):
                _known_calendars[row.digest] = from_definition(row.definition)


def known_calendar(digest: str) -> ServiceCalendar:
    """A version of a calendar that was learnt before."""
    return _known_calendars[digest]


def _still_runs(history: History | None, new: NewEscalation) -> bool:
    return (
        history is not None and history.takes(EventKind.ESCALATED) and history.clock_started_at == new.clock_started_at
    )


def _unsettled(row: Row[Any], escalated: Mapping[str, datetime]) -> Unsettled:
    return Unsettled(
        id=row.id,
        reference=row.reference,
        mailbox=row.address,
        state=State(row.state),
        requester=row.requester,
        subject=row.subject,
        owner=row.owner,
        received_at=row.received_at,
        clock_started_at=row.clock_started_at,
        answer_due_at=row.answer_due_at,
        acknowledgement_due_at=row.acknowledgement_due_at,
        calendar=_known_calendars[row.calendar_digest],
        message_id=row.message_id,
        is_unacknowledged=bool(row.is_unacknowledged),
        suppressed_by=row.suppressed_by,
        has_failed=bool(row.has_failed),
        escalated=escalated,
        is_answer_seen=row.answer_seen_at is not None,
    )
