"""Acknowledge what another mailbox was to acknowledge and hasn't by half of the limit.

One message to several watched mailboxes gets one acknowledgement, from the first of them that it names. Should that
one be disabled, broken or late, the next takes over; the unique cause in the outbox lets only one win.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from mailwatch.domain.classification import History
from mailwatch.domain.decisions import decide
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import MailwatchError
from mailwatch.ports import Clock, FetchedMessage, Mailboxes, MessageSource, Store, Waiting
from mailwatch.services.judge import Judge
from mailwatch.services.log import Log

FETCH_TIMEOUT = 30.0  # seconds to wait for the mailbox that holds the message


class TakeOver:
    """The tick that looks for requests left to another mailbox."""

    def __init__(
        self, store: Store, judge: Judge, mailboxes: Sequence[Mailbox], sources: Mailboxes, clock: Clock, log: Log
    ) -> None:
        self._store = store
        self._judge = judge
        self._mailboxes = {mailbox.address: mailbox for mailbox in mailboxes}
        self._sources = sources
        self._clock = clock
        self._log = log
        self.enqueued = asyncio.Event()

    async def tick(self) -> int:
        """Enqueue what was left undone; how many."""
        async with self._store.transaction() as tx:
            waiting = await tx.list_left_elsewhere()
        taken = 0
        for one in waiting:
            mailbox = self._mailboxes.get(one.mailbox)
            if mailbox is None:
                continue
            try:
                taken += await self._take(one, mailbox)
            except MailwatchError as error:
                self._log.warning("take_over.failed", mailbox=one.mailbox, request=one.request_id, error=str(error))
        if taken:
            self.enqueued.set()
        return taken

    async def _take(self, waiting: Waiting, mailbox: Mailbox) -> bool:
        """Fetch the message again, judge it as if this were the only mailbox, enqueue its acknowledgement."""
        fetched = await self._sources.use(mailbox.address, lambda source: _fetch(source, waiting), FETCH_TIMEOUT)
        if fetched is None:
            return False
        read = self._judge.read(mailbox, fetched)
        now = self._clock.now()
        alone = replace(mailbox.organisation, watched=dict.fromkeys(mailbox.own_addresses, mailbox.address))
        decision = decide(read.message, replace(mailbox, organisation=alone), History(), fetched.received_at, now)
        if not decision.acknowledge:
            return False
        entry = self._judge.acknowledgement(
            mailbox, read.message, read.recipient, decision, waiting.reference, not_before=now, now=now
        )
        async with self._store.transaction() as tx:
            return await tx.add_acknowledgement(waiting.request_id, entry)


async def _fetch(source: MessageSource, waiting: Waiting) -> FetchedMessage | None:
    state = await source.examine(waiting.sighting.folder)
    if state.uidvalidity != waiting.sighting.uidvalidity:
        return None
    found = await source.fetch([waiting.sighting.uid])
    return found[0] if found else None
