"""Read what comes into a folder that opens no requests: Sent folders, and folders that settle what is moved there.

Each folder has a cursor of its own, which moves in the transaction that records what it covers. At first sight Sent
folders are read as far back as a clock runs, others from there on. A message that can't be fetched, read or recorded
is passed over, and said so: it isn't a request.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mailwatch.domain.cursors import Cursor
from mailwatch.domain.messages import Message, parse_message
from mailwatch.errors import FolderMissing, MailboxUnavailable, TransientError
from mailwatch.ports import Clock, FetchedMessage, FolderState, MessageSource, Store, Transaction
from mailwatch.services.fetch import Fetcher, GivenUp
from mailwatch.services.log import Log

MOST_REREAD = 2_000  # messages that were there already, the newest: a migration gives all of them today's date
AGAIN = timedelta(hours=1)  # STATUS is believed that nothing came: some servers are slow to bring it up to date
BREATH = 16  # messages parsed before the event loop gets its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message that came into the folder, parsed."""

    fetched: FetchedMessage
    message: Message


class Reader(Protocol):
    """What is made of the messages of a folder. `rereads`: whether the last days are read, too, at first sight and when
    the server renumbers the folder; else only what comes from then on."""

    rereads: bool

    async def take(self, tx: Transaction, arrived: Sequence[Arrived]) -> int:
        """Record what they say, in the transaction that moves the cursor; how much that was."""
        ...

    def tell(self, count: int) -> None:
        """That much is recorded now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder of a mailbox."""

    mailbox: str
    folder: str


@dataclass(slots=True)
class _Memoir:
    """What this process remembers of a folder between looks; losing it loses nothing."""

    fetcher: Fetcher
    read: FolderState | None = None  # how the folder was when everything in it had been read
    read_at: datetime | None = None  # when that was so; None: EXAMINE is to be believed, and nothing else
    passed: set[int] = field(default_factory=set)  # given up


class FolderReader:
    """Reads folders by cursors."""

    def __init__(self, store: Store, clock: Clock, log: Log, *, batch: int, attempts: int, resync_days: int) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._batch = batch
        self._attempts = attempts
        self._resync_days = resync_days
        self._memoirs: dict[Place, _Memoir] = {}

    async def read(self, place: Place, source: MessageSource, reader: Reader) -> None:
        """Read what is new. Raises FolderMissing, MailboxUnavailable, StoreUnavailable, CursorMoved."""
        if await self._is_unchanged(place, source):
            return
        state = await source.examine(place.folder)
        if state.uidvalidity is None:
            raise FolderMissing(f"{place.folder}: the server tells no UIDVALIDITY")
        memoir = self._memoir(place, state.uidvalidity)
        if state.has_no_more_than(memoir.read):
            memoir.read_at = self._clock.now()
            return
        async with self._store.transaction() as tx:
            cursor = await tx.find_cursor(place.mailbox, place.folder)
        if cursor is None:
            cursor = await self._begin(place, memoir, state, source, reader)
        elif cursor.uidvalidity != state.uidvalidity:
            cursor = await self._resync(place, memoir, state, source, reader)
        else:
            uids = await source.list_uids(cursor.last_uid)
            cursor = await self._intake(place, cursor, memoir, uids, source, reader) or cursor
        if cursor.last_uid >= state.uidnext - 1:  # else it announces more than it lists: look again
            memoir.read, memoir.read_at = state, self._clock.now()

    async def _is_unchanged(self, place: Place, source: MessageSource) -> bool:
        """Asked first, where all was read once: the folder to idle on can stay examined meanwhile."""
        known = self.recall(place)
        if known is None:
            return False
        with self.doubted([place]):
            state = await source.status(place.folder)
        return state is not None and state.has_no_more_than(known)

    def recall(self, place: Place) -> FolderState | None:
        """How a folder was when everything in it had been read; None where STATUS isn't to be believed."""
        memoir = self._memoirs.get(place)
        if memoir is None or memoir.read_at is None:
            return None
        return memoir.read if timedelta(0) <= self._clock.now() - memoir.read_at < AGAIN else None

    @contextmanager
    def doubted(self, places: Sequence[Place]) -> Iterator[None]:
        """STATUS of these recalled folders is asked for: should it break the connection, EXAMINE is next."""
        memoirs = [self._memoirs[place] for place in places]
        read_at = [memoir.read_at for memoir in memoirs]
        for memoir in memoirs:
            memoir.read_at = None
        yield
        for memoir, at in zip(memoirs, read_at, strict=True):
            memoir.read_at = at

    def _memoir(self, place: Place, uidvalidity: int) -> _Memoir:
        memoir = self._memoirs.get(place)
        if memoir is None or memoir.fetcher.uidvalidity != uidvalidity:
            memoir = self._memoirs[place] = _Memoir(Fetcher(uidvalidity, self._attempts))
        return memoir

    async def _begin(
        self, place: Place, memoir: _Memoir, state: FolderState, source: MessageSource, reader: Reader
    ) -> Cursor:
        """First sight. What was there before us is read only as far back as a clock runs that it may have stopped:
        mail of before the first request is nobody's answer."""
        async with self._store.transaction() as tx:
            since = await tx.find_oldest_clock()
        if since is not None:
            await self._reread(place, memoir, since, state, source, reader)
        async with self._store.transaction() as tx:
            cursor = await _start(tx, place, state)
        self._log.info("folder.first_seen", mailbox=place.mailbox, folder=place.folder, exists=state.exists)
        return cursor

    async def _resync(
        self, place: Place, memoir: _Memoir, state: FolderState, source: MessageSource, reader: Reader
    ) -> Cursor:
        """A new UIDVALIDITY. What was recorded under the old one is known by its identity; the cursor comes last."""
        await self._reread(place, memoir, datetime.min.replace(tzinfo=UTC), state, source, reader)
        async with self._store.transaction() as tx:
            cursor = await _start(tx, place, state)
        self._log.warning("folder.resynced", mailbox=place.mailbox, folder=place.folder, reread=reader.rereads)
        return cursor

    async def _reread(
        self,
        place: Place,
        memoir: _Memoir,
        since: datetime,
        state: FolderState,
        source: MessageSource,
        reader: Reader,
    ) -> None:
        """Read what came since an instant, in the last days, where the reader reads things twice."""
        if not reader.rereads:
            return
        first = max(since, self._clock.now() - timedelta(days=self._resync_days)).date()
        uids = [uid for uid in await source.list_uids_since(first) if uid < state.uidnext]
        await self._intake(place, None, memoir, uids[-MOST_REREAD:], source, reader)

    async def _intake(
        self,
        place: Place,
        cursor: Cursor | None,
        memoir: _Memoir,
        uids: Sequence[int],
        source: MessageSource,
        reader: Reader,
    ) -> Cursor | None:
        """Read these messages, batch by batch; the cursor, if there is one, as it then stands."""
        wanted = [uid for uid in uids if uid not in memoir.passed]
        for batch in memoir.fetcher.batches(wanted, self._batch):
            try:
                fetched = await memoir.fetcher.fetch(source, batch)
            except GivenUp as given_up:
                memoir.passed.add(given_up.uid)
                await self._pass_over(place, cursor, given_up.uid, "could not be fetched")
                raise MailboxUnavailable(str(given_up)) from given_up
            if fetched:
                cursor = await self._record(place, cursor, await self._parse(place, fetched), reader)
                cursor = await self._move(cursor, fetched[-1].uid)
        return cursor

    async def _parse(self, place: Place, fetched: Sequence[FetchedMessage]) -> list[Arrived]:
        arrived = []
        for number, one in enumerate(fetched):
            try:
                arrived.append(Arrived(fetched=one, message=parse_message(one.head)))
            except Exception:
                self._log.exception("message.unreadable", mailbox=place.mailbox, uid=one.uid)
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
        return arrived

    async def _record(
        self, place: Place, cursor: Cursor | None, arrived: Sequence[Arrived], reader: Reader
    ) -> Cursor | None:
        """One transaction for all of them; where something refuses that, one for each."""
        size = len(arrived)
        while arrived:
            some = arrived[:size]
            try:
                async with self._store.transaction() as tx:
                    moved = await _advance(tx, cursor, some[-1].fetched.uid)
                    count = await reader.take(tx, some)
            except TransientError:
                raise
            except Exception:
                if size > 1:
                    size = 1
                    continue
                self._log.exception("message.unobservable", mailbox=place.mailbox, uid=some[0].fetched.uid)
                moved = await self._pass_over(place, cursor, some[0].fetched.uid, "could not be recorded")
                count = 0
            cursor = moved
            if count:
                reader.tell(count)
            arrived = arrived[len(some) :]
        return cursor

    async def _move(self, cursor: Cursor | None, uid: int) -> Cursor | None:
        """Past a batch's last message, should it have been unreadable."""
        if cursor is None or cursor.last_uid >= uid:
            return cursor
        async with self._store.transaction() as tx:
            return await tx.advance_cursor(cursor, uid)

    async def _pass_over(self, place: Place, cursor: Cursor | None, uid: int, why: str) -> Cursor | None:
        self._log.warning("message.passed_over", mailbox=place.mailbox, folder=place.folder, uid=uid, reason=why)
        return await self._move(cursor, uid)


async def _start(tx: Transaction, place: Place, state: FolderState) -> Cursor:
    return await tx.start_cursor(place.mailbox, place.folder, state.uidvalidity or 0, max(state.uidnext - 1, 0))


async def _advance(tx: Transaction, cursor: Cursor | None, uid: int) -> Cursor | None:
    """Even a cursor that stays must stand where we think: else another worker is at the same messages."""
    return None if cursor is None else await tx.advance_cursor(cursor, max(cursor.last_uid, uid))
