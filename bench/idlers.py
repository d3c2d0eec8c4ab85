"""A floor for watching many mailboxes: one raw socket each, in IDLE, and nothing else. Run as a process of its own.

python -m bench.idlers PORT PASSWORD FILE      FILE: the users, one a line

It prints "ready" once all idle, and then "<user> <instant>" for each EXISTS: by the system's monotonic clock.
"""

import selectors
import socket
import sys
import time
from pathlib import Path


def idle(port: int, user: str, password: str) -> socket.socket:
    """A connection that idles on its INBOX."""
    connection = socket.create_connection(("127.0.0.1", port))
    _read_until(connection, b"* OK")
    for command, end in ((f'LOGIN "{user}" "{password}"', b"a OK"), ("EXAMINE INBOX", b"a OK"), ("IDLE", b"+ ")):
        connection.sendall(f"a {command}\r\n".encode())
        _read_until(connection, end)
    connection.setblocking(False)
    return connection


def _read_until(connection: socket.socket, start: bytes) -> None:
    """Up to a line that begins so. Line by line, as nothing follows it before the next command."""
    text = b""
    while not any(line.startswith(start) for line in text.split(b"\r\n")[:-1]):
        octets = connection.recv(65_536)
        if not octets:
            raise ConnectionError(f"no {start!r} after {text!r}")
        text += octets


def main(port: str, password: str, file: str) -> None:
    """Idle until the parent ends us."""
    waiting = selectors.DefaultSelector()
    for user in Path(file).read_text("utf-8").split():
        waiting.register(idle(int(port), user, password), selectors.EVENT_READ, user)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in waiting.select():
            if b"EXISTS" in key.fileobj.recv(65_536):  # type: ignore[union-attr]  # the sockets registered above
                sys.stdout.write(f"{key.data} {time.monotonic()}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
