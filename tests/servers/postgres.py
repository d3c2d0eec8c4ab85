"""A real PostgreSQL for the tests: a cluster of its own in a temporary folder, on 127.0.0.1, on a free port."""

import asyncio
import atexit
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import asyncpg

from servers.ports import free_ports
from servers.processes import RETRY, START_LIMIT, Server, ServerFailed, find_program

BINARIES = Path("/usr/lib/postgresql")  # Debian keeps them out of PATH, by version
SERVER_USER = "postgres"  # initdb and postgres refuse to run as root
USER = "app"

# A test doesn't outlive a power failure; what is measured as durable says `fsync=True`.
FORGETFUL = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


class Postgres(Server):
    """A cluster. `template` becomes the pattern of `create`'s databases once it holds something."""

    prefix = "pg"

    def __init__(self, *, fsync: bool = False) -> None:
        super().__init__()
        self._binaries = find_binaries()
        self._account: dict[str, Any] = {}  # arguments of Popen
        if os.geteuid() == 0:
            self._account = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []}
        self.give(self.folder)
        (self.port,) = free_ports(1)
        self._numbers = itertools.count(1)
        self._make_cluster(() if fsync else FORGETFUL)

    def _make_cluster(self, more: Sequence[str]) -> None:
        initdb = ["initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run(
            [self._binaries / initdb[0], *initdb[1:]], cwd=self.folder, capture_output=True, text=True, **self._account
        )
        if made.returncode:
            raise ServerFailed(f"initdb: {made.stderr[-2000:]}")
        settings = [
            f"port = {self.port}",
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{self.folder}'",
            "timezone = 'UTC'",
            "log_min_messages = warning",
            *more,
        ]
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write("\n".join(settings) + "\n")

    def give(self, folder: Path) -> None:
        """Let the server's own user write there."""
        if self._account:
            subprocess.run(["chown", self._account["user"], folder], check=True)

    def start(self) -> Self:
        """Start and wait until it takes connections."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "data"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._account,
            )
        atexit.register(self.kill)
        limit = time.monotonic() + START_LIMIT
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise ServerFailed(f"PostgreSQL didn't start: {(self.folder / 'output').read_text()[-2000:]}")
            time.sleep(RETRY)
        return self

    def _is_ready(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def halt(self) -> None:
        """A fast, orderly stop: clients are thrown out. The folder stays; `start` brings the server back."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(START_LIMIT)
        self.kill()

    def stop(self) -> None:
        """Stop and remove the cluster."""
        self.halt()
        super().stop()

    def url(self, database: str = "postgres", driver: str = "postgresql+asyncpg") -> str:
        """The URL of one of its databases."""
        return f"{driver}://{USER}@127.0.0.1:{self.port}/{database}"

    async def create(self, template: str = "template1") -> str:
        """A new database, the same as the template; its name."""
        name = f"test_{next(self._numbers)}"
        await self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    async def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        await self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement, by a connection of its own."""
        async with asyncio.timeout(START_LIMIT):
            connection = await asyncpg.connect(self.url(database, "postgresql"))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()


def find_binaries() -> Path:
    """Where the newest installed PostgreSQL has its programs."""
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else Path(find_program("initdb")).parent
