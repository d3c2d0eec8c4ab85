"""Tell IT that the database takes nothing: the one trouble that the outbox can't carry.

progress (heartbeats, alerts) ↔ the incident in memory → letters ─→ submitted here, by [alerts] smtp

Each worker tells for itself: it may be cut off alone. A restart forgets; it doesn't come far without its database.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailwatch.domain.incidents import AlertSettings, Incident, Trouble, TroubleKind
from mailwatch.domain.outbox import NewEntry, OutcomeKind
from mailwatch.ports import Clock, Mailer
from mailwatch.services.alert_letters import AlertLetters
from mailwatch.services.log import Log
from mailwatch.services.progress import Progress

SOON = timedelta(minutes=2)  # what goes on well is done once a minute, or more often: less than this is no silence
MOST_DOUBTS = 1  # how often a letter whose outcome is unknown leaves again, the same bytes under the same Message-ID
DONE = frozenset({OutcomeKind.SENT, OutcomeKind.FAILED})


@dataclass(frozen=True, slots=True)
class _Letter:
    """One that waits to be submitted. `doubts`: how often its outcome stayed unknown."""

    entry: NewEntry
    doubts: int = 0


class DirectAlerts:
    """Watches what writes to the database all the time. `is_paused`: whether a person has paused sending.

    going_on   one of them silent for [alerts] after, at two ticks together, is the trouble
    about      this worker, as IT knows it: the host
    """

    def __init__(
        self,
        letters: AlertLetters,
        mailers: Mapping[str, Mailer],
        settings: AlertSettings,
        going_on: Sequence[Progress],
        is_paused: Callable[[], bool],
        about: str,
        clock: Clock,
        log: Log,
    ) -> None:
        self._letters = letters
        self._mailers = mailers
        self._after = max(settings.after, SOON)
        self._going_on = going_on
        self._is_paused = is_paused
        self._about = about
        self._clock = clock
        self._log = log
        self._is_suspected = False
        self._incident: Incident | None = None
        self._well_since: datetime | None = None
        self._unsent: list[_Letter] = []

    async def tick(self) -> None:
        """Open or close the incident; submit what is still to be said of it."""
        now = self._clock.now()
        slowest = max(self._going_on, key=lambda progress: progress.silent_for)
        silence = timedelta(seconds=slowest.silent_for)
        if self._incident is None:
            if silence >= self._after and self._is_suspected:  # a process that was frozen has until its next tick
                self._open(slowest, now)
            self._is_suspected = silence >= self._after
        elif silence >= SOON:
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
        self._incident = Incident(id=0, trouble=trouble, opened_at=now)
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
        self._unsent += [_Letter(entry) for entry in self._letters.write(about, began, over, now)]

    async def _submit(self, now: datetime) -> None:
        """What is refused for now comes again at the next tick, until it is too old to be of use."""
        if self._is_paused():
            return
        waiting, self._unsent = [each for each in self._unsent if now < each.entry.give_up_at], []
        self._unsent += [left for left in await asyncio.gather(*map(self._submit_one, waiting)) if left is not None]

    async def _submit_one(self, letter: _Letter) -> _Letter | None:
        """The letter, where it must be tried again."""
        entry = letter.entry
        outcome = await self._mailers[entry.account].submit(entry.envelope, entry.body)
        self._log.info("alert.submitted", message_id=entry.message_id, outcome=str(outcome.kind), text=outcome.text)
        if outcome.kind in DONE:
            return None
        if outcome.kind is not OutcomeKind.UNCERTAIN:
            return letter
        return replace(letter, doubts=letter.doubts + 1) if letter.doubts < MOST_DOUBTS else None
