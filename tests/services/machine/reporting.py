"""The minute ticks: what is late is escalated, and told once a business day; what is wrong is told to IT, twice."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from services.machine.absent import Absent
from services.machine.letters import Letter, Role
from services.machine.office import BOXES, DIRECTOR, IT, OWNERS
from services.machine.reading import TORONTO, Report, read_report
from services.machine.rota import CLOSES, OPENS, is_open
from services.machine.stored import StoredRequest, list_stored
from sqlalchemy import func, select

from mailwatch.domain.requests import UNSETTLED, EventKind
from mailwatch.errors import MailwatchError
from mailwatch.store.schema import acts, incidents, outbox

OVERDUE = "after 0 business days"
LATEST = timedelta(days=14)  # who has been back for longer isn't welcomed


def _doubled(values: Sequence[object]) -> list[object]:
    return [value for value, count in Counter(values).items() if count > 1]


class Reporting(Absent):
    """Escalations, digests, alerts."""

    def __init__(self) -> None:
        super().__init__()
        self.welcomed: set[tuple[str, int, date]] = set()  # who was told what came until they were back, from what

    # --- ticks ------------------------------------------------------------------------------------------------------

    @rule(are_two=st.booleans())
    def the_minute_strikes(self, are_two: bool) -> None:
        self.run(self._tick(1 + are_two))

    @rule(
        kind=st.sampled_from(["cancel", "store gone", "store overtaken"]),
        countdown=st.integers(1, 12),
        is_digest_hour=st.booleans(),
    )
    def a_tick_is_cut_short(self, kind: str, countdown: int, is_digest_hour: bool) -> None:
        if is_digest_hour:
            self._wait_for_digests()
        self.faults.strike(kind, countdown)
        self.run(self._suffer(self._tick_as_scheduled))

    async def _tick_as_scheduled(self) -> None:
        """What fails comes again with the next tick."""
        for ticker in (self.covers[0], self.escalates[0], self.alerts[0]):
            with suppress(MailwatchError):
                await ticker.tick()

    @rule(are_two=st.booleans(), days=st.sampled_from([1, 1, 2, 6, 9]))
    def a_digest_hour_comes(self, are_two: bool, days: int) -> None:
        """A few days later; everything is looked at just before, and what is enqueued leaves."""
        self._move_clock(timedelta(days=days))
        self._wait_for_digests()
        self.run(self._look(None))
        self.run(self._tick(1 + are_two))
        self.run(self._send())

    @rule(mornings=st.integers(6, 10))
    def days_go_by(self, mornings: int) -> None:
        """Until even managers and the director are told."""
        for _ in range(mornings):
            self._move_clock(timedelta(hours=1))
            self._wait_for_digests()
            self.run(self._tick(1))

    def _wait_for_digests(self) -> None:
        """Until 08:31 of the next morning, be it a business day or not."""
        here = self.clock.now().astimezone(TORONTO)
        hour = datetime.combine(here.date() + timedelta(days=here.time() > time(8, 31)), time(8, 31), TORONTO)
        self._move_clock(hour - self.clock.now())

    async def _tick(self, processes: int) -> None:
        known = set(await self._list_digests())
        for tickers in (self.covers, self.escalates, self.alerts):
            await asyncio.gather(*(ticker.tick() for ticker in tickers[:processes]))
        told = {key: body for key, body in (await self._list_digests()).items() if key not in known}
        for ticker in (self.covers[0], self.escalates[0], self.alerts[0]):
            assert not await ticker.tick(), "at once again, there is nothing to tell"
        await self._check_what_was_written()
        stored = await list_stored(self.store)
        self._check_cover(stored)
        self._check_escalations(stored)
        self._check_digests(told, stored)
        await self._check_who_was_seen_to()

    async def _list_digests(self) -> dict[tuple[str, str], bytes]:
        chosen = select(outbox.c.recipient, outbox.c.unique_key, outbox.c.body).where(outbox.c.kind == "digest")
        async with self.store.reading() as connection:
            return {(row[0], row[1]): bytes(row[2]) for row in (await connection.execute(chosen)).all()}

    # --- after a tick -----------------------------------------------------------------------------------------------

    def _is_overdue(self, request: StoredRequest) -> bool:
        return request.state in UNSETTLED and request.answer_due_at < self.clock.now()

    def _check_escalations(self, stored: Sequence[StoredRequest]) -> None:
        for request in stored:
            if self._is_overdue(request):
                assert (OVERDUE, request.clock_started_at) in request.escalated, f"not escalated: {request.reference}"

    def _check_digests(self, told: dict[tuple[str, str], bytes], stored: Sequence[StoredRequest]) -> None:
        """Who is told now is told of all that is overdue and theirs, and sees nothing that isn't for their eyes."""
        today = self.clock.now().astimezone(TORONTO).date()
        for (recipient, key), body in told.items():
            report = read_report(body)
            assert (key, report.on) == (f"digest:{recipient}:{today}", today)
            owed = {one.reference for one in stored if self._is_overdue(one) and self._reader(one, today) == recipient}
            assert owed <= report.references, f"{recipient} isn't told of {owed - report.references}"
            assert self.rota.reader(recipient, today) == recipient, f"{recipient} is away"
            self._check_what_is_shown(recipient, report, stored)
            if report.welcomes:
                returns = {(recipient, *one) for one in self.rota.over(recipient, today, LATEST)}
                assert returns - self.welcomed, f"{recipient} was welcomed before, or wasn't away"
                self.welcomed |= returns

    def _reader(self, request: StoredRequest, today: date) -> str:
        return self.rota.reader(request.owner or OWNERS[request.mailbox], today)

    def _check_what_is_shown(self, recipient: str, report: Report, stored: Sequence[StoredRequest]) -> None:
        theirs = [one for one in stored if self._may_see(recipient, one, report.on)]
        openings = [self._opening_of(one) for one in theirs]
        assert report.requesters <= {one.requester for one in theirs}, f"{recipient} sees {report.requesters}"
        assert report.links <= {letter.message_id for letter in openings}, f"{recipient} sees {report.links}"
        assert report.subjects <= {letter.subject for letter in openings}, f"{recipient} sees {report.subjects}"

    def _opening_of(self, request: StoredRequest) -> Letter:
        opened = next(event.message_id for event in request.events if event.kind is EventKind.OPENED)
        return next(one for one in self.letters if one.message_id == opened)

    def _may_see(self, who: str, request: StoredRequest, day: date) -> bool:
        owners = {OWNERS[request.mailbox], request.owner or OWNERS[request.mailbox]}
        return who in owners | {self.rota.reader(owner, day) for owner in owners}

    async def _check_who_was_seen_to(self) -> None:
        """In the hours of digests nobody is forgotten; out of them nobody is told anything."""
        here = self.clock.now().astimezone(TORONTO)
        chosen = select(acts.c.act).where(acts.c.period == str(here.date()), acts.c.act.like("digest %"))
        async with self.store.reading() as connection:
            seen_to = set((await connection.execute(chosen)).scalars())
        if is_open(here.date()) and OPENS <= here.time() <= CLOSES:
            assert {f"digest {who}" for who in (*OWNERS.values(), DIRECTOR)} <= seen_to
        elif not is_open(here.date()):
            assert not seen_to

    # --- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def nobody_gets_two_digests_on_a_day_or_one_on_a_closed_day_or_an_empty_one(self) -> None:
        digests: dict[tuple[str, date], set[str]] = defaultdict(set)
        for one in self.wire.reports("digest"):
            digests[one.recipient, one.report.on].add(one.message_id)
            assert is_open(one.report.on), f"a digest on {one.report.on}"
            assert one.report.references, "an empty digest"
        assert {who: found for who, found in digests.items() if len(found) > 1} == {}

    @invariant()
    def an_incident_is_told_once_when_it_begins_and_once_when_it_is_over(self) -> None:
        for event in ("incident.opened", "incident.closed"):
            assert _doubled(self.notes.values(event, "incident")) == []
        told = {one.message_id for one in self.wire.reports("alert")}
        if told:
            rows, over = self.run(self._count_incidents())
            assert len(told) <= rows + over
        assert {one.recipient for one in self.wire.reports("alert")} <= {IT}

    async def _count_incidents(self) -> tuple[int, int]:
        async with self.store.reading() as connection:
            row = (await connection.execute(select(func.count(), func.count(incidents.c.closed_at)))).one()
            return row[0], row[1]

    @invariant()
    def a_digest_is_enqueued_once(self) -> None:
        """As the log tells it: whoever claims the day's act twice believes to have told twice."""
        assert _doubled(self.notes.values("digest.enqueued", "message")) == []

    @precondition(lambda self: self.wire.reports("digest"))
    @rule(data=st.data())
    def somebody_replies_to_a_digest(self, data: st.DataObject) -> None:
        digest = data.draw(st.sampled_from(self.wire.reports("digest")))
        parent = f"In-Reply-To: {digest.message_id}"
        self._deliver(self._write(digest.recipient, BOXES[:1], "Re: demandes", parent, role=Role.NOISE), BOXES[0])
