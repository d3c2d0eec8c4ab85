"""Who sends digests, notes and alerts, and how they go to the outbox: for no mailbox, caused by no message."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailwatch.domain.composition import Rendered, compose_report, own_message_id
from mailwatch.domain.outbox import EntryKind, NewEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSender:
    """In whose name reports are sent (`name`, `address`), and by which SMTP account; `key` is the installation's."""

    key: bytes = field(repr=False)
    name: str
    address: str
    account: str
    give_up_after: timedelta

    def message_id(self, kind: EntryKind, recipient: str, about: str) -> str:
        """Of the one report of a kind, about something, to somebody."""
        return own_message_id(self.key, recipient, about, kind, self.address.rpartition("@")[2])

    def entry(
        self, kind: EntryKind, unique_key: str, recipient: str, about: str, rendered: Rendered, now: datetime
    ) -> NewEntry:
        """The outbox entry of a report; rendered now, the same bytes at every attempt."""
        composed = compose_report(
            rendered,
            sender_name=self.name,
            sender=self.address,
            recipient=recipient,
            message_id=self.message_id(kind, recipient, about),
            now=now,
        )
        return NewEntry(
            unique_key=unique_key,
            kind=kind,
            mailbox="",
            account=self.account,
            caused_by="",
            message_id=composed.message_id,
            envelope=composed.envelope,
            subject_key="",
            body=composed.body,
            not_before=now,
            give_up_at=now + self.give_up_after,
        )
