"""Absences from calendars (RFC 5545) and tables: fetched, bounded, read.

calendars  bytes of an ICS file → absences
tables     bytes of a CSV file → absences, or everything that is wrong with it
fetching   where a calendar lies → its bytes
reading    both at once, as services ask for it
wording    what went wrong, for people
"""

from mailwatch.ics.calendars import SERVICE_DAY, parse_calendar, window_around
from mailwatch.ics.fetching import fetch_calendar
from mailwatch.ics.reading import IcsReader
from mailwatch.ics.tables import ReadTable, parse_table
from mailwatch.ics.wording import TableProblem, tell_calendar_problem, tell_table_problem

__all__ = [
    "SERVICE_DAY",
    "IcsReader",
    "ReadTable",
    "TableProblem",
    "fetch_calendar",
    "parse_calendar",
    "parse_table",
    "tell_calendar_problem",
    "tell_table_problem",
    "window_around",
]
