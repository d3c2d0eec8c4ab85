"""An SMTP server in a thread, which takes everything at once and keeps it; it can be slow, fall silent, or refuse."""

import asyncio
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Self

_RECIPIENT = re.compile(rb"<(.*)>")
_MESSAGE_ID = re.compile(rb"(?mi)^Message-ID: (\S+)")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was taken, perhaps without the client's ever hearing of it."""

    recipient: str
    message_id: str
    body: bytes
    at: float = field(default_factory=time.monotonic, compare=False)


@dataclass
class Sink:
    """`port` is where to connect; `pace`: seconds it takes over each message; `is_silent`: it takes none any more.

    replies  what it says instead, by the beginning of a command; "BANNER" and "DOT" count as commands. A message that
             is refused at the dot isn't kept.
    """

    letters: list[Letter] = field(default_factory=list)
    port: int = 0
    pace: float = 0.0
    is_silent: bool = False
    tls: ssl.SSLContext | None = None  # TLS from the first octet on
    mechanisms: str = "PLAIN"
    replies: dict[str, bytes] = field(default_factory=dict)
    in_hand: int = 0  # messages that clients have sent whole, and wait for the reply to

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._talks: set[asyncio.Task[None] | None] = set()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._talks)

    def shut(self) -> None:
        """Nothing listens any more; connections that are open are cut."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)

    def open(self) -> None:
        """Listen again, on the same port."""
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=2**22, ssl=self.tls)

    async def _end(self) -> None:
        self._server.close()
        for talk in self._talks:
            if talk is not None:
                talk.cancel()
        await asyncio.gather(*(talk for talk in self._talks if talk), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        self._talks.add(talk)
        try:
            await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client, or the test, is gone
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._reply("BANNER", b"220 sink ESMTP"))
        recipient = ""
        while line := await reader.readline():
            command = line.decode("ascii", "replace").strip()
            writer.write(self._reply(command, self._usual(command)))
            if command.upper().startswith("RCPT") and (found := _RECIPIENT.search(line)):
                recipient = found[1].decode()
            elif command.upper() == "DATA" and not self._find_reply(command):
                writer.write(await self._take(recipient, (await reader.readuntil(b"\r\n.\r\n"))[:-3]))
            elif command.upper() == "QUIT":
                return

    def _usual(self, command: str) -> bytes:
        match command[:4].upper():
            case "DATA":
                return b"354 go on"
            case "EHLO":
                return b"250-sink\r\n250-8BITMIME\r\n250-AUTH %b\r\n250 ENHANCEDSTATUSCODES" % self.mechanisms.encode()
            case "AUTH":
                return b"235 2.7.0 welcome"
            case "QUIT":
                return b"221 2.0.0 bye"
            case _:
                return b"250 2.0.0 ok"

    def _reply(self, command: str, usual: bytes) -> bytes:
        return (self._find_reply(command) or usual) + b"\r\n"

    def _find_reply(self, command: str) -> bytes:
        found = [reply for start, reply in self.replies.items() if command.upper().startswith(start)]
        return found[0] if found else b""

    async def _take(self, recipient: str, body: bytes) -> bytes:
        self.in_hand += 1
        try:
            if self.is_silent:
                await asyncio.Event().wait()
            await asyncio.sleep(self.pace)
            if refusal := self._find_reply("DOT"):
                return refusal + b"\r\n"
            found = _MESSAGE_ID.search(body)
            self.letters.append(Letter(recipient, found[1].decode() if found else "", body))
            return b"250 2.0.0 taken\r\n"
        finally:
            self.in_hand -= 1
