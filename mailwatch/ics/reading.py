"""A calendar fetched and read, as services ask for it; fulfils `ports.absences.CalendarReader`."""

import asyncio
from datetime import date
from zoneinfo import ZoneInfo

from mailwatch.domain.outings import CalendarFilter, CalendarSource, ReadCalendar, Validators
from mailwatch.ics.calendars import parse_calendar, window_around
from mailwatch.ics.fetching import fetch_calendar


class IcsReader:
    """Reads ICS files, from the web or from disk."""

    async def read(
        self, source: CalendarSource, takes: CalendarFilter, zone: ZoneInfo, today: date, known: Validators
    ) -> tuple[ReadCalendar, Validators] | None:
        """See `ports.absences.CalendarReader`. The parsing takes up to a second, and so a thread."""
        fetched = await fetch_calendar(source, known)
        if fetched is None:
            return None
        calendar = await asyncio.to_thread(parse_calendar, fetched.data, zone, window_around(today), takes=takes)
        return calendar, fetched.validators
