"""The life of a request: every event in every state, and what a history comes to."""

from datetime import timedelta

import pytest
from builders import NOW

from mailwatch.domain.requests import (
    LEGAL,
    REFERENCE_ALPHABET,
    SETTLED,
    UNSETTLED,
    Event,
    EventKind,
    IllegalTransition,
    State,
    encode_reference,
    fold,
    next_state,
)

# Rows: events. Columns: before the first event, open, acknowledged, answered, closed, set aside.
# A letter is the state after it; a point: such an event is illegal there.
TABLE = """
opened                     o . . . . .
acknowledgement enqueued   . o a . . .
acknowledgement withheld   . o a n c s
acknowledged               . a a n c s
acknowledgement failed     . o a n c s
acknowledgement cancelled  . o a n c s
followed up                . o a n c s
auto-replied               . o a n c s
bounced                    . o a n c s
thanked                    . o a n c s
answered                   . n n . . .
answer noted               . o a n c s
answer suspected           . o a n c s
consulted                  . o a n c s
notified                   . o a n c s
rescheduled                . o a . . .
escalated                  . o a . . .
reassigned                 . o a n c s
closed                     . c c c . c
set aside                  . s s s s .
reopened                   . . . o o o
"""
STATES = {
    "o": State.OPEN,
    "a": State.ACKNOWLEDGED,
    "n": State.ANSWERED,
    "c": State.CLOSED,
    "s": State.SET_ASIDE,
}
HOUR = timedelta(hours=1)
BEFORE = (None, *STATES.values())


def expectations() -> list[tuple[State | None, EventKind, State | None]]:
    """(state, event, state after it or None), for every pair."""
    rows = []
    for line in TABLE.strip().splitlines():
        event, letters = EventKind(line[:27].strip()), line[27:].split()
        rows += [(before, event, STATES.get(letter)) for before, letter in zip(BEFORE, letters, strict=True)]
    return rows


def test_the_table_has_every_state_and_every_event() -> None:
    pairs = {(before, event) for before, event, _ in expectations()}
    assert pairs == {(before, event) for before in (None, *State) for event in EventKind}


@pytest.mark.parametrize(("before", "event", "after"), expectations())
def test_every_event_in_every_state_is_legal_or_refused(
    before: State | None, event: EventKind, after: State | None
) -> None:
    assert LEGAL.get((before, event)) == after
    if after is None:
        with pytest.raises(IllegalTransition, match=str(event)):
            next_state(before, event)
    else:
        assert next_state(before, event) is after


def test_a_history_comes_to_its_last_state() -> None:
    history = [
        EventKind.OPENED,
        EventKind.ACKNOWLEDGEMENT_ENQUEUED,
        EventKind.ACKNOWLEDGED,
        EventKind.FOLLOWED_UP,
        EventKind.ANSWERED,
        EventKind.FOLLOWED_UP,
        EventKind.REOPENED,
    ]
    assert fold(history) is State.OPEN
    assert fold(history[:3]) is State.ACKNOWLEDGED


def test_the_clock_runs_in_the_states_that_are_not_settled() -> None:
    assert {State.OPEN, State.ACKNOWLEDGED} == UNSETTLED
    assert {State.ANSWERED, State.CLOSED, State.SET_ASIDE} == SETTLED


def test_an_event_happened_when_it_was_written_unless_it_says_when() -> None:
    assert Event(kind=EventKind.OPENED, at=NOW).happened_at == NOW
    assert Event(kind=EventKind.OPENED, at=NOW, occurred_at=NOW - HOUR).happened_at == NOW - HOUR


def test_an_acknowledgement_that_comes_after_the_answer_leaves_it_answered() -> None:
    history = [EventKind.OPENED, EventKind.ACKNOWLEDGEMENT_ENQUEUED, EventKind.ANSWERED, EventKind.ACKNOWLEDGED]
    assert fold(history) is State.ANSWERED


@pytest.mark.parametrize("history", [[], [EventKind.ACKNOWLEDGED], [EventKind.OPENED, EventKind.OPENED]])
def test_a_history_that_cannot_be_is_refused(history: list[EventKind]) -> None:
    with pytest.raises(IllegalTransition):
        fold(history)


def test_references_are_short_different_and_hold_no_letter_that_reads_like_another() -> None:
    references = {encode_reference(number) for number in range(5000)}
    assert len(references) == 5000
    assert not set("ILOU") & set(REFERENCE_ALPHABET)
    assert encode_reference(0) == "MW-000000"
    assert encode_reference(2**30 - 1) == "MW-ZZZZZZ"
