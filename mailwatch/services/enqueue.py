"""What a requester is to be sent, as outbox entries: rendered and composed now, the same bytes at every attempt."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from mailwatch.domain.classification import may_echo_subject
from mailwatch.domain.composition import (
    AcknowledgementFacts,
    AwayFacts,
    NoticeFacts,
    Rendered,
    compose_acknowledgement,
    own_message_id,
)
from mailwatch.domain.covers import Away
from mailwatch.domain.decisions import Decision
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message, subject_key
from mailwatch.domain.outbox import EntryKind, NewEntry
from mailwatch.ports import Renderer

AT_LEAST = timedelta(hours=1)  # that a notice is tried, though the person is back at midnight


class Enqueue:
    """Makes the entries of one installation."""

    def __init__(self, renderer: Renderer, key: bytes, give_up_after: timedelta) -> None:
        self._renderer = renderer
        self._key = key
        self._give_up_after = give_up_after

    def acknowledgement(
        self,
        mailbox: Mailbox,
        message: Message,
        recipient: str,
        decision: Decision,
        reference: str,
        *,
        not_before: datetime,
        now: datetime,
    ) -> NewEntry:
        """The acknowledgement; where somebody is away, it tells of that, too."""
        opening, away = decision.opens, decision.tells
        if opening is None:
            raise ValueError("an acknowledgement needs a request")
        zone = mailbox.standard.calendar.timezone
        facts = AcknowledgementFacts(
            reference=reference,
            received_at=opening.received_at.astimezone(zone),
            answer_due_at=opening.answer_due_at.astimezone(zone),
            subject=_subject(message, mailbox, decision),
            is_internal=bool(opening.requester and mailbox.organisation.is_internal(opening.requester)),
            away=_away_facts(away) if away else None,
        )
        rendered = self._renderer.render_acknowledgement(mailbox, decision.language, facts)
        key = f"ack:{message.identity}"
        return self._entry(
            EntryKind.ACKNOWLEDGEMENT, key, rendered, mailbox, message, recipient, away, not_before=not_before, now=now
        )

    def notice(
        self,
        mailbox: Mailbox,
        message: Message,
        recipient: str,
        decision: Decision,
        away: Away,
        reference: str,
        *,
        times: int,
        now: datetime,
    ) -> NewEntry:
        """The notice of an absence that stands alone. `times`: how often the recipient was told of it before."""
        internal = decision.verdict.recipient
        facts = NoticeFacts(
            reference=reference,
            subject=_subject(message, mailbox, decision),
            is_internal=bool(internal and mailbox.organisation.is_internal(internal)),
            away=_away_facts(away),
        )
        rendered = self._renderer.render_notice(mailbox, decision.language, facts)
        key = f"notice:{away.absence.id}:{recipient}:{times}"
        entry = self._entry(EntryKind.NOTICE, key, rendered, mailbox, message, recipient, away, not_before=now, now=now)
        return replace(entry, give_up_at=min(entry.give_up_at, _end(away, mailbox, now)))

    def _entry(
        self,
        kind: EntryKind,
        unique_key: str,
        rendered: Rendered,
        mailbox: Mailbox,
        message: Message,
        recipient: str,
        away: Away | None,
        *,
        not_before: datetime,
        now: datetime,
    ) -> NewEntry:
        domain = mailbox.address.rpartition("@")[2]
        message_id = own_message_id(self._key, mailbox.address, message.identity, kind, domain)
        composed = compose_acknowledgement(rendered, mailbox, message, recipient, message_id, now)
        return NewEntry(
            unique_key=unique_key,
            kind=kind,
            mailbox=mailbox.address,
            caused_by=message.identity,
            message_id=message_id,
            envelope=composed.envelope,
            subject_key=subject_key(message.subject, mailbox.organisation.external_tags),
            body=composed.body,
            not_before=not_before,
            give_up_at=not_before + self._give_up_after,
            absence=away.absence.id if away else 0,
        )


def _subject(message: Message, mailbox: Mailbox, decision: Decision) -> str:
    """The sender's own words, where they may be repeated."""
    return message.subject[:200] if may_echo_subject(message, mailbox, decision.verdict) else ""


def _end(away: Away, mailbox: Mailbox, now: datetime) -> datetime:
    """When there is nothing to tell any more: the day of return begins. Late enough for one attempt, in any case."""
    if away.returns_on is None:
        return datetime.max.replace(tzinfo=UTC)
    back = datetime.combine(away.returns_on, time(), mailbox.standard.calendar.timezone).astimezone(UTC)
    return max(back, now + AT_LEAST)


def _away_facts(away: Away) -> AwayFacts:
    return AwayFacts(
        name=away.person.name if away.person else "",
        returns_on=away.returns_on,
        cover=away.cover,
        text=away.absence.text,
    )
