"""The part of a transaction by which what is late is reported: escalations, digests, periodic acts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from mailwatch.domain.escalations import NewEscalation, Unsettled


class Escalating(Protocol):
    """Escalations, digests, periodic acts."""

    async def list_unsettled(self, due_before: datetime) -> Sequence[Unsettled]:
        """Requests whose clock runs and that are due before an instant, or were never acknowledged; oldest first."""
        ...

    async def escalate(self, escalations: Sequence[NewEscalation]) -> int:
        """Write escalations that aren't there yet, with their events; how many took effect."""
        ...

    async def begin_act(self, act: str, period: str) -> bool:
        """Claim a periodic act for this transaction: True once, ever, for each (act, period)."""
        ...

    async def find_last_act(self, act: str) -> datetime | None:
        """When an act was last done, in whatever period."""
        ...

    async def count_silent(self, mailboxes: Sequence[str], since: datetime) -> Mapping[str, int]:
        """Messages recorded in the silent register of these mailboxes since an instant, by kind."""
        ...
