"""A request's history while it is being added to: its state, its clock, and the events that are new.

A request's row, its events and its earlier clocks change together: lock the row, add to a `History`, write it all.
What bears on the answer's clock needs the events that stand already; everything else does without them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import Connection, Executable, bindparam, delete, insert, select, update

from mailwatch.domain.calendars import ServiceCalendar, from_definition
from mailwatch.domain.clocks import BEARING, Run, follow, read_rescheduled, read_runs
from mailwatch.domain.requests import LEGAL, Event, EventKind, IllegalTransition, State, next_state
from mailwatch.domain.standards import Limit, due, parse_limit
from mailwatch.store.schema import calendars, earlier_clocks, events, requests
from mailwatch.store.types import Numbers, among

# What a History holds; a SELECT of these columns FOR UPDATE gives it.
HISTORY_COLUMNS = (
    requests.c.state,
    requests.c.event_count,
    requests.c.acknowledged_at,
    requests.c.answered_at,
    requests.c.settled_at,
    requests.c.clock_started_at,
    requests.c.answer_due_at,
)
_IDS = bindparam("ids", type_=Numbers())

_STANDARDS = (
    select(requests.c.id, requests.c.standard, calendars.c.definition)
    .join(calendars, calendars.c.digest == requests.c.calendar_digest)
    .where(among(requests.c.id, _IDS))
)
_EARLIER = (
    select(earlier_clocks.c.request_id, earlier_clocks.c.started_at, earlier_clocks.c.due_at)
    .where(among(earlier_clocks.c.request_id, _IDS))
    .order_by(earlier_clocks.c.request_id, earlier_clocks.c.n)
)
_EVENTS = (
    select(events.c.request_id, events.c.kind, events.c.at, events.c.by, events.c.data, events.c.occurred_at)
    .where(among(events.c.request_id, _IDS))
    .order_by(events.c.request_id, events.c.n)
)
_UPDATE = (
    update(requests)
    .where(requests.c.id == bindparam("request_id"), requests.c.event_count == bindparam("counted"))
    .values({column.name: bindparam(f"new_{column.name}") for column in HISTORY_COLUMNS})
)
_FORGET_CLOCKS = delete(earlier_clocks).where(among(earlier_clocks.c.request_id, _IDS))
INSERT_EVENTS = insert(events)
_INSERT_CLOCKS = insert(earlier_clocks)

Statement = tuple[Executable, Sequence[Mapping[str, Any]] | Mapping[str, Any]]  # with its parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What stands of a request already. `due_at`: when an answer was due in each earlier run, by the run's start."""

    events: tuple[Event, ...]
    due_at: Mapping[datetime, datetime]
    calendar: ServiceCalendar
    limit: Limit


def load_pasts(connection: Connection, request_ids: Iterable[int]) -> dict[int, Past]:
    """The pasts of requests that this transaction has locked."""
    ids = {"ids": sorted(set(request_ids))}
    if not ids["ids"]:
        return {}
    dues: dict[int, dict[datetime, datetime]] = defaultdict(dict)
    for row in connection.execute(_EARLIER, ids):
        dues[row.request_id][row.started_at] = row.due_at
    stand: dict[int, list[Event]] = defaultdict(list)
    for written in connection.execute(_EVENTS, ids):
        stand[written.request_id].append(to_event(written))
    return {
        row.id: Past(
            events=tuple(stand[row.id]),
            due_at=dues[row.id],
            calendar=_rebuild(json.dumps(row.definition, sort_keys=True)),
            limit=parse_limit(row.standard["answer_within"]),
        )
        for row in connection.execute(_STANDARDS, ids)
    }


def to_event(row: Any) -> Event:  # a row, whatever else it holds
    """A row with the columns of `event`, as the domain sees it."""
    return Event(kind=EventKind(row.kind), at=row.at, by=row.by, data=row.data, occurred_at=row.occurred_at)


@lru_cache(maxsize=32)  # versions of an organisation's calendars: each works out its holidays once
def _rebuild(definition: str) -> ServiceCalendar:
    return from_definition(json.loads(definition))


@dataclass(slots=True, kw_only=True)
class History:
    """A request's state and clock, and the events being added to it. `state` is None before the first one."""

    request_id: int
    state: State | None
    event_count: int
    acknowledged_at: datetime | None
    answered_at: datetime | None
    settled_at: datetime | None
    clock_started_at: datetime
    answer_due_at: datetime
    counted: int = 0  # how many events stand in the database
    past: Past | None = None
    dues: dict[datetime, datetime] = field(default_factory=dict)  # when an answer is due in a run, by the run's start
    added: list[tuple[Event, int | None]] = field(default_factory=list)  # each with the row of its message
    clocks: list[dict[str, Any]] | None = None  # rows of `earlier_clock`, where they have changed

    @classmethod
    def begin(cls, clock_started_at: datetime, answer_due_at: datetime) -> Self:
        """The history of a request that isn't written yet; its `request_id` comes later."""
        return cls(
            request_id=0,
            state=None,
            event_count=0,
            acknowledged_at=None,
            answered_at=None,
            settled_at=None,
            clock_started_at=clock_started_at,
            answer_due_at=answer_due_at,
            dues={clock_started_at: answer_due_at},
        )

    @classmethod
    def of(cls, request_id: int, columns: Sequence[Any], past: Past | None = None) -> Self:
        """The history of a stored request, from the values of HISTORY_COLUMNS."""
        state, event_count, acknowledged_at, answered_at, settled_at, clock_started_at, answer_due_at = columns
        return cls(
            request_id=request_id,
            state=State(state),
            event_count=event_count,
            acknowledged_at=acknowledged_at,
            answered_at=answered_at,
            settled_at=settled_at,
            clock_started_at=clock_started_at,
            answer_due_at=answer_due_at,
            counted=event_count,
            past=past,
            dues={**(past.due_at if past else {}), clock_started_at: answer_due_at},
        )

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event so far. RuntimeError where those that stand were not loaded."""
        if self.past is None and self.counted:
            raise RuntimeError("this history was locked without its events")
        return (*(self.past.events if self.past else ()), *(event for event, _ in self.added))

    def takes(self, kind: EventKind) -> bool:
        """Whether such an event is legal now."""
        return (self.state, kind) in LEGAL

    def add(self, event: Event, message_id: int | None = None) -> None:
        """Add an event that opens the request, or doesn't bear on its clock. Raises IllegalTransition."""
        self.state = next_state(self.state, event.kind)
        self.event_count += 1
        self.added.append((event, message_id))
        if event.kind is EventKind.ACKNOWLEDGED:
            self.acknowledged_at = self.acknowledged_at or event.at
        if event.kind is EventKind.RESCHEDULED:
            self.dues |= read_rescheduled([event])
            self.answer_due_at = self.dues[self.clock_started_at]

    def follow(self, fact: Event, message_id: int | None = None) -> None:
        """Add a fact, under the kind that is true of it, and what follows from it. Raises IllegalTransition, also for
        what was found of a run of the clock that is over."""
        if fact.kind is EventKind.RESCHEDULED and self.counted and not self._is_moved_by(fact):
            raise IllegalTransition("this run of the clock is over, or it is due then already")
        if fact.kind not in BEARING:
            self.add(fact, message_id)
            return
        for event in follow(self.state, self.events, fact):
            self.add(event, message_id)
        self._read_clock()

    def _is_moved_by(self, rescheduled: Event) -> bool:
        due_at = read_rescheduled([rescheduled]).get(self.clock_started_at)
        return due_at is not None and due_at != self.answer_due_at

    def _read_clock(self) -> None:
        """The row's instants as the runs have them. When an answer was due in a run that stays, stays, too."""
        runs = read_runs(self.events)
        self.answered_at = next((run.stopped_at for run in runs if run.stopped_by is EventKind.ANSWERED), None)
        self.settled_at = runs[-1].stopped_at
        self.clock_started_at = runs[-1].started_at
        self.answer_due_at = self._due_at(self.clock_started_at)
        if self.past is not None and runs[:-1] != read_runs(self.past.events)[:-1]:
            self.clocks = [self._clock(n, run) for n, run in enumerate(runs[:-1], 1)]

    def _due_at(self, started_at: datetime) -> datetime:
        if started_at not in self.dues:
            if self.past is None:
                raise RuntimeError("a request that is being opened has one clock")
            rescheduled = read_rescheduled(self.events).get(started_at)
            self.dues[started_at] = rescheduled or due(self.past.calendar, started_at, self.past.limit)
        return self.dues[started_at]

    def _clock(self, n: int, run: Run) -> dict[str, Any]:
        return {
            "n": n,
            "request_id": self.request_id,
            "started_at": run.started_at,
            "due_at": self._due_at(run.started_at),
            "stopped_at": run.stopped_at,
            "stopped_by": run.stopped_by,
        }

    def belong_to(self, request_id: int) -> None:
        """The request is written: it has its number now."""
        self.request_id = request_id

    def replace_new(self, kind: EventKind, by: EventKind, rule: str) -> None:
        """What was to be enqueued was withheld by a rule: the state is the same after either."""
        self.added = [
            (replace(event, kind=by, data={"rule": rule}) if event.kind is kind else event, message_id)
            for event, message_id in self.added
        ]

    def drop_new(self, kind: EventKind) -> bool:
        """What was to be said last didn't happen, and changed no state; whether it was to be said."""
        if not self.added or self.added[-1][0].kind is not kind:
            return False
        self.added.pop()
        self.event_count -= 1
        return True

    def columns(self) -> dict[str, Any]:
        """Values of HISTORY_COLUMNS."""
        return {column.name: getattr(self, column.name) for column in HISTORY_COLUMNS}

    def changes(self) -> dict[str, Any]:
        """Parameters of the update of a locked row."""
        new = {f"new_{name}": value for name, value in self.columns().items()}
        return {"request_id": self.request_id, "counted": self.counted, **new}

    @property
    def new(self) -> list[dict[str, Any]]:
        """Rows of `event`: what is new."""
        first = self.event_count - len(self.added) + 1
        return [_event(self.request_id, n, event, message) for n, (event, message) in enumerate(self.added, first)]


def history_statements(histories: Sequence[History]) -> Sequence[Statement]:
    """What writes the new events of locked histories: statements, each with its parameters; none without rows."""
    changed = [history for history in histories if history.added]
    retold = [history for history in changed if history.clocks is not None]
    statements: Sequence[Statement] = (
        (_UPDATE, [history.changes() for history in changed]),
        (INSERT_EVENTS, [row for history in changed for row in history.new]),
        (_FORGET_CLOCKS, {"ids": [history.request_id for history in retold]} if retold else ()),
        (_INSERT_CLOCKS, [row for history in retold for row in history.clocks or ()]),
    )
    return [(statement, rows) for statement, rows in statements if rows]


def _event(request_id: int, n: int, event: Event, message_id: int | None) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "n": n,
        "kind": event.kind,
        "at": event.at,
        "occurred_at": event.happened_at,
        "by": event.by,
        "message_id": message_id,
        "data": dict(event.data),
    }
