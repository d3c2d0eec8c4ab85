"""Invented digests and alerts, by which an operator's templates are tried before anybody is written to."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailwatch.domain.digests import Digest, DigestLine
from mailwatch.domain.escalations import Standing
from mailwatch.domain.incidents import Alert, Incident, Trouble, TroubleKind
from mailwatch.domain.languages import Language

_ZONE = ZoneInfo("America/Toronto")


def sample_digests(language: Language) -> tuple[Digest, Digest]:
    """Two digests that between them take every branch: an owner's with all sections; a manager's of one line."""
    line = _sample_line()
    held = replace(line, reference="MW-4C8H2T", standing=Standing.WITHIN, business_days_late=0, withheld_by="late")
    soon = replace(line, reference="MW-9D5W6X", standing=Standing.AT_RISK, business_days_late=0, covers="Paul Roy")
    owners = _sample_digest(language, held=(held,), new=(line,), rest=(soon,), silent={"bulk": 4, "spam": 2})
    hidden = replace(line, sender="", subject="", owner="", link="", business_days_late=0)
    return owners, _sample_digest(language, name="", rest=(hidden,))


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
