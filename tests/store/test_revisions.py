"""What is known of revisions without Alembic is what Alembic knows; and a service that needn't migrate does without."""

import asyncio
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from store.conftest import Databases

from mailwatch.resources import migrations_folder
from mailwatch.store.revisions import REVISIONS

ROOT = Path(__file__).parents[2]
OPEN = """
import asyncio, sys
import mailwatch.service
from mailwatch.clock import SystemClock
from mailwatch.store.store import open_store

async def main():
    store = open_store(sys.argv[1], SystemClock())
    await store.open(upgrade=True)
    await store.close()

asyncio.run(main())
sys.stdout.write("with Alembic" if "alembic" in sys.modules else "without")
"""


def test_the_revisions_are_the_migrations_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    newest_first = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(newest_first)) == REVISIONS


@pytest.mark.parametrize(("is_migrated", "expected"), [(True, "without"), (False, "with Alembic")])
async def test_a_service_imports_alembic_only_to_migrate(
    databases: Databases, is_migrated: bool, expected: str
) -> None:
    url = await (databases.migrated() if is_migrated else databases.empty())
    opened = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPEN, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaints = await opened.communicate()
    assert (said.decode(), opened.returncode) == (expected, 0), complaints.decode()
