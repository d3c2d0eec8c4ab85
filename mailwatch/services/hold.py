"""Hold a share of the mailboxes beside other workers, renew it, give some away, take over what others have lost.

    renew → who is there, what is free → plan (domain/shares.py) → release, claim, beat ─→ watch what is held
    └─────────────────────────── one transaction, by the database's clock ────────────┘

A worker that can't renew in time stops watching before its leases end, by a clock of its own that goes on while the
process is frozen. Until it renews again, it isn't sure of its presence, and submits nothing.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from mailwatch.domain.shares import LEASE, Bundle, Plan, Roll, plan
from mailwatch.errors import MailwatchError
from mailwatch.ports import Store, Transaction
from mailwatch.services.log import Log
from mailwatch.services.progress import Progress

BEAT_EVERY = 10.0  # seconds
RENEW_EVERY = 4.0  # seconds
HURRY = 1.0  # seconds until the next attempt where one has failed, or somebody else was at the same
GUARD_EVERY = 1.0  # seconds
RELEASING = 1.0  # seconds that the end of the service waits for it
MARGIN = 3.0  # seconds before its leases end at which a worker that couldn't renew them lets go


class Alone:
    """`ports.Presence` of the one worker of an embedded database: it holds everything, and says that it is there."""

    def __init__(self, store: Store, worker: str, facts: Callable[[], Mapping[str, object]], log: Log) -> None:
        self._store = store
        self._worker = worker
        self._facts = facts
        self._log = log
        self.changed = asyncio.Event()
        self.beats = Progress()

    def term(self) -> int:
        """One, for good."""
        return 0

    async def begin(self) -> None:
        """Say so for the first time."""
        await self.beat()

    async def run(self) -> None:
        """Say so until cancelled: `status --health` reads it."""
        while True:
            await asyncio.sleep(BEAT_EVERY)
            await self.beat()

    async def release(self) -> None:
        """There is nobody to give anything to."""

    async def leave(self) -> None:
        """What it had in hand is its own when it comes back."""

    async def beat(self) -> None:
        """Say so now."""
        try:
            with self.beats.attempt():
                async with self._store.transaction() as tx:
                    await tx.beat(self._worker, self._facts())
        except MailwatchError as error:
            self._log.warning("beat.missed", error=str(error))


class Hold:
    """`ports.Presence` of one of several workers, and the keeper of its leases.

    watch    called with the mailboxes to watch whenever they change: exactly these, from now on
    elapsed  seconds, those included in which the process was frozen
    changed  set when there may be something to send that others have left
    """

    def __init__(
        self,
        store: Store,
        bundles: Sequence[Bundle],
        worker: str,
        facts: Callable[[], Mapping[str, object]],
        watch: Callable[[frozenset[str]], None],
        elapsed: Callable[[], float],
        log: Log,
        lease: timedelta = LEASE,
    ) -> None:
        self._store = store
        self._bundles = bundles
        self._mailboxes = frozenset(mailbox for bundle in bundles for mailbox in bundle)
        self._worker = worker
        self._facts = facts
        self._watches = hashlib.sha256(repr(bundles).encode()).hexdigest()[:16]
        self._watch = watch
        self._elapsed = elapsed
        self._log = log
        self._lease = lease
        self.changed = asyncio.Event()
        self.beats = Progress()
        self._held: Mapping[str, int] = {}
        self._agreed: Mapping[str, int] = {}  # what the last round left, if it is known to have been committed
        self._others: frozenset[str] = frozenset()
        self._term = 0
        self._sure_until = 0.0  # by `elapsed`
        self._is_ending = False
        self._turn = asyncio.Lock()  # one round at a time

    def term(self) -> int | None:
        """See `ports.Presence`."""
        return self._term if self._elapsed() < self._sure_until else None

    async def begin(self) -> None:
        """The first round. Raises StoreUnavailable."""
        async with self._store.transaction() as tx:
            await tx.keep_leases(self._mailboxes)
        await self.renew()

    async def beat(self) -> None:
        """Say now that this worker is there."""
        try:
            await self.renew()
        except MailwatchError as error:
            self._log.warning("beat.missed", error=str(error))

    async def run(self) -> None:
        """Renew and share until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew_forever())
            tasks.create_task(self._guard_forever())

    async def release(self) -> None:
        """Let others have everything at once; this worker stays there to end what it has in hand."""
        self._is_ending = True
        try:
            async with asyncio.timeout(RELEASING):
                await self.renew()
        except (MailwatchError, TimeoutError) as error:  # then they end by themselves
            self._log.warning("leases.unrenewed", error=str(error) or "no answer in time")

    async def leave(self) -> None:
        """This worker isn't there any more."""
        async with self._store.transaction() as tx:
            await tx.leave(self._worker)

    # --- one round ------------------------------------------------------------------------------------------------

    async def renew(self) -> bool:
        """One round; whether the next one should come soon. Raises StoreUnavailable."""
        async with self._turn:
            begun = self._elapsed()
            with self.beats.attempt():
                async with self._store.transaction() as tx:
                    held, todo, others = await self._share(tx)
            self._agreed = held
            self._extend(begun)
            if self.term() is not None:  # else it took so long that all this is over by now
                self._note(held, todo.release)
                self._note_others(others)
            return todo.has_to_wait

    async def _share(self, tx: Transaction) -> tuple[Mapping[str, int], Plan, frozenset[str]]:
        """What is held now, mailbox → fence, what was done for it, and who else is there."""
        agreed, self._agreed = self._agreed, {}
        mine = await tx.renew_leases(self._worker, self._lease, agreed)
        workers = await tx.list_workers(self._watches)
        if workers.silent - {self._worker}:
            await tx.cut_off_others(self._worker)
        holders = {**workers.holders, self._worker: len(mine)}
        free = await tx.lock_free_leases(self._mailboxes - mine.keys())
        todo = self._plan(Roll(worker=self._worker, holders=holders, mine=frozenset(mine), free=free))
        await tx.release_leases(self._worker, todo.release)
        claimed = await tx.claim_leases(self._worker, todo.claim, self._lease)
        held = {mailbox: fence for mailbox, fence in {**mine, **claimed}.items() if mailbox not in todo.release}
        await tx.beat(self._worker, {**self._facts(), "mailboxes": len(held), "watches": self._shared_in()})
        return held, todo, frozenset(holders) - {self._worker}

    def _plan(self, roll: Roll) -> Plan:
        return Plan(release=roll.mine) if self._is_ending else plan(self._bundles, roll)

    def _shared_in(self) -> str:
        """What makes others count on this worker; one that ends has no share any more."""
        return "" if self._is_ending else self._watches

    def _extend(self, begun: float) -> None:
        """The leases were renewed later than `begun`: what they end by here is earlier than what others go by."""
        if self.term() is None:
            self._let_go()
        self._sure_until = begun + self._lease.total_seconds() - MARGIN

    def _note(self, held: Mapping[str, int], released: frozenset[str]) -> None:
        """Watch what is held. A lease with another fence was somebody else's meanwhile: all begins anew there."""
        before, self._held = self._held, held
        kept = {mailbox for mailbox, fence in before.items() if held.get(mailbox) == fence}
        if len(kept) < len(before):
            self._watch(frozenset(kept))
        if len(kept) < len(held):
            self._watch(frozenset(held))
        self._tell("mailboxes.taken", held.keys() - kept)
        self._tell("mailboxes.released", released & before.keys())
        if lost := before.keys() - kept - released:
            self._tell_lost(lost)
        if held.keys() - kept:
            self.changed.set()

    def _note_others(self, others: frozenset[str]) -> None:
        """Somebody who is gone may have left more than mailboxes: entries that it had claimed."""
        if self._others - others:
            self.changed.set()
        self._others = others

    # --- time -----------------------------------------------------------------------------------------------------

    async def _renew_forever(self) -> None:
        pause = RENEW_EVERY
        while True:
            await asyncio.sleep(pause)
            try:
                pause = HURRY if await self.renew() else RENEW_EVERY
            except MailwatchError as error:
                self._log.warning("leases.unrenewed", error=str(error))
                pause = HURRY

    async def _guard_forever(self) -> None:
        """Apart from renewing, which may hang for as long as a database that has fallen silent."""
        while True:
            await asyncio.sleep(GUARD_EVERY)
            if self._held and self.term() is None:
                self._let_go()

    def _let_go(self) -> None:
        """Others may have everything by now."""
        lost, self._held = self._held, {}
        self._term += 1
        if lost:
            self._watch(frozenset())
            self._tell_lost(lost)

    def _tell_lost(self, mailboxes: Iterable[str]) -> None:
        self._log.warning("mailboxes.lost", mailboxes=sorted(mailboxes), worker=self._worker)

    def _tell(self, event: str, mailboxes: Iterable[str]) -> None:
        if names := sorted(mailboxes):
            self._log.info(event, mailboxes=names, worker=self._worker)
