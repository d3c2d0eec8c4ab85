"""Tell IT that the database takes nothing: the one trouble that the outbox can't carry.

progress (heartbeats, alerts, recording) ↔ the incident in memory → alerts ─→ submitted here, one at a time, by the
account of [alerts]

What becomes of each attempt follows the outbox's rules (`domain/settlements.py`). Each worker tells for itself: it may
be cut off alone. A restart forgets; it doesn't come far without its database.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailwatch.domain.incidents import AlertSettings, Incident, Trouble, TroubleKind
from mailwatch.domain.outbox import ClaimedEntry, EntryState, NewEntry, Outcome, OutcomeKind
from mailwatch.domain.settlements import fail, settle
from mailwatch.ports import Clock, Mailer
from mailwatch.services.accounts import PROBE_EVERY
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.log import Log
from mailwatch.services.progress import Progress

LEAST_SILENCE = timedelta(minutes=2)  # what goes on well is done once a minute, or more often
NO_ROW = 0  # what isn't in the database has no id


class DirectAlerts:
    """Watches what writes to the database all the time. `is_paused`: whether a person has paused sending.

    going_on   one of them silent for [alerts] after, at two ticks together, is the trouble
    about      this worker, as IT knows it: the host
    """

    def __init__(
        self,
        writer: AlertWriter,
        mailers: Mapping[str, Mailer],
        settings: AlertSettings,
        going_on: Sequence[Progress],
        is_paused: Callable[[], bool],
        about: str,
        clock: Clock,
        log: Log,
    ) -> None:
        self._writer = writer
        self._mailers = mailers
        self._account = settings.account
        self._after = max(settings.after, LEAST_SILENCE)
        self._going_on = going_on
        self._is_paused = is_paused
        self._about = about
        self._clock = clock
        self._log = log
        self._is_suspected = False
        self._incident: Incident | None = None
        self._well_since: datetime | None = None
        self._unsent: list[ClaimedEntry] = []
        self._rests_until: datetime | None = None

    async def tick(self) -> None:
        """Open or close the incident; submit what is still to be said of it."""
        now = self._clock.now()
        slowest = max(self._going_on, key=lambda progress: progress.silent_for)
        silence = timedelta(seconds=slowest.silent_for)
        if self._incident is None:
            if silence >= self._after and self._is_suspected:  # a process that was frozen has until its next tick
                self._open(slowest, now)
            self._is_suspected = silence >= self._after
        elif silence >= LEAST_SILENCE:
            self._well_since = None
        else:
            self._end(self._incident, now)
        await self._submit(now)

    def _open(self, slowest: Progress, now: datetime) -> None:
        trouble = Trouble(
            kind=TroubleKind.DATABASE_SILENT,
            about=self._about,
            since=now - timedelta(seconds=slowest.silent_for),
            data={"text": slowest.hindrance} if slowest.hindrance else {},
        )
        self._incident = Incident(id=NO_ROW, trouble=trouble, opened_at=now)
        self._well_since = None
        self._log.warning("incident.opened", kind=str(trouble.kind), about=self._about, since=str(trouble.since))
        self._write([self._incident], [], now)

    def _end(self, incident: Incident, now: datetime) -> None:
        """It is over once all has been well for as long as the trouble had to last."""
        self._well_since = self._well_since or now
        if now - self._well_since < self._after:
            return
        self._log.info("incident.closed", kind=str(incident.trouble.kind), about=self._about)
        self._write([], [replace(incident, ended_at=self._well_since)], now)
        self._incident, self._is_suspected = None, False

    def _write(self, began: Sequence[Incident], over: Sequence[Incident], now: datetime) -> None:
        since = (*began, *over)[0].trouble.since
        about = f"database:{self._about}:{since.isoformat()}:{'began' if began else 'over'}"
        self._unsent += [_in_hand(each, now) for each in self._writer.write(about, began, over, now)]

    async def _submit(self, now: datetime) -> None:
        """One after the other. Where one must come again, it comes last, and the server is left alone for a while."""
        if self._is_paused() or (self._rests_until is not None and now < self._rests_until):
            return
        self._rests_until = None
        while self._unsent and self._rests_until is None:
            left = await self._attempt(self._unsent[0], now)
            self._unsent = [*self._unsent[1:], *left]

    async def _attempt(self, entry: ClaimedEntry, now: datetime) -> list[ClaimedEntry]:
        """The entry, where it must come again."""
        if entry.give_up_at <= now:
            settlement = fail(entry, now, "its time had passed before it could be sent")
        else:
            outcome = await self._hand_over(entry)
            settlement = settle(entry, outcome, now, random.random())
            if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:  # a server that is asked too often locks the account
                settlement = replace(settlement, not_before=now + PROBE_EVERY)
        self._log.info(
            f"{entry.kind}.{settlement.state}",
            account=self._account,
            message_id=entry.message_id,
            attempt=entry.attempts,
            reason=settlement.reason,
        )
        if settlement.state is not EntryState.DEFERRED:
            return []
        self._rests_until = settlement.not_before
        return [replace(entry, attempts=entry.attempts + 1, doubts=settlement.doubts)]

    async def _hand_over(self, entry: ClaimedEntry) -> Outcome:
        try:
            return await self._mailers[self._account].submit(entry.envelope, entry.body)
        except Exception as fault:  # a fault of ours: it may or may not be out
            self._log.exception("submission.failed", message_id=entry.message_id)
            return Outcome(kind=OutcomeKind.UNCERTAIN, text=f"the submission broke off: {type(fault).__name__}")


def _in_hand(entry: NewEntry, now: datetime) -> ClaimedEntry:
    """As if it came from the outbox, at its first attempt."""
    return ClaimedEntry(
        id=NO_ROW,
        kind=entry.kind,
        mailbox="",
        request_id=None,
        reference="",
        request_state=None,
        sightings=(),
        message_id=entry.message_id,
        envelope=entry.envelope,
        body=entry.body,
        enqueued_at=now,
        give_up_at=entry.give_up_at,
        acknowledgement_due_at=None,
        attempts=1,
        doubts=0,
        claimed_until=entry.give_up_at,
    )
