"""Who answers for a mailbox: whose message is staff's, and which of staff may answer which request.

A request from outside is answered by anybody on staff who writes to its requester. Between colleagues everybody writes
to everybody: there only those answer who are there for it.
"""

from collections.abc import Container
from datetime import datetime

from mailwatch.domain.absences import find_absence, find_cover
from mailwatch.domain.addresses import Address, parse_address
from mailwatch.domain.authentication import find_dmarc_result
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.requests import RequestSummary
from mailwatch.domain.senders import find_form_writer, find_sender
from mailwatch.domain.threads import WEAK, ThreadMatch


def find_staff_writer(message: Message, mailbox: Mailbox) -> Address | None:
    """The person on staff who wrote a received message; None for a stranger's, a web form's, or a forged one."""
    sender = find_sender(message, mailbox)
    if sender is None or not is_staff(sender, mailbox) or find_form_writer(message, mailbox) is not None:
        return None
    if sender.key in mailbox.acknowledgement.forms or find_dmarc_result(message, mailbox) == "fail":
        return None
    return sender


def is_staff(address: Address, mailbox: Mailbox) -> bool:
    """Whether an address is the mailbox's own, a colleague's, or lies in one of our domains."""
    organisation = mailbox.organisation
    is_named = address.key in _permanent(mailbox) or address.key in organisation.people
    return is_named or organisation.is_internal(address)


def delegates_of(mailbox: Mailbox, now: datetime) -> frozenset[str]:
    """Who covers at an instant: for the owners who are away, and for the mailbox itself."""
    organisation = mailbox.organisation
    if not organisation.absences:
        return frozenset()
    day = now.astimezone(mailbox.standard.calendar.timezone).date()
    absences, people = organisation.absences, organisation.people
    covers = {find_cover(owner.email, day, absences, people) for owner in mailbox.owners}
    absence = find_absence(mailbox.address, day, absences)
    if absence is not None and absence.delegate:
        covers.add(find_cover(absence.delegate, day, absences, people))
    return frozenset(covers) - {owner.email for owner in mailbox.owners}


def speaks_for(writer: str, mailbox: Mailbox, at: datetime) -> bool:
    """Whether somebody is there to answer a mailbox's requests: owner, answerer, delegate, or the mailbox itself."""
    return writer in _permanent(mailbox) or writer in delegates_of(mailbox, at)


def may_answer(writer: str, request: RequestSummary, mailbox: Mailbox, at: datetime) -> bool:
    """Whether a writer on staff may answer a request of the mailbox. Nobody answers themselves."""
    if is_requester(writer, request):
        return False
    return not _is_from_colleague(request, mailbox) or speaks_for(writer, mailbox, at)


def takes_part(message: Message, thread: ThreadMatch, mailbox: Mailbox, at: datetime) -> bool:
    """Whether a received message is staff's own part in a known request: an answer to it, or a word about it among
    those who answer for the mailbox. A colleague's word in a colleague's request is a follow-up like anybody's."""
    request = thread.request
    writer = find_staff_writer(message, mailbox)
    if thread.confidence <= WEAK or writer is None or is_requester(writer.key, request):
        return False
    if speaks_for(writer.key, mailbox, at):
        return True
    recipients = {address.key for address in (*message.to, *message.cc)}
    return is_written_to(recipients, request) and may_answer(writer.key, request, mailbox, at)


def is_requester(writer: str, request: RequestSummary) -> bool:
    """Whether an address key is the requester's, or the one that the acknowledgement went to."""
    return writer in (request.requester, request.recipient) and bool(writer)


def is_written_to(recipients: Container[str], request: RequestSummary) -> bool:
    """Whether the requester is among these address keys."""
    return any(key in recipients for key in (request.requester, request.recipient) if key)


def _permanent(mailbox: Mailbox) -> frozenset[str]:
    return mailbox.own_addresses | {owner.email for owner in mailbox.owners} | set(mailbox.answerers)


def _is_from_colleague(request: RequestSummary, mailbox: Mailbox) -> bool:
    address = parse_address(request.requester)
    return address is not None and mailbox.organisation.is_internal(address)
