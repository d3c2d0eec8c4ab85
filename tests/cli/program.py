"""Calls `mailwatch.cli.main`, the program's real entry point, and keeps what became of it."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from mailwatch.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a call left behind. A test that prints it shows the outputs."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of the result, French typography undone."""
        return plain(self.out).splitlines()

    def objects(self) -> list[dict[str, Any]]:
        """One JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Program:
    """`program("check", "--json", config=path, lang="fr")`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: object, config: Path | None = None, lang: str = "") -> Done:
        options = ["--config", str(config)] if config else []
        options += ["--lang", lang] if lang else []
        self._monkeypatch.setattr(sys, "argv", ["mailwatch", *options, *map(str, arguments)])
        self._capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        printed = self._capsys.readouterr()
        return Done(code=code, out=printed.out, err=printed.err)


@contextmanager
def own_logs() -> Iterator[None]:
    """Commands set logs up for a whole process; here they must not outlive the test."""
    root, ours = logging.getLogger(), logging.getLogger("mailwatch")
    handlers, levels = root.handlers, (root.level, ours.level)
    configured = structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    structlog.configure(**configured)


def plain(text: str) -> str:
    """French typography undone."""
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'")
