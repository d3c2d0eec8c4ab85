"""Opening a connection: TCP without a thread, then TLS, greeting and login in one.

The socket is connected by the event loop, so that a host that doesn't answer holds no thread.
"""

import asyncio
import contextlib
import imaplib
import socket
import ssl
from concurrent.futures import Future
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any, cast

from imapclient import IMAPClient

from mailwatch.errors import CertificateRejected
from mailwatch.imap.accounts import Account
from mailwatch.imap.failures import FAILURES, translate
from mailwatch.imap.pool import Lane

# A network that died silently is noticed after 2 minutes, not never: 60 s of silence, then 4 probes.
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)

# What a connection reads ahead. It is held as long as the connection, by each of a thousand that idle, and the usual
# 8 KiB would be most of what it holds. Long literals are read past it.
READ_AHEAD = 1024


async def open_client(account: Account, password: str, lane: Lane) -> IMAPClient:
    """A logged-in client. Raises MailboxUnavailable, LoginRefused, CertificateRejected.

    Cancellation ends a login in hand at once: the socket is shut down under the thread.
    """
    try:
        ready = await _connect(account, lane)
        with ready.dup() as plug, contextlib.ExitStack() as stack:  # TLS takes `ready` over; `plug` stays for pulling
            stack.callback(ready.close)
            async with lane.free:
                login = lane.submit(partial(_log_in, ready, account, password))
                stack.pop_all()  # from here on the thread closes it
                return await _await_login(login, ready, plug)
    except FAILURES as error:
        raise translate(error, account.host) from None


async def _await_login(login: Future[IMAPClient], ready: socket.socket, plug: socket.socket) -> IMAPClient:
    """Wait for a login. Cancelled, shut the socket down under its thread, and close what it leaves."""
    try:
        return await asyncio.wrap_future(login)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            plug.shutdown(socket.SHUT_RDWR)
        login.add_done_callback(partial(_discard, ready))
        raise


def _discard(ready: socket.socket, login: Future[IMAPClient]) -> None:
    with contextlib.suppress(*FAILURES):
        if login.cancelled():  # it hadn't begun
            ready.close()
        elif login.exception() is None:
            login.result().shutdown()


async def _connect(account: Account, lane: Lane) -> socket.socket:
    """The first of the host's addresses that takes the connection."""
    resolve = partial(socket.getaddrinfo, account.host, account.port, type=socket.SOCK_STREAM)
    async with asyncio.timeout(account.timeout), lane.free:
        places = await asyncio.wrap_future(lane.submit(resolve))
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in places:
        candidate = socket.socket(family, kind, protocol)
        try:
            candidate.setblocking(False)
            async with asyncio.timeout(account.timeout):
                await asyncio.get_running_loop().sock_connect(candidate, address)
            for option in KEEP_ALIVE:
                candidate.setsockopt(*option)
            return candidate
        except OSError as error:
            candidate.close()
            failure = error
        except BaseException:
            candidate.close()
            raise
    raise failure


def _log_in(ready: socket.socket, account: Account, password: str) -> IMAPClient:
    client: IMAPClient | None = None
    try:
        ready.settimeout(account.timeout)
        if account.security == "tls":
            ready = _context(account.ca_file).wrap_socket(ready, server_hostname=account.host)
        client = _Client(account, ready)
        if account.security == "starttls":
            client.starttls(_context(account.ca_file))
            client._imap.read_ahead_little()
        _authenticate(client, account.username, password)
        # Asked for now: later they are looked up while other commands run.
        client._cached_capabilities = _shared(client.capabilities())
        client._imap.capabilities = _shared(client._imap.capabilities)
        return client
    except BaseException:
        with contextlib.suppress(*FAILURES):
            ready.close()
            if client is not None:
                client.shutdown()
        raise


def _authenticate(client: IMAPClient, username: str, password: str) -> None:
    """LOGIN takes ASCII only; AUTHENTICATE PLAIN takes UTF-8 (RFC 4616 §2)."""
    if username.isascii() and password.isascii():
        client.login(username, password)
    else:
        client.plain_login(username, password)


@lru_cache(maxsize=64)
def _context(ca_file: Path | None) -> ssl.SSLContext:
    """One for all connections that trust the same: each costs 20 ms and half a megabyte."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise CertificateRejected(f"{ca_file} can't be used as a file of trusted authorities: {error}") from None


@lru_cache(maxsize=64)
def _shared(capabilities: tuple[str | bytes, ...]) -> tuple[str | bytes, ...]:
    """The same object for all connections to whom a server says the same."""
    return capabilities


class _Connection(imaplib.IMAP4):
    """imaplib over a socket that is connected already; holding little while it idles."""

    def __init__(self, host: str, ready: socket.socket) -> None:
        self._ready = ready
        super().__init__(host)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._ready

    def open(self, *where: Any) -> None:  # Any: as imaplib calls it; the socket is there already
        super().open(*where)
        self.read_ahead_little()

    def read_ahead_little(self) -> None:
        """Give up the large buffer. Only before anything was read into it."""
        self.file.close()
        self.file = cast("IO[bytes]", self.sock.makefile("rb", READ_AHEAD))

    def _log(self, line: str) -> None:
        """imaplib keeps each connection's last lines, for a trace that nobody asks for."""


class _Client(IMAPClient):  # type: ignore[misc]  # untyped base
    """IMAPClient over a socket that is connected already, under TLS or not."""

    def __init__(self, account: Account, ready: socket.socket) -> None:
        self._ready = ready
        super().__init__(account.host, account.port, ssl=False, timeout=account.timeout)
        self._imap.debug = 0  # it sets 5, and so formats every response, bodies included, for a log nobody keeps
        self.normalise_times = False  # aware times, instead of naive ones in this machine's zone

    def _create_IMAP4(self) -> imaplib.IMAP4:
        return _Connection(self.host, self._ready)
