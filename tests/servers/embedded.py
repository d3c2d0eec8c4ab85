"""The demo's embedded IMAP server (pymap), in a thread: for processes that connect to it."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from mailwatch.demo.post_office import PostOffice
from servers.mail_programs import MailPrograms

_PATIENCE = 10.0  # seconds


class Embedded(MailPrograms):
    """`ports`: IMAP. A context manager."""

    def __init__(self, users: Sequence[str] = ("marie",), password: str = "pw") -> None:
        self.password = password
        self._users = users
        self._connections = {}
        self._office = PostOffice(lambda: datetime.now(UTC), password)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._office.start(self._users))
        self.ports = {"IMAP": self._office.imap_port}
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _run(self, act: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(act, self._loop).result(_PATIENCE)

    async def _end(self) -> None:
        await self._office.close()
        talks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
