"""A ManageSieve server that says what no real one says on request; TLS is real."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Self

from servers.tls import Certificate

GREETING = '"SIEVE" "vacation date relational"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK "ready"\r\n'
_UNDER_TLS = '"SIEVE" "vacation date relational"\r\n"SASL" "PLAIN"\r\nOK "TLS"\r\n'


class ScriptedSieve:
    """An async context manager; `port` is where to connect. `answers` are by verb; what has none gets OK, and "" ends
    the connection. `under_tls` is what follows STARTTLS; `commands` are the verbs that came in."""

    def __init__(self, certificate: Certificate, answers: Mapping[str, str], *, under_tls: str = _UNDER_TLS) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.certificate, certificate.key)
        self._answers, self._under_tls = {"CAPABILITY": under_tls, **answers}, under_tls
        self._talks: set[asyncio.StreamWriter] = set()
        self.commands: list[str] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._talks:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.add(writer)
        try:
            writer.write(GREETING.encode())
            while line := (await reader.readline()).decode():
                verb = line.split()[0]
                self.commands.append(verb)
                answer = self._answers.get(verb, 'OK "done"\r\n')
                if not answer:
                    break
                writer.write(answer.encode())
                if verb == "STARTTLS":
                    await writer.start_tls(self._context)
                    writer.write(self._under_tls.encode())
        except OSError:
            pass
        finally:
            writer.transport.abort()
