"""The answer's clock: when it ran, read from a request's events, in whatever order they were learnt of.

The clock starts with the earliest unanswered message and stops with the first answer after it, a closing or a setting
aside; a later message of the requester starts it again. Answers are often seen late, and follow-ups before them: so
the runs are read from everything that happened, by when it happened, each time something is learnt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailwatch.domain.requests import SETTLED, UNSETTLED, Event, EventKind, IllegalTransition, State, next_state

CONTINUED = "continued"  # a person reopened: what stopped the clock was a mistake, it never stopped
ANEW = "anew"  # a person reopened: the clock starts now

_QUESTIONS = frozenset({EventKind.OPENED, EventKind.FOLLOWED_UP})
_ANSWERS = frozenset({EventKind.ANSWERED, EventKind.ANSWER_NOTED})
_STOPS = {
    EventKind.ANSWERED: EventKind.ANSWERED,
    EventKind.ANSWER_NOTED: EventKind.ANSWERED,
    EventKind.CLOSED: EventKind.CLOSED,
    EventKind.SET_ASIDE: EventKind.SET_ASIDE,
}
_EVIDENCE = _ANSWERS | {EventKind.ANSWER_SUSPECTED, EventKind.CONSULTED}
_ACTS = frozenset({EventKind.CLOSED, EventKind.SET_ASIDE, EventKind.REOPENED})  # what people do to a request
_MOMENT = timedelta(microseconds=1)  # the least difference that is stored

BEARING = _QUESTIONS | frozenset(_STOPS) | _ACTS  # the kinds that the runs are read from


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One running of the clock. `stopped_by`: ANSWERED, CLOSED or SET_ASIDE; both stops are None while it runs."""

    started_at: datetime
    stopped_at: datetime | None = None
    stopped_by: EventKind | None = None


def read_runs(events: Iterable[Event]) -> tuple[Run, ...]:
    """The runs of a request's clock, oldest first; at least one for any history that begins with OPENED.

    At one instant a message counts as read before the answer was written, and a person's reopening has the last word.
    """
    history = list(events)
    runs: list[Run] = []
    for event in sorted(_facts(history), key=lambda fact: (fact.happened_at, _rank(fact))):
        is_running = bool(runs) and runs[-1].stopped_at is None
        if event.kind in _QUESTIONS and not is_running:
            runs.append(Run(started_at=event.happened_at))
        elif event.kind in _STOPS and is_running:
            runs[-1] = replace(runs[-1], stopped_at=event.happened_at, stopped_by=_STOPS[event.kind])
        elif event.kind is EventKind.REOPENED and event.data["clock"] == CONTINUED:
            runs = _continued(runs)
        elif event.kind is EventKind.REOPENED and runs and not is_running:
            runs.append(Run(started_at=event.happened_at))
    return tuple(runs)


def _continued(runs: list[Run]) -> list[Run]:
    """The runs without their last stop: where a message started the clock again since, it had been running anyway."""
    if not runs:
        return []
    is_running = runs[-1].stopped_at is None
    kept = runs[:-2] if is_running else runs[:-1]
    return [*kept, Run(started_at=runs[len(kept)].started_at)]


def read_rescheduled(events: Iterable[Event]) -> dict[datetime, datetime]:
    """Run's start → when an answer was due in it, as absences had it last; the standard alone holds for the others."""
    return {
        datetime.fromisoformat(str(event.data["clock_started_at"])): datetime.fromisoformat(str(event.data["due_at"]))
        for event in events
        if event.kind is EventKind.RESCHEDULED
    }


def follow(state: State | None, past: Sequence[Event], fact: Event) -> tuple[Event, ...]:
    """What a fact adds to a history: itself, under the kind that is true of it, and the reopening that follows from it.

    An ANSWERED that stops no running clock is an ANSWER_NOTED. Raises IllegalTransition.
    """
    if fact.kind is EventKind.REOPENED and not _is_reopening(fact):
        raise IllegalTransition("a reopening that nobody asked for follows from the events")
    fact = _placed(past, fact)
    runs = read_runs((*past, fact))
    if fact.kind is EventKind.ANSWERED and not (state in UNSETTLED and runs[-1].stopped_at):
        fact = replace(fact, kind=EventKind.ANSWER_NOTED)
    after = next_state(state, fact.kind)
    if after in SETTLED and runs[-1].stopped_at is None:
        return fact, Event(kind=EventKind.REOPENED, at=fact.at, occurred_at=runs[-1].started_at)
    return (fact,)


def is_known(past: Iterable[Event], fact: Event) -> bool:
    """Whether the same message, or the same message's flag, showed it before. What was only suspected may be shown."""
    if fact.kind not in _EVIDENCE or not fact.data.get("identity"):
        return False
    return any(
        event.data.get("identity") == fact.data["identity"]
        and ("about" in event.data) == ("about" in fact.data)
        and not (event.kind is EventKind.ANSWER_SUSPECTED and fact.kind in _ANSWERS)
        for event in past
        if event.kind in _EVIDENCE
    )


def _placed(past: Sequence[Event], fact: Event) -> Event:
    """The fact at an instant that agrees with what is known, however clocks differ.

    Nothing happened later than it was learnt of; a flag was set after its message was received; and what a person does
    to a request comes after everything that stands in its history by then.
    """
    known = [event.happened_at for event in past if event.kind in BEARING]
    if not known or fact.kind not in BEARING:
        return fact
    horizon = max(fact.at, *known)
    if fact.kind in _ACTS and fact.occurred_at is None:
        is_after_reopening = any(_rank(event) > _rank(fact) for event in past if event.happened_at == horizon)
        return replace(fact, occurred_at=horizon + _MOMENT if is_after_reopening else horizon)
    happened_at = min(fact.happened_at, horizon)
    if fact.kind in _ANSWERS and (about := _about(fact)) is not None:
        happened_at = max(happened_at, about)
    return fact if happened_at == fact.happened_at else replace(fact, occurred_at=happened_at)


def _about(event: Event) -> datetime | None:
    """When the message was received whose flag shows an answer; None for other evidence."""
    about = event.data.get("about")
    return None if about is None else datetime.fromisoformat(str(about))


def _facts(history: Sequence[Event]) -> Iterable[Event]:
    """The events that bear on the clock, none before the opening.

    Our own reopenings follow from the others. That a flag was *seen* says little of when the answer was written: where
    an answer with an instant of its own lies between the flagged message and the flag, the flag adds nothing.
    """
    opened_at = history[0].happened_at
    written = [event.happened_at for event in history if event.kind in _ANSWERS and "about" not in event.data]
    for event in history:
        if not (event.kind in _QUESTIONS or event.kind in _STOPS or _is_reopening(event)):
            continue
        about = _about(event) if event.kind in _ANSWERS else None
        if about is not None and any(about <= instant <= event.happened_at for instant in written):
            continue
        is_early = event.kind in _QUESTIONS and event.happened_at < opened_at
        yield replace(event, occurred_at=opened_at) if is_early else event


def _rank(fact: Event) -> int:
    """Questions before stops before a person's reopening. (Our own reopenings are not read.)"""
    if fact.kind in _STOPS:
        return 1
    return 2 if _is_reopening(fact) else 0


def _is_reopening(event: Event) -> bool:
    return event.kind is EventKind.REOPENED and "clock" in event.data
