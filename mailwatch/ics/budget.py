"""How much work one calendar may cost: counted, not timed, so that a busy machine refuses no more than an idle one.

The whole of each allowance takes well under two seconds of a processor (tests/ics/test_hostile_calendars.py).
"""

from dataclasses import dataclass

from mailwatch.ics.wording import unreadable

MAX_EVENTS = 8_000  # out-of-office events, and what changes single occurrences of them
MAX_ABSENCES = 4_000  # within the window
MAX_DATES = 20_000  # in RDATE and EXDATE
MAX_DAYS = 150_000  # looked at while rules are followed: over three years, a thousand weekly events


@dataclass(slots=True)
class Budget:
    """What is left."""

    events: int = MAX_EVENTS
    absences: int = MAX_ABSENCES
    dates: int = MAX_DATES
    days: int = MAX_DAYS

    def spend_events(self, count: int) -> None:
        """Raises CalendarUnreadable when there are too many, as all of these do."""
        self.events -= count
        if self.events < 0:
            raise unreadable("too_many_events", limit=MAX_EVENTS)

    def spend_absence(self) -> None:
        """One more in the window."""
        self.absences -= 1
        if self.absences < 0:
            raise unreadable("too_many_events", limit=MAX_ABSENCES)

    def spend_dates(self, count: int) -> None:
        """Single dates in lists."""
        self.dates -= count
        if self.dates < 0:
            raise unreadable("too_many_dates", limit=MAX_DATES)

    def spend_days(self, count: int) -> None:
        """Days that a rule is tried on."""
        self.days -= count
        if self.days < 0:
            raise unreadable("too_many_repetitions")
