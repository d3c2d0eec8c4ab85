"""One message before the rules, with what several of them ask for, found out once."""

from dataclasses import dataclass
from datetime import datetime

from mailwatch.domain import signals
from mailwatch.domain.addresses import Address, bare_local_part, base_local_part
from mailwatch.domain.mailboxes import AcknowledgementPolicy, LocalRule, Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.senders import acknowledgement_recipient, find_form_writer, find_sender, is_through_own_group
from mailwatch.domain.verdicts import History

_LIST_HEADERS = frozenset(signals.LIST_HEADERS)


@dataclass(frozen=True, slots=True)
class Case:
    """One message before the rules, with what several of them ask for."""

    message: Message
    mailbox: Mailbox
    history: History
    received_at: datetime
    now: datetime
    sender: Address | None
    local: str  # the sender's local part, lower case, without its sub-address; known even where the domain isn't
    writer: Address | None  # who filled in the form, if it is a form's message
    recipient: Address | None
    subject: str  # without gateways' tags
    auto: tuple[str, ...]  # keywords of Auto-Submitted, `no` left out
    is_through_group: bool
    local_rules: tuple[LocalRule, ...]  # those whose conditions hold

    @property
    def policy(self) -> AcknowledgementPolicy:
        """The mailbox's [acknowledgement]."""
        return self.mailbox.acknowledgement


def open_case(message: Message, mailbox: Mailbox, history: History, received_at: datetime, now: datetime) -> Case:
    """Find out once what several rules ask for."""
    sender = find_sender(message, mailbox)
    subject = signals.strip_tags(message.subject, mailbox.organisation.external_tags)
    has_list = not _LIST_HEADERS.isdisjoint(message.index)
    return Case(
        message=message,
        mailbox=mailbox,
        history=history,
        received_at=received_at,
        now=now,
        sender=sender,
        local=base_local_part(sender.local) if sender else bare_local_part(message.first("from") or ""),
        writer=find_form_writer(message, mailbox) if message.reply_to else None,
        recipient=acknowledgement_recipient(message, mailbox),
        subject=subject,
        auto=signals.auto_submitted(message),
        is_through_group=has_list and is_through_own_group(message, mailbox),
        local_rules=_matching_local_rules(mailbox.rules, sender, subject) if mailbox.rules else (),
    )


def _matching_local_rules(rules: tuple[LocalRule, ...], sender: Address | None, subject: str) -> tuple[LocalRule, ...]:
    lowered = subject.lower()
    return tuple(rule for rule in rules if _matches(rule, sender, lowered))


def _matches(rule: LocalRule, sender: Address | None, subject: str) -> bool:
    if rule.senders and (sender is None or sender.key not in rule.senders):
        return False
    if rule.domains and (sender is None or not _is_below(sender.domain.lower(), rule.domains)):
        return False
    return rule.subject_contains in subject


def _is_below(domain: str, domains: frozenset[str]) -> bool:
    return any(domain == other or domain.endswith("." + other) for other in domains)


def hit(found: object, detail: str = "") -> str | None:
    """The detail where something was found."""
    return detail if found else None
