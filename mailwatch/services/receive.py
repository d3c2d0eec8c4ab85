"""Record what arrived: fetch past the cursor, judge, and write a batch and its cursor in one transaction.

    examine → list UIDs → fetch a batch ─┬→ read, find the past, judge ─→ one transaction
                                         └→ (meanwhile the next batch is fetched)

First sight of a folder is silent. A new UIDVALIDITY is met by identity. What a look missed is found again by date.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailwatch.domain.cursors import Cursor, Sighting
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import FolderMissing, MailboxUnavailable
from mailwatch.ports import Clock, FetchedMessage, FolderState, MessageSource, NewRecord, Store, Transaction
from mailwatch.services.judge import Circumstances, Judge, Judged, human_senders
from mailwatch.services.log import Log
from mailwatch.services.memory import Memory, Read, find_traces
from mailwatch.services.share import belongs_here

MISSED_WINDOW = timedelta(days=3)  # how far back a reconnection looks for what earlier looks didn't see
MAX_UNKNOWN_AFTER_RESYNC = 50  # more unknown messages than that after a new UIDVALIDITY: a migration, not mail
BREATH = 16  # messages judged before the event loop gets its turn
SETTLING = 0.3  # seconds before a second look at an EXISTS that no fetch explained


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveSettings:
    """The keys of [receiving] and [sending] that bear on receiving."""

    batch: int = 200
    resync_days: int = 14
    attempts: int = 3
    breaker_count: int = 500
    breaker_per: timedelta = timedelta(minutes=10)


@dataclass(slots=True)
class _Memoir:
    """What this process remembers of a folder between looks; losing it loses nothing."""

    exists: int = 0
    suspects: int = 0  # how many messages past the cursor are fetched one by one, after a batch failed
    attempts: dict[int, int] = field(default_factory=dict)
    is_reconciled: bool = False


class Receive:
    """Looks at mailboxes and records what is new. `on_enqueued` is called when there is something to send."""

    def __init__(self, store: Store, judge: Judge, clock: Clock, settings: ReceiveSettings, log: Log) -> None:
        self._store = store
        self._judge = judge
        self._clock = clock
        self._settings = settings
        self._log = log
        self._memoirs: dict[tuple[str, str], _Memoir] = {}
        self.enqueued = asyncio.Event()  # set whenever acknowledgements were put in the outbox

    async def look(self, mailbox: Mailbox, source: MessageSource) -> None:
        """Record what is new in every folder of a mailbox. Raises MailboxUnavailable, StoreUnavailable."""
        troubles: dict[str, str] = {}
        for folder in mailbox.folders:
            try:
                if not await self._look_into(mailbox, folder, source):
                    troubles["no-uidvalidity"] = f"{folder}: the server tells no UIDVALIDITY"
            except FolderMissing as error:
                troubles["folder-missing"] = str(error)
        async with self._store.transaction() as tx:
            for code, text in troubles.items():
                await tx.note_trouble(mailbox.address, code, text)
            if not troubles:
                await tx.note_progress(mailbox.address)

    def forget(self, mailbox: Mailbox) -> None:
        """The connection was lost, or a day has passed: the next look compares the last days with what is recorded."""
        for folder in mailbox.folders:
            self._memoir(mailbox, folder).is_reconciled = False

    async def _look_into(self, mailbox: Mailbox, folder: str, source: MessageSource) -> bool:
        """Record what is new in a folder; False if nothing may be, because its UIDs mean nothing."""
        state = await source.examine(folder)
        if state.uidvalidity is None:
            return False
        async with self._store.transaction() as tx:
            enabled_at = await tx.keep_mailbox(mailbox.address)
            cursor = await tx.find_cursor(mailbox.address, folder)
            if cursor is None:
                await self._begin(tx, mailbox, folder, state)
                return True
        seen = self._circumstances(mailbox, folder, state.uidvalidity, enabled_at)
        if cursor.uidvalidity != state.uidvalidity:
            await self._resync(seen, cursor, state, source)
        else:
            await self._advance(seen, cursor, state, source)
        return True

    async def _begin(self, tx: Transaction, mailbox: Mailbox, folder: str, state: FolderState) -> None:
        """First sight is silent: nothing that was there is recorded, nothing is acknowledged."""
        await tx.start_cursor(mailbox.address, folder, state.uidvalidity or 0, max(state.uidnext - 1, 0))
        await tx.keep_calendar(mailbox.standard.calendar.digest, mailbox.standard.calendar.definition())
        self._memoir(mailbox, folder).is_reconciled = True
        self._log.info("folder.first_seen", mailbox=mailbox.address, folder=folder, exists=state.exists)

    def _circumstances(self, mailbox: Mailbox, folder: str, uidvalidity: int, enabled_at: datetime) -> Circumstances:
        return Circumstances(
            mailbox=mailbox,
            folder=folder,
            uidvalidity=uidvalidity,
            is_junk="junk" in folder.lower() or "spam" in folder.lower() or "indésirable" in folder.lower(),
            enabled_at=_whole_second(enabled_at),
            now=self._clock.now(),
        )

    def _memoir(self, mailbox: Mailbox, folder: str) -> _Memoir:
        return self._memoirs.setdefault((mailbox.address, folder), _Memoir())

    # --- new mail -------------------------------------------------------------------------------------------------

    async def _advance(self, seen: Circumstances, cursor: Cursor, state: FolderState, source: MessageSource) -> None:
        memoir = self._memoir(seen.mailbox, seen.folder)
        cursor = await self._intake(seen, cursor, source)
        if state.exists > memoir.exists > 0 and cursor.last_uid < state.uidnext - 1:
            # Some servers announce a message before they deliver it: an EXISTS that no fetch explains.
            await asyncio.sleep(SETTLING)
            state = await source.examine(seen.folder)
            cursor = await self._intake(seen, cursor, source)
        memoir.exists = state.exists
        if not memoir.is_reconciled:
            await self._reconcile(seen, cursor, source)
            memoir.is_reconciled = True

    async def _intake(self, seen: Circumstances, cursor: Cursor, source: MessageSource) -> Cursor:
        """Record everything past the cursor, batch by batch; the next batch is fetched while one is judged."""
        memoir = self._memoir(seen.mailbox, seen.folder)
        uids = list(await source.list_uids(cursor.last_uid))
        batches = _batches(uids, self._settings.batch, memoir.suspects)
        following = self._prefetch(source, batches, 0)
        try:
            for number, batch in enumerate(batches):
                fetched = await self._fetched(seen, cursor, batch, following)
                following = self._prefetch(source, batches, number + 1)
                if fetched:
                    cursor = await self._take_in(replace(seen, now=self._clock.now()), cursor, fetched)
        except asyncio.CancelledError:
            if following is not None:
                following.cancel()
            raise
        finally:
            await _abandon(following)
        memoir.suspects = 0
        memoir.attempts.clear()
        return cursor

    def _prefetch(
        self, source: MessageSource, batches: Sequence[Sequence[int]], number: int
    ) -> "asyncio.Task[Sequence[FetchedMessage]] | None":
        if number >= len(batches):
            return None
        return asyncio.ensure_future(_fetch(source, batches[number]))

    async def _fetched(
        self,
        seen: Circumstances,
        cursor: Cursor,
        batch: Sequence[int],
        task: "asyncio.Task[Sequence[FetchedMessage]] | None",
    ) -> Sequence[FetchedMessage]:
        """The batch's messages. A fetch that fails is remembered: next time one by one, and in the end quarantined."""
        if task is None:
            return ()
        try:
            return await task
        except MailboxUnavailable:
            memoir = self._memoir(seen.mailbox, seen.folder)
            memoir.suspects = len(batch)
            if len(batch) == 1:
                attempts = memoir.attempts[batch[0]] = memoir.attempts.get(batch[0], 0) + 1
                if attempts >= self._settings.attempts:
                    await self._quarantine(seen, cursor, batch[0])
            raise

    async def _quarantine(self, seen: Circumstances, cursor: Cursor, uid: int) -> None:
        sighting = Sighting(folder=seen.folder, uidvalidity=seen.uidvalidity, uid=uid)
        record = NewRecord(sighting=sighting, received_at=seen.now, quarantined="could not be fetched")
        async with self._store.transaction() as tx:
            await tx.advance_cursor(cursor, uid)
            await tx.record(seen.mailbox.address, [record])
        self._log.warning("message.quarantined", mailbox=seen.mailbox.address, folder=seen.folder, uid=uid)

    async def _take_in(self, seen: Circumstances, cursor: Cursor, fetched: Sequence[FetchedMessage]) -> Cursor:
        """Judge and write a batch; in several transactions where a message refers to one before it."""
        reads = await self._read(seen, fetched)
        while reads:
            taken, judged, cursor = await self._write(seen, cursor, reads)
            reads = reads[taken:]
            self._log.info("messages.recorded", mailbox=seen.mailbox.address, folder=seen.folder, count=len(judged))
        return cursor

    async def _read(self, seen: Circumstances, fetched: Sequence[FetchedMessage]) -> list[Read]:
        reads = []
        for number, one in enumerate(fetched):
            try:
                reads.append(self._judge.read(seen.mailbox, one))
            except Exception:
                self._log.exception("message.unreadable", mailbox=seen.mailbox.address, uid=one.uid)
                reads.append(self._judge.read_nothing_of(seen.mailbox, one))
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
        return reads

    async def _write(
        self, seen: Circumstances, cursor: Cursor, reads: Sequence[Read], *, moves: bool = True
    ) -> tuple[int, list[Judged], Cursor]:
        async with self._store.transaction() as tx:
            own = frozenset(seen.mailbox.organisation.people) | frozenset(seen.mailbox.organisation.watched)
            memory = Memory(await tx.find_past(seen.mailbox.address, find_traces(reads), own))
        taken, judged = await self._judge_some(seen, memory, reads)
        async with self._store.transaction() as tx:
            last_uid = max(reads[taken - 1].fetched.uid, cursor.last_uid) if moves else cursor.last_uid
            cursor = await tx.advance_cursor(cursor, last_uid)
            await self._record(tx, seen, judged)
        return taken, judged, cursor

    async def _judge_some(self, seen: Circumstances, memory: Memory, reads: Sequence[Read]) -> tuple[int, list[Judged]]:
        """Judge until a message refers to a request that this batch opens. At least one is taken."""
        judged: list[Judged] = []
        for number, read in enumerate(reads):
            if number and memory.refers_to_batch(read):
                return number, judged
            if belongs_here(read.message, seen.mailbox):
                judged.append(self._judge_one(seen, memory, read))
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
        return len(reads), judged

    def _judge_one(self, seen: Circumstances, memory: Memory, read: Read) -> Judged:
        try:
            return self._judge.judge(read, memory, seen)
        except Exception:
            self._log.exception("message.unjudgeable", mailbox=seen.mailbox.address, uid=read.fetched.uid)
            nothing = self._judge.read_nothing_of(seen.mailbox, read.fetched)
            return self._judge.judge(nothing, memory, replace(seen, silent="unreadable"))

    async def _record(self, tx: Transaction, seen: Circumstances, judged: Sequence[Judged]) -> None:
        calendar = seen.mailbox.standard.calendar
        await tx.keep_calendar(calendar.digest, calendar.definition())
        await tx.unblock(human_senders(judged))
        enqueued = await tx.record(seen.mailbox.address, [one.record for one in judged])
        for one in judged:
            if one.blocks:
                until = seen.now + seen.mailbox.acknowledgement.bounce_block
                await tx.block(one.blocks, "its acknowledgement bounced: no such address", until)
        if enqueued:
            await self._mind_breaker(tx)
            self.enqueued.set()

    async def _mind_breaker(self, tx: Transaction) -> None:
        count = await tx.count_enqueued(tx.now - self._settings.breaker_per)
        if count > self._settings.breaker_count and await tx.find_switch("breaker") is None:
            why = f"{count} acknowledgements in {self._settings.breaker_per}; `mailwatch resume` lets them go"
            await tx.switch_off("breaker", "mailwatch", why)
            self._log.warning("breaker.tripped", count=count)

    # --- what earlier looks missed, and new UIDVALIDITY -----------------------------------------------------------

    async def _reconcile(self, seen: Circumstances, cursor: Cursor, source: MessageSource) -> None:
        """Compare the last days with what is recorded; record what was missed, and say so."""
        since = (seen.now - MISSED_WINDOW).date()
        candidates = [u for u in await source.list_uids_since(since) if cursor.started_uid < u <= cursor.last_uid]
        if not candidates:
            return
        async with self._store.transaction() as tx:
            above = min(candidates) - 1
            recorded = await tx.list_recorded_uids(seen.mailbox.address, seen.folder, seen.uidvalidity, above)
        missed = [uid for uid in candidates if uid not in recorded]
        for batch in _batches(missed, self._settings.batch, 0):
            reads = await self._read(seen, await source.fetch(batch))
            await self._note_gap(seen, [read for read in reads if belongs_here(read.message, seen.mailbox)])
            while reads:
                taken, _, cursor = await self._write(replace(seen, now=self._clock.now()), cursor, reads, moves=False)
                reads = reads[taken:]

    async def _note_gap(self, seen: Circumstances, missed: Sequence[Read]) -> None:
        if not missed:
            return
        async with self._store.transaction() as tx:
            await tx.note_gap(seen.mailbox.address, len(missed))
        self._log.warning("folder.gap", mailbox=seen.mailbox.address, folder=seen.folder, missed=len(missed))

    async def _resync(self, seen: Circumstances, old: Cursor, state: FolderState, source: MessageSource) -> None:
        """A new UIDVALIDITY: every UID is new. Known identities get a sighting; unknown ones are judged with care."""
        since = (seen.now - timedelta(days=self._settings.resync_days)).date()
        async with self._store.transaction() as tx:
            recorded = await tx.list_recorded_uids(seen.mailbox.address, seen.folder, seen.uidvalidity, 0)
        uids = [u for u in await source.list_uids_since(since) if u < state.uidnext and u not in recorded]
        reads: list[Read] = []
        for batch in _batches(uids, self._settings.batch, 0):
            reads += await self._read(seen, await source.fetch(batch))
        unknown = await self._count_unknown(seen, reads)
        silent = "resync" if unknown > MAX_UNKNOWN_AFTER_RESYNC else ""
        after = max(seen.enabled_at, old.moved_at)  # what arrived before the last good look was seen, or was silent
        seen = replace(seen, by_newest_hop=True, silent=silent, enabled_at=_whole_second(after))
        await self._write_resynced(seen, reads, max(state.uidnext - 1, 0))
        self._log.warning(
            "folder.resynced", mailbox=seen.mailbox.address, folder=seen.folder, unknown=unknown, silent=bool(silent)
        )

    async def _count_unknown(self, seen: Circumstances, reads: Sequence[Read]) -> int:
        unknown = 0
        for start in range(0, len(reads), self._settings.batch):
            some = reads[start : start + self._settings.batch]
            async with self._store.transaction() as tx:
                past = await tx.find_past(seen.mailbox.address, find_traces(some), frozenset())
            unknown += sum(read.message.identity not in past.known for read in some)
        return unknown

    async def _write_resynced(self, seen: Circumstances, reads: Sequence[Read], last_uid: int) -> None:
        own = frozenset(seen.mailbox.organisation.people) | frozenset(seen.mailbox.organisation.watched)
        while reads:
            some = reads[: self._settings.batch]
            async with self._store.transaction() as tx:
                memory = Memory(await tx.find_past(seen.mailbox.address, find_traces(some), own))
            taken, judged = await self._judge_some(seen, memory, some)
            async with self._store.transaction() as tx:
                await self._record(tx, seen, judged)
            reads = reads[taken:]
        async with self._store.transaction() as tx:
            await tx.start_cursor(seen.mailbox.address, seen.folder, seen.uidvalidity, last_uid)


def _whole_second(instant: datetime) -> datetime:
    """As INTERNALDATE would write it: what came later in the same second must not seem to have come before."""
    return instant.replace(microsecond=0)


async def _fetch(source: MessageSource, uids: Sequence[int]) -> Sequence[FetchedMessage]:
    return await source.fetch(uids)


async def _abandon(task: "asyncio.Task[Sequence[FetchedMessage]] | None") -> None:
    """Let a prefetch that nobody waits for end, so that the connection is free; what it brings is fetched again."""
    if task is not None:
        await asyncio.gather(task, return_exceptions=True)


def _batches(uids: Sequence[int], size: int, suspects: int) -> list[Sequence[int]]:
    """UIDs in batches; the first `suspects` of them one by one."""
    ones: list[Sequence[int]] = [[uid] for uid in uids[:suspects]]
    return ones + [uids[start : start + size] for start in range(suspects, len(uids), size)]
