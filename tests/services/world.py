"""A small world for service tests: a folder in memory, a mailer that records, a clock that is moved, a real SQLite."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import structlog

from mailwatch.clock import MovableClock
from mailwatch.domain.absences import Absence
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind
from mailwatch.errors import FolderMissing, MailboxUnavailable
from mailwatch.ports import FetchedMessage, FolderState, MessageSource, Presence
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.dispatch import Dispatch, DispatchSettings
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.judge import Judge
from mailwatch.services.keep_absences import CONFIGURATION, configured, keep_source
from mailwatch.services.look import Look
from mailwatch.services.observe import Observe, ObserveSettings
from mailwatch.services.receive import Receive, ReceiveSettings
from mailwatch.services.take_over import TakeOver
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.store import SqlStore, open_store

T = TypeVar("T")

CONNECTIONS = 2  # of a dispatcher, unless a test says otherwise

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # 10:00 in Toronto


def a_letter(
    number: int = 1,
    *,
    sender: str = "sophie.nadeau@courriel.example",
    to: str = "inscriptions@cscmonavenir.example",
    subject: str = "Inscription de ma fille",
    body: str = "Bonjour, quels documents faut-il fournir pour inscrire ma fille ? Merci.",
    headers: Sequence[str] = (),
    at: datetime = MONDAY,
) -> bytes:
    """A message as it lies in a mailbox."""
    lines = [
        f"Return-Path: <{sender}>",
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {at:%a, %d %b %Y %H:%M:%S +0000}",
        f"Message-ID: <{number}@courriel.example>",
        "Content-Type: text/plain; charset=utf-8",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body + "\r\n").encode()


@dataclass
class Folder:
    """An IMAP folder in memory. `modseqs`: when each message last changed; `modseq`: the folder's, None without any."""

    uidvalidity: int | None = 77
    uidnext: int = 1
    messages: dict[int, FetchedMessage] = field(default_factory=dict)
    modseq: int | None = None
    modseqs: dict[int, int] = field(default_factory=dict)

    def append(self, raw: bytes, received_at: datetime, flags: Sequence[str] = ()) -> int:
        """A message arrives; its UID."""
        uid = self.uidnext
        self.uidnext += 1
        self.messages[uid] = FetchedMessage(
            uid=uid, received_at=received_at, size=len(raw), flags=frozenset(flags), head=raw[: 64 * 1024]
        )
        self._note_change(uid)
        return uid

    def flag(self, uid: int, flag: str) -> None:
        """A person's mail program sets a flag."""
        message = self.messages[uid]
        self.messages[uid] = replace(message, flags=message.flags | {flag})
        self._note_change(uid)

    def move(self, uid: int, other: "Folder") -> int:
        """A person moves a message to another folder; its UID there."""
        message = self.messages.pop(uid)
        return other.append(message.head, message.received_at, sorted(message.flags))

    def renumber(self, uidvalidity: int) -> None:
        """What a restore does: every UID is new."""
        kept = list(self.messages.values())
        self.uidvalidity, self.uidnext, self.messages = uidvalidity, 1, {}
        for message in kept:
            self.append(message.head, message.received_at, sorted(message.flags))

    def _note_change(self, uid: int) -> None:
        if self.modseq is not None:
            self.modseq += 1
            self.modseqs[uid] = self.modseq


class Source:
    """A MessageSource over folders in memory. `poison`: UIDs whose fetch breaks the connection.

    commands                EXAMINE, STATUS and SEARCH, each with its folder or UID
    fetches, flag_fetches   the UIDs asked for, call by call
    has_status              whether its server answers STATUS
    sent_folders            what the server says when asked for its Sent folders
    """

    def __init__(self, folders: Mapping[str, Folder]) -> None:
        self.folders = folders
        self.poison: set[int] = set()
        self.commands: list[str] = []
        self.has_status = True
        self.fetches: list[Sequence[int]] = []
        self.flag_fetches: list[tuple[Sequence[int], int | None]] = []
        self.sent_folders: Sequence[str] = ("Sent",)
        self._folder = Folder()
        self._examined: dict[str, FolderState] = {}

    async def examine(self, folder: str) -> FolderState:
        self.commands.append(f"EXAMINE {folder}")
        if folder not in self.folders:
            raise FolderMissing(f"{folder}: no such folder")
        self._folder = self.folders[folder]
        state = self._folder
        self._examined[folder] = FolderState(
            uidvalidity=state.uidvalidity,
            uidnext=state.uidnext,
            exists=len(state.messages),
            highest_modseq=state.modseq,
        )
        return self._examined[folder]

    def find_state(self, folder: str) -> FolderState | None:
        return self._examined.get(folder)

    async def status(self, folder: str) -> FolderState | None:
        self.commands.append(f"STATUS {folder}")
        if folder not in self.folders or not self.has_status:
            return None
        state = self.folders[folder]
        return FolderState(uidvalidity=state.uidvalidity, uidnext=state.uidnext, exists=len(state.messages))

    async def is_as_known(self, folder: str, state: FolderState, others: Mapping[str, FolderState]) -> bool:
        if await self.examine(folder) != state:
            return False
        for other, known in others.items():
            told = await self.status(other)
            if told is None or not told.has_no_more_than(known):
                return False
        return True

    async def list_uids(self, after: int) -> Sequence[int]:
        self.commands.append(f"SEARCH {after + 1}")
        return sorted(uid for uid in self._folder.messages if uid > after)

    async def list_uids_since(self, day: date) -> Sequence[int]:
        return sorted(uid for uid, m in self._folder.messages.items() if m.received_at.date() >= day)

    async def fetch(self, uids: Sequence[int]) -> Sequence[FetchedMessage]:
        self.fetches.append(uids)
        if self.poison & set(uids):
            raise MailboxUnavailable("the connection broke")
        return [self._folder.messages[uid] for uid in uids if uid in self._folder.messages]

    async def fetch_flags(self, uids: Sequence[int], changed_since: int | None = None) -> Mapping[int, frozenset[str]]:
        self.flag_fetches.append((uids, changed_since))
        folder = self._folder
        changed = [uid for uid in uids if changed_since is None or folder.modseqs[uid] > changed_since]
        return {uid: folder.messages[uid].flags for uid in changed if uid in folder.messages}

    async def list_sent_folders(self) -> Sequence[str]:
        return [name for name in self.sent_folders if name in self.folders]


class Sources:
    """ports.Mailboxes over sources in memory. `down`: mailboxes that can't be reached; `elsewhere`: held by others."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.down: set[str] = set()
        self.elsewhere: set[str] = set()

    def holds(self, mailbox: str) -> bool:
        return mailbox not in self.elsewhere

    async def use(self, mailbox: str, act: Callable[[MessageSource], Awaitable[T]], timeout: float) -> T:
        if mailbox in self.down | self.elsewhere:
            raise MailboxUnavailable("down")
        return await act(self.sources[mailbox])


@dataclass
class RecordingMailer:
    """A Mailer that keeps what it is given; `answers` are its next outcomes, then SENT."""

    letters: list[tuple[Envelope, bytes]] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    accepts: bool = True
    is_silent: bool = False  # its server never answers a probe
    probed: asyncio.Event = field(default_factory=asyncio.Event)
    submitted: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        if ready is not None:
            await ready()
        self.letters.append((envelope, body))
        self.submitted.set()
        return self.answers.pop(0) if self.answers else Outcome(kind=OutcomeKind.SENT, code=250, text="ok")

    async def probe(self) -> Outcome:
        if self.is_silent:
            self.probed.set()
            await asyncio.Event().wait()
        return Outcome(kind=OutcomeKind.SENT if self.accepts else OutcomeKind.ACCOUNT_REFUSED)

    async def close(self) -> None:
        return None


class World:
    """Everything that a service needs, around one database."""

    def __init__(self, store: SqlStore, clock: MovableClock, mailboxes: Sequence[Mailbox]) -> None:
        self.store = store
        self.clock = clock
        self.mailboxes = mailboxes
        self.folders = {m.address: {name: Folder() for name in _folder_names(m)} for m in mailboxes}
        self.sources = Sources({m.address: Source(self.folders[m.address]) for m in mailboxes})
        self.mailer = RecordingMailer()
        self.log = structlog.get_logger("tests")
        self.warnings: list[str] = []
        renderer = TemplateRenderer(None, templates_folder(), self.warnings.append)
        self.judge = Judge(renderer, store.key, timedelta(hours=48))
        self.settings = ReceiveSettings(batch=10)
        self.restart()
        self.take_over = TakeOver(store, self.judge, mailboxes, self.sources, clock, self.log)

    def folder(self, mailbox: Mailbox | None = None, name: str = "INBOX") -> Folder:
        """A mailbox's folder; the first mailbox's INBOX."""
        return self.folders[(mailbox or self.mailboxes[0]).address][name]

    async def look(self, mailbox: Mailbox | None = None) -> None:
        """One look at a mailbox; at all of them without one. As the service does."""
        for one in [mailbox] if mailbox else self.mailboxes:
            await Look(self.receive, self.observe, self.good_looks, self.log).look(
                one, self.sources.sources[one.address]
            )
            await self.good_looks.write()

    def restart(self) -> None:
        """What this process remembered is gone."""
        self.good_looks = GoodLooks(self.store, self.clock, self.log)
        self.receive = Receive(
            self.store, self.judge, self.clock, self.settings, self.good_looks, self.log, self.mailboxes
        )
        settings = ObserveSettings(
            batch=self.settings.batch, resync_days=self.settings.resync_days, attempts=self.settings.attempts
        )
        self.observe = Observe(self.store, self.mailboxes, self.clock, settings, self.good_looks, self.log)

    def arrive(self, raw: bytes, mailbox: Mailbox | None = None, flags: Sequence[str] = ()) -> int:
        """A message arrives now."""
        return self.folder(mailbox).append(raw, self.clock.now(), flags)

    def dispatch(
        self, worker: str = "test", connections: int = CONNECTIONS, presence: Presence | None = None
    ) -> Dispatch:
        """A dispatcher; several may run at once."""
        settings = DispatchSettings(connections=connections)
        mailers = {"default": self.mailer}
        return Dispatch(
            self.store, mailers, self.mailboxes, self.sources, self.clock, settings, worker, self.log, presence
        )

    async def send(self, dispatch: Dispatch | None = None) -> None:
        """Send everything that is due now, as a running service would."""
        dispatch = dispatch or self.dispatch()
        running = asyncio.create_task(dispatch.run())
        dispatch.wake()
        idle = asyncio.create_task(dispatch.until_idle())
        async with asyncio.timeout(10):
            await asyncio.wait([running, idle], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        running.cancel()
        await asyncio.wait([running, idle])
        if not running.cancelled() and (fault := running.exception()):
            raise fault

    @property
    def recipients(self) -> list[str]:
        """Who was sent something, in order."""
        return [envelope.recipient for envelope, _ in self.mailer.letters]


def _folder_names(mailbox: Mailbox) -> list[str]:
    policy = mailbox.observing
    return [*mailbox.folders, "Sent", *policy.sent_folders, *policy.closing_folders, *policy.set_aside_folders]


async def keep_configured(store: SqlStore, absences: Sequence[Absence], on: date = date(2026, 11, 23)) -> None:
    """What the service does when it starts: the database knows the configuration's absences."""
    async with store.transaction() as tx:
        await keep_source(tx, CONFIGURATION, configured(absences), on)


@asynccontextmanager
async def a_world(folder: Path, *mailboxes: Mailbox, url: str = "") -> AsyncIterator[World]:
    """A world that is checked for consistency when it ends. `url`: of a database without tables, if not SQLite."""
    clock = MovableClock(MONDAY)
    store = open_store(url or f"sqlite+aiosqlite:///{folder}/world.db", clock)
    await store.open(upgrade=True)
    for organisation in {id(m.organisation): m.organisation for m in mailboxes}.values():
        await keep_configured(store, organisation.absences)
    try:
        yield World(store, clock, mailboxes)
        assert await find_inconsistencies(store) == []
    finally:
        await store.close()
