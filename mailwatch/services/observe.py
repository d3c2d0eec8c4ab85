"""See what staff did, in their own programs: answers in Sent folders, \\Answered, and messages moved into folders.

    Sent folders → answers, consultations      flags → answers      closing and set-aside folders → requests settled

Looks after receiving, on the same connection. Nothing seen here opens a request, and no folder's trouble holds up
another one, nor receiving.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailwatch.domain.answers import Evidence, find_outgoing
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.requests import UNSETTLED, Event, EventKind, RequestSummary
from mailwatch.errors import FolderMissing, MailboxUnavailable, TransientError
from mailwatch.ports import Clock, Fact, Flagged, FolderState, MessageSource, Store, Transaction
from mailwatch.services.answer import apply_outgoing
from mailwatch.services.flags import ANSWERED, FlagReader, flag_facts
from mailwatch.services.folders import Arrived, FolderReader, Place, Reader
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.log import Log
from mailwatch.services.roster import Roster

REST = timedelta(minutes=15)  # how long a folder that breaks connection after connection is left alone
DRAFT = "\\Draft"  # RFC 3501 §2.3.2: not finished, and so not sent, wherever it lies
FAILURES_PER_ATTEMPT = 2  # enough for a message that can't be fetched to be given up before the folder is


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveSettings:
    """The keys of [receiving] that bear on observing."""

    batch: int = 200
    resync_days: int = 14
    attempts: int = 3


@dataclass(slots=True)
class _Health:
    """How a folder behaves, as far as this process knows."""

    failures: int = 0  # looks in a row that broke the connection
    resting_until: datetime | None = None
    is_missing: bool = False


class Observe:
    """Looks at what people do with mailboxes, and records what it says of requests."""

    def __init__(
        self,
        store: Store,
        mailboxes: Sequence[Mailbox],
        clock: Clock,
        settings: ObserveSettings,
        good_looks: GoodLooks,
        log: Log,
    ) -> None:
        self._store = store
        self._roster = Roster(mailboxes)
        self._clock = clock
        self._settings = settings
        self._good_looks = good_looks
        self._log = log
        self._flags = FlagReader()
        self._kept: set[str] = set()  # the mailboxes that the database knows
        self._sent_folders: dict[str, Sequence[str]] = {}  # as last listed
        self._health: dict[Place, _Health] = {}
        self._folders = FolderReader(
            store,
            clock,
            log,
            batch=settings.batch,
            attempts=settings.attempts,
            resync_days=settings.resync_days,
        )

    async def look(self, mailbox: Mailbox, source: MessageSource) -> None:
        """Record what is to be seen in a mailbox's account. Raises MailboxUnavailable, StoreUnavailable, CursorMoved.

        Where only its Sent folders are watched, this is the mailbox's only look: it counts as its progress.
        """
        is_sent_only = mailbox.observing.is_sent_only
        if is_sent_only and mailbox.address not in self._kept:
            async with self._store.transaction() as tx:
                await tx.keep_mailbox(mailbox.address)
            self._kept.add(mailbox.address)
        for look_at in (self._look_at_sent, self._look_at_flags, self._look_at_moved):
            try:
                await look_at(mailbox, source)
            except TransientError:
                raise
            except Exception:  # a fault of ours must cost answers, not requests
                self._log.exception("observing.failed", mailbox=mailbox.address)
        if is_sent_only:
            self._good_looks.note(mailbox.address)

    async def is_quiet(self, mailbox: Mailbox, folder: str, state: FolderState, source: MessageSource) -> bool:
        """Whether nothing at all has changed: in the mailbox's folder, which was in that state when it was read, and in
        the others. Asks in one go, and nothing where a look is due anyway. Raises FolderMissing, MailboxUnavailable.
        """
        sent = self._sent_folders.get(mailbox.address)
        if not sent and mailbox.observing.sent:  # there may be one by now
            return False
        if mailbox.observing.flags and not self._flags.is_done(mailbox.address, (state,), self._clock.now()):
            return False
        folders = (*(sent or ()), *_list_moved_folders(mailbox))
        places = [Place(mailbox=mailbox.address, folder=each) for each in folders]
        known = {place.folder: recalled for place in places if (recalled := self._folders.recall(place))}
        if len(known) < len(places):
            return False
        with self._folders.doubted(places):
            return await source.is_as_known(folder, state, known)

    async def _look_at_sent(self, mailbox: Mailbox, source: MessageSource) -> None:
        folders = self._sent_folders[mailbox.address] = await self._list_sent_folders(mailbox, source)
        for folder in folders:
            await self._read(mailbox, folder, source, _Sent(mailbox, self._roster, self._clock, self._log))

    async def _look_at_moved(self, mailbox: Mailbox, source: MessageSource) -> None:
        if mailbox.observing.is_sent_only:
            return
        for folder, kind in _list_moved_folders(mailbox).items():
            await self._read(mailbox, folder, source, _Moved(mailbox, folder, kind, self._clock, self._log))

    async def _list_sent_folders(self, mailbox: Mailbox, source: MessageSource) -> Sequence[str]:
        """Those that no other cursor reads."""
        policy = mailbox.observing
        if not policy.sent and not policy.is_sent_only:
            return ()
        others = {*_list_moved_folders(mailbox)}
        if not policy.is_sent_only:
            others.update(mailbox.folders)
        folders = policy.sent_folders or await source.list_sent_folders()
        return [folder for folder in folders if folder not in others]

    async def _read(self, mailbox: Mailbox, folder: str, source: MessageSource, reader: Reader) -> None:
        """Read a folder, unless it rests; that it is missing is said once."""
        place = Place(mailbox=mailbox.address, folder=folder)
        health = self._health.setdefault(place, _Health())
        if health.resting_until is not None and self._clock.now() < health.resting_until:
            return
        try:
            await self._folders.read(place, source, reader)
        except FolderMissing as error:
            if not health.is_missing:
                self._log.warning("folder.unobserved", mailbox=place.mailbox, folder=folder, reason=str(error))
            health.is_missing = True
        except MailboxUnavailable as error:
            self._note_failure(place, health, error)
            raise
        else:
            self._health[place] = _Health()

    def _note_failure(self, place: Place, health: _Health, error: MailboxUnavailable) -> None:
        health.failures += 1
        if health.failures >= self._settings.attempts * FAILURES_PER_ATTEMPT:
            health.resting_until = self._clock.now() + REST
            self._log.warning("folder.left_alone", mailbox=place.mailbox, folder=place.folder, reason=str(error))

    async def _look_at_flags(self, mailbox: Mailbox, source: MessageSource) -> None:
        if mailbox.observing.is_sent_only or not mailbox.observing.flags:
            return
        now = self._clock.now()
        states = tuple(source.find_state(folder) for folder in mailbox.folders)
        if self._flags.is_done(mailbox.address, states, now):
            return
        async with self._store.transaction() as tx:
            questions = await tx.list_flagged(mailbox.address)
        flagged = await self._flags.find_flagged(mailbox.address, questions, source) if questions else ()
        if flagged:
            await self._record_flagged(mailbox, flagged)
        self._flags.note_done(mailbox, states, questions, now)

    async def _record_flagged(self, mailbox: Mailbox, flagged: Sequence[Flagged]) -> None:
        now = self._clock.now()
        facts = [
            fact
            for one in flagged
            for fact in flag_facts(one.identity, one.received_at, one.request_ids, mailbox.address, now)
        ]
        async with self._store.transaction() as tx:
            if states := await tx.add_facts(facts):
                await tx.note_answer_seen(mailbox.address)
        if states:
            self._log.info("answers.seen", mailbox=mailbox.address, evidence=ANSWERED, count=len(states))


def _list_moved_folders(mailbox: Mailbox) -> Mapping[str, EventKind]:
    """The folders that settle what is moved into them, and how."""
    policy = mailbox.observing
    closing = dict.fromkeys(policy.closing_folders, EventKind.CLOSED)
    return closing | dict.fromkeys(policy.set_aside_folders, EventKind.SET_ASIDE)


@dataclass(slots=True)
class _Sent:
    """Reads a Sent folder: what staff wrote."""

    mailbox: Mailbox
    roster: Roster
    clock: Clock
    log: Log
    rereads: bool = True

    async def take(self, tx: Transaction, arrived: Sequence[Arrived]) -> int:
        now = self.clock.now()
        seen = [
            find_outgoing(one.message, self.mailbox, Evidence.SENT, min(one.fetched.received_at, now), now)
            for one in arrived
            if DRAFT not in one.fetched.flags
        ]
        staffed = await self.roster.read(tx)
        mailboxes = {self.mailbox.address: staffed.staff(self.mailbox), **staffed.mailboxes}
        return await apply_outgoing(tx, [one for one in seen if one is not None], mailboxes, now)

    def tell(self, count: int) -> None:
        self.log.info("answers.seen", mailbox=self.mailbox.address, evidence=str(Evidence.SENT), count=count)


@dataclass(slots=True)
class _Moved:
    """Reads a folder that settles the requests of what is moved into it.

    What was moved there before the server renumbered the folder isn't read again: a request that was reopened since
    would be settled a second time. One whose move is missed stays open, for all to see.
    """

    mailbox: Mailbox
    folder: str
    kind: EventKind
    clock: Clock
    log: Log
    rereads: bool = False

    async def take(self, tx: Transaction, arrived: Sequence[Arrived]) -> int:
        by_identity = {one.message.identity: one for one in arrived}
        requests = await tx.find_requests_of(frozenset(by_identity))
        facts = [
            fact
            for identity, theirs in requests.items()
            for request in theirs
            if self._concerns(request)
            for fact in self._facts(by_identity[identity], request)
        ]
        return len(await tx.add_facts(facts))

    def _concerns(self, request: RequestSummary) -> bool:
        """What one mailbox sets aside isn't its affair; it may well be the affair of another that it was sent to."""
        return self.kind is not EventKind.SET_ASIDE or request.mailbox == self.mailbox.address

    def _facts(self, one: Arrived, request: RequestSummary) -> list[Fact]:
        """Moved with \\Answered on it, it was answered first. Tidied away after the requester wrote again, it settles
        nothing: the later message still waits."""
        now, is_waiting = self.clock.now(), request.state in UNSETTLED
        # Our clock may have been set back since the message was recorded: it came no earlier than its request.
        received_at = max(request.received_at, min(one.fetched.received_at, now))
        if is_waiting and request.clock_started_at > max(request.received_at, one.fetched.received_at):
            return []
        facts: list[Fact] = []
        if is_waiting and self.mailbox.observing.flags and ANSWERED in one.fetched.flags:
            identity = one.message.identity
            facts += flag_facts(identity, received_at, [request.id], self.mailbox.address, now)
        settled = Event(kind=self.kind, at=now, by=self.mailbox.address, data={"folder": self.folder})
        return [*facts, Fact(request_id=request.id, event=settled)]

    def tell(self, count: int) -> None:
        self.log.info("requests.settled", mailbox=self.mailbox.address, folder=self.folder, count=count)
