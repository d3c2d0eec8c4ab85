"""Whether each request's row is what its events tell: its state, its clocks, who owns it, what was escalated."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.clocks import Run, is_known, read_rescheduled, read_runs
from mailwatch.domain.requests import Event, EventKind, IllegalTransition, fold
from mailwatch.store.histories import to_event
from mailwatch.store.schema import earlier_clocks, escalations, events, requests

_HISTORIES = (
    select(
        requests.c.id,
        requests.c.reference,
        requests.c.state,
        requests.c.event_count,
        requests.c.owner,
        requests.c.received_at,
        requests.c.clock_started_at,
        requests.c.answer_due_at,
        requests.c.acknowledged_at,
        requests.c.answered_at,
        requests.c.settled_at,
        events.c.n,
        events.c.kind,
        events.c.at,
        events.c.by,
        events.c.data,
        events.c.occurred_at,
    )
    .join(events, events.c.request_id == requests.c.id)
    .order_by(requests.c.id, events.c.n)
)
_EARLIER = select(
    earlier_clocks.c.request_id,
    earlier_clocks.c.started_at,
    earlier_clocks.c.stopped_at,
    earlier_clocks.c.stopped_by,
).order_by(earlier_clocks.c.request_id, earlier_clocks.c.n)
_ESCALATIONS = select(escalations.c.request_id, escalations.c.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """A request as its row has it, and as its events tell it."""

    row: Any  # a row of _HISTORIES, whichever
    numbers: Sequence[int]
    events: Sequence[Event]
    earlier: Sequence[Run]
    levels: Counter[str]


async def check_histories(connection: AsyncConnection, batch: int) -> AsyncIterator[str]:
    """What contradicts the histories, a sentence each. Reads `batch` rows at a time."""
    earlier: dict[int, list[Run]] = defaultdict(list)
    for run in await connection.execute(_EARLIER):
        stopped_by = EventKind(run.stopped_by)
        earlier[run.request_id].append(Run(started_at=run.started_at, stopped_at=run.stopped_at, stopped_by=stopped_by))
    levels: dict[int, Counter[str]] = defaultdict(Counter)
    for row in await connection.execute(_ESCALATIONS):
        levels[row.request_id][row.level] += 1
    async for rows in _by_request(connection, batch):
        for problem in _check(_story(rows, earlier, levels)):
            yield problem


async def _by_request(connection: AsyncConnection, batch: int) -> AsyncIterator[list[Any]]:
    rows: list[Any] = []
    async for row in await connection.stream(_HISTORIES.execution_options(yield_per=batch)):
        if rows and row.id != rows[0].id:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _story(rows: list[Any], earlier: Mapping[int, list[Run]], levels: Mapping[int, Counter[str]]) -> _Story:
    first = rows[0]
    return _Story(
        row=first,
        numbers=[row.n for row in rows],
        events=[to_event(row) for row in rows],
        earlier=earlier.get(first.id, ()),
        levels=levels.get(first.id, Counter()),
    )


def _check(story: _Story) -> Iterable[str]:
    reference = story.row.reference
    if list(story.numbers) != list(range(1, story.row.event_count + 1)):
        yield f"events are missing, or counted wrongly: {reference}"
    try:
        state = fold(event.kind for event in story.events)
    except IllegalTransition as error:
        yield f"an event isn't legal where it stands: {reference} ({error})"
        return
    if state != story.row.state:
        yield f"the state isn't what the events come to: {reference} is {story.row.state}, not {state}"
    yield from (f"{sentence}: {reference}" for sentence, is_wrong in CHECKS if is_wrong(story))


def _began_elsewhen(story: _Story) -> bool:
    return bool(story.events[0].happened_at != story.row.received_at)


def _has_another_clock(story: _Story) -> bool:
    *earlier, current = read_runs(story.events)
    stored = (story.row.clock_started_at, story.row.settled_at)
    return stored != (current.started_at, current.stopped_at) or list(story.earlier) != earlier


def _was_answered_elsewhen(story: _Story) -> bool:
    runs = read_runs(story.events)
    answered = [run.stopped_at for run in runs if run.stopped_by is EventKind.ANSWERED]
    return bool(story.row.answered_at != (answered[0] if answered else None))


def _was_acknowledged_elsewhen(story: _Story) -> bool:
    acknowledged = [event.at for event in story.events if event.kind is EventKind.ACKNOWLEDGED]
    return bool(story.row.acknowledged_at != (acknowledged[0] if acknowledged else None))


def _counts_evidence_twice(story: _Story) -> bool:
    return any(is_known(story.events[:n], event) for n, event in enumerate(story.events))


def _was_escalated_otherwise(story: _Story) -> bool:
    told = Counter(str(event.data.get("level")) for event in story.events if event.kind is EventKind.ESCALATED)
    return told != story.levels


def _is_due_elsewhen(story: _Story) -> bool:
    rescheduled = read_rescheduled(story.events)
    return bool(story.row.answer_due_at != rescheduled.get(story.row.clock_started_at, story.row.answer_due_at))


def _has_another_owner(story: _Story) -> bool:
    reassigned = [event.data for event in story.events if event.kind is EventKind.REASSIGNED]
    is_broken = any(before["to"] != after["from"] for before, after in pairwise(reassigned))
    return is_broken or bool(reassigned and reassigned[-1]["to"] != story.row.owner)


# A sentence, and what tells whether a story belies it.
CHECKS: tuple[tuple[str, Callable[[_Story], bool]], ...] = (
    ("the history doesn't begin when the request was received", _began_elsewhen),
    ("the clock isn't what the events come to", _has_another_clock),
    ("the first answer isn't when the events say", _was_answered_elsewhen),
    ("the acknowledgement isn't when the events say", _was_acknowledged_elsewhen),
    ("the same evidence counts twice", _counts_evidence_twice),
    ("escalations aren't what the events say", _was_escalated_otherwise),
    ("the answer isn't due when the events say", _is_due_elsewhen),
    ("the owner isn't whom the events name", _has_another_owner),
)
