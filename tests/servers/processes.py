"""Servers as child processes: start, wait for the greeting, stop, and leave nothing behind."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

START_LIMIT = 15.0  # seconds
RETRY = 0.005  # seconds between attempts to connect


class ServerFailed(Exception):
    """A server didn't come up; the text holds the end of what it wrote."""


def require_root(what: str) -> None:
    """Refuse clearly, rather than let a server fail in its own words."""
    if os.geteuid() != 0:
        raise ServerFailed(f"{what} as a fixture needs root (it changes to its own users); run the tests as root")


def find_program(*places: str) -> str:
    """The first of these programs that is installed."""
    for place in places:
        if found := shutil.which(place):
            return found
    packages = "dovecot-imapd dovecot-lmtpd dovecot-managesieved dovecot-sieve postfix"
    raise ServerFailed(f"{places[0]} isn't installed; on Debian: apt-get install {packages}")


class Server:
    """One server process in a folder of its own, which is removed by `stop`. A context manager."""

    prefix = "server"  # short: the paths of unix sockets must stay below 108 bytes
    greeting = b""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=self.prefix))
        self.folder.chmod(0o755)  # mkdtemp makes 0700, which the servers' own users can't enter
        self.process: subprocess.Popen[bytes] | None = None

    def _launch(self, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> None:
        # Into a file: a pipe would be inherited by children that outlive the server, and never end.
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        atexit.register(self.kill)
        self._await_greeting(port)

    def _await_greeting(self, port: int) -> None:
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.settimeout(2)
                if connection.recv(200).startswith(self.greeting):
                    return
            if self.process is None or self.process.poll() is not None:
                break
            time.sleep(RETRY)
        self.kill()
        raise ServerFailed(f"{type(self).__name__} didn't start: {(self.folder / 'output').read_text()[-2000:]}")

    def kill(self) -> None:
        """A crash: SIGKILL to the whole process group. The folder stays; `start` brings the server back."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        atexit.unregister(self.kill)

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> Self:
        """Start and wait until it greets."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start() if self.process is None else self

    def __exit__(self, *_: object) -> None:
        self.stop()
