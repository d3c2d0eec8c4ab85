"""The database, as services see it. Raises StoreUnavailable, CursorMoved."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from mailwatch.ports.absences import Absences
from mailwatch.ports.alerting import Alerting
from mailwatch.ports.dispatching import Dispatching
from mailwatch.ports.escalating import Escalating
from mailwatch.ports.leasing import Leasing
from mailwatch.ports.observing import Observing
from mailwatch.ports.receiving import Receiving


class Transaction(Receiving, Dispatching, Observing, Escalating, Absences, Alerting, Leasing, Protocol):
    """One unit of work; everything or nothing. `now` is its one instant."""

    now: datetime


class Store(Protocol):
    """The database."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a unit of work. Raises StoreUnavailable."""
        ...

    @property
    def key(self) -> bytes:
        """The installation's secret for Message-IDs and references; lives in the database."""
        ...
