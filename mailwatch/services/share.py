"""Several mailboxes on one account and folder: a message belongs to the one it is addressed to."""

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.senders import base_key


def belongs_here(message: Message, mailbox: Mailbox) -> bool:
    """Whether a message seen in a shared folder is this mailbox's: addressed to it, or to none and it stands first."""
    if len(mailbox.shares_with) < 2:
        return True
    watched = mailbox.organisation.watched
    keys = [key for address in (*message.to, *message.cc) for key in (address.key, base_key(address))]
    addressed = {watched.get(key) for key in keys} & set(mailbox.shares_with)
    return mailbox.address in addressed or (not addressed and mailbox.shares_with[0] == mailbox.address)
