"""Facts → JSON values and local times, for every command that prints what the store reports."""

from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo


def local(instant: datetime | None, zone: ZoneInfo) -> str:
    """An instant for people: local, to the minute; a dash where there is none."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M") if instant else "–"


def as_object(fact: object) -> dict[str, object]:
    """A fact (a dataclass) as a JSON object."""
    return {name: jsonable(getattr(fact, name)) for name in getattr(fact, "__dataclass_fields__", ())}


def jsonable(value: object) -> object:
    """A fact as JSON: instants in ISO 8601 (UTC), everything else as it is."""
    if hasattr(value, "__dataclass_fields__"):
        return jsonable(asdict(value))  # type: ignore[call-overload]  # a dataclass instance, by the line above
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    return value
