"""A month's figures: judged requests counted by mailbox, by department and in total.

Counting is one pass, and keeps two whole numbers for each answer: what a month holds bounds the memory.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from mailwatch.domain.compliance import Judgement, Month, Outcome
from mailwatch.domain.verdicts import Kind

_SECOND = timedelta(seconds=1)


class ScopeKind(StrEnum):
    """What figures are of."""

    MAILBOX = "mailbox"
    DEPARTMENT = "department"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`met` of `of`; what wasn't due yet is in neither."""

    met: int = 0
    of: int = 0

    @property
    def percent(self) -> Decimal | None:
        """With one decimal, rounded down: only all of them are 100. None where there is nothing to share."""
        return Decimal(self.met * 1000 // self.of) / 10 if self.of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The middle and the upper end of some lengths of time, in whole seconds; None where there are none."""

    median: timedelta | None = None
    p90: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a scope. All but `received` and `silent` leave out what was set aside.

    acknowledged_not_due, answered_not_due, promises_not_due   not judged yet, and in no share
    withheld_missed    unacknowledged past the limit, since a rule withheld the acknowledgement; among the missed
    closed_unanswered  requests of which a run of the clock ended by closing
    answers            runs that an answer stopped: business and elapsed time are theirs
    suppressed         requests whose acknowledgement a rule withheld, by rule
    silent             messages in the silent register, by kind
    """

    received: int = 0
    set_aside: int = 0
    acknowledged: Share = Share()
    acknowledged_not_due: int = 0
    withheld_missed: int = 0
    answered: Share = Share()
    answered_not_due: int = 0
    closed_unanswered: int = 0
    answers: int = 0
    business: Spread = Spread()
    elapsed: Spread = Spread()
    promises: Share = Share()
    promises_not_due: int = 0
    reopened: int = 0
    open: int = 0
    overdue: int = 0
    suppressed: Mapping[str, int] = field(default_factory=dict)
    silent: Mapping[Kind, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Figures and what they are of. `name`: an address, a department, or empty; `department`: a mailbox's own."""

    kind: ScopeKind
    name: str
    department: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A month as it stood at an instant: mailboxes by address, then departments by name, then the total."""

    month: Month
    as_of: datetime
    scopes: tuple[Scope, ...]

    @property
    def is_provisional(self) -> bool:
        """Whether requests may still be received in the month."""
        return self.as_of < self.month.ends_at

    @property
    def total(self) -> Figures:
        """The figures of all scopes together."""
        return self.scopes[-1].figures


class Tally:
    """Counts the judged requests of one scope."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._suppressed: Counter[str] = Counter()
        self._silent: Counter[Kind] = Counter()
        self._business = array("q")  # seconds, as long as there are answers
        self._elapsed = array("q")

    def add(self, judgement: Judgement) -> None:
        """Count one request."""
        self._counts["received"] += 1
        if judgement.is_set_aside:
            self._counts["set_aside"] += 1
            return
        self._outcomes["acknowledged", judgement.acknowledgement] += 1
        self._outcomes["answered", judgement.answer] += 1
        if judgement.promise is not None:
            self._outcomes["promises", judgement.promise] += 1
        for name in _traits(judgement):
            self._counts[name] += 1
        if judgement.suppressed_by is not None:
            self._suppressed[judgement.suppressed_by] += 1
        for each in judgement.response_times:
            self._business.append(each.business // _SECOND)
            self._elapsed.append(each.elapsed // _SECOND)

    def add_silent(self, kind: Kind, count: int) -> None:
        """Count messages in the silent register."""
        self._silent[kind] += count

    def absorb(self, other: "Tally") -> None:
        """Count what another scope has counted, too."""
        self._counts.update(other._counts)
        self._outcomes.update(other._outcomes)
        self._suppressed.update(other._suppressed)
        self._silent.update(other._silent)
        self._business.extend(other._business)
        self._elapsed.extend(other._elapsed)

    def figures(self) -> Figures:
        """What the counts come to."""
        return Figures(
            received=self._counts["received"],
            set_aside=self._counts["set_aside"],
            acknowledged=self._share("acknowledged"),
            acknowledged_not_due=self._outcomes["acknowledged", Outcome.NOT_DUE],
            withheld_missed=self._counts["withheld_missed"],
            answered=self._share("answered"),
            answered_not_due=self._outcomes["answered", Outcome.NOT_DUE],
            closed_unanswered=self._counts["closed_unanswered"],
            promises=self._share("promises"),
            promises_not_due=self._outcomes["promises", Outcome.NOT_DUE],
            answers=len(self._elapsed),
            business=spread(self._business),
            elapsed=spread(self._elapsed),
            reopened=self._counts["reopened"],
            open=self._counts["open"],
            overdue=self._counts["overdue"],
            suppressed=dict(sorted(self._suppressed.items())),
            silent=dict(sorted(self._silent.items())),
        )

    def _share(self, promise: str) -> Share:
        met, missed = (self._outcomes[promise, outcome] for outcome in (Outcome.MET, Outcome.MISSED))
        return Share(met=met, of=met + missed)


class Ledger:
    """Counts the requests of all scopes at once. `departments`: mailbox → its department, or empty."""

    def __init__(self, departments: Mapping[str, str]) -> None:
        self._departments = dict(departments)
        # Those without requests are told, too.
        self._mailboxes = defaultdict(Tally, {mailbox: Tally() for mailbox in departments})

    def add(self, mailbox: str, judgement: Judgement) -> None:
        """Count a request of a mailbox, also of one that was not named before."""
        self._mailboxes[mailbox].add(judgement)

    def add_silent(self, mailbox: str, kind: Kind, count: int) -> None:
        """Count messages of a mailbox in the silent register."""
        self._mailboxes[mailbox].add_silent(kind, count)

    def scopes(self, *, with_departments: bool = True) -> tuple[Scope, ...]:
        """Mailboxes by address, departments by name, the total."""
        return (*self._mailbox_scopes(), *(self._department_scopes() if with_departments else ()), self._total_scope())

    def _mailbox_scopes(self) -> Iterator[Scope]:
        for name, tally in sorted(self._mailboxes.items()):
            department = self._departments.get(name, "")
            yield Scope(kind=ScopeKind.MAILBOX, name=name, department=department, figures=tally.figures())

    def _department_scopes(self) -> Iterator[Scope]:
        for name in sorted({*self._departments.values()} - {""}):
            together = _sum(
                tally for mailbox, tally in self._mailboxes.items() if self._departments.get(mailbox) == name
            )
            yield Scope(kind=ScopeKind.DEPARTMENT, name=name, department=name, figures=together.figures())

    def _total_scope(self) -> Scope:
        return Scope(kind=ScopeKind.TOTAL, name="", department="", figures=_sum(self._mailboxes.values()).figures())


def _sum(tallies: Iterable[Tally]) -> Tally:
    together = Tally()
    for tally in tallies:
        together.absorb(tally)
    return together


def spread(seconds: Sequence[int]) -> Spread:
    """Median (the mean of the two middle ones, rounded down) and 90th percentile (nearest rank) of some lengths."""
    if not seconds:
        return Spread()
    ordered = sorted(seconds)
    n = len(ordered)
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) // 2
    return Spread(median=middle * _SECOND, p90=ordered[-(-n * 9 // 10) - 1] * _SECOND)


def _traits(judgement: Judgement) -> Iterator[str]:
    """The counts of `Figures` that a request adds to."""
    if judgement.suppressed_by is not None and judgement.acknowledgement is Outcome.MISSED:
        yield "withheld_missed"
    if judgement.is_closed_unanswered:
        yield "closed_unanswered"
    if judgement.is_reopened:
        yield "reopened"
    if judgement.is_open:
        yield "open"
    if judgement.is_overdue:
        yield "overdue"
