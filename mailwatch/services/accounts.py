"""An SMTP account as this process sees it: what it has in hand, and whether it may be used now."""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailwatch.domain.outbox import ClaimedEntry, Outcome, OutcomeKind
from mailwatch.ports import Mailer
from mailwatch.services.log import Log

PROBE_EVERY = timedelta(minutes=15)
CONNECTION_PAUSE = (1.0, 60.0)  # seconds an unreachable SMTP server is left alone, first and at most


@dataclass(slots=True)
class SendingAccount:
    """The account, its entries on their way, and how its server behaves.

    mailboxes  those it submits for; none where it sends digests or alerts alone
    queue      entries that may leave, each with the term of our presence in which it was claimed
    """

    name: str
    mailer: Mailer
    mailboxes: tuple[str, ...]
    queue: "asyncio.Queue[tuple[ClaimedEntry, int]]"
    in_hand: int = 0  # claimed and not settled
    pause: float = 0.0
    resting_until: datetime | None = None
    stopped_at: datetime | None = None  # the server refuses the account: probed, not used
    is_probing: bool = False
    is_proven: bool = False  # it was accepted since we began: what an earlier process said of it is over

    def is_usable(self, now: datetime) -> bool:
        """Whether anything may be submitted: it is neither stopped nor left alone."""
        return self.stopped_at is None and not self._is_resting(now)

    def _is_resting(self, now: datetime) -> bool:
        """A rest that would last longer than any does was begun before the clock was set back: it is over."""
        if self.resting_until is None:
            return False
        return timedelta() < self.resting_until - now <= timedelta(seconds=CONNECTION_PAUSE[1])

    def is_to_be_probed(self, now: datetime) -> bool:
        """Whether a stopped account is asked again; at once where the clock was set back since."""
        return self.stopped_at is not None and not self.is_probing and abs(now - self.stopped_at) >= PROBE_EVERY

    def mind(self, outcome: Outcome, now: datetime, log: Log) -> None:
        """A refused account is stopped; an unreachable server is left alone for a growing while."""
        if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:
            if self.stopped_at is None:
                log.warning("account.stopped", account=self.name, code=outcome.code, text=outcome.text)
            self.stopped_at = now
        elif outcome.kind is OutcomeKind.DEFERRED and outcome.code == 0:
            first, most = CONNECTION_PAUSE
            self.pause = min(max(self.pause * 2, first), most)
            self.resting_until = now + timedelta(seconds=self.pause * random.uniform(0.5, 1.0))
        else:
            self.pause, self.resting_until = 0.0, None

    def note_recorded(self, outcome: Outcome) -> None:
        """An outcome is on disk, and with it what it says of the account's switch."""
        if outcome.kind in (OutcomeKind.SENT, OutcomeKind.ACCOUNT_REFUSED):
            self.is_proven = outcome.kind is OutcomeKind.SENT
