"""The part of a transaction that knows who is away, what that does to requests, and which calendars tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.outings import CalendarFilter, CalendarSource, ReadCalendar, Validators
from mailwatch.domain.requests import State
from mailwatch.domain.standards import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAbsence:
    """An absence with where it comes from. `by`: who wrote it."""

    absence: Absence
    source: str
    uid: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A request whose clock runs, as absences concern it; calendar and limit are those that it was opened under."""

    id: int
    reference: str
    mailbox: str
    owner: str
    requester: str
    subject: str
    message_id: str
    state: State
    received_at: datetime
    clock_started_at: datetime
    answer_due_at: datetime
    calendar: ServiceCalendar
    limit: Limit
    is_rescheduled: bool = False  # an absence moved a due instant of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A request that came while somebody was away, and what became of it. `settled_by`: who settled it, or ""."""

    reference: str
    mailbox: str
    requester: str
    subject: str
    message_id: str
    state: State
    received_at: datetime
    answer_due_at: datetime
    settled_at: datetime | None
    settled_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRead:
    """How the reading of an absence calendar stands. `validators`: what its server wants to be asked with.

    trouble  why it can't be read, for a person, since `trouble_since`; None while it can
    """

    name: str
    validators: Validators = field(default_factory=Validators)
    checked_at: datetime
    read_at: datetime | None = None
    trouble: str | None = None
    trouble_since: datetime | None = None


class CalendarReader(Protocol):
    """Calendars, wherever they lie. Raises CalendarUnavailable, CalendarUnreadable."""

    async def read(
        self, source: CalendarSource, takes: CalendarFilter, zone: ZoneInfo, today: date, known: Validators
    ) -> tuple[ReadCalendar, Validators] | None:
        """What a calendar says now, and what to ask with next time; None if it is still what `known` came with."""
        ...


class Absences(Protocol):
    """Who is away, and when an answer is due by it."""

    async def list_absences(self, since: date) -> tuple[Absence, ...]:
        """Absences that weren't taken back and aren't over before a date, in the order of their rows."""
        ...

    async def list_kept(self, source: str | None = None) -> Sequence[KeptAbsence]:
        """Absences that weren't taken back, of one source or of all, with where they come from."""
        ...

    async def keep_absence(self, kept: KeptAbsence) -> int:
        """Write an absence under its source and uid, a new one or a changed one; its row."""
        ...

    async def take_back(self, id_: int) -> None:
        """An absence never was: it had not begun."""
        ...

    async def list_running(self, started_since: datetime) -> Sequence[Running]:
        """Requests whose clock runs, and started after an instant; oldest first."""
        ...

    async def list_met(self, owner: str, mailboxes: Sequence[str], since: datetime, until: datetime) -> Sequence[Met]:
        """Requests of an owner, or of some mailboxes, received between two instants; oldest first."""
        ...

    async def find_calendar(self, name: str) -> CalendarRead | None:
        """How the reading of an absence calendar stands."""
        ...

    async def claim_calendar(self, name: str, checked_at: datetime | None) -> bool:
        """Take it on to read a calendar now: False if somebody else did so since it was last asked, at `checked_at`."""
        ...

    async def keep_calendar_read(self, read: CalendarRead) -> None:
        """Write how the reading of an absence calendar stands."""
        ...
