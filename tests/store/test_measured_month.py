"""A month's figures, read from the database: those of tests/store/november.py, worked out by hand."""

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from store.conftest import SqliteDatabases
from store.november import (
    AS_OF,
    DEPARTMENTS,
    EXPECTED,
    FORMER,
    INSCRIPTIONS,
    LATER,
    NOVEMBER,
    OTHER,
    ZONE,
    november,
    play,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.compliance import Month
from mailwatch.domain.figures import Figures, ScopeKind, Share
from mailwatch.domain.verdicts import Kind
from mailwatch.store.compliance import list_mailboxes, measure_month
from mailwatch.store.store import SqlStore, open_store


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(november(0, "12:00"))


async def test_a_november_worked_out_by_hand(store: SqlStore, clock: MovableClock) -> None:
    await play(store, clock)

    report = await measure_month(store, NOVEMBER, as_of=AS_OF, departments=DEPARTMENTS)

    mailboxes = {scope.name: scope.figures for scope in report.scopes if scope.kind is not ScopeKind.DEPARTMENT}
    assert mailboxes[INSCRIPTIONS] == EXPECTED[INSCRIPTIONS]
    assert mailboxes[OTHER] == EXPECTED[OTHER]
    assert mailboxes[FORMER] == EXPECTED[FORMER]
    assert mailboxes[""] == report.total == EXPECTED[""]
    assert [(scope.kind.value, scope.name, scope.department) for scope in report.scopes] == [
        ("mailbox", FORMER, ""),
        ("mailbox", OTHER, "Bibliothèque"),
        ("mailbox", INSCRIPTIONS, "Inscriptions"),
        ("department", "Bibliothèque", "Bibliothèque"),
        ("department", "Inscriptions", "Inscriptions"),
        ("total", "", ""),
    ]


async def test_what_happens_after_the_report_changes_only_a_later_one(store: SqlStore, clock: MovableClock) -> None:
    await play(store, clock)

    later = (await measure_month(store, NOVEMBER, as_of=LATER, departments=DEPARTMENTS)).total

    # On 3 December the 9th, which was overdue, was set aside, and the 18th, which had been answered.
    assert (later.received, later.set_aside) == (17, 3)
    assert later.acknowledged == Share(met=10, of=14)  # the limits of the 11th and the 14th have passed since
    assert later.answered == Share(met=9, of=14)  # the 10th in time; the 11th, 13th and 14th fell due
    assert (later.open, later.overdue, later.answered_not_due) == (3, 3, 0)
    assert later.promises == Share(met=8, of=9)  # the 10th is kept; the 13th announced 4 December
    assert later.silent == {Kind.BULK: 2, Kind.SPAM: 1}


async def test_a_report_as_of_the_middle_of_the_month_knows_nothing_of_the_rest(
    store: SqlStore, clock: MovableClock
) -> None:
    await play(store, clock)

    report = await measure_month(store, NOVEMBER, as_of=november(11, "09:30"), departments=DEPARTMENTS)

    assert report.is_provisional
    assert (report.total.received, report.total.set_aside) == (9, 0)
    assert (report.total.open, report.total.closed_unanswered, report.total.reopened) == (1, 0, 0)
    assert report.total.answers == 8


async def test_one_mailbox_is_reported_with_its_total_and_no_department(store: SqlStore, clock: MovableClock) -> None:
    await play(store, clock)

    report = await measure_month(store, NOVEMBER, as_of=AS_OF, departments=DEPARTMENTS, mailbox=OTHER)

    assert [(scope.kind, scope.name) for scope in report.scopes] == [(ScopeKind.MAILBOX, OTHER), (ScopeKind.TOTAL, "")]
    assert [scope.figures for scope in report.scopes] == [EXPECTED[OTHER], EXPECTED[OTHER]]


async def test_one_department_is_reported_with_its_mailboxes(store: SqlStore, clock: MovableClock) -> None:
    await play(store, clock)

    report = await measure_month(store, NOVEMBER, as_of=AS_OF, departments=DEPARTMENTS, department="Inscriptions")

    assert [scope.name for scope in report.scopes] == [INSCRIPTIONS, "Inscriptions", ""]
    assert [scope.figures for scope in report.scopes] == [EXPECTED[INSCRIPTIONS]] * 3


async def test_an_empty_month_is_reported_for_every_mailbox_of_the_configuration(store: SqlStore) -> None:
    month = Month.parse("2026-01", ZONE)

    report = await measure_month(store, month, as_of=AS_OF, departments=DEPARTMENTS)

    assert [scope.name for scope in report.scopes] == [OTHER, INSCRIPTIONS, "Bibliothèque", "Inscriptions", ""]
    assert [scope.figures for scope in report.scopes] == [Figures()] * 5


async def test_every_mailbox_ever_watched_is_listed(store: SqlStore, clock: MovableClock) -> None:
    assert await list_mailboxes(store) == []
    await play(store, clock)
    assert await list_mailboxes(store) == sorted([FORMER, OTHER, INSCRIPTIONS])


async def test_the_requests_of_a_month_are_found_by_when_they_were_received(
    sqlite_pattern: Path, tmp_path: Path, clock: MovableClock
) -> None:
    """Neither the table of requests, nor that of earlier clocks, nor a mailbox's history is read from end to end."""
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        seen.append((statement, parameters))

    url = await SqliteDatabases(tmp_path, sqlite_pattern).migrated()
    store = open_store(url, clock)
    await store.open()
    event.listen(Engine, "before_cursor_execute", note)
    try:
        await measure_month(store, NOVEMBER, as_of=AS_OF + timedelta(days=1), departments=DEPARTMENTS)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        await store.close()
    ((statement, parameters),) = [one for one in seen if "FROM request LEFT OUTER JOIN" in one[0]]
    connection = sqlite3.connect(url.partition(":///")[2])
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    connection.close()
    assert plan[0].startswith("SEARCH request USING INDEX ix_request_received_at (received_at>? AND received_at<?)")
    assert [step for step in plan if step.startswith("SCAN")] == []
