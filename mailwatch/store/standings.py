"""Where running clocks stand at an instant: each by the version of the calendar that its request was opened under."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailwatch.domain.calendars import ServiceCalendar, from_definition
from mailwatch.domain.escalations import Level, Standing, find_standing
from mailwatch.store.schema import UNSETTLED, calendars, requests

# Word for word what the partial index on due instants says.
IS_UNSETTLED: ColumnElement[bool] = literal_column(f"request.{UNSETTLED}")

# Most requests are due at the closing of some day: few groups, however many requests.
_DUE = (
    select(requests.c.mailbox_id, requests.c.calendar_digest, requests.c.answer_due_at, func.count().label("how_many"))
    .where(IS_UNSETTLED)
    .group_by(requests.c.mailbox_id, requests.c.calendar_digest, requests.c.answer_due_at)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """By what standings are told: the configuration's levels, and an instant."""

    levels: Sequence[Level]
    now: datetime


class Standings:
    """Tells standings, each calendar rebuilt once."""

    def __init__(self, gauge: Gauge, versions: Mapping[str, ServiceCalendar]) -> None:
        self._gauge = gauge
        self._versions = versions

    @classmethod
    async def load(cls, connection: AsyncConnection, gauge: Gauge) -> "Standings":
        """With every version of every calendar; there are as many as the configuration had."""
        rows = (await connection.execute(select(calendars.c.digest, calendars.c.definition))).all()
        return cls(gauge, {row.digest: from_definition(row.definition) for row in rows})

    def find(self, calendar_digest: str, due_at: datetime) -> Standing:
        """Where a running clock stands."""
        return find_standing(self._gauge.levels, self._versions[calendar_digest], due_at, self._gauge.now)

    async def count(self, connection: AsyncConnection) -> Mapping[int, Counter[Standing]]:
        """How many running clocks of each mailbox (number of its row) stand where."""
        counts: dict[int, Counter[Standing]] = defaultdict(Counter)
        for row in (await connection.execute(_DUE)).all():
            counts[row.mailbox_id][self.find(row.calendar_digest, row.answer_due_at)] += row.how_many
        return counts
