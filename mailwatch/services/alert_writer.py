"""The e-mails by which IT is told: written once, the same bytes at every attempt, whichever way they go."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from mailwatch.domain.incidents import Alert, AlertSettings, Incident
from mailwatch.domain.mailboxes import Organisation
from mailwatch.domain.outbox import EntryKind, NewEntry
from mailwatch.ports import Renderer
from mailwatch.services.report_sender import ReportSender

GIVE_UP_AFTER = timedelta(hours=24)
SENDER_NAME = "mailwatch"


class AlertWriter:
    """Writes alerts in the language of each recipient; `key` is the installation's."""

    def __init__(
        self, renderer: Renderer, organisation: Organisation, timezone: tzinfo, settings: AlertSettings, key: bytes
    ) -> None:
        self._renderer = renderer
        self._organisation = organisation
        self._timezone = timezone
        self._recipients = settings.to
        self._sender = ReportSender(
            key=key,
            name=SENDER_NAME,
            address=settings.sender,
            account=settings.account,
            give_up_after=GIVE_UP_AFTER,
        )

    def write(self, about: str, began: Sequence[Incident], over: Sequence[Incident], now: datetime) -> list[NewEntry]:
        """One to each recipient, about everything together; none where there is nothing to tell.

        about   what the key in the outbox and the Message-ID follow from, with the recipient
        """
        if not began and not over:
            return []
        alert = Alert(
            organisation=self._organisation.name,
            began=tuple(began),
            over=tuple(over),
            at=now.astimezone(self._timezone),
        )
        return [self._entry(alert, about, recipient, now) for recipient in self._recipients]

    def _entry(self, alert: Alert, about: str, recipient: str, now: datetime) -> NewEntry:
        person = self._organisation.people.get(recipient)
        rendered = self._renderer.render_alert(alert, person.language if person else self._organisation.languages[0])
        return self._sender.entry(EntryKind.ALERT, f"alert:{about}:{recipient}", recipient, about, rendered, now)
