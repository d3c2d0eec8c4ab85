"""The body of an answer, read as far as it may be large: both as it comes and as it is once it is decompressed."""

import zlib
from collections.abc import AsyncIterator

from mailwatch.ics.lines import MAX_BYTES
from mailwatch.ics.wording import unreadable

_GZIP = 16 + zlib.MAX_WBITS
_PLAIN = ("", "identity")
_GZIPPED = ("gzip", "x-gzip")


async def read_body(chunks: AsyncIterator[bytes], encoding: str, host: str) -> bytes:
    """At most MAX_BYTES. Raises CalendarUnreadable beyond, and for what can't be decompressed."""
    encoding = encoding.strip().lower()
    if encoding in _PLAIN:
        return await _read_plain(chunks)
    if encoding in _GZIPPED:
        try:
            return await _read_gzipped(chunks)
        except (zlib.error, EOFError):
            pass
    raise unreadable("encoding", host=host, encoding=encoding)


async def _read_plain(chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        _limit(body)
    return bytes(body)


async def _read_gzipped(chunks: AsyncIterator[bytes]) -> bytes:
    """Decompressed by pieces: of a bomb, no more unfolds than is allowed."""
    decompressor = zlib.decompressobj(_GZIP)
    body = bytearray()
    async for chunk in chunks:
        body += decompressor.decompress(chunk, MAX_BYTES + 1 - len(body))
        _limit(body)
    if not decompressor.eof:
        raise EOFError
    return bytes(body)


def _limit(body: bytearray) -> None:
    if len(body) > MAX_BYTES:
        raise unreadable("too_large", limit=MAX_BYTES // 2**20)
