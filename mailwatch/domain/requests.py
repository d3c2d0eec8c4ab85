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
    THANKED = "thanked"  # the requester says thanks, and nothing else
    ANSWERED = "answered"  # the answer that stopped the clock
    ANSWER_NOTED = "answer noted"  # another answer, or one older than what the clock runs for
    ANSWER_SUSPECTED = "answer suspected"  # evidence too weak to stop a clock
    CONSULTED = "consulted"  # forwarded, or discussed, without writing to the requester
    NOTIFIED = "notified"  # whoever wrote was told of an absence, by a notice of its own
    RESCHEDULED = "rescheduled"  # an absence began to count, ended, or changed: the answer is due at another instant
    ESCALATED = "escalated"
    REASSIGNED = "reassigned"
    CLOSED = "closed"
    SET_ASIDE = "set aside"
    REOPENED = "reopened"


MAILWATCH = "mailwatch"  # who did it, where no person did


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Who did what, when, why. `data` holds no sender and no subject.

    at           when it was written here
    by           MAILWATCH, or whoever did it: an e-mail, or the name of an account on this machine
    occurred_at  when it happened in the world (a message was received, an answer was written), if not at `at`
    """

    kind: EventKind
    at: datetime
    by: str = MAILWATCH
    data: Mapping[str, object] = field(default_factory=dict)
    occurred_at: datetime | None = None

    @property
    def happened_at(self) -> datetime:
        """When it happened in the world."""
        return self.occurred_at or self.at


_SAME: tuple[State, ...] = tuple(State)
UNSETTLED = frozenset({State.OPEN, State.ACKNOWLEDGED})  # the answer's clock runs
SETTLED = frozenset(State) - UNSETTLED

# What changes nothing, in whatever state.
_REMARKS = (
    EventKind.ACKNOWLEDGEMENT_WITHHELD,
    EventKind.ACKNOWLEDGEMENT_FAILED,
    EventKind.ACKNOWLEDGEMENT_CANCELLED,
    EventKind.FOLLOWED_UP,
    EventKind.AUTO_REPLIED,
    EventKind.BOUNCED,
    EventKind.THANKED,
    EventKind.ANSWER_NOTED,
    EventKind.ANSWER_SUSPECTED,
    EventKind.CONSULTED,
    EventKind.NOTIFIED,
    EventKind.REASSIGNED,
)

# (state, event) → state. What isn't here is illegal.
LEGAL: Mapping[tuple[State | None, EventKind], State] = {
    (None, EventKind.OPENED): State.OPEN,
    **{(state, remark): state for state in _SAME for remark in _REMARKS},
    **{(state, EventKind.ACKNOWLEDGEMENT_ENQUEUED): state for state in UNSETTLED},
    **{(state, EventKind.ESCALATED): state for state in UNSETTLED},
    **{(state, EventKind.RESCHEDULED): state for state in UNSETTLED},
    **{(state, EventKind.ACKNOWLEDGED): state for state in _SAME},
    (State.OPEN, EventKind.ACKNOWLEDGED): State.ACKNOWLEDGED,
    **{(state, EventKind.ANSWERED): State.ANSWERED for state in UNSETTLED},
    **{(state, EventKind.CLOSED): State.CLOSED for state in _SAME if state is not State.CLOSED},
    **{(state, EventKind.SET_ASIDE): State.SET_ASIDE for state in _SAME if state is not State.SET_ASIDE},
    **{(state, EventKind.REOPENED): State.OPEN for state in SETTLED},
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
    settled_at: datetime | None  # when it was answered, closed or set aside
    is_acknowledged: bool  # an acknowledgement was enqueued or sent
    recipient: str = ""  # where its acknowledgement went, or goes
