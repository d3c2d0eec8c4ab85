"""Read \\Answered: on the messages of entries about to be sent, and on the questions of running clocks.

Where a folder keeps modification sequences (CONDSTORE, RFC 7162), what was read once is asked for again only when
something in the folder has changed, and then only what has. Elsewhere flags are read by turns. Where nothing at all has
changed in a mailbox's folders, its questions needn't be known.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailwatch.domain.answers import FLAG_CONFIDENCE, Evidence
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import ClaimedEntry
from mailwatch.domain.requests import Event, EventKind
from mailwatch.errors import FolderMissing
from mailwatch.ports import Fact, Flagged, FolderState, MessageSource

ANSWERED = str(Evidence.FLAG)
FLAGS_A_LOOK = 2_000  # messages whose flags are read for the first time, or read anew, in one look at a folder
AGAIN = timedelta(hours=1)  # questions that another mailbox made of messages that lie here are met at least so often

States = Sequence[FolderState | None]  # of a mailbox's folders, as last examined


async def find_answered(source: MessageSource, entries: Sequence[ClaimedEntry]) -> set[int]:
    """Ids of the entries whose message carries \\Answered, where the folder still has its UIDVALIDITY."""
    wanted: dict[tuple[str, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        for sighting in entry.sightings:
            wanted[sighting.folder, sighting.uidvalidity][sighting.uid].append(entry.id)
    found: set[int] = set()
    for (folder, uidvalidity), by_uid in wanted.items():
        state = await source.examine(folder)
        if state.uidvalidity != uidvalidity:
            continue
        for uid, flags in (await source.fetch_flags(sorted(by_uid))).items():
            if ANSWERED in flags:
                found.update(by_uid[uid])
    return found


def flag_facts(
    identity: str, received_at: datetime, request_ids: Iterable[int], mailbox: str, now: datetime
) -> list[Fact]:
    """What \\Answered on a message says of its requests. When the answer was written isn't known: before now."""
    data: dict[str, object] = {
        "evidence": ANSWERED,
        "confidence": FLAG_CONFIDENCE,
        "about": received_at.isoformat(),
        "identity": identity,
        "mailbox": mailbox,
    }
    event = Event(kind=EventKind.ANSWERED, at=now, data=data)
    return [Fact(request_id=request_id, event=event, identity=identity) for request_id in request_ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What this process knows of a folder's flags; losing it costs reading them again.

    uids    those that didn't carry \\Answered at `modseq`
    last    where the turn has come to, of those read by turns
    """

    uidvalidity: int
    modseq: int = 0
    uids: frozenset[int] = frozenset()
    last: int = 0


class FlagReader:
    """Reads the flags of questions, as little as the server makes possible."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], _Read] = {}
        self._done: dict[str, tuple[States, datetime]] = {}  # by mailbox: how its folders were, and when that was

    def is_done(self, mailbox: str, states: States, now: datetime) -> bool:
        """Whether every flag was read, and recorded, when the folders were as they are."""
        if mailbox not in self._done:
            return False
        before, at = self._done[mailbox]
        return before == states and timedelta(0) <= now - at < AGAIN

    def note_done(self, mailbox: Mailbox, states: States, questions: Sequence[Flagged], now: datetime) -> None:
        """The flags of all these questions were read and recorded, if it was not too much for a look."""
        self._done.pop(mailbox.address, None)
        knows_changes = all(state is not None and state.highest_modseq for state in states)
        is_all = len(questions) <= FLAGS_A_LOOK and {one.sighting.folder for one in questions} <= {*mailbox.folders}
        if states and knows_changes and is_all:
            self._done[mailbox.address] = (states, now)

    async def find_flagged(self, mailbox: str, questions: Sequence[Flagged], source: MessageSource) -> list[Flagged]:
        """Those that carry \\Answered now. Raises MailboxUnavailable; a folder that is gone answers nothing."""
        by_folder: dict[str, list[Flagged]] = defaultdict(list)
        for question in questions:
            by_folder[question.sighting.folder].append(question)
        found: list[Flagged] = []
        for folder, some in by_folder.items():
            try:
                state = await source.examine(folder)
            except FolderMissing:  # receiving says so
                continue
            by_uid = {one.sighting.uid: one for one in some if one.sighting.uidvalidity == state.uidvalidity}
            answered = await self._find_answered((mailbox, folder), by_uid.keys(), state, source)
            found += [by_uid[uid] for uid in sorted(answered)]
        return found

    async def _find_answered(
        self, place: tuple[str, str], uids: Iterable[int], state: FolderState, source: MessageSource
    ) -> set[int]:
        read = self._recall(place, state)
        known, modseq = read.uids.intersection(uids), state.highest_modseq
        turn = _take_turn(sorted(set(uids) - known), read.last)
        flags = dict(await source.fetch_flags(turn)) if turn else {}
        if known and modseq != read.modseq:
            flags.update(await source.fetch_flags(sorted(known), read.modseq))
        answered = {uid for uid in uids if ANSWERED in flags.get(uid, ())}  # servers volunteer those of others, too
        # What is found stays unknown: should it not get as far as the database, it is found again.
        kept = frozenset((known | set(turn)) - answered) if modseq else frozenset()
        last = turn[-1] if turn else read.last
        self._read[place] = _Read(uidvalidity=read.uidvalidity, modseq=modseq or 0, uids=kept, last=last)
        return answered

    def _recall(self, place: tuple[str, str], state: FolderState) -> _Read:
        """What is known still holds under the same UIDVALIDITY, while the folder's modseq grows."""
        uidvalidity = state.uidvalidity or 0
        read = self._read.get(place)
        if read is None or read.uidvalidity != uidvalidity or (state.highest_modseq or 0) < read.modseq:
            return _Read(uidvalidity=uidvalidity)
        return read


def _take_turn(uids: Sequence[int], last: int) -> list[int]:
    """As many as a look may read, ascending from where the last turn ended, and from the beginning after the end."""
    return [*(uid for uid in uids if uid > last), *(uid for uid in uids if uid <= last)][:FLAGS_A_LOOK]
