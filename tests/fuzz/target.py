"""What is fuzzed: a stranger's bytes, parsed, judged, and answered. Whatever they are, this holds."""

import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache

from builders import a_mailbox, a_staff_mailbox
from domain.test_lines import harmless
from domain.test_messages_fuzz import check
from golden_files import OWN_ID, TEMPLATES
from stopwatch import stopwatch

from mailwatch.domain.classification import History, Kind
from mailwatch.domain.composition import AcknowledgementFacts, Composed, compose_acknowledgement
from mailwatch.domain.decisions import Decision, decide
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.rendering import TemplateRenderer

NOW = datetime(2026, 11, 24, 15, 5, tzinfo=UTC)
LIMIT_S = 0.4  # of processor time, for judging in two mailboxes and composing; reading has a limit of its own
LONGEST_LINE = 998  # RFC 5322 §2.1.1
OUR_HEADERS = frozenset(
    {
        *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"),
        *("X-Auto-Response-Suppress", "X-Mailwatch-Message-ID", "Content-Language", "MIME-Version", "Content-Type"),
    }
)
MAILBOXES = (a_mailbox(policy={"authserv_id": ("mx.example",)}), a_staff_mailbox())


@cache
def renderer() -> TemplateRenderer:
    return TemplateRenderer(None, TEMPLATES, lambda text: None)


def play(raw: bytes) -> None:
    """Everything that happens to a message before it is recorded. Raises AssertionError, or what a fault raises."""
    message = check(raw)
    with stopwatch() as spent:
        for mailbox in MAILBOXES:
            decision = decide(message, mailbox, History(), NOW, NOW + timedelta(seconds=1))
            assert_sound(decision)
            if decision.acknowledge:
                assert_presentable(answer(message, mailbox, decision), str(decision.verdict.requester))
    assert spent.seconds < LIMIT_S


def assert_sound(decision: Decision) -> None:
    """A reason for everything, and no acknowledgement of what isn't a request."""
    assert decision.verdict.reason
    assert decision.acknowledge == (decision.verdict.kind is Kind.REQUEST and decision.suppressed_by is None)
    assert (decision.opens is not None) == (decision.verdict.kind is Kind.REQUEST)
    assert decision.follows is None


def answer(message: Message, mailbox: Mailbox, decision: Decision) -> Composed:
    """The acknowledgement, with the stranger's subject in it, as if our own server vouched for them."""
    facts = AcknowledgementFacts(
        reference="MW-7F3K9Q",
        received_at=NOW,
        answer_due_at=NOW + timedelta(days=7),
        subject=message.subject[:200],
        is_internal=False,
    )
    rendered = renderer().render_acknowledgement(mailbox, decision.language, facts)
    return compose_acknowledgement(rendered, mailbox, message, str(decision.verdict.requester), OWN_ID, NOW)


def in_a_labels(address: str) -> str:
    """As a header spells a domain of another script (RFC 5891)."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def assert_presentable(composed: Composed, recipient: str) -> None:
    """Ours are the headers, each once; the recipient is the one of the envelope; no line is too long, and none bare."""
    assert composed.envelope.recipient == recipient
    assert composed.body.isascii()
    assert max(map(len, composed.body.split(b"\r\n"))) <= LONGEST_LINE
    assert b"\n" not in composed.body.replace(b"\r\n", b"")
    message = email.message_from_bytes(composed.body, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    names = list(message)
    assert len(names) == len(set(names))
    assert set(names) <= OUR_HEADERS
    assert [address.addr_spec for address in message["To"].addresses] in ([], [recipient], [in_a_labels(recipient)])
    assert harmless(str(message["Subject"]))
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
