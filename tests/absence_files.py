"""Absences for golden files: the admissions service in December 2026, while Marie Tremblay is away."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from digest_files import ORGANISATION, TORONTO, a_line
from golden_files import a_mailbox, some_facts

from mailwatch.domain.composition import AcknowledgementFacts, AwayFacts, NoticeFacts
from mailwatch.domain.digests import CoverNote
from mailwatch.domain.escalations import Standing
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.people import Person

FR, EN = Language.FR, Language.EN
PAUL = Person(
    email="paul.roy@cscmonavenir.example",
    name="Paul Roy",
    language=FR,
    title="Technicien, Service des inscriptions",
    phone="416-555-0123, poste 2211",
)
OWN_WORDS = {
    FR: "Les inscriptions à la maternelle reprennent en janvier.\nMerci de votre patience !",
    EN: "Kindergarten registration resumes in January.\nThank you for your patience!",
}
CONTACT = {FR: "l’accueil, 416-555-0100", EN: "the front desk, 416-555-0100"}


def an_away(**fields: Any) -> AwayFacts:
    """Marie Tremblay, back on Monday 14 December; Paul Roy covers."""
    defaults: dict[str, Any] = {"name": "Marie Tremblay", "returns_on": date(2026, 12, 14), "cover": PAUL, "text": {}}
    return AwayFacts(**(defaults | fields))


def a_closing(**fields: Any) -> AwayFacts:
    """The service itself, closed until Monday 4 January 2027."""
    return an_away(**({"name": "", "returns_on": date(2027, 1, 4), "cover": None} | fields))


def a_notice(**fields: Any) -> NoticeFacts:
    """Of a follow-up to a request that is known."""
    defaults: dict[str, Any] = {"reference": "MW-7F3K9Q", "subject": "", "is_internal": False, "away": an_away()}
    return NoticeFacts(**(defaults | fields))


def a_note(language: Language = FR, **fields: Any) -> CoverNote:
    """To Paul Roy, in whose charge a request of this morning is."""
    line = a_line(
        received_at=datetime(2026, 12, 8, 9, 12, tzinfo=TORONTO),
        due_at=datetime(2026, 12, 15, 16, 30, tzinfo=TORONTO),
        standing=Standing.WITHIN,
        business_days_late=0,
    )
    defaults: dict[str, Any] = {
        "recipient": PAUL.email,
        "name": "Paul Roy",
        "language": language,
        "organisation": ORGANISATION,
        "absent": "Marie Tremblay",
        "returns_on": date(2026, 12, 14),
        "note": "Les dossiers en cours sont dans l’armoire 3.\nPour le transport, demande à Anne Ly.",
        "line": line,
    }
    return CoverNote(**(defaults | fields))


def acknowledgements() -> dict[str, tuple[Mailbox, AcknowledgementFacts]]:
    """Every acknowledgement during an absence that is kept as a golden file, by its name."""
    due = datetime(2026, 12, 15, 16, 30, tzinfo=TORONTO)
    facts = replace(some_facts(hours_later=14 * 24), answer_due_at=due)
    box, full = a_mailbox(), a_mailbox(contact=CONTACT)
    january = replace(facts, answer_due_at=datetime(2027, 1, 5, 16, 30, tzinfo=TORONTO))
    return {
        "covered": (full, replace(facts, away=an_away())),
        "unknown-return": (box, replace(facts, away=an_away(returns_on=None))),
        "nobody": (box, replace(facts, away=an_away(cover=None))),
        "own-words": (full, replace(facts, away=an_away(cover=None, text=OWN_WORDS))),
        "closed": (box, replace(january, away=a_closing())),
    }


def notices() -> dict[str, tuple[Mailbox, NoticeFacts]]:
    """Every absence notice that is kept as a golden file, by its name."""
    return {
        "follow-up": (a_mailbox(), a_notice()),
        "unknown-return": (a_mailbox(), a_notice(reference="", away=an_away(returns_on=None, cover=None))),
        "closed": (a_mailbox(contact=CONTACT), a_notice(reference="", away=a_closing())),
    }


def notes(language: Language) -> dict[str, CoverNote]:
    """Every cover note that is kept as a golden file, by its name."""
    closed = a_note(language, absent="Service des inscriptions", returns_on=date(2027, 1, 4), note="")
    return {
        "person": a_note(language),
        "closed": closed,
        "unknown-return": a_note(language, returns_on=None, note=""),
    }
