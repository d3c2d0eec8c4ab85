"""Tell IT what is wrong with mailwatch itself: one e-mail when it begins, one when it is over.

tick: troubles now ↔ open incidents → rows opened and closed, and the e-mails about them, in one transaction.
Of two workers the one whose rows the database takes tells it. How long a trouble has stayed away each worker knows by
itself; a restart forgets it, and the end is told that much later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.incidents import (
    ALONG,
    AlertSettings,
    Incident,
    Trouble,
    TroubleKind,
    TroubleLimits,
    compare,
    end,
    list_missing_closures,
)
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.ports import Clock, Store, Transaction
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.log import Log
from mailwatch.services.progress import Progress

TEMPLATE_REST = timedelta(hours=24)  # a template that hasn't failed for so long is thought to be mended
OF_A_MAILBOX = frozenset({TroubleKind.MAILBOX_SILENT, TroubleKind.LOGIN_REFUSED})


@dataclass(frozen=True, slots=True)
class _Changes:
    """What one tick wrote."""

    began: tuple[Incident, ...]
    over: tuple[Incident, ...]
    enqueued: int


class Alerts:
    """Compares what is wrong with what was told. `calendar` is the organisation's own; `progress`: of the ticks."""

    def __init__(
        self,
        store: Store,
        writer: AlertWriter,
        calendar: ServiceCalendar,
        settings: AlertSettings,
        mailboxes: Sequence[Mailbox],
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._writer = writer
        self._calendar = calendar
        self._settings = settings
        self._calendars = [(mailbox.address, mailbox.standard.calendar) for mailbox in mailboxes]
        self._limits = TroubleLimits(after=settings.after, mailboxes=tuple(mailbox.address for mailbox in mailboxes))
        self._clock = clock
        self._log = log
        self._started_at = clock.now()
        self.progress = Progress()
        self._templates: dict[str, Trouble] = {}
        self._well_since: dict[int, datetime] = {}  # by incident: since when its trouble has been gone

    def note_template(self, text: str) -> None:
        """A template of the operator's failed, in the renderer's words: `NAME: what is wrong`. The next tick tells."""
        about = text.partition(":")[0]
        self._templates[about] = Trouble(kind=TroubleKind.TEMPLATE_FAILED, about=about, since=self._clock.now())

    async def tick(self) -> bool:
        """Open and close incidents, and enqueue what is said of them; whether anything was enqueued."""
        with self.progress.attempt():
            async with self._store.transaction() as tx:
                changes = await self._settle(tx)
        for incident in changes.began:
            self._log.warning("incident.opened", **self._facts(incident))
        for incident in changes.over:
            self._log.info("incident.closed", **self._facts(incident))
        return changes.enqueued > 0

    def _facts(self, incident: Incident) -> dict[str, object]:
        """What the log says of an incident. A watched address goes by its own key: others are masked."""
        trouble = incident.trouble
        key = "mailbox" if trouble.about in self._limits.mailboxes else "about"
        return {"incident": incident.id, "kind": str(trouble.kind), key: trouble.about, "since": str(trouble.since)}

    async def _settle(self, tx: Transaction) -> _Changes:
        known = await tx.list_open_incidents()  # before the troubles: what another worker opens meanwhile isn't over
        new, gone = compare(await self._list_troubles(tx, known, self._limits), known)
        beginning = [trouble for trouble in new if self._may_begin(trouble, tx.now)]
        if any(trouble.kind in OF_A_MAILBOX for trouble in beginning):
            sooner = replace(self._limits, after=self._limits.after * ALONG)
            beginning, _ = compare(await self._list_troubles(tx, known, sooner), known)
        began = [await tx.open_incident(trouble) for trouble in beginning]
        self._well_since = {incident.id: self._well_since.get(incident.id, tx.now) for incident in gone}
        ended = end(gone, self._well_since, self._settings.after, tx.now)
        over = [incident for incident in ended if await tx.close_incident(incident.id)]
        told = tuple(incident for incident in began if incident is not None)
        return _Changes(told, tuple(over), await self._tell(tx, told, tuple(over)))

    async def _list_troubles(
        self, tx: Transaction, known: Sequence[Incident], limits: TroubleLimits
    ) -> Sequence[Trouble]:
        return [
            *await tx.list_troubles(limits),
            *list_missing_closures(self._calendar, self._calendars, tx.now),
            *self._failing_templates(known, tx.now),
        ]

    def _may_begin(self, trouble: Trouble, now: datetime) -> bool:
        """After a stop no mailbox was looked at for a while: each has its time before it is called silent."""
        return trouble.kind not in OF_A_MAILBOX or now >= self._started_at + self._settings.after

    def _failing_templates(self, known: Sequence[Incident], now: datetime) -> list[Trouble]:
        """Each worker knows its own failures alone: an incident lasts until none was told of for a while."""
        fresh = {about: each for about, each in self._templates.items() if now < each.since + TEMPLATE_REST}
        self._templates = fresh
        lasting = [
            incident.trouble
            for incident in known
            if incident.trouble.kind is TroubleKind.TEMPLATE_FAILED
            and incident.trouble.about not in fresh
            and now < incident.opened_at + TEMPLATE_REST
        ]
        return [*fresh.values(), *lasting]

    async def _tell(self, tx: Transaction, began: tuple[Incident, ...], over: tuple[Incident, ...]) -> int:
        """One e-mail to each address, about everything together; how many."""
        about = f"{began[0].id}:began" if began else f"{over[0].id}:over" if over else ""
        return sum([await tx.enqueue(entry) for entry in self._writer.write(about, began, over, tx.now)])
