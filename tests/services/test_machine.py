"""Receiving and sending as a state machine: whatever arrives, breaks, restarts or runs late, the invariants hold.

The world is that of the other service tests: a real SQLite, folders in memory, a mailer that records, a movable
clock. Faults strike at counted places (every call of a source, every begin and commit of a transaction), so that a
failing example fails again. What was on the wire is judged by what its recipients would have seen.
"""

import asyncio
import logging
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from builders import DOMAIN, MARIE, a_mailbox, an_organisation
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from services.world import CONNECTIONS, MONDAY, Folder, Source, World, a_letter

from mailwatch.clock import MovableClock
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import EntryState, Envelope, Outcome, OutcomeKind
from mailwatch.errors import CursorMoved, MailboxUnavailable, MailwatchError, StoreUnavailable
from mailwatch.ports import FetchedMessage, FolderState
from mailwatch.services import receive
from mailwatch.services.receive import ReceiveSettings
from mailwatch.store import reports
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.store import SqlStore, SqlTransaction, open_store

BOXES = (f"inscriptions@{DOMAIN}", f"bibliotheque@{DOMAIN}")
SIDE_FOLDER = "Suivi"
RESYNC_DAYS = 14
HEADER = re.compile(rb"^(message-id|in-reply-to): *(<[^>]+>)", re.IGNORECASE | re.MULTILINE)
LIVE = ("pending", "claimed", "deferred")

OUTCOMES = {
    "sent": Outcome(kind=OutcomeKind.SENT, code=250, text="ok"),
    "later": Outcome(kind=OutcomeKind.DEFERRED, code=451, text="greylisted"),
    "unreachable": Outcome(kind=OutcomeKind.DEFERRED, text="connection refused"),
    "full": Outcome(kind=OutcomeKind.FAILED, code=552, enhanced="5.2.2", text="mailbox full"),
    "nobody": Outcome(kind=OutcomeKind.FAILED, code=550, enhanced="5.1.1", text="no such user"),
    "unknown": Outcome(kind=OutcomeKind.UNCERTAIN, text="the connection was lost after DATA"),
    "refused": Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, code=535, enhanced="5.7.8", text="bad credentials"),
}
CRASH = Outcome(kind=OutcomeKind.UNCERTAIN, text="the process was killed")  # never returned: nobody is there to read it
MAY_HAVE_ARRIVED = (OutcomeKind.SENT, OutcomeKind.UNCERTAIN)


# --- a world that breaks at counted places ---------------------------------------------------------------------------


class Faults:
    """One fault, at the n-th place from now that it may strike."""

    def __init__(self) -> None:
        self.countdown = 0
        self.kind = ""
        self.victim: asyncio.Task[Any] | None = None

    def strike(self, kind: str, countdown: int) -> None:
        self.kind, self.countdown = kind, countdown

    async def pass_by(self, place: str) -> None:
        if not self.countdown or (self.kind != "cancel" and not place.startswith(self.kind.partition(" ")[0])):
            return
        self.countdown -= 1
        if self.countdown:
            return
        if self.kind == "cancel" and self.victim is not None:
            self.victim.cancel()
            await asyncio.sleep(0)
        elif self.kind == "store gone":
            raise StoreUnavailable("gone")
        elif self.kind == "store overtaken":
            raise CursorMoved("another worker was first")
        elif self.kind == "source gone":
            raise MailboxUnavailable("the connection broke")


class FragileStore(SqlStore):
    """A store whose transactions fail before they begin, before they commit, or right after: "was it written?" """

    faults: Faults

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        await self.faults.pass_by("store begin")
        async with self.database.write() as connection:
            yield SqlTransaction(connection, self._clock.now())
            await self.faults.pass_by("store commit")
        await self.faults.pass_by("store committed")


class FragileSource(Source):
    """A connection that breaks between any two commands."""

    def __init__(self, folders: Mapping[str, Folder], faults: Faults) -> None:
        super().__init__(folders)
        self.faults = faults

    async def examine(self, folder: str) -> FolderState:
        await self.faults.pass_by("source")
        return await super().examine(folder)

    async def list_uids(self, after: int) -> Sequence[int]:
        await self.faults.pass_by("source")
        return await super().list_uids(after)

    async def list_uids_since(self, day: date) -> Sequence[int]:
        await self.faults.pass_by("source")
        return await super().list_uids_since(day)

    async def fetch(self, uids: Sequence[int]) -> Sequence[FetchedMessage]:
        await self.faults.pass_by("source")
        found = await super().fetch(uids)
        await self.faults.pass_by("source")
        return found


@dataclass
class Submission:
    """One letter on the wire, and what became of it."""

    message_id: str
    about: str
    recipient: str
    body: bytes
    outcome: OutcomeKind
    was_recorded: bool  # False: the process was killed before it could write the outcome down


@dataclass
class Wire:
    """A Mailer that keeps what it is given; `script` names its next outcomes, then all goes well."""

    script: list[str] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    accepts: bool = True
    crashed: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        if ready is not None:
            await ready()
        word = self.script.pop(0) if self.script else "sent"
        outcome = CRASH if word == "crash" else OUTCOMES[word]
        if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:
            self.accepts = False
        ids = {name.lower(): value.decode() for name, value in HEADER.findall(body.partition(b"\r\n\r\n")[0])}
        kind, recorded = outcome.kind, word != "crash"
        self.submissions.append(
            Submission(ids[b"message-id"], ids[b"in-reply-to"], envelope.recipient, body, kind, recorded)
        )
        if word == "crash":
            self.crashed.set()
            await asyncio.Event().wait()  # until the process is gone
        return outcome

    async def probe(self) -> Outcome:
        return OUTCOMES["sent" if self.accepts else "refused"]

    async def close(self) -> None:
        return None


# --- what arrived ----------------------------------------------------------------------------------------------------


@dataclass
class Letter:
    """A message as its sender knows it, and where it was delivered."""

    number: int
    raw: bytes
    is_automatic: bool = False
    is_old: bool = False  # it lay there before the first sight
    delivered: dict[str, bool] = field(default_factory=dict)  # mailbox → whether it must be recorded there

    @property
    def message_id(self) -> str:
        return f"<{self.number}@courriel.example>"


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


def mailboxes() -> list[Mailbox]:
    """Two shared mailboxes of one organisation; the first with a second folder that a rule may move mail to."""
    organisation = replace(an_organisation(), watched={address: address for address in BOXES})
    first = replace(a_mailbox(), organisation=organisation, folders=("INBOX", SIDE_FOLDER))
    return [first, replace(first, address=BOXES[1], folders=("INBOX",))]


class Office(RuleBasedStateMachine):
    """Two mailboxes, their senders, an SMTP server, and a service that is often interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.mkdtemp(prefix="machine")
        self.letters: list[Letter] = []
        self.faults = Faults()
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
        self.world = World(self.store, self.clock, mailboxes())
        self.world.settings = ReceiveSettings(batch=3, resync_days=RESYNC_DAYS)
        self.world.restart()
        self.wire = Wire()
        self.world.mailer = self.wire  # type: ignore[assignment]  # another Mailer
        fragile: dict[str, Source] = {}
        for address, folders in self.world.folders.items():
            fragile[address] = FragileSource(folders, self.faults)
        self.world.sources.sources = fragile
        self.dispatch = self.world.dispatch(f"worker{self.worker}")

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            self.run(self.store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    # --- arrivals ---------------------------------------------------------------------------------------------------

    def _write(
        self, sender: str, to: Sequence[str], subject: str = "", *headers: str, automatic: bool = False
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
        )
        letter = Letter(number, raw, is_automatic=automatic)
        self.letters.append(letter)
        return letter

    def _deliver(self, letter: Letter, address: str, folder: str = "INBOX") -> None:
        self.world.folders[address][folder].append(letter.raw, self.clock.now())
        letter.delivered[address] = not letter.is_old

    @initialize(old=st.booleans())
    def first_sight(self, old: bool) -> None:
        if old:
            letter = self._write("paul.ancien@courriel.example", BOXES[:1])
            letter.is_old = True
            self._deliver(letter, BOXES[0])
            self.clock.advance(timedelta(hours=1))
        self.run(self.world.look())
        self._deliver(self._write("parent1@courriel.example", BOXES), BOXES[1])

    @rule(who=st.integers(0, 3), box=st.sampled_from(BOXES), folder=st.sampled_from(["INBOX", SIDE_FOLDER]))
    def a_person_writes(self, who: int, box: str, folder: str) -> None:
        sender = f"parent{who}@courriel.example" if who else f"p{len(self.letters)}@courriel.example"
        self._deliver(self._write(sender, [box]), box, folder if box == BOXES[0] else "INBOX")

    @rule(box=st.sampled_from(BOXES), count=st.integers(2, 8))
    def many_people_write(self, box: str, count: int) -> None:
        for _ in range(count):
            self._deliver(self._write(f"p{len(self.letters)}@courriel.example", [box]), box)

    @rule(order=st.permutations(BOXES))
    def a_person_writes_to_both(self, order: Sequence[str]) -> None:
        letter = self._write(f"p{len(self.letters)}@courriel.example", order)
        for box in BOXES:
            self._deliver(letter, box)

    @rule(order=st.permutations(BOXES), where=st.sampled_from(BOXES))
    def a_person_writes_to_both_and_only_one_gets_it(self, order: Sequence[str], where: str) -> None:
        self._deliver(self._write(f"p{len(self.letters)}@courriel.example", order), where)

    @rule(box=st.sampled_from(BOXES))
    def a_colleague_writes(self, box: str) -> None:
        self._deliver(self._write(MARIE, [box]), box)

    @rule(
        box=st.sampled_from(BOXES),
        header=st.sampled_from(
            ["List-Id: <nouvelles.example>", "Precedence: bulk", "Auto-Submitted: auto-generated", "X-Spam-Flag: YES"]
        ),
    )
    def something_automatic_comes(self, box: str, header: str) -> None:
        self._deliver(self._write("info@entreprise.example", [box], "", header, automatic=True), box)

    @precondition(lambda self: self.wire.submissions)
    @rule(data=st.data(), status=st.sampled_from(["5.1.1", "4.4.7"]))
    def an_acknowledgement_bounces(self, data: st.DataObject, status: str) -> None:
        sent = data.draw(st.sampled_from(self.wire.submissions))
        kind = f'Content-Type: multipart/report; report-type=delivery-status; boundary="b{len(self.letters)}"'
        letter = self._write("mailer-daemon@mx.example", BOXES[:1], "Undelivered", automatic=True)
        report = (
            f"--b{len(self.letters) - 1}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
            f"Final-Recipient: rfc822; {sent.recipient}\r\nStatus: {status}\r\n--b{len(self.letters) - 1}\r\n"
            f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {sent.message_id}\r\n\r\n"
        )
        head = letter.raw.partition(b"\r\n\r\n")[0].replace(b"Content-Type: text/plain; charset=utf-8", kind.encode())
        letter.raw = head + b"\r\n\r\n" + report.encode()
        self._deliver(letter, BOXES[0])

    @precondition(lambda self: self.wire.submissions)
    @rule(data=st.data(), box=st.sampled_from(BOXES))
    def an_acknowledgement_is_answered_by_a_robot(self, data: st.DataObject, box: str) -> None:
        sent = data.draw(st.sampled_from(self.wire.submissions))
        headers = (f"In-Reply-To: {sent.message_id}", "Auto-Submitted: auto-replied")
        self._deliver(self._write(sent.recipient, [box], "Absence", *headers, automatic=True), box)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), box=st.sampled_from(BOXES))
    def somebody_writes_again_about_it(self, data: st.DataObject, box: str) -> None:
        about = data.draw(st.sampled_from(self.letters))
        headers = (f"In-Reply-To: {about.message_id}", f"References: {about.message_id}")
        self._deliver(self._write("parent1@courriel.example", [box], f"Re: Question {about.number}", *headers), box)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), box=st.sampled_from(BOXES))
    def a_copy_of_it_comes_again(self, data: st.DataObject, box: str) -> None:
        letter = data.draw(st.sampled_from(self.letters))
        if box in letter.delivered and not letter.is_old:
            self._deliver(letter, box)

    @precondition(lambda self: self.letters)
    @rule(data=st.data())
    def a_person_answers_it(self, data: st.DataObject) -> None:
        folder = self.world.folders[data.draw(st.sampled_from(BOXES))]["INBOX"]
        if folder.messages:
            folder.flag(data.draw(st.sampled_from(sorted(folder.messages))), "\\Answered")

    @rule(data=st.data())
    def a_rule_moves_it_to_the_other_folder(self, data: st.DataObject) -> None:
        inbox, side = self.world.folders[BOXES[0]]["INBOX"], self.world.folders[BOXES[0]][SIDE_FOLDER]
        old = {letter.raw for letter in self.letters if letter.is_old}
        movable = [uid for uid, message in inbox.messages.items() if message.head not in old]
        if movable:
            moved = inbox.messages.pop(data.draw(st.sampled_from(movable)))
            side.append(moved.head, moved.received_at, sorted(moved.flags))

    @rule(box=st.sampled_from(BOXES), rewrites=st.booleans())
    def a_new_uidvalidity(self, box: str, rewrites: bool) -> None:
        """A mailbox is migrated or restored: all UIDs are new, and INTERNALDATE perhaps."""
        folder = self.world.folders[box]["INBOX"]
        kept, folder.messages = folder.messages, {}
        folder.uidvalidity, folder.uidnext = (folder.uidvalidity or 0) + 1, 1
        for message in kept.values():
            folder.append(message.head, self.clock.now() if rewrites else message.received_at, sorted(message.flags))
        self._excuse_what_is_too_old(folder, box)

    def _excuse_what_is_too_old(self, folder: Folder, box: str) -> None:
        """What nobody had seen before the change and is older than `resync_days` is beyond what is promised."""
        limit = self.clock.now() - timedelta(days=RESYNC_DAYS - 3)
        old = {message.head for message in folder.messages.values() if message.received_at < limit}
        for letter in self.letters:
            if letter.raw in old:
                letter.delivered[box] = False

    # --- the service ------------------------------------------------------------------------------------------------

    async def _look(self, box: str | None) -> None:
        """As a watcher would: what fails comes again, after a reconnection where the connection broke."""
        for mailbox in self.world.mailboxes:
            if box in (None, mailbox.address):
                try:
                    await self.world.look(mailbox)
                except MailboxUnavailable:
                    self.world.receive.forget(mailbox)
                except MailwatchError:
                    pass

    @rule(box=st.sampled_from([None, *BOXES]))
    def look(self, box: str | None) -> None:
        self.run(self._look(box))

    @rule(
        box=st.sampled_from(BOXES),
        kind=st.sampled_from(["cancel", "store gone", "store overtaken", "source gone"]),
        countdown=st.integers(1, 24),
    )
    def look_cut_short(self, box: str, kind: str, countdown: int) -> None:
        self.faults.strike(kind, countdown)
        self.run(self._suffer(lambda: self._look(box)))

    @rule(box=st.sampled_from(BOXES))
    def two_workers_look(self, box: str) -> None:
        """A frozen worker wakes while another has its mailbox: wasted work, and no harm."""
        self.run(self._look_twice(box))

    async def _look_twice(self, box: str) -> None:
        world = self.world
        mailbox = next(m for m in world.mailboxes if m.address == box)
        other = receive.Receive(self.store, world.judge, self.clock, world.settings, world.log)
        looks = [one.look(mailbox, FragileSource(world.folders[box], self.faults)) for one in (world.receive, other)]
        for fault in await asyncio.gather(*looks, return_exceptions=True):
            if fault is not None and not isinstance(fault, MailwatchError):
                raise fault

    async def _suffer(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.faults.victim = asyncio.ensure_future(act())
        await asyncio.gather(self.faults.victim, return_exceptions=True)
        fault = None if self.faults.victim.cancelled() else self.faults.victim.exception()
        self.faults.strike("", 0)
        if fault is not None:
            raise fault

    @rule(box=st.sampled_from(BOXES))
    def reconnect(self, box: str) -> None:
        self.world.receive.forget(next(m for m in self.world.mailboxes if m.address == box))

    @rule(words=st.lists(st.sampled_from([*OUTCOMES, "crash"]), max_size=6))
    def the_server_will_say(self, words: list[str]) -> None:
        self.wire.script = words

    @rule()
    def the_account_is_mended(self) -> None:
        self.wire.accepts = True

    @rule()
    def send(self) -> None:
        self.run(self._send())

    @rule(words=st.lists(st.sampled_from([*OUTCOMES, "unknown", "crash"]), max_size=6), hours=st.integers(1, 13))
    def some_hours_pass(self, words: list[str], hours: int) -> None:
        """Looked at, past its grace, submitted, and tried again later: what most letters go through."""
        self.wire.script = words
        self.look(None)
        for pause in (timedelta(minutes=6), timedelta(hours=hours), timedelta(hours=1)):
            self.clock.advance(pause)
            self.run(self._send())

    @rule(kind=st.sampled_from(["store gone", "source gone"]), countdown=st.integers(1, 12))
    def send_while_something_breaks(self, kind: str, countdown: int) -> None:
        self.faults.strike(kind, countdown)
        self.run(self._send())
        self.faults.strike("", 0)

    async def _send(self) -> None:
        """Until nothing is left to do, or the process is killed."""
        before = len(self.wire.submissions)
        running = asyncio.create_task(self.dispatch.run())
        self.dispatch.wake()
        waits = [asyncio.create_task(self.dispatch.until_idle()), asyncio.create_task(self.wire.crashed.wait())]
        async with asyncio.timeout(20):
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

    def _begin_anew(self, worker: int) -> None:
        self.worker = worker
        self.world.restart()
        self.dispatch = self.world.dispatch(f"worker{worker}")

    @rule(is_another_worker=st.booleans())
    def restart(self, is_another_worker: bool) -> None:
        self._begin_anew(self.worker + is_another_worker)
        self.run(self.dispatch.release())

    @rule(off=st.booleans())
    def pause_or_resume(self, off: bool) -> None:
        self.run(self._switch(off))

    async def _switch(self, off: bool) -> None:
        async with self.store.transaction() as tx:
            if off:
                await tx.switch_off("sending", MARIE, "test")
            else:
                await tx.resume()

    @rule()
    def take_over(self) -> None:
        self.run(self.world.take_over.tick())

    @rule(minutes=st.one_of(st.integers(1, 30), st.integers(60, 30 * 60), st.integers(24 * 60, 4 * 24 * 60)))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule(seconds=st.integers(1, 600))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.clock.advance(-timedelta(seconds=seconds))

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def what_is_stored_is_consistent(self) -> None:
        if not self.is_checked:
            assert self.run(find_inconsistencies(self.store)) == []
            self.is_checked = True

    @invariant()
    def a_message_is_acknowledged_under_one_message_id_with_the_same_bytes(self) -> None:
        ids: dict[str, set[str]] = defaultdict(set)
        letters: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
        for one in self.wire.submissions:
            ids[one.about].add(one.message_id)
            letters[one.message_id].add((one.recipient, one.body))
        assert {about: found for about, found in ids.items() if len(found) > 1} == {}
        assert {own: found for own, found in letters.items() if len(found) > 1} == {}

    @invariant()
    def another_copy_leaves_only_where_the_first_ones_fate_is_unknown(self) -> None:
        fates: dict[str, list[Submission]] = defaultdict(list)
        for one in self.wire.submissions:
            fates[one.message_id].append(one)
        for submissions in fates.values():
            for one in submissions[:-1]:
                assert not one.was_recorded or one.outcome not in (OutcomeKind.SENT, OutcomeKind.FAILED)
            doubtful = [s for s in submissions if s.was_recorded and s.outcome is OutcomeKind.UNCERTAIN]
            assert len(doubtful) <= 2, "an unknown outcome is tried once more, and then left to a person"

    @invariant()
    def nothing_leaves_because_of_anything_automatic_or_old(self) -> None:
        silent = {letter.message_id for letter in self.letters if letter.is_automatic or letter.is_old}
        assert not silent & {one.about for one in self.wire.submissions}

    async def _end(self) -> None:
        """The day after: everything works again. Nothing is missing, and nothing is left lying."""
        self.faults.strike("", 0)
        self.wire.script, self.wire.accepts = [], True
        self._begin_anew(self.worker + 1)
        await self._switch(False)
        for _ in range(2):
            await self._look(None)
        recorded = {(fact.message_id, fact.mailbox) for fact in await reports.list_messages(self.store, after=0)}
        must = {(one.message_id, box) for one in self.letters for box, is_due in one.delivered.items() if is_due}
        missing = must - recorded
        assert not missing or (await reports.status_facts(self.store, self.clock.now())).quarantined >= len(missing)
        for _ in range(60):
            if not any(fact.state in LIVE for fact in await reports.list_entries(self.store)):
                break
            self.clock.advance(timedelta(hours=1))
            await self._send()
        assert [fact for fact in await reports.list_entries(self.store) if fact.state in LIVE] == []
        assert await find_inconsistencies(self.store) == []
        self.a_message_is_acknowledged_under_one_message_id_with_the_same_bytes()
        self.another_copy_leaves_only_where_the_first_ones_fate_is_unknown()
        self.nothing_leaves_because_of_anything_automatic_or_old()


def play(examples: int, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play many short lives of an office."""
    monkeypatch.setattr(receive, "SETTLING", 0.0)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        run_state_machine_as_test(
            Office,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        structlog.reset_defaults()


def test_the_invariants_hold_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    play(15, 25, monkeypatch)


@pytest.mark.nightly
def test_the_invariants_hold_whatever_happens_for_a_long_time(monkeypatch: pytest.MonkeyPatch) -> None:
    play(500, 60, monkeypatch)
