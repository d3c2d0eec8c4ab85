"""Fetching calendars from a real server: what it accepts, what it refuses, and that no secret gets out."""

import asyncio
import gzip
import io
import ipaddress
import os
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from calendar_server import CalendarServer, answer, cut_short, without_end
from servers.tls import Certificate, make_certificate
from stopwatch import stopwatch

from mailwatch.domain.outings import CalendarSource, FetchedCalendar, Validators
from mailwatch.errors import CalendarUnavailable, CalendarUnreadable
from mailwatch.ics import fetch_calendar
from mailwatch.ics.hosts import is_public
from mailwatch.logs import configure_logs

DATA = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
SECRET = "s3cr3t-t0k3n"  # as in the private addresses of Google and Exchange
LARGE = 50_000_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: Certificate) -> Iterator[CalendarServer]:
    script = CalendarServer(
        {
            "/plain.ics": answer(DATA, ETag='"v1"', Last_Modified="Sat, 28 Nov 2026 16:00:00 GMT"),
            "/same.ics": answer(status=304),
            "/gzip.ics": answer(gzip.compress(DATA), Content_Encoding="gzip"),
            "/bomb.ics": answer(gzip.compress(b"0" * LARGE), Content_Encoding="gzip"),
            "/broken.ics": answer(b"not gzip", Content_Encoding="gzip"),
            "/half.ics": answer(gzip.compress(DATA)[:-9], Content_Encoding="gzip"),
            "/brotli.ics": answer(DATA, Content_Encoding="br"),
            "/large.ics": without_end(b"0" * 65_536, LARGE // 65_536),
            "/gone.ics": answer(b"<html>Sign in</html>", 404),
            "/busy.ics": answer(status=503),
            "/often.ics": answer(status=429),
            "/there.ics": answer(status=302, Location="plain.ics?again"),
            "/round.ics": answer(status=307, Location="/round.ics"),
            "/cheaper.ics": answer(status=301, Location="http://localhost/plain.ics"),
            "/inside.ics": answer(status=302, Location="file:///etc/hostname"),
            "/nowhere.ics": answer(status=302, Location="//[::/"),
        }
    )
    with script.running(certificate):
        yield script


def a_source(server: CalendarServer, path: str, certificate: Certificate, scheme: str = "https") -> CalendarSource:
    return CalendarSource(
        location=f"{scheme}://localhost:{server.port}/{path}?key={SECRET}",
        allow_private=True,
        ca_file=certificate.certificate,
    )


async def test_a_calendar_comes_with_what_tells_whether_it_changed(
    server: CalendarServer, certificate: Certificate
) -> None:
    fetched = await fetch_calendar(a_source(server, "plain.ics", certificate))
    assert fetched == FetchedCalendar(
        data=DATA, validators=Validators(etag='"v1"', last_modified="Sat, 28 Nov 2026 16:00:00 GMT")
    )
    assert server.asked[0][1]["Host"] == f"localhost:{server.port}"


async def test_a_calendar_that_did_not_change_is_not_sent_again(
    server: CalendarServer, certificate: Certificate
) -> None:
    validators = Validators(etag='"v1"', last_modified="Sat, 28 Nov 2026 16:00:00 GMT")
    assert await fetch_calendar(a_source(server, "same.ics", certificate), validators) is None
    headers = server.asked[0][1]
    assert headers["If-None-Match"] == validators.etag
    assert headers["If-Modified-Since"] == validators.last_modified


@pytest.mark.parametrize(("path", "scheme"), [("plain.ics", "webcal"), ("gzip.ics", "https"), ("there.ics", "https")])
async def test_the_calendar_is_found(server: CalendarServer, certificate: Certificate, path: str, scheme: str) -> None:
    fetched = await fetch_calendar(a_source(server, path, certificate, scheme))
    assert fetched is not None
    assert fetched.data == DATA


async def test_a_login_in_the_address_goes_to_the_server(server: CalendarServer, certificate: Certificate) -> None:
    source = CalendarSource(
        location=f"https://marie:{SECRET}%3A@localhost:{server.port}/plain.ics",
        allow_private=True,
        ca_file=certificate.certificate,
    )
    await fetch_calendar(source)
    assert server.asked[0][1]["Authorization"] == "Basic bWFyaWU6czNjcjN0LXQwazNuOg=="


REFUSED = {
    "gone.ics": "refused",
    "same.ics": "refused",
    "bomb.ics": "too_large",
    "large.ics": "too_large",
    "broken.ics": "encoding",
    "half.ics": "encoding",
    "brotli.ics": "encoding",
    "round.ics": "redirects",
    "cheaper.ics": "insecure",
    "inside.ics": "insecure",
    "nowhere.ics": "location",
}


@pytest.mark.parametrize("path", REFUSED)
async def test_what_a_person_has_to_mend_is_refused(
    server: CalendarServer, certificate: Certificate, path: str
) -> None:
    with stopwatch() as spent, pytest.raises(CalendarUnreadable) as raised:
        await fetch_calendar(a_source(server, path, certificate))
    assert raised.value.kind == REFUSED[path]
    assert spent.seconds < 2
    assert server.bytes_sent < LARGE / 2


@pytest.mark.parametrize("path", ["busy.ics", "often.ics"])
async def test_what_passes_is_tried_again(server: CalendarServer, certificate: Certificate, path: str) -> None:
    with pytest.raises(CalendarUnavailable) as raised:
        await fetch_calendar(a_source(server, path, certificate))
    assert raised.value.kind == "server"


async def test_a_slow_server_is_left_in_time(certificate: Certificate) -> None:
    enough = threading.Event()
    slow = CalendarServer({"/slow.ics": without_end(b"B", 10_000, lambda: enough.wait(0.02))})
    with slow.running(certificate):
        with pytest.raises(CalendarUnavailable) as raised:
            await fetch_calendar(a_source(slow, "slow.ics", certificate), timeout=0.3)
        enough.set()
    assert raised.value.kind == "slow"
    assert slow.asked


async def test_a_body_that_breaks_off_is_tried_again(certificate: Certificate) -> None:
    server = CalendarServer({"/short.ics": cut_short})
    with server.running(certificate), pytest.raises(CalendarUnavailable) as raised:
        await fetch_calendar(a_source(server, "short.ics", certificate))
    assert raised.value.kind == "unreachable"


async def test_a_server_that_is_down_is_tried_again(server: CalendarServer, certificate: Certificate) -> None:
    source = a_source(CalendarServer({}, port=1), "plain.ics", certificate)
    with pytest.raises(CalendarUnavailable) as raised:
        await fetch_calendar(source)
    assert raised.value.kind == "unreachable"


async def test_plain_http_needs_permission(certificate: Certificate) -> None:
    plain = CalendarServer({"/plain.ics": answer(DATA)})
    with plain.running():
        source = a_source(plain, "plain.ics", certificate, "http")
        with pytest.raises(CalendarUnreadable) as raised:
            await fetch_calendar(source)
        assert raised.value.kind == "insecure"
        assert not plain.asked
        allowed = CalendarSource(location=source.location, allow_private=True, allow_http=True)
        fetched = await fetch_calendar(allowed)
    assert fetched is not None
    assert fetched.data == DATA


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0"])
async def test_an_inner_address_needs_permission(server: CalendarServer, host: str) -> None:
    source = CalendarSource(location=f"https://{host}:{server.port}/plain.ics?key={SECRET}")
    with pytest.raises(CalendarUnreadable) as raised:
        await fetch_calendar(source)
    assert raised.value.kind == "private_address"
    assert not server.asked


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
    ],
)
def test_what_a_public_address_is(address: str, expected: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is expected


async def test_a_name_is_looked_up_once_and_that_address_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    answers = [[(2, 1, 6, "", ("127.0.0.1", 0))], [(2, 1, 6, "", ("192.0.2.1", 0))]]

    async def getaddrinfo(host: str, _port: int, **_: object) -> object:
        looked_up.append(host)
        return answers[len(looked_up) - 1]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    theirs = make_certificate(tmp_path, names="DNS:calendar.example")
    server = CalendarServer({"/plain.ics": answer(DATA)})
    with server.running(theirs):
        location = f"https://calendar.example:{server.port}/plain.ics"
        fetched = await fetch_calendar(
            CalendarSource(location=location, allow_private=True, ca_file=theirs.certificate)
        )
    assert fetched is not None
    assert looked_up == ["calendar.example"]
    assert server.asked[0][1]["Host"] == f"calendar.example:{server.port}"


@pytest.mark.parametrize("wrong", ["unknown", "other name", "expired"])
async def test_a_certificate_that_does_not_verify_is_refused(
    server: CalendarServer, certificate: Certificate, wrong: str, tmp_path: Path
) -> None:
    presented = {
        "unknown": lambda: certificate,
        "other name": lambda: make_certificate(tmp_path, names="DNS:other.example"),
        "expired": lambda: make_certificate(tmp_path, expires=timedelta(days=-1)),
    }[wrong]()
    another = CalendarServer({"/plain.ics": answer(DATA)})
    with another.running(presented):
        source = CalendarSource(
            location=f"https://localhost:{another.port}/plain.ics",
            allow_private=True,
            ca_file=None if wrong == "unknown" else presented.certificate,
        )
        with pytest.raises(CalendarUnreadable) as raised:
            await fetch_calendar(source)
    assert raised.value.kind == "certificate"
    assert not another.asked


@pytest.mark.parametrize("path", [*REFUSED, "busy.ics", "plain.ics"])
async def test_the_secret_in_an_address_gets_nowhere(
    server: CalendarServer, certificate: Certificate, path: str
) -> None:
    log = io.StringIO()
    configure_logs("json", "debug", log)
    source = a_source(server, path, certificate)
    told = repr(source)
    try:
        told += repr(await fetch_calendar(source))
    except (CalendarUnreadable, CalendarUnavailable) as error:
        told += "".join(traceback.format_exception(error)) + repr(error.facts)
    finally:
        configure_logs()
    assert SECRET not in told + log.getvalue()


# --- files ------------------------------------------------------------------------------------------------------------


async def test_a_file_is_read_by_path_and_by_url_and_not_again_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "équipe.ics"
    path.write_bytes(DATA)
    first = await fetch_calendar(CalendarSource(location=str(path)))
    assert first is not None
    assert first.data == DATA
    by_url = CalendarSource(location=path.as_uri())
    assert await fetch_calendar(by_url, first.validators) is None
    path.write_bytes(DATA + DATA)
    again = await fetch_calendar(by_url, first.validators)
    assert again is not None
    assert again.data == DATA + DATA


async def test_a_file_that_cannot_be_a_calendar_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "large.ics").write_bytes(b"")
    os.truncate(tmp_path / "large.ics", LARGE)
    os.mkfifo(tmp_path / "pipe.ics")
    kinds = []
    for name in ("large.ics", "pipe.ics", "missing.ics", ".", "a\0b"):
        with stopwatch() as spent, pytest.raises(CalendarUnreadable) as raised:
            await fetch_calendar(CalendarSource(location=f"{tmp_path}/{name}"))
        assert spent.seconds < 1
        kinds.append(raised.value.kind)
    assert kinds == ["too_large", "file", "file", "file", "file"]


@pytest.mark.parametrize(
    "location", ["", "ftp://example.org/a.ics", "https://", "https://a:99999/", "https://a:0/", "https://[/"]
)
async def test_an_address_that_is_none_is_refused(location: str) -> None:
    with pytest.raises(CalendarUnreadable) as raised:
        await fetch_calendar(CalendarSource(location=location))
    assert raised.value.kind == "location"
