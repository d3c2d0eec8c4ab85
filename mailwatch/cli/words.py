"""The stored words of states and events, for people who read French (docs/glossary.md). JSON keeps the stored ones."""

from collections.abc import Mapping

from mailwatch.cli.invocation import Invocation
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import EventKind, State

_STATES: Mapping[State, str] = {
    State.OPEN: "ouverte",
    State.ACKNOWLEDGED: "accusée",
    State.ANSWERED: "répondue",
    State.CLOSED: "fermée",
    State.SET_ASIDE: "mise de côté",
}
_ENTRIES: Mapping[EntryState, str] = {
    EntryState.PENDING: "en attente",
    EntryState.CLAIMED: "en cours",
    EntryState.SENT: "envoyé",
    EntryState.DEFERRED: "reporté",
    EntryState.FAILED: "échoué",
    EntryState.UNCERTAIN: "incertain",
    EntryState.CANCELLED: "annulé",
}
_EVENTS: Mapping[EventKind, str] = {
    EventKind.OPENED: "ouverte",
    EventKind.ACKNOWLEDGEMENT_ENQUEUED: "accusé mis en attente",
    EventKind.ACKNOWLEDGEMENT_WITHHELD: "accusé retenu",
    EventKind.ACKNOWLEDGED: "accusée",
    EventKind.ACKNOWLEDGEMENT_FAILED: "accusé échoué",
    EventKind.ACKNOWLEDGEMENT_CANCELLED: "accusé annulé",
    EventKind.FOLLOWED_UP: "suivie d'un message",
    EventKind.AUTO_REPLIED: "réponse automatique reçue",
    EventKind.BOUNCED: "message revenu",
    EventKind.ANSWERED: "répondue",
    EventKind.REOPENED: "rouverte",
}


def name_of(invocation: Invocation, word: State | EntryState | EventKind) -> str:
    """A stored word in the language of the call; as it is stored where there is no French."""
    match word:
        case State():
            french = _STATES.get(word)
        case EntryState():
            french = _ENTRIES.get(word)
        case EventKind():
            french = _EVENTS.get(word)
    return invocation.pick(str(word), french or str(word))
