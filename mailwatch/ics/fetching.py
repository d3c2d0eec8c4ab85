"""Where a calendar lies → its bytes, if they changed: https, plain http where that is allowed, or a file.

The address of a calendar may be its only protection: it stands in no log and no error. A host is all that is said.
"""

import asyncio
import base64
import contextlib
import os
import ssl
import stat
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import httpx2

from mailwatch.domain.outings import CalendarSource, FetchedCalendar, Validators
from mailwatch.ics.bodies import read_body
from mailwatch.ics.hosts import IPAddress, resolve
from mailwatch.ics.lines import MAX_BYTES
from mailwatch.ics.wording import unavailable, unreadable

TOTAL_SECONDS = 10.0  # for all of it: looking up, connecting, each redirect, the body
MAX_REDIRECTS = 3
MAX_ADDRESSES = 4  # of a host, that are tried
LONGEST_VALIDATOR = 500  # characters of an ETag that are kept
_NO_VALIDATORS = Validators()
_IPV6 = 6

_WEB = ("https", "http")
_MOVED = frozenset({301, 302, 303, 307, 308})
_AGAIN_LATER = frozenset({408, 425, 429})


async def fetch_calendar(
    source: CalendarSource, validators: Validators = _NO_VALIDATORS, *, timeout: float = TOTAL_SECONDS
) -> FetchedCalendar | None:
    """The calendar; None if it is still what `validators` came with.

    Raises CalendarUnavailable when it may work later, CalendarUnreadable when a person has to change something.
    """
    url = _split(source.location)
    if url.scheme not in _WEB:
        return await asyncio.to_thread(_read_file, _path_of(source.location, url), validators)
    try:
        async with asyncio.timeout(timeout):
            return await _fetch(url, source, validators)
    except TimeoutError:
        raise unavailable("slow", host=url.hostname, limit=f"{timeout:g}") from None


def _split(location: str, base: str = "") -> SplitResult:
    """The parts of an address, which may be relative to another. webcal is https by another name."""
    try:
        url = urlsplit(urljoin(base, location.strip()))
        url = url._replace(scheme={"webcal": "https", "webcals": "https"}.get(url.scheme, url.scheme))
        is_whole = url.scheme not in _WEB or (bool(url.hostname) and url.port != 0)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise unreadable("location")
    return url


async def _fetch(url: SplitResult, source: CalendarSource, validators: Validators) -> FetchedCalendar | None:
    for _ in range(1 + MAX_REDIRECTS):
        answer = await _ask(url, source, validators)
        if not isinstance(answer, str):
            return answer
        url = _split(answer, url.geturl())
    raise unreadable("redirects", host=url.hostname)


async def _ask(url: SplitResult, source: CalendarSource, validators: Validators) -> FetchedCalendar | str | None:
    """One question. The answer: the calendar, where else to ask, or None (not modified)."""
    host = _host_of(url)
    if url.scheme != "https" and not (url.scheme == "http" and source.allow_http):
        raise unreadable("insecure", host=host)
    addresses = await resolve(host, _port_of(url), allow_private=source.allow_private)
    transport = httpx2.AsyncHTTPTransport(verify=_context(source.ca_file, host), trust_env=False)
    try:
        async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None) as client:
            return await _ask_one_of(client, addresses[:MAX_ADDRESSES], url, validators)
    except httpx2.InvalidURL:
        raise unreadable("location") from None
    except httpx2.HTTPError as error:
        if _is_about_the_certificate(error):
            raise unreadable("certificate", host=host) from None
        raise unavailable("unreachable", host=host) from None


async def _ask_one_of(
    client: httpx2.AsyncClient, addresses: Sequence[IPAddress], url: SplitResult, validators: Validators
) -> FetchedCalendar | str | None:
    """At the first address that can be connected to."""
    for address in addresses[:-1]:
        with contextlib.suppress(httpx2.ConnectError):
            return await _ask_at(client, address, url, validators)
    return await _ask_at(client, addresses[-1], url, validators)


async def _ask_at(
    client: httpx2.AsyncClient, address: IPAddress, url: SplitResult, validators: Validators
) -> FetchedCalendar | str | None:
    """Connected to the address that was looked up; the certificate has to be the host's all the same."""
    host = _host_of(url)
    literal = f"[{address}]" if address.version == _IPV6 else str(address)
    target = url._replace(netloc=f"{literal}:{_port_of(url)}", fragment="").geturl()
    headers = _headers(url, validators)
    async with client.stream("GET", target, headers=headers, extensions={"sni_hostname": host}) as answer:
        if answer.status_code == HTTPStatus.OK:
            data = await read_body(answer.aiter_raw(), answer.headers.get("content-encoding", ""), host)
            return FetchedCalendar(data=data, validators=_validators(answer.headers))
        if answer.status_code == HTTPStatus.NOT_MODIFIED and validators != _NO_VALIDATORS:
            return None
        if answer.status_code in _MOVED and (location := answer.headers.get("location")):
            return str(location)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code in _AGAIN_LATER:
            raise unavailable("server", host=host, status=answer.status_code)
        raise unreadable("refused", host=host, status=answer.status_code)


def _headers(url: SplitResult, validators: Validators) -> dict[str, str]:
    host = _host_of(url)
    name = f"[{host}]" if ":" in host else host
    headers = {
        "Host": f"{name}:{url.port}" if url.port else name,
        "Accept": "text/calendar, */*;q=0.1",
        "Accept-Encoding": "gzip",
        "User-Agent": "mailwatch",
    }
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    if url.username is not None:
        login = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers


def _validators(headers: Mapping[str, str]) -> Validators:
    etag, last_modified = headers.get("etag", ""), headers.get("last-modified", "")
    return Validators(
        etag=etag if len(etag) <= LONGEST_VALIDATOR else "",
        last_modified=last_modified if len(last_modified) <= LONGEST_VALIDATOR else "",
    )


def _host_of(url: SplitResult) -> str:
    try:
        return (url.hostname or "").encode("idna").decode("ascii")
    except UnicodeError:
        raise unreadable("location") from None


def _port_of(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _context(ca_file: Path | None, host: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:  # not there, or no certificates in it
        raise unreadable("certificate", host=host) from None


def _is_about_the_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _path_of(location: str, url: SplitResult) -> Path:
    if url.scheme not in ("", "file") or not url.path:
        raise unreadable("location")
    return Path(unquote(url.path) if url.scheme == "file" else location.strip())


def _read_file(path: Path, validators: Validators) -> FetchedCalendar | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise unreadable("file", reason="not a file")
            if facts.st_size > MAX_BYTES:
                raise unreadable("too_large", limit=MAX_BYTES // 2**20)
            current = Validators(etag=f"{facts.st_mtime_ns}-{facts.st_size}")
            return None if current == validators else FetchedCalendar(data=file.read(MAX_BYTES), validators=current)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise unreadable("file", reason=getattr(error, "strerror", None) or "not a path") from None
