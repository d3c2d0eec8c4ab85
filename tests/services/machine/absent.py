"""People go away, come back earlier or later, or don't go at all; and what each message, clock and delegate gets by it.

What is written is judged as soon as it is: by who is away at that moment, in the office's own record.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from builders import MARIE
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from services.machine.letters import Role
from services.machine.office import ANNE, AWAY, BOXES, COLETTE, LUC, OWNERS, PAUL, Office
from services.machine.reading import read_text
from services.machine.rota import Planned, Rota, local
from services.machine.stored import Enqueued, Judged, StoredRequest, list_enqueued, list_judged, list_stored

from mailwatch.domain.absences import Absence
from mailwatch.domain.outbox import EntryKind, OutcomeKind
from mailwatch.domain.requests import UNSETTLED
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import keep_source

SOURCE = "calendar rh"
A_WEEK = timedelta(days=7)
NEWS = timedelta(days=3)  # how long a request is news for a delegate
REMEMBERED = timedelta(days=119)  # how long a clock is moved by absences, but for a day
NOT_FORBIDDING = {None, "follow_up", "reply", "disabled"}
FIRST_MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin")
MONTHS = (*FIRST_MONTHS, "juillet", "août", "septembre", "octobre", "novembre", "décembre")
LENGTHS = st.one_of(st.none(), st.integers(1, 5), st.integers(3, 30))  # days; None: nobody knows


class Absent(Office):
    """Absences, what is said of them, and when requests are due by them."""

    def __init__(self) -> None:
        super().__init__()
        configured = (Planned(n, who, *absence) for n, (who, absence) in enumerate(AWAY.items(), 1))
        self.rota = Rota({one.n: one for one in configured})
        self.named: list[int] = []  # absences that the calendar still names
        self.told_so_far = len(AWAY)  # absences ever; each one's number is that of its row
        self.entries: list[Enqueued] = []
        self.announced: dict[str, datetime | None] = {}
        self.last_judged = self.last_entry = 0

    # --- absences ---------------------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from([MARIE, MARIE, PAUL, LUC, ANNE, *BOXES]),
        starts=st.sampled_from([-3, 0, 0, 1, 4]),
        lasts=LENGTHS,
        delegate=st.sampled_from(["", "", PAUL, ANNE, LUC]),
    )
    def somebody_goes_away(self, who: str, starts: int, lasts: int | None, delegate: str) -> None:
        first = self._today() + timedelta(days=starts)
        self.told_so_far += 1
        self.named.append(self.told_so_far)
        self._plan(Planned(self.told_so_far, who, first, _after(first, lasts), delegate if delegate != who else ""))

    @precondition(lambda self: self.named)
    @rule(data=st.data(), lasts=LENGTHS)
    def a_return_is_moved(self, data: st.DataObject, lasts: int | None) -> None:
        """Earlier or later, known or not; counted from today, or from the beginning of what lies ahead."""
        one = self.rota.planned[self._draw(data, self.named)]
        self._plan(replace(one, back=_after(max(one.first, self._today()), lasts)))

    @precondition(lambda self: self.named)
    @rule(data=st.data())
    def an_absence_is_taken_back(self, data: st.DataObject) -> None:
        self._take_back(self._draw(data, self.named))

    def _take_back(self, n: int) -> None:
        """What has begun ends today; what hasn't never was; what is over stays."""
        one = self.rota.planned[n]
        self.named.remove(one.n)
        if one.first >= self._today():
            del self.rota.planned[one.n]
        elif one.back is None or one.back > self._today():
            self.rota.planned[one.n] = replace(one, back=self._today())
        self.run(self._read_the_calendar())

    @rule()
    def the_calendar_is_read_again(self) -> None:
        assert not self.run(self._read_the_calendar()), "nothing has changed"

    def _plan(self, one: Planned) -> None:
        self.rota.planned[one.n] = one
        self.run(self._read_the_calendar())

    async def _read_the_calendar(self) -> bool:
        """It says all that it says, as every time; whether that changed anything."""
        named = [_kept(self.rota.planned[n]) for n in self.named]
        async with self.store.transaction() as tx:
            return not (await keep_source(tx, SOURCE, named, self._today())).is_empty

    def _today(self) -> date:
        return local(self.clock.now())

    # --- what is written --------------------------------------------------------------------------------------------

    async def _look(self, box: str | None) -> bool:
        is_well = await super()._look(box)
        await self._check_what_was_written()
        return is_well

    @invariant()
    def what_is_written_says_who_is_away(self) -> None:
        self.runner.run(self._check_what_was_written())

    async def _check_what_was_written(self) -> None:
        """Each message and each entry once, at the moment that wrote it."""
        self.entries = await list_enqueued(self.store)
        for message in await list_judged(self.store, self.last_judged):
            outcomes = self._outcomes(message)
            assert message.notice in outcomes, f"{outcomes} was expected of {message}"
            assert self._is_told(message) == (message.notice == "told"), f"it was told, or wasn't: {message}"
            self.last_judged = message.id
        requests = {request.reference: request for request in await list_stored(self.store)}
        for entry in self.entries:
            if entry.id > self.last_entry:
                self._check_entry(entry, requests)
                self.last_entry = entry.id
        for request in requests.values():
            announced = self.announced.setdefault(request.reference, request.announced_due_at)
            assert announced in (None, request.announced_due_at), f"another date was announced: {request}"
            self.announced[request.reference] = request.announced_due_at

    def _is_told(self, message: Judged) -> bool:
        """By what it brought about in its own mailbox."""
        return any(one.absence for one in self.entries if (one.caused_by, one.mailbox) == message.cause)

    def _outcomes(self, message: Judged) -> set[str | None]:
        """What may become of the notice: told, or why not. What other rules forbid is believed; they are no less
        tested elsewhere."""
        then, now = local(message.received_at), local(message.recorded_at)
        if not (self.rota.away(message.mailbox, then) and (who := self.rota.away(message.mailbox, now))):
            return {None}
        mine = [one.kind for one in self.entries if (one.caused_by, one.mailbox) == message.cause]
        if EntryKind.ACKNOWLEDGEMENT in mine:
            return {"told"}
        forbidden: set[str | None] = {*message.rules, message.suppressed_by} - NOT_FORBIDDING
        letter = next((one for one in self.letters if one.identity == message.identity), None)
        if letter is None or letter.is_automatic:
            return forbidden | {"kind"}
        if letter.sender == COLETTE:
            forbidden.add("kind")
        told_at = [
            one.enqueued_at
            for one in self.entries
            if one.absence == self.rota.on(who, now)[0].n and one.recipient == letter.sender and one.may_have_told
            if one.caused_by != message.identity and one.enqueued_at > message.recorded_at - A_WEEK
        ]
        due = "thanks" if letter.role is Role.THANKS else "told"
        at_once = {due} if set(told_at) <= {message.recorded_at} else set[str]()  # in which order, nobody knows
        return forbidden | at_once | ({"told already"} if told_at else set())

    def _check_entry(self, entry: Enqueued, requests: Mapping[str, StoredRequest]) -> None:
        day = local(entry.enqueued_at)
        if entry.kind is EntryKind.NOTE:
            request = requests[entry.key.split(":")[1]]
            assert entry.recipient in {self.rota.stand_in(who, day) for who in _concerned(request)}, f"to {entry}"
        elif entry.absence:
            who = self.rota.away(entry.mailbox, day)
            assert (entry.absence, entry.not_before) == (self.rota.on(who, day)[0].n, entry.enqueued_at)
            assert _spelled(self.rota.back(who, day)) in read_text(entry.body), f"when {who} is back"

    # --- after a tick -----------------------------------------------------------------------------------------------

    def _check_cover(self, stored: Sequence[StoredRequest]) -> None:
        """Clocks are due by absences as they are now, and every delegate has a note of what is new to them."""
        noted = {one.key.split(":")[1] for one in self.entries if one.kind is EntryKind.NOTE}
        for request in stored:
            if request.state in UNSETTLED and self.clock.now() - request.clock_started_at < REMEMBERED:
                due_at = self.rota.due(request.mailbox, request.clock_started_at)
                assert request.answer_due_at == due_at, f"{request} is due at {due_at}"
                assert request.reference in noted or not self._is_news(request), f"no note of {request}"

    def _is_news(self, request: StoredRequest) -> bool:
        """Whether a delegate is to know of it at once."""
        if request.clock_started_at != request.received_at or self.clock.now() - request.received_at > NEWS:
            return False
        days = (local(request.received_at), self._today())
        return any(
            all(self.rota.on(who, day) for day in days) and self.rota.stand_in(who, days[1])
            for who in _concerned(request)
        )

    # --- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def a_delegate_gets_one_note_of_a_request(self) -> None:
        notes = Counter(one.key.split(":")[1] for one in self.entries if one.kind is EntryKind.NOTE)
        assert [reference for reference, count in notes.items() if count > 1] == []

    @invariant()
    def nobody_is_told_of_an_absence_alone_twice_in_a_week(self) -> None:
        """As they would have seen it; by when it was written, since servers may keep a letter for days."""
        letters = {one.message_id: one for one in self.entries if one.kind is EntryKind.NOTICE}
        came: dict[tuple[int, str], set[datetime]] = defaultdict(set)
        for one in self.wire.submissions:
            if one.message_id in letters and one.was_recorded and one.outcome is OutcomeKind.SENT:
                notice = letters[one.message_id]
                came[notice.absence, notice.recipient].add(notice.enqueued_at)
        for instants in came.values():
            assert all(later - earlier >= A_WEEK for earlier, later in pairwise(sorted(instants)))


def _after(first: date, days: int | None) -> date | None:
    return None if days is None else first + timedelta(days=days)


def _kept(one: Planned) -> KeptAbsence:
    absence = Absence(who=one.who, away_from=one.first, returns_on=one.back, delegate=one.delegate)
    return KeptAbsence(absence=absence, source=SOURCE, uid=str(one.n), by="mailwatch")


def _concerned(request: StoredRequest) -> tuple[str, str]:
    """Whose absence concerns a request."""
    return request.mailbox, request.owner or OWNERS[request.mailbox]


def _spelled(day: date | None) -> str:
    """As French letters say it; "" stands in every one."""
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}" if day else ""
