"""A ManageSieve session (RFC 5804): always under TLS, before the login and for everything after it.

It fulfils `ports.Scripts`. Why it isn't a library's: docs/decisions/managesieve-client.md.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from mailwatch.errors import (
    CertificateRejected,
    EncryptionRefused,
    LoginRefused,
    MailwatchError,
    PermanentError,
    ScriptRefused,
    SieveUnavailable,
)
from mailwatch.ports.scripts import StoredScript
from mailwatch.sieve.script import read_script
from mailwatch.sieve.wire import MAX_LINE, ProtocolFault, Response, quote, read_response

LONGEST_TEXT = 300  # of what a server says, in our own errors
FAILURES = (OSError, EOFError, ProtocolFault)  # a TimeoutError is an OSError, an IncompleteReadError an EOFError

_LATER = re.compile(r"temporar|try again|unavailable|internal error", re.IGNORECASE)  # a NO without a code


class SieveAccount(Protocol):
    """What is needed to reach an account; the configuration's own type fits it. The password travels apart."""

    @property
    def sieve_host(self) -> str:
        """Name or address; the certificate must be for it."""
        ...

    @property
    def sieve_port(self) -> int:
        """TCP port."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """PEM file of the authorities to trust, or None for the system's."""
        ...

    @property
    def username(self) -> str:
        """The account's name."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds, of each exchange with the server."""
        ...


@asynccontextmanager
async def open_scripts(account: SieveAccount, password: str) -> AsyncIterator["ManageSieve"]:
    """A logged-in session.

    Raises SieveUnavailable, EncryptionRefused, CertificateRejected, LoginRefused; none of them after a byte of the
    password went out in clear.
    """
    session = ManageSieve(account)
    try:
        await session.log_in(password)
        yield session
    finally:
        await session.close()


class ManageSieve:
    """One connection. Use `open_scripts`."""

    def __init__(self, account: SieveAccount) -> None:
        self._account = account
        self._reader = asyncio.StreamReader(MAX_LINE)
        self._transport: asyncio.WriteTransport | None = None
        self._capabilities: Mapping[str, str] = {}

    @property
    def extensions(self) -> frozenset[str]:
        """What the server's Sieve can do, by the names of `require`."""
        return frozenset(self._capabilities.get("SIEVE", "").lower().split())

    async def log_in(self, password: str) -> None:
        """Connect, STARTTLS, AUTHENTICATE PLAIN (RFC 4616)."""
        context = _context(self._account.ca_file)
        async with self._exchange():
            await self._connect()
            await self._start_tls(context)
        if "PLAIN" not in self._capabilities.get("SASL", "").upper().split():
            raise LoginRefused(f"{self._account.sieve_host}: the server doesn't offer AUTH=PLAIN")
        words = base64.b64encode(f"\0{self._account.username}\0{password}".encode()).decode()
        self._settle(await self._command(b"AUTHENTICATE", "PLAIN", words), LoginRefused)
        self._learn(self._settle(await self._command(b"CAPABILITY"), ScriptRefused))

    async def list_scripts(self) -> Mapping[str, bool]:
        """Every script's name, and whether it is the active one."""
        response = self._settle(await self._command(b"LISTSCRIPTS"), ScriptRefused)
        return {name: [word.upper() for word in rest] == ["ACTIVE"] for name, *rest in filter(None, response.lines)}

    async def get_script(self, name: str) -> StoredScript:
        """A script."""
        response = self._settle(await self._command(b"GETSCRIPT", name), ScriptRefused)
        return read_script("".join(response.lines[0]) if response.lines else "")

    async def put_script(self, name: str, text: str) -> None:
        """Store a script; the server refuses one that it can't compile."""
        self._settle(await self._command(b"PUTSCRIPT", name, text.replace("\n", "\r\n")), ScriptRefused)

    async def set_active(self, name: str) -> None:
        """Make a script the active one; "" for none."""
        self._settle(await self._command(b"SETACTIVE", name), ScriptRefused)

    async def delete_script(self, name: str) -> None:
        """Delete a script that isn't active."""
        self._settle(await self._command(b"DELETESCRIPT", name), ScriptRefused)

    async def close(self) -> None:
        """LOGOUT if that is still possible; then the connection is gone."""
        if self._transport is None:
            return
        if not self._transport.is_closing():
            with contextlib.suppress(MailwatchError):
                await self._command(b"LOGOUT")
        self._transport.abort()

    # --- the connection --------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        place = self._account.sieve_host, self._account.sieve_port
        protocol = asyncio.StreamReaderProtocol(self._reader)
        self._transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, *place)
        self._learn(await read_response(self._reader))

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        """Everything that came in clear is forgotten: the capabilities, and whatever was slipped in behind the OK."""
        host = self._account.sieve_host
        if "STARTTLS" not in self._capabilities:
            raise EncryptionRefused(f"{host}: the server doesn't offer STARTTLS")
        if (await self._ask(b"STARTTLS")).status != "OK":
            raise EncryptionRefused(f"{host}: the server refused STARTTLS")
        assert self._transport is not None
        self._reader = asyncio.StreamReader(MAX_LINE)
        protocol = asyncio.StreamReaderProtocol(self._reader)
        encrypted = await asyncio.get_running_loop().start_tls(self._transport, protocol, context, server_hostname=host)
        assert encrypted is not None
        protocol.connection_made(encrypted)
        self._transport = encrypted
        self._learn(await read_response(self._reader))  # RFC 5804 §2.2: the server tells them anew

    def _learn(self, response: Response) -> None:
        if response.status != "OK":
            raise ProtocolFault(response.text or "the server ended the connection")
        self._capabilities = {words[0].upper(): " ".join(words[1:]) for words in response.lines if words}

    async def _command(self, verb: bytes, *arguments: str) -> Response:
        async with self._exchange():
            return await self._ask(verb, *arguments)

    async def _ask(self, verb: bytes, *arguments: str) -> Response:
        assert self._transport is not None
        self._transport.write(b" ".join([verb, *map(quote, arguments)]) + b"\r\n")
        return await read_response(self._reader)

    @asynccontextmanager
    async def _exchange(self) -> AsyncIterator[None]:
        """Bounded in time; what goes wrong is told in our words, and the connection is of no use after it."""
        try:
            async with asyncio.timeout(self._account.timeout):
                yield
        except FAILURES as error:
            if self._transport is not None:
                self._transport.abort()
            raise _translate(error, self._account.sieve_host) from None

    def _settle(self, response: Response, refusal: type[PermanentError]) -> Response:
        """The response itself if it is OK."""
        if response.status == "OK":
            return response
        text = f"{self._account.sieve_host}: {response.text[:LONGEST_TEXT] or response.code or response.status}"
        if response.status == "BYE" or response.code == "TRYLATER" or (not response.code and _LATER.search(text)):
            raise SieveUnavailable(text)
        raise ScriptRefused(text, response.code) if refusal is ScriptRefused else refusal(text)


def _translate(error: BaseException, host: str) -> MailwatchError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRejected(f"{host}: {error.verify_message}")
    if isinstance(error, TimeoutError):
        return SieveUnavailable(f"{host}: no answer in time")
    if isinstance(error, EOFError):
        return SieveUnavailable(f"{host}: the server ended the connection")
    return SieveUnavailable(f"{host}: {str(error)[:LONGEST_TEXT] or type(error).__name__}")


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise CertificateRejected(f"{ca_file} can't be used as a file of trusted authorities: {error}") from None
