"""`mailwatch` as a shell calls it, in this process: arguments, environment, exit code, both outputs."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cli.fortnight import fill
from cli.program import Program, own_logs

from mailwatch.clock import SystemClock


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    with own_logs():
        yield


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program in an environment that names no configuration, no language and no secret."""
    for name in ("MAILWATCH_CONFIG", "LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    return Program(monkeypatch, capsys)


@pytest.fixture
def stop_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Puts the clock that commands read to an instant, where it stays."""

    def stop(at: datetime) -> None:
        monkeypatch.setattr(SystemClock, "now", lambda _: at)

    return stop


@pytest.fixture(scope="session")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of `cli.fortnight`, to be copied."""
    folder = tmp_path_factory.mktemp("fortnight")
    asyncio.run(fill(folder))
    return folder / "world.db"
