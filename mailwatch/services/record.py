"""Judge what was fetched and write it down, a batch and its cursor in one transaction.

    read ─→ find the past ─→ judge ─→ one transaction: cursor, messages, requests, answers, outbox, blocks, breaker

One message that can't be read is recorded all the same; one that the database refuses is quarantined.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from mailwatch.domain.cursors import Cursor, Sighting
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import TransientError
from mailwatch.ports import Clock, FetchedMessage, NewRecord, Store, Transaction
from mailwatch.services.answer import apply_held, apply_outgoing
from mailwatch.services.judge import Circumstances, Judge, Judged, human_senders, is_human
from mailwatch.services.log import Log
from mailwatch.services.memory import Memory, Read, find_traces
from mailwatch.services.progress import Occasional
from mailwatch.services.roster import Roster, Staffed
from mailwatch.services.share import belongs_here

BREATH = 16  # messages judged before the event loop gets its turn


class Recorder:
    """Writes what was received. `enqueued` is set whenever acknowledgements were put in the outbox; `progress`: whether
    the database takes what is written."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        clock: Clock,
        log: Log,
        *,
        breaker_count: int,
        breaker_per: timedelta,
        mailboxes: Sequence[Mailbox],
    ) -> None:
        self._store = store
        self._judge = judge
        self._clock = clock
        self._log = log
        self._breaker_count = breaker_count
        self._breaker_per = breaker_per
        self._roster = Roster(mailboxes)
        self.enqueued = asyncio.Event()
        self.progress = Occasional()

    async def read(self, seen: Circumstances, fetched: Sequence[FetchedMessage]) -> list[Read]:
        """Parse messages; one that can't be parsed is known by its bytes."""
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

    async def recall(self, seen: Circumstances, reads: Sequence[Read]) -> Memory:
        """The past as far as these messages need it."""
        return (await self._look_up(seen, reads))[0]

    async def _look_up(self, seen: Circumstances, reads: Sequence[Read]) -> tuple[Memory, Staffed]:
        """The past as far as these messages need it, and who is there."""
        organisation = seen.mailbox.organisation
        own = frozenset(organisation.people) | frozenset(organisation.watched)
        async with self._store.transaction() as tx:
            past = await tx.find_past(seen.mailbox.address, find_traces(reads), own)
            return Memory(past), await self._roster.read(tx)

    async def write(
        self, seen: Circumstances, cursor: Cursor | None, reads: Sequence[Read], *, moves: bool = True
    ) -> Cursor | None:
        """Judge and write messages, in several transactions where one refers to another before it; the cursor as it
        then stands. `cursor` None: there is none yet. `moves`: whether it moves to what is written.

        A batch that the database refuses goes one by one: one bad message must not hold up the others. One that fails
        alone is written without looking for its answers: an answer that isn't seen is better than a request that isn't.
        """
        size, answers = len(reads), True
        while reads:
            at_now = seen.at(self._clock.now())
            try:
                taken, cursor = await self._write_some(at_now, cursor, reads[:size], moves, answers=answers)
            except TransientError:
                raise
            except Exception:
                if size > 1:
                    size = 1
                    continue
                uid = reads[0].fetched.uid
                if answers:
                    self._log.exception("answers.unrecordable", mailbox=seen.mailbox.address, uid=uid)
                    answers = False
                    continue
                self._log.exception("message.unrecordable", mailbox=seen.mailbox.address, uid=uid)
                cursor = await self.quarantine(seen, cursor, uid, "could not be recorded", moves=moves)
                taken = 1
            reads, answers = reads[taken:], True
        return cursor

    async def quarantine(
        self, seen: Circumstances, cursor: Cursor | None, uid: int, why: str, *, moves: bool = True
    ) -> Cursor | None:
        """Write down that a message is there which a person must look at."""
        sighting = Sighting(folder=seen.folder, uidvalidity=seen.uidvalidity, uid=uid)
        record = NewRecord(sighting=sighting, received_at=seen.now, quarantined=why)
        async with self._store.transaction() as tx:
            cursor = await _advance(tx, cursor, uid if moves else 0)
            await tx.record(seen.mailbox.address, [record])
        self._log.warning("message.quarantined", mailbox=seen.mailbox.address, folder=seen.folder, uid=uid, reason=why)
        return cursor

    async def _write_some(
        self, seen: Circumstances, cursor: Cursor | None, reads: Sequence[Read], moves: bool, *, answers: bool
    ) -> tuple[int, Cursor | None]:
        """One transaction; how many messages it took. `answers`: whether to look for what answers them."""
        memory, staffed = await self._look_up(seen, reads)
        seen = replace(seen, mailbox=staffed.staff(seen.mailbox))
        taken, judged = await self._judge_some(seen, memory, reads)
        with self.progress.attempt():
            async with self._store.transaction() as tx:
                cursor = await _advance(tx, cursor, reads[taken - 1].fetched.uid if moves else 0)
                enqueued = await self._record(tx, seen, judged)
                records = [one.record for one in judged]
                answered = await self._see_answers(tx, seen, records, staffed) if answers else 0
        if answered:
            self._log.info("answers.seen", mailbox=seen.mailbox.address, count=answered)
        if enqueued:  # not before the commit: who is woken must find it
            self.enqueued.set()
        self._log.info("messages.recorded", mailbox=seen.mailbox.address, folder=seen.folder, count=len(judged))
        return taken, cursor

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

    async def _record(self, tx: Transaction, seen: Circumstances, judged: Sequence[Judged]) -> int:
        calendar = seen.mailbox.standard.calendar
        await tx.keep_calendar(calendar.digest, calendar.definition())
        await tx.unblock(human_senders(judged))
        enqueued = await tx.record(seen.mailbox.address, [one.record for one in judged])
        until = seen.now + seen.mailbox.acknowledgement.bounce_block
        for address in _dead_addresses(judged):
            await tx.block(address, "its acknowledgement bounced: no such address", until)
        if enqueued:
            await self._mind_breaker(tx)
        return enqueued

    async def _see_answers(
        self, tx: Transaction, seen: Circumstances, records: Sequence[NewRecord], staffed: Staffed
    ) -> int:
        """Apply copies of answers that arrived, and answers that were seen before the requests that arrived; how many.

        In the same transaction: an answer that is recorded, and not applied, would be lost.
        """
        mailboxes = {seen.mailbox.address: seen.mailbox, **staffed.mailboxes}
        copies = [one.outgoing for one in records if one.outgoing is not None and not one.is_known]
        answers = await apply_outgoing(tx, copies, mailboxes, seen.now)
        return answers + await apply_held(tx, records, mailboxes, seen.now)

    async def _mind_breaker(self, tx: Transaction) -> None:
        count = await tx.count_enqueued(tx.now - self._breaker_per)
        if count > self._breaker_count and await tx.find_switch("breaker") is None:
            why = f"{count} acknowledgements in {self._breaker_per}; `mailwatch resume` lets them go"
            await tx.switch_off("breaker", "mailwatch", why)
            self._log.warning("breaker.tripped", count=count)


async def _advance(tx: Transaction, cursor: Cursor | None, last_uid: int) -> Cursor | None:
    """Even a cursor that stays must stand where we think: else another worker is at the same messages."""
    return None if cursor is None else await tx.advance_cursor(cursor, max(cursor.last_uid, last_uid))


def _dead_addresses(judged: Sequence[Judged]) -> Sequence[str]:
    """Addresses that a bounce proved dead, and from which nobody wrote after it."""
    dead: dict[str, None] = {}
    for one in judged:
        if one.blocks:
            dead[one.blocks] = None
        elif is_human(one.record):
            dead.pop(one.record.sender, None)
    return list(dead)
