"""What the templates of a digest are given: every instant and number already in words, or ready for a plural."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mailwatch.domain.digests import AwayLine, Digest, DigestLine, WhileAway
from mailwatch.domain.escalations import Standing
from mailwatch.domain.languages import Language
from mailwatch.rendering.dates import format_date_of_year, format_day, format_moment
from mailwatch.rendering.lines import quiet

JUNK = "spam"  # counted apart from the rest of the silent register


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWords:
    """One request as templates see it; `standing` is "within", "at risk" or "overdue"."""

    reference: str
    service: str
    sender: str
    subject: str
    received: str
    due: str
    standing: str
    days_late: int
    owner: str
    covers: str
    withheld_by: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayLineWords:
    """One request that came during an absence; `state` is the stored one, `settled` the moment it was, or ""."""

    reference: str
    service: str
    sender: str
    subject: str
    received: str
    due: str
    state: str
    is_waiting: bool
    settled: str
    answered_by: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhileAwayWords:
    """What came during an absence: how many in all, and of those listed; `answerers` in the order of their answers."""

    first_day: str
    count: int
    answered: int
    settled_otherwise: int
    waiting: int
    answerers: tuple[str, ...]
    lines: tuple[AwayLineWords, ...]
    more: int


def describe_digest(digest: Digest) -> Mapping[str, object]:
    """Everything that the templates of a digest may name, besides `words`."""
    away = _describe_away(digest.away, digest) if digest.away and digest.away.lines else None
    silent = {kind: number for kind, number in digest.silent.items() if number and kind != JUNK}
    return {
        "organisation": digest.organisation,
        "name": digest.name,
        "day": format_day(digest.on, digest.language),
        "count": len(digest.lines),
        "overdue": digest.overdue,
        "at_risk": digest.at_risk,
        "days_late": digest.days_late,
        "held_since": _first_day(digest, [line.received_at for line in digest.held]),
        "first_due": _first_day(digest, [x.due_at for x in digest.lines if x.standing is Standing.AT_RISK]),
        "held": _describe(digest.held, digest),
        "new": _describe(digest.new, digest),
        "rest": _describe(digest.rest, digest),
        "covers": list(dict.fromkeys(line.covers for line in digest.lines if line.covers)),
        "away": away,
        "owns": away is not None or any(line.sender or line.subject for line in digest.lines),
        "hides": any(not (line.sender or line.subject) for line in digest.lines),
        "silent": sorted(silent.items(), key=lambda item: (-item[1], item[0])),
        "silent_total": sum(silent.values()),
        "junk": digest.silent.get(JUNK, 0),
    }


def describe_line(line: DigestLine, near: date, language: Language) -> LineWords:
    """One request in the words of a language; the year stands where it isn't that of `near`."""
    return LineWords(
        reference=line.reference,
        service=line.service,
        sender=quiet(line.sender),
        subject=quiet(line.subject),
        received=format_moment(line.received_at, near, language),
        due=format_moment(line.due_at, near, language),
        standing=str(line.standing),
        days_late=line.business_days_late,
        owner=line.owner,
        covers=line.covers,
        withheld_by=line.withheld_by,
        link=line.link,
    )


def _describe(lines: Sequence[DigestLine], digest: Digest) -> list[LineWords]:
    return [describe_line(line, digest.on, digest.language) for line in lines]


def _describe_away(away: WhileAway, digest: Digest) -> WhileAwayWords:
    return WhileAwayWords(
        first_day=format_day(away.first, digest.language),
        count=len(away.lines) + away.more,
        answered=len(away.answered),
        settled_otherwise=len(away.settled_otherwise),
        waiting=len(away.waiting),
        answerers=tuple(dict.fromkeys(line.answered_by for line in away.answered if line.answered_by)),
        lines=tuple(_describe_away_line(line, digest) for line in away.lines),
        more=away.more,
    )


def _describe_away_line(line: AwayLine, digest: Digest) -> AwayLineWords:
    return AwayLineWords(
        reference=line.reference,
        service=line.service,
        sender=quiet(line.sender),
        subject=quiet(line.subject),
        received=format_moment(line.received_at, digest.on, digest.language),
        due=format_moment(line.due_at, digest.on, digest.language),
        state=str(line.state),
        is_waiting=line.is_waiting,
        settled=format_moment(line.settled_at, digest.on, digest.language) if line.settled_at else "",
        answered_by=line.answered_by,
        link=line.link,
    )


def _first_day(digest: Digest, instants: Sequence[datetime]) -> str:
    """The earliest of these days; "" without one."""
    return format_date_of_year(min(instants).date(), digest.language) if instants else ""
