"""From fetched bytes to what is to be written: parse, look up the past, decide, render, compose.

Everything but the one look-up is pure. A batch sees itself: the second copy in it is known, the sixth message of
one sender finds five acknowledgements, and a reply to a request opened in the same batch ends the batch before it.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from mailwatch.domain.answers import Evidence, Outgoing, find_outgoing
from mailwatch.domain.classification import History, Kind, acknowledgement_recipient
from mailwatch.domain.covers import Away
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.decisions import Decision, Following, Opening, decide
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message, newest_received_at, parse_message, subject_key
from mailwatch.domain.outbox import NewEntry
from mailwatch.domain.requests import Event, EventKind, encode_reference
from mailwatch.domain.threads import Clues, find_clues, find_thread, thread_root
from mailwatch.ports import TOLD, FetchedMessage, NewRecord, NewRequest, Renderer
from mailwatch.services.enqueue import Enqueue
from mailwatch.services.memory import Memory, Read
from mailwatch.services.narrate import ANSWERED, about_absence, following_events, opening_events

ELSEWHERE = "elsewhere"  # the rule that leaves an acknowledgement to another mailbox
EARLIEST = datetime(1982, 8, 1, tzinfo=UTC)  # RFC 821; servers write 1970 or the year 1 for "I don't know"
REFERENCE_TRIES = 3  # candidates a request asks for: three taken at once has odds of one in a billion at a million


def whole_second(instant: datetime) -> datetime:
    """As INTERNALDATE would write it: what came later in the same second must not seem to have come before."""
    return instant.replace(microsecond=0)


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

    def at(self, now: datetime) -> "Circumstances":
        """The same, judged at this instant: by a clock that may have been set back past the first sight since. After a
        new UIDVALIDITY, what is older than the last good look stays so, whatever the clock says."""
        first = self.enabled_at if self.by_newest_hop else whole_second(min(self.enabled_at, now))
        return replace(self, now=now, enabled_at=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one message writes, and the address that a bounce proved dead, if any."""

    record: NewRecord
    blocks: str = ""


class Judge:
    """Judges batches of fetched messages of one installation."""

    def __init__(self, renderer: Renderer, key: bytes, give_up_after: timedelta) -> None:
        self._key = key
        self.entries = Enqueue(renderer, key, give_up_after)

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
        if seen.silent:
            decision = _silenced(decision, seen.silent)
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
            told_of=memory.told_of(read, seen.now),
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
            notice=TOLD if decision.tells else decision.untold or None,
            outgoing=self._outgoing(read, seen),
        )
        if decision.opens is not None:
            record = self._opened(record, read, decision, decision.opens, memory, seen, history)
        elif decision.follows is not None:
            record = self._followed(record, read, decision.follows, seen)
        if decision.tells and not decision.acknowledge:
            record = self._notified(record, read, decision, decision.tells, memory, seen)
        return record

    def _notified(
        self, record: NewRecord, read: Read, decision: Decision, away: Away, memory: Memory, seen: Circumstances
    ) -> NewRecord:
        """The sender is told of the absence by a notice; the request that the message belongs to, if any, says so."""
        reference = decision.follows.thread.request.reference if decision.follows else ""
        reference = record.request.reference if record.request else reference
        times = memory.times_told(read.recipient, away.absence.id)
        entry = self.entries.notice(
            seen.mailbox, read.message, read.recipient, decision, away, reference, times=times, now=seen.now
        )
        event = Event(kind=EventKind.NOTIFIED, at=seen.now, data=about_absence(away))
        if record.request is not None:  # acknowledgements are off: the notice can't stand in their place
            request = replace(record.request, events=(*record.request.events, event))
            return replace(record, request=request, notice_entry=entry)
        followed_by = (*record.followed_by, event) if record.follows is not None else ()
        return replace(record, followed_by=followed_by, notice_entry=entry)

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
            events=opening_events(decision, opening, read.message.identity, seen.now, history),
            message_ids=tuple(i for i in (read.message.message_id, entry.message_id if entry else "") if i),
        )
        return replace(record, request=request, entry=entry)

    def _entry(self, read: Read, decision: Decision, reference: str, seen: Circumstances) -> NewEntry:
        if decision.opens is None or decision.not_before is None:
            raise ValueError("an acknowledgement needs a request and an instant")
        return self.entries.acknowledgement(
            seen.mailbox,
            read.message,
            read.recipient,
            decision,
            reference,
            not_before=decision.not_before,
            now=seen.now,
        )

    def _followed(self, record: NewRecord, read: Read, following: Following, seen: Circumstances) -> NewRecord:
        ids = (read.message.message_id,) if read.message.message_id else ()
        events = following_events(
            following, record.identity, record.received_at, seen.now, suspects=seen.mailbox.observing.references
        )
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


def _silenced(decision: Decision, why: str) -> Decision:
    """Nothing is sent, nor by taking over."""
    decision = replace(decision, tells=None, untold=why if decision.tells else decision.untold)
    if decision.acknowledge or decision.suppressed_by == ELSEWHERE:
        return replace(decision, acknowledge=False, suppressed_by=why, not_before=None)
    return decision


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
