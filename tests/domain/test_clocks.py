"""When the answer's clock ran: read from what happened, in whatever order it was learnt of."""

from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise

import pytest
from builders import MARIE, NOW
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain import clocks
from mailwatch.domain.clocks import ANEW, CONTINUED, Run, follow, is_known, read_runs
from mailwatch.domain.requests import SETTLED, UNSETTLED, Event, EventKind, IllegalTransition, State, fold, next_state

MOMENT = timedelta(microseconds=1)


def at(hour: float) -> datetime:
    """So many hours after the request was received."""
    return NOW + timedelta(hours=hour)


def learnt(kind: EventKind, happened: float, seen: float | None = None, **data: object) -> Event:
    """Something that happened at an hour, and that was learnt of at another one."""
    return Event(kind=kind, at=at(happened if seen is None else seen), occurred_at=at(happened), data=data)


def asked(hour: float, seen: float | None = None) -> Event:
    return learnt(EventKind.FOLLOWED_UP, hour, seen)


def answered(hour: float, seen: float | None = None) -> Event:
    return learnt(EventKind.ANSWERED, hour, seen, evidence="sent folder", confidence=0.99)


def flagged(hour: float, about: float = 0) -> Event:
    data = {"evidence": "\\Answered", "confidence": 0.9, "about": at(about).isoformat()}
    return Event(kind=EventKind.ANSWERED, at=at(hour), occurred_at=at(hour), data=data)


def done(kind: EventKind, hour: float, **data: object) -> Event:
    """What a person does to a request, as commands say it: without an instant of its own."""
    return Event(kind=kind, at=at(hour), by=MARIE, data=data)


def closed(hour: float) -> Event:
    return done(EventKind.CLOSED, hour)


def set_aside(hour: float) -> Event:
    return done(EventKind.SET_ASIDE, hour)


def reopened(hour: float, clock: str) -> Event:
    return done(EventKind.REOPENED, hour, clock=clock)


OPENED = Event(kind=EventKind.OPENED, at=at(0.1), occurred_at=at(0))


def tell(*facts: Event, opened: Event = OPENED) -> tuple[Event, ...]:
    """The history that facts make, learnt in this order."""

    def add(past: tuple[Event, ...], fact: Event) -> tuple[Event, ...]:
        return (*past, *follow(state_of(past), past, fact))

    return reduce(add, facts, (opened,))


def state_of(history: tuple[Event, ...]) -> State:
    return fold(event.kind for event in history)


def kinds(history: tuple[Event, ...]) -> list[str]:
    return [str(event.kind) for event in history[1:]]


def hours(history: tuple[Event, ...]) -> list[tuple[float, float | None]]:
    """The runs, in hours after the request was received."""

    def hour(instant: datetime) -> float:
        return (instant - NOW) / timedelta(hours=1)

    return [(hour(run.started_at), hour(run.stopped_at) if run.stopped_at else None) for run in read_runs(history)]


# What is learnt, in this order → the kinds that are written, the runs, the state.
CASES = {
    "nothing yet": ((), [], [(0, None)], State.OPEN),
    "the first answer stops the clock": (
        (answered(3), answered(5)),
        ["answered", "answer noted"],
        [(0, 3)],
        State.ANSWERED,
    ),
    "the clock runs from the earliest unanswered message": (
        (asked(1), asked(2), answered(3)),
        ["followed up", "followed up", "answered"],
        [(0, 3)],
        State.ANSWERED,
    ),
    "a follow-up after the answer starts it again": (
        (answered(3), asked(4), asked(5)),
        ["answered", "followed up", "reopened", "followed up"],
        [(0, 3), (4, None)],
        State.OPEN,
    ),
    "an answer seen after the follow-up that it precedes": (
        (asked(4), answered(3, seen=5)),
        ["followed up", "answer noted"],
        [(0, 3), (4, None)],
        State.OPEN,
    ),
    "a follow-up seen after the answer that it precedes": (
        (answered(3), asked(2, seen=5)),
        ["answered", "followed up"],
        [(0, 3)],
        State.ANSWERED,
    ),
    "a flag, then the copy in the Sent folder": (
        (flagged(6), answered(3, seen=7)),
        ["answered", "answer noted"],
        [(0, 3)],
        State.ANSWERED,
    ),
    "the copy in the Sent folder, then a flag": (
        (answered(3, seen=4), flagged(6)),
        ["answered", "answer noted"],
        [(0, 3)],
        State.ANSWERED,
    ),
    "a flag that hid a question asked after the answer": (
        (asked(4), flagged(6), answered(3, seen=7)),
        ["followed up", "answered", "answer noted", "reopened"],
        [(0, 3), (4, None)],
        State.OPEN,
    ),
    "a flag on the follow-up stops what the follow-up started": (
        (answered(3), asked(4), flagged(6, about=4)),
        ["answered", "followed up", "reopened", "answered"],
        [(0, 3), (4, 6)],
        State.ANSWERED,
    ),
    "a question and its answer at one instant": (
        (answered(3), asked(4), answered(4)),
        ["answered", "followed up", "reopened", "answered"],
        [(0, 3), (4, 4)],
        State.ANSWERED,
    ),
    "an answer older than the request": ((answered(-1, seen=1),), ["answer noted"], [(0, None)], State.OPEN),
    "a follow-up received before what opened the request": (
        (asked(-1, seen=1), answered(2)),
        ["followed up", "answered"],
        [(0, 2)],
        State.ANSWERED,
    ),
    "closed, then answered": ((closed(2), answered(3)), ["closed", "answer noted"], [(0, 2)], State.CLOSED),
    "closed, and answered before": ((closed(2), answered(1, seen=3)), ["closed", "answer noted"], [(0, 1)], "closed"),
    "answered, then closed": ((answered(1), closed(2)), ["answered", "closed"], [(0, 1)], State.CLOSED),
    "closed, then asked": (
        (closed(2), asked(3)),
        ["closed", "followed up", "reopened"],
        [(0, 2), (3, None)],
        State.OPEN,
    ),
    "set aside, then asked": (
        (set_aside(2), asked(3)),
        ["set aside", "followed up", "reopened"],
        [(0, 2), (3, None)],
        State.OPEN,
    ),
    "set aside, then thanked": (
        (set_aside(2), learnt(EventKind.THANKED, 3)),
        ["set aside", "thanked"],
        [(0, 2)],
        State.SET_ASIDE,
    ),
    "set aside, then closed": ((set_aside(2), closed(3)), ["set aside", "closed"], [(0, 2)], State.CLOSED),
    "reopened: it never stopped": (
        (answered(2), reopened(5, CONTINUED)),
        ["answered", "reopened"],
        [(0, None)],
        State.OPEN,
    ),
    "reopened anew": (
        (answered(2), reopened(5, ANEW)),
        ["answered", "reopened"],
        [(0, 2), (5, None)],
        State.OPEN,
    ),
    "reopened, and a question from before that is seen late": (
        (answered(2), reopened(5, CONTINUED), asked(4, seen=6)),
        ["answered", "reopened", "followed up"],
        [(0, None)],
        State.OPEN,
    ),
    "reopened anew, and a question from before that is seen late": (
        (answered(2), reopened(5, ANEW), asked(4, seen=6)),
        ["answered", "reopened", "followed up"],
        [(0, 2), (4, None)],
        State.OPEN,
    ),
    "reopened, then answered again": (
        (answered(2), reopened(5, CONTINUED), answered(6)),
        ["answered", "reopened", "answered"],
        [(0, 6)],
        State.ANSWERED,
    ),
    "what says nothing of the clock": (
        (
            learnt(EventKind.AUTO_REPLIED, 1),
            learnt(EventKind.BOUNCED, 1),
            learnt(EventKind.CONSULTED, 1),
            learnt(EventKind.ANSWER_SUSPECTED, 1),
            learnt(EventKind.ESCALATED, 1),
        ),
        ["auto-replied", "bounced", "consulted", "answer suspected", "escalated"],
        [(0, None)],
        State.OPEN,
    ),
}


@pytest.mark.parametrize(("facts", "written", "ran", "state"), CASES.values(), ids=CASES)
def test_what_is_learnt_makes_the_history_and_the_runs(
    facts: tuple[Event, ...], written: list[str], ran: list[tuple[float, float | None]], state: State
) -> None:
    history = tell(*facts)
    assert (kinds(history), hours(history), state_of(history)) == (written, ran, state)


def test_a_run_says_what_stopped_it() -> None:
    history = tell(flagged(1), asked(2), closed(3), asked(4), set_aside(5))
    assert [run.stopped_by for run in read_runs(history)] == [
        EventKind.ANSWERED,
        EventKind.CLOSED,
        EventKind.SET_ASIDE,
    ]


def test_our_own_reopening_happened_when_the_question_did() -> None:
    history = tell(answered(3), asked(4, seen=9))
    assert (history[-1].kind, history[-1].at, history[-1].happened_at) == (EventKind.REOPENED, at(9), at(4))


# --- clocks that differ ----------------------------------------------------------------------------------------------


def test_what_a_person_does_comes_after_all_that_is_known_however_clocks_differ() -> None:
    history = tell(asked(10, seen=10), closed(9))
    assert (state_of(history), hours(history)) == (State.CLOSED, [(0, 10)])
    history = tell(answered(10), reopened(9, ANEW))
    assert (state_of(history), hours(history)) == (State.OPEN, [(0, 10), (10, None)])


def test_closing_at_the_instant_of_a_reopening_closes() -> None:
    history = tell(closed(2), reopened(3, CONTINUED), closed(3))
    assert (state_of(history), read_runs(history)[-1].stopped_at) == (State.CLOSED, at(3) + MOMENT)
    assert state_of(tell(closed(2), reopened(2, ANEW), closed(2), reopened(2, ANEW))) is State.OPEN


def test_nothing_happened_later_than_it_was_learnt_of() -> None:
    """A server's clock is ahead: a question that comes after must not count as read before the answer."""
    history = tell(answered(50, seen=3), asked(4))
    assert hours(history) == [(0, 3), (4, None)]


def test_an_answer_counts_although_our_clock_was_set_back_meanwhile() -> None:
    opened = Event(kind=EventKind.OPENED, at=at(10), occurred_at=at(10))
    assert state_of(tell(answered(10.5, seen=9), opened=opened)) is State.ANSWERED
    assert state_of(tell(flagged(9, about=10), opened=opened)) is State.ANSWERED


# --- what may not follow ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        (reopened(1, CONTINUED),),
        (closed(1), closed(2)),
        (set_aside(1), set_aside(2)),
        (closed(1), learnt(EventKind.ESCALATED, 2)),
        (answered(1), learnt(EventKind.REOPENED, 2)),
    ],
    ids=["reopened while it runs", "closed twice", "set aside twice", "escalated when settled", "reopened by nobody"],
)
def test_what_is_not_legal_is_refused(facts: tuple[Event, ...]) -> None:
    *before, last = facts
    history = tell(*before)
    with pytest.raises(IllegalTransition):
        follow(state_of(history), history, last)


# --- evidence counts once --------------------------------------------------------------------------------------------


def shown(kind: EventKind, identity: str = "a", **data: object) -> Event:
    return learnt(kind, 1, identity=identity, **data)


@pytest.mark.parametrize(
    ("past", "fact", "expected"),
    [
        (shown(EventKind.ANSWERED), shown(EventKind.ANSWERED), True),
        (shown(EventKind.ANSWER_NOTED), shown(EventKind.ANSWERED), True),
        (shown(EventKind.ANSWERED), shown(EventKind.ANSWER_SUSPECTED), True),
        (shown(EventKind.CONSULTED), shown(EventKind.CONSULTED), True),
        (shown(EventKind.ANSWER_SUSPECTED), shown(EventKind.ANSWERED), False),
        (shown(EventKind.ANSWERED, "b"), shown(EventKind.ANSWERED), False),
        (shown(EventKind.ANSWER_SUSPECTED), shown(EventKind.ANSWER_NOTED, about=NOW.isoformat()), False),
        (shown(EventKind.ANSWERED, about=NOW.isoformat()), shown(EventKind.ANSWERED, about=NOW.isoformat()), True),
        (shown(EventKind.CONSULTED), shown(EventKind.ANSWERED, about=NOW.isoformat()), False),
        (shown(EventKind.ANSWERED, about=NOW.isoformat()), shown(EventKind.CONSULTED), False),
        (shown(EventKind.CLOSED), shown(EventKind.CLOSED), False),
        (shown(EventKind.ANSWERED, ""), shown(EventKind.ANSWERED, ""), False),
    ],
)
def test_the_same_message_counts_once_and_its_flag_apart(past: Event, fact: Event, expected: bool) -> None:
    assert is_known([OPENED, past], fact) is expected


# --- whatever happens ------------------------------------------------------------------------------------------------

INSTANTS = st.integers(min_value=-2, max_value=12)


@st.composite
def things_seen(draw: st.DrawFn) -> Event:
    """What mailwatch learns by itself; all of it long after it happened."""
    hour = draw(INSTANTS)
    kind = draw(st.sampled_from(["asked", "answered", "flagged", "thanked", "suspected"]))
    if kind == "flagged":
        about = draw(st.integers(min_value=-2, max_value=hour))
        return Event(kind=EventKind.ANSWERED, at=at(20), occurred_at=at(hour), data={"about": at(about).isoformat()})
    kind_of = {
        "asked": EventKind.FOLLOWED_UP,
        "answered": EventKind.ANSWERED,
        "thanked": EventKind.THANKED,
        "suspected": EventKind.ANSWER_SUSPECTED,
    }
    return learnt(kind_of[kind], hour, seen=20)


ACTS = [closed(21), set_aside(21), reopened(21, ANEW), reopened(21, CONTINUED)]


def try_all(facts: list[Event]) -> tuple[Event, ...]:
    """The history of facts of which the illegal ones are left out."""
    history: tuple[Event, ...] = (OPENED,)
    for fact in facts:
        try:
            history = (*history, *follow(state_of(history), history, fact))
        except IllegalTransition:
            continue
    return history


@given(st.lists(things_seen(), max_size=8).flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_in_whatever_order_facts_are_learnt_they_come_to_the_same_runs(both: tuple[list[Event], list[Event]]) -> None:
    one, other = (tell(*facts) for facts in both)
    assert read_runs(one) == read_runs(other)
    assert (state_of(one) in SETTLED) == (state_of(other) in SETTLED)


@given(
    st.lists(
        st.one_of(
            things_seen(),
            st.sampled_from(ACTS),
            st.builds(done, st.sampled_from([EventKind.CLOSED, EventKind.SET_ASIDE]), INSTANTS),
            st.builds(reopened, INSTANTS, st.sampled_from([ANEW, CONTINUED])),
        ),
        max_size=12,
    )
)
def test_a_request_is_settled_exactly_while_its_clock_stands(facts: list[Event]) -> None:
    history = try_all(facts)
    runs = read_runs(history)
    assert (state_of(history) in SETTLED) == (runs[-1].stopped_at is not None)
    assert runs[0].started_at == at(0)
    for run, following in pairwise(runs):
        assert run.stopped_at is not None
        assert run.started_at <= run.stopped_at <= following.started_at
    assert runs[-1].stopped_at or runs[-1] == Run(started_at=runs[-1].started_at)


@given(st.lists(things_seen(), max_size=8))
def test_only_an_answer_that_stops_the_clock_is_called_one(facts: list[Event]) -> None:
    history: tuple[Event, ...] = (OPENED,)
    for fact in facts:
        before = state_of(history)
        first, *_ = follow(before, history, fact)
        if first.kind is EventKind.ANSWERED:
            assert before in UNSETTLED
            assert read_runs((*history, first))[-1].stopped_at == first.happened_at
        history = (*history, *follow(before, history, fact))


def test_every_kind_that_bears_on_the_clock_is_known_to_the_table_of_transitions() -> None:
    assert {EventKind.OPENED, EventKind.FOLLOWED_UP, EventKind.ANSWERED, EventKind.REOPENED} < clocks.BEARING
    for kind in clocks.BEARING - {EventKind.OPENED}:
        assert any(_is_legal(state, kind) for state in State)


def _is_legal(state: State, kind: EventKind) -> bool:
    try:
        next_state(state, kind)
    except IllegalTransition:
        return False
    return True
