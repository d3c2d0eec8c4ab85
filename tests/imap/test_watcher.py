"""Watchers against a real Dovecot, often through a proxy that breaks things."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from servers.accounts import AnAccount, an_account
from servers.dialogue import Dialogue
from servers.dovecot import Dovecot
from servers.faultproxy import Action, FaultProxy, Rule
from servers.ports import free_ports

from mailwatch.clock import SystemClock
from mailwatch.errors import FolderMissing, MailboxUnavailable, StoreUnavailable
from mailwatch.imap import watcher
from mailwatch.imap.session import ImapSession
from mailwatch.imap.watcher import Watched, Watcher
from mailwatch.imap.watchers import Watchers
from mailwatch.ports import MessageSource

MAIL = b"From: parent@example.org\r\nSubject: Inscription\r\n\r\nBonjour,\r\n"
LIMIT = 8.0  # seconds within which anything awaited here must happen


class Service:
    """In place of services.receive: examines every folder, fetches what is new, and remembers it."""

    def __init__(self, folders: Sequence[str] = ("INBOX",)) -> None:
        self.folders = folders
        self.uids: dict[str, set[int]] = {folder: set() for folder in folders}
        self.looks = 0
        self.troubles: list[tuple[str, str]] = []
        self.failures: list[Exception] = []  # what the next looks raise
        self.within_look: Callable[[str], Awaitable[None] | None] | None = None
        self._changed = asyncio.Condition()

    async def look(self, source: MessageSource) -> None:
        self.looks += 1
        if self.failures:
            await self._notify()
            raise self.failures.pop(0)
        missing = []
        for folder in self.folders:
            try:
                await source.examine(folder)
                uids = await source.list_uids(max(self.uids[folder], default=0))
                self.uids[folder] |= {message.uid for message in await source.fetch(uids)}
            except FolderMissing as error:
                missing.append(error)
            if self.within_look is not None:
                self.within_look(folder)
        await self._notify()
        for error in missing:
            raise error

    async def on_trouble(self, code: str, text: str) -> None:
        self.troubles.append((code, text))
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a look or a trouble has made a condition true."""
        async with asyncio.timeout(LIMIT), self._changed:
            await self._changed.wait_for(condition)


class Pauses:
    """In place of asyncio.sleep: remembers how long it should have been, and takes a moment."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(
    *pairs: tuple[AnAccount, Service], pauses: Pauses | None = None, random: Random | None = None, password: str = "pw"
) -> AsyncIterator[Watchers]:
    watched = [
        Watched(
            mailbox=f"m{number}",
            folders=service.folders,
            account=account,
            password=password,
            look=service.look,
            on_trouble=service.on_trouble,
        )
        for number, (account, service) in enumerate(pairs)
    ]
    watchers = Watchers(watched, clock=SystemClock(), random=random, sleep=pauses or Pauses())
    running = asyncio.create_task(watchers.run())
    try:
        yield watchers
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what happens in another thread."""
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def ready(watchers: Watchers) -> Watcher:
    async with asyncio.timeout(LIMIT):
        await watchers.all_ready()
    return watchers.by_mailbox["m0"]


# --- noticing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
async def test_mail_is_noticed_at_once_again_and_again(dovecot: Dovecot, user: str, security: str) -> None:
    service = Service()
    async with watching((an_account(dovecot, user, security=security), service)) as watchers:
        for count in (1, 2):
            await ready(watchers)
            dovecot.deliver(user, MAIL)
            await service.until(lambda count=count: len(service.uids["INBOX"]) == count)

        assert service.looks == 3
        assert service.troubles == []


async def test_watching_changes_no_flag_of_any_message(dovecot: Dovecot, user: str) -> None:
    for flags in ([], ["\\Seen"], ["\\Flagged"], ["\\Deleted"]):
        dovecot.deliver(user, MAIL, flags=flags)
    before = dovecot.flags(user)
    service = Service()

    async with watching((an_account(dovecot, user), service)) as watchers:
        await ready(watchers)
        dovecot.deliver(user, MAIL)
        await service.until(lambda: len(service.uids["INBOX"]) == 5)

    assert dovecot.flags(user) == before | {5: frozenset()}


async def test_what_people_do_to_their_mail_calls_for_no_look(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, MAIL)
    service = Service()
    async with watching((an_account(dovecot, user), service)) as watchers:
        await ready(watchers)
        dovecot.set_flags(user, [1], ["\\Seen"])
        dovecot.deliver(user, MAIL, folder="Trash")
        dovecot.deliver(user, MAIL)
        await service.until(lambda: len(service.uids["INBOX"]) == 2)

        assert service.looks == 2


async def test_mail_that_arrives_between_the_look_and_the_idle_is_noticed(dovecot: Dovecot, user: str) -> None:
    service = Service()
    service.within_look = lambda _: dovecot.deliver(user, MAIL) if service.looks == 1 else None
    async with watching((an_account(dovecot, user), service)):
        await service.until(lambda: service.uids["INBOX"] == {1})


async def test_mail_that_somebody_else_saw_first_while_using_the_connection_is_noticed(
    dovecot: Dovecot, user: str
) -> None:
    async def arrive_and_examine(source: MessageSource) -> None:
        dovecot.deliver(user, MAIL)
        await source.examine("INBOX")  # after this the server has nothing more to announce

    service = Service()
    async with watching((an_account(dovecot, user), service)) as watchers:
        await ready(watchers)
        await watchers.use(next(iter(watchers.by_mailbox)), arrive_and_examine, 5)
        await service.until(lambda: service.uids["INBOX"] == {1})


async def test_mail_that_arrives_while_another_folder_is_looked_at_is_noticed(dovecot: Dovecot, user: str) -> None:
    service = Service(["INBOX", "Sent"])
    service.within_look = lambda folder: (
        dovecot.deliver(user, MAIL) if service.looks == 1 and folder == "Sent" else None
    )
    async with watching((an_account(dovecot, user), service)):
        await service.until(lambda: service.uids["INBOX"] == {1})


async def test_other_folders_are_polled(dovecot: Dovecot, user: str) -> None:
    service = Service(["INBOX", "Sent"])
    async with watching((replace(an_account(dovecot, user), poll=0.1), service)) as watchers:
        await ready(watchers)
        dovecot.deliver(user, MAIL, folder="Sent")

        await service.until(lambda: service.uids["Sent"] == {1})


async def test_a_server_without_idle_is_polled_on_one_connection() -> None:
    no_idle = "protocol imap {\n  imap_capability = IMAP4rev1 UIDPLUS\n}\n"
    service = Service()
    with Dovecot(users=["marie@example.test"], extra=no_idle) as dovecot, FaultProxy(dovecot.ports["IMAP"]) as proxy:
        account = replace(an_account(dovecot, "marie@example.test"), poll=0.05, port=proxy.port)
        async with watching((account, service)) as watchers:
            await ready(watchers)
            dovecot.deliver("marie@example.test", MAIL)
            await service.until(lambda: service.uids["INBOX"] == {1})
            await service.until(lambda: service.looks > 5)

        assert proxy.connections == 1


async def test_mail_is_noticed_after_many_renewals(dovecot: Dovecot, user: str) -> None:
    service = Service()
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        account = replace(an_account(dovecot, user), port=proxy.port, idle_renew=0.02)
        renewals = Rule("client", rb"DONE", Action.REPLACE, times=10**6, data=b"DONE\r\n")
        proxy.rules.append(renewals)
        async with watching((account, service)):
            await eventually(lambda: renewals.hits > 3)
            dovecot.deliver(user, MAIL)
            await service.until(lambda: service.uids["INBOX"] == {1})

        assert service.looks == 2
        assert proxy.connections == 1


async def test_the_first_idle_after_news_is_renewed_early_and_none_after_a_poll_that_found_nothing(
    dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "EARLY_RENEWAL", 0.02)
    service = Service()
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        idles = Rule("client", rb" IDLE", Action.SUBSTITUTE, times=10**6, data=b" IDLE")
        proxy.rules.append(idles)
        before_looks: list[int] = []
        service.within_look = lambda _: before_looks.append(idles.hits)
        account = replace(an_account(dovecot, user), port=proxy.port, poll=1.0)
        async with watching((account, service)):
            await service.until(lambda: service.looks == 3)
            assert before_looks == [0, 2, 3]
            dovecot.deliver(user, MAIL)
            await service.until(lambda: service.uids["INBOX"] == {1})
            polls = service.looks
            await eventually(lambda: idles.hits >= polls + 2)


class Lowest(Random):
    """Always the lower end."""

    def uniform(self, a: float, b: float) -> float:
        return a


async def test_polls_are_spread_over_a_part_of_their_interval(
    dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mailboxes that began together would otherwise all poll in the same seconds, for ever."""
    monkeypatch.setattr(watcher, "EARLY_RENEWAL", 10_000.0)
    waits: list[float] = []
    wait = ImapSession.wait

    async def listen(session: ImapSession, seconds: float) -> bool:
        waits.append(seconds)
        return await wait(session, seconds)

    monkeypatch.setattr(ImapSession, "wait", listen)
    account = replace(an_account(dovecot, user), poll=100.0)
    for count, random in enumerate((Lowest(), Highest()), 1):
        async with watching((account, Service()), random=random):
            await eventually(lambda: len(waits) == count)  # noqa: B023  # called at once
    assert [round(seconds) for seconds in waits] == [90, 100]


async def test_a_missing_folder_is_reported_and_the_others_are_watched(dovecot: Dovecot, user: str) -> None:
    service = Service(["Nulle part", "INBOX"])
    async with watching((replace(an_account(dovecot, user), poll=0.1), service)) as watchers:
        await ready(watchers)
        dovecot.deliver(user, MAIL)
        await service.until(lambda: service.uids["INBOX"] == {1})

    code, text = service.troubles[0]
    assert code == "folder-missing"
    assert "Nulle part" in text


# --- breaking ---------------------------------------------------------------------------------------------------------


async def test_a_server_that_crashes_and_returns_is_found_again() -> None:
    service, pauses = Service(), Pauses()
    with Dovecot(users=["marie@example.test"]) as dovecot:
        async with watching((an_account(dovecot, "marie@example.test"), service), pauses=pauses) as watchers:
            await ready(watchers)
            dovecot.kill()
            await service.until(lambda: len(service.troubles) > 2)
            dovecot.start()
            dovecot.deliver("marie@example.test", MAIL)
            await service.until(lambda: service.uids["INBOX"] == {1})

    assert {code for code, _ in service.troubles} == {"unavailable"}
    assert all(seconds <= 300 for seconds in pauses.seconds)


@pytest.mark.parametrize("is_reset", [False, True], ids=["cut", "reset"])
@pytest.mark.parametrize("security", ["tls", "none"])
async def test_an_ended_connection_is_noticed_at_once(
    dovecot: Dovecot, user: str, security: str, is_reset: bool
) -> None:
    service = Service()
    account = an_account(dovecot, user, security=security)
    with FaultProxy(account.port) as proxy:
        async with watching((replace(account, port=proxy.port), service)) as watchers:
            await ready(watchers)
            proxy.cut(reset=is_reset)
            await service.until(lambda: proxy.connections == 2)

        assert [code for code, _ in service.troubles] == ["unavailable"]


@pytest.mark.parametrize("security", ["tls", "none"])
async def test_a_connection_that_fell_silent_is_found_out_by_the_renewal(
    dovecot: Dovecot, user: str, security: str
) -> None:
    service = Service()
    account = replace(an_account(dovecot, user, security=security), idle_renew=0.1, timeout=0.5)
    with FaultProxy(account.port) as proxy:
        async with watching((replace(account, port=proxy.port), service)) as watchers:
            await ready(watchers)
            proxy.silence()
            dovecot.deliver(user, MAIL)
            await service.until(lambda: service.uids["INBOX"] == {1})

        assert [code for code, _ in service.troubles] == ["unavailable"]


class Highest(Random):
    """Always the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


@pytest.mark.parametrize(("good_after", "expected"), [(60.0, [1, 2, 4]), (-1.0, [1, 1, 1])])
async def test_pauses_grow_unless_the_connection_had_served_for_a_while(
    dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch, good_after: float, expected: list[float]
) -> None:
    monkeypatch.setattr(watcher, "GOOD_AFTER", good_after)
    service, pauses = Service(), Pauses()
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        account = replace(an_account(dovecot, user), port=proxy.port)
        async with watching((account, service), pauses=pauses, random=Highest()) as watchers:
            for _ in expected:
                await ready(watchers)
                looks = service.looks
                proxy.cut()
                await service.until(lambda looks=looks: service.looks > looks)

    assert pauses.seconds == expected


async def test_a_pause_that_the_server_asks_for_is_honoured() -> None:
    service, pauses = Service(), Pauses()
    async with (
        Dialogue.named("login-throttled") as server,
        watching((AnAccount(host="127.0.0.1", port=server.port), service), pauses=pauses),
    ):
        await service.until(lambda: len(service.troubles) > 1)

    assert 299.961 <= pauses.seconds[0] <= 301


async def test_a_refused_password_is_reported_and_rarely_tried_again(dovecot: Dovecot, user: str) -> None:
    service, pauses = Service(), Pauses()
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        account = replace(an_account(dovecot, user), port=proxy.port)
        async with watching((account, service), pauses=pauses, password="wrong"):
            await service.until(lambda: len(service.troubles) > 2)

        assert {code for code, _ in service.troubles} == {"login-refused"}
        assert pauses.seconds[:2] == [60, 900]
        assert proxy.connections == 1  # the pauses took no time here: within 30 s the refusal stands without asking


async def test_a_refused_password_is_tried_by_one_of_the_account_s_mailboxes_only(dovecot: Dovecot, user: str) -> None:
    services = [Service() for _ in range(4)]
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        account = replace(an_account(dovecot, user), port=proxy.port)
        async with watching(*((account, service) for service in services), password="wrong"):
            for service in services:
                await service.until(lambda service=service: len(service.troubles) > 0)

        assert proxy.connections == 1


async def test_an_untrusted_certificate_is_reported(dovecot: Dovecot, user: str) -> None:
    service, pauses = Service(), Pauses()
    account = replace(an_account(dovecot, user, security="tls"), ca_file=None)
    async with watching((account, service), pauses=pauses):
        await service.until(lambda: len(service.troubles) > 0)

    assert service.troubles[0][0] == "certificate-rejected"
    assert service.looks == 0


async def test_a_look_that_fails_unexpectedly_is_made_again_and_harms_no_other_mailbox(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    one, other = users(2)
    broken, healthy = Service(), Service()
    broken.failures = [ZeroDivisionError(), RuntimeError()]
    async with watching((an_account(dovecot, one), broken), (an_account(dovecot, other), healthy)) as watchers:
        await broken.until(lambda: broken.looks == 3)
        await ready(watchers)

    assert [code for code, _ in broken.troubles] == ["unexpected", "unexpected"]
    assert healthy.looks == 1
    assert healthy.troubles == []


async def test_while_the_database_is_away_the_connection_is_kept(dovecot: Dovecot, user: str) -> None:
    service = Service()
    service.failures = [StoreUnavailable("locked") for _ in range(3)]
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        async with watching((replace(an_account(dovecot, user), port=proxy.port), service)) as watchers:
            await ready(watchers)

        assert service.looks == 4
        assert service.troubles == []
        assert proxy.connections == 1


# --- use --------------------------------------------------------------------------------------------------------------


async def test_a_caller_gets_the_connection_between_two_idles(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, MAIL, flags=["\\Answered"])
    service = Service()
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        async with watching((replace(an_account(dovecot, user), port=proxy.port), service)) as watchers:
            await ready(watchers)

            async def find_flags(source: MessageSource) -> frozenset[str]:
                await source.examine("INBOX")
                return (await source.fetch_flags([1]))[1]

            flags = [await watchers.use("m0", find_flags, 2.0) for _ in range(3)]
            dovecot.deliver(user, MAIL)
            await service.until(lambda: service.uids["INBOX"] == {1, 2})

        assert all("\\Answered" in one for one in flags)
        assert proxy.connections == 1
        assert service.looks == 2


async def test_a_caller_of_a_polled_mailbox_causes_no_look() -> None:
    no_idle = "protocol imap {\n  imap_capability = IMAP4rev1 UIDPLUS\n}\n"
    service = Service()
    with Dovecot(users=["marie@example.test"], extra=no_idle) as dovecot:
        async with watching((an_account(dovecot, "marie@example.test"), service)) as watchers:
            await ready(watchers)
            for _ in range(3):
                await watchers.use("m0", lambda source: source.examine("INBOX"), 2.0)

        assert service.looks == 1


async def test_mail_that_arrives_while_a_caller_is_in_another_folder_is_noticed(dovecot: Dovecot, user: str) -> None:
    service = Service()
    async with watching((an_account(dovecot, user), service)) as watchers:
        await ready(watchers)

        async def elsewhere(source: MessageSource) -> None:
            await source.examine("Sent")
            dovecot.deliver(user, MAIL)

        await watchers.use("m0", elsewhere, 2.0)
        await service.until(lambda: service.uids["INBOX"] == {1})


async def test_a_caller_of_a_mailbox_that_cannot_be_reached_is_told_in_time() -> None:
    service = Service()
    async with watching((AnAccount(host="127.0.0.1", port=free_ports(1)[0]), service)) as watchers:
        with pytest.raises(MailboxUnavailable, match="m0"):
            await watchers.use("m0", lambda source: source.examine("INBOX"), 0.05)

        with pytest.raises(MailboxUnavailable, match="nobody"):
            await watchers.use("nobody", lambda source: source.examine("INBOX"), 0.05)


async def test_a_caller_that_runs_out_of_time_in_a_command_leaves_no_broken_connection(
    dovecot: Dovecot, user: str
) -> None:
    service = Service()
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        async with watching((replace(an_account(dovecot, user), port=proxy.port), service)) as watchers:
            await ready(watchers)
            proxy.rules.append(Rule("client", rb"EXAMINE", Action.SILENCE_AFTER))
            with pytest.raises(MailboxUnavailable):
                await watchers.use("m0", lambda source: source.examine("Sent"), 0.1)
            await service.until(lambda: service.looks == 2)
            await ready(watchers)

            assert (await watchers.use("m0", lambda source: source.examine("INBOX"), 2.0)).exists == 0


# --- ending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["tls", "none"])
@pytest.mark.parametrize("fault", ["none", "in a look", "in a login"])
async def test_cancelling_is_prompt(dovecot: Dovecot, user: str, security: str, fault: str) -> None:
    service = Service(["INBOX", "Sent"])
    account = an_account(dovecot, user, security=security)
    with FaultProxy(account.port) as proxy:
        proxy.is_mute = fault == "in a login"
        if fault == "in a look":
            service.within_look = lambda _: proxy.silence()
        async with watching((replace(account, port=proxy.port, timeout=30), service)) as watchers:
            if fault == "none":
                await ready(watchers)
            else:
                await eventually(lambda: proxy.connections > 0 and (fault == "in a login" or service.looks > 0))
            started = time.monotonic()

        assert time.monotonic() - started < 1


# --- many -------------------------------------------------------------------------------------------------------------


async def test_fifty_mailboxes_need_few_threads(dovecot: Dovecot, users: Callable[[int], list[str]]) -> None:
    names = users(50)
    services = [Service() for _ in names]
    before = threading.active_count()
    pairs = [
        (an_account(dovecot, name, security="tls"), service) for name, service in zip(names, services, strict=True)
    ]
    async with watching(*pairs) as watchers:
        await ready(watchers)
        dovecot.deliver_by_lmtp(names, MAIL)
        for service in services:
            await service.until(lambda service=service: service.uids["INBOX"] == {1})

        assert threading.active_count() - before <= 16


async def test_past_the_server_s_limit_mailboxes_visit_in_turn(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    names = users(6)
    services = [Service() for _ in names]
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        pairs = [
            (replace(an_account(dovecot, name), port=proxy.port, poll=0.2, max_connections=2), service)
            for name, service in zip(names, services, strict=True)
        ]
        async with watching(*pairs) as watchers:
            await ready(watchers)
            for name in names:
                dovecot.deliver(name, MAIL)
            for service in services:
                await service.until(lambda service=service: service.uids["INBOX"] == {1})

        assert proxy.most_open == 2
        assert sum(len(service.troubles) for service in services) == 0


async def test_a_caller_brings_a_visiting_mailbox_s_next_visit_forward(dovecot: Dovecot, user: str) -> None:
    services = [Service(), Service()]
    account = replace(an_account(dovecot, user), per_account=1)
    async with watching(*((account, service) for service in services)) as watchers:
        await ready(watchers)

        states = [await watchers.use(name, lambda source: source.examine("INBOX"), 2.0) for name in ("m0", "m1")]

    assert [state.exists for state in states] == [0, 0]


async def test_a_server_that_hangs_does_not_hold_up_another(
    dovecot: Dovecot, users: Callable[[int], list[str]]
) -> None:
    with FaultProxy(dovecot.ports["IMAP"]) as proxy:
        proxy.is_mute = True
        hanging = [
            (
                replace(an_account(dovecot, name), server="dead", port=proxy.port, logins_at_once=50, timeout=30),
                Service(),
            )
            for name in users(30)
        ]
        [name], service = users(1), Service()
        async with watching(*hanging, (an_account(dovecot, name), service)):
            await service.until(lambda: service.looks == 1)
