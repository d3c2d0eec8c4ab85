"""Record what arrived: fetch past the cursor, judge, and write a batch and its cursor in one transaction.

    examine → list UIDs → fetch a batch ─┬→ read, find the past, judge ─→ one transaction
                                         └→ (meanwhile the next batch is fetched)

First sight of a folder is silent. A new UIDVALIDITY is met by identity. What a look missed is found again by date.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailwatch.domain.cursors import Cursor
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import CursorMoved, FolderMissing, MailboxUnavailable
from mailwatch.ports import Clock, FetchedMessage, FolderState, MessageSource, Store, Transaction
from mailwatch.services.fetch import Fetcher, GivenUp
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.judge import Circumstances, Judge, whole_second
from mailwatch.services.log import Log
from mailwatch.services.memory import Read
from mailwatch.services.record import Recorder
from mailwatch.services.share import belongs_here

MISSED_WINDOW = timedelta(days=3)  # how far back a reconnection looks for what earlier looks didn't see
MAX_UNKNOWN_AFTER_RESYNC = 50  # more unknown messages than that after a new UIDVALIDITY: a migration, not mail
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

    fetcher: Fetcher
    exists: int = 0
    read: FolderState | None = None  # how the folder was when everything in it had been read
    unknown: int = 0  # how many messages the resync of this UIDVALIDITY found new
    is_reconciled: bool = False


class Receive:
    """Looks at mailboxes and records what is new. `enqueued` is set when there is something to send."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        clock: Clock,
        settings: ReceiveSettings,
        good_looks: GoodLooks,
        log: Log,
        mailboxes: Sequence[Mailbox] = (),  # those whose requests an answer seen elsewhere may be for
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._good_looks = good_looks
        self._log = log
        self._recorder = Recorder(
            store,
            judge,
            clock,
            log,
            breaker_count=settings.breaker_count,
            breaker_per=settings.breaker_per,
            mailboxes=mailboxes,
        )
        self._memoirs: dict[tuple[str, str], _Memoir] = {}
        self.enqueued = self._recorder.enqueued
        self.progress = self._recorder.progress

    async def look(self, mailbox: Mailbox, source: MessageSource) -> None:
        """Record what is new in every folder of a mailbox. Raises MailboxUnavailable, StoreUnavailable."""
        troubles: dict[str, str] = {}
        for folder in mailbox.folders:
            try:
                if not await self._look_into(mailbox, folder, source):
                    troubles["no-uidvalidity"] = f"{folder}: the server tells no UIDVALIDITY"
            except FolderMissing as error:
                troubles["folder-missing"] = str(error)
        if not troubles:
            self._good_looks.note(mailbox.address)
            return
        await self._good_looks.forget(mailbox.address)
        async with self._store.transaction() as tx:
            for code, text in troubles.items():
                await tx.note_trouble(mailbox.address, code, text)

    def is_read(self, mailbox: Mailbox, folder: str, state: FolderState) -> bool:
        """Whether everything in a folder had been read when it was in that state."""
        memoir = self._memoirs.get((mailbox.address, folder))
        return memoir is not None and memoir.is_reconciled and state.holds_as(memoir.read)

    def forget(self, mailbox: Mailbox) -> None:
        """The connection was lost, or a day has passed: the next look compares the last days with what is recorded."""
        for folder in mailbox.folders:
            if memoir := self._memoirs.get((mailbox.address, folder)):
                memoir.is_reconciled = False

    async def _look_into(self, mailbox: Mailbox, folder: str, source: MessageSource) -> bool:
        """Record what is new in a folder; False if nothing may be, because its UIDs mean nothing."""
        state = await source.examine(folder)
        if state.uidvalidity is None:
            return False
        if self.is_read(mailbox, folder, state):
            return True
        async with self._store.transaction() as tx:
            enabled_at = await tx.keep_mailbox(mailbox.address)
            cursor = await tx.find_cursor(mailbox.address, folder)
            if cursor is None:
                await self._begin(tx, mailbox, folder, state)
        if cursor is None:
            self._note_begun(mailbox, folder, state)
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

    def _note_begun(self, mailbox: Mailbox, folder: str, state: FolderState) -> None:
        """Once that is committed, and not before: what counts as read isn't looked at again."""
        memoir = self._memoir(mailbox, folder, state.uidvalidity or 0)
        memoir.is_reconciled, memoir.read = True, state
        self._log.info("folder.first_seen", mailbox=mailbox.address, folder=folder, exists=state.exists)

    def _circumstances(self, mailbox: Mailbox, folder: str, uidvalidity: int, enabled_at: datetime) -> Circumstances:
        now = self._clock.now()
        return Circumstances(
            mailbox=mailbox,
            folder=folder,
            uidvalidity=uidvalidity,
            is_junk="junk" in folder.lower() or "spam" in folder.lower() or "indésirable" in folder.lower(),
            enabled_at=enabled_at,
            now=now,
        ).at(now)

    def _memoir(self, mailbox: Mailbox, folder: str, uidvalidity: int) -> _Memoir:
        memoir = self._memoirs.get((mailbox.address, folder))
        if memoir is None or memoir.fetcher.uidvalidity != uidvalidity:  # its UIDs mean nothing any more
            memoir = _Memoir(Fetcher(uidvalidity, self._settings.attempts))
            self._memoirs[mailbox.address, folder] = memoir
        return memoir

    # --- new mail -------------------------------------------------------------------------------------------------

    async def _advance(self, seen: Circumstances, cursor: Cursor, state: FolderState, source: MessageSource) -> None:
        memoir = self._memoir(seen.mailbox, seen.folder, seen.uidvalidity)
        cursor = await self._intake(seen, cursor, memoir.fetcher, source)
        if state.exists > memoir.exists > 0 and cursor.last_uid < state.uidnext - 1:
            # Some servers announce a message before they deliver it: an EXISTS that no fetch explains.
            await asyncio.sleep(SETTLING)
            state = await source.examine(seen.folder)
            if state.uidvalidity != seen.uidvalidity:
                raise CursorMoved(f"{seen.folder}: a new UIDVALIDITY in the middle of a look")
            cursor = await self._intake(seen, cursor, memoir.fetcher, source)
        memoir.exists = state.exists
        memoir.read = state if cursor.last_uid >= state.uidnext - 1 else None  # else it announces more than it lists
        if not memoir.is_reconciled:
            await self._reconcile(seen, cursor, memoir.fetcher, source)
            memoir.is_reconciled = True

    async def _intake(self, seen: Circumstances, cursor: Cursor, fetcher: Fetcher, source: MessageSource) -> Cursor:
        """Record everything past the cursor, batch by batch; the next batch is fetched while one is written."""
        batches = fetcher.batches(await source.list_uids(cursor.last_uid), self._settings.batch)
        following = _prefetch(fetcher, source, batches[:1])
        try:
            for number in range(len(batches)):
                fetched = await self._fetched(seen, following, cursor)
                following = _prefetch(fetcher, source, batches[number + 1 : number + 2])
                if fetched:
                    reads = await self._recorder.read(seen, fetched)
                    cursor = await self._recorder.write(seen, cursor, reads) or cursor
        except asyncio.CancelledError:
            following.cancel()
            raise
        finally:
            await _abandon(following)
        return cursor

    async def _fetched(
        self, seen: Circumstances, fetching: Awaitable[Sequence[FetchedMessage]], cursor: Cursor | None
    ) -> Sequence[FetchedMessage]:
        """What a fetch brings; the message that it gives up is quarantined, and the cursor, if any, moves past it."""
        try:
            return await fetching
        except GivenUp as given_up:
            await self._recorder.quarantine(seen, cursor, given_up.uid, "could not be fetched")
            raise MailboxUnavailable(str(given_up)) from given_up

    # --- what earlier looks missed, and new UIDVALIDITY -----------------------------------------------------------

    async def _reconcile(self, seen: Circumstances, cursor: Cursor, fetcher: Fetcher, source: MessageSource) -> None:
        """Compare the last days with what is recorded; record what was missed, and say so."""
        since = (seen.now - MISSED_WINDOW).date()
        candidates = [u for u in await source.list_uids_since(since) if cursor.started_uid < u <= cursor.last_uid]
        if not candidates:
            return
        async with self._store.transaction() as tx:
            above = min(candidates) - 1
            recorded = await tx.list_recorded_uids(seen.mailbox.address, seen.folder, seen.uidvalidity, above)
        missed = [uid for uid in candidates if uid not in recorded]
        for batch in fetcher.batches(missed, self._settings.batch):
            reads = await self._recorder.read(seen, await self._fetched(seen, fetcher.fetch(source, batch), None))
            await self._recorder.write(seen, cursor, reads, moves=False)
            await self._note_gap(seen, [read for read in reads if belongs_here(read.message, seen.mailbox)])

    async def _note_gap(self, seen: Circumstances, missed: Sequence[Read]) -> None:
        if not missed:
            return
        async with self._store.transaction() as tx:
            await tx.note_gap(seen.mailbox.address, len(missed))
        self._log.warning("folder.gap", mailbox=seen.mailbox.address, folder=seen.folder, missed=len(missed))

    async def _resync(self, seen: Circumstances, old: Cursor, state: FolderState, source: MessageSource) -> None:
        """A new UIDVALIDITY: every UID is new. Known identities get a sighting; unknown ones are judged with care.

        1. Everything of the last days is fetched. What is known gets a sighting; the rest is counted, and let go:
           there may be a lot of it.
        2. What is unknown is fetched again, and written without acknowledgement if it is too much to be mail, or older
           than the last good look by its newest Received header.
        3. The cursor comes last: what is cut short is begun again.
        """
        memoir = self._memoir(seen.mailbox, seen.folder, seen.uidvalidity)
        since = (seen.now - timedelta(days=self._settings.resync_days)).date()
        async with self._store.transaction() as tx:
            recorded = await tx.list_recorded_uids(seen.mailbox.address, seen.folder, seen.uidvalidity, 0)
        uids = [u for u in await source.list_uids_since(since) if u < state.uidnext and u not in recorded]
        unknown = await self._write_known(seen, uids, memoir.fetcher, source)
        memoir.unknown = max(memoir.unknown, len(unknown))  # a second attempt finds fewer, and judges alike
        silent = "resync" if memoir.unknown > MAX_UNKNOWN_AFTER_RESYNC else ""
        after = max(seen.enabled_at, old.moved_at)  # what arrived before the last good look was seen, or was silent
        seen = replace(seen, by_newest_hop=True, silent=silent, enabled_at=whole_second(after))
        for batch in memoir.fetcher.batches(unknown, self._settings.batch):
            fetched = await self._fetched(seen, memoir.fetcher.fetch(source, batch), None)
            await self._recorder.write(seen, None, await self._recorder.read(seen, fetched))
        async with self._store.transaction() as tx:
            await tx.start_cursor(seen.mailbox.address, seen.folder, seen.uidvalidity, max(state.uidnext - 1, 0))
        self._log.warning(
            "folder.resynced",
            mailbox=seen.mailbox.address,
            folder=seen.folder,
            unknown=memoir.unknown,
            silent=bool(silent),
        )

    async def _write_known(
        self, seen: Circumstances, uids: Sequence[int], fetcher: Fetcher, source: MessageSource
    ) -> list[int]:
        """Record where known messages are now; the UIDs of the others, ascending."""
        unknown = []
        for batch in fetcher.batches(uids, self._settings.batch):
            fetched = await self._fetched(seen, fetcher.fetch(source, batch), None)
            reads = await self._recorder.read(seen, fetched)
            known = (await self._recorder.recall(seen, reads)).known
            await self._recorder.write(seen, None, [read for read in reads if read.message.identity in known])
            unknown += [read.fetched.uid for read in reads if read.message.identity not in known]
        return unknown


def _prefetch(
    fetcher: Fetcher, source: MessageSource, batches: Sequence[Sequence[int]]
) -> "asyncio.Task[Sequence[FetchedMessage]]":
    """Begin to fetch the first of these batches; nothing where there is none."""
    return asyncio.ensure_future(_fetch_first(fetcher, source, batches))


async def _fetch_first(
    fetcher: Fetcher, source: MessageSource, batches: Sequence[Sequence[int]]
) -> Sequence[FetchedMessage]:
    return await fetcher.fetch(source, batches[0]) if batches else ()


async def _abandon(task: "asyncio.Task[Sequence[FetchedMessage]]") -> None:
    """Let a prefetch that nobody waits for end, so that the connection is free; what it brings is fetched again."""
    await asyncio.gather(task, return_exceptions=True)
