"""The part of a transaction by which IT is told what is wrong with mailwatch itself."""

from collections.abc import Sequence
from typing import Protocol

from mailwatch.domain.incidents import Incident, Trouble, TroubleLimits


class Alerting(Protocol):
    """Incidents."""

    async def list_troubles(self, limits: TroubleLimits) -> Sequence[Trouble]:
        """What is wrong now, as far as the database shows it."""
        ...

    async def list_open_incidents(self) -> Sequence[Incident]:
        """Incidents that aren't over."""
        ...

    async def open_incident(self, trouble: Trouble) -> Incident | None:
        """Begin an incident; None if it is open already (another worker was first)."""
        ...

    async def close_incident(self, incident_id: int) -> bool:
        """An incident is over; False if it was already."""
        ...
