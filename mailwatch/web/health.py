"""/healthz: does the process get on? /readyz: does it do its work? /metrics: ages and counts for Prometheus.

A database that is away makes neither page wait for longer than `READ_WITHIN`, and what is read serves every page for
`FRESH`: whoever asks often costs nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailwatch.errors import MailwatchError
from mailwatch.logs import get_logger
from mailwatch.store.gauges import Gauges
from mailwatch.web.exposition import Process, expose

log = get_logger(__name__)

FRESH = 5.0  # seconds
READ_WITHIN = 5.0  # seconds: monitoring gives up after ten


class Subject(Protocol):
    """What is asked after."""

    def hanging(self) -> Sequence[str]:
        """What in the process stands still, and won't go on by itself."""
        ...

    def hindrances(self) -> Sequence[str]:
        """Why no progress is made."""
        ...

    def process(self) -> Process:
        """What it knows of itself."""
        ...

    async def read(self) -> Gauges:
        """What stands in the database. Raises MailwatchError."""
        ...

    async def check_schema(self) -> None:
        """Raises SchemaMismatch, StoreUnavailable."""
        ...


class _Reading:
    """The newest gauges, read at most every few seconds however many ask."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._turn = asyncio.Lock()
        self._gauges: Gauges | None = None
        self._read_at = float("-inf")

    async def latest(self) -> Gauges | None:
        """None where the database doesn't answer."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= FRESH:
                self._gauges = await self._read()
                self._read_at = now
            return self._gauges

    async def _read(self) -> Gauges | None:
        try:
            async with asyncio.timeout(READ_WITHIN):
                return await self._subject.read()
        except (MailwatchError, TimeoutError) as error:
            log.warning("metrics.unavailable", error=str(error) or "the database doesn't answer in time")
            return None


def health_app(subject: Subject) -> Starlette:
    """The three pages."""
    reading = _Reading(subject)

    async def healthz(_: Request) -> Response:
        reasons = list(subject.hanging())
        return JSONResponse({"healthy": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def readyz(_: Request) -> Response:
        reasons = [*subject.hindrances(), *await _schema_reasons(subject)]
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def metrics(_: Request) -> Response:
        return Response(expose(await reading.latest(), subject.process()), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])


async def _schema_reasons(subject: Subject) -> list[str]:
    try:
        async with asyncio.timeout(READ_WITHIN):
            await subject.check_schema()
    except TimeoutError:
        return ["the database doesn't answer in time"]
    except MailwatchError as error:
        return [str(error)]
    return []
