"""The torture, shortened: killed twenty times on each database, told to stop while it sends, its clock set back,
its database locked.

`make torture` plays all of it.
"""

import random
from pathlib import Path

import pytest
from system.books import Database
from torture import machine
from torture.kills import kill_again_and_again
from torture.points import POINTS

pytestmark = pytest.mark.system

AT_RANDOM = 20 - len(POINTS)
MISSED = 3  # points that a life may not come to, on a busy machine


def test_killed_twenty_times_it_acknowledges_everybody_under_one_message_id(tmp_path: Path, database: Database) -> None:
    seed = random.randrange(10**6)  # pytest-randomly prints what it follows from
    campaign = kill_again_and_again(tmp_path, database, kills=AT_RANDOM, at_points=1, seed=seed)

    assert campaign.problems == []
    assert campaign.kills.total() == 20
    assert len(campaign.kills.keys() & POINTS.keys()) >= len(POINTS) - MISSED
    assert campaign.verdict.figures["acknowledged"] > 100, "killed too soon to prove anything"


def test_sigterm_while_it_sends_loses_nothing_and_repeats_nothing(tmp_path: Path, database: Database) -> None:
    assert machine.attempt(machine.find("sigterm while it sends"), tmp_path, database).problems == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "name",
    [
        "sigterm while the smtp server is silent",
        "sigterm while the database is locked",
        "clock set back",
        "clock set back while the smtp server is away",
        "database locked",
    ],
)
def test_it_stands(name: str, tmp_path: Path, database: Database) -> None:
    assert machine.attempt(machine.find(name), tmp_path, database).problems == []
