"""`mailwatch` as an operator has it: a configuration file, a process, commands, a log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 30.0  # seconds before something that must happen is given up; mostly it takes one
LOOK_EVERY = 0.05  # seconds
PROGRAM = ("-m", "mailwatch")
ENDING = 10.0  # seconds that a service manager grants after SIGTERM
TAIL = 60  # lines of the log that a failing test shows
# The same program, but what it does every minute it does every second, and silence is noticed as soon.
HURRIED = (
    "-c",
    """
from datetime import timedelta
from mailwatch import app, service
from mailwatch.cli import main
app.TICK_EVERY = timedelta(seconds=1)
app.BEAT = timedelta(seconds=0.5)
service.SILENT_AFTER = 3.0
main()
""",
)


def eventually(find: Callable[[], T], what: str, within: float = PATIENCE) -> T:
    """The first true value that `find` gives. AssertionError with `what` when there is none in time."""
    limit = time.monotonic() + within
    while True:
        if found := find():
            return found
        assert time.monotonic() < limit, f"not within {within:g} s: {what}"
        time.sleep(LOOK_EVERY)


class Service:
    """One configured mailwatch. Its log is kept over restarts, in a file that a failing test prints the end of."""

    def __init__(self, folder: Path, configuration: str, secrets: Mapping[str, str]) -> None:
        self.config = folder / "mailwatch.toml"
        self.config.write_text(configuration, encoding="utf-8")
        self._log = folder / "mailwatch.log"
        self._log.touch()
        self._environment = {**os.environ, **secrets}
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self, *arguments: str, program: Sequence[str] = PROGRAM) -> list[str]:
        return [sys.executable, *program, "--config", str(self.config), "--lang", "en", *arguments]

    def command(self, *arguments: str, within: float = PATIENCE) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            self._command(*arguments), env=self._environment, capture_output=True, text=True, timeout=within
        )

    def status(self) -> dict[str, Any]:
        """`status --json`, which must work whatever is broken."""
        done = self.command("status", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts

    def show(self, reference: str) -> dict[str, Any]:
        """`requests show --json`."""
        done = self.command("requests", "show", reference, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        story: dict[str, Any] = json.loads(done.stdout)
        return story

    def act(self, act: str, *arguments: str) -> list[dict[str, Any]]:
        """`requests close` and its like; what came of each request."""
        done = self.command("requests", act, *arguments, "--why", "essai", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def mend(self, **secrets: str) -> None:
        """Secrets that count from the next start on."""
        self._environment |= secrets

    # --- the process ----------------------------------------------------------------------------------------------

    def start(self, program: Sequence[str] = PROGRAM) -> None:
        """Start, and wait until it says so. `program`: what Python runs, the same as mailwatch but for a few waits."""
        starts = len(self.said("service.started"))
        self.launch(program)
        eventually(lambda: self.ended() or len(self.said("service.started")) > starts, "the service starts")
        assert not self.ended(), "the service ended at once"

    def launch(self, program: Sequence[str] = PROGRAM) -> None:
        """Start, and wait for nothing."""
        command = self._command("run", program=program)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process is None or self._process.poll() is not None

    def terminate(self) -> tuple[int, float]:
        """SIGTERM, as a service manager does it: the exit code, and how many seconds it took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(ENDING + 5)
        return code, time.monotonic() - begun

    def configure(self, configuration: str) -> None:
        """Write another configuration; nobody is told."""
        self.config.write_text(configuration, encoding="utf-8")

    def hang_up(self) -> None:
        """SIGHUP: take the configuration as it is now."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """A clean end, or the test fails."""
        code, seconds = self.terminate()
        assert (code, seconds < ENDING) == (0, True), f"exit code {code} after {seconds:.1f} s"

    def kill(self) -> None:
        """SIGKILL: what a power failure or the kernel's memory watch does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: what a paused virtual machine does, or one that swaps itself to death."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    # --- the log --------------------------------------------------------------------------------------------------

    def said(self, event: str, **facts: object) -> list[dict[str, Any]]:
        """Lines of the log about an event, with these facts."""
        lines = (json.loads(line) for line in self._log.read_text().splitlines() if f'"{event}"' in line)
        return [line for line in lines if line["event"] == event and facts.items() <= line.items()]

    def faults(self) -> list[str]:
        """Lines of the log that a working service doesn't write: exceptions, and what isn't JSON."""
        return [line for line in self._log.read_text().splitlines() if line[:1] != "{" or '"exception"' in line]

    def tail(self) -> str:
        """The end of the log."""
        return "\n".join(self._log.read_text().splitlines()[-TAIL:])
