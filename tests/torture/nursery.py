"""Services that are born fast, one after the other, and killed."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

TESTS = Path(__file__).parents[1]
BIRTH_LIMIT = 30.0  # seconds: importing everything, on a busy machine


class Nursery:
    """A context manager. `bear` a service, then `kill` it, or wait until it has `ended` by itself."""

    def __init__(self, config: Path, secrets: Mapping[str, str]) -> None:
        self._config = config
        self._environment = {**os.environ, **secrets, "PYTHONPATH": str(TESTS)}
        self._pidfd = -1

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "torture.births"]
        pipe = subprocess.PIPE
        self._mother = subprocess.Popen(command, env=self._environment, stdin=pipe, stdout=pipe)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.kill()
        self._mother.communicate(timeout=BIRTH_LIMIT)

    def bear(self, log: Path, *, point: str = "", passes: int = 0) -> None:
        """Start a service that writes this log; it kills itself at a point, if one is named."""
        order = {"config": str(self._config), "log": str(log), "point": point, "passes": passes}
        assert self._mother.stdin is not None
        self._mother.stdin.write(json.dumps(order).encode() + b"\n")
        self._mother.stdin.flush()
        self._pidfd = os.pidfd_open(int(self._answer(BIRTH_LIMIT)))

    def kill(self) -> None:
        """SIGKILL, if it is still there."""
        if self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self.ended(BIRTH_LIMIT)

    def ended(self, within: float) -> bool:
        """Whether it ends within so many seconds."""
        if self._pidfd >= 0 and self._says(within):
            self._answer(BIRTH_LIMIT)
            os.close(self._pidfd)
            self._pidfd = -1
        return self._pidfd < 0

    def _says(self, within: float) -> bool:
        assert self._mother.stdout is not None
        return bool(select.select([self._mother.stdout], [], [], within)[0])

    def _answer(self, within: float) -> str:
        assert self._mother.stdout is not None
        assert self._says(within), "no birth"
        return self._mother.stdout.readline().decode().strip()
