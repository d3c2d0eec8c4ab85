"""Whether a request was served within the standard: what counts as met, missed, or not to be judged yet.

Judged at an instant, `as_of`: what happened later is as if it hadn't. The runs of a request's clock decide, by when
answers were written, not by when they were learnt of. docs/report.md says the same to the public.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

from mailwatch.domain.calendars import ServiceCalendar, business_time_between, local_date
from mailwatch.domain.requests import EventKind

YEARS = range(1970, 2200)  # holidays and time zones mean little outside

_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_STOPPED_BY_STAFF = frozenset({EventKind.ANSWERED, EventKind.CLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month in a time zone; str() is `2026-11`. `starts_at` ≤ its instants < `ends_at`, both UTC."""

    first: date
    timezone: ZoneInfo

    @classmethod
    def parse(cls, text: str, timezone: ZoneInfo) -> Self:
        """`"2026-11"` → Month. ValueError says what was expected."""
        found = _MONTH.fullmatch(text.strip())
        if not found or int(found[1]) not in YEARS or int(found[2]) not in range(1, 13):
            raise ValueError(f'{text!r}: expected a month such as "2026-11"')
        return cls(first=date(int(found[1]), int(found[2]), 1), timezone=timezone)

    @property
    def starts_at(self) -> datetime:
        """Its first instant."""
        return datetime.combine(self.first, time(), self.timezone).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant that belongs to the next month."""
        following = (self.first + timedelta(days=31)).replace(day=1)
        return datetime.combine(following, time(), self.timezone).astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """A running of the answer's clock, with its due instant. `stopped_by`: ANSWERED, CLOSED or SET_ASIDE."""

    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None = None
    stopped_by: EventKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What became of a request, as far as the standard asks.

    acknowledged_at  when its acknowledgement, or the one of the same message in another mailbox, was accepted by SMTP
    set_aside_at     when it was set aside, if that is its state now
    runs             of its answer's clock, oldest first; at least one
    calendar         the version that it was due by
    """

    mailbox: str
    received_at: datetime
    acknowledgement_due_at: datetime
    acknowledged_at: datetime | None
    announced_due_at: datetime | None
    set_aside_at: datetime | None
    suppressed_by: str | None
    runs: Sequence[TimedRun]
    calendar: ServiceCalendar


class Outcome(StrEnum):
    """How a promise fared."""

    MET = "met"
    MISSED = "missed"
    NOT_DUE = "not due"  # its limit isn't past, and nothing has met it yet


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTime:
    """From the start of a run to the answer that stopped it: open time, and time on the clock."""

    business: timedelta
    elapsed: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a request was served. `promise`: of an answer by the date that its acknowledgement announced, if it did."""

    is_set_aside: bool
    acknowledgement: Outcome
    answer: Outcome
    promise: Outcome | None
    is_closed_unanswered: bool
    is_reopened: bool
    is_open: bool
    is_overdue: bool
    suppressed_by: str | None
    response_times: tuple[ResponseTime, ...]


def judge(handling: Handling, as_of: datetime) -> Judgement:
    """How a request received by `as_of` stood then. Exactly at the limit is in time."""
    runs = [_as_seen(run, as_of) for run in handling.runs if run.started_at <= as_of]
    last = runs[-1]
    set_aside_at = handling.set_aside_at
    return Judgement(
        is_set_aside=last.stopped_by is EventKind.SET_ASIDE or (set_aside_at is not None and set_aside_at <= as_of),
        acknowledgement=_judge_acknowledgement(handling, runs, as_of),
        answer=_judge_runs(runs, as_of),
        promise=_judge_promise(handling, runs, as_of),
        is_closed_unanswered=any(run.stopped_by is EventKind.CLOSED for run in runs),
        is_reopened=len(runs) > 1,
        is_open=last.stopped_at is None,
        is_overdue=last.stopped_at is None and last.due_at < as_of,
        suppressed_by=handling.suppressed_by,
        response_times=tuple(_response_times(handling.calendar, runs)),
    )


def _as_seen(run: TimedRun, as_of: datetime) -> TimedRun:
    """A run that stopped later was still running."""
    if run.stopped_at is None or run.stopped_at <= as_of:
        return run
    return replace(run, stopped_at=None, stopped_by=None)


def _judge_acknowledgement(handling: Handling, runs: Sequence[TimedRun], as_of: datetime) -> Outcome:
    """An answer does for an acknowledgement."""
    answered_at = _first_stop(runs, frozenset({EventKind.ANSWERED}))
    told = [instant for instant in (handling.acknowledged_at, answered_at) if instant is not None and instant <= as_of]
    return _outcome(min(told, default=None), handling.acknowledgement_due_at, as_of)


def _judge_runs(runs: Sequence[TimedRun], as_of: datetime) -> Outcome:
    """Every run must have been stopped in time; one that was set aside promised nothing."""
    outcomes = {
        _outcome(run.stopped_at, run.due_at, as_of) for run in runs if run.stopped_by is not EventKind.SET_ASIDE
    }
    if Outcome.MISSED in outcomes:
        return Outcome.MISSED
    return Outcome.MET if Outcome.MET in outcomes else Outcome.NOT_DUE


def _judge_promise(handling: Handling, runs: Sequence[TimedRun], as_of: datetime) -> Outcome | None:
    """By dates, since a date is what was announced; and only where the acknowledgement went out and announced it."""
    if handling.announced_due_at is None or handling.acknowledged_at is None or handling.acknowledged_at > as_of:
        return None
    announced_on = local_date(handling.calendar, handling.announced_due_at)
    settled_at = _first_stop(runs, _STOPPED_BY_STAFF)
    if settled_at is not None:
        return Outcome.MET if local_date(handling.calendar, settled_at) <= announced_on else Outcome.MISSED
    return Outcome.MISSED if local_date(handling.calendar, as_of) > announced_on else Outcome.NOT_DUE


def _outcome(done_at: datetime | None, due_at: datetime, as_of: datetime) -> Outcome:
    if done_at is not None:
        return Outcome.MET if done_at <= due_at else Outcome.MISSED
    return Outcome.MISSED if due_at < as_of else Outcome.NOT_DUE


def _first_stop(runs: Sequence[TimedRun], kinds: frozenset[EventKind]) -> datetime | None:
    return next((run.stopped_at for run in runs if run.stopped_by in kinds), None)


def _response_times(calendar: ServiceCalendar, runs: Sequence[TimedRun]) -> list[ResponseTime]:
    return [
        ResponseTime(
            business=business_time_between(calendar, run.started_at, run.stopped_at),
            elapsed=run.stopped_at - run.started_at,
        )
        for run in runs
        if run.stopped_at is not None and run.stopped_by is EventKind.ANSWERED
    ]
