"""While you were away: what came, what was answered and by whom, what waits. Told once, on the first business day back,
in that day's digest.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from mailwatch.domain.absences import Absence, find_absence, find_return_day
from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.covers import answerable
from mailwatch.domain.digests import WhileAway
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.ports import Transaction
from mailwatch.services.summarise import Summarise

LATEST = timedelta(days=14)  # who has been back for longer has seen for themselves


class Welcome:
    """Finds what people who are back are to be told."""

    def __init__(self, mailboxes: Mapping[str, Mailbox], calendar: ServiceCalendar, summarise: Summarise) -> None:
        self._mailboxes = mailboxes
        self._calendar = calendar
        self._summarise = summarise

    async def find(self, tx: Transaction, recipient: str, absences: Sequence[Absence], day: date) -> WhileAway | None:
        """What came while somebody was away who is back, and wasn't told of it yet; None where nothing came."""
        untold = await self._list_untold(tx, recipient, absences, day)
        if not untold:
            return None
        first = min(absence.away_from for absence in untold)
        back = max(self._back_on(absence, absences) or day for absence in untold)
        met = await tx.list_met(recipient, self._list_own(recipient), self._begins(first), self._begins(back))
        return self._summarise.while_away(recipient, first, met) if met else None

    async def note(self, tx: Transaction, recipient: str, absences: Sequence[Absence], day: date) -> None:
        """They are told: in the transaction that enqueues the digest."""
        for absence in await self._list_untold(tx, recipient, absences, day):
            await tx.begin_act(self._act(absence, absences), str(day))

    async def _list_untold(
        self, tx: Transaction, recipient: str, absences: Sequence[Absence], day: date
    ) -> list[Absence]:
        over = [each for each in absences if each.who == recipient and self._is_over(each, absences, day)]
        if not over or find_absence(recipient, day, absences):
            return []
        return [each for each in over if await tx.find_last_act(self._act(each, absences)) is None]

    def _act(self, absence: Absence, absences: Sequence[Absence]) -> str:
        """One that was ended, and begins again under its old name, ends on another day: of that, they are told."""
        return f"welcome {absence.id} {self._back_on(absence, absences)}"

    def _is_over(self, absence: Absence, absences: Sequence[Absence], day: date) -> bool:
        back = self._back_on(absence, absences)
        return back is not None and back <= day < back + LATEST

    def _back_on(self, absence: Absence, absences: Sequence[Absence]) -> date | None:
        return find_return_day(absence, absences, self._calendar)

    def _list_own(self, recipient: str) -> list[str]:
        """The mailboxes that a person answers for."""
        return [
            mailbox.address
            for mailbox in self._mailboxes.values()
            if any(person.email == recipient for person in answerable(mailbox))
        ]

    def _begins(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._calendar.timezone).astimezone(UTC)
