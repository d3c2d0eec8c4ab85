"""A real HTTP or HTTPS server on 127.0.0.1 whose answers a test scripts, path by path."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from servers.tls import Certificate

Answer = Callable[["Handler"], None]


@dataclass
class CalendarServer:
    """What it is asked, and how it answers; `port` is known once it runs."""

    answers: Mapping[str, Answer]
    port: int = 0
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    bytes_sent: int = 0

    @contextmanager
    def running(self, certificate: Certificate | None = None) -> Iterator["CalendarServer"]:
        """Serve until the block ends; with TLS if there is a certificate."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"script": self}))
        server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One question."""

    script: CalendarServer

    def do_GET(self) -> None:
        """The answer of the script for the path without its query; nothing more if the client has left."""
        self.script.asked.append((self.path, dict(self.headers.items())))
        try:
            self.script.answers[self.path.partition("?")[0]](self)
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def handle(self) -> None:
        """A client that doesn't trust us ends in the handshake: that is its right."""
        try:
            super().handle()
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, body: bytes) -> None:
        """Some of the body, counted."""
        self.wfile.write(body)
        self.script.bytes_sent += len(body)


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """A whole answer; header names with underscores for hyphens."""

    def send(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.send(body)

    return send


def without_end(piece: bytes, pieces: int, pause: Callable[[], object] = lambda: None) -> Answer:
    """A body of unknown length, piece by piece; the connection's end is its end."""

    def send(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(pieces):
            handler.send(piece)
            pause()

    return send


def cut_short(handler: Handler) -> None:
    """Announces more than comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.send(b"BEGIN:VCALENDAR")
