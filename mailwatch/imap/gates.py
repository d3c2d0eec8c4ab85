"""What bounds the watchers of a server: connections, logins at once, and pauses after failures."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from mailwatch.errors import LoginRefused, MailboxUnavailable, PermanentError
from mailwatch.imap.accounts import Account

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # seconds; between them it doubles
REFUSED_PAUSES = (60.0, 900.0)  # after a refused password: directories lock accounts after some ten attempts
REFUSAL_FRESH = 30.0  # seconds for which one mailbox's refusal counts for the others of the account
LONGEST_ASKED = 3600.0  # however long a server asks us to stay away


class BackOff:
    """How long to stay away after failures in a row."""

    def __init__(self, random: Random, longest: float = LONGEST_PAUSE) -> None:
        self._random = random
        self._longest = longest
        self._failures = 0

    def next(self, error: Exception) -> float:
        """Seconds to wait after one more failure.

        Full jitter (anything up to the ceiling): a thousand mailboxes must not come back to their server at once.
        """
        self._failures += 1
        if isinstance(error, PermanentError):
            return REFUSED_PAUSES[0] if self._failures == 1 else REFUSED_PAUSES[1]
        ceiling = min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 30), self._longest)
        asked = (error.back_off or 0.0) if isinstance(error, MailboxUnavailable) else 0.0
        return min(asked, LONGEST_ASKED) + self._random.uniform(0, ceiling)

    def reset(self) -> None:
        """All went well for a while."""
        self._failures = 0


class SharedLogin:
    """One account's logins, one after another: a refused password isn't tried again by each of its mailboxes."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._refusal = ""
        self._refused_until = 0.0  # the event loop's time

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Hold this while logging in. Raises LoginRefused, too, while another mailbox's refusal is fresh."""
        now = asyncio.get_running_loop().time
        async with self._lock:
            if now() < self._refused_until:
                raise LoginRefused(self._refusal)
            try:
                yield
            except LoginRefused as error:
                self._refusal = str(error)
                self._refused_until = now() + REFUSAL_FRESH
                raise


@dataclass(frozen=True, slots=True)
class Place:
    """What a mailbox has to pass to be connected. One that may not stay visits: it looks, and leaves."""

    may_stay: bool
    connections: tuple[asyncio.Semaphore, ...]  # the account's, then the server's if it has one
    logins: asyncio.Semaphore
    login: SharedLogin

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Hold a connection of the account and of the server."""
        held: list[asyncio.Semaphore] = []
        try:
            for gate in self.connections:
                await gate.acquire()
                held.append(gate)
            yield
        finally:
            for gate in held:
                gate.release()


class Gates:
    """The gates of these accounts and their servers, the same whichever of their mailboxes are watched at a time."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._servers = {a.server: asyncio.Semaphore(a.max_connections) for a in accounts if a.max_connections}
        self._users = {(a.server, a.username): asyncio.Semaphore(max(a.per_account, 1)) for a in accounts}
        self._logins = {a.server: asyncio.Semaphore(max(a.logins_at_once, 1)) for a in accounts}
        self._shared: defaultdict[tuple[str, str], SharedLogin] = defaultdict(SharedLogin)

    def assign_places(self, accounts: Sequence[Account]) -> list[Place]:
        """A place for each of these mailboxes' accounts, in order: those that are watched now.

        Where there are more mailboxes than connections, the first ones stay, and the others visit in turn through a
        fifth of the connections (at least one), which is kept for them.
        """
        servers = Counter(a.server for a in accounts)
        users = Counter((a.server, a.username) for a in accounts)
        staying: Counter[object] = Counter()
        places = []
        for account in accounts:
            user = (account.server, account.username)
            may_stay = staying[account.server] < _seats(servers[account.server], account.max_connections) and (
                staying[user] < _seats(users[user], max(account.per_account, 1))
            )
            staying.update({account.server: may_stay, user: may_stay})
            places.append(self._place(account, may_stay))
        return places

    def _place(self, account: Account, may_stay: bool) -> Place:
        user = (account.server, account.username)
        of_server = self._servers.get(account.server)
        gates = (self._users[user],) if of_server is None else (self._users[user], of_server)
        return Place(may_stay, gates, self._logins[account.server], self._shared[user])


def _seats(mailboxes: int, limit: int) -> int:
    """How many may hold a connection, of so many mailboxes under a limit (0: none)."""
    return mailboxes if not limit or mailboxes <= limit else limit - max(1, limit // 5)
