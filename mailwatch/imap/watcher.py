"""One light task per mailbox: connect, look, idle or poll, look again; whatever fails, it comes back.

entered(place) → login → look ─→ idle ─ news, or time to poll ─┐
                          ↑                                    │      a failure closes the connection,
                          └────────────────────────────────────┘      and all begins anew after a pause
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random, SystemRandom
from typing import TypeVar

from mailwatch.errors import (
    CertificateRejected,
    FolderMissing,
    LoginRefused,
    MailboxUnavailable,
    MailwatchError,
    TransientError,
)
from mailwatch.imap.accounts import Account
from mailwatch.imap.gates import BackOff, Place
from mailwatch.imap.pool import Lane
from mailwatch.imap.session import ImapSession
from mailwatch.logs import get_logger
from mailwatch.ports import Clock, MessageSource

T = TypeVar("T")
Act = Callable[[MessageSource], Awaitable[T]]
Sleep = Callable[[float], Awaitable[object]]

log = get_logger(__name__)

OTHER_FOLDERS_POLL = 60.0  # seconds: only the first folder is idled on, so the others are polled at least so often
SPREAD = (0.9, 1.0)  # of the time between polls, at random: mailboxes that began together mustn't poll together
EARLY_RENEWAL = 1.0  # seconds: some servers don't tell in IDLE what came between the last command and its beginning
LONGEST_WAIT = 30.0  # seconds between looks while the database is in trouble: it is ours, and doesn't mind being asked
GOOD_AFTER = 60.0  # seconds that a connection must have served before its end counts as a first failure

_CODES: dict[type[Exception], str] = {
    MailboxUnavailable: "unavailable",
    LoginRefused: "login-refused",
    CertificateRejected: "certificate-rejected",
    FolderMissing: "folder-missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A mailbox to watch. `look` records what is new in all its folders; `on_trouble` gets a code and a text."""

    mailbox: str
    folders: Sequence[str]
    account: Account
    password: str
    look: Callable[[MessageSource], Awaitable[None]]
    on_trouble: Callable[[str, str], Awaitable[None]]


class Watcher:
    """Watches one mailbox. `ready` is set while it waits for news: idling, polling, or between two visits."""

    def __init__(
        self,
        watched: Watched,
        lane: Lane,
        clock: Clock,
        random: Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._watched = watched
        self._lane = lane
        self._clock = clock
        self._random = random or SystemRandom()
        self._sleep = sleep
        self._back_off = BackOff(self._random)
        poll = watched.account.poll
        self._interval = poll if len(watched.folders) == 1 else min(poll, OTHER_FOLDERS_POLL)
        self._session: ImapSession | None = None
        self._good_since: float | None = None  # the event loop's time of this connection's first good look
        self._open = asyncio.Event()  # there is a session
        self._turn = asyncio.Lock()  # whose turn it is to use the session: ours, or a caller's of `use`
        self._called = asyncio.Event()  # somebody wants to use it
        self._users = 0
        self.place: Place  # given before it runs, and anew when others begin or end beside it
        self.ready = asyncio.Event()

    # --- for others -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch until cancelled; then the connection is closed at once."""
        while True:
            try:
                await self._serve()
            except MailwatchError as error:
                await self._pause_after(error)
            except Exception as error:
                log.exception("watcher.failed", mailbox=self._watched.mailbox)
                await self._pause_after(error)

    def disconnect(self) -> None:
        """Close the connection now, whatever is under way on it."""
        if self._session is not None:
            self._session.close()

    async def use(self, act: Act[T], timeout: float) -> T:  # as the port has it
        """Run `act` on the connection between two idles. Raises MailboxUnavailable after `timeout` seconds."""
        self._users += 1
        self._called.set()
        try:
            async with asyncio.timeout(timeout):
                return await self._use(act)
        except TimeoutError:
            raise MailboxUnavailable(f"{self._watched.mailbox}: not to be had within {timeout:g} s") from None
        finally:
            self._users -= 1

    async def _use(self, act: Act[T]) -> T:
        await self._open.wait()
        async with self._turn:
            if self._session is None:
                raise MailboxUnavailable(f"{self._watched.mailbox}: the connection was lost meanwhile")
            session, first = self._session, self._watched.folders[0]
            await session.done()
            known = session.find_state(first)
            try:
                return await act(session)
            finally:
                # What `act` saw by examining the folder anew isn't announced again: it must be looked at all the same.
                session.note_change(first, known)

    # --- one connection -------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """From login to the connection's end; for one that may not stay, until it is time to visit again."""
        async with self.place.entered():
            session = self._session = await self._connect()
            try:
                self._open.set()
                await self._look(session)
                was_heard = True
                while self.place.may_stay:
                    was_heard = await self._wait(session, was_heard)
                    await self._look(session)
                await self._let_users_end()
            finally:
                self._open.clear()
                self.ready.clear()
                self._session = None
                session.close()
        await self._stay_away()

    async def _connect(self) -> ImapSession:
        self._good_since = None
        self._called.clear()
        async with self.place.login.attempt(), self.place.logins:
            return await ImapSession.connect(self._watched.account, self._watched.password, self._lane, self._clock)

    async def _look(self, session: ImapSession) -> None:
        """One look that succeeds. What is the database's trouble is waited for without giving the connection up."""
        back_off = BackOff(self._random, LONGEST_WAIT)
        while True:
            try:
                async with self._lane.looks, self._turn:
                    await self._watched.look(session)
                break
            except FolderMissing as error:
                await self._report(error)
                break
            except MailboxUnavailable:
                raise
            except TransientError as error:
                log.warning("look.postponed", mailbox=self._watched.mailbox, error=str(error))
                await self._sleep(back_off.next(error))
        if self._good_since is None:
            self._good_since = self._now()

    async def _wait(self, session: ImapSession, was_heard: bool) -> bool:
        """Idle on the first folder, or merely wait, until something calls for a look; whether the server did.

        Where it did before, or at first, more may come at once, and the first IDLE is renewed early.
        """
        until = self._now() + self._interval * self._random.uniform(*SPREAD)
        renewal = EARLY_RENEWAL if was_heard else self._watched.account.idle_renew
        was_heard = False
        while self._now() < until:
            async with self._turn:
                if was_heard := await self._idle(session):
                    break
                renew_at = session.idling_since + renewal if session.is_idling else until
            self.ready.set()
            was_heard = await session.wait(min(until, renew_at) - self._now())
            async with self._turn:
                if was_heard and (not session.is_idling or session.read_news()):
                    break
                if not session.is_idling:
                    renewal = EARLY_RENEWAL  # somebody used the connection: the next IDLE is a first one again
                if self._now() >= renew_at:
                    await session.done()
                    renewal = self._watched.account.idle_renew
                if session.is_closed:
                    raise MailboxUnavailable(f"{self._watched.account.host}: the connection was closed")
        self.ready.clear()
        async with self._turn:
            await session.done()
        return was_heard

    async def _idle(self, session: ImapSession) -> bool:
        """Begin to idle, if that can be had; whether there is news already."""
        if not session.can_idle:
            return False
        try:
            return await session.idle(self._watched.folders[0])
        except FolderMissing:  # the look has reported it; polling goes on
            return False

    # --- visits ---------------------------------------------------------------------------------------------------

    async def _let_users_end(self) -> None:
        """Whoever called for this visit gets a turn before it ends."""
        while self._users:
            async with self._turn:
                pass
            await asyncio.sleep(0)

    async def _stay_away(self) -> None:
        """Until the next visit is due, or somebody calls for one."""
        self._back_off.reset()
        self.ready.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await self._called.wait()
        self.ready.clear()

    # --- failures -------------------------------------------------------------------------------------------------

    async def _pause_after(self, error: Exception) -> None:
        if self._good_since is not None and self._now() - self._good_since > GOOD_AFTER:
            self._back_off.reset()
        await self._report(error)
        await self._sleep(self._back_off.next(error))

    async def _report(self, error: Exception) -> None:
        code = _CODES.get(type(error), "unexpected")
        try:
            await self._watched.on_trouble(
                code, str(error) if isinstance(error, MailwatchError) else type(error).__name__
            )
        except MailwatchError as failure:
            log.warning("trouble.unrecorded", mailbox=self._watched.mailbox, code=code, error=str(failure))
        except Exception:
            log.exception("trouble.unrecorded", mailbox=self._watched.mailbox, code=code)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
