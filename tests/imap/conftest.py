"""One Dovecot for the whole folder; each test has a user of its own, with empty folders."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

import pytest
from servers.accounts import AnAccount, an_account
from servers.dovecot import Dovecot

from mailwatch.clock import SystemClock
from mailwatch.imap.pool import ImapPool
from mailwatch.imap.session import ImapSession

USERS = [f"box{number:03}@example.test" for number in range(250)]


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(users=USERS, clients=100) as server:
        yield server


@pytest.fixture(scope="session")
def _fresh_users() -> Iterator[str]:
    return iter(USERS)


@pytest.fixture
def user(_fresh_users: Iterator[str]) -> str:
    return next(_fresh_users)


@pytest.fixture
def users(_fresh_users: Iterator[str]) -> Callable[[int], list[str]]:
    return lambda count: list(itertools.islice(_fresh_users, count))


@pytest.fixture
def pool() -> Iterator[ImapPool]:
    pool = ImapPool(threads=4)
    yield pool
    pool.close()


class Connect(Protocol):
    async def __call__(self, account: AnAccount, password: str = "pw") -> ImapSession: ...


@pytest.fixture
async def connect(pool: ImapPool) -> AsyncIterator[Connect]:
    """Opens sessions, which are closed after the test."""
    sessions = []

    async def open_session(account: AnAccount, password: str = "pw") -> ImapSession:
        session = await ImapSession.connect(account, password, pool.lane(), SystemClock())
        sessions.append(session)
        return session

    yield open_session
    for session in sessions:
        session.close()


@pytest.fixture
async def session(dovecot: Dovecot, user: str, connect: Connect) -> ImapSession:
    """A session of `user`."""
    return await connect(an_account(dovecot, user))
