"""Who tells people: delegates what came in, everybody what is late, IT what is wrong; made of a configuration.

For the service, and for previews, which can't differ from what is sent.
"""

from mailwatch.config import Config
from mailwatch.ports import Clock, Renderer
from mailwatch.services.alert import Alerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.cover import Cover, CoverSettings
from mailwatch.services.escalate import Escalate, EscalateSettings
from mailwatch.services.log import Log
from mailwatch.store.store import SqlStore


def make_escalate(config: Config, store: SqlStore, renderer: Renderer, clock: Clock, log: Log) -> Escalate:
    """What reports what is late."""
    digests = config.digests
    settings = EscalateSettings(
        at=digests.at,
        details=digests.details,
        sender=digests.sender,
        account=digests.account,
        message_link=digests.message_link,
        tells_cover=not config.notes_to_delegates,
    )
    return Escalate(
        store,
        renderer,
        config.organisation(),
        config.calendar(),
        config.watched_mailboxes(),
        config.levels(),
        settings,
        clock,
        log,
        store.key,
    )


def make_cover(config: Config, store: SqlStore, renderer: Renderer, clock: Clock, log: Log) -> Cover:
    """What covers for people who are away."""
    digests = config.digests
    settings = CoverSettings(
        notes=config.notes_to_delegates,
        sender=digests.sender,
        account=digests.account,
        message_link=digests.message_link,
    )
    return Cover(store, renderer, config.organisation(), config.watched_mailboxes(), settings, clock, log, store.key)


def make_alerts(config: Config, store: SqlStore, writer: AlertWriter, clock: Clock, log: Log) -> Alerts:
    """What tells IT."""
    return Alerts(store, writer, config.calendar(), config.alerts, config.mailboxes(), clock, log)


def make_alert_writer(config: Config, store: SqlStore, renderer: Renderer) -> AlertWriter:
    """What writes alerts."""
    zone = config.calendar().timezone
    return AlertWriter(renderer, config.organisation(), zone, config.alerts, store.key)
