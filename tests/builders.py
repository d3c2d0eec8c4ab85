"""Keyword builders of domain values for any test: say what matters, the rest is one school board's ordinary day."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import AcknowledgementPolicy, Mailbox, MailboxKind, Organisation
from mailwatch.domain.messages import Message, parse_message
from mailwatch.domain.people import Person
from mailwatch.domain.requests import RequestSummary, State
from mailwatch.domain.standards import Limit, LimitUnit, ServiceStandard
from mailwatch.domain.threads import Link, ThreadMatch

DOMAIN = "cscmonavenir.example"
INSCRIPTIONS = "inscriptions@cscmonavenir.example"
MARIE = "marie.tremblay@cscmonavenir.example"
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # Monday 10:00 in Toronto

HOURS = dict.fromkeys(range(5), ((510, 720), (780, 990)))  # 08:30-12:00, 13:00-16:30
FORTY_EIGHT_HOURS = Limit(amount=48 * 60, unit=LimitUnit.ELAPSED_MINUTES, text="48h")
FIVE_BUSINESS_DAYS = Limit(amount=5, unit=LimitUnit.BUSINESS_DAYS, text="5 business days")
TEN_BUSINESS_DAYS = Limit(amount=10, unit=LimitUnit.BUSINESS_DAYS, text="10 business days")


def a_person(email: str = MARIE, name: str = "Marie Tremblay", **fields: Any) -> Person:
    """A member of staff."""
    return Person(**{"email": email, "name": name, "language": Language.FR, **fields})


def an_organisation(**fields: Any) -> Organisation:
    """The school board; it watches the two mailboxes of `a_mailbox` and `a_staff_mailbox`."""
    defaults: dict[str, Any] = {
        "name": "Conseil scolaire catholique MonAvenir",
        "languages": (Language.FR, Language.EN),
        "domains": frozenset({DOMAIN}),
        "watched": {INSCRIPTIONS: INSCRIPTIONS, MARIE: MARIE},
        "people": {MARIE: a_person()},
    }
    return Organisation(**(defaults | fields))


def a_calendar(**fields: Any) -> ServiceCalendar:
    """Ontario, Monday to Friday."""
    defaults: dict[str, Any] = {
        "timezone": ZoneInfo("America/Toronto"),
        "hours": HOURS,
        "country": "CA",
        "subdivision": "ON",
    }
    return ServiceCalendar(**(defaults | fields))


def a_standard(**fields: Any) -> ServiceStandard:
    """48 hours, 5 business days."""
    defaults: dict[str, Any] = {
        "acknowledge_within": FORTY_EIGHT_HOURS,
        "answer_within": FIVE_BUSINESS_DAYS,
        "calendar": a_calendar(),
    }
    return ServiceStandard(**(defaults | fields))


def a_policy(**fields: Any) -> AcknowledgementPolicy:
    """The defaults of a shared mailbox."""
    return AcknowledgementPolicy(**({"reopen_within": TEN_BUSINESS_DAYS} | fields))


def a_mailbox(*, policy: Mapping[str, Any] | None = None, **fields: Any) -> Mailbox:
    """The shared mailbox of the admissions service; `policy` holds fields of its [acknowledgement]."""
    defaults: dict[str, Any] = {
        "address": INSCRIPTIONS,
        "kind": MailboxKind.SHARED,
        "name": {Language.FR: "Service des inscriptions", Language.EN: "Admissions"},
        "owners": (a_person(),),
        "department": "Inscriptions",
    }
    if "organisation" not in fields:
        defaults["organisation"] = an_organisation()
    if "standard" not in fields:
        defaults["standard"] = a_standard()
    return Mailbox(acknowledgement=a_policy(**(policy or {})), **(defaults | fields))


def a_staff_mailbox(*, policy: Mapping[str, Any] | None = None, **fields: Any) -> Mailbox:
    """Marie Tremblay's own mailbox."""
    defaults: dict[str, Any] = {
        "address": MARIE,
        "kind": MailboxKind.STAFF,
        "name": {Language.FR: "Marie Tremblay"},
    }
    staff: dict[str, Any] = {"delay": timedelta(hours=24), "replies": "record"}
    return a_mailbox(policy=staff | dict(policy or {}), **(defaults | fields))


def raw_message(*headers: str, body: str = "", **fields: str | None) -> bytes:
    """The bytes of a message from a parent to the admissions service.

    `headers` are whole extra lines; a field replaces one of the ordinary headers (`from_="…"`), None leaves it out.
    """
    ordinary: dict[str, str | None] = {
        "from": "Jean Côté <jean.cote@courriel.example>",
        "to": INSCRIPTIONS,
        "subject": "Inscription à la maternelle",
        "date": "Mon, 23 Nov 2026 09:58:12 -0500",
        "message-id": "<5d1f0c2a-7e61@courriel.example>",
    }
    given = {name.rstrip("_").replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name.title()}: {value}" for name, value in (ordinary | given).items() if value is not None]
    text = body or "Bonjour,\n\nJe voudrais inscrire ma fille à la maternelle.\n\nMerci beaucoup,\nJean Côté\n"
    return "\n".join([*lines, *headers, "", text]).encode()


def a_message(*headers: str, body: str = "", **fields: str | None) -> Message:
    """That message, parsed."""
    return parse_message(raw_message(*headers, body=body, **fields))


def a_request_summary(**fields: Any) -> RequestSummary:
    """A recorded, acknowledged request of the same parent."""
    defaults: dict[str, Any] = {
        "id": 1,
        "reference": "MW-7F3K9Q",
        "mailbox": INSCRIPTIONS,
        "requester": "jean.cote@courriel.example",
        "subject_key": "inscription à la maternelle",
        "language": Language.FR,
        "state": State.ACKNOWLEDGED,
        "received_at": NOW - timedelta(days=1),
        "clock_started_at": NOW - timedelta(days=1),
        "settled_at": None,
        "is_acknowledged": True,
    }
    return RequestSummary(**(defaults | fields))


def a_thread(link: Link = Link.IN_REPLY_TO, **fields: Any) -> ThreadMatch:
    """A match with that request."""
    return ThreadMatch(request=a_request_summary(**fields), link=link)


def with_policy(mailbox: Mailbox, **fields: Any) -> Mailbox:
    """The mailbox with other [acknowledgement] keys."""
    return replace(mailbox, acknowledgement=replace(mailbox.acknowledgement, **fields))
