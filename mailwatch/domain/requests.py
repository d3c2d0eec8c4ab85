"""A request, its events, and the table of legal transitions. The stored state is the fold of the events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailwatch.domain.languages import Language

REFERENCE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: no I, L, O, U


class State(StrEnum):
    """Where a request stands; stored."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    CLOSED = "closed"
    SET_ASIDE = "set aside"


class EventKind(StrEnum):
    """One line of a request's history."""

    OPENED = "opened"
    ACKNOWLEDGEMENT_ENQUEUED = "acknowledgement enqueued"
    ACKNOWLEDGEMENT_WITHHELD = "acknowledgement withheld"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_FAILED = "acknowledgement failed"
    ACKNOWLEDGEMENT_CANCELLED = "acknowledgement cancelled"
    FOLLOWED_UP = "followed up"
    AUTO_REPLIED = "auto-replied"
    BOUNCED = "bounced"
    ANSWERED = "answered"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Who did what, when, why. `by` is "mailwatch" or a person's e-mail; `data` holds no sender and no subject."""

    kind: EventKind
    at: datetime
    by: str = "mailwatch"
    data: Mapping[str, object] = field(default_factory=dict)


_SAME: tuple[State, ...] = tuple(State)
_UNANSWERED = (State.OPEN, State.ACKNOWLEDGED)

# (state, event) → state. What isn't here is illegal.
LEGAL: Mapping[tuple[State | None, EventKind], State] = {
    (None, EventKind.OPENED): State.OPEN,
    **{(state, EventKind.ACKNOWLEDGEMENT_ENQUEUED): state for state in _UNANSWERED},
    **{(state, EventKind.ACKNOWLEDGEMENT_WITHHELD): state for state in _SAME},
    (State.OPEN, EventKind.ACKNOWLEDGED): State.ACKNOWLEDGED,
    **{(state, EventKind.ACKNOWLEDGED): state for state in _SAME if state is not State.OPEN},
    **{(state, EventKind.ACKNOWLEDGEMENT_FAILED): state for state in _SAME},
    **{(state, EventKind.ACKNOWLEDGEMENT_CANCELLED): state for state in _SAME},
    **{(state, EventKind.FOLLOWED_UP): state for state in _SAME},
    **{(state, EventKind.AUTO_REPLIED): state for state in _SAME},
    **{(state, EventKind.BOUNCED): state for state in _SAME},
    **{(state, EventKind.ANSWERED): State.ANSWERED for state in _UNANSWERED},
    (State.ANSWERED, EventKind.ANSWERED): State.ANSWERED,
    (State.ANSWERED, EventKind.REOPENED): State.OPEN,
    (State.CLOSED, EventKind.REOPENED): State.OPEN,
}


class IllegalTransition(ValueError):
    """This event may not follow in this state."""


def next_state(state: State | None, event: EventKind) -> State:
    """The state after an event. Raises IllegalTransition."""
    try:
        return LEGAL[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} after {state}") from None


def fold(events: Iterable[EventKind]) -> State:
    """The state that a history comes to."""
    state: State | None = None
    for event in events:
        state = next_state(state, event)
    if state is None:
        raise IllegalTransition("a request without events")
    return state


def encode_reference(number: int) -> str:
    """The reference of a 30-bit number: `MW-` and six characters."""
    digits = []
    for _ in range(6):
        number, rest = divmod(number, 32)
        digits.append(REFERENCE_ALPHABET[rest])
    return "MW-" + "".join(reversed(digits))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSummary:
    """What threading and limits must know of a stored request."""

    id: int
    reference: str
    mailbox: str
    requester: str
    subject_key: str
    language: Language | None
    state: State
    received_at: datetime
    clock_started_at: datetime
    settled_at: datetime | None  # when it was answered or closed
    is_acknowledged: bool  # an acknowledgement was enqueued or sent
    recipient: str = ""  # where its acknowledgement went, or goes
