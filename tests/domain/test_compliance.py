"""What counts as met, missed, or not to be judged yet; and how the counts become figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from builders import INSCRIPTIONS, NOW, a_calendar
from hypothesis import given
from hypothesis import strategies as st

from mailwatch.domain.compliance import Handling, Judgement, Month, Outcome, ResponseTime, TimedRun, judge
from mailwatch.domain.figures import Figures, Ledger, ScopeKind, Share, Spread, Tally, spread
from mailwatch.domain.requests import EventKind
from mailwatch.domain.verdicts import Kind

TORONTO = ZoneInfo("America/Toronto")
ACKNOWLEDGEMENT_DUE = NOW + timedelta(hours=48)  # Wednesday 10:00
ANSWER_DUE = datetime(2026, 11, 30, 21, 30, tzinfo=UTC)  # Monday 16:30
A_MOMENT = timedelta(microseconds=1)


def a_run(stopped_at: datetime | None = None, by: EventKind = EventKind.ANSWERED, **fields: Any) -> TimedRun:
    """The clock of a request received on Monday 23 November 2026 at 10:00."""
    stop = {"stopped_at": stopped_at, "stopped_by": by} if stopped_at else {}
    return TimedRun(**({"started_at": NOW, "due_at": ANSWER_DUE} | stop | fields))


def a_handling(*runs: TimedRun, **fields: Any) -> Handling:
    """That request, acknowledged after ten minutes."""
    defaults: dict[str, Any] = {
        "mailbox": INSCRIPTIONS,
        "received_at": NOW,
        "acknowledgement_due_at": ACKNOWLEDGEMENT_DUE,
        "acknowledged_at": NOW + timedelta(minutes=10),
        "announced_due_at": ANSWER_DUE,
        "set_aside_at": None,
        "suppressed_by": None,
        "runs": runs or (a_run(),),
        "calendar": a_calendar(),
    }
    return Handling(**(defaults | fields))


def a_judgement(**fields: Any) -> Judgement:
    """Of a request that was acknowledged and answered in time."""
    done = judge(a_handling(a_run(NOW + timedelta(hours=1))), ANSWER_DUE)
    return replace(done, **fields)


# --- months -----------------------------------------------------------------------------------------------------------


def test_a_month_begins_and_ends_at_local_midnight_whatever_the_clocks_do() -> None:
    november = Month.parse("2026-11", TORONTO)
    assert november.starts_at == datetime(2026, 11, 1, 4, tzinfo=UTC)  # summer time until that night
    assert november.ends_at == datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert str(november) == "2026-11"


def test_after_december_comes_january() -> None:
    assert Month.parse("2026-12", TORONTO).ends_at == Month.parse("2027-01", TORONTO).starts_at


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "11-2026", "2026-11-01", "novembre", "1066-10", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'expected a month such as "2026-11"'):
        Month.parse(text, TORONTO)


# --- the acknowledgement ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acknowledged_at", "answered_at", "as_of", "expected"),
    [
        (ACKNOWLEDGEMENT_DUE, None, ANSWER_DUE, Outcome.MET),  # exactly at the limit
        (ACKNOWLEDGEMENT_DUE + A_MOMENT, None, ANSWER_DUE, Outcome.MISSED),
        (None, None, ACKNOWLEDGEMENT_DUE, Outcome.NOT_DUE),
        (None, None, ACKNOWLEDGEMENT_DUE + A_MOMENT, Outcome.MISSED),
        (None, ACKNOWLEDGEMENT_DUE, ANSWER_DUE, Outcome.MET),  # an answer does for it
        (ANSWER_DUE, NOW, ANSWER_DUE, Outcome.MET),
        (ACKNOWLEDGEMENT_DUE, None, NOW, Outcome.NOT_DUE),  # it was to come later
        (None, ACKNOWLEDGEMENT_DUE + A_MOMENT, ANSWER_DUE, Outcome.MISSED),
    ],
)
def test_an_acknowledgement_or_an_answer_by_the_limit_keeps_the_first_promise(
    acknowledged_at: datetime | None, answered_at: datetime | None, as_of: datetime, expected: Outcome
) -> None:
    handling = a_handling(a_run(answered_at), acknowledged_at=acknowledged_at)
    assert judge(handling, as_of).acknowledgement is expected


def test_closing_a_request_does_not_acknowledge_it() -> None:
    handling = a_handling(a_run(NOW, EventKind.CLOSED), acknowledged_at=None)
    assert judge(handling, ANSWER_DUE).acknowledgement is Outcome.MISSED


# --- the answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [EventKind.ANSWERED, EventKind.CLOSED])
def test_answering_and_closing_stop_the_clock_and_exactly_at_the_limit_is_in_time(kind: EventKind) -> None:
    assert judge(a_handling(a_run(ANSWER_DUE, kind)), ANSWER_DUE).answer is Outcome.MET
    late = judge(a_handling(a_run(ANSWER_DUE + A_MOMENT, kind)), ANSWER_DUE + A_MOMENT)
    assert late.answer is Outcome.MISSED
    assert late.is_closed_unanswered is (kind is EventKind.CLOSED)


def test_a_running_clock_is_judged_only_once_its_limit_is_past() -> None:
    before, after = (judge(a_handling(), as_of) for as_of in (ANSWER_DUE, ANSWER_DUE + A_MOMENT))
    assert (before.answer, before.is_open, before.is_overdue) == (Outcome.NOT_DUE, True, False)
    assert (after.answer, after.is_open, after.is_overdue) == (Outcome.MISSED, True, True)


def test_every_run_must_have_been_in_time() -> None:
    again = NOW + timedelta(days=1)
    late = a_run(ANSWER_DUE + timedelta(days=9), started_at=again, due_at=ANSWER_DUE + timedelta(days=1))
    handling = a_handling(a_run(NOW + timedelta(hours=1)), late)
    assert judge(handling, ANSWER_DUE + timedelta(days=10)).answer is Outcome.MISSED
    assert judge(handling, ANSWER_DUE).answer is Outcome.MET  # the second was still running, and not due
    assert judge(handling, ANSWER_DUE).is_reopened
    assert not judge(handling, again - A_MOMENT).is_reopened


def test_a_run_that_was_set_aside_promised_nothing() -> None:
    late = ANSWER_DUE + timedelta(days=3)
    handling = a_handling(a_run(late, EventKind.SET_ASIDE), a_run(started_at=late, due_at=late + timedelta(days=7)))
    judgement = judge(handling, late + timedelta(days=1))
    assert (judgement.answer, judgement.is_set_aside, judgement.is_reopened) == (Outcome.NOT_DUE, False, True)


def test_a_request_is_set_aside_from_the_instant_at_which_it_was() -> None:
    answered = a_run(NOW + timedelta(hours=1))
    handling = a_handling(answered, set_aside_at=ANSWER_DUE)  # after it had been answered
    assert not judge(handling, ANSWER_DUE - A_MOMENT).is_set_aside
    assert judge(handling, ANSWER_DUE).is_set_aside
    assert judge(a_handling(a_run(ANSWER_DUE, EventKind.SET_ASIDE)), ANSWER_DUE).is_set_aside


def test_response_times_are_of_answers_alone_in_open_time_and_on_the_clock() -> None:
    tuesday = NOW + timedelta(days=1)
    runs = (a_run(tuesday), a_run(ANSWER_DUE, EventKind.CLOSED, started_at=tuesday))
    assert judge(a_handling(*runs), ANSWER_DUE).response_times == (
        ResponseTime(business=timedelta(hours=7), elapsed=timedelta(hours=24)),
    )
    assert judge(a_handling(*runs), tuesday - A_MOMENT).response_times == ()


# --- the date announced -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stopped_at", "by", "expected"),
    [
        (datetime(2026, 12, 1, 4, 59, tzinfo=UTC), EventKind.ANSWERED, Outcome.MET),  # 30 November, 23:59 in Toronto
        (datetime(2026, 12, 1, 5, 0, tzinfo=UTC), EventKind.ANSWERED, Outcome.MISSED),
        (ANSWER_DUE, EventKind.CLOSED, Outcome.MET),
        (ANSWER_DUE, EventKind.SET_ASIDE, Outcome.MISSED),
        (None, EventKind.ANSWERED, Outcome.MISSED),
    ],
)
def test_a_date_announced_is_kept_until_its_last_minute(
    stopped_at: datetime | None, by: EventKind, expected: Outcome
) -> None:
    assert judge(a_handling(a_run(stopped_at, by)), ANSWER_DUE + timedelta(days=2)).promise is expected


def test_a_date_announced_is_judged_once_it_is_past() -> None:
    last_minute = datetime(2026, 12, 1, 4, 59, tzinfo=UTC)
    assert judge(a_handling(), last_minute).promise is Outcome.NOT_DUE
    assert judge(a_handling(), last_minute + timedelta(minutes=1)).promise is Outcome.MISSED


@pytest.mark.parametrize("fields", [{"announced_due_at": None}, {"acknowledged_at": None}])
def test_what_was_never_announced_is_no_promise(fields: dict[str, None]) -> None:
    assert judge(a_handling(a_run(ANSWER_DUE), **fields), ANSWER_DUE).promise is None


def test_nothing_is_announced_before_the_acknowledgement_went_out() -> None:
    handling = a_handling(acknowledged_at=ANSWER_DUE)
    assert judge(handling, ANSWER_DUE - A_MOMENT).promise is None
    assert judge(handling, ANSWER_DUE).promise is Outcome.NOT_DUE


def test_the_first_answer_keeps_the_promise_whatever_follows() -> None:
    again = ANSWER_DUE + timedelta(days=1)
    handling = a_handling(a_run(ANSWER_DUE), a_run(started_at=again, due_at=again + timedelta(days=7)))
    assert judge(handling, again + timedelta(days=30)).promise is Outcome.MET


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("met", "of", "expected"),
    [(0, 3, "0"), (2, 3, "66.6"), (3, 3, "100"), (2499, 2500, "99.9"), (29_999, 30_000, "99.9"), (1, 2000, "0")],
)
def test_percentages_are_rounded_down_so_that_only_all_are_a_hundred(met: int, of: int, expected: str) -> None:
    assert Share(met=met, of=of).percent == Decimal(expected)


def test_a_share_of_nothing_has_no_percentage() -> None:
    assert Share().percent is None


@given(st.integers(1, 10**6).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_percentage_never_flatters(pair: tuple[int, int]) -> None:
    met, of = pair
    percent = Share(met=met, of=of).percent
    assert percent is not None
    assert 0 <= met * 100 - percent * of < Decimal(of) / 10
    assert (percent == 100) is (met == of)


@pytest.mark.parametrize(
    ("seconds", "median", "p90"),
    [
        ([7], 7, 7),
        ([1, 4], 2, 4),  # 2.5, rounded down
        ([9, 1, 5], 5, 9),
        ([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 55, 90),
        (list(range(1, 12)), 6, 10),
    ],
)
def test_median_and_90th_percentile(seconds: list[int], median: int, p90: int) -> None:
    assert spread(seconds) == Spread(median=timedelta(seconds=median), p90=timedelta(seconds=p90))


def test_no_lengths_have_no_median() -> None:
    assert spread([]) == Spread()


@given(st.lists(st.integers(0, 10**8), min_size=1))
def test_nine_in_ten_are_at_or_below_the_90th_percentile_and_fewer_below(seconds: list[int]) -> None:
    p90 = spread(seconds).p90
    assert p90 is not None
    value = p90 // timedelta(seconds=1)
    assert sum(each <= value for each in seconds) * 10 >= len(seconds) * 9
    assert sum(each < value for each in seconds) * 10 < len(seconds) * 9


def test_what_was_set_aside_is_counted_and_in_no_other_figure() -> None:
    tally = Tally()
    tally.add(a_judgement(is_set_aside=True, is_open=True, is_overdue=True, suppressed_by="forwarded"))
    assert tally.figures() == Figures(received=1, set_aside=1)


def test_only_missed_acknowledgements_count_as_withheld_and_missed() -> None:
    tally = Tally()
    tally.add(a_judgement(suppressed_by="forwarded", acknowledgement=Outcome.MISSED))
    tally.add(a_judgement(suppressed_by="forwarded"))
    tally.add(a_judgement(acknowledgement=Outcome.MISSED))
    figures = tally.figures()
    assert (figures.withheld_missed, figures.suppressed) == (1, {"forwarded": 2})
    assert figures.acknowledged == Share(met=1, of=3)


def test_an_unused_tally_is_all_zero() -> None:
    assert Tally().figures() == Figures()


def test_a_ledger_counts_each_request_for_its_mailbox_its_department_and_in_total() -> None:
    ledger = Ledger({"b@x": "Library", "a@x": "Library", "c@x": ""})
    ledger.add("a@x", a_judgement())
    ledger.add("gone@x", a_judgement())
    ledger.add_silent("b@x", Kind.SPAM, 3)
    assert [(s.kind, s.name, s.figures.received, sum(s.figures.silent.values())) for s in ledger.scopes()] == [
        (ScopeKind.MAILBOX, "a@x", 1, 0),
        (ScopeKind.MAILBOX, "b@x", 0, 3),
        (ScopeKind.MAILBOX, "c@x", 0, 0),
        (ScopeKind.MAILBOX, "gone@x", 1, 0),
        (ScopeKind.DEPARTMENT, "Library", 1, 3),
        (ScopeKind.TOTAL, "", 2, 3),
    ]
    assert [s.kind for s in ledger.scopes(with_departments=False)].count(ScopeKind.DEPARTMENT) == 0
