"""Several mailboxes on one account and folder: a message belongs to the one it is addressed to."""

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message


def belongs_here(message: Message, mailbox: Mailbox) -> bool:
    """Whether a message seen in a shared folder is this mailbox's: addressed to it, or to none and it stands first."""
    if len(mailbox.shares_with) < 2:
        return True
    watched = mailbox.organisation.watched
    addressed = {watched.get(address.key) for address in (*message.to, *message.cc)} & set(mailbox.shares_with)
    return mailbox.address in addressed or (not addressed and mailbox.shares_with[0] == mailbox.address)
