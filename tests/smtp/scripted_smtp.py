"""A real SMTP server (aiosmtpd, port 0) that follows a script: what it replies to a command, or how it dies there."""

import asyncio
import ssl
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult

CUT = "<cut>"  # the connection ends instead of a reply
HANG = "<hang>"  # no reply, for ever
GARBAGE = "<garbage>"  # no SMTP reply


@dataclass(frozen=True, slots=True, kw_only=True)
class AnAccount:
    """What SmtpMailer must know, for a server of ours."""

    host: str = "127.0.0.1"
    port: int
    security: str = "none"
    username: str | None = None
    ca_file: Path | None = None
    timeout: float = 10.0
    rate_per_minute: int | None = None


class ScriptedServer:
    """Accepts everything, but for what `script` says: command ("MAIL", "RCPT", "DATA", "DOT", "RSET", …) → replies.

    Each reply serves once. `heard` holds every command line, `delivered` every message with its envelope.
    `password` is what a login must give; without it no login is offered.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, password: str | None = None, utf8: bool = False) -> None:
        self.script: dict[str, list[str]] = defaultdict(list)
        self.heard: list[str] = []
        self.delivered: list[Any] = []  # aiosmtpd's envelopes
        self.opened = 0
        self.open_now = 0
        self.most_at_once = 0
        self.reached = asyncio.Event()  # a HANG was reached
        self.gone = asyncio.Event()  # a connection ended
        self.port = 0
        self._tls, self._password, self._utf8 = tls, password, utf8
        self._server: asyncio.Server | None = None
        self.sessions: set[ScriptedSession] = set()

    async def start(self, *, implicit_tls: bool = False) -> "ScriptedServer":
        loop = asyncio.get_running_loop()
        context = self._tls if implicit_tls else None
        self._server = await loop.create_server(
            lambda: ScriptedSession(self, loop, context), "127.0.0.1", 0, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.drop_connections()
            await self._server.wait_closed()
        while self.open_now and self._tls is None:  # after STARTTLS aiosmtpd doesn't hear of every end
            self.gone.clear()
            await self.gone.wait()

    def drop_connections(self) -> None:
        """As a server does that was restarted."""
        for session in list(self.sessions):
            session.drop()

    def account(self, **changes: Any) -> AnAccount:
        return AnAccount(**{"port": self.port, **changes})

    def next_reply(self, command: str) -> str | None:
        replies = self.script[command]
        return replies.pop(0) if replies else None


class ScriptedSession(SMTP):
    """One connection to a ScriptedServer."""

    def __init__(
        self, server: ScriptedServer, loop: asyncio.AbstractEventLoop, implicit: ssl.SSLContext | None
    ) -> None:
        password = server._password
        super().__init__(
            self,
            hostname="scripted.example",
            loop=loop,
            tls_context=None if implicit else server._tls,
            enable_SMTPUTF8=server._utf8,
            authenticator=lambda *seen: AuthResult(success=seen[4].password.decode() == password, handled=False),
            auth_exclude_mechanism=None if password else ["PLAIN", "LOGIN"],
            auth_require_tls=False,
        )
        self._scripted = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_upgrade = self in self._scripted.sessions
        super().connection_made(transport)
        if not is_upgrade:
            scripted = self._scripted
            scripted.sessions.add(self)
            scripted.opened += 1
            scripted.open_now += 1
            scripted.most_at_once = max(scripted.most_at_once, scripted.open_now)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self in self._scripted.sessions:
            self._scripted.sessions.discard(self)
            self._scripted.open_now -= 1
            self._scripted.gone.set()

    def drop(self) -> None:
        transport = self.transport
        if transport is not None:
            transport.abort()

    async def _act(self, command: str) -> str | None:
        """Follow the script: a reply to give, or None to accept."""
        self._scripted.heard.append(command)
        reply = self._scripted.next_reply(command.partition(" ")[0])
        if reply == CUT:
            self.drop()
            await asyncio.Event().wait()
        if reply == HANG:
            self._scripted.reached.set()
            await asyncio.Event().wait()
        if reply == GARBAGE:
            return "what was that again"
        return reply

    async def smtp_EHLO(self, hostname: str) -> None:
        if reply := await self._act("EHLO"):
            await self.push(reply)
        else:
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg: str) -> None:
        if reply := await self._act(f"AUTH {arg.partition(' ')[0]}"):
            await self.push(reply)
        else:
            await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if reply := await self._act("DATA"):
            await self.push(reply)
        else:
            await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str) -> None:
        if reply := await self._act("RSET"):
            await self.push(reply)
        else:
            await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        self._scripted.heard.append("QUIT")
        await super().smtp_QUIT(arg)

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> Any:
        reply = await self._act(" ".join(["MAIL", f"<{address.strip('<>')}>", *options]))
        envelope.mail_from = address
        return reply or MISSING

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> Any:
        reply = await self._act(f"RCPT <{address}>")
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 Ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> Any:
        reply = await self._act("DOT")
        if reply is None or reply.startswith("2"):
            self._scripted.delivered.append(envelope)
        return reply or "250 2.0.0 queued as 4XyZ"
