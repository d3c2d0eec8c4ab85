"""The stored words, for people who read French (docs/glossary.md). JSON keeps the stored ones."""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from mailwatch.cli.invocation import Invocation
from mailwatch.domain.answers import Evidence
from mailwatch.domain.escalations import Standing
from mailwatch.domain.incidents import TroubleKind
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.domain.requests import EventKind, State
from mailwatch.domain.typography import NO_BREAK
from mailwatch.domain.verdicts import Kind
from mailwatch.rendering.dates import format_day

_STATES: Mapping[StrEnum, str] = {
    State.OPEN: "ouverte",
    State.ACKNOWLEDGED: "accusée",
    State.ANSWERED: "répondue",
    State.CLOSED: "fermée",
    State.SET_ASIDE: "mise de côté",
}
_STANDINGS: Mapping[StrEnum, str] = {
    Standing.WITHIN: "dans les délais",
    Standing.AT_RISK: "à risque",
    Standing.OVERDUE: "en retard",
}
_ENTRY_STATES: Mapping[StrEnum, str] = {
    EntryState.PENDING: "en attente",
    EntryState.CLAIMED: "en cours",
    EntryState.SENT: "envoyé",
    EntryState.DEFERRED: "reporté",
    EntryState.FAILED: "échoué",
    EntryState.UNCERTAIN: "incertain",
    EntryState.CANCELLED: "annulé",
}
_ENTRY_KINDS: Mapping[StrEnum, str] = {
    EntryKind.ACKNOWLEDGEMENT: "accusé de réception",
    EntryKind.NOTICE: "avis d'absence",
    EntryKind.NOTE: "note de remplacement",
    EntryKind.DIGEST: "récapitulatif",
    EntryKind.ALERT: "alerte",
}
_EVENTS: Mapping[StrEnum, str] = {
    EventKind.OPENED: "ouverte",
    EventKind.ACKNOWLEDGEMENT_ENQUEUED: "accusé mis en attente",
    EventKind.ACKNOWLEDGEMENT_WITHHELD: "accusé retenu",
    EventKind.ACKNOWLEDGED: "accusée",
    EventKind.ACKNOWLEDGEMENT_FAILED: "accusé échoué",
    EventKind.ACKNOWLEDGEMENT_CANCELLED: "accusé annulé",
    EventKind.FOLLOWED_UP: "suivie d'un message",
    EventKind.AUTO_REPLIED: "réponse automatique reçue",
    EventKind.BOUNCED: "message revenu",
    EventKind.THANKED: "remerciements reçus",
    EventKind.ANSWERED: "répondue",
    EventKind.ANSWER_NOTED: "autre réponse vue",
    EventKind.ANSWER_SUSPECTED: "réponse supposée",
    EventKind.CONSULTED: "consultation interne",
    EventKind.NOTIFIED: "avisée d'une absence",
    EventKind.RESCHEDULED: "échéance déplacée",
    EventKind.ESCALATED: "escaladée",
    EventKind.REASSIGNED: "réattribuée",
    EventKind.CLOSED: "fermée",
    EventKind.SET_ASIDE: "mise de côté",
    EventKind.REOPENED: "rouverte",
}
_EVIDENCE: Mapping[StrEnum, str] = {
    Evidence.SENT: "dossier des messages envoyés",
    Evidence.FLAG: "marque \\Answered",
    Evidence.COPY: "copie",
    Evidence.REFERENCE: "référence d'un message",
}
_MESSAGE_KINDS: Mapping[StrEnum, str] = {
    Kind.AUTOMATIC: "automatique",
    Kind.BULK: "envoi en nombre",
    Kind.SPAM: "pourriel",
    Kind.COPY: "copie",
    Kind.UNDISCLOSED: "destinataire caché",
}
_TROUBLES: Mapping[StrEnum, str] = {
    TroubleKind.ACKNOWLEDGEMENT_NEAR_LIMIT: "accusé près de sa limite",
    TroubleKind.MAILBOX_SILENT: "boîte sans progrès",
    TroubleKind.LOGIN_REFUSED: "connexion refusée",
    TroubleKind.BREAKER_TRIPPED: "disjoncteur déclenché",
    TroubleKind.ACCOUNT_STOPPED: "compte d'envoi arrêté",
    TroubleKind.OUTBOX_FAILED: "envois échoués",
    TroubleKind.OUTCOME_UNCERTAIN: "issue incertaine",
    TroubleKind.QUARANTINED: "messages en quarantaine",
    TroubleKind.CLOSURES_MISSING: "fermetures de l'an prochain manquantes",
    TroubleKind.TEMPLATE_FAILED: "modèle défaillant",
    TroubleKind.CALENDAR_UNREAD: "calendrier d'absences illisible",
    TroubleKind.DATABASE_SILENT: "base de données qui n'accepte rien",
}
# By class: the words of two of them may be the same, and then so are the members.
FRENCH: Mapping[type[StrEnum], Mapping[StrEnum, str]] = {
    State: _STATES,
    Standing: _STANDINGS,
    EntryState: _ENTRY_STATES,
    EntryKind: _ENTRY_KINDS,
    EventKind: _EVENTS,
    Evidence: _EVIDENCE,
    Kind: _MESSAGE_KINDS,
    TroubleKind: _TROUBLES,
}

_LIMIT = re.compile(r"(\d+)\s*(business\s+)?([a-z]+)")
_UNITS = {
    "d": ("jour", "jours"),
    "h": ("heure", "heures"),
    "m": ("minute", "minutes"),
    "s": ("seconde", "secondes"),
}


def name_of(invocation: Invocation, word: StrEnum) -> str:
    """A stored word in the language of the call; as it is stored where there is no French."""
    return invocation.pick(str(word), FRENCH[type(word)].get(word, str(word)).replace("'", "’"))


def evidence_name(invocation: Invocation, text: str) -> str:
    """The evidence of an answer, as its event holds it."""
    return name_of(invocation, Evidence(text)) if text in set(Evidence) else text


def outcome_name(invocation: Invocation, text: str) -> str:
    """What became of an entry, as an event holds it."""
    return name_of(invocation, EntryState(text)) if text in set(EntryState) else text


def trouble_name(invocation: Invocation, text: str) -> str:
    """What is wrong, as an incident holds it."""
    return name_of(invocation, TroubleKind(text)) if text in set(TroubleKind) else text


def message_kind_name(invocation: Invocation, text: str) -> str:
    """A message's kind, as it is recorded."""
    return name_of(invocation, Kind(text)) if text in set(Kind) else text


def day_name(invocation: Invocation, text: str) -> str:
    """A date, as an event holds it: `2026-12-14` → « lundi 14 décembre 2026 »."""
    return format_day(date.fromisoformat(text), invocation.language)


def limit_name(invocation: Invocation, text: str) -> str:
    """A limit as the configuration writes it: `5 business days` → « 5 jours ouvrables »."""
    found = _LIMIT.fullmatch(text)
    if not found:
        return text
    amount, business, unit = int(found[1]), bool(found[2]), found[3]
    one, many = _UNITS[unit[0]]
    is_one = amount < 2
    ending = ("" if is_one else "s") if business else ""
    french = f"{amount}{NO_BREAK}{one if is_one else many}" + (f" ouvrable{ending}" if business else "")
    return invocation.pick(text, french)


def level_name(invocation: Invocation, text: str) -> str:
    """A level of escalation as it is stored: `before 1 business day` → « 1 jour ouvrable avant l’échéance »."""
    moment, _, limit = text.partition(" ")
    french = {"before": "avant l’échéance", "after": "après l’échéance"}
    return invocation.pick(text, f"{limit_name(invocation, limit)} {french[moment]}" if moment in french else text)
