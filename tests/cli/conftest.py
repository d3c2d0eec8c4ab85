"""`mailwatch` as a shell calls it, in this process: arguments, environment, exit code, both outputs."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from cli.program import Program


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Commands set logs up for a whole process; here they must not outlive the test."""
    root, ours = logging.getLogger(), logging.getLogger("mailwatch")
    handlers, levels = root.handlers, (root.level, ours.level)
    configured = structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    structlog.configure(**configured)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program in an environment that names no configuration, no language and no secret."""
    for name in ("MAILWATCH_CONFIG", "LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    return Program(monkeypatch, capsys)
