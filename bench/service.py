"""`mailwatch run` as a process: a configuration for the measurement, start, wait for a state of the database, stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.databases import Database

PASSWORD = "bench"
LIMIT = 300.0  # seconds before a run counts as failed
LOOK_EVERY = 0.02  # seconds between looks at the database
NEVER_SENT = "6h"  # recorded and enqueued, not sent: sending is measured by itself

CONFIGURATION = """\
[organisation]
name = "Conseil scolaire des mesures"
timezone = "America/Toronto"
languages = ["fr", "en"]
domains = ["example.test"]

[database]
url = "{database}"

[calendar]
country = "CA"
subdivision = "ON"
hours = ["08:30-12:00", "13:00-16:30"]

[acknowledgement]
delay = "{delay}"

[sending]
connections = {connections}
breaker = {{ count = 1000000, per = "10m" }}   # a backlog on purpose

[smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"

[imap.main]
host = "127.0.0.1"
port = {imap}
security = "none"

[[people]]
email = "marie@example.test"
name = "Marie Tremblay"
"""

MAILBOX = """
[[mailbox]]
address = "{address}"
name = {{ fr = "Inscriptions", en = "Admissions" }}
kind = "shared"
imap = "main"
username = "{address}"
password = {{ env = "BENCH_PASSWORD" }}
owners = ["marie@example.test"]
"""


class RunFailed(Exception):
    """mailwatch ended, or didn't come to the expected state in time; the text is the end of its log."""


class Service:
    """One configured mailwatch; a context manager runs it."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        *,
        mailboxes: Sequence[str],
        imap: int,
        smtp: int,
        connections: int,
        delay: str = NEVER_SENT,
    ) -> None:
        self._database = database
        self._log = folder / "mailwatch.log"
        self.config = folder / "mailwatch.toml"
        text = CONFIGURATION.format(database=database.url, imap=imap, smtp=smtp, connections=connections, delay=delay)
        self.config.write_text(text + "".join(MAILBOX.format(address=address) for address in mailboxes))
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mailwatch", "--config", str(self.config), *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "BENCH_PASSWORD": PASSWORD}

    def upgrade(self) -> None:
        """Create the tables."""
        self.command("db", "upgrade")

    def command(self, *arguments: str) -> str:
        """Run a command of mailwatch to its end; what it printed."""
        command = self._command(*arguments)
        return subprocess.run(command, env=self._environment(), check=True, capture_output=True, text=True).stdout

    @property
    def pid(self) -> int:
        """Of the running process. RunFailed without one."""
        if self._process is None:
            raise RunFailed("it isn't running")
        return self._process.pid

    def __enter__(self) -> "Service":
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command("run"), env=self._environment(), stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)

    def wait(self, is_reached: Callable[[], bool]) -> None:
        """Look at the database until something is so. Raises RunFailed."""
        limit = time.monotonic() + LIMIT
        while not is_reached():
            has_ended = self._process is not None and self._process.poll() is not None
            if has_ended or time.monotonic() > limit:
                raise RunFailed(self._log.read_text()[-3000:])
            time.sleep(LOOK_EVERY)

    def seconds_until(self, is_reached: Callable[[], bool]) -> float:
        """Start the service, and stop it when something is so; how long that took from the start of the process."""
        started = time.monotonic()
        with self:
            self.wait(is_reached)
            return time.monotonic() - started

    def start_up(self, times: int) -> float:
        """Seconds from the start of the process until it has looked at a mailbox that holds nothing new: the least."""
        before = "SELECT count(*) FROM mailbox WHERE progress_at IS NOT NULL"
        found = []
        for _ in range(times):
            self._database.restore()
            self._database.execute("UPDATE mailbox SET progress_at = NULL")
            found.append(self.seconds_until(lambda: self._database.number(before) == 1))
        return min(found)
