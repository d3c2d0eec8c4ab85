"""Calendars for tests: out-of-office events around one line or another, and the corpus."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from mailwatch.domain.outings import CalendarFilter, ReadCalendar
from mailwatch.ics import parse_calendar, window_around

CALENDARS = Path(__file__).parent / "calendars"
TORONTO = ZoneInfo("America/Toronto")
TODAY = date(2026, 11, 28)
MAX_SECONDS = 2.0  # promised: any calendar ends in less, with what it holds or with an error that says what to do


def an_event(*lines: str, uid: str = "one@example.org", away: bool = True) -> str:
    """A VEVENT; out of office, unless `away` is False."""
    status = "X-MICROSOFT-CDO-BUSYSTATUS:OOF" if away else "X-MICROSOFT-CDO-BUSYSTATUS:BUSY"
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", status, *lines, "END:VEVENT", ""])


def a_calendar(*components: str) -> bytes:
    """A whole iCalendar file."""
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + "".join(components) + "END:VCALENDAR\r\n").encode()


def read(data: bytes, *, today: date = TODAY, category: str = "", every_event: bool = False) -> ReadCalendar:
    """What a calendar tells in Toronto."""
    takes = CalendarFilter(category=category, every_event=every_event)
    return parse_calendar(data, TORONTO, window_around(today), takes=takes)


def spans(calendar: ReadCalendar) -> list[tuple[str, str]]:
    """(first day away, first day back) of each absence, in ISO 8601."""
    return [(str(absence.away_from), str(absence.returns_on)) for absence in calendar.absences]
