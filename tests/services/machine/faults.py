"""A world that breaks at counted places: every call of a source, every begin and commit of a transaction.

What is counted fails again when the example is played again.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.world import Folder, Source

from mailwatch.errors import CursorMoved, MailboxUnavailable, StoreUnavailable
from mailwatch.ports import FetchedMessage, FolderState
from mailwatch.store.store import SqlStore, SqlTransaction

FAULTS = ("cancel", "store gone", "store overtaken", "source gone")


class Faults:
    """One fault, at the n-th place from now that it may strike."""

    def __init__(self) -> None:
        self.countdown = 0
        self.kind = ""
        self.victim: asyncio.Task[Any] | None = None

    def strike(self, kind: str, countdown: int) -> None:
        """Arm it; a countdown of 0 disarms it."""
        self.kind, self.countdown = kind, countdown

    async def pass_by(self, place: str) -> None:
        """Something is about to be done there."""
        if not self.countdown or (self.kind != "cancel" and not place.startswith(self.kind.partition(" ")[0])):
            return
        self.countdown -= 1
        if self.countdown:
            return
        if self.kind == "cancel" and self.victim is not None:
            self.victim.cancel()
            await asyncio.sleep(0)
        elif self.kind == "store gone":
            raise StoreUnavailable("gone")
        elif self.kind == "store overtaken":
            raise CursorMoved("another worker was first")
        elif self.kind == "source gone":
            raise MailboxUnavailable("the connection broke")


class FragileStore(SqlStore):
    """A store whose transactions fail before they begin, before they commit, or right after: "was it written?" """

    faults: Faults

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        await self.faults.pass_by("store begin")
        async with self.database.write() as connection:
            yield SqlTransaction(connection, self._clock.now())
            await self.faults.pass_by("store commit")
        await self.faults.pass_by("store committed")


class FragileSource(Source):
    """A connection that breaks between any two commands."""

    def __init__(self, folders: Mapping[str, Folder], faults: Faults) -> None:
        super().__init__(folders)
        self.faults = faults

    async def examine(self, folder: str) -> FolderState:
        await self.faults.pass_by("source")
        return await super().examine(folder)

    async def status(self, folder: str) -> FolderState | None:
        await self.faults.pass_by("source")
        return await super().status(folder)

    async def list_uids(self, after: int) -> Sequence[int]:
        await self.faults.pass_by("source")
        return await super().list_uids(after)

    async def list_uids_since(self, day: date) -> Sequence[int]:
        await self.faults.pass_by("source")
        return await super().list_uids_since(day)

    async def fetch(self, uids: Sequence[int]) -> Sequence[FetchedMessage]:
        await self.faults.pass_by("source")
        found = await super().fetch(uids)
        await self.faults.pass_by("source")
        return found

    async def fetch_flags(self, uids: Sequence[int], changed_since: int | None = None) -> Mapping[int, frozenset[str]]:
        await self.faults.pass_by("source")
        return await super().fetch_flags(uids, changed_since)

    async def list_sent_folders(self) -> Sequence[str]:
        await self.faults.pass_by("source")
        return await super().list_sent_folders()


@dataclass
class Notes:
    """A log that is read. `mishaps`: what was logged with a traceback, which nothing that happens here explains."""

    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)

    def info(self, event: str, **facts: object) -> None:
        self.told.append((event, facts))

    def warning(self, event: str, **facts: object) -> None:
        self.told.append((event, facts))

    def exception(self, event: str, **facts: object) -> None:
        fault = sys.exc_info()[1]
        if not isinstance(fault, StoreUnavailable | CursorMoved | MailboxUnavailable):
            self.mishaps.append(f"{event} {facts}: {fault!r}")

    def values(self, event: str, fact: str) -> list[object]:
        """One fact of each event of a name, in order."""
        return [facts[fact] for name, facts in self.told if name == event]

    def has(self, event: str) -> bool:
        """Whether it was ever said."""
        return any(name == event for name, _ in self.told)
