"""Digests and alerts for golden files: one school board's Tuesday morning, 24 November 2026."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailwatch.domain.digests import AwayLine, Digest, DigestLine, WhileAway
from mailwatch.domain.escalations import Standing
from mailwatch.domain.incidents import Alert, Incident, Trouble, TroubleKind
from mailwatch.domain.languages import Language
from mailwatch.domain.requests import State

FR, EN = Language.FR, Language.EN
TORONTO = ZoneInfo("America/Toronto")
MORNING = datetime(2026, 11, 24, 8, 30, tzinfo=TORONTO)
MARIE = "marie.tremblay@cscmonavenir.example"
ORGANISATION = "Conseil scolaire catholique MonAvenir"
LINK = "https://courriel.cscmonavenir.example/m?id=%3C5d1f%40courriel.example%3E&box=inscriptions"

HOSTILE = (
    "Rappel\r\nBcc: tous@cscmonavenir.example\x00\x1b[2J \u202egpj.exe\u202c "
    "<script>alert(1)</script><b>{{ organisation }}</b>{% raw %} =?utf-8?q?x?= &amp; \u2028fin"
)


def a_line(number: int = 0, **fields: Any) -> DigestLine:
    """A request of the admissions service, received on the 9th and due on the 16th: overdue by 6 business days."""
    defaults: dict[str, Any] = {
        "reference": "MW-7F3K9Q" if not number else f"MW-{number:06d}",
        "service": "Service des inscriptions",
        "mailbox": "inscriptions@cscmonavenir.example",
        "sender": "jean.cote@courriel.example",
        "subject": "Inscription à la maternelle",
        "received_at": datetime(2026, 11, 9, 10, 5, tzinfo=TORONTO),
        "due_at": datetime(2026, 11, 16, 16, 30, tzinfo=TORONTO),
        "standing": Standing.OVERDUE,
        "business_days_late": 6,
        "is_new": False,
        "owner": "Marie Tremblay",
    }
    return DigestLine(**(defaults | fields))


def a_held_line(**fields: Any) -> DigestLine:
    """One whose acknowledgement was withheld yesterday."""
    defaults: dict[str, Any] = {
        "reference": "MW-4C8H2T",
        "subject": "Re: Dossier de votre fils",
        "sender": "s.nguyen@courriel.example",
        "received_at": datetime(2026, 11, 23, 15, 40, tzinfo=TORONTO),
        "due_at": datetime(2026, 11, 30, 16, 30, tzinfo=TORONTO),
        "standing": Standing.WITHIN,
        "business_days_late": 0,
        "withheld_by": "auto_response_suppress",
    }
    return a_line(**(defaults | fields))


def a_new_line(**fields: Any) -> DigestLine:
    """One that became overdue since yesterday's digest."""
    defaults: dict[str, Any] = {
        "reference": "MW-2B7M4X",
        "subject": "Transport scolaire : changement d’adresse",
        "sender": "amelie.bouchard-desrosiers@communication.gouvernement.example",
        "received_at": datetime(2026, 11, 16, 13, 0, tzinfo=TORONTO),
        "due_at": datetime(2026, 11, 23, 16, 30, tzinfo=TORONTO),
        "business_days_late": 1,
        "is_new": True,
    }
    return a_line(**(defaults | fields))


def a_line_at_risk(**fields: Any) -> DigestLine:
    """One that is due tomorrow."""
    defaults: dict[str, Any] = {
        "reference": "MW-9D5W6X",
        "subject": "Copie d’un bulletin de 2019",
        "sender": "archives@avocats.example",
        "received_at": datetime(2026, 11, 18, 9, 15, tzinfo=TORONTO),
        "due_at": datetime(2026, 11, 25, 16, 30, tzinfo=TORONTO),
        "standing": Standing.AT_RISK,
        "business_days_late": 0,
    }
    return a_line(**(defaults | fields))


def hidden(line: DigestLine) -> DigestLine:
    """The line as managers and directors get it."""
    values = {name: getattr(line, name) for name in DigestLine.__slots__}
    return DigestLine(**(values | {"sender": "", "subject": "", "link": ""}))


def a_digest(language: Language = FR, **fields: Any) -> Digest:
    """Marie Tremblay's, of this morning."""
    defaults: dict[str, Any] = {
        "recipient": MARIE,
        "name": "Marie Tremblay",
        "language": language,
        "on": date(2026, 11, 24),
        "organisation": ORGANISATION,
        "silent": {},
    }
    return Digest(**(defaults | fields))


def an_away_line(number: int = 0, state: State = State.ACKNOWLEDGED, **fields: Any) -> AwayLine:
    """A request that came on Monday 7 December, due on the 14th."""
    defaults: dict[str, Any] = {
        "reference": "MW-7F3K9Q" if not number else f"MW-{number:06d}",
        "service": "Service des inscriptions",
        "mailbox": "inscriptions@cscmonavenir.example",
        "sender": "jean.cote@courriel.example",
        "subject": "Inscription à la maternelle",
        "received_at": datetime(2026, 12, 7, 10, 5, tzinfo=TORONTO),
        "due_at": datetime(2026, 12, 14, 16, 30, tzinfo=TORONTO),
        "state": state,
        "settled_at": None,
        "answered_by": "",
    }
    if state not in {State.OPEN, State.ACKNOWLEDGED}:
        defaults["settled_at"] = datetime(2026, 12, 9, 14, 0, tzinfo=TORONTO)
    if state is State.ANSWERED:
        defaults["answered_by"] = "Paul Roy"
    return AwayLine(**(defaults | fields))


def a_while_away(*lines: AwayLine, more: int = 0) -> WhileAway:
    """Since Monday 7 December."""
    return WhileAway(first=date(2026, 12, 7), lines=lines, more=more)


def an_incident(
    kind: TroubleKind, about: str = "", *, minutes: int = 20, data: Mapping[str, object] | None = None
) -> Incident:
    """Something that has been wrong for so many minutes."""
    since = MORNING - timedelta(minutes=minutes)
    return Incident(id=1, trouble=Trouble(kind=kind, about=about, since=since, data=data or {}), opened_at=MORNING)


def an_alert(began: tuple[Incident, ...] = (), over: tuple[Incident, ...] = ()) -> Alert:
    """Told this morning."""
    return Alert(organisation=ORGANISATION, began=began, over=over, at=MORNING)


def digests(language: Language) -> dict[str, Digest]:
    """Every digest that is kept as a golden file, by its name."""
    late, link = a_line(), {"link": LINK}
    hostile = a_new_line(subject=HOSTILE, sender="<b>\u202e\r\nx@courriel.example", owner="D’Arcy & <fils>")
    covered = a_line_at_risk(owner="Paul Roy", covers="Paul Roy", service="Transport")
    waiting = an_away_line(4, received_at=datetime(2026, 12, 11, 15, 20, tzinfo=TORONTO), **link)
    settled = [an_away_line(i, s) for i, s in enumerate((State.ANSWERED, State.CLOSED, State.SET_ASIDE), start=1)]
    monday = date(2026, 12, 14)
    return {
        "owner": a_digest(
            language,
            held=(a_held_line(**link),),
            new=(a_new_line(**link),),
            rest=(a_line(**link), covered),
            silent={"automatic": 5, "bulk": 4, "copy": 2, "undisclosed": 1, "spam": 3},
        ),
        "manager": a_digest(
            language,
            recipient="luc.gagnon@cscmonavenir.example",
            name="Luc Gagnon",
            new=(hidden(a_new_line()),),
            rest=(hidden(late), hidden(a_line(2, owner="", service="Transport", business_days_late=0))),
        ),
        "director": a_digest(language, recipient="direction@cscmonavenir.example", name="", rest=(hidden(late),)),
        "one-new": a_digest(language, new=(a_new_line(),)),
        "held-only": a_digest(
            language, held=(a_held_line(withheld_by="failed"), a_held_line(reference="MW-3K3K3K", withheld_by="late"))
        ),
        "at-risk": a_digest(language, new=(a_line_at_risk(),), rest=(a_line_at_risk(reference="MW-8E8E8E"),)),
        "many": a_digest(language, rest=tuple(map(a_line, range(1, 61)))),
        "hostile": a_digest(language, new=(hostile,)),
        "last-year": a_digest(language, on=date(2027, 1, 11), rest=(late,)),
        "back": a_digest(
            language, on=monday, new=(a_new_line(),), away=a_while_away(*settled, waiting, more=12), silent={"bulk": 4}
        ),
        "back-only": a_digest(language, on=monday, away=a_while_away(settled[0], waiting)),
    }


def alerts() -> dict[str, Alert]:
    """Every alert that is kept as a golden file, by its name."""
    refused = an_incident(
        TroubleKind.LOGIN_REFUSED, "inscriptions@cscmonavenir.example", data={"code": "login-refused"}
    )
    return {
        "began": an_alert(began=(refused,)),
        "over": an_alert(over=(an_incident(TroubleKind.BREAKER_TRIPPED, minutes=3 * 60 + 20),)),
        "all": an_alert(
            began=(
                refused,
                an_incident(TroubleKind.LOGIN_REFUSED, "transport@cscmonavenir.example", minutes=17),
                *(an_incident(kind) for kind in TroubleKind if kind is not TroubleKind.LOGIN_REFUSED),
            ),
            over=(an_incident(TroubleKind.MAILBOX_SILENT, "info@cscmonavenir.example", minutes=2 * 24 * 60 + 185),),
        ),
    }
