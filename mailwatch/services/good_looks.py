"""Write down which mailboxes were looked at well: many of them in one transaction.

A thousand mailboxes that hold nothing new would otherwise cost a thousand transactions, one a look. The first good look
is written at once, those that follow within seconds of it together. What a crash forgets of them is no promise: who
looks at the mailbox next says it again, and what came in between is known by its identity.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import islice

from mailwatch.errors import TransientError
from mailwatch.ports import Clock, Store
from mailwatch.services.log import Log

TOGETHER = 5.0  # seconds between two transactions, at most
OFTEN = 10  # times that they are written, at least, while a mailbox isn't yet told as silent
AT_ONCE = 200  # mailboxes in one


class GoodLooks:
    """Collects good looks, and writes them down. `silent_after`: how long without one is told, [alerts] after."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        log: Log,
        silent_after: timedelta = timedelta(minutes=15),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._together = min(TOGETHER, silent_after.total_seconds() / OFTEN)
        self._sleep = sleep
        self._pending: dict[str, datetime] = {}
        self._noted = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, mailbox: str) -> None:
        """A look at it has just ended well."""
        self._pending[mailbox] = self._clock.now()
        self._noted.set()

    async def forget(self, mailbox: str) -> None:
        """It is in trouble now. After this no earlier look says otherwise: none is pending, none being written."""
        async with self._writing:
            self._pending.pop(mailbox, None)

    async def write(self) -> None:
        """Write down what is pending. Raises StoreUnavailable; then it is pending still."""
        async with self._writing:
            while looked_at := dict(islice(self._pending.items(), AT_ONCE)):
                async with self._store.transaction() as tx:
                    await tx.note_progress(looked_at)
                for mailbox, instant in looked_at.items():
                    if self._pending[mailbox] == instant:  # else it was looked at again meanwhile
                        del self._pending[mailbox]

    async def run(self) -> None:
        """Write for as long as it is let."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            try:
                await self.write()
            except TransientError as error:
                self._noted.set()
                self._log.warning("progress.unwritten", mailboxes=len(self._pending), error=str(error))
            except Exception:  # a fault of ours must cost what is shown of looks, not the service
                self._log.exception("progress.unwritten", mailboxes=len(self._pending))
            await self._sleep(self._together)
