"""What a message adds to the histories of requests: the events that begin one, follow in one, or move its due date."""

from datetime import datetime

from mailwatch.domain.answers import FLAG_CONFIDENCE, Evidence
from mailwatch.domain.classification import History
from mailwatch.domain.covers import Away
from mailwatch.domain.decisions import Decision, Following, Opening
from mailwatch.domain.requests import Event, EventKind

ANSWERED = str(Evidence.FLAG)
SUSPICION_CONFIDENCE = 0.3  # the requester replies to something unknown: perhaps an answer, perhaps something else


def opening_events(
    decision: Decision, opening: Opening, identity: str, now: datetime, history: History
) -> tuple[Event, ...]:
    """How the history of a request begins."""
    weak = history.thread
    data: dict[str, object] = {"reason": decision.verdict.reason}
    if weak is not None:
        data |= {"may_belong_to": weak.request.reference, "confidence": weak.confidence}
    begun = [Event(kind=EventKind.OPENED, at=now, data=data, occurred_at=opening.received_at)]
    if opening.postponed_by is not None:
        begun.append(rescheduled(opening.received_at, opening.answer_due_at, opening.postponed_by, now))
    if decision.acknowledge and decision.not_before is not None:
        about = about_absence(decision.tells) if decision.tells else {}
        data = {"not_before": decision.not_before.isoformat(), **about}
        return *begun, Event(kind=EventKind.ACKNOWLEDGEMENT_ENQUEUED, at=now, data=data)
    withheld = Event(kind=EventKind.ACKNOWLEDGEMENT_WITHHELD, at=now, data={"rule": decision.suppressed_by or ""})
    if history.is_already_answered:
        return *begun, withheld, _flagged(opening.received_at, identity, now)
    return *begun, withheld


def rescheduled(clock_started_at: datetime, due_at: datetime, away: Away | None, now: datetime) -> Event:
    """An absence, or its end, moved the instant at which an answer is due in a run of the clock."""
    about = about_absence(away) if away else {}
    data = {"clock_started_at": clock_started_at.isoformat(), "due_at": due_at.isoformat(), **about}
    return Event(kind=EventKind.RESCHEDULED, at=now, data=data)


def about_absence(away: Away) -> dict[str, object]:
    """What a history says of an absence: staff's own names, no requester's."""
    returns_on = away.returns_on.isoformat() if away.returns_on else None
    return {"away": away.absence.who, "returns_on": returns_on, "cover": away.cover.email if away.cover else ""}


def _flagged(received_at: datetime, identity: str, now: datetime) -> Event:
    """\\Answered stood on it already: some person answered, between its receipt and now."""
    data: dict[str, object] = {
        "evidence": ANSWERED,
        "confidence": FLAG_CONFIDENCE,
        "about": received_at.isoformat(),
        "identity": identity,
    }
    return Event(kind=EventKind.ANSWERED, at=now, data=data)


def following_events(
    following: Following, identity: str, received_at: datetime, now: datetime, *, suspects: bool
) -> tuple[Event, ...]:
    """What a message adds to the request it belongs to, by when it was received. `suspects`: whether an answer that
    its writer refers to is noted."""
    thread = following.thread
    data: dict[str, object] = {"link": str(thread.link), "confidence": thread.confidence}
    if following.returns_on is not None:
        data["returns_on"] = following.returns_on.isoformat()
    event = Event(kind=following.event, at=now, data=data, occurred_at=received_at)
    if not (following.suspects and suspects):
        return (event,)
    suspicion: dict[str, object] = {
        "evidence": str(Evidence.REFERENCE),
        "confidence": SUSPICION_CONFIDENCE,
        "identity": identity,
        "message_id": following.suspects,
    }
    suspected = Event(kind=EventKind.ANSWER_SUSPECTED, at=now, data=suspicion, occurred_at=received_at)
    return suspected, event
