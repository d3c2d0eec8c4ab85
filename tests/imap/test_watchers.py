"""Watchers that begin and end one by one, as their worker comes to hold mailboxes and loses them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from servers.accounts import AnAccount, an_account
from servers.dovecot import Dovecot
from servers.faultproxy import FaultProxy

from mailwatch.clock import SystemClock
from mailwatch.errors import MailboxUnavailable
from mailwatch.imap.pool import LOOKS_PER_THREAD, THREADS
from mailwatch.imap.watcher import Watched
from mailwatch.imap.watchers import Watchers
from mailwatch.ports import FolderState, MessageSource

MAIL = b"From: parent@example.org\r\nSubject: Inscription\r\n\r\nBonjour\r\n"


@dataclass
class Looks:
    """What is done in a look: notes that it was, and waits while it is `held_up`."""

    count: int = 0
    is_slow: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, source: MessageSource) -> None:
        await source.examine("INBOX")
        self.count += 1
        self.begun.set()
        try:
            if self.is_slow:
                await asyncio.Event().wait()
        finally:
            if self.is_slow:  # as a transaction that is rolled back by a database in no hurry
                await self.may_end.wait()

    async def on_trouble(self, code: str, text: str) -> None:
        raise AssertionError(f"{code}: {text}")


@asynccontextmanager
async def watching(accounts: Sequence[AnAccount], looks: Sequence[Looks]) -> AsyncIterator[Watchers]:
    watched = [
        Watched(
            mailbox=f"m{number}",
            folders=["INBOX"],
            account=account,
            password="pw",
            look=each.look,
            on_trouble=each.on_trouble,
        )
        for number, (account, each) in enumerate(zip(accounts, looks, strict=True))
    ]
    watchers = Watchers(watched, clock=SystemClock())
    watchers.hold(())
    running = asyncio.create_task(watchers.run())
    try:
        yield watchers
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


async def ready(watchers: Watchers) -> None:
    async with asyncio.timeout(10):
        await watchers.all_ready()


async def examine(source: MessageSource) -> FolderState:
    return await source.examine("INBOX")


async def closed(proxy: FaultProxy, still_open: int) -> None:
    async with asyncio.timeout(10):
        while proxy.standing != still_open:  # noqa: ASYNC110  # counted by another thread
            await asyncio.sleep(0)


async def test_what_is_not_held_is_not_connected_and_what_is_let_go_is_disconnected(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        accounts = [replace(an_account(dovecot, user), port=proxy.port) for user in users(3)]
        looks = [Looks(), Looks(), Looks()]
        async with watching(accounts, looks) as watchers:
            watchers.hold({"m0", "m1"})
            await ready(watchers)
            assert ([each.count for each in looks], proxy.connections) == ([1, 1, 0], 2)
            watchers.hold({"m1", "m2"})
            await ready(watchers)
            await closed(proxy, still_open=2)
            assert ([each.count for each in looks], proxy.connections) == ([1, 1, 1], 3), "m1 was left alone"
            watchers.hold({"m0", "m1", "m2"})
            await ready(watchers)
            assert [each.count for each in looks] == [2, 1, 1]


async def test_only_what_is_held_can_be_used_and_others_are_refused_at_once(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    async with watching([an_account(dovecot, user) for user in users(2)], [Looks(), Looks()]) as watchers:
        watchers.hold({"m0"})
        assert (watchers.holds("m0"), watchers.holds("m1"), watchers.holds("m2")) == (True, False, False)
        async with asyncio.timeout(10):
            assert (await watchers.use("m0", examine, 10)).exists == 0
            with pytest.raises(MailboxUnavailable, match="m1"):
                await watchers.use("m1", examine, 600)


async def test_what_is_let_go_in_the_middle_of_a_look_ends_it_before_it_begins_again(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    looks = Looks(is_slow=True)
    async with watching([an_account(dovecot, user) for user in users(1)], [looks]) as watchers:
        watchers.hold({"m0"})
        async with asyncio.timeout(10):
            await looks.begun.wait()
        watchers.hold(())
        watchers.hold({"m0"})
        for _ in range(20):
            await asyncio.sleep(0)
        assert looks.count == 1, "one run at a time"
        looks.is_slow = False
        looks.may_end.set()
        await ready(watchers)
        assert looks.count == 2


async def test_no_more_looks_at_once_than_threads_can_serve_and_who_waits_for_one_can_be_used(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    most = THREADS * LOOKS_PER_THREAD
    under_way: list[Looks] = []
    may_end, is_full = asyncio.Event(), asyncio.Event()

    class Crowded(Looks):
        async def look(self, source: MessageSource) -> None:
            under_way.append(self)
            if len(under_way) == most:
                is_full.set()
            await may_end.wait()
            await super().look(source)

    accounts = [an_account(dovecot, user) for user in users(most + 3)]
    looks = [Crowded() for _ in accounts]
    async with watching(accounts, looks) as watchers:
        watchers.hold({f"m{number}" for number in range(len(accounts))})
        async with asyncio.timeout(30):
            await is_full.wait()
        waiting = [number for number, each in enumerate(looks) if each not in under_way]
        for number in waiting:
            assert (await watchers.use(f"m{number}", examine, 10)).exists == 0
        assert (len(under_way), len(waiting)) == (most, 3)
        may_end.set()
        await ready(watchers)


async def test_past_a_limit_those_that_are_held_stay_not_those_that_stand_first(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    """Of five mailboxes under a limit of two connections the last two are held here: both have their own."""
    accounts = [replace(an_account(dovecot, user), max_connections=2) for user in users(5)]
    async with watching(accounts, [Looks() for _ in accounts]) as watchers:
        watchers.hold({"m3", "m4"})
        await ready(watchers)
        assert all(watchers.by_mailbox[name].place.may_stay for name in ("m3", "m4"))
        watchers.hold({"m2", "m3", "m4"})
        assert [watchers.by_mailbox[name].place.may_stay for name in ("m2", "m3", "m4")] == [True, False, False]
        for name in ("m2", "m3", "m4"):
            async with asyncio.timeout(20):
                await watchers.use(name, examine, 20)
