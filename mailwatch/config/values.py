"""The kinds of value that keys take: checked here, kept as they were written, so that `show` prints what was meant.

Checks raise PydanticCustomError whose type is a key of `problems.SENTENCES`; no wording lives here.
"""

import re
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from mailwatch.domain.calendars import parse_closure, parse_segment
from mailwatch.domain.languages import Language
from mailwatch.domain.standards import parse_limit

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_DURATION = timedelta(days=36_500)  # a century: beyond it somebody mistook the unit

_DURATION = re.compile(r"(\d{1,9})\s*(s|seconds?|m|min|minutes?|h|hours?|d|days?)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[^\s@<>\"(),:;\[\]\\.]+(\.[^\s@<>\"(),:;\[\]\\.]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[^\s@.]+(\.[^\s@.]+)*")
_LINK_FIELDS = [(name, "", None) for name in ("message_id", "mailbox", "reference")]  # plain {name}, no more
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def wrong(kind: str, **facts: object) -> PydanticCustomError:
    """An error of one of our kinds; `problems` finds the words for it."""
    return PydanticCustomError(kind, kind, facts)


def parse_duration(text: str) -> timedelta:
    """`"30s"`, `"5m"`, `"24h"`, `"60 days"` → timedelta. ValueError says what was expected."""
    found = _DURATION.fullmatch(text.strip())
    amount = timedelta(**{_UNITS[found[2][0]]: int(found[1])}) if found else None
    if amount is None or amount > MAX_DURATION:
        raise ValueError(f'{text!r} isn\'t a duration such as "30s", "5m", "24h" or "60 days"')
    return amount


def _checked(kind: str, parse: Callable[[str], object]) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError:
            raise wrong(kind, value=text) from None
        return text

    return check


def _matching(kind: str, pattern: re.Pattern[str], fold: bool = False) -> Callable[[str], str]:
    def check(text: str) -> str:
        text = text.strip()
        if not pattern.fullmatch(text):
            raise wrong(kind, value=text)
        return text.lower() if fold else text

    return check


def _parse_message_link(text: str) -> None:
    """ValueError unless it is an http(s) address with something of the message in it; "" is no link."""
    fields = [parts[1:] for parts in string.Formatter().parse(text) if parts[1] is not None]
    parts = urlsplit(text)
    is_link = parts.scheme in ("http", "https") and bool(parts.hostname) and bool(fields)
    if text and not (is_link and all(each in _LINK_FIELDS for each in fields)):
        raise ValueError


def _sent_choice(value: object) -> object:
    if value != "only" and not isinstance(value, bool):
        raise wrong("observe_sent")
    return value


def _recipient(text: str) -> str:
    return text if text in ("owner", "manager") else _matching("recipient", _ADDRESS, fold=True)(text)


def _parse_positive(text: str) -> None:
    if parse_duration(text) <= timedelta(0):
        raise ValueError


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found; not a name; a folder of names
        raise wrong("timezone", value=name) from None
    return name


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise wrong("date", value=value) from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise wrong("date", value=value)
    return value


def _closure(value: object) -> object:
    """A TOML date is as good as its text."""
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _localised(value: object) -> object:
    """A plain string stands for every language."""
    return {language.value: value for language in Language} if isinstance(value, str) else value


def _hours(value: object) -> object:
    """Monday to Friday for a list; a table has its own days."""
    if isinstance(value, list):
        return dict.fromkeys(WEEKDAYS[:5], value)
    if not isinstance(value, dict) or not value:
        raise wrong("hours", value=value)
    for day in value:
        if day not in WEEKDAYS:
            raise wrong("weekday", value=day)
    return value


def _in_order(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Segments of one day may touch, not overlap."""
    spans = sorted(parse_segment(each) for each in segments)
    if any(left[1] > right[0] for left, right in pairwise(spans)):
        raise wrong("overlap", value=", ".join(segments))
    return segments


def _some_day(hours: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    if not any(hours.values()):
        raise wrong("never_open")
    return hours


def _schema(example: str, pattern: str | None = None) -> WithJsonSchema:
    described: dict[str, Any] = {"type": "string", "examples": [example]}  # Any: a JSON schema
    return WithJsonSchema(described | ({"pattern": pattern} if pattern else {}))


Text = Annotated[str, Field(strict=True)]
Filled = Annotated[str, Field(strict=True, min_length=1)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1)]
CountOrNone = Annotated[int, Field(strict=True, ge=0)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]

LimitText = Annotated[Text, AfterValidator(_checked("limit", parse_limit)), _schema("5 business days")]
Duration = Annotated[
    Text, AfterValidator(_checked("duration", parse_duration)), _schema("5m", f"^{_DURATION.pattern}$")
]
Pause = Annotated[Text, AfterValidator(_checked("pause", _parse_positive)), _schema("30s", f"^{_DURATION.pattern}$")]
ClosureText = Annotated[
    Text,
    BeforeValidator(_closure),
    AfterValidator(_checked("closure", parse_closure)),
    _schema("2026-12-21..2027-01-01"),
]
Segment = Annotated[Text, AfterValidator(_checked("segment", parse_segment)), _schema("08:30-12:00")]
TimeOfDay = Annotated[Text, AfterValidator(_matching("time_of_day", _TIME)), _schema("08:30", f"^{_TIME.pattern}$")]
AddressText = Annotated[Text, AfterValidator(_matching("address", _ADDRESS, fold=True)), _schema("name@example.org")]
Recipient = Annotated[Text, AfterValidator(_recipient), _schema("owner")]
MessageLink = Annotated[
    Text,
    AfterValidator(_checked("message_link", _parse_message_link)),
    _schema("https://webmail.example.org/?id={message_id}"),
]
SentChoice = Annotated[Literal[True, False, "only"], BeforeValidator(_sent_choice)]
Domain = Annotated[Text, AfterValidator(_matching("domain", _DOMAIN, fold=True)), _schema("example.org")]
Zone = Annotated[Text, AfterValidator(_zone), _schema("America/Toronto")]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]
Localised = Annotated[
    Mapping[Language, Filled],
    BeforeValidator(_localised, json_schema_input_type=str | dict[Language, str]),
]
Hours = Annotated[
    Mapping[str, Annotated[tuple[Segment, ...], AfterValidator(_in_order)]],
    BeforeValidator(_hours, json_schema_input_type=list[str] | dict[str, list[str]]),
    AfterValidator(_some_day),
]
