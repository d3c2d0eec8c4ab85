"""uvicorn inside our event loop: it neither takes our signals nor ends our process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette

from mailwatch.errors import ConfigurationError

ENDING = 2  # seconds for answers in hand, at the end
TOO_MANY = 32  # requests at a time: monitoring asks one after the other


class _Server(uvicorn.Server):
    """Signals are the service's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Starlette, address: tuple[str, int]) -> AsyncIterator[None]:
    """Answer there until the end. Raises ConfigurationError where nothing can listen."""
    listener = _listen(address)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        http="h11",
        limit_concurrency=TOO_MANY,
        timeout_graceful_shutdown=ENDING,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([task])
        listener.close()


def _listen(address: tuple[str, int]) -> socket.socket:
    """Ours to bind: uvicorn would end the process."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ConfigurationError([f"[metrics] listen: {address[0]}:{address[1]}: {error.strerror}"]) from None
    return listener
