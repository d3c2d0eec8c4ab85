"""A stored request and its history: what threads must know of it, and how events are added to it.

A request's row and its events change together: lock the row, add events to a `History`, write both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Executable, Row, bindparam, exists, insert, or_, select, update

from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import LEGAL, Event, EventKind, RequestSummary, State, next_state
from mailwatch.store.schema import events, mailboxes, outbox, requests
from mailwatch.store.types import Numbers, among
from mailwatch.store.unit import Unit

_NEVER_WENT_OUT = (EntryState.FAILED, EntryState.CANCELLED)

SUMMARY = select(
    requests.c.id,
    requests.c.reference,
    mailboxes.c.address,
    requests.c.requester,
    requests.c.subject_key,
    requests.c.language,
    requests.c.state,
    requests.c.received_at,
    requests.c.clock_started_at,
    requests.c.settled_at,
    requests.c.recipient,
    or_(
        requests.c.acknowledged_at.is_not(None),
        exists().where(outbox.c.request_id == requests.c.id, outbox.c.state.not_in(_NEVER_WENT_OUT)),
    ).label("is_acknowledged"),
).join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)

# What a History holds; a SELECT of these columns FOR UPDATE gives it.
HISTORY_COLUMNS = (
    requests.c.state,
    requests.c.event_count,
    requests.c.acknowledged_at,
    requests.c.settled_at,
    requests.c.clock_started_at,
    requests.c.answer_due_at,
)

_LOCK = (
    select(requests.c.id, *HISTORY_COLUMNS)
    .where(among(requests.c.id, bindparam("ids", type_=Numbers())))
    .order_by(requests.c.id)  # always in this order: two workers never wait for each other
    .with_for_update(of=requests)
)
_UPDATE = (
    update(requests)
    .where(requests.c.id == bindparam("request_id"), requests.c.event_count == bindparam("counted"))
    .values({column.name: bindparam(f"new_{column.name}") for column in HISTORY_COLUMNS})
)

_INSERT_EVENTS = insert(events)


def history_statements(histories: "Sequence[History]") -> Sequence[tuple[Executable, list[dict[str, Any]]]]:
    """What writes the new events of locked histories: statements, each with its rows of parameters."""
    changed = [history for history in histories if history.new]
    return (
        (_UPDATE, [history.changes() for history in changed]),
        (_INSERT_EVENTS, [row for history in changed for row in history.new]),
    )


def summary(row: Row[Any]) -> RequestSummary:
    """A row of SUMMARY, as the domain sees it."""
    return RequestSummary(
        id=row.id,
        reference=row.reference,
        mailbox=row.address,
        requester=row.requester,
        subject_key=row.subject_key,
        language=Language(row.language) if row.language else None,
        state=State(row.state),
        received_at=row.received_at,
        clock_started_at=row.clock_started_at,
        settled_at=row.settled_at,
        is_acknowledged=bool(row.is_acknowledged),
        recipient=row.recipient,
    )


@dataclass(slots=True, kw_only=True)
class History:
    """A request's state, and the events being added to it. `state` is None before the first one."""

    request_id: int
    state: State | None
    event_count: int
    acknowledged_at: datetime | None
    settled_at: datetime | None
    clock_started_at: datetime
    answer_due_at: datetime
    counted: int = 0  # how many events stand in the database
    new: list[dict[str, Any]] = field(default_factory=list)  # rows of `event`

    @classmethod
    def begin(cls, clock_started_at: datetime, answer_due_at: datetime) -> Self:
        """The history of a request that isn't written yet; its `request_id` comes later."""
        return cls(
            request_id=0,
            state=None,
            event_count=0,
            acknowledged_at=None,
            settled_at=None,
            clock_started_at=clock_started_at,
            answer_due_at=answer_due_at,
        )

    @classmethod
    def of(cls, request_id: int, columns: Sequence[Any]) -> Self:
        """The history of a stored request, from the values of HISTORY_COLUMNS."""
        state, event_count, acknowledged_at, settled_at, clock_started_at, answer_due_at = columns
        return cls(
            request_id=request_id,
            state=State(state),
            event_count=event_count,
            acknowledged_at=acknowledged_at,
            settled_at=settled_at,
            clock_started_at=clock_started_at,
            answer_due_at=answer_due_at,
            counted=event_count,
        )

    def takes(self, kind: EventKind) -> bool:
        """Whether such an event is legal now."""
        return (self.state, kind) in LEGAL

    def add(self, event: Event, message_id: int | None = None) -> None:
        """Add an event. Raises IllegalTransition."""
        self.state = next_state(self.state, event.kind)
        self.event_count += 1
        self.new.append(
            {
                "request_id": self.request_id,
                "n": self.event_count,
                "kind": event.kind,
                "at": event.at,
                "by": event.by,
                "message_id": message_id,
                "data": dict(event.data),
            }
        )
        if event.kind is EventKind.ACKNOWLEDGED:
            self.acknowledged_at = self.acknowledged_at or event.at
        self.settled_at = (self.settled_at or event.at) if self.state in (State.ANSWERED, State.CLOSED) else None

    def belong_to(self, request_id: int) -> None:
        """The request is written: its events know its number now."""
        self.request_id = request_id
        for row in self.new:
            row["request_id"] = request_id

    def replace_new(self, kind: EventKind, by: EventKind, rule: str) -> None:
        """What was to be enqueued was withheld by a rule: the state is the same after either."""
        for row in self.new:
            if row["kind"] == kind:
                row |= {"kind": by, "data": {"rule": rule}}

    def columns(self) -> dict[str, Any]:
        """Values of HISTORY_COLUMNS."""
        return {column.name: getattr(self, column.name) for column in HISTORY_COLUMNS}

    def changes(self) -> dict[str, Any]:
        """Parameters of the update of a locked row."""
        new = {f"new_{name}": value for name, value in self.columns().items()}
        return {"request_id": self.request_id, "counted": self.counted, **new}


class RequestPart(Unit):
    """The part of a transaction that adds events to requests."""

    async def lock_histories(self, request_ids: Iterable[int]) -> dict[int, History]:
        """The histories of requests, which nobody else changes until the transaction ends."""
        ids = sorted(set(request_ids))
        if not ids:
            return {}
        return {row.id: History.of(row.id, row[1:]) for row in await self.rows(_LOCK, {"ids": ids})}

    async def write_histories(self, histories: Sequence[History]) -> None:
        """Write what was added to locked histories: their rows and their events."""
        for statement, rows in history_statements(histories):
            await self.change(statement, rows)
