"""Answers, seen: what a message that staff wrote says of a request, and how surely.

Outgoing message, thread, request's mailbox → Event (answered, consulted, suspected) | None
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mailwatch.domain import signals
from mailwatch.domain.addresses import Address, parse_address, parse_addresses
from mailwatch.domain.answerers import find_staff_writer, is_requester, is_staff, is_written_to, may_answer
from mailwatch.domain.classification import History, Kind, classify
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message, written_at_by_header
from mailwatch.domain.requests import MAILWATCH, Event, EventKind, RequestSummary
from mailwatch.domain.threads import WEAK, Candidates, Clues, Link, ThreadMatch, find_clues, find_threads

# What a person wrote, whatever it is to the mailbox that sees it: in a Sent folder most are addressed to others.
_PERSONAL = frozenset({Kind.REQUEST, Kind.FOLLOW_UP, Kind.REPLY, Kind.ANSWER, Kind.COPY, Kind.UNDISCLOSED})
# A message that names one of the request's ids was written after it, whatever two servers' clocks say.
_BY_NAME = frozenset({Link.IN_REPLY_TO, Link.REFERENCES, Link.REFERENCE})


_LATE_COPY = timedelta(days=1)  # a copy filed so long after its Date was moved there, or migrated


class Evidence(StrEnum):
    """How an answer was seen; stored in the event's data as `evidence`, with its `confidence` between 0 and 1."""

    SENT = "sent folder"  # a message in a Sent folder of a watched account
    FLAG = "\\Answered"  # the flag on the original
    COPY = "copy"  # a message from staff that arrived in the mailbox
    REFERENCE = "reference"  # a later message of the requester refers to one that isn't ours or theirs


FLAG_CONFIDENCE = 0.9  # mail programs set it when an answer is begun; some when it is forwarded by mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that a person on staff wrote, and that refers to another one: perhaps an answer.

    mailbox     the watched address in whose folders it was seen
    writer      address key of From
    recipients  address keys of To, Cc and Bcc
    written_at  INTERNALDATE of the copy seen, UTC; its Date, where a Sent folder got it long after that
    """

    identity: str
    message_id: str
    mailbox: str
    evidence: Evidence
    writer: str
    recipients: frozenset[str]
    written_at: datetime
    clues: Clues


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message of a request that asks something: by whom (address key, or ""), and when it was received."""

    by: str
    at: datetime


def find_outgoing(
    message: Message, mailbox: Mailbox, evidence: Evidence, written_at: datetime, now: datetime
) -> Outgoing | None:
    """The message as perhaps an answer; None for what is automatic, forged, refers to nothing, or isn't staff's.

    What lies in a Sent folder was written by whoever has the account, under whatever address. `written_at` is never
    taken to be later than `now`.
    """
    if evidence is Evidence.COPY and not mailbox.observing.copies:
        return None
    writer = _find_writer(message, mailbox, evidence)
    if writer is None:
        return None
    clues = find_clues(message, mailbox.organisation.external_tags)
    if clues == Clues() or not _is_personal(message, mailbox, now):
        return None
    return Outgoing(
        identity=message.identity,
        message_id=message.message_id,
        mailbox=mailbox.address,
        evidence=evidence,
        writer=writer.key,
        recipients=_recipients(message, evidence),
        written_at=_written_at(message, evidence, min(written_at, now)),
        clues=clues,
    )


def outgoing_subjects(outgoing: Outgoing) -> tuple[tuple[str, str], ...]:
    """The pairs (requester, subject key) by which a message's subject alone may lead to requests: every recipient's."""
    if outgoing.clues.subject is None:
        return ()
    _, key = outgoing.clues.subject
    return tuple((recipient, key) for recipient in sorted(outgoing.recipients) if key)


def outgoing_clues(outgoing: Outgoing) -> tuple[Clues, ...]:
    """Everything by which to look for its requests: its own clues, and one more for each recipient's subject."""
    plain = replace(outgoing.clues, subject=None)
    return (plain, *(Clues(subject=pair) for pair in outgoing_subjects(outgoing)))


def match_outgoing(outgoing: Outgoing, candidates: Candidates[Sequence[RequestSummary]]) -> Sequence[ThreadMatch]:
    """The requests, of all mailboxes, that it belongs to: those with the strongest link."""
    return find_threads(outgoing.clues, candidates, outgoing_subjects(outgoing))


def judge_outgoing(
    outgoing: Outgoing, match: ThreadMatch, mailbox: Mailbox, now: datetime, asked: Asked | None = None
) -> Event | None:
    """What it says of a request that it belongs to: ANSWERED, CONSULTED, ANSWER_SUSPECTED, or nothing.

    `mailbox` is the request's own: for an internal requester only its owners, its answerers, their delegates and the
    mailbox itself answer. `asked`: the message that led there, if it is one of the request's.
    """
    request, written_at = match.request, outgoing.written_at
    if is_requester(outgoing.writer, request):
        return None
    named_at = max(request.received_at, asked.at) if asked is not None else request.received_at
    if written_at < named_at:
        if match.link not in _BY_NAME:
            return None  # of the same conversation, and before the request
        written_at = named_at
    to_them = is_written_to(outgoing.recipients, request) or _is_written_back(outgoing, match, mailbox, asked)
    answers = to_them and may_answer(outgoing.writer, request, mailbox, written_at)
    if match.confidence <= WEAK:
        return _event(EventKind.ANSWER_SUSPECTED, outgoing, match, written_at, now) if answers else None
    return _event(EventKind.ANSWERED if answers else EventKind.CONSULTED, outgoing, match, written_at, now)


def _is_written_back(outgoing: Outgoing, match: ThreadMatch, mailbox: Mailbox, asked: Asked | None) -> bool:
    """Whether it goes to whoever wrote the very message that it replies to: people write again from another address, or
    their family does, and are answered there. Among staff that is a discussion."""
    if match.link is not Link.IN_REPLY_TO or asked is None or asked.by not in outgoing.recipients:
        return False
    asker = parse_address(asked.by)
    return asker is not None and not is_staff(asker, mailbox)


def _event(kind: EventKind, outgoing: Outgoing, match: ThreadMatch, written_at: datetime, now: datetime) -> Event:
    data: dict[str, object] = {
        "evidence": str(outgoing.evidence),
        "confidence": match.confidence,
        "identity": outgoing.identity,
        "mailbox": outgoing.mailbox,
        "link": str(match.link),
    }
    return Event(kind=kind, at=now, by=outgoing.writer or MAILWATCH, data=data, occurred_at=written_at)


def _find_writer(message: Message, mailbox: Mailbox, evidence: Evidence) -> Address | None:
    if evidence is Evidence.COPY:
        return find_staff_writer(message, mailbox)
    return message.from_[0] if message.from_ else None


def _written_at(message: Message, evidence: Evidence, filed_at: datetime) -> datetime:
    """When it was written. A migration, or whoever tidies up, gives an old answer a new INTERNALDATE: it must not seem
    to answer what was asked since. In one's own Sent folder the Date is one's own program's."""
    dated_at = written_at_by_header(message) if evidence is Evidence.SENT else None
    return filed_at if dated_at is None or dated_at > filed_at - _LATE_COPY else dated_at


def _recipients(message: Message, evidence: Evidence) -> frozenset[str]:
    """Only the sender's own copy tells truly to whom else it went."""
    blind = parse_addresses(", ".join(message.all("bcc"))) if evidence is Evidence.SENT else ()
    return frozenset(address.key for address in (*message.to, *message.cc, *blind))


def _is_personal(message: Message, mailbox: Mailbox, now: datetime) -> bool:
    """Whether the ladder takes it for a person's. Local rules say what *requests* are, so they have no say here; nor
    has a name like records-request@, where it is a mailbox of ours: no list has it."""
    if signals.auto_submitted(message):
        return False  # RFC 3834 §5: not even what a person's mail program sends in their name
    if signals.is_reaction(message):
        return False
    verdict = classify(message, replace(mailbox, rules=()), History(), now, now)
    return verdict.kind in _PERSONAL or (verdict.reason == "list_address" and _is_ours(message, mailbox))


def _is_ours(message: Message, mailbox: Mailbox) -> bool:
    ours = mailbox.own_addresses | mailbox.organisation.watched.keys()
    return any(address.key in ours for address in message.from_[:1])
