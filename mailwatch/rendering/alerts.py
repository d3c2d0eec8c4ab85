"""What the templates of an alert are given: incidents of one kind together, so that what to do is said once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo

from mailwatch.domain.incidents import Alert, Incident
from mailwatch.domain.languages import Language
from mailwatch.rendering.dates import format_day, format_length, format_moment, format_time_of_day
from mailwatch.rendering.lines import quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentWords:
    """One incident as templates see it; `details` are counts, codes and references, by their names."""

    about: str
    since: str
    lasted: str
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentGroup:
    """Incidents of one kind."""

    kind: str
    incidents: tuple[IncidentWords, ...]


def describe_alert(alert: Alert, language: Language) -> Mapping[str, object]:
    """Everything that the templates of an alert may name, besides `words`. Times are in the zone of `alert.at`."""
    at, zone = alert.at, alert.at.tzinfo
    clock = format_time_of_day(time(at.hour, at.minute), language)
    joint = " à " if language is Language.FR else ", "
    return {
        "organisation": alert.organisation,
        "at": f"{format_day(at.date(), language)}{joint}{clock}",
        "zone": zone.key if isinstance(zone, ZoneInfo) else str(at.tzname()),
        "began": _group(alert.began, alert, language),
        "over": _group(alert.over, alert, language),
        "began_total": len(alert.began),
        "over_total": len(alert.over),
    }


def _group(incidents: Iterable[Incident], alert: Alert, language: Language) -> list[IncidentGroup]:
    by_kind: dict[str, list[IncidentWords]] = {}
    for incident in incidents:
        by_kind.setdefault(str(incident.trouble.kind), []).append(_describe(incident, alert, language))
    return [IncidentGroup(kind=kind, incidents=tuple(each)) for kind, each in by_kind.items()]


def _describe(incident: Incident, alert: Alert, language: Language) -> IncidentWords:
    trouble = incident.trouble
    return IncidentWords(
        about=quiet(trouble.about),
        since=format_moment(trouble.since.astimezone(alert.at.tzinfo), alert.at.date(), language),
        lasted=format_length((incident.ended_at or alert.at) - trouble.since, language),
        details=tuple((key, text) for key, value in trouble.data.items() if (text := quiet(_plain(value)))),
    )


def _plain(value: object) -> str:
    """A count or a code as it is; a list with commas."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
