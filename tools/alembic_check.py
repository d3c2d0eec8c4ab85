"""Migrations = schema, on both databases: upgrade an empty one, then ask Alembic what it would still change.

PYTHONPATH=tests python -m tools.alembic_check      exit code 1 names the differences
"""

import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from servers.postgres import Postgres

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def check(url: str) -> None:
    """Raises CommandError where migrations and schema differ."""
    config = Config(cmd_opts=Namespace(x=[f"url={url}"]))
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
    command.check(config)


def main() -> None:
    """Both databases; the PostgreSQL server is a temporary one."""
    with tempfile.TemporaryDirectory() as folder, Postgres() as server:
        urls = {"SQLite": f"sqlite+aiosqlite:///{folder}/empty.db", "PostgreSQL": server.url()}
        for name, url in urls.items():
            sys.stdout.write(f"{name}: ")
            try:
                check(url)
            except CommandError as error:
                sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
