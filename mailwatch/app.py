"""The composition root: builds the parts from the configuration, introduces them, starts and stops them in order.

store → mailers → judge → receive, observe ← watchers      dispatch ← enqueued
ticker → beat, escalate and tell, alert, take over, reconcile      hold → which mailboxes are watched here (PostgreSQL)
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from mailwatch.clock import elapsed
from mailwatch.config import Config
from mailwatch.credentials import resolve_credentials
from mailwatch.domain.calendars import local_date
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outings import Subscription
from mailwatch.domain.shares import bundle
from mailwatch.errors import CursorMoved, MailwatchError
from mailwatch.ics import IcsReader
from mailwatch.imap.watcher import Watched
from mailwatch.imap.watchers import Watchers
from mailwatch.logs import get_logger
from mailwatch.ports import Clock, Mailer, MessageSource
from mailwatch.process import only_process, unwrapped
from mailwatch.rendering import TemplateRenderer
from mailwatch.reporters import make_alert_writer, make_alerts, make_cover, make_escalate
from mailwatch.resources import templates_folder
from mailwatch.scheduling import Tick, Ticker
from mailwatch.services.alert_directly import DirectAlerts
from mailwatch.services.dispatch import Dispatch, DispatchSettings
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.hold import Alone, Hold
from mailwatch.services.judge import Judge
from mailwatch.services.keep_absences import CONFIGURATION, configured, keep_source
from mailwatch.services.look import Look
from mailwatch.services.observe import Observe, ObserveSettings
from mailwatch.services.receive import Receive, ReceiveSettings
from mailwatch.services.subscribe import Subscribe, note_revision
from mailwatch.services.take_over import TakeOver
from mailwatch.store.store import SqlStore, open_store

log = get_logger(__name__)

TICK_EVERY = timedelta(minutes=1)
RECONCILE_EVERY = timedelta(hours=24)
CATCHING_UP = 30.0  # seconds to wait for a mailbox
ENDING = 8.0  # seconds that submissions in hand have to end in, of the ten a service manager grants
EMBEDDED = "embedded"  # the one worker of a SQLite database: what it had claimed before a crash is its own


def name_worker(is_sqlite: bool) -> str:
    """What this process is called in the database."""
    return EMBEDDED if is_sqlite else f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class App:
    """One running mailwatch: `async with App(config, clock=…).running() as app`."""

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
        worker: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """`worker`: the name of an App that this one follows in the same process; `facts`: what beats say beside ours.

        Whoever names the worker holds the lock beside a SQLite database, too.
        """
        self.config = config
        self.clock = clock
        self._environ = os.environ if environ is None else environ
        self.mailboxes: tuple[Mailbox, ...] = config.mailboxes()
        self._requested = config.watched_mailboxes()  # those that requesters write to
        self.store: SqlStore
        self.watchers: Watchers
        self.receive: Receive
        self.dispatch: Dispatch
        self.worker = worker
        self._facts = facts or {}
        self._ticker: Ticker
        self.hold: Hold | Alone

    @asynccontextmanager
    async def running(self) -> AsyncIterator["App"]:
        """Everything built and started; on leaving stopped in the opposite order."""
        passwords, mailers = resolve_credentials(self.config, self._environ)
        subscriptions = self.config.absence_calendars(self._environ)
        async with AsyncExitStack() as stack:
            await self._open_store(stack)
            await self._keep_configured_absences()
            for mailer in mailers.values():
                stack.push_async_callback(mailer.close)
            self._introduce(passwords, mailers, subscriptions)
            await self.dispatch.release()
            await self.hold.begin()
            await stack.enter_async_context(self._tasks())
            yield self

    async def look(self) -> None:
        """Look now, once, at every mailbox held here."""
        for mailbox in self.mailboxes:
            if self.watchers.holds(mailbox.address):
                await self._look_now(mailbox)
        await self._good_looks.write()

    async def catch_up(self) -> None:
        """Do now, once, whatever the clock calls for: look at every mailbox held, tick, send what is due.

        For whoever moves the clock. The running service does it by itself, each part in its own time.
        """
        await self._subscribe.tick()
        await self.look()
        for tick in (self._take_over.tick, self._cover.tick, self._escalate.tick, self._alerts.tick):
            await tick()
        self.dispatch.wake()
        await self.dispatch.until_idle()

    def silent_for(self) -> float:
        """Seconds since the database took a heartbeat."""
        return self.hold.beats.silent_for

    def hanging(self) -> list[str]:
        """Ticks that should have ended long ago."""
        return self._ticker.hanging()

    async def _open_store(self, stack: AsyncExitStack) -> None:
        url = self.config.database.resolve_url(self._environ)
        is_sqlite = url.startswith("sqlite")
        if not self.worker:
            self.worker = name_worker(is_sqlite)
            if is_sqlite:
                stack.enter_context(only_process(Path(url.partition(":///")[2])))
        self.store = open_store(url, self.clock, self.worker)
        stack.push_async_callback(self.store.close)
        await self.store.open(upgrade=is_sqlite)

    async def _keep_configured_absences(self) -> None:
        """The database knows every absence, whatever its source; the configuration's are as it says now."""
        today = local_date(self.config.calendar(), self.clock.now())
        kept = configured(self.config.organisation().absences)
        async with self.store.transaction() as tx:
            revision = await keep_source(tx, CONFIGURATION, kept, today)
        note_revision(log, CONFIGURATION, revision)

    def _introduce(
        self, passwords: Mapping[str, str], mailers: Mapping[str, Mailer], subscriptions: Sequence[Subscription]
    ) -> None:
        config = self.config
        renderer = TemplateRenderer(config.templates_folder, templates_folder(), self._template_failed)
        judge = Judge(renderer, self.store.key, config.sending.give_up_after)
        self._introduce_readers(judge)
        self.watchers = Watchers([self._watched(m, passwords[m.address]) for m in self.mailboxes], clock=self.clock)
        self.hold = self._holding()
        self.dispatch = Dispatch(
            self.store,
            mailers,
            self._requested,
            self.watchers,
            self.clock,
            DispatchSettings(connections=config.sending.connections, longest_submission=self._longest_submission()),
            self.worker,
            log.bind(),  # bound once: it writes a line for each message
            self.hold,
        )
        self._take_over = TakeOver(self.store, judge, self._requested, self.watchers, self.clock, log)
        zone = config.calendar().timezone
        self._subscribe = Subscribe(self.store, IcsReader(), subscriptions, zone, self.clock, log)
        self._cover = make_cover(config, self.store, renderer, self.clock, log)
        self._escalate = make_escalate(config, self.store, renderer, self.clock, log)
        writer = make_alert_writer(config, self.store, renderer)
        self._alerts = make_alerts(config, self.store, writer, self.clock, log)
        going_on = (self.hold.beats, self._alerts.progress, self.receive.progress)
        self._direct_alerts = DirectAlerts(
            writer, mailers, config.alerts, going_on, self.dispatch.is_paused, socket.gethostname(), self.clock, log
        )

    def _holding(self) -> Hold | Alone:
        """What shares the mailboxes out among workers, where there may be others."""
        if self.config.database.is_sqlite:
            return Alone(self.store, self.worker, self._say, log)
        self.watchers.hold(())
        accounts = ((m.address, self.config.imap_account(m.address)) for m in self.mailboxes)
        bundles = bundle((address, (account.server, account.username)) for address, account in accounts)
        return Hold(self.store, bundles, self.worker, self._say, self._watch, elapsed, log)

    def _watch(self, held: frozenset[str]) -> None:
        """Watch exactly these. Another worker was at those that are new here: what is remembered of them is old."""
        for mailbox in self.mailboxes:
            if mailbox.address in held and not self.watchers.holds(mailbox.address):
                self.receive.forget(mailbox)
        self.watchers.hold(held)

    def _introduce_readers(self, judge: Judge) -> None:
        """Who looks at mailboxes."""
        receiving, sending = self.config.receiving, self.config.sending
        self._good_looks = GoodLooks(self.store, self.clock, log, self.config.alerts.after)
        self.receive = Receive(
            self.store,
            judge,
            self.clock,
            ReceiveSettings(
                batch=receiving.batch,
                resync_days=receiving.resync_days,
                attempts=receiving.attempts,
                breaker_count=sending.breaker_count,
                breaker_per=sending.breaker_per,
            ),
            self._good_looks,
            log,
            self.mailboxes,
        )
        observing = ObserveSettings(
            batch=receiving.batch, resync_days=receiving.resync_days, attempts=receiving.attempts
        )
        observe = Observe(self.store, self.mailboxes, self.clock, observing, self._good_looks, log)
        self._look = Look(self.receive, observe, self._good_looks, log)

    def _longest_submission(self) -> timedelta:
        """See `SmtpMailer`: at most four times the time-out."""
        return timedelta(seconds=4 * max((a.timeout for a in self.config.smtp_accounts().values()), default=30.0))

    def _watched(self, mailbox: Mailbox, password: str) -> Watched:
        async def look(source: MessageSource) -> None:
            await self._look.look(mailbox, source)

        async def on_trouble(code: str, text: str) -> None:
            self.receive.forget(mailbox)
            await self._good_looks.forget(mailbox.address)
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

    async def _look_now(self, mailbox: Mailbox) -> None:
        """A look, begun anew as often as another worker is at the same messages."""
        while True:
            with suppress(CursorMoved):
                await self.watchers.use(mailbox.address, partial(self._look.look, mailbox), CATCHING_UP)
                return

    def _template_failed(self, text: str) -> None:
        log.warning("template.failed", text=text)
        self._alerts.note_template(text)

    @asynccontextmanager
    async def _tasks(self) -> AsyncIterator[None]:
        """The long-running tasks. One that ends by an exception ends the service: it must not run on half-blind."""
        ticker = self._ticker = Ticker(
            [
                Tick(name="take over", every=TICK_EVERY, act=partial(self._wake_after, self._take_over.tick)),
                Tick(name="subscribe", every=TICK_EVERY, act=self._subscribe.tick),
                Tick(name="cover", every=TICK_EVERY, act=partial(self._wake_after, self._cover.tick)),
                Tick(name="escalate", every=TICK_EVERY, act=partial(self._wake_after, self._escalate.tick)),
                Tick(name="alert", every=TICK_EVERY, act=partial(self._wake_after, self._alerts.tick)),
                Tick(name="alert directly", every=TICK_EVERY, act=self._direct_alerts.tick),
                Tick(name="reconcile", every=RECONCILE_EVERY, act=self._reconcile),
            ],
            self.clock,
        )
        async with unwrapped(), asyncio.TaskGroup() as tasks:
            going_on = [self.dispatch.run(), self.hold.run(), self._good_looks.run()]
            going_on += [self._wake_forever(event) for event in (self.receive.enqueued, self.hold.changed)]
            sending = [tasks.create_task(each) for each in going_on]
            watching = tasks.create_task(self.watchers.run())
            ticker.start()
            try:
                yield
            finally:
                ticker.close()
                watching.cancel()
                await asyncio.wait([watching])
                await self.hold.release()
                await self.dispatch.finish(ENDING)
                for task in sending:
                    task.cancel()
                await asyncio.wait(sending)
                await self._let_go()

    async def _let_go(self) -> None:
        """Give back what is claimed. Without the database, the next start does it, or half a minute of silence."""
        try:
            await self.dispatch.release()
            await self.hold.leave()
            await self._good_looks.write()
        except MailwatchError as error:
            log.warning("outbox.unavailable", error=str(error))

    async def _wake_forever(self, event: asyncio.Event) -> None:
        while True:
            await event.wait()
            event.clear()
            self.dispatch.wake()

    async def _wake_after(self, tick: Callable[[], Awaitable[object]]) -> None:
        """A tick that says whether it enqueued anything."""
        if await tick():
            self.dispatch.wake()

    async def _reconcile(self) -> None:
        for mailbox in self.mailboxes:
            self.receive.forget(mailbox)

    async def beat(self) -> None:
        """This worker is alive, says it now, with the facts as they are."""
        await self.hold.beat()

    def _say(self) -> dict[str, object]:
        return {"host": socket.gethostname(), "pid": os.getpid(), "mailboxes": len(self.mailboxes), **self._facts}
