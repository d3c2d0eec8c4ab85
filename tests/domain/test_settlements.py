"""What becomes of an outbox entry: each outcome, with and without an earlier doubt, early and near its limit."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import INSCRIPTIONS, NOW

from mailwatch.domain.outbox import ClaimedEntry, EntryKind, EntryState, Envelope, Outcome, OutcomeKind
from mailwatch.domain.settlements import (
    LAST_UNREADABLE,
    LONGEST_PAUSE,
    UNREACHABLE_PAUSE,
    cancel,
    fail,
    give_back,
    is_urgent,
    put_off,
    settle,
)

ENTRY = ClaimedEntry(
    id=7,
    kind=EntryKind.ACKNOWLEDGEMENT,
    mailbox=INSCRIPTIONS,
    request_id=1,
    reference="MW-7F3K9Q",
    request_state="open",
    sightings=(),
    message_id="<mw.ack.0@x>",
    envelope=Envelope(reverse_path=INSCRIPTIONS, recipient="jean.cote@courriel.example"),
    body=b"",
    enqueued_at=NOW - timedelta(minutes=10),
    give_up_at=NOW + timedelta(hours=47),
    acknowledgement_due_at=NOW + timedelta(hours=48),
    attempts=1,
    doubts=0,
    claimed_until=NOW + timedelta(minutes=7),
)
SENT = Outcome(kind=OutcomeKind.SENT, code=250, text="queued")
LATER = Outcome(kind=OutcomeKind.DEFERRED, code=451, text="greylisted")
UNREACHABLE = Outcome(kind=OutcomeKind.DEFERRED, text="connection refused")
FAILED = Outcome(kind=OutcomeKind.FAILED, code=550, enhanced="5.1.1", text="no such user")
DOUBT = Outcome(kind=OutcomeKind.UNCERTAIN, text="the connection was lost")
REFUSED = Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, code=535, text="bad credentials")

LONG, SOON = timedelta(hours=47), timedelta(seconds=5)


# (outcome, doubts before, time left) → (state, doubts after)
@pytest.mark.parametrize(
    ("outcome", "doubts", "left", "state", "doubts_after"),
    [
        (SENT, 0, LONG, "sent", 0),
        (SENT, 1, SOON, "sent", 0),  # the store keeps the higher count
        (FAILED, 0, LONG, "failed", 0),
        (FAILED, 1, LONG, "failed", 1),
        (FAILED, 0, SOON, "failed", 0),
        (LATER, 0, LONG, "deferred", 0),
        (LATER, 1, LONG, "deferred", 1),
        (LATER, 0, SOON, "failed", 0),
        (LATER, 1, SOON, "failed", 1),
        (UNREACHABLE, 0, LONG, "deferred", 0),
        (UNREACHABLE, 0, SOON, "failed", 0),
        (DOUBT, 0, LONG, "deferred", 1),
        (DOUBT, 1, LONG, "uncertain", 2),
        (DOUBT, 2, LONG, "uncertain", 3),
        (DOUBT, 0, SOON, "uncertain", 1),  # not "failed": it may well have arrived
        (DOUBT, 1, SOON, "uncertain", 2),
        (REFUSED, 0, LONG, "deferred", 0),
        (REFUSED, 1, SOON, "deferred", 1),  # the account waits, not the entry; it is failed when it is claimed again
    ],
)
def test_each_outcome_settles_its_entry(
    outcome: Outcome, doubts: int, left: timedelta, state: str, doubts_after: int
) -> None:
    entry = replace(ENTRY, doubts=doubts, give_up_at=NOW + left)
    settlement = settle(entry, outcome, NOW, jitter=1.0)
    assert (settlement.entry_id, settlement.state, settlement.doubts) == (7, EntryState(state), doubts_after)
    assert (settlement.not_before is not None) == (state == "deferred")


def test_the_reason_names_the_code_and_the_servers_words() -> None:
    assert settle(ENTRY, FAILED, NOW, 0.5).reason == "550 no such user"
    assert settle(ENTRY, UNREACHABLE, NOW, 0.5).reason == "connection refused"


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 60), (2, 120), (3, 240), (6, 1920), (7, LONGEST_PAUSE.total_seconds()), (500, LONGEST_PAUSE.total_seconds())],
)
def test_pauses_double_up_to_an_hour(attempts: int, seconds: float) -> None:
    settlement = settle(replace(ENTRY, attempts=attempts), LATER, NOW, jitter=1.0)
    assert settlement.not_before == NOW + timedelta(seconds=seconds)


def test_jitter_halves_a_pause_at_most() -> None:
    assert settle(ENTRY, LATER, NOW, jitter=0.0).not_before == NOW + timedelta(seconds=30)


def test_an_unreachable_server_does_not_make_the_pauses_of_a_message_grow() -> None:
    settlement = settle(replace(ENTRY, attempts=9), UNREACHABLE, NOW, jitter=1.0)
    assert settlement.not_before == NOW + UNREACHABLE_PAUSE


def test_a_refused_account_costs_its_entries_no_time() -> None:
    assert settle(ENTRY, REFUSED, NOW, 1.0).not_before == NOW


def test_an_attempt_exactly_at_the_limit_is_not_made_any_more() -> None:
    entry = replace(ENTRY, give_up_at=NOW + timedelta(minutes=1))
    assert settle(entry, LATER, NOW, jitter=1.0).state is EntryState.FAILED
    assert settle(entry, LATER, NOW, jitter=0.9).state is EntryState.DEFERRED


def test_what_was_not_tried_keeps_its_doubts() -> None:
    entry = replace(ENTRY, doubts=1)
    given_back = give_back(entry, NOW)
    assert (given_back.state, given_back.not_before, given_back.doubts) == (EntryState.PENDING, NOW, 1)
    assert fail(entry, NOW, "too late").doubts == 1
    assert put_off(entry, NOW, "unreadable").doubts == 1
    cancelled = cancel(entry, NOW, "answered", "\\Answered")
    assert (cancelled.state, cancelled.doubts, cancelled.answered_by) == (EntryState.CANCELLED, 1, "\\Answered")


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 30), (3, 60), (50, LAST_UNREADABLE.total_seconds())])
def test_an_unreadable_mailbox_is_asked_again_after_growing_pauses(attempts: int, seconds: float) -> None:
    settlement = put_off(replace(ENTRY, attempts=attempts), NOW, "unreadable")
    assert settlement.not_before == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("after", "urgent"), [(timedelta(hours=23), False), (timedelta(hours=24), True), (timedelta(hours=49), True)]
)
def test_past_half_of_its_time_an_acknowledgement_is_urgent(after: timedelta, urgent: bool) -> None:
    entry = replace(ENTRY, enqueued_at=NOW, acknowledgement_due_at=NOW + timedelta(hours=48))
    assert is_urgent(entry, NOW + after) is urgent


def test_what_has_no_due_instant_is_never_urgent() -> None:
    assert not is_urgent(replace(ENTRY, acknowledgement_due_at=None), NOW + timedelta(days=9))
