"""What judging a batch needs to remember: the keys into the past, the past, and what the batch itself adds to it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message, subject_key
from mailwatch.domain.notices import TOLD_AGAIN_AFTER
from mailwatch.domain.threads import Clues, Threads
from mailwatch.ports import FetchedMessage, NewRecord, Past, SentNote, Told, Traces

DAY = timedelta(days=1)
SAME_SUBJECT_WINDOW = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A fetched message, parsed, with its keys into the past."""

    fetched: FetchedMessage
    message: Message
    clues: Clues
    recipient: str
    references: tuple[str, ...]  # candidates, should it open a request


class Memory:
    """The past as far as a batch needs it, and what the batch itself adds to it."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self.known = set(past.known)
        self.caused = set(past.caused)
        self.taken = set(past.taken)
        self.opened_ids: set[str] = set()  # what leads to a request through what this batch writes: ids, references
        self.threads = Threads(
            by_message_id=past.by_message_id,
            by_reference=past.by_reference,
            by_thread_root=past.by_thread_index,
            by_subject=past.by_subject,
        )
        self._told = dict(past.told)
        self._sent: dict[str, list[SentNote]] = defaultdict(list)
        for note in past.sent:
            self._sent[note.recipient].append(note)

    def refers_to_batch(self, read: Read) -> bool:
        """Whether a message may belong to a request by what this batch writes: then the batch must be written first."""
        keys = (*read.clues.message_ids, read.clues.reference, read.clues.thread_root)
        return any(key in self.opened_ids for key in keys if key) or str(read.clues.subject) in self.opened_ids

    def sent_to(self, read: Read, mailbox: Mailbox, now: datetime) -> tuple[int, int, int]:
        """Acknowledgements to this message's recipient: (here, everywhere) in a day, (same subject) in three hours."""
        notes = self._sent.get(read.recipient)
        if not notes:
            return 0, 0, 0
        key = subject_key(read.message.subject, mailbox.organisation.external_tags)
        today = [note for note in notes if note.at > now - DAY]
        here = sum(note.mailbox == mailbox.address for note in today)
        same = sum(note.subject_key == key and note.at > now - SAME_SUBJECT_WINDOW for note in today)
        return here, len(today), same

    def told_of(self, read: Read, now: datetime) -> frozenset[int]:
        """The absences of which this message's recipient was told within the interval."""
        return frozenset(
            absence
            for (recipient, absence), told in self._told.items()
            if recipient == read.recipient and told.last_at is not None and told.last_at > now - TOLD_AGAIN_AFTER
        )

    def times_told(self, recipient: str, absence: int) -> int:
        """How often a recipient was to be told of an absence, in whatever way, and whatever became of it."""
        told = self._told.get((recipient, absence))
        return told.count if told else 0

    def note(self, read: Read, record: NewRecord, now: datetime) -> None:
        """Remember what the batch decided."""
        self.known.add(record.identity)
        self.opened_ids.update(record.follow_ids)
        if record.outgoing is not None and record.outgoing.message_id:
            self.opened_ids.add(record.outgoing.message_id)  # the requester may reply to it
        if record.request is not None:
            self.opened_ids.update(record.request.message_ids, (record.request.reference,))
            self.opened_ids.add(str((record.request.requester, record.request.subject_key)))
            if record.request.thread_index:
                self.opened_ids.add(record.request.thread_index)
        if entry := record.entry or record.notice_entry:
            self.caused.add(record.identity)
            self._sent[read.recipient].append(
                SentNote(mailbox=entry.mailbox, recipient=read.recipient, subject_key=entry.subject_key, at=now)
            )
            if entry.absence:
                times = self.times_told(read.recipient, entry.absence) + 1
                self._told[read.recipient, entry.absence] = Told(count=times, last_at=now)


def find_traces(reads: Sequence[Read]) -> Traces:
    """The look-up keys of a batch."""
    return Traces(
        identities=frozenset(read.message.identity for read in reads),
        message_ids=frozenset(id_ for read in reads for id_ in read.clues.message_ids),
        references=frozenset(read.clues.reference for read in reads if read.clues.reference),
        thread_indexes=frozenset(read.clues.thread_root for read in reads if read.clues.thread_root),
        subjects=frozenset(read.clues.subject for read in reads if read.clues.subject),
        recipients=frozenset(read.recipient for read in reads if read.recipient),
        new_references=frozenset(reference for read in reads for reference in read.references),
    )
