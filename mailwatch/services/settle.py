"""Write down what became of outbox entries: one commit for all outcomes that wait.

Whoever put an outcome down learns when it is on disk. A commit is tried until the database takes it: what was sent
must be known as sent.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mailwatch.domain.decisions import NO_SUCH_ADDRESS
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import ClaimedEntry, Outcome, OutcomeKind, Settlement
from mailwatch.errors import MailwatchError
from mailwatch.ports import Store, Transaction
from mailwatch.services.accounts import SendingAccount
from mailwatch.services.log import Log

SWITCH_EVERY = 0.25  # seconds: how soon `pause` holds up what is claimed already
GATHERING = 0.01  # seconds that an outcome waits for others to share its commit with
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds between attempts at a commit


@dataclass(frozen=True, slots=True)
class _Unsettled:
    """An outcome that waits for its commit."""

    settlement: Settlement
    outcome: Outcome | None  # None: it was not submitted
    entry: ClaimedEntry
    done: "asyncio.Future[None]"


class Settler:
    """Settles what this worker has claimed. `on_settled` is called after each commit.

    on_their_way  messages that are leaving right now: their outcomes are worth waiting for
    is_paused     `mailwatch pause` is in force, as last read
    """

    def __init__(
        self,
        store: Store,
        worker: str,
        mailboxes: Mapping[str, Mailbox],
        log: Log,
        on_settled: Callable[[], None],
    ) -> None:
        self._store = store
        self._worker = worker
        self._mailboxes = mailboxes
        self._log = log
        self._on_settled = on_settled
        self._waiting: list[_Unsettled] = []
        self._arrived = asyncio.Event()
        self._in_hand: dict[int, SendingAccount] = {}  # entries claimed and not settled, with whose they are
        self._switch_read_at = 0.0  # the event loop's time
        self.on_their_way = 0
        self.is_paused = False

    def take(self, account: SendingAccount, claimed: Sequence[ClaimedEntry]) -> Sequence[ClaimedEntry]:
        """Those of the claimed entries that are new to us: they are in hand from now on.

        Where the database was gone for longer than a lease, what we submitted, and couldn't write down, comes again.
        """
        entries = [entry for entry in claimed if entry.id not in self._in_hand]
        self._in_hand.update((entry.id, account) for entry in entries)
        account.in_hand += len(entries)
        return entries

    async def settle(self, entry: ClaimedEntry, settlement: Settlement) -> None:
        """Settle an entry that was not submitted; returns when that is on disk."""
        await self.put_down(entry, settlement)

    def put_down(
        self, entry: ClaimedEntry, settlement: Settlement, outcome: Outcome | None = None
    ) -> asyncio.Future[None]:
        """Have a settlement written; done when it is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Unsettled(settlement, outcome, entry, done))
        self._arrived.set()
        return done

    async def run(self) -> None:
        """Settle until cancelled."""
        while True:
            await self._arrived.wait()
            await self._gather()
            self._arrived.clear()
            batch, self._waiting = self._waiting, []
            await self._commit(batch)
            for one in batch:
                self._in_hand.pop(one.entry.id).in_hand -= 1
                if not one.done.done():
                    one.done.set_result(None)
            self._on_settled()

    async def _gather(self) -> None:
        """A commit costs as much for one outcome as for all connections': wait a moment for those on their way."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHERING):
                while self.on_their_way:
                    self._arrived.clear()
                    await self._arrived.wait()

    async def _commit(self, batch: Sequence[_Unsettled]) -> None:
        pause = FIRST_PAUSE
        while batch:
            try:
                async with self._store.transaction() as tx:
                    await self._write(tx, batch)
                break
            except MailwatchError as error:
                self._log.warning("outbox.unavailable", error=str(error), unsettled=len(batch))
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        for one in batch:
            self._note(one)

    def _note(self, one: _Unsettled) -> None:
        account = self._in_hand[one.entry.id]
        if one.outcome is not None:
            account.note_recorded(one.outcome)
        about = {"mailbox": one.entry.mailbox, "request": one.entry.reference}
        self._log.info(
            f"{one.entry.kind}.{one.settlement.state}",
            **(about if one.entry.mailbox else {"account": account.name}),
            entry=one.entry.id,
            attempt=one.entry.attempts,
            reason=one.settlement.reason,
        )

    async def _write(self, tx: Transaction, batch: Sequence[_Unsettled]) -> None:
        await tx.settle_entries(self._worker, [one.settlement for one in batch])
        now = asyncio.get_running_loop().time()
        if now - self._switch_read_at > SWITCH_EVERY:
            self.is_paused = await tx.find_switch("sending") is not None
            self._switch_read_at = now
        for one in batch:
            if one.outcome is not None:
                await self._write_consequences(tx, one.entry, one.outcome)

    async def _write_consequences(self, tx: Transaction, entry: ClaimedEntry, outcome: Outcome) -> None:
        """What an outcome says of the address and of the account.

        Only requesters' addresses are blocked: those of digests and alerts stand in the configuration.
        """
        account = self._in_hand[entry.id]
        if outcome.kind is OutcomeKind.SENT and account.stopped_at is None and not account.is_proven:
            await tx.switch_on(f"account:{account.name}")  # a restart with the right password ends the trouble
        mailbox = self._mailboxes.get(entry.mailbox)
        if mailbox and outcome.kind is OutcomeKind.FAILED and outcome.enhanced in NO_SUCH_ADDRESS:
            until = tx.now + mailbox.acknowledgement.bounce_block
            await tx.block(entry.envelope.recipient, f"refused: {outcome.enhanced}", until)
        if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:
            await tx.switch_off(f"account:{account.name}", "mailwatch", f"{outcome.code} {outcome.text}")
