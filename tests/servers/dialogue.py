"""A scripted IMAP server, for what no real server does on request.

A dialogue is a text of lines:

    C: words    the client must send this (tag left out; `*` stands for anything)
    S: words    the server answers; +OK, +NO and +BAD get the client's tag; {…} goes without CRLF, with escapes
    S.          the server waits for `cue`
    S!          the server closes the connection
    S~          the server says nothing any more
    #           a remark

The second connection gets the second dialogue, and so on; after the last, connections are closed at once. Greeting,
CAPABILITY and LOGIN need no lines, unless a dialogue begins with `S:`.
"""

import asyncio
import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_FOLDER = Path(__file__).parents[1] / "imap" / "dialogues"

_OPENING = """\
S: * OK ready
C: CAPABILITY
S: * CAPABILITY IMAP4rev1 IDLE
S: +OK
C: LOGIN * *
S: +OK
C: CAPABILITY
S: * CAPABILITY IMAP4rev1 IDLE
S: +OK
"""


class Dialogue:
    """An async context manager; `port` is where to connect. What went against the script stands in `mistakes`."""

    def __init__(self, *scripts: str) -> None:
        self._scripts = [_complete(script) for script in scripts]
        self._talks: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self.cue = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0
        self.finished = asyncio.Event()  # the last script was played to its end
        self.mistakes: list[str] = []

    @classmethod
    def named(cls, *names: str) -> Self:
        """The dialogues in tests/imap/dialogues."""
        return cls(*((_FOLDER / f"{name}.dialogue").read_text(encoding="utf-8") for name in names))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._talks.values():
            writer.close()
        await asyncio.gather(*(talk for talk in self._talks if talk), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._talks[asyncio.current_task()] = writer
        try:
            if self._scripts:
                await self._play(self._scripts.pop(0).splitlines(), reader, writer)
        except ConnectionError:
            pass
        finally:
            if not self._scripts:
                self.finished.set()
            writer.close()

    async def _play(self, lines: Sequence[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tag = ""
        for line in (line.strip("\n") for line in lines):
            mark, words = line[:2], line[3:]
            if mark == "C:":
                tag = await self._expect(words, tag, reader)
            elif mark == "S:":
                writer.write(_answer(words, tag))
                await writer.drain()
            elif mark == "S.":
                await self.cue.wait()
            elif mark == "S!":
                return
            elif mark == "S~":
                break
        if not self._scripts:
            self.finished.set()
        await reader.read()  # until the client goes

    async def _expect(self, pattern: str, tag: str, reader: asyncio.StreamReader) -> str:
        line = (await reader.readline()).decode().rstrip("\r\n")
        head, _, rest = line.partition(" ")
        said, tag = (line, tag) if line == "DONE" else (rest, head)
        if not fnmatch.fnmatchcase(said, pattern):
            self.mistakes.append(f"expected {pattern!r}, got {said!r}")
            raise ConnectionResetError
        return tag


def _complete(script: str) -> str:
    lines = [line for line in script.splitlines() if not line.startswith("#")]
    return "\n".join(lines) if lines and lines[0].startswith("S:") else _OPENING + "\n".join(lines)


def _answer(words: str, tag: str) -> bytes:
    if words.startswith("{") and words.endswith("}"):
        return words[1:-1].encode().decode("unicode_escape").encode("latin-1")
    if words.startswith(("+OK", "+NO", "+BAD")):
        words = f"{tag} {words[1:]}" + (" done" if words == "+OK" else "")
    return words.encode() + b"\r\n"
