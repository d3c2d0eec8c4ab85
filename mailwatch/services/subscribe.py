"""Read the calendars that tell of absences, each in its own time; what one says, and only that, is kept of it.

A calendar that can't be read changes nothing: what it said before stays in force, and it is asked again in its time.
Of several workers one asks at a time: who claims the calendar's row.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mailwatch.domain.absences import Absence, Audience
from mailwatch.domain.outings import FoundAbsence, ReadCalendar, Subscription, Validators
from mailwatch.errors import CalendarUnavailable, CalendarUnreadable, TransientError
from mailwatch.ports import Clock, Store
from mailwatch.ports.absences import CalendarRead, CalendarReader, KeptAbsence
from mailwatch.services.keep_absences import Revision, keep_source
from mailwatch.services.log import Log

FAULT = "a fault of mailwatch's own ({name}): see calendar.failed in its log, and report it"
CALENDAR = "calendar "  # what the sources of absences that come from calendars are called, before the calendar's name


class Subscribe:
    """The tick that reads calendars."""

    def __init__(
        self,
        store: Store,
        reader: CalendarReader,
        subscriptions: Sequence[Subscription],
        zone: ZoneInfo,
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._reader = reader
        self._subscriptions = subscriptions
        self._zone = zone
        self._clock = clock
        self._log = log

    async def tick(self) -> None:
        """Read every calendar whose time has come."""
        for subscription in self._subscriptions:
            if (before := await self._claim(subscription)) is not None:
                await self._try_to_read(subscription, before)

    async def _claim(self, subscription: Subscription) -> CalendarRead | None:
        """How its reading stood, if it is ours to read now."""
        async with self._store.transaction() as tx:
            known = await tx.find_calendar(subscription.name)
            if known is not None and known.checked_at + subscription.every > tx.now:
                return None
            if not await tx.claim_calendar(subscription.name, known.checked_at if known else None):
                return None
            return known or CalendarRead(name=subscription.name, checked_at=tx.now)

    async def _try_to_read(self, subscription: Subscription, before: CalendarRead) -> None:
        """A fault of ours in one calendar must not keep the others unread."""
        try:
            await self._read(subscription, before)
        except TransientError:
            raise
        except Exception as error:
            self._log.exception("calendar.failed", calendar=subscription.name)
            await self._note_trouble(subscription, before, FAULT.format(name=type(error).__name__))

    async def _read(self, subscription: Subscription, before: CalendarRead) -> None:
        today = self._clock.now().astimezone(self._zone).date()
        # Its last words are all that was kept where it couldn't be read since: ask for all of it.
        known = Validators() if before.trouble or before.read_at is None else before.validators
        try:
            found = await self._reader.read(subscription.source, subscription.takes, self._zone, today, known)
        except (CalendarUnavailable, CalendarUnreadable) as error:
            await self._note_trouble(subscription, before, str(error))
            return
        if found is None:
            await self._note_read(before, before.validators)
            return
        calendar, validators = found
        kept = [_kept(subscription, each) for each in calendar.absences]
        await self._keep(subscription, before, kept, calendar, validators, today)

    async def _keep(
        self,
        subscription: Subscription,
        before: CalendarRead,
        kept: Sequence[KeptAbsence],
        calendar: ReadCalendar,
        validators: Validators,
        today: date,
    ) -> None:
        async with self._store.transaction() as tx:
            revision = await keep_source(tx, CALENDAR + subscription.name, kept, today)
            await tx.keep_calendar_read(_as_read(before, validators, tx.now))
        passed_over = {str(why): count for why, count in calendar.passed_over.items()}
        self._log.info("calendar.read", calendar=subscription.name, absences=len(kept), passed_over=passed_over)
        note_revision(self._log, CALENDAR + subscription.name, revision)

    async def _note_read(self, before: CalendarRead, validators: Validators) -> None:
        async with self._store.transaction() as tx:
            await tx.keep_calendar_read(_as_read(before, validators, tx.now))

    async def _note_trouble(self, subscription: Subscription, before: CalendarRead, why: str) -> None:
        async with self._store.transaction() as tx:
            since = before.trouble_since or tx.now
            await tx.keep_calendar_read(replace(before, checked_at=tx.now, trouble=why, trouble_since=since))
        self._log.warning("calendar.unread", calendar=subscription.name, reason=why)


def note_revision(log: Log, source: str, revision: Revision) -> None:
    """Say what a source changed; nothing where it changed nothing."""
    if not revision.is_empty:
        log.info(
            "absences.kept",
            source=source,
            added=len(revision.added),
            changed=len(revision.changed),
            ended=len(revision.ended) + len(revision.taken_back),
        )


def _as_read(before: CalendarRead, validators: Validators, now: datetime) -> CalendarRead:
    return replace(before, validators=validators, checked_at=now, read_at=now, trouble=None, trouble_since=None)


def _kept(subscription: Subscription, found: FoundAbsence) -> KeptAbsence:
    absence = Absence(
        who=subscription.who,
        away_from=found.away_from,
        returns_on=found.returns_on,
        delegate=subscription.delegate,
        audience=Audience(subscription.audience),
    )
    return KeptAbsence(absence=absence, source=CALENDAR + subscription.name, uid=found.uid, by="mailwatch")
