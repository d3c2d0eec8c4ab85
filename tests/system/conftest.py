"""The whole product as processes: real Dovecot and Postfix, `mailwatch run`, SQLite or PostgreSQL."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers.postgres import Postgres
from system.books import Database
from system.service import Service
from system.sink import Sink
from system.town import SECRETS, Town, a_town

Start = Callable[..., Service]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres(cluster: Postgres) -> Iterator[Database]:
    """An empty database of its own."""
    name = asyncio.run(cluster.create())
    yield Database(cluster.url(name, "postgresql"), cluster.url(name), needs_upgrade=True)
    asyncio.run(cluster.drop(name))


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    """A file beside the configuration, which `run` creates."""
    return Database("sqlite:///mailwatch.db", f"sqlite+aiosqlite:///{tmp_path}/mailwatch.db")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def town() -> Iterator[Town]:
    with a_town() as town:
        yield town


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def a_service(tmp_path: Path) -> Iterator[Callable[[str], Service]]:
    """Makes a service of a configuration. In the end it is killed, and must have written no fault into its log."""
    made: list[Service] = []

    def make(configuration: str) -> Service:
        made.append(Service(tmp_path, configuration, SECRETS))
        return made[-1]

    yield make
    for service in made:
        service.kill()
        print(f"the end of mailwatch's log:\n{service.tail()}")  # noqa: T201  # pytest shows it of a failing test
    assert [line for service in made for line in service.faults()] == []
