"""What the figures were measured on: without that, they say nothing."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("imapclient", "aiosmtplib", "sqlalchemy", "aiosqlite", "asyncpg")


def describe() -> list[tuple[str, str]]:
    """Facts as (what, value); nothing that names the host."""
    return [
        ("processor", f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores"),
        ("memory", f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.1f} GiB"),
        ("system", f"{_system()}, Linux {platform.release().partition('-')[0]}"),
        ("Python", platform.python_version()),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
        ("Dovecot", _answer("dovecot", "--version").partition(" ")[0]),
        ("PostgreSQL", _postgresql()),
    ]


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0"


def _system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())


def _answer(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _postgresql() -> str:
    """Debian keeps the server's program out of the path, one folder a version."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return _answer(str(programs[-1]), "--version").removeprefix("postgres (PostgreSQL) ") if programs else "unknown"
