"""Which events say that somebody is away, as Outlook, Google and Nextcloud say it.

Outlook and Exchange   X-MICROSOFT-CDO-BUSYSTATUS:OOF (MS-OXCICAL §2.1.3.1.1.20.32); what the organizer intended
                       counts only where that is missing
Google                 its ICS holds no event type: an out-of-office event is known by the title Google gives it
Nextcloud              X-NEXTCLOUD-OUT-OF-OFFICE, since version 28
others                 a category that the configuration names, or every event of a calendar of absences
"""

import re

from mailwatch.domain.outings import CalendarFilter, PassedOver
from mailwatch.ics.components import Properties

_GOOGLE = "-//Google Inc//Google Calendar"
_GOOGLE_TITLES = frozenset(
    {"out of office", "absent du bureau", "absente du bureau", "absent(e) du bureau", "absence du bureau", "absent(e)"}
)
_PRESENT = frozenset({"FREE", "WORKINGELSEWHERE"})
_COMMA = re.compile(r"(?<!\\),")


def judge(event: Properties, takes: CalendarFilter, program: str) -> PassedOver | None:
    """Why an event is no absence, by what it says of itself; None if it is one."""
    if not _says_away(event, takes, program):
        return PassedOver.NOT_OUT_OF_OFFICE
    if event.text("STATUS").upper() == "CANCELLED":
        return PassedOver.CANCELLED
    if event.text("TRANSP").upper() == "TRANSPARENT" or _busy_status(event) in _PRESENT:
        return PassedOver.SHOWN_AS_FREE
    return None


def _says_away(event: Properties, takes: CalendarFilter, program: str) -> bool:
    return (
        takes.every_event
        or _busy_status(event) == "OOF"
        or "X-NEXTCLOUD-OUT-OF-OFFICE" in event.lines
        or (program.startswith(_GOOGLE) and event.text("SUMMARY").casefold() in _GOOGLE_TITLES)
        or (bool(takes.category) and takes.category.casefold() in _categories(event))
    )


def _busy_status(event: Properties) -> str:
    status = event.text("X-MICROSOFT-CDO-BUSYSTATUS") or event.text("X-MICROSOFT-CDO-INTENDEDSTATUS")
    return status.upper()


def _categories(event: Properties) -> set[str]:
    names = (name for line in event.lines.get("CATEGORIES", ()) for name in _COMMA.split(line.partition(":")[2]))
    return {re.sub(r"\\(.)", r"\1", name).strip().casefold() for name in names}
