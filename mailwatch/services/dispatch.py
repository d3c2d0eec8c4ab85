"""Take due entries from the outbox, look once more whether they are still wanted, submit, record.

    claim → look again (state, \\Answered) → queue of the account → submit ─→ settle (one commit for all that wait)

A connection takes its next entry only when the outcome of its last one is on disk: a crash can cost at most one
extra copy for each open connection, with the same Message-ID. So can a process that is frozen and wakes up again: what
it had claimed before is given back, since another worker may have taken it (`ports.Presence`).

Only entries of mailboxes that this worker holds are claimed: their flags are read on the connection that is open
anyway. Digests and alerts, which are about no mailbox, go by whoever claims them first.
"""

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import ClaimedEntry, Outcome, OutcomeKind
from mailwatch.domain.requests import State
from mailwatch.domain.settlements import cancel, fail, give_back, is_urgent, put_off, settle
from mailwatch.errors import MailwatchError
from mailwatch.ports import Clock, Mailboxes, Mailer, Presence, Store
from mailwatch.services.accounts import SendingAccount
from mailwatch.services.flags import ANSWERED, find_answered
from mailwatch.services.log import Log
from mailwatch.services.settle import Settler

WAITING = timedelta(minutes=5)  # how long a claimed entry may wait for a connection; its lease adds a submission's time
CLAIMS_PER_CONNECTION = 64  # entries claimed ahead: enough to keep connections busy, few enough to give back
FRESH = timedelta(seconds=1)  # flags fetched so recently needn't be read again
FLAGS_TIMEOUT = 10.0  # seconds to wait for a mailbox's flags before its entries are put off
BUSY_WAIT = 1.0  # seconds between looks at the outbox while connections are at work: settling wakes us sooner
IDLE_WAIT = 30.0  # seconds between looks at the outbox when nothing wakes us
PAUSED_WAIT = 3.0  # seconds after `resume` until sending goes on: nothing but a look tells us
DECIDED = frozenset({State.ANSWERED, State.CLOSED, State.SET_ASIDE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """`connections` of [sending], for each account; `longest_submission`: what a mailer needs for one, at most."""

    connections: int = 4
    longest_submission: timedelta = timedelta(minutes=2)


class _ClaimLost(Exception):
    """The entry may be another worker's by now."""


class Dispatch:
    """Sends what is due, over every account at once. `wake` it after an enqueue."""

    def __init__(
        self,
        store: Store,
        mailers: Mapping[str, Mailer],
        mailboxes: Sequence[Mailbox],
        sources: Mailboxes,
        clock: Clock,
        settings: DispatchSettings,
        worker: str,
        log: Log,
        presence: Presence | None = None,
    ) -> None:
        self._store = store
        self._presence = presence
        self._mailboxes = {mailbox.address: mailbox for mailbox in mailboxes}
        self._unread = {mailbox.address for mailbox in mailboxes if not mailbox.observing.flags}
        self._sources = sources
        self._clock = clock
        self._settings = settings
        self._worker = worker
        self._log = log
        self._accounts = {
            name: SendingAccount(name, mailer, tuple(m.address for m in mailboxes if m.smtp == name), asyncio.Queue())
            for name, mailer in mailers.items()
        }
        self._tasks: asyncio.TaskGroup | None = None
        self._settler = Settler(store, worker, self._mailboxes, log, self._on_settled)
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._idle = asyncio.Event()
        self._ending = False

    def _on_settled(self) -> None:
        self._settled.set()
        self._wake.set()

    def wake(self) -> None:
        """Something may be due."""
        self._idle.clear()
        self._wake.set()

    def is_paused(self) -> bool:
        """Whether a person has paused sending, as last read."""
        return self._settler.is_paused

    async def until_idle(self) -> None:
        """Returns when nothing that may be sent now is left. Call `wake` first."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send until cancelled; what is claimed then is given back by `release`."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._claim_forever())
            tasks.create_task(self._settler.run())
            for account in self._accounts.values():
                for _ in range(self._settings.connections):
                    tasks.create_task(self._submit_forever(account))

    async def finish(self, within: float) -> None:
        """Claim nothing more, let submissions that have begun end, for at most `within` seconds."""
        self._ending = True
        try:
            async with asyncio.timeout(within):
                while any(account.in_hand for account in self._accounts.values()):
                    await self._settled.wait()
                    self._settled.clear()
        except TimeoutError:
            self._log.warning("outbox.unfinished", entries=sum(a.in_hand for a in self._accounts.values()))

    async def release(self) -> None:
        """Give back what this worker has claimed: at the start (what a crash left) and at the end."""
        async with self._store.transaction() as tx:
            released = await tx.release_entries(self._worker)
        if released:
            self._log.info("outbox.released", count=released)

    # --- claim ----------------------------------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        while True:
            self._wake.clear()
            try:
                claimed = await self._claim_some()
            except MailwatchError as error:
                self._log.warning("outbox.unavailable", error=str(error))
                claimed = False
            if claimed:
                continue
            if any(account.in_hand or account.is_probing for account in self._accounts.values()):
                await self._wait_for_wake(BUSY_WAIT)
                continue
            if not self._wake.is_set():
                self._idle.set()
            await self._wait_for_due()

    async def _claim_some(self) -> bool:
        """Claim what the accounts can take now; whether there was anything."""
        now = self._clock.now()
        self._probe_stopped(now)
        return any([await self._claim_for(a) for a in self._accounts.values() if a.is_usable(now)])

    async def _claim_for(self, account: SendingAccount) -> bool:
        most = self._settings.connections * CLAIMS_PER_CONNECTION
        room = most - account.in_hand
        term = self._term()
        if room < most / 2 or self._ending or term is None:
            return False
        lease = WAITING + self._settings.longest_submission
        async with self._store.transaction() as tx:
            self._settler.is_paused = await tx.find_switch("sending") is not None
            claimed = await tx.claim_entries(self._worker, room, lease, self._held(account), account.name)
        by_mailbox: dict[str, list[ClaimedEntry]] = defaultdict(list)
        for entry in self._settler.take(account, claimed):
            by_mailbox[entry.mailbox].append(entry)
        if self._tasks is not None:  # each mailbox on its own: a slow one holds up nobody
            for address, some in by_mailbox.items():
                self._tasks.create_task(self._look_again(account, address, some, term))
        return bool(claimed)

    def _term(self) -> int | None:
        """See `ports.Presence`; without one, no other worker takes over from us."""
        return self._presence.term() if self._presence else 0

    def _held(self, account: SendingAccount) -> list[str]:
        """The account's mailboxes that this worker holds now."""
        return [mailbox for mailbox in account.mailboxes if self._sources.holds(mailbox)]

    async def _wait_for_due(self) -> None:
        """Sleep until something is due, something wakes us, or a while has passed."""
        try:
            async with self._store.transaction() as tx:
                held = [mailbox for account in self._accounts.values() for mailbox in self._held(account)]
                due_at = await tx.next_due_at(held, list(self._accounts))
        except MailwatchError:
            due_at = None
        wait = PAUSED_WAIT if self._settler.is_paused else IDLE_WAIT
        if due_at is not None and not self._settler.is_paused:
            wait = min(max((due_at - self._clock.now()).total_seconds(), 0.05), IDLE_WAIT)
            if wait <= 0.05:  # due, and yet not claimable: switched off, or no room
                wait = 1.0
        await self._wait_for_wake(wait)

    async def _wait_for_wake(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    # --- look again -----------------------------------------------------------------------------------------------

    async def _look_again(
        self, account: SendingAccount, mailbox: str, entries: Sequence[ClaimedEntry], term: int
    ) -> None:
        """Cancel what a person has settled meanwhile, put off what can't be known, queue the rest.

        What can't be known because another worker holds the mailbox by now is given back: that one knows. Digests and
        alerts are sent for no mailbox (""), and about no message that a person could have answered.
        """
        now = self._clock.now()
        wanted = []
        for entry in entries:
            if entry.request_state in DECIDED:
                await self._settler.settle(entry, cancel(entry, now, f"the request is {entry.request_state}"))
            elif entry.give_up_at <= now:
                await self._settler.settle(entry, fail(entry, now, "its time had passed before it could be sent"))
            else:
                wanted.append(entry)
        is_read = mailbox not in self._unread
        stale = [e for e in wanted if is_read and e.enqueued_at + FRESH < now and e.sightings]
        answered = await self._read_answered(mailbox, stale)
        for entry in wanted:
            if answered is None and entry in stale and not self._sources.holds(mailbox):
                await self._settler.settle(entry, give_back(entry, now))
            elif answered is None and entry in stale and not is_urgent(entry, now):
                await self._settler.settle(entry, put_off(entry, now, "the mailbox can't be read for \\Answered"))
            elif answered and entry.id in answered:
                await self._settler.settle(entry, cancel(entry, now, "answered by a person", ANSWERED))
            else:
                await account.queue.put((entry, term))

    async def _read_answered(self, mailbox: str, entries: Sequence[ClaimedEntry]) -> set[int] | None:
        """Ids of the entries whose message carries \\Answered by now; None when that can't be read."""
        if not entries:
            return set()
        try:
            return await self._sources.use(mailbox, partial(find_answered, entries=entries), FLAGS_TIMEOUT)
        except MailwatchError as error:
            self._log.warning("flags.unreadable", mailbox=mailbox, error=str(error))
            return None

    # --- submit ---------------------------------------------------------------------------------------------------

    async def _submit_forever(self, account: SendingAccount) -> None:
        """One connection's work. While an outcome is being written, the next message is announced, but not sent."""
        recorded: asyncio.Future[None] | None = None
        while True:
            entry, term = await account.queue.get()
            now = self._clock.now()
            if (
                self._ending
                or self._term() != term
                or self._settler.is_paused
                or not account.is_usable(now)
                or entry.claimed_until - self._settings.longest_submission <= now
            ):
                await self._settler.settle(entry, give_back(entry, now))
                continue
            try:
                outcome = await self._submit(account, entry, term, recorded)
            except _ClaimLost:
                await self._settler.settle(entry, give_back(entry, self._clock.now()))
                continue
            now = self._clock.now()
            settlement = settle(entry, outcome, now, random.random())
            account.mind(outcome, now, self._log)
            recorded = self._settler.put_down(entry, settlement, outcome)

    async def _submit(
        self, account: SendingAccount, entry: ClaimedEntry, term: int, recorded: asyncio.Future[None] | None
    ) -> Outcome:
        on_its_way = False

        async def ready() -> None:
            """The connection's last outcome is on disk: only now may the next message leave, if it is ours still."""
            nonlocal on_its_way
            if recorded is not None:
                await recorded
            if self._term() != term:
                raise _ClaimLost
            on_its_way = True
            self._settler.on_their_way += 1

        try:
            return await account.mailer.submit(entry.envelope, entry.body, ready)
        except _ClaimLost:
            raise
        except Exception as fault:  # a fault of ours: it may or may not be out, and must not stop the other entries
            self._log.exception("submission.failed", mailbox=entry.mailbox, entry=entry.id)
            return Outcome(kind=OutcomeKind.UNCERTAIN, text=f"the submission broke off: {type(fault).__name__}")
        finally:
            self._settler.on_their_way -= on_its_way

    def _probe_stopped(self, now: datetime) -> None:
        """Each by itself: a server that doesn't answer holds up no other account's mail."""
        for account in self._accounts.values():
            if self._tasks is not None and account.is_to_be_probed(now):
                account.stopped_at, account.is_probing = now, True
                self._tasks.create_task(self._probe(account))

    async def _probe(self, account: SendingAccount) -> None:
        try:
            outcome = await account.mailer.probe()
            if outcome.kind is OutcomeKind.SENT:
                account.stopped_at = None
                async with self._store.transaction() as tx:
                    await tx.switch_on(f"account:{account.name}")
                self._log.info("account.resumed", account=account.name)
        except MailwatchError as error:  # then the switch goes with the first message that is sent
            self._log.warning("outbox.unavailable", error=str(error))
        finally:
            account.is_probing = False
            self._wake.set()
