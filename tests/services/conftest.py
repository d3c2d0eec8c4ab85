"""Fixtures of the service tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from builders import a_mailbox
from services.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world with one shared mailbox, inscriptions@cscmonavenir.example."""
    async with a_world(tmp_path, a_mailbox()) as world:
        yield world
