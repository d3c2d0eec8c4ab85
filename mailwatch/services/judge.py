"""From fetched bytes to what is to be written: parse, look up the past, decide, render, compose.

Everything but the one look-up is pure. A batch sees itself: the second copy in it is known, the sixth message of
one sender finds five acknowledgements, and a reply to a request opened in the same batch ends the batch before it.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mailwatch.domain.answers import FLAG_CONFIDENCE, Evidence, Outgoing, find_outgoing
from mailwatch.domain.classification import History, Kind, acknowledgement_recipient, may_echo_subject
from mailwatch.domain.composition import AcknowledgementFacts, compose_acknowledgement, own_message_id
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.decisions import Decision, Following, Opening, decide
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message, newest_received_at, parse_message, subject_key
from mailwatch.domain.outbox import EntryKind, NewEntry
from mailwatch.domain.requests import Event, EventKind, encode_reference
from mailwatch.domain.threads import Clues, find_clues, find_thread, thread_root
from mailwatch.ports import FetchedMessage, NewRecord, NewRequest, Renderer
from mailwatch.services.memory import Memory, Read

ANSWERED = str(Evidence.FLAG)
SUSPICION_CONFIDENCE = 0.3  # the requester replies to something unknown: perhaps an answer, perhaps something else
ELSEWHERE = "elsewhere"  # the rule that leaves an acknowledgement to another mailbox
EARLIEST = datetime(1982, 8, 1, tzinfo=UTC)  # RFC 821; servers write 1970 or the year 1 for "I don't know"
REFERENCE_TRIES = 3  # candidates a request asks for: three taken at once has odds of one in a billion at a million


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where and when a batch was seen. `silent` gives why nothing may be acknowledged, or ""."""

    mailbox: Mailbox
    folder: str
    uidvalidity: int
    is_junk: bool
    enabled_at: datetime
    now: datetime
    by_newest_hop: bool = False  # INTERNALDATE can't be trusted (UIDVALIDITY changed): the earlier of the two counts
    silent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one message writes, and the address that a bounce proved dead, if any."""

    record: NewRecord
    blocks: str = ""


class Judge:
    """Judges batches of fetched messages of one installation."""

    def __init__(self, renderer: Renderer, key: bytes, give_up_after: timedelta) -> None:
        self._renderer = renderer
        self._key = key
        self._give_up_after = give_up_after

    def read(self, mailbox: Mailbox, fetched: FetchedMessage) -> Read:
        """Parse a message and find its keys into the past."""
        message = parse_message(fetched.head)
        recipient = acknowledgement_recipient(message, mailbox)
        return Read(
            fetched=fetched,
            message=message,
            clues=find_clues(message, mailbox.organisation.external_tags),
            recipient=recipient.key if recipient else "",
            references=tuple(self._reference(mailbox, message, attempt) for attempt in range(REFERENCE_TRIES)),
        )

    def _reference(self, mailbox: Mailbox, message: Message, attempt: int) -> str:
        about = f"reference\0{mailbox.address}\0{message.identity}\0{attempt}".encode()
        digest = hmac.new(self._key, about, hashlib.sha256).digest()
        return encode_reference(int.from_bytes(digest[:4], "big") & (2**30 - 1))

    def judge(self, read: Read, memory: Memory, seen: Circumstances) -> Judged:
        """Decide about one message, and remember the decision for the next ones of the batch."""
        if read.message.identity in memory.known:
            return Judged(record=self._bare(read, seen, is_known=True))
        history = self.history(read, memory, seen)
        decision = decide(read.message, seen.mailbox, history, _received_at(read, seen), seen.now)
        if seen.silent and (decision.acknowledge or decision.suppressed_by == ELSEWHERE):  # nor by taking over
            decision = replace(decision, acknowledge=False, suppressed_by=seen.silent, not_before=None)
        elif decision.suppressed_by == ELSEWHERE and (reason := self._own_reason(read, seen, history)):
            decision = replace(decision, suppressed_by=reason)
        record = self._record(read, decision, memory, seen, history)
        memory.note(read, record, seen.now)
        return Judged(record=record, blocks=decision.blocks)

    def _own_reason(self, read: Read, seen: Circumstances, history: History) -> str | None:
        """Why this mailbox wouldn't acknowledge either, if it were alone: then it mustn't take over later."""
        return decide(read.message, alone(seen.mailbox), history, _received_at(read, seen), seen.now).suppressed_by

    def read_nothing_of(self, mailbox: Mailbox, fetched: FetchedMessage) -> Read:
        """A message that breaks the reading: known by its bytes alone, so that it is a request all the same."""
        identity = hashlib.sha256(fetched.head).hexdigest()
        message = replace(parse_message(b""), identity=identity)
        references = tuple(self._reference(mailbox, message, attempt) for attempt in range(REFERENCE_TRIES))
        return Read(fetched=fetched, message=message, clues=Clues(), recipient="", references=references)

    def history(self, read: Read, memory: Memory, seen: Circumstances) -> History:
        """What the rules may know of a message beside itself."""
        here, everywhere, same = memory.sent_to(read, seen.mailbox, seen.now)
        # Whoever writes from an address has it: what bounced there before doesn't hold any more.
        writes_itself = any(sender.key == read.recipient for sender in read.message.from_[:1])
        return History(
            thread=find_thread(read.clues, memory.threads),
            is_parent_ours=any(id_ in memory.past.ours for id_ in read.clues.message_ids),
            is_junk_folder=seen.is_junk,
            is_already_answered=seen.mailbox.observing.flags and ANSWERED in read.fetched.flags,
            is_acknowledged_elsewhere=read.message.identity in memory.caused,
            enabled_at=seen.enabled_at,
            newest_hop_at=newest_received_at(read.message),
            sent_here_today=here,
            sent_everywhere_today=everywhere,
            same_subject_recently=same,
            block="" if writes_itself else memory.past.blocks.get(read.recipient, ""),
        )

    def _bare(self, read: Read, seen: Circumstances, *, is_known: bool) -> NewRecord:
        message, fetched = read.message, read.fetched
        return NewRecord(
            sighting=Sighting(folder=seen.folder, uidvalidity=seen.uidvalidity, uid=fetched.uid),
            received_at=_received_at(read, seen),
            identity=message.identity,
            is_known=is_known,
            message_id=message.message_id,
            sender=message.from_[0].key if message.from_ else "",
            subject=message.subject[:998],
            size=fetched.size,
        )

    def _record(
        self, read: Read, decision: Decision, memory: Memory, seen: Circumstances, history: History
    ) -> NewRecord:
        record = replace(
            self._bare(read, seen, is_known=False),
            kind=decision.verdict.kind,
            reason=decision.verdict.reason,
            suppressed_by=decision.suppressed_by,
            hits=tuple((hit.rule, hit.detail) for hit in decision.verdict.hits),
            language=decision.language,
            outgoing=self._outgoing(read, seen),
        )
        if decision.opens is not None:
            return self._opened(record, read, decision, decision.opens, memory, seen, history)
        if decision.follows is not None:
            return self._followed(record, read, decision.follows, seen)
        return record

    def _outgoing(self, read: Read, seen: Circumstances) -> Outgoing | None:
        """What staff wrote may answer a request, of whatever mailbox. Their servers don't take it for junk."""
        if seen.is_junk:
            return None
        return find_outgoing(read.message, seen.mailbox, Evidence.COPY, _received_at(read, seen), seen.now)

    def _opened(
        self,
        record: NewRecord,
        read: Read,
        decision: Decision,
        opening: Opening,
        memory: Memory,
        seen: Circumstances,
        history: History,
    ) -> NewRecord:
        reference = next((r for r in read.references if r not in memory.taken), read.references[-1])
        memory.taken.add(reference)
        entry = self._entry(read, decision, reference, seen) if decision.acknowledge else None
        standard = seen.mailbox.standard
        request = NewRequest(
            reference=reference,
            requester=opening.requester.key if opening.requester else "",
            recipient=read.recipient,
            owner=opening.owner,
            language=decision.language,
            subject_key=subject_key(read.message.subject, seen.mailbox.organisation.external_tags),
            thread_index=thread_root(read.message.thread_index),
            received_at=opening.received_at,
            acknowledgement_due_at=opening.acknowledgement_due_at,
            answer_due_at=opening.answer_due_at,
            calendar_digest=standard.calendar.digest,
            standard={
                "acknowledge_within": str(standard.acknowledge_within),
                "answer_within": str(standard.answer_within),
            },
            suppressed_by=decision.suppressed_by,
            events=_opening_events(decision, opening, read.message.identity, seen.now, history),
            message_ids=tuple(i for i in (read.message.message_id, entry.message_id if entry else "") if i),
        )
        return replace(record, request=request, entry=entry)

    def _entry(self, read: Read, decision: Decision, reference: str, seen: Circumstances) -> NewEntry:
        if decision.opens is None or decision.not_before is None:
            raise ValueError("an acknowledgement needs a request and an instant")
        return self.acknowledgement(
            seen.mailbox,
            read.message,
            read.recipient,
            decision,
            reference,
            not_before=decision.not_before,
            now=seen.now,
        )

    def acknowledgement(
        self,
        mailbox: Mailbox,
        message: Message,
        recipient: str,
        decision: Decision,
        reference: str,
        *,
        not_before: datetime,
        now: datetime,
    ) -> NewEntry:
        """The outbox entry of an acknowledgement: rendered now, the same bytes at every attempt."""
        opening = decision.opens
        if opening is None:
            raise ValueError("an acknowledgement needs a request")
        zone = mailbox.standard.calendar.timezone
        facts = AcknowledgementFacts(
            reference=reference,
            received_at=opening.received_at.astimezone(zone),
            answer_due_at=opening.answer_due_at.astimezone(zone),
            subject=message.subject[:200] if may_echo_subject(message, mailbox, decision.verdict) else "",
            is_internal=bool(opening.requester and mailbox.organisation.is_internal(opening.requester)),
        )
        rendered = self._renderer.render_acknowledgement(mailbox, decision.language, facts)
        domain = mailbox.address.rpartition("@")[2]
        message_id = own_message_id(self._key, mailbox.address, message.identity, "acknowledgement", domain)
        composed = compose_acknowledgement(rendered, mailbox, message, recipient, message_id, now)
        return NewEntry(
            unique_key=f"ack:{message.identity}",
            kind=EntryKind.ACKNOWLEDGEMENT,
            mailbox=mailbox.address,
            caused_by=message.identity,
            message_id=message_id,
            envelope=composed.envelope,
            subject_key=subject_key(message.subject, mailbox.organisation.external_tags),
            body=composed.body,
            not_before=not_before,
            give_up_at=not_before + self._give_up_after,
        )

    def _followed(self, record: NewRecord, read: Read, following: Following, seen: Circumstances) -> NewRecord:
        ids = (read.message.message_id,) if read.message.message_id else ()
        events = _following_events(following, record, seen)
        return replace(record, follows=following.thread.request.id, followed_by=events, follow_ids=ids)


def alone(mailbox: Mailbox) -> Mailbox:
    """The mailbox as if no other were watched that the same message may reach."""
    watched = dict.fromkeys(mailbox.own_addresses, mailbox.address)
    return replace(mailbox, organisation=replace(mailbox.organisation, watched=watched))


def _received_at(read: Read, seen: Circumstances) -> datetime:
    received_at = min(read.fetched.received_at, seen.now)
    hop = newest_received_at(read.message)
    if received_at < EARLIEST:  # the server doesn't know
        received_at = hop if hop is not None and EARLIEST <= hop <= seen.now else seen.now
    if seen.by_newest_hop and hop is not None:
        return min(received_at, max(hop, EARLIEST))
    return received_at


def _opening_events(
    decision: Decision, opening: Opening, identity: str, now: datetime, history: History
) -> tuple[Event, ...]:
    weak = history.thread
    data: dict[str, object] = {"reason": decision.verdict.reason}
    if weak is not None:
        data |= {"may_belong_to": weak.request.reference, "confidence": weak.confidence}
    opened = Event(kind=EventKind.OPENED, at=now, data=data, occurred_at=opening.received_at)
    if decision.acknowledge and decision.not_before is not None:
        enqueued = Event(
            kind=EventKind.ACKNOWLEDGEMENT_ENQUEUED, at=now, data={"not_before": decision.not_before.isoformat()}
        )
        return opened, enqueued
    withheld = Event(kind=EventKind.ACKNOWLEDGEMENT_WITHHELD, at=now, data={"rule": decision.suppressed_by or ""})
    if history.is_already_answered:
        return opened, withheld, _flagged(opening.received_at, identity, now)
    return opened, withheld


def _flagged(received_at: datetime, identity: str, now: datetime) -> Event:
    """\\Answered stood on it already: some person answered, between its receipt and now."""
    data: dict[str, object] = {
        "evidence": ANSWERED,
        "confidence": FLAG_CONFIDENCE,
        "about": received_at.isoformat(),
        "identity": identity,
    }
    return Event(kind=EventKind.ANSWERED, at=now, data=data)


def _following_events(following: Following, record: NewRecord, seen: Circumstances) -> tuple[Event, ...]:
    """What a message adds to the request it belongs to, by when it was received."""
    thread, received_at = following.thread, record.received_at
    data: dict[str, object] = {"link": str(thread.link), "confidence": thread.confidence}
    event = Event(kind=following.event, at=seen.now, data=data, occurred_at=received_at)
    if not (following.suspects and seen.mailbox.observing.references):
        return (event,)
    suspicion: dict[str, object] = {
        "evidence": str(Evidence.REFERENCE),
        "confidence": SUSPICION_CONFIDENCE,
        "identity": record.identity,
        "message_id": following.suspects,
    }
    suspected = Event(kind=EventKind.ANSWER_SUSPECTED, at=seen.now, data=suspicion, occurred_at=received_at)
    return suspected, event


def human_senders(judged: Sequence[Judged]) -> frozenset[str]:
    """Addresses that a person wrote from: a bounce block on them is lifted."""
    return frozenset(one.record.sender for one in judged if is_human(one.record))


def is_human(record: NewRecord) -> bool:
    """Whether the message is new, and a person's: another copy of an old one says nothing about its sender."""
    return (
        bool(record.sender)
        and not record.is_known
        and record.kind in (Kind.REQUEST, Kind.FOLLOW_UP, Kind.REPLY, Kind.ANSWER)
    )
