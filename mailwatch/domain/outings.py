"""Absences as calendars and tables tell them, before they are anybody's: who reads them says whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from mailwatch.domain.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAbsence:
    """An absence as a source tells it, in local dates of the zone it was read for.

    uid         stable within its source; of a recurring event, each occurrence has its own
    returns_on  first date back, exclusive; None while that is unknown (tables only)
    who         lower-case e-mail address or "": calendars never say whose they are
    audience    who gets the notice: "all", "internal" or "external"
    """

    uid: str
    away_from: date
    returns_on: date | None
    who: str = ""
    delegate: str = ""
    audience: str = "all"
    note: str = ""
    text: Mapping[Language, str] = field(default_factory=dict)


class PassedOver(StrEnum):
    """Why an event of a calendar is no absence here."""

    NOT_OUT_OF_OFFICE = "not out of office"
    CANCELLED = "cancelled"
    SHOWN_AS_FREE = "shown as free"
    SHORTER_THAN_A_DAY = "shorter than a day"
    OUTSIDE_THE_WINDOW = "long past or far ahead"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCalendar:
    """What one reading of a calendar gave. A recurring event is counted once, or once for each of its occurrences."""

    absences: tuple[FoundAbsence, ...]
    passed_over: Mapping[PassedOver, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFilter:
    """Which events of a calendar are absences, beside those that say "out of office" by themselves.

    category     also those in this category (any case), for programs that know no "out of office"
    every_event  all that aren't cancelled or shown as free: the calendar holds nothing but absences
    """

    category: str = ""
    every_event: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSource:
    """Where a calendar is fetched. `location` may hold a secret (a private address): it is never shown.

    location       an https or webcal URL, a file URL, or a path
    allow_http     plain http, too: anybody on the way may read and change it
    allow_private  addresses of this machine and of the inner network, too
    ca_file        certificates to trust in place of the system's
    """

    location: str = field(repr=False)
    allow_http: bool = False
    allow_private: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """By what a source tells whether it changed (RFC 9110 §8.8); of a file, its size and time."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedCalendar:
    """The bytes of a calendar, and what to ask with next time."""

    data: bytes = field(repr=False)
    validators: Validators


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A calendar that is read again and again: whose absences it tells of, and what goes with each of them."""

    name: str
    who: str
    source: CalendarSource
    takes: CalendarFilter
    every: timedelta
    delegate: str = ""
    audience: str = "all"
