"""One process of `mailwatch run`: it keeps an App going, takes a new configuration on SIGHUP, and ends on SIGTERM.

A new configuration is a new App: the old one's parts are stopped in order, as at the end, then the new one's started.
So nothing is ever half changed, and nothing is lost: what either of them does stands in the database. A configuration
that is wrong is refused as a whole, and the old one goes on.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import datetime

from mailwatch.app import App, name_worker
from mailwatch.config import Config
from mailwatch.credentials import resolve_credentials
from mailwatch.errors import ConfigurationError, MailwatchError, StoreUnavailable
from mailwatch.logs import configure_logs, get_logger
from mailwatch.ports import Clock
from mailwatch.process import allow_connections, end_within, only_process, share_heaps, spare_the_collector
from mailwatch.store.gauges import Gauges, read_gauges
from mailwatch.store.revisions import await_revision, check_revision_of
from mailwatch.supervisor import Supervisor
from mailwatch.web import Process, health_app, serving

log = get_logger(__name__)

LAST_MOMENT = 9.5  # seconds after the signal to end: a service manager grants ten
SILENT_AFTER = 60.0  # seconds: six heartbeats that the database didn't take

OTHER_DATABASE = "[database] url has changed: a running mailwatch doesn't change its database; restart it"


class Service:
    """`await Service(load, clock=…).run(config)`; `load` reads the configuration again, or raises ConfigurationError.

    app     what serves now; None while one is started or stopped
    facts   what heartbeats say of the configuration: for `mailwatch reload`, which waits for it
    """

    def __init__(self, load: Callable[[], Config], *, clock: Clock, environ: Mapping[str, str] | None = None) -> None:
        self._load = load
        self._clock = clock
        self._environ = os.environ if environ is None else environ
        self._supervisor = Supervisor(self._environ)
        self._told = asyncio.Event()  # a signal came
        self._ends = False
        self._worker = ""
        self._configured_at: datetime | None = None
        self._is_refused = False
        self.app: App | None = None
        self.facts: dict[str, object] = {"configured_at": None, "refused_at": None, "refused": []}

    async def run(self, config: Config) -> None:
        """Serve until SIGTERM or SIGINT."""
        self._heed_signals()
        share_heaps()
        allow_connections()
        spare_the_collector()
        with ExitStack() as held:
            if config.database.is_sqlite:  # for as long as the process lasts, whatever is loaded
                held.enter_context(only_process(config.database.sqlite_path))
            self._worker = name_worker(config.database.is_sqlite)
            async with self._feeding():
                await self._serve(config)
        log.info("service.stopped")

    def hindrances(self) -> list[str]:
        """Why there is no progress; nothing where all is well. The watchdog isn't fed while there is a reason."""
        if self.app is None:
            return ["it is starting, or taking a new configuration"]
        silent = self.app.silent_for()
        reasons = [f"the database has taken no heartbeat for {silent:.0f} s"] if silent > SILENT_AFTER else []
        return [*reasons, *self.hanging()]

    def hanging(self) -> list[str]:
        """See `web.Subject`."""
        return [f"a tick hangs: {name}" for name in self.app.hanging()] if self.app else []

    def process(self) -> Process:
        """See `web.Subject`."""
        return Process(
            configured_at=self._configured_at,
            is_refused=self._is_refused,
            silent_for=self.app.silent_for() if self.app else 0.0,
        )

    async def read(self) -> Gauges:
        """See `web.Subject`."""
        app = self._serving_app()
        return await read_gauges(app.store, self._clock.now(), {each.address for each in app.mailboxes})

    async def check_schema(self) -> None:
        """See `web.Subject`."""
        await check_revision_of(self._serving_app().store.database)

    def _serving_app(self) -> App:
        if self.app is None:
            raise StoreUnavailable("mailwatch is starting, or taking a new configuration")
        return self.app

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._told.set)

    def _end(self) -> None:
        self._ends = True
        self._told.set()
        end_within(LAST_MOMENT, _cut_short)

    async def _serve(self, config: Config) -> None:
        """One App after the other. One that can't be started gives way to the one before it."""
        earlier: Config | None = None
        anew = False
        if not await self._await_revision(config):
            return
        while True:
            async with AsyncExitStack() as stack:
                try:
                    if config.metrics_at:
                        await stack.enter_async_context(serving(health_app(self), config.metrics_at))
                    app = await stack.enter_async_context(self._app(config).running())
                except (MailwatchError, OSError) as error:
                    if earlier is None:
                        raise
                    self._refuse([str(error)])
                    config, earlier = earlier, None
                    continue
                stack.callback(self._let_go)
                self._announce(app, anew=anew)
                wanted = await self._until_told(app)
            if wanted is None:
                return
            config, earlier, anew, self._is_refused = wanted, config, True, False

    async def _await_revision(self, config: Config) -> bool:
        """Wait until somebody has upgraded the database; False if told to end meanwhile. Raises SchemaMismatch."""
        url = config.database.resolve_url(self._environ)
        while not await await_revision(url, self._told, lambda text: log.warning("schema.awaited", text=text)):
            self._told.clear()
            if self._ends:
                return False
        return True

    def _app(self, config: Config) -> App:
        self._configured_at = self._clock.now()
        self.facts["configured_at"] = self._configured_at.isoformat()
        return App(config, clock=self._clock, environ=self._environ, worker=self._worker, facts=self.facts)

    def _announce(self, app: App, *, anew: bool) -> None:
        self.app = app
        event = "configuration.reloaded" if anew else "service.started"
        log.info(event, mailboxes=len(app.mailboxes), worker=self._worker)
        self._supervisor.ready(_watching(app))

    def _let_go(self) -> None:
        self.app = None

    async def _until_told(self, app: App) -> Config | None:
        """The configuration to serve from now on; None to end."""
        while True:
            await self._told.wait()
            self._told.clear()
            if self._ends:
                self._supervisor.stopping()
                log.info("service.stopping")
                return None
            self._supervisor.reloading()
            try:
                return await asyncio.to_thread(self._reconsider, app.config)
            except (MailwatchError, OSError, ValueError) as error:
                self._refuse(error.problems if isinstance(error, ConfigurationError) else [str(error)])
                await app.beat()
                self._supervisor.ready(f"{_watching(app)}; the new configuration is refused, see the log")

    def _reconsider(self, current: Config) -> Config:
        """The configuration as it stands now. Raises ConfigurationError with every problem, secrets' included."""
        wanted = self._load()
        if wanted.database.url != current.database.url:
            raise ConfigurationError([OTHER_DATABASE])
        resolve_credentials(wanted, self._environ)
        wanted.absence_calendars(self._environ)
        configure_logs(wanted.log.format, wanted.log.level)
        for warning in wanted.warnings:
            log.warning("configuration.warning", text=warning)
        return wanted

    def _refuse(self, problems: Sequence[str]) -> None:
        log.error("configuration.refused", problems=list(problems))
        self._is_refused = True
        self.facts |= {"refused_at": self._clock.now().isoformat(), "refused": list(problems)}

    @asynccontextmanager
    async def _feeding(self) -> AsyncIterator[None]:
        """The watchdog hears from us while there is progress."""
        feeding = asyncio.create_task(self._feed())
        try:
            yield
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])

    async def _feed(self) -> None:
        while self._supervisor.feed_every is not None:
            await asyncio.sleep(self._supervisor.feed_every)
            if not (reasons := self.hindrances()):
                self._supervisor.feed()
            elif self.app is not None:
                log.warning("watchdog.unfed", reasons=reasons)


def _watching(app: App) -> str:
    count = len(app.mailboxes)
    return f"Watching {count} mailbox{'' if count == 1 else 'es'}"


def _cut_short() -> None:
    """Something doesn't come to its end: a database that is locked, a name that DNS doesn't resolve."""
    log.warning("service.cut_short", after_s=LAST_MOMENT)
