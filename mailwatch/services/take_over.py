"""Acknowledge what another mailbox was to acknowledge and hasn't by half of the limit.

One message to several watched mailboxes gets one acknowledgement, from the first of them that it names. Should that
one be disabled, broken or late, the next takes over; the unique cause in the outbox lets only one win.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mailwatch.domain.cursors import Sighting
from mailwatch.domain.decisions import decide
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import MailboxUnavailable, MailwatchError
from mailwatch.ports import Clock, FetchedMessage, Mailboxes, MessageSource, Store, Waiting
from mailwatch.services.judge import Circumstances, Judge, alone
from mailwatch.services.log import Log
from mailwatch.services.memory import Memory, find_traces
from mailwatch.services.narrate import about_absence
from mailwatch.services.roster import Roster

FETCH_TIMEOUT = 30.0  # seconds to wait for the mailbox that holds the message


class TakeOver:
    """The tick that looks for requests left to another mailbox."""

    def __init__(
        self, store: Store, judge: Judge, mailboxes: Sequence[Mailbox], sources: Mailboxes, clock: Clock, log: Log
    ) -> None:
        self._store = store
        self._judge = judge
        self._roster = Roster(mailboxes)
        self._sources = sources
        self._clock = clock
        self._log = log
        self._judged: set[tuple[int, Sighting]] = set()  # not to be acknowledged from here either: looked at once
        self.enqueued = asyncio.Event()

    async def tick(self) -> int:
        """Enqueue what was left undone; how many."""
        async with self._store.transaction() as tx:
            waiting = await tx.list_left_elsewhere()
            mailboxes = (await self._roster.read(tx)).mailboxes
        self._judged &= {(one.request_id, one.sighting) for one in waiting}
        taken = 0
        unreachable: set[str] = set()  # asked once a tick: each time costs the others FETCH_TIMEOUT
        for one in waiting:
            mailbox = mailboxes.get(one.mailbox)
            if mailbox is None or one.mailbox in unreachable or (one.request_id, one.sighting) in self._judged:
                continue
            if not self._sources.holds(one.mailbox):  # the worker that does looks, too
                continue
            try:
                taken += await self._take(one, mailbox)
                self._judged.add((one.request_id, one.sighting))
            except MailwatchError as error:
                if isinstance(error, MailboxUnavailable):
                    unreachable.add(one.mailbox)
                self._log.warning("take_over.failed", mailbox=one.mailbox, request=one.request_id, error=str(error))
            except Exception:  # one message that breaks the judging must not keep the others waiting
                self._judged.add((one.request_id, one.sighting))
                self._log.exception("take_over.failed", mailbox=one.mailbox, request=one.request_id)
        if taken:
            self.enqueued.set()
        return taken

    async def _take(self, waiting: Waiting, mailbox: Mailbox) -> bool:
        """Fetch the message again, judge it as if this were the only mailbox, enqueue its acknowledgement."""
        fetched = await self._sources.use(mailbox.address, lambda source: _fetch(source, waiting), FETCH_TIMEOUT)
        if fetched is None:
            return False
        read = self._judge.read(mailbox, fetched)
        own = frozenset(mailbox.organisation.people) | frozenset(mailbox.organisation.watched)
        async with self._store.transaction() as tx:
            enabled_at = await tx.keep_mailbox(mailbox.address)
            memory = Memory(await tx.find_past(mailbox.address, find_traces([read]), own))
        now = self._clock.now()
        history = self._judge.history(read, memory, _circumstances(waiting, mailbox, enabled_at, now))
        # Whatever led here counts, but for what is its own: the thread that it opened.
        is_own = history.thread is not None and history.thread.request.id == waiting.request_id
        history = replace(history, thread=None) if is_own else history
        decision = decide(read.message, alone(mailbox), history, fetched.received_at, now)
        if not decision.acknowledge or decision.opens is None:
            return False
        # What stands is announced, whatever absences have come to since the clock's due date was last worked out.
        decision = replace(decision, opens=replace(decision.opens, answer_due_at=waiting.answer_due_at))
        entry = self._judge.entries.acknowledgement(
            mailbox, read.message, read.recipient, decision, waiting.reference, not_before=now, now=now
        )
        about = about_absence(decision.tells) if decision.tells else {}
        async with self._store.transaction() as tx:
            return await tx.add_acknowledgement(waiting.request_id, entry, waiting.answer_due_at, about)


def _circumstances(waiting: Waiting, mailbox: Mailbox, enabled_at: datetime, now: datetime) -> Circumstances:
    sighting = waiting.sighting
    return Circumstances(
        mailbox=mailbox,
        folder=sighting.folder,
        uidvalidity=sighting.uidvalidity,
        is_junk=False,  # then it were no request
        enabled_at=enabled_at.replace(microsecond=0),
        now=now,
    )


async def _fetch(source: MessageSource, waiting: Waiting) -> FetchedMessage | None:
    state = await source.examine(waiting.sighting.folder)
    if state.uidvalidity != waiting.sighting.uidvalidity:
        return None
    found = await source.fetch([waiting.sighting.uid])
    return found[0] if found else None
