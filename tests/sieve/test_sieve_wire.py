"""ManageSieve's responses: every form of the grammar, and no bytes that could harm."""

import asyncio
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailwatch.sieve.wire import MAX_LINE, MAX_LINES, MAX_LITERAL, ProtocolFault, Response, quote, read_response


async def read(raw: bytes) -> Response:
    reader = asyncio.StreamReader(MAX_LINE)
    reader.feed_data(raw)
    reader.feed_eof()
    return await read_response(reader)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"OK\r\n", Response("OK", "", "", ())),
        (b'ok "done"\r\n', Response("OK", "", "done", ())),
        (b'NO (QUOTA/MAXSIZE) "too \\"big\\""\r\n', Response("NO", "QUOTA/MAXSIZE", 'too "big"', ())),
        (b'BYE (REFERRAL "sieve://x") {3}\r\na\nb\r\n', Response("BYE", "REFERRAL", "a\nb", ())),
        (b'NO (TAG {3}\r\n1 2) "x"\r\n', Response("NO", "TAG", "x", ())),
        (b'OK "(" \r\n', Response("OK", "", "(", ())),
        (
            b'"OK" ACTIVE\r\n{2}\r\n"b\r\nOK\r\n',
            Response("OK", "", "", (("OK", "ACTIVE"), ('"b',))),
        ),
    ],
)
async def test_a_response_is_its_lines_and_how_it_ends(raw: bytes, expected: Response) -> None:
    assert await read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"{%d}\r\n" % (MAX_LITERAL + 1), "a string of 1048577 octets"),
        (b"x" * (3 * MAX_LINE) + b"\r\n", "a line of more than 65536 octets"),
        (b'"a"\r\n' * MAX_LINES + b"OK\r\n", "a response of more than 1000 lines"),
    ],
)
async def test_a_response_has_bounds(raw: bytes, fault: str) -> None:
    with pytest.raises(ProtocolFault, match=fault):
        await read(raw)


@given(st.lists(st.binary(max_size=80) | st.sampled_from([b"OK", b"NO", b'"', b"(", b")", b"{3}\r\n", b"\r\n"])))
async def test_any_bytes_are_a_response_or_a_fault(pieces: list[bytes]) -> None:
    try:
        response = await read(b" ".join(pieces))
    except (ProtocolFault, EOFError):
        return
    assert response.status in ("OK", "NO", "BYE")


@given(st.text(st.characters(exclude_categories=("Cs",))))
@example("+}")
@example("{3+}")
async def test_a_string_comes_back_from_how_it_is_sent(text: str) -> None:
    sent = re.sub(rb"^(\{\d+)\+\}", rb"\1}", quote(text))  # a server's literal (§1.2) has no plus

    assert (await read(sent + b"\r\nOK\r\n")).lines == ((text,),)
