"""One Dovecot with Pigeonhole for the whole folder, and the SMTP server that gets its answers; each test has a user."""

from collections.abc import Iterator

import pytest
from servers.dovecot import Dovecot
from servers.faultproxy import FaultProxy
from sieve.post import Post
from system.sink import Sink

USERS = [f"box{number:03}@example.test" for number in range(400)]


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    with Sink() as server:
        yield server


@pytest.fixture(scope="session")
def pigeonhole(sink: Sink) -> Iterator[Dovecot]:
    with Dovecot(users=USERS, sieve_answers_to=sink.port) as server:
        yield server


@pytest.fixture(scope="session")
def _fresh_users() -> Iterator[str]:
    return iter(USERS)


@pytest.fixture
def post(pigeonhole: Dovecot, sink: Sink, _fresh_users: Iterator[str]) -> Post:
    """A user nobody has used yet."""
    return Post(pigeonhole, sink, next(_fresh_users))


@pytest.fixture
def proxy(pigeonhole: Dovecot) -> Iterator[FaultProxy]:
    """Between the client and ManageSieve."""
    with FaultProxy(pigeonhole.ports["SIEVE"]) as between:
        between.is_recording = True
        yield between
