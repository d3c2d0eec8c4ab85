"""Whole composed messages, byte for byte: with UPDATE_GOLDEN=1 they are written anew, for review by diff."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.composition import AcknowledgementFacts
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import AcknowledgementPolicy, Mailbox, MailboxKind, Organisation
from mailwatch.domain.messages import Message
from mailwatch.domain.standards import Limit, LimitUnit, ServiceStandard

FOLDER = Path(__file__).parent / "golden"
TEMPLATES = Path(__file__).parents[1] / "templates"
TORONTO = ZoneInfo("America/Toronto")
NOW = datetime(2026, 11, 24, 15, 10, 7, tzinfo=UTC)
OWN_ID = "<mw.ack.0123456789abcdef0123456789abcdef@cscmonavenir.example>"


def assert_golden(name: str, actual: bytes) -> None:
    """Compare with `golden/NAME`, or write it when UPDATE_GOLDEN is set."""
    path = FOLDER / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(actual)
    assert path.read_bytes() == actual


def a_mailbox(
    *,
    languages: tuple[Language, ...] = (Language.FR, Language.EN),
    name: dict[Language, str] | None = None,
    contact: dict[Language, str] | None = None,
    standards_url: str = "",
    privacy_notice: dict[Language, str] | None = None,
    envelope_from: str = "",
    address: str = "inscriptions@cscmonavenir.example",
) -> Mailbox:
    """The admissions service of the school board; every keyword is what a test is about."""
    week = dict.fromkeys(range(5), ((510, 720), (780, 990)))
    organisation = Organisation(
        name="Conseil scolaire catholique MonAvenir",
        languages=languages,
        domains=frozenset({"cscmonavenir.example"}),
        standards_url=standards_url,
        privacy_notice=privacy_notice or {},
    )
    return Mailbox(
        address=address,
        kind=MailboxKind.SHARED,
        name={Language.FR: "Service des inscriptions", Language.EN: "Admissions"} if name is None else name,
        organisation=organisation,
        standard=ServiceStandard(
            acknowledge_within=Limit(amount=48 * 60, unit=LimitUnit.ELAPSED_MINUTES, text="48h"),
            answer_within=Limit(amount=5, unit=LimitUnit.BUSINESS_DAYS, text="5 business days"),
            calendar=ServiceCalendar(timezone=TORONTO, hours=week),
        ),
        acknowledgement=AcknowledgementPolicy(
            envelope_from=envelope_from,
            reopen_within=Limit(amount=10, unit=LimitUnit.BUSINESS_DAYS, text="10 business days"),
        ),
        contact=contact or {},
    )


def some_facts(*, subject: str = "", is_internal: bool = False, hours_later: float = 0) -> AcknowledgementFacts:
    """Received on Tuesday 24 November 2026 at 10:05, answer due on Tuesday 1 December."""
    return AcknowledgementFacts(
        reference="MW-7F3K9Q",
        received_at=datetime(2026, 11, 24, 10, 5, tzinfo=TORONTO) + timedelta(hours=hours_later),
        answer_due_at=datetime(2026, 12, 1, 16, 30, tzinfo=TORONTO),
        subject=subject,
        is_internal=is_internal,
    )


def a_question(message_id: str = "<q1@ecole.example>", references: tuple[str, ...] = ()) -> Message:
    """The message that is acknowledged; only its ids matter to what is composed."""
    return Message(
        headers=(),
        message_id=message_id,
        in_reply_to=references[-1:],
        references=references,
        thread_index="",
        from_=(),
        sender=(),
        reply_to=(),
        to=(),
        cc=(),
        return_path=None,
        subject="Inscription de ma fille",
        date="",
        parts=(),
        text="",
        quoted_ids=(),
        report=(),
        identity="0" * 64,
        index={},
    )
