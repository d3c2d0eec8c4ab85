"""Submits the messages of one account over a few reused connections; fulfils `ports.Mailer`.

    idle session, else a new one → MAIL RCPT DATA → the message and its dot → reply → back among the idle ones
    └──────────── nothing was sent: deferred ───────┘└─ in doubt: uncertain ─┘

One submission takes at most four times `timeout`, the wait for a turn and for the final reply included; a caller that
holds a lease can rely on that, provided it runs no more than `connections` of them at once.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiosmtplib

from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind
from mailwatch.errors import ConfigurationError
from mailwatch.smtp.session import Server, Session, Unsent, deferred, open_session

IDLE_SECONDS = 30.0  # an idle connection is left before the server would end it
QUIT_SECONDS = 2.0  # how long a server may take to say goodbye
PATIENCE_AFTER_DOT = 2  # times the timeout: scanners work then, and giving up leaves a doubt (RFC 5321 §4.5.3.2.6)

# A path that can stand between < and >: nothing to break out with. Quoted local parts are allowed.
_PATH = re.compile(r'(?:[^\s\x00-\x1f\x7f<>@"\\]+|"[^\x00-\x1f\x7f"\\<>]+")@[^\s\x00-\x1f\x7f<>@]+')


class Account(Protocol):
    """What must be known of an SMTP account; a section of the configuration fulfils it."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def security(self) -> str:
        """ "tls" | "starttls" | "none"."""

    @property
    def username(self) -> str | None: ...
    @property
    def ca_file(self) -> Path | None:
        """PEM authority to trust instead of the system's."""

    @property
    def timeout(self) -> float:
        """Seconds for everything up to the message; twice that for the last reply."""

    @property
    def rate_per_minute(self) -> int | None: ...


class SmtpMailer:
    """One SMTP account. Connections are opened when needed, at most `connections`, and left after 30 s without work.

    `hostname`: what we call ourselves; `probe_from`: the sender that `probe` asks for until one was refused.
    Raises ConfigurationError where `ca_file` can't be read.
    """

    def __init__(
        self,
        account: Account,
        *,
        password: str | None = None,
        connections: int = 4,
        hostname: str = "",
        probe_from: str = "",
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._server = Server(
            host=account.host,
            port=account.port,
            security=account.security,
            username=account.username,
            password=password or "",
            context=None if account.security == "none" else _trust(account.ca_file),
            timeout=account.timeout,
            hostname=hostname or _own_name(),
        )
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Session] = []  # the one used last is at the end, and used next: the others can go
        self._idle_seconds = idle_seconds
        self._reaper: asyncio.TimerHandle | None = None
        self._interval = 60 / account.rate_per_minute if account.rate_per_minute else 0.0
        self._next_turn = 0.0  # loop time
        self._probe_from = probe_from

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        """Submit one message of CRLF lines; never raises for what a server or a network does. `ready`: see the port."""
        if not _is_usable(envelope):
            return Outcome(kind=OutcomeKind.FAILED, text="the envelope holds an address that SMTP can't express")
        async with self._slots:
            if not await self._take_turn():
                return deferred("the account's rate limit leaves no turn soon")
            try:
                session = await self._prepare(envelope)
                await self._await_ready(session, ready)
                outcome = await self._deliver(session, body)
            except Unsent as unsent:
                outcome = unsent.outcome
            if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:
                self._probe_from = envelope.reverse_path
            return outcome

    async def _await_ready(self, session: Session, ready: Callable[[], Awaitable[None]] | None) -> None:
        if ready is None:
            return
        try:
            await ready()
        except BaseException:
            session.close()  # the server waits for a message that won't come
            raise

    async def probe(self) -> Outcome:
        """Connect, log in, MAIL FROM (its RSET comes before the next one): SENT if the account is accepted again."""
        async with self._slots:
            try:
                async with asyncio.timeout(self._server.timeout):
                    session = await open_session(self._server)
                    refusal = await session.ask_sender(self._probe_from)
            except Unsent as unsent:
                return unsent.outcome
            except TimeoutError:
                return self._timed_out()
            self._put_back(session)
            return refusal or Outcome(kind=OutcomeKind.SENT, code=250, text="the account is accepted")

    async def close(self) -> None:
        """QUIT all idle connections."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        idle, self._idle = self._idle, []
        try:
            async with asyncio.timeout(QUIT_SECONDS):
                await asyncio.gather(*(session.quit() for session in idle))
        except TimeoutError:
            pass
        finally:
            for session in idle:
                session.close()

    async def _take_turn(self) -> bool:
        """Wait until the account's rate allows one more; False where that would take longer than the timeout."""
        if not self._interval:
            return True
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_turn)
        if turn - now > self._server.timeout:
            return False
        self._next_turn = turn + self._interval
        await asyncio.sleep(turn - now)
        return True

    async def _prepare(self, envelope: Envelope) -> Session:
        """A session whose server waits for the message. Raises Unsent."""
        try:
            async with asyncio.timeout(self._server.timeout):
                session = self._take_idle()
                if session is None:
                    return await self._announce(await open_session(self._server), envelope)
                try:
                    return await self._announce(session, envelope)
                except Unsent as unsent:
                    if session.is_open or unsent.outcome.kind is not OutcomeKind.DEFERRED:
                        raise
                # The server ended it while it was idle. Nothing was sent, so a new connection may try at once.
                return await self._announce(await open_session(self._server), envelope)
        except TimeoutError:
            raise Unsent(self._timed_out()) from None

    async def _announce(self, session: Session, envelope: Envelope) -> Session:
        refusal = await session.announce(envelope)
        if refusal is not None:
            self._put_back(session)
            raise Unsent(refusal)
        return session

    async def _deliver(self, session: Session, body: bytes) -> Outcome:
        """The message itself; from here on a lost connection leaves a doubt. Raises Unsent."""
        try:
            async with asyncio.timeout(self._server.timeout * PATIENCE_AFTER_DOT):
                outcome = await session.deliver(body)
        except (aiosmtplib.SMTPException, OSError) as problem:  # TimeoutError is an OSError
            reason = str(problem) or "no reply in time"
            return Outcome(kind=OutcomeKind.UNCERTAIN, text=f"the message was written, its reply was not had: {reason}")
        self._put_back(session)
        return outcome

    def _take_idle(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.is_open:
                return session
            session.close()
        return None

    def _put_back(self, session: Session) -> None:
        """Keep an open session for the next message."""
        if not session.is_open:
            return
        loop = asyncio.get_running_loop()
        session.idle_since = loop.time()
        self._idle.append(session)
        if self._reaper is None:
            self._reaper = loop.call_later(self._idle_seconds, self._leave_idle, loop)

    def _leave_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave the sessions that nobody has used for a while; they stand in the order of their last use."""
        self._reaper = None
        too_old = loop.time() - self._idle_seconds
        while self._idle and self._idle[0].idle_since <= too_old:
            self._idle.pop(0).leave()
        if self._idle:
            self._reaper = loop.call_at(self._idle[0].idle_since + self._idle_seconds, self._leave_idle, loop)

    def _timed_out(self) -> Outcome:
        server = self._server
        return deferred(f"{server.host}:{server.port} didn't answer within {server.timeout:g} s")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as problem:  # ssl.SSLError is one
        raise ConfigurationError([f"{ca_file}: no certificate authority can be read from it: {problem}"]) from problem


def _is_usable(envelope: Envelope) -> bool:
    sender, recipient = envelope.reverse_path, envelope.recipient
    return bool(_PATH.fullmatch(recipient)) and (not sender or bool(_PATH.fullmatch(sender)))


def _own_name() -> str:
    """This machine's name for EHLO, without asking DNS."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9.-]+", name, re.ASCII) else "localhost"
