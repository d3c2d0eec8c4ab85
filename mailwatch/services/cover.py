"""See that requests of people who are away are covered: due dates that absences move, and a note to whoever covers.

Every tick works out anew when each running clock is due, absences being what they are by now: one that ended early,
was extended, or came from a calendar later, is seen here. What an acknowledgement announced stays as it was announced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailwatch.domain.absences import find_absence, find_delegate
from mailwatch.domain.calendars import local_date
from mailwatch.domain.covers import Away, answer_due, answerable, away_for, find_away
from mailwatch.domain.digests import CoverNote
from mailwatch.domain.mailboxes import Mailbox, Organisation
from mailwatch.domain.outbox import EntryKind
from mailwatch.ports import Clock, Fact, Renderer, Store
from mailwatch.ports.absences import Running
from mailwatch.services.log import Log
from mailwatch.services.narrate import rescheduled
from mailwatch.services.report_sender import ReportSender
from mailwatch.services.roster import REMEMBERED, Roster, Staffed
from mailwatch.services.summarise import Summarise

NEWS = timedelta(days=3)  # an older request is no news for a delegate: the digest tells of it when it is due


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverSettings:
    """The keys of [absences] and [digest], resolved.

    notes          write to a delegate at once when a request comes in for them; else the digest tells
    sender         address that notes come from
    account        SMTP account that submits them
    message_link   URL with {message_id}, {mailbox}, {reference}; "" for none
    give_up_after  how long a note may wait for its SMTP server
    """

    notes: bool
    sender: str
    account: str
    message_link: str
    give_up_after: timedelta = timedelta(hours=48)


class Cover:
    """The tick that covers for people who are away."""

    def __init__(
        self,
        store: Store,
        renderer: Renderer,
        organisation: Organisation,
        mailboxes: Sequence[Mailbox],
        settings: CoverSettings,
        clock: Clock,
        log: Log,
        key: bytes,
    ) -> None:
        self._store = store
        self._renderer = renderer
        self._organisation = organisation
        self._roster = Roster(mailboxes)
        self._summarise = Summarise(
            organisation, {m.address: m for m in mailboxes}, details=True, message_link=settings.message_link
        )
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
        self._told: set[str] = set()  # references; after a restart the acts' rows say so
        self._failed: set[str] = set()  # references; logged once, tried at every tick
        self._stuck: set[str] = set()  # the same, of those whose due instants can't be reckoned

    async def tick(self) -> bool:
        """Move due dates, and tell delegates; whether anything was enqueued."""
        now = self._clock.now()
        running, staffed = await self._reschedule(now)
        if not self._settings.notes or not staffed.absences:
            return False
        self._told &= {request.reference for request in running}
        untold = [request for request in running if request.reference not in self._told]
        outcomes = [await self._try_to_tell(request, staffed, now) for request in untold]
        return any(outcomes)

    async def _reschedule(self, now: datetime) -> tuple[Sequence[Running], Staffed]:
        async with self._store.transaction() as tx:
            staffed = await self._roster.read(tx)
            running = await tx.list_running(now - REMEMBERED)
            facts = [fact for request in running if (fact := self._try_to_move(request, staffed, now))]
            states = await tx.add_facts(facts) if facts else {}
        if states:
            self._log.info("requests.rescheduled", count=len(states))
        return running, staffed

    def _try_to_move(self, request: Running, staffed: Staffed, now: datetime) -> Fact | None:
        """One that can't be reckoned stays where it is, and must not keep the others there, nor their notes."""
        try:
            return _moved(request, staffed, now)
        except Exception:
            if request.reference not in self._stuck:
                self._stuck.add(request.reference)
                self._log.exception("request.unreckonable", request=request.reference)
            return None

    def _find_note(self, request: Running, staffed: Staffed, now: datetime) -> CoverNote | None:
        """What to tell whoever covers for a request's owner, or for its closed mailbox; None if there is nobody."""
        mailbox = staffed.mailboxes.get(request.mailbox)
        if mailbox is None or now - request.received_at > NEWS or request.clock_started_at != request.received_at:
            return None
        day = local_date(mailbox.standard.calendar, now)
        received_on = local_date(mailbox.standard.calendar, request.received_at)
        for who in self._list_covered(request, mailbox):
            absence = find_absence(who, day, staffed.absences)
            if absence is None or not absence.delegate or find_absence(who, received_on, staffed.absences) is None:
                continue
            cover = find_delegate(who, day, staffed.absences)
            if cover in (None, who, request.requester):
                continue
            if cover in self._organisation.people:
                return self._summarise.cover_note(cover, away_for(mailbox, absence, day), request)
        return None

    def _list_covered(self, request: Running, mailbox: Mailbox) -> list[str]:
        """Whose absences concern a request: the closed service's, and its owner's; where it has no owner, or one who
        has left, that of whoever answers for its mailbox. A person's own mailbox is no service."""
        people = self._organisation.people
        service = [] if mailbox.address in people else [mailbox.address]
        owners = [request.owner] if request.owner in people else [each.email for each in answerable(mailbox)[:1]]
        return service + owners

    async def _try_to_tell(self, request: Running, staffed: Staffed, now: datetime) -> bool:
        """Whether its note is enqueued now. One that can't be written must not keep the others waiting."""
        try:
            note = self._find_note(request, staffed, now)
            return note is not None and await self._tell(note, now)
        except Exception:
            if request.reference not in self._failed:
                self._failed.add(request.reference)
                self._log.exception("note.unwritable", request=request.reference)
            return False

    async def _tell(self, note: CoverNote, now: datetime) -> bool:
        reference, rendered = note.line.reference, self._renderer.render_note(note)
        unique_key = f"note:{reference}:{note.recipient}"
        entry = self._sender.entry(EntryKind.NOTE, unique_key, note.recipient, reference, rendered, now)
        async with self._store.transaction() as tx:
            is_ours = await tx.begin_act("cover", reference)
            is_enqueued = is_ours and await tx.enqueue(entry)
        self._told.add(reference)
        if is_ours:
            self._log.info("note.enqueued", request=reference)
        return is_enqueued


def _moved(request: Running, staffed: Staffed, now: datetime) -> Fact | None:
    """That a request is due at another instant, absences being what they are. A calendar whose holidays the library
    has corrected since moves nothing: only what an absence moves, or had moved, is worked out anew."""
    mailbox = staffed.mailboxes.get(request.mailbox)
    away: Away | None = find_away(mailbox, request.clock_started_at) if mailbox else None
    if mailbox is None or (away is None and not request.is_rescheduled):
        return None
    due_at = answer_due(request.calendar, request.limit, request.clock_started_at, away)
    if due_at == request.answer_due_at:
        return None
    return Fact(request_id=request.id, event=rescheduled(request.clock_started_at, due_at, away, now))
