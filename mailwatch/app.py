"""The composition root: builds the parts from the configuration, introduces them, starts and stops them in order.

store → mailers → judge → receive ← watchers      dispatch ← enqueued      ticker → beat, take over, reconcile
"""

import asyncio
import fcntl
import gc
import os
import resource
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

from mailwatch.config import Config
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import ConfigurationError, MailwatchError
from mailwatch.imap.watcher import Watched, Watchers
from mailwatch.logs import get_logger
from mailwatch.ports import Clock, Mailer, MessageSource
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.scheduling import Tick, Ticker
from mailwatch.services.dispatch import Dispatch, DispatchSettings
from mailwatch.services.judge import Judge
from mailwatch.services.receive import Receive, ReceiveSettings
from mailwatch.services.take_over import TakeOver
from mailwatch.smtp import SmtpMailer
from mailwatch.store.store import SqlStore, open_store

log = get_logger(__name__)

BEAT = timedelta(seconds=10)
TAKE_OVER_EVERY = timedelta(minutes=1)
RECONCILE_EVERY = timedelta(hours=24)
ENDING = 8.0  # seconds that submissions in hand have to end in, of the ten a service manager grants
EMBEDDED = "embedded"  # the one worker of a SQLite database: what it had claimed before a crash is its own


class App:
    """One running mailwatch: `async with App(config, clock=…).running() as app`."""

    def __init__(self, config: Config, *, clock: Clock, environ: Mapping[str, str] | None = None) -> None:
        self.config = config
        self.clock = clock
        self._environ = os.environ if environ is None else environ
        self.mailboxes: tuple[Mailbox, ...] = config.mailboxes()
        self.store: SqlStore
        self.watchers: Watchers
        self.receive: Receive
        self.dispatch: Dispatch
        self.worker = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set."""
        _allow_connections()
        _spare_the_collector()
        async with self.running():
            log.info("service.started", mailboxes=len(self.mailboxes), worker=self.worker)
            await stop.wait()
            log.info("service.stopping")
        log.info("service.stopped")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["App"]:
        """Everything built and started; on leaving stopped in the opposite order."""
        passwords, mailers = self._secrets()
        async with AsyncExitStack() as stack:
            await self._open_store(stack)
            for mailer in mailers.values():
                stack.push_async_callback(mailer.close)
            self._introduce(passwords, mailers)
            await self.dispatch.release()
            await self._beat()
            await stack.enter_async_context(self._tasks())
            yield self

    def _secrets(self) -> tuple[dict[str, str], dict[str, Mailer]]:
        """Every secret the configuration names, resolved; all problems at once."""
        problems: list[str] = []
        passwords: dict[str, str] = {}
        for mailbox in self.mailboxes:
            try:
                account = self.config.imap_account(mailbox.address)
                passwords[mailbox.address] = account.password.resolve(self.config.base, self._environ).reveal()
            except ConfigurationError as error:
                problems += error.problems
        mailers: dict[str, Mailer] = {}
        for name in {mailbox.smtp for mailbox in self.mailboxes}:
            try:
                mailers[name] = self._mailer(name)
            except ConfigurationError as error:
                problems += error.problems
        if problems:
            raise ConfigurationError(problems)
        return passwords, mailers

    def _mailer(self, name: str) -> SmtpMailer:
        account = self.config.smtp_accounts()[name]
        password = account.password.resolve(self.config.base, self._environ).reveal() if account.password else None
        first = next(mailbox.address for mailbox in self.mailboxes if mailbox.smtp == name)
        return SmtpMailer(account, password=password, connections=self.config.sending.connections, probe_from=first)

    async def _open_store(self, stack: AsyncExitStack) -> None:
        url = self.config.database.resolve_url(self._environ)
        is_sqlite = url.startswith("sqlite")
        if is_sqlite:
            stack.enter_context(_only_process(Path(url.partition(":///")[2])))
        self.worker = EMBEDDED if is_sqlite else f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self.store = open_store(url, self.clock)
        stack.push_async_callback(self.store.close)
        await self.store.open(upgrade=is_sqlite)

    def _introduce(self, passwords: Mapping[str, str], mailers: Mapping[str, Mailer]) -> None:
        config = self.config
        renderer = TemplateRenderer(config.templates_folder, templates_folder(), self._template_failed)
        judge = Judge(renderer, self.store.key, config.sending.give_up_after)
        self.receive = Receive(
            self.store,
            judge,
            self.clock,
            ReceiveSettings(
                batch=config.receiving.batch,
                resync_days=config.receiving.resync_days,
                attempts=config.receiving.attempts,
                breaker_count=config.sending.breaker_count,
                breaker_per=config.sending.breaker_per,
            ),
            log,
        )
        self.watchers = Watchers([self._watched(m, passwords[m.address]) for m in self.mailboxes], clock=self.clock)
        self.dispatch = Dispatch(
            self.store,
            mailers,
            self.mailboxes,
            self.watchers,
            self.clock,
            DispatchSettings(connections=config.sending.connections, longest_submission=self._longest_submission()),
            self.worker,
            log.bind(),  # bound once: it writes a line for each message
        )
        self._take_over = TakeOver(self.store, judge, self.mailboxes, self.watchers, self.clock, log)

    def _longest_submission(self) -> timedelta:
        """See `SmtpMailer`: at most four times the time-out."""
        return timedelta(seconds=4 * max((a.timeout for a in self.config.smtp_accounts().values()), default=30.0))

    def _watched(self, mailbox: Mailbox, password: str) -> Watched:
        async def look(source: MessageSource) -> None:
            await self.receive.look(mailbox, source)

        async def on_trouble(code: str, text: str) -> None:
            self.receive.forget(mailbox)
            async with self.store.transaction() as tx:
                await tx.note_trouble(mailbox.address, code, text)
            log.warning("mailbox.trouble", mailbox=mailbox.address, code=code, text=text)

        account = self.config.imap_account(mailbox.address)
        return Watched(
            mailbox=mailbox.address,
            folders=mailbox.folders,
            account=account,
            password=password,
            look=look,
            on_trouble=on_trouble,
        )

    def _template_failed(self, text: str) -> None:
        log.warning("template.failed", text=text)

    @asynccontextmanager
    async def _tasks(self) -> AsyncIterator[None]:
        """The long-running tasks. One that ends by an exception ends the service: it must not run on half-blind."""
        ticker = Ticker(
            [
                Tick(name="beat", every=BEAT, act=self._beat),
                Tick(name="take over", every=TAKE_OVER_EVERY, act=self._take_over_tick),
                Tick(name="reconcile", every=RECONCILE_EVERY, act=self._reconcile),
            ]
        )
        async with _unwrapped(), asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(self.dispatch.run()), tasks.create_task(self._wake_forever())]
            watching = tasks.create_task(self.watchers.run())
            ticker.start()
            try:
                yield
            finally:
                ticker.close()
                watching.cancel()
                await asyncio.wait([watching])
                await self.dispatch.finish(ENDING)
                for task in sending:
                    task.cancel()
                await asyncio.wait(sending)
                await self.dispatch.release()

    async def _wake_forever(self) -> None:
        while True:
            await self.receive.enqueued.wait()
            self.receive.enqueued.clear()
            self.dispatch.wake()

    async def _take_over_tick(self) -> None:
        if await self._take_over.tick():
            self.dispatch.wake()

    async def _reconcile(self) -> None:
        for mailbox in self.mailboxes:
            self.receive.forget(mailbox)

    async def _beat(self) -> None:
        try:
            async with self.store.transaction() as tx:
                await tx.beat(self.worker, {"pid": os.getpid(), "mailboxes": len(self.mailboxes)})
        except MailwatchError as error:
            log.warning("beat.missed", error=str(error))


@asynccontextmanager
async def _unwrapped() -> AsyncIterator[None]:
    """A single exception as it is, not as a group of one: whoever runs us expects errors by their names."""
    try:
        yield
    except BaseExceptionGroup as group:
        fault: BaseException = group
        while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
            fault = fault.exceptions[0]
        raise fault from None


def _spare_the_collector() -> None:
    """What start-up made stays for good, and mail makes few cycles: the collector needn't look at either so often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _allow_connections() -> None:
    """As many open files as the system lets us: each watched mailbox needs one, and the usual 1,024 are soon gone."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _only_process(path: Path) -> Iterator[None]:
    """A lock beside a SQLite database: one process per file. The kernel drops it with the process.

    Not on the database file itself: closing any descriptor of it would drop SQLite's own POSIX locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = (
                f"{path}: another `mailwatch run` uses this database. SQLite serves one process; "
                "for several workers use PostgreSQL."
            )
            raise ConfigurationError([problem]) from None
        yield
    finally:
        os.close(descriptor)
