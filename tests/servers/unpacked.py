"""Servers whose packages conflict with others': unpacked by tools/unpack-servers, run where they lie."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "build" / "servers"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """`root` holds `usr` and the rest; `environment` lets its programs find their libraries."""

    root: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """For a program's start."""
        # Some lie in usr/lib/x86_64-linux-gnu, some in lib/…, and Courier keeps some in usr/lib itself.
        places = [*self.root.glob("usr/lib/*-linux-gnu"), *self.root.glob("lib/*-linux-gnu"), self.root / "usr/lib"]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, places))}


def unpacked(name: str) -> Unpacked:
    """A server's files. Without them the test is skipped; where $CI is set, it fails."""
    root = _FOLDER / name
    if not root.is_dir():
        why = f"{root} isn't there; as root: sh tools/unpack-servers build/servers"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return Unpacked(root)
