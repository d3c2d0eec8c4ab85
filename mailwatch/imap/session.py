"""One open, read-only connection to an account: `ports.MessageSource`, and idling.

Commands block, so each runs in a thread of the pool; nothing is held while the connection idles. A connection that
failed is closed, and every later call says MailboxUnavailable. Not for two tasks at once.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import date
from functools import partial
from typing import Any, Self, TypeVar

from imapclient import IMAPClient

from mailwatch.errors import MailboxUnavailable
from mailwatch.imap import commands, folders, idling
from mailwatch.imap.accounts import Account
from mailwatch.imap.connection import open_client
from mailwatch.imap.failures import FAILURES, translate
from mailwatch.imap.pool import Lane
from mailwatch.ports import Clock, FetchedMessage, FolderState

T = TypeVar("T")

_NOWHERE = FolderState(uidvalidity=None, uidnext=0, exists=0)


class ImapSession:
    """A connection from login to `close`."""

    def __init__(self, client: IMAPClient, account: Account, lane: Lane, clock: Clock) -> None:
        self._client = client
        self._host = account.host
        self._timeout = account.timeout
        self._lane = lane
        self._clock = clock
        self._running: Future[Any] | None = None  # any command's result
        self._waiting: asyncio.Future[bool] | None = None
        self._waiting_on = -1  # the descriptor
        self._folder = ""  # the one that is examined now
        self._names: dict[str, str] = {}  # what the server calls folders that it has under another name
        self._states: dict[str, FolderState] = {}  # as last examined, by folder
        self._listed: dict[str, FolderState] = {}  # as it was when its messages were last listed
        self._sent_folders: Sequence[str] = ()
        self._has_expunged = False  # since it was examined: then message counts say nothing
        self._has_news = False
        self._is_fresh = False  # the last command was the EXAMINE that is wanted next
        self._idled_on = ""  # the folder
        self._is_ending = False  # IDLE's last answer is still to be read
        self.is_closed = False
        self.is_idling = False
        self.idling_since = 0.0  # the event loop's time
        self.can_idle: bool = client.has_capability("IDLE")

    @classmethod
    async def connect(cls, account: Account, password: str, lane: Lane, clock: Clock) -> Self:
        """Connect and log in. Raises MailboxUnavailable, LoginRefused, CertificateRejected."""
        return cls(await open_client(account, password, lane), account, lane, clock)

    # --- ports.MessageSource --------------------------------------------------------------------------------------

    async def examine(self, folder: str) -> FolderState:
        """EXAMINE a folder. Raises FolderMissing; the connection stays good."""
        if self._is_fresh and folder == self._folder:
            self._is_fresh = False
            return self._states[folder]
        self._folder = ""  # RFC 3501 §6.3.1: after one that fails, none is selected
        state = await self.call(partial(folders.examine, folder=folder, names=self._names))
        self._note_examined(folder, state)
        return state

    def _note_examined(self, folder: str, state: FolderState) -> None:
        self._folder, self._states[folder] = folder, state
        self._has_expunged = self._has_news = False

    def find_state(self, folder: str) -> FolderState | None:
        """A folder as last examined."""
        return self._states.get(folder)

    async def status(self, folder: str) -> FolderState | None:
        """STATUS of a folder; None of the one that is examined now, of which it isn't to be asked."""
        if folder == self._folder:
            return None
        return await self.call(partial(commands.status, folder=self._names.get(folder, folder)))

    async def is_as_known(self, folder: str, state: FolderState, others: Mapping[str, FolderState]) -> bool:
        """See the port. Where this connection has idled on the folder before, it does so again, all in one go."""
        self._folder = ""
        is_same = await self.call(partial(self._compare, folder=folder, state=state, others=others))
        if self.is_idling:
            self._note_idling()
        return is_same

    def _compare(self, client: IMAPClient, folder: str, state: FolderState, others: Mapping[str, FolderState]) -> bool:
        """In a thread. STATUS is only asked for where there is nothing to receive: it may be slow."""
        found = folders.examine(client, folder, self._names)
        idling.take_announced(client)  # EXAMINE's own
        self._note_examined(folder, found)
        if found != state:
            self._is_fresh = True
            return False
        for other, known in others.items():
            told = commands.status(client, self._names.get(other, other)) if other != folder else None
            if told is None or not told.has_no_more_than(known):
                return False
        if folder == self._idled_on and self.can_idle:
            self._ask_and_begin(client)
        return True

    async def list_uids(self, after: int) -> Sequence[int]:
        """UIDs of the examined folder above `after`, ascending."""
        self._listed[self._folder] = self._state
        return await self.call(partial(commands.list_uids, state=self._state, after=after))

    async def list_uids_since(self, day: date) -> Sequence[int]:
        """UIDs whose INTERNALDATE is on or after a day, ascending."""
        self._listed[self._folder] = self._state
        return await self.call(partial(commands.list_uids_since, state=self._state, day=day))

    async def fetch(self, uids: Sequence[int]) -> Sequence[FetchedMessage]:
        """What the server returns of these UIDs, ascending; expunged ones are missing."""
        return await self.call(partial(commands.fetch, uids=uids, now=self._clock.now))

    async def fetch_flags(self, uids: Sequence[int], changed_since: int | None = None) -> Mapping[int, frozenset[str]]:
        """Flags of these UIDs; expunged ones are missing, and those unchanged since a modseq."""
        return await self.call(partial(commands.fetch_flags, uids=uids, changed_since=changed_since))

    async def list_sent_folders(self) -> Sequence[str]:
        """The account's Sent folders, asked for once: but a program may make one when it first sends something."""
        if not self._sent_folders:
            self._sent_folders = await self.call(folders.list_sent_folders)
        return self._sent_folders

    @property
    def _state(self) -> FolderState:
        return self._states.get(self._folder, _NOWHERE)

    # --- idling ---------------------------------------------------------------------------------------------------

    async def idle(self, folder: str) -> bool:
        """Begin to idle on a folder; True if there is news of it already, since it was last examined.

        Does nothing while it idles. A server that refuses IDLE although it offers it: `can_idle` turns False.
        """
        if self.is_idling:
            return self._take_news()
        if await self._return_to(folder) or self._take_news():
            return True
        self._idled_on = folder
        if await self.call(self._ask_and_begin):
            self._note_idling()
        return self._take_news()

    def _note_idling(self) -> None:
        """It has just begun. What came in one packet with the "+" is no news to a selector."""
        self.idling_since = asyncio.get_running_loop().time()
        if idling.has_buffered(self._client):
            self._has_news |= self.read_news()

    def _ask_and_begin(self, client: IMAPClient) -> bool:
        """In a thread, in one go: the less lies between NOOP and IDLE, the less is told in neither."""
        idling.ask_for_news(client)
        self._note(idling.take_announced(client))
        if not self._has_news:
            self.can_idle = self.is_idling = idling.begin(client)
        return self.is_idling

    async def _return_to(self, folder: str) -> bool:
        """Examine the folder to idle on, if another one was looked at last; whether it isn't any more as it was when
        its messages were listed. Whoever examined it since, for its flags, has heard what isn't announced again."""
        known = self._listed.get(folder) or self._states.get(folder)
        if self._folder != folder:
            await self.examine(folder)
        self._listed[folder] = self._state  # said once
        return known is not None and not self._state.holds_as(known)

    async def wait(self, seconds: float) -> bool:
        """Until the server says something or goes away (True), or a command is called, or `seconds` have passed."""
        if self.is_closed:
            return False
        loop = asyncio.get_running_loop()
        self._end_wait(was_heard=False)
        waiting: asyncio.Future[bool] = loop.create_future()
        self._waiting = waiting
        self._waiting_on = self._client.socket().fileno()  # a selector would write out a socket, each time anew
        loop.add_reader(self._waiting_on, self._end_wait, True)
        limit = loop.call_later(seconds, self._give_up, waiting)  # half the price of a time-out, for each look's two
        try:
            return await waiting
        finally:
            limit.cancel()
            self._give_up(waiting)

    def _give_up(self, waiting: asyncio.Future[bool]) -> None:
        """End this wait, and no later one: somebody may have begun one in the moment in which this one's time came."""
        if self._waiting is waiting:
            self._end_wait(was_heard=False)

    def _end_wait(self, was_heard: bool) -> None:
        """Take the reader away at once: later, the descriptor may belong to another connection."""
        if self._waiting is None:
            return
        asyncio.get_running_loop().remove_reader(self._waiting_on)
        if not self._waiting.done():
            self._waiting.set_result(was_heard)
        self._waiting = None

    def read_news(self) -> bool:
        """Read what came while idling; whether it calls for a look. Raises MailboxUnavailable."""
        if not self.is_idling:
            return self._take_news()
        try:
            announced = idling.read_announced(self._client)
        except FAILURES as error:
            self.close()
            raise translate(error, self._host) from None
        self._note(announced)
        return self._take_news() or announced.is_ending

    def _take_news(self) -> bool:
        """Whether there was news; said once."""
        has_news, self._has_news = self._has_news, False
        return has_news

    async def done(self) -> None:
        """Leave IDLE, if it idles. The answer is awaited without a thread: on a dead network it may take long; the next
        command reads it."""
        if not self.is_idling:
            return
        self.is_idling = False
        try:
            idling.send_done(self._client)
        except FAILURES as error:
            self.close()
            raise translate(error, self._host) from None
        if not await self.wait(self._timeout):
            self.close()
            raise MailboxUnavailable(f"{self._host}: no answer in time to the end of IDLE")
        self._is_ending = True

    def _note(self, announced: idling.Announced) -> None:
        """Some servers repeat a count at every occasion: it is news only if it differs, or can't be compared."""
        self._has_expunged |= announced.has_expunged
        self._has_news |= any(self._has_expunged or n != self._state.exists for n in announced.exists)

    def note_change(self, folder: str, known: FolderState | None) -> None:
        """Take it for news if a folder, as last examined, isn't as it was known."""
        state = self._states.get(folder)
        self._has_news |= state is not known and (state is None or not state.holds_as(known))

    # --- the connection -------------------------------------------------------------------------------------------

    async def call(self, act: Callable[[IMAPClient], T]) -> T:
        """Run a blocking command in a thread; a `wait`, or IDLE, ends. Raises MailboxUnavailable if it breaks the
        connection."""
        self._end_wait(was_heard=False)
        self._is_fresh = False
        await self.done()
        async with self._lane.free:
            if self.is_closed:
                raise MailboxUnavailable(f"{self._host}: the connection is closed")
            future = self._lane.submit(partial(self._perform, act))
            self._running = future
            try:
                return await asyncio.wrap_future(future)
            except asyncio.CancelledError:
                self.close()  # out of step from here on
                raise
            except FAILURES as error:
                self.close()
                raise translate(error, self._host) from None
            finally:
                self._running = None  # it is done, or the session closed by now

    def _perform(self, act: Callable[[IMAPClient], T]) -> T:
        """In a thread. imaplib keeps what nobody asked for: it would only grow."""
        self._client._imap.untagged_responses.clear()
        if self._is_ending:
            self._is_ending = False
            idling.end(self._client)
            self._note(idling.take_announced(self._client))
        result = act(self._client)
        self._note(idling.take_announced(self._client))
        return result

    def close(self) -> None:
        """End the connection now, even under a thread that waits for the server."""
        if self.is_closed:
            return
        self.is_closed, self.is_idling = True, False
        self._end_wait(was_heard=False)
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown: it would take TLS away from under a thread that reads.
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)
        if self._running is None:
            self._release()
        else:
            self._running.add_done_callback(lambda _: self._release())

    def _release(self) -> None:
        with contextlib.suppress(*FAILURES):
            self._client.shutdown()
