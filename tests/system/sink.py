"""An SMTP server in a thread, which takes everything at once and keeps it; it can be slow, or fall silent."""

import asyncio
import re
import threading
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


@dataclass
class Sink:
    """`port` is where to connect; `pace`: seconds it takes over each message; `is_silent`: it takes none any more."""

    letters: list[Letter] = field(default_factory=list)
    port: int = 0
    pace: float = 0.0
    is_silent: bool = False
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

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**22)

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
        writer.write(b"220 sink ESMTP\r\n")
        recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await self._take(recipient, (await reader.readuntil(b"\r\n.\r\n"))[:-3])
                writer.write(b"250 2.0.0 taken\r\n")
            elif verb == b"EHLO":
                writer.write(b"250-sink\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                return
            else:
                if verb == b"RCPT" and (found := _RECIPIENT.search(line)):
                    recipient = found[1].decode()
                writer.write(b"250 2.0.0 ok\r\n")

    async def _take(self, recipient: str, body: bytes) -> None:
        self.in_hand += 1
        try:
            if self.is_silent:
                await asyncio.Event().wait()
            await asyncio.sleep(self.pace)
            found = _MESSAGE_ID.search(body)
            self.letters.append(Letter(recipient, found[1].decode() if found else "", body))
        finally:
            self.in_hand -= 1
