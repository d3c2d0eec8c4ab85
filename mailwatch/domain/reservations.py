"""Rules 13 to 21 of the ladder: why a person's request isn't acknowledged, by the past and by our own policy."""

from datetime import datetime

from mailwatch.domain import signals
from mailwatch.domain.authentication import find_dmarc_result
from mailwatch.domain.cases import Case, hit
from mailwatch.domain.mailboxes import MailboxKind
from mailwatch.domain.senders import base_key, is_one_of, own_keys
from mailwatch.domain.standards import due
from mailwatch.domain.threads import WEAK


def auto_response_suppress(case: Case) -> str | None:
    return signals.find_suppression(case.message)


def no_recipient(case: Case) -> str | None:
    return hit(case.recipient is None)


def own_recipient(case: Case) -> str | None:
    recipient = case.recipient
    if recipient is None:
        return None
    watched = case.mailbox.organisation.watched
    return hit(is_one_of(recipient, own_keys(case.mailbox)) or is_one_of(recipient, watched))


def several_from(case: Case) -> str | None:
    return hit(len({address.key for address in case.message.from_}) > 1 and not case.message.sender)


def elsewhere(case: Case) -> str | None:
    if case.history.is_acknowledged_elsewhere:
        return "acknowledged already"
    mailbox = case.mailbox
    watched = mailbox.organisation.watched
    for address in (*case.message.to, *case.message.cc):
        if first := watched.get(address.key) or watched.get(base_key(address)):
            is_here = first == mailbox.address or first in mailbox.shares_with
            return hit(not is_here, "left to another mailbox")
    return None


def _has_thread(case: Case) -> bool:
    thread = case.history.thread
    return thread is not None and thread.confidence > WEAK


def _reply(case: Case) -> str | None:
    """It answers something we wrote first; or, to a staff mailbox, something that we don't know."""
    message, history = case.message, case.history
    if _has_thread(case) or not (message.in_reply_to or message.references or history.is_parent_ours):
        return None
    if history.is_parent_ours:
        return "parent ours"
    return hit(case.mailbox.kind is MailboxKind.STAFF, "parent unknown")


def recorded_reply(case: Case) -> str | None:
    return _reply(case) if case.policy.replies != "request" else None


def requesting_reply(case: Case) -> str | None:
    return _reply(case) if case.policy.replies == "request" else None


def follow_up(case: Case) -> str | None:
    thread = case.history.thread
    return str(thread.link) if thread is not None and thread.confidence > WEAK else None


def disabled(case: Case) -> str | None:
    return hit(not case.policy.enabled)


def _came_at(case: Case) -> datetime:
    """The earlier of INTERNALDATE and the newest hop: a migration gives old mail a new INTERNALDATE."""
    hop = case.history.newest_hop_at
    return case.received_at if hop is None else min(case.received_at, hop)


def before_enabled(case: Case) -> str | None:
    enabled_at = case.history.enabled_at
    return hit(enabled_at is not None and case.received_at < enabled_at)


def late(case: Case) -> str | None:
    came_at = _came_at(case)
    if case.policy.late == "send" or came_at >= case.now:
        return None
    standard = case.mailbox.standard
    return hit(due(standard.calendar, came_at, standard.acknowledge_within) < case.now)


def answered(case: Case) -> str | None:
    return hit(case.history.is_already_answered)


def sender_limit(case: Case) -> str | None:
    return hit(case.history.sent_here_today >= case.policy.per_sender_per_day)


def sender_limit_everywhere(case: Case) -> str | None:
    return hit(case.history.sent_everywhere_today >= case.policy.per_sender_everywhere_per_day)


def same_subject(case: Case) -> str | None:
    return hit(case.history.same_subject_recently >= case.policy.same_subject_per_3h)


def blocked(case: Case) -> str | None:
    return case.history.block or None


def local_rule(case: Case) -> str | None:
    return case.local_rules[0].name if case.local_rules else None


def dmarc_fail(case: Case) -> str | None:
    return hit(find_dmarc_result(case.message, case.mailbox) == "fail")
