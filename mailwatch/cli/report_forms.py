"""The compliance report as text for a terminal, as CSV and as JSON. docs/report.schema.json describes the last."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import timedelta

from mailwatch.cli.report_words import ReportWords
from mailwatch.domain.figures import Figures, Report, Scope, ScopeKind, Share, Spread
from mailwatch.domain.verdicts import SILENT_REGISTER

SCHEMA = 1  # of the JSON; grows when a reader of the older one would be misled

_MINUTE = timedelta(minutes=1)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_text(report: Report, organisation: str, words: ReportWords) -> str:
    """For people; a part for each of `shown`."""
    head = [organisation, words.title(report.month), words.stood(report)]
    head += [words.provisional()] if report.is_provisional else []
    parts = ["\n".join(head), *(_part(report, scope, words) for scope in shown(report))]
    return "\n\n".join(parts) + "\n"


def shown(report: Report) -> tuple[Scope, ...]:
    """What people read: the total first, then departments, then mailboxes. A single mailbox is all there is to say."""
    by_kind = {kind: [scope for scope in report.scopes if scope.kind is kind] for kind in ScopeKind}
    if len(by_kind[ScopeKind.MAILBOX]) == 1:
        return tuple(by_kind[ScopeKind.MAILBOX])
    return (*by_kind[ScopeKind.TOTAL], *by_kind[ScopeKind.DEPARTMENT], *by_kind[ScopeKind.MAILBOX])


def is_empty(figures: Figures) -> bool:
    """Whether there is no figure to show."""
    return not figures.received and not figures.silent


def as_csv(report: Report) -> str:
    """One header row, then one row for each mailbox, each department and the total; what there is none of is empty."""
    text = io.StringIO()
    rows = [_row(report, scope) for scope in report.scopes]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_json(report: Report, organisation: str) -> str:
    """One object; instants with the organisation's offset, lengths in whole minutes."""
    zone = report.month.timezone
    value = {
        "schema": SCHEMA,
        "organisation": organisation,
        "month": str(report.month),
        "timezone": str(zone),
        "starts_at": report.month.starts_at.astimezone(zone).isoformat(),
        "ends_at": report.month.ends_at.astimezone(zone).isoformat(),
        "as_of": report.as_of.astimezone(zone).isoformat(),
        "provisional": report.is_provisional,
        "scopes": [_object(scope) for scope in report.scopes],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _part(report: Report, scope: Scope, words: ReportWords) -> str:
    if is_empty(scope.figures):
        return f"{words.name(scope)}\n  {words.empty(report.month)}"
    lines = [(("    " if line.is_detail else "  ") + line.label, line.value) for line in words.lines(scope.figures)]
    width = max(len(label) for label, _ in lines) + 2
    return "\n".join([words.name(scope), *(f"{label:<{width}}{value}" for label, value in lines)])


def _row(report: Report, scope: Scope) -> Mapping[str, object]:
    zone, figures = report.month.timezone, scope.figures
    return {
        "month": str(report.month),
        "as_of": report.as_of.astimezone(zone).isoformat(),
        "scope": str(scope.kind),
        "name": _cell(scope.name),
        "department": _cell(scope.department),
        "received": figures.received,
        "set_aside": figures.set_aside,
        **_columns("acknowledged", figures.acknowledged),
        "acknowledged_not_due": figures.acknowledged_not_due,
        "withheld_missed": figures.withheld_missed,
        **_columns("answered", figures.answered),
        "answered_not_due": figures.answered_not_due,
        "closed_unanswered": figures.closed_unanswered,
        "answers": figures.answers,
        **{f"business_minutes_{name}": value for name, value in _spread(figures.business).items()},
        **{f"elapsed_minutes_{name}": value for name, value in _spread(figures.elapsed).items()},
        **_columns("promises", figures.promises),
        "promises_not_due": figures.promises_not_due,
        "reopened": figures.reopened,
        "open": figures.open,
        "overdue": figures.overdue,
        "suppressed": sum(figures.suppressed.values()),
        "suppressed_by": " ".join(f"{rule}={n}" for rule, n in figures.suppressed.items()),
        **{f"silent_{kind}": figures.silent.get(kind, 0) for kind in sorted(SILENT_REGISTER)},
    }


def _cell(text: str) -> str:
    """A text that a spreadsheet shows and doesn't calculate: what would be a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _columns(promise: str, share: Share) -> Mapping[str, object]:
    return {f"{promise}_{name}": value for name, value in _share(share).items()}


def _object(scope: Scope) -> Mapping[str, object]:
    figures = scope.figures
    return {
        "scope": str(scope.kind),
        "name": scope.name,
        "department": scope.department,
        "received": figures.received,
        "set_aside": figures.set_aside,
        "acknowledged": _share(figures.acknowledged),
        "acknowledged_not_due": figures.acknowledged_not_due,
        "withheld_missed": figures.withheld_missed,
        "answered": _share(figures.answered),
        "answered_not_due": figures.answered_not_due,
        "closed_unanswered": figures.closed_unanswered,
        "answers": figures.answers,
        "business_minutes": _spread(figures.business),
        "elapsed_minutes": _spread(figures.elapsed),
        "promises": _share(figures.promises),
        "promises_not_due": figures.promises_not_due,
        "reopened": figures.reopened,
        "open": figures.open,
        "overdue": figures.overdue,
        "suppressed": dict(figures.suppressed),
        "silent": {str(kind): figures.silent.get(kind, 0) for kind in sorted(SILENT_REGISTER)},
    }


def _share(share: Share) -> Mapping[str, object]:
    return {"met": share.met, "of": share.of, "percent": None if share.percent is None else float(share.percent)}


def _spread(times: Spread) -> Mapping[str, object]:
    return {"median": _minutes(times.median), "p90": _minutes(times.p90)}


def _minutes(length: timedelta | None) -> int | None:
    return None if length is None else length // _MINUTE  # whole ones
