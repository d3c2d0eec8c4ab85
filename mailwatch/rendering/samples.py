"""Invented facts, digests and alerts, by which templates are tried before anybody is written to."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailwatch.domain.composition import AcknowledgementFacts, AwayFacts, NoticeFacts
from mailwatch.domain.digests import AwayLine, CoverNote, Digest, DigestLine, WhileAway
from mailwatch.domain.escalations import Standing
from mailwatch.domain.incidents import Alert, Incident, Trouble, TroubleKind
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.people import Person
from mailwatch.domain.requests import State

_ZONE = ZoneInfo("America/Toronto")


def sample_facts(mailbox: Mailbox, *, is_away: bool = False) -> AcknowledgementFacts:
    """What an acknowledgement states: a Tuesday morning, an answer due on the first of a month; perhaps an absence."""
    zone = mailbox.standard.calendar.timezone
    return AcknowledgementFacts(
        reference="MW-7F3K9Q",
        received_at=datetime(2026, 11, 24, 10, 5, tzinfo=zone),
        answer_due_at=datetime(2026, 12, 1, 16, 30, tzinfo=zone),
        subject="",
        is_internal=False,
        away=_sample_away() if is_away else None,
    )


def sample_variants(mailbox: Mailbox) -> tuple[AcknowledgementFacts, ...]:
    """Samples that between them take every branch: a stranger; somebody away, a service closed; a colleague whose
    subject is repeated."""
    facts = sample_facts(mailbox)
    absences = (replace(facts, away=away) for away in (_sample_away(), _sample_closing(), _sample_long_absence()))
    return facts, *absences, replace(facts, subject="Inscription / Registration", is_internal=True)


def sample_notice() -> NoticeFacts:
    """What an absence notice states, of a request that is known."""
    return NoticeFacts(reference="MW-7F3K9Q", subject="", is_internal=False, away=_sample_away())


def sample_notices() -> tuple[NoticeFacts, ...]:
    """Samples that between them take every branch of a notice."""
    notice = sample_notice()
    closed = replace(notice, reference="", away=_sample_closing())
    return closed, replace(notice, subject="Inscription", is_internal=True, away=_sample_long_absence()), notice


def sample_note(language: Language) -> CoverNote:
    """What a delegate is told of a request."""
    return CoverNote(
        recipient="paul.roy@cscmonavenir.example",
        name="Paul Roy",
        language=language,
        organisation="Conseil scolaire catholique MonAvenir",
        absent="Marie Tremblay",
        returns_on=date(2026, 12, 14),
        note="Les dossiers sont dans l’armoire 3.",
        line=replace(_sample_line(), standing=Standing.WITHIN, business_days_late=0),
    )


def sample_notes(language: Language) -> tuple[CoverNote, CoverNote]:
    """Two notes that between them take every branch."""
    note = sample_note(language)
    bare = replace(note.line, sender="", subject="", link="")
    return note, replace(note, name="", returns_on=None, note="", line=bare)


def sample_digests(language: Language) -> tuple[Digest, ...]:
    """Digests that between them take every branch: an owner's with all sections; a manager's of one line; of somebody
    who is back."""
    line = _sample_line()
    held = replace(line, reference="MW-4C8H2T", standing=Standing.WITHIN, business_days_late=0, withheld_by="late")
    soon = replace(line, reference="MW-9D5W6X", standing=Standing.AT_RISK, business_days_late=0, covers="Paul Roy")
    owners = _sample_digest(language, held=(held,), new=(line,), rest=(soon,), silent={"bulk": 4, "spam": 2})
    hidden = replace(line, sender="", subject="", owner="", link="", business_days_late=0)
    back = replace(owners, held=(), new=(), rest=(), away=_sample_while_away())
    return owners, _sample_digest(language, name="", rest=(hidden,)), back


def sample_alert() -> Alert:
    """One incident that began and one that is over."""
    at = datetime(2026, 11, 24, 8, 45, tzinfo=_ZONE)
    about = "inscriptions@cscmonavenir.example"
    since = at - timedelta(minutes=15)
    began = Trouble(kind=TroubleKind.LOGIN_REFUSED, about=about, since=since, data={"code": "login-refused"})
    over = Trouble(kind=TroubleKind.BREAKER_TRIPPED, about="", since=since)
    return Alert(
        organisation="Conseil scolaire catholique MonAvenir",
        began=(Incident(id=1, trouble=began, opened_at=at),),
        over=(Incident(id=2, trouble=over, opened_at=at),),
        at=at,
    )


def _sample_away() -> AwayFacts:
    """A person away, and another to turn to."""
    cover = Person(
        email="paul.roy@cscmonavenir.example",
        name="Paul Roy",
        language=Language.FR,
        title="Technicien",
        phone="416-555-0123, poste 2211",
    )
    return AwayFacts(name="Marie Tremblay", returns_on=date(2026, 12, 14), cover=cover, text={})


def _sample_closing() -> AwayFacts:
    """A service closed, in the organisation's own words."""
    text = {Language.FR: "Joyeuses Fêtes !", Language.EN: "Happy holidays!"}
    return AwayFacts(name="", returns_on=date(2027, 1, 4), cover=None, text=text)


def _sample_long_absence() -> AwayFacts:
    """A person away for nobody knows how long, and nobody to turn to."""
    return AwayFacts(name="Marie Tremblay", returns_on=None, cover=None, text={})


def _sample_while_away() -> WhileAway:
    """One request in each state that the words tell apart."""
    line = _sample_line()
    states = (State.ANSWERED, State.CLOSED, State.SET_ASIDE, State.ACKNOWLEDGED)
    lines = tuple(
        AwayLine(
            reference=line.reference,
            service=line.service,
            mailbox=line.mailbox,
            sender=line.sender,
            subject=line.subject,
            received_at=line.received_at,
            due_at=line.due_at,
            state=state,
            settled_at=None if state is State.ACKNOWLEDGED else line.due_at,
            answered_by="Paul Roy" if state is State.ANSWERED else "",
            link=line.link,
        )
        for state in states
    )
    return WhileAway(first=date(2026, 11, 16), lines=lines, more=2)


def _sample_line() -> DigestLine:
    return DigestLine(
        reference="MW-7F3K9Q",
        service="Inscriptions",
        mailbox="inscriptions@cscmonavenir.example",
        sender="jean.cote@courriel.example",
        subject="Inscription / Registration",
        received_at=datetime(2026, 11, 16, 10, 5, tzinfo=_ZONE),
        due_at=datetime(2026, 11, 23, 16, 30, tzinfo=_ZONE),
        standing=Standing.OVERDUE,
        business_days_late=1,
        is_new=True,
        owner="Marie Tremblay",
        link="https://cscmonavenir.example/",
    )


def _sample_digest(
    language: Language,
    *,
    name: str = "Marie Tremblay",
    held: tuple[DigestLine, ...] = (),
    new: tuple[DigestLine, ...] = (),
    rest: tuple[DigestLine, ...] = (),
    silent: dict[str, int] | None = None,
) -> Digest:
    return Digest(
        recipient="marie.tremblay@cscmonavenir.example",
        name=name,
        language=language,
        on=date(2026, 11, 24),
        organisation="Conseil scolaire catholique MonAvenir",
        held=held,
        new=new,
        rest=rest,
        silent=silent or {},
    )
