"""What becomes of an outbox entry after an attempt, or instead of one. Pure: the jitter is an argument.

sent → sent        refused for now → deferred, with a growing pause, until the entry's own limit → failed
refused → failed   unknown → deferred once, with the same bytes; unknown again → uncertain, left to a person
"""

from datetime import datetime, timedelta

from mailwatch.domain.outbox import ClaimedEntry, EntryState, Outcome, OutcomeKind, Settlement

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
UNREACHABLE_PAUSE = timedelta(seconds=20)  # the account rests meanwhile; its entries wait little longer
FIRST_UNREADABLE, LAST_UNREADABLE = timedelta(seconds=15), timedelta(minutes=5)  # until a mailbox is asked again


def settle(entry: ClaimedEntry, outcome: Outcome, now: datetime, jitter: float) -> Settlement:
    """What an outcome makes of its entry. `jitter` in [0, 1] spreads what was deferred together."""
    reason = " ".join(part for part in (str(outcome.code or ""), outcome.text) if part)
    if outcome.kind is OutcomeKind.SENT:
        return Settlement(entry_id=entry.id, state=EntryState.SENT, reason=reason, at=now)
    if outcome.kind is OutcomeKind.FAILED:
        return fail(entry, now, reason)
    if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:  # the account waits, not the entry
        return _deferred(entry, now, reason, now)
    pause = _pause(entry, outcome) * (0.5 + jitter / 2)
    is_over = now + pause >= entry.give_up_at
    if outcome.kind is OutcomeKind.UNCERTAIN:
        if entry.doubts or is_over:  # not "failed": it may well have arrived
            doubts = entry.doubts + 1
            return Settlement(entry_id=entry.id, state=EntryState.UNCERTAIN, reason=reason, at=now, doubts=doubts)
        return _deferred(entry, now, reason, now + pause, doubts=1)
    if is_over:
        return fail(entry, now, f"given up: {reason}")
    return _deferred(entry, now, reason, now + pause)


def _pause(entry: ClaimedEntry, outcome: Outcome) -> timedelta:
    if outcome.code == 0 and outcome.kind is OutcomeKind.DEFERRED:
        return UNREACHABLE_PAUSE  # the server could not be reached: not this message's fault
    return _growing(FIRST_PAUSE, entry.attempts, LONGEST_PAUSE)


def _growing(first: timedelta, attempts: int, longest: timedelta) -> timedelta:
    """Twice as long after every attempt."""
    return min(first * (1 << min(attempts - 1, 10)), longest)


def fail(entry: ClaimedEntry, now: datetime, reason: str) -> Settlement:
    """Never again; a person is shown why."""
    return Settlement(entry_id=entry.id, state=EntryState.FAILED, reason=reason, at=now, doubts=entry.doubts)


def cancel(entry: ClaimedEntry, now: datetime, reason: str, answered_by: str = "") -> Settlement:
    """Not wanted any more; `answered_by`: the evidence that a person answered."""
    state = EntryState.CANCELLED
    return Settlement(
        entry_id=entry.id, state=state, reason=reason, at=now, doubts=entry.doubts, answered_by=answered_by
    )


def put_off(entry: ClaimedEntry, now: datetime, reason: str) -> Settlement:
    """Not tried: what must be known first can't be read for now."""
    pause = _growing(FIRST_UNREADABLE, entry.attempts, LAST_UNREADABLE)
    return _deferred(entry, now, reason, now + pause)


def give_back(entry: ClaimedEntry, now: datetime) -> Settlement:
    """Not tried: the account rests, or sending is paused."""
    state = EntryState.PENDING
    return Settlement(entry_id=entry.id, state=state, reason="", at=now, not_before=now, doubts=entry.doubts)


def is_urgent(entry: ClaimedEntry, now: datetime) -> bool:
    """Past half of its time: better a receipt beside an answer than none at all."""
    if entry.acknowledgement_due_at is None:
        return False
    return now >= entry.enqueued_at + (entry.acknowledgement_due_at - entry.enqueued_at) / 2


def _deferred(
    entry: ClaimedEntry, now: datetime, reason: str, not_before: datetime, doubts: int | None = None
) -> Settlement:
    return Settlement(
        entry_id=entry.id,
        state=EntryState.DEFERRED,
        reason=reason,
        at=now,
        not_before=not_before,
        doubts=entry.doubts if doubts is None else doubts,
    )
