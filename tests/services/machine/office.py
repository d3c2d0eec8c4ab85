"""The office: mailboxes, the service that watches them, and what interrupts it. No rule stands here.

The world is that of the other service tests: a real SQLite, folders in memory, a mailer that records, a movable clock.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from builders import DOMAIN, MARIE, a_calendar, a_mailbox, a_person, a_staff_mailbox, a_standard, an_organisation
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from services.machine.faults import Faults, FragileSource, FragileStore, Notes
from services.machine.letters import Deed, Letter, Message, Reply, Role
from services.machine.wire import Submission, Wire
from services.world import CONNECTIONS, MONDAY, Folder, Source, World, a_letter, keep_configured

from mailwatch.clock import MovableClock
from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import Closure
from mailwatch.domain.escalations import MANAGER, OWNER, Level
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.standards import parse_limit
from mailwatch.errors import MailboxUnavailable, MailwatchError
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.alert import Alerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.cover import Cover, CoverSettings
from mailwatch.services.escalate import Escalate, EscalateSettings
from mailwatch.services.receive import ReceiveSettings
from mailwatch.store import reports
from mailwatch.store.store import open_store

BOXES = (f"inscriptions@{DOMAIN}", f"bibliotheque@{DOMAIN}")
SIDE, SENT, DONE, ASIDE = "Suivi", "Sent", "Réglé", "Sans suite"
PAUL, LUC, ANNE = f"paul.roy@{DOMAIN}", f"luc.gagnon@{DOMAIN}", f"anne.roy@{DOMAIN}"
DIRECTOR, IT = f"director@{DOMAIN}", f"informatique@{DOMAIN}"
COLETTE = f"colette@{DOMAIN}"  # a colleague, who asks like anybody
OWNERS = {BOXES[0]: MARIE, BOXES[1]: PAUL}
MANAGERS = {MARIE: LUC, PAUL: LUC, LUC: DIRECTOR}
AWAY = {  # person → first day away, first day back, who covers
    MARIE: (date(2026, 11, 26), date(2026, 12, 8), ANNE),
    LUC: (date(2026, 12, 3), date(2026, 12, 5), ""),
}
CLOSED = (date(2026, 12, 21), date(2027, 1, 1))
LEVELS = (
    Level(before=parse_limit("1 business day"), to=(OWNER,)),
    Level(after=parse_limit("0 business days"), to=(OWNER, MANAGER)),
    Level(after=parse_limit("3 business days"), to=(DIRECTOR,)),
)
RESYNC_DAYS = 14
FEW = 5  # of whatever there is, the last so many are acted on

T = TypeVar("T")


@cache
def an_empty_database() -> Path:
    """A migrated database to copy: migrations take longer than an example."""
    path = Path(tempfile.mkdtemp(prefix="machine")) / "empty.db"

    async def make() -> None:
        store = open_store(f"sqlite+aiosqlite:///{path}", MovableClock(MONDAY))
        await store.open(upgrade=True)
        await store.close()

    asyncio.run(make())
    return path


@cache
def mailboxes() -> tuple[Mailbox, ...]:
    """Two shared mailboxes, the first with a second folder that a rule may move mail to and with folders that settle;
    and the account of the first one's owner, of which only the Sent folder is watched."""
    people = {
        MARIE: a_person(manager=MANAGERS[MARIE]),
        PAUL: a_person(PAUL, "Paul Roy", manager=MANAGERS[PAUL]),
        LUC: a_person(LUC, "Luc Gagnon", manager=MANAGERS[LUC]),
        ANNE: a_person(ANNE, "Anne Roy", language=Language.EN),
    }
    absences = tuple(
        Absence(who=who, away_from=first, returns_on=back, delegate=cover) for who, (first, back, cover) in AWAY.items()
    )
    organisation = an_organisation(watched={box: box for box in BOXES}, people=people, absences=absences)
    standard = a_standard(calendar=a_calendar(closures=(Closure(first=CLOSED[0], last=CLOSED[1]),)))
    first = a_mailbox(organisation=organisation, standard=standard, folders=("INBOX", SIDE), owners=(people[MARIE],))
    second = replace(first, address=BOXES[1], folders=("INBOX",), owners=(people[PAUL],))
    settling = replace(first.observing, closing_folders=(DONE,), set_aside_folders=(ASIDE,))
    own = a_staff_mailbox(organisation=organisation, standard=standard)
    only = replace(own, observing=replace(own.observing, is_sent_only=True))
    return replace(first, observing=settling), second, only


class Office(RuleBasedStateMachine):
    """Two mailboxes, their senders, those who answer, an SMTP server, and a service that is often interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.mkdtemp(prefix="machine")
        self.letters: list[Letter] = []
        self.replies: list[Reply] = []
        self.deeds: list[Deed] = []
        self.flagged: dict[str, datetime] = {}  # identity → since when some copy of it has carried \Answered
        self.moved: dict[tuple[str, str], datetime] = {}  # (folder that settles, identity) → when it came there
        self.unsynced: set[tuple[str, str]] = set()  # folders renumbered, and not read since
        self.was_set_back = False  # the clock: instants that were seen may lie before those that were meant
        self.faults = Faults()
        self.notes = Notes()
        self.worker = 1
        self.is_checked = False
        self.run(self._open(an_empty_database()))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        self.is_checked = False
        return self.runner.run(work)

    async def _open(self, database: Path) -> None:
        path = shutil.copy(database, self.folder)
        self.clock = MovableClock(MONDAY)
        self.store = FragileStore(f"sqlite+aiosqlite:///{path}", self.clock)
        self.store.faults = self.faults
        await self.store.open()
        await keep_configured(self.store, mailboxes()[0].organisation.absences)
        self.world = World(self.store, self.clock, mailboxes())
        self.world.log = self.notes
        self.world.settings = ReceiveSettings(batch=3, resync_days=RESYNC_DAYS)
        self.world.folders[BOXES[1]]["INBOX"].modseq = 1  # a server with CONDSTORE
        self.wire = Wire()
        self.world.mailer = self.wire  # type: ignore[assignment]  # another Mailer
        fragile: dict[str, Source] = {}
        for address, folders in self.world.folders.items():
            fragile[address] = FragileSource(folders, self.faults)
        self.world.sources.sources = fragile
        self._begin_anew(1)

    def _begin_anew(self, worker: int) -> None:
        """A process starts; of what ticks there is another one, in another process."""
        self.worker = worker
        self.world.restart()
        self.dispatch = self.world.dispatch(f"worker{worker}")
        self.covers = [self._cover(), self._cover()]
        self.escalates = [self._escalate(), self._escalate()]
        self.alerts = [self._alert(), self._alert()]

    def _escalate(self) -> Escalate:
        first, second, _ = mailboxes()
        settings = EscalateSettings(
            at=time(8, 30), details=False, sender=BOXES[0], account="default", message_link="x:{message_id}"
        )
        calendar, organisation = first.standard.calendar, first.organisation
        return Escalate(
            self.store, self._renderer(), organisation, calendar, (first, second), LEVELS, settings, self.clock,
            self.notes, self.store.key,
        )  # fmt: skip

    def _cover(self) -> Cover:
        settings = CoverSettings(notes=True, sender=BOXES[0], account="default", message_link="x:{message_id}")
        organisation = mailboxes()[0].organisation
        return Cover(
            self.store, self._renderer(), organisation, mailboxes(), settings, self.clock, self.notes, self.store.key
        )

    def _alert(self) -> Alerts:
        first = mailboxes()[0]
        settings = AlertSettings(to=(IT,), account="default", sender=BOXES[0])
        calendar = first.standard.calendar
        letters = AlertWriter(self._renderer(), first.organisation, calendar.timezone, settings, self.store.key)
        return Alerts(self.store, letters, calendar, settings, mailboxes(), self.clock, self.notes)

    def _renderer(self) -> TemplateRenderer:
        return TemplateRenderer(None, templates_folder(), self.world.warnings.append)

    # --- what arrives -----------------------------------------------------------------------------------------------

    def _write(
        self,
        sender: str,
        to: Sequence[str],
        subject: str = "",
        *headers: str,
        role: Role = Role.QUESTION,
        body: str = "",
    ) -> Letter:
        number = len(self.letters) + 1
        now = self.clock.now()
        received = f"Received: from mx by us; {now:%a, %d %b %Y %H:%M:%S +0000}"
        raw = a_letter(
            number,
            sender=sender,
            to=", ".join(to),
            subject=subject or f"Question {number}",
            headers=[received, *headers],
            at=now,
            **({"body": body} if body else {}),
        )
        letter = Letter(number, raw, sender, role=role)
        self.letters.append(letter)
        return letter

    def _put(self, message: Message, address: str, folder: str, at: datetime | None = None) -> None:
        """A copy of a message comes into a folder, with this INTERNALDATE."""
        at = at or self.clock.now()
        self.world.folders[address][folder].append(message.raw, at)
        message.lie_in(address, at)

    def _deliver(self, letter: Letter, address: str, folder: str = "INBOX", at: datetime | None = None) -> None:
        self._put(letter, address, folder, at)
        letter.delivered[address] = not letter.is_old

    def _draw(self, data: st.DataObject, several: Sequence[T]) -> T:
        """One of the last ones: a life happens to few requests, rather than little to many."""
        return several[-data.draw(st.integers(1, min(len(several), FEW)))]

    def _message(self, raw: bytes) -> Message:
        return next(one for one in (*self.letters, *self.replies) if one.raw == raw)

    def _excuse_what_is_too_old(self) -> None:
        """What nobody had seen before a renumbering, and is older than `resync_days`, is beyond what is promised."""
        limit = self.clock.now() - timedelta(days=RESYNC_DAYS - 3)
        for box, name in self.unsynced:
            old = {one.head for one in self.world.folders[box][name].messages.values() if one.received_at < limit}
            for letter in self.letters:
                if letter.raw in old:
                    letter.delivered[box] = False
            for reply in self.replies:
                reply.is_excused = reply.is_excused or reply.raw in old

    def _move_clock(self, by: timedelta) -> None:
        self.clock.advance(by)
        self._excuse_what_is_too_old()

    # --- the service ------------------------------------------------------------------------------------------------

    async def _look(self, box: str | None) -> bool:
        """As a watcher would: what fails comes again, after a reconnection where the connection broke. Whether
        nothing failed."""
        is_well = True
        for mailbox in self.world.mailboxes:
            if box in (None, mailbox.address):
                try:
                    await self.world.look(mailbox)
                except MailwatchError as fault:
                    is_well = False
                    if isinstance(fault, MailboxUnavailable):
                        self.world.receive.forget(mailbox)
                else:
                    self.unsynced = {(address, name) for address, name in self.unsynced if address != mailbox.address}
        return is_well

    async def _see_everything(self) -> None:
        """Look until nothing is new: what one mailbox shows may make another one's questions wait again."""
        if self.notes.has("folder.left_alone"):
            self._begin_anew(self.worker + 1)  # nothing rests in a new process
        for _ in range(3):
            for _ in range(4):  # a message that can't be fetched is given up in the end
                if await self._look(None):
                    break
            else:
                raise AssertionError("looking fails, and nothing is wrong")

    async def _suffer(self, act: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Do something that a fault interrupts."""
        self.faults.victim = asyncio.ensure_future(act())
        await asyncio.gather(self.faults.victim, return_exceptions=True)
        fault = None if self.faults.victim.cancelled() else self.faults.victim.exception()
        self.faults.strike("", 0)
        if fault is not None:
            raise fault

    async def _send(self) -> None:
        """Until nothing is left to do, or the process is killed."""
        before = len(self.wire.submissions)
        running = asyncio.create_task(self.dispatch.run())
        self.dispatch.wake()
        waits = [asyncio.create_task(self.dispatch.until_idle()), asyncio.create_task(self.wire.crashed.wait())]
        async with asyncio.timeout(60):
            await asyncio.wait([running, *waits], return_when=asyncio.FIRST_COMPLETED)
        was_killed = self.wire.crashed.is_set()
        for task in (running, *waits):
            task.cancel()
        await asyncio.wait([running, *waits])
        if not running.cancelled() and (fault := running.exception()):
            raise fault
        if was_killed:
            self.wire.crashed.clear()
            await self._find_unrecorded(self.wire.submissions[before:])
            self._begin_anew(self.worker)

    async def _find_unrecorded(self, submissions: Sequence[Submission]) -> None:
        """What had left when the process was killed, and wasn't on disk: at most one letter for each connection."""
        entries = await reports.list_entries(self.store)
        claimed = {entry.message_id for entry in entries if entry.state is EntryState.CLAIMED}
        newest = {one.message_id: one for one in submissions if one.message_id in claimed}
        assert len(newest) <= CONNECTIONS
        for one in newest.values():
            one.was_recorded = False

    async def _switch(self, off: bool) -> None:
        async with self.store.transaction() as tx:
            if off:
                await tx.switch_off("sending", MARIE, "test")
            else:
                await tx.resume()

    def folders(self) -> Iterator[tuple[str, str, Folder]]:
        """Every folder of every mailbox."""
        for address, by_name in self.world.folders.items():
            for name, folder in by_name.items():
                yield address, name, folder
