"""Escalate what is late, and tell each person once a business day, in one digest.

Every tick writes the escalations that are due. From the digest's hour on, the first tick of a business day tells
everybody who has something to do, each in a transaction of their own; the act's row is what makes once true. Ticks
that were missed are made good by one: a digest says what is so now, whatever days went by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import ServiceCalendar, closing_at, local_date
from mailwatch.domain.digests import Digest
from mailwatch.domain.escalations import (
    MANAGER,
    OWNER,
    Level,
    Unsettled,
    due_horizon,
    gather_concerns,
    list_escalations,
)
from mailwatch.domain.mailboxes import Mailbox, Organisation
from mailwatch.domain.outbox import EntryKind
from mailwatch.ports import Clock, Renderer, Store, Transaction
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import CONFIGURATION, foresee
from mailwatch.services.log import Log
from mailwatch.services.report_sender import ReportSender
from mailwatch.services.roster import Roster
from mailwatch.services.summarise import Summarise
from mailwatch.services.welcome import Welcome

MAKING_GOOD = timedelta(hours=1)  # for digests whose hour lies at the end of the service's hours, or past it
FARTHEST = timedelta(days=10 * 366)  # nothing is due later
FIRST_COUNT = timedelta(days=7)  # of the silent register, for those who never had a digest


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateSettings:
    """The keys of [digest], resolved.

    at             local time of the digests
    details        show sender and subject to managers and directors, too
    sender         address that digests come from
    account        SMTP account that submits them
    message_link   URL with {message_id}, {mailbox}, {reference}; "" for none
    tells_cover    list for delegates what came in for them, though it is neither late nor at risk yet
    give_up_after  how long a digest may wait for its SMTP server; less than a day, or two would come at once
    """

    at: time
    details: bool
    sender: str
    account: str
    message_link: str
    tells_cover: bool = False
    give_up_after: timedelta = timedelta(hours=12)


class Escalate:
    """The tick that reports what is late."""

    def __init__(
        self,
        store: Store,
        renderer: Renderer,
        organisation: Organisation,
        calendar: ServiceCalendar,
        mailboxes: Sequence[Mailbox],
        levels: Sequence[Level],
        settings: EscalateSettings,
        clock: Clock,
        log: Log,
        key: bytes,
    ) -> None:
        self._store = store
        self._renderer = renderer
        self._organisation = organisation
        self._calendar = calendar
        self._roster = Roster(mailboxes)
        self._mailboxes = {mailbox.address: mailbox for mailbox in mailboxes}
        self._calendars = {one.digest: one for one in (calendar, *(box.standard.calendar for box in mailboxes))}
        self._summarise = Summarise(
            organisation, self._mailboxes, details=settings.details, message_link=settings.message_link
        )
        self._welcome = Welcome(self._mailboxes, calendar, self._summarise)
        self._levels = levels
        self._settings = settings
        self._clock = clock
        self._log = log
        self._sender = ReportSender(
            key=key,
            name=organisation.name,
            address=settings.sender,
            account=settings.account,
            give_up_after=settings.give_up_after,
        )
        self._told_on: date | None = None  # everybody was seen to; after a restart the acts' rows say so
        self._failed: set[tuple[str, date]] = set()  # logged once, tried at every tick

    async def tick(self) -> bool:
        """Escalate, and tell whom there is to tell; whether anything was enqueued."""
        now = self._clock.now()
        await self._escalate(now)
        day = self._find_day(now)
        if day is None or day == self._told_on:
            return False
        return await self._tell(day, now)

    async def preview(self, recipient: str, now: datetime, configured: Sequence[KeptAbsence]) -> Digest:
        """What a person would be told if digests were made now; perhaps empty. Writes nothing.

        configured  the configuration's absences, which the service takes over when it starts
        """
        day = local_date(self._calendar, now)
        async with self._store.transaction() as tx:
            unsettled = await self._list_to_tell(tx, now)
            absences = foresee(await tx.list_kept(), CONFIGURATION, configured, local_date(self._calendar, tx.now))
            (digest,) = await self._make_digests(tx, unsettled, [recipient], absences, day, now)
        return digest

    async def _escalate(self, now: datetime) -> None:
        async with self._store.transaction() as tx:
            unsettled = await self._list_unsettled(tx, now)
            count = await tx.escalate(list_escalations(unsettled, self._levels, self._mailboxes, now))
        if count:
            self._log.info("requests.escalated", count=count)

    async def _list_unsettled(self, tx: Transaction, now: datetime) -> Sequence[Unsettled]:
        """What has reached a level, or may have."""
        return await tx.list_unsettled(due_horizon(self._levels, self._calendars.values(), now))

    async def _list_to_tell(self, tx: Transaction, now: datetime) -> Sequence[Unsettled]:
        """What digests may tell of: for delegates also what is due long from now."""
        if self._settings.tells_cover:
            return await tx.list_unsettled(now + FARTHEST)
        return await self._list_unsettled(tx, now)

    def _find_day(self, now: datetime) -> date | None:
        """The local date whose digests are to be made now; None out of their hours."""
        day = local_date(self._calendar, now)
        closes = closing_at(self._calendar, day)
        if closes is None:
            return None
        begins = datetime.combine(day, self._settings.at, self._calendar.timezone).astimezone(UTC)
        return day if begins <= now <= max(closes, begins + MAKING_GOOD) else None

    async def _tell(self, day: date, now: datetime) -> bool:
        """See to every recipient who wasn't seen to yet."""
        async with self._store.transaction() as tx:
            unsettled = await self._list_to_tell(tx, now)
            absences = (await self._roster.read(tx)).absences
            everyone = sorted(self._list_everyone(unsettled, absences))
            untold = [each for each in everyone if not await self._is_seen_to(tx, each, day)]
            digests = await self._make_digests(tx, unsettled, untold, absences, day, now)
            for digest in digests:
                if digest.is_empty:
                    await tx.begin_act(_act(digest.recipient), str(day))
        outcomes = [await self._try_to_enqueue(digest, now) for digest in digests if not digest.is_empty]
        if None not in outcomes:
            self._told_on = day
        return any(outcomes)

    def _list_everyone(self, unsettled: Sequence[Unsettled], absences: Sequence[Absence]) -> set[str]:
        """Whoever may be told something. All are seen to at once, so that nobody's digest comes at another hour."""
        people = self._organisation.people.values()
        named = {name.lower() for level in self._levels for name in level.to} - {OWNER, MANAGER}
        named |= {person.email for person in people} | {person.manager or "" for person in people}
        named |= {owner.email for mailbox in self._mailboxes.values() for owner in mailbox.owners}
        named |= {absence.delegate for absence in absences}
        named |= {request.owner for request in unsettled}
        return named - {""}

    async def _is_seen_to(self, tx: Transaction, recipient: str, day: date) -> bool:
        """A look ahead, to make no digest in vain; the act decides."""
        done_at = await tx.find_last_act(_act(recipient))
        return done_at is not None and local_date(self._calendar, done_at) == day

    async def _make_digests(
        self,
        tx: Transaction,
        unsettled: Sequence[Unsettled],
        recipients: Sequence[str],
        absences: Sequence[Absence],
        day: date,
        now: datetime,
    ) -> list[Digest]:
        told_at = {each: at for each in recipients if (at := await tx.find_last_act(_told(each))) is not None}
        concerns = gather_concerns(
            unsettled,
            self._levels,
            self._mailboxes,
            absences,
            self._organisation.people,
            day,
            now,
            told_at,
            {request.mailbox for request in unsettled if request.is_answer_seen},
            tells_cover=self._settings.tells_cover,
        )
        registers = self._summarise.list_registers(day, absences)
        digests = []
        for recipient in recipients:
            told = concerns.get(recipient, [])
            silent = await tx.count_silent(
                registers.get(recipient, []) if told else [], told_at.get(recipient, now - FIRST_COUNT)
            )
            away = await self._welcome.find(tx, recipient, absences, day)
            digests.append(self._summarise.make(recipient, told, silent, day, now, away))
        return digests

    async def _try_to_enqueue(self, digest: Digest, now: datetime) -> bool | None:
        """Whether the digest is enqueued now; None if that failed, and the next tick is to try again."""
        try:
            return await self._enqueue(digest, now)
        except Exception:  # one person's digest must not keep the others' waiting
            if (digest.recipient, digest.on) not in self._failed:
                self._failed.add((digest.recipient, digest.on))
                self._log.exception(
                    "digest.unwritable",
                    message=self._sender.message_id(EntryKind.DIGEST, digest.recipient, str(digest.on)),
                )
            return None

    async def _enqueue(self, digest: Digest, now: datetime) -> bool:
        rendered, day = self._renderer.render_digest(digest), str(digest.on)
        unique_key = f"digest:{digest.recipient}:{day}"
        entry = self._sender.entry(EntryKind.DIGEST, unique_key, digest.recipient, day, rendered, now)
        async with self._store.transaction() as tx:
            if not await tx.begin_act(_act(digest.recipient), str(digest.on)):
                return False
            await tx.begin_act(_told(digest.recipient), str(digest.on))
            if digest.away is not None:
                await self._welcome.note(tx, digest.recipient, (await self._roster.read(tx)).absences, digest.on)
            is_enqueued = await tx.enqueue(entry)
        self._log.info("digest.enqueued", message=entry.message_id, requests=len(digest.lines))
        return is_enqueued


def _act(recipient: str) -> str:
    """On that day the recipient was seen to: told, or there was nothing to say."""
    return f"digest {recipient}"


def _told(recipient: str) -> str:
    """On that day a digest was enqueued: what is new, and what is counted, begins there."""
    return f"told {recipient}"
