"""Fetch messages of one folder in batches, and find out which of them can't be had.

A batch that fails is fetched again one by one. A message that fails alone, attempt after attempt, is given up; but only
where the server gave another one just before: in an outage every message fails, and none of them is at fault.
"""

from collections.abc import Sequence

from mailwatch.errors import MailboxUnavailable
from mailwatch.ports import FetchedMessage, MessageSource

PATIENCE = 10  # times as many attempts where the folder holds no other message that could prove the server well


class GivenUp(MailboxUnavailable):
    """This message can't be fetched. `uid` is its UID; the connection is closed all the same."""

    def __init__(self, uid: int, text: str) -> None:
        super().__init__(text)
        self.uid = uid


class Fetcher:
    """What this process remembers of fetches that failed under one UIDVALIDITY; losing it loses nothing."""

    def __init__(self, uidvalidity: int, attempts: int) -> None:
        self.uidvalidity = uidvalidity
        self._attempts = attempts
        self._failures: dict[int, int] = {}  # suspects: UID → how often it failed alone

    def batches(self, uids: Sequence[int], size: int) -> list[Sequence[int]]:
        """UIDs in batches, in their order; suspects one by one."""
        batches: list[list[int]] = []
        for uid in uids:
            is_suspect = uid in self._failures
            if not batches or is_suspect or len(batches[-1]) == size or batches[-1][0] in self._failures:
                batches.append([])
            batches[-1].append(uid)
        return list(batches)

    async def fetch(self, source: MessageSource, batch: Sequence[int]) -> Sequence[FetchedMessage]:
        """The batch's messages. Raises MailboxUnavailable; GivenUp after the last attempt at a single message."""
        is_last = self._failures.get(batch[0], 0) >= self._attempts - 1
        is_well = is_last and await self._gives_another(source)
        try:
            found = await source.fetch(batch)
        except MailboxUnavailable as error:
            self._note_failure(batch)
            if is_well or self._failures[batch[0]] >= self._attempts * PATIENCE:
                raise GivenUp(batch[0], str(error)) from error
            raise
        for uid in batch:
            self._failures.pop(uid, None)
        return found

    def _note_failure(self, batch: Sequence[int]) -> None:
        for uid in batch:
            self._failures.setdefault(uid, 0)
        if len(batch) == 1:
            self._failures[batch[0]] += 1

    async def _gives_another(self, source: MessageSource) -> bool:
        """Whether the server gives a message that isn't suspect. Raises MailboxUnavailable if it should and doesn't."""
        others = [uid for uid in await source.list_uids(0) if uid not in self._failures]
        return bool(others and await source.fetch(others[-1:]))
