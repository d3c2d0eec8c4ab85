"""All watchers of a process: one for each mailbox, started and stopped as its worker comes to hold the mailbox."""

import asyncio
from collections.abc import Collection, Sequence
from random import Random, SystemRandom

from mailwatch.errors import MailboxUnavailable
from mailwatch.imap.gates import Gates
from mailwatch.imap.pool import ImapPool
from mailwatch.imap.watcher import Act, Sleep, T, Watched, Watcher
from mailwatch.ports import Clock


class Watchers:
    """The watchers of all mailboxes, their threads and their limits: `ports.Mailboxes`. No mailbox's failure stops
    another. All are watched, until `hold` says which."""

    def __init__(
        self,
        watched: Sequence[Watched],
        *,
        clock: Clock,
        random: Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._pool = ImapPool()
        servers = {one.account.server for one in watched}
        lanes = {server: self._pool.lane(len(servers)) for server in servers}
        self._accounts = {one.mailbox: one.account for one in watched}
        self._gates = Gates(list(self._accounts.values()))
        random = random or SystemRandom()  # one for all: each holds 2.5 KiB of a state that it doesn't use
        self.by_mailbox = {
            one.mailbox: Watcher(one, lanes[one.account.server], clock, random, sleep) for one in watched
        }
        self._held = frozenset(self.by_mailbox)
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, set[asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Watch what is held until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self.hold(self._held)
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._pool.close()

    def hold(self, mailboxes: Collection[str]) -> None:
        """Watch these from now on, and no others: whose connections are closed at once.

        One that stayed connected, and may only visit now that there are more, makes room for them.
        """
        self._held = frozenset(mailboxes)
        held = [mailbox for mailbox in self.by_mailbox if mailbox in self._held]
        places = self._gates.assign_places([self._accounts[mailbox] for mailbox in held])
        staying = {mailbox for mailbox, place in zip(held, places, strict=True) if place.may_stay}
        for mailbox in [*self._running]:
            if mailbox not in self._held or (self.by_mailbox[mailbox].place.may_stay and mailbox not in staying):
                self._stop(mailbox)
        for mailbox, place in zip(held, places, strict=True):
            self.by_mailbox[mailbox].place = place
            if self._group is not None and mailbox not in self._running:
                self._running[mailbox] = self._group.create_task(self._watch(mailbox))

    def _stop(self, mailbox: str) -> None:
        task = self._running.pop(mailbox)
        self._ending[mailbox] = {task, *self._list_ending(mailbox)}
        self.by_mailbox[mailbox].disconnect()
        task.cancel()

    async def _watch(self, mailbox: str) -> None:
        """One run at a time: an earlier one may still wait for the database to take back what it had begun."""
        if before := self._list_ending(mailbox):
            await asyncio.wait(before)
        await self.by_mailbox[mailbox].run()

    def _list_ending(self, mailbox: str) -> list[asyncio.Task[None]]:
        return [task for task in self._ending.get(mailbox, ()) if not task.done()]

    def holds(self, mailbox: str) -> bool:
        """Whether the mailbox is watched here, now."""
        return mailbox in self._held

    async def use(self, mailbox: str, act: Act[T], timeout: float) -> T:  # as the port has it
        """Run `act` on a mailbox's connection between two idles. Raises MailboxUnavailable after `timeout` seconds, and
        at once for a mailbox that isn't watched here."""
        if mailbox not in self._held:
            raise MailboxUnavailable(f"{mailbox} isn't watched here")
        return await self.by_mailbox[mailbox].use(act, timeout)

    async def all_ready(self) -> None:
        """Until every watcher has waited for news at least once."""
        await asyncio.gather(*(self.by_mailbox[mailbox].ready.wait() for mailbox in self._held))
