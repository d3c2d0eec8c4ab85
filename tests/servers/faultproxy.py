"""A TCP proxy on 127.0.0.1 that does what networks do: cut, reset, fall silent, refuse, and worse.

    with FaultProxy(dovecot.ports["IMAP"]) as proxy:      # clients connect to proxy.port
        proxy.cut()                   FIN to both sides of every open connection
        proxy.cut(reset=True)         RST to the client
        proxy.silence()               nothing passes any more, and nobody is told
        proxy.resume()                what was held back passes
        proxy.is_refusing = True      new connections are reset
        proxy.shut(); proxy.open()    nothing listens; the same port again
        proxy.delay = 30.0            seconds that everything takes, each way
        proxy.rules.append(Rule("server", rb"^250", Action.REPLACE, data=b"451 4.3.0 later\\r\\n"))

It runs in a thread of its own, so that tests with or without an event loop can use it. A rule looks at one chunk
(up to 64 KiB) at a time. Under TLS it sees ciphertext: there, only cut, silence and counts of bytes make sense.
"""

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self

Side = Literal["client", "server"]  # who sent the bytes


class Action(StrEnum):
    """What a rule does with the chunk that it matches."""

    CUT_BEFORE = "cut before"  # the chunk is lost, the connection is cut
    CUT_AFTER = "cut after"  # the chunk arrives, then the connection is cut; no answer comes back
    RESET_AFTER = "reset after"
    TRUNCATE = "truncate"  # `count` bytes of it arrive, then the connection is cut
    DROP = "drop"  # the chunk is lost
    REPLACE = "replace"  # by `data`
    SUBSTITUTE = "substitute"  # what the pattern matched, by `data`, which may refer to its groups
    SILENCE_AFTER = "silence after"  # the chunk arrives, then nothing does


@dataclass(slots=True)
class Rule:
    """Does something to the first `times` chunks that one side sends and that match a pattern (DOTALL)."""

    sender: Side
    pattern: bytes
    action: Action
    times: int = 1
    skip: int = 0  # matching chunks left alone before
    count: int = 0
    data: bytes = b""
    hits: int = 0

    def matches(self, chunk: bytes) -> bool:
        """Whether it applies now; counts."""
        if self.hits >= self.times or not re.search(self.pattern, chunk, re.DOTALL):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True


@dataclass(eq=False)
class _Pair:
    """A client's connection and ours to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    may_pass: asyncio.Event = field(default_factory=asyncio.Event)
    is_dead: bool = False

    def end(self, *, reset: bool = False) -> None:
        self.is_dead = True
        self.may_pass.set()
        for writer in (self.client, self.server):
            if writer is None:
                continue
            if reset:
                linger = struct.pack("ii", 1, 0)  # close() then sends RST
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            else:
                writer.close()


class FaultProxy:
    """Between clients and a server's port. `rules` may change any time.

    `target_port` counts for new connections. `recorded` is what clients sent while `is_recording`, as it was on the
    wire. `connections` counts those ever accepted, `most_open` those open at once.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0
        self.most_open = 0
        self.is_refusing = False
        self.is_mute = False  # new connections are accepted, and nothing ever comes
        self.delay = 0.0
        self.rules: list[Rule] = []
        self.is_recording = False
        self.recorded = b""

    @property
    def standing(self) -> int:
        """How many connections stand now."""
        return sum(not one.is_dead for one in self._pairs)

    def start(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Close the port: who connects is refused. Open connections stay."""

        async def do() -> None:
            assert self._server is not None
            self._server.close()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(5)

    def open(self) -> None:
        """Listen on the same port again."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)

    def stop(self) -> None:
        """Cut everything, and close the port."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        for pair in self._pairs:
            pair.end()
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=2)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- faults on the open connections ----------------------------------------------------------------------------

    def cut(self, *, reset: bool = False) -> None:
        """End every open connection; `reset`: by RST."""
        self._with_each(lambda pair: pair.end(reset=reset))

    def silence(self) -> None:
        """Forward nothing any more, and tell nobody: what a dead network looks like from above TCP."""
        self._with_each(lambda pair: pair.may_pass.clear())

    def resume(self) -> None:
        """Forward again, what was held back first."""
        self._with_each(lambda pair: pair.may_pass.set())

    def inject(self, data: bytes) -> None:
        """Send something to every client, as if the server had."""
        self._with_each(lambda pair: pair.client.write(data))

    def _with_each(self, act: Callable[[_Pair], None]) -> None:
        async def do() -> None:
            for pair in list(self._pairs):
                act(pair)

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(5)

    # --- forwarding ------------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pair = _Pair(writer)
        pair.may_pass.set()
        self._pairs.add(pair)
        try:
            await self._serve(pair, reader)
        finally:
            pair.end()
            self._pairs.discard(pair)

    async def _serve(self, pair: _Pair, from_client: asyncio.StreamReader) -> None:
        if self.is_refusing:
            pair.end(reset=True)
            return
        if self.is_mute:
            with contextlib.suppress(OSError):
                await from_client.read()
            return
        with contextlib.suppress(OSError):
            from_server, pair.server = await asyncio.open_connection("127.0.0.1", self.target_port)
            # Counted only now: an end that came before this beginning may have been read after it.
            self.most_open = max(self.most_open, self.standing)
            await asyncio.gather(
                self._forward(pair, "client", from_client, pair.server),
                self._forward(pair, "server", from_server, pair.client),
            )

    async def _forward(
        self, pair: _Pair, sender: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                if self.is_recording and sender == "client":
                    self.recorded += chunk
                await asyncio.sleep(self.delay)
                await pair.may_pass.wait()
                if pair.is_dead:
                    return
                rule = next((r for r in list(self.rules) if r.sender == sender and r.matches(chunk)), None)
                writer.write(_changed(chunk, rule))
                await writer.drain()
                if rule is not None:
                    _finish(pair, rule.action)
        pair.end()


def _changed(chunk: bytes, rule: Rule | None) -> bytes:
    match rule.action if rule else None:
        case Action.CUT_BEFORE | Action.DROP:
            return b""
        case Action.TRUNCATE:
            return chunk[: rule.count] if rule else chunk
        case Action.REPLACE:
            return rule.data if rule else chunk
        case Action.SUBSTITUTE:
            return re.sub(rule.pattern, rule.data, chunk, flags=re.DOTALL) if rule else chunk
        case _:
            return chunk


def _finish(pair: _Pair, action: Action) -> None:
    match action:
        case Action.CUT_BEFORE | Action.CUT_AFTER | Action.TRUNCATE:
            pair.end()
        case Action.RESET_AFTER:
            pair.end(reset=True)
        case Action.SILENCE_AFTER:
            pair.may_pass.clear()
