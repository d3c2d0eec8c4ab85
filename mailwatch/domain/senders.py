"""Who wrote a message, and where an acknowledgement of it would go.

From, unless a group of ours rewrote it or a web form wrote it in somebody's name. Robots are known by the whole local
part of their address, its sub-address removed: `contato+noreply@` and `records-request-desk@` are people.
"""

import re
from collections.abc import Container
from functools import lru_cache

from mailwatch.domain.addresses import Address, base_local_part, organisational_domain, parse_address
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message

# Compared without the separators `.`, `_` and `-`. `postmaster` is in none of these: people read it (RFC 5230 §4.6).
NO_REPLY = frozenset({
    "noreply", "donotreply", "dontreply", "noresponse", "donotrespond", "unattended", "autoreply",
    "nepasrepondre", "pasdereponse", "sansreponse", "nichtantworten", "keineantwort", "noresponder", "norespondas",
    "naoresponda", "naoresponder", "nonrispondere", "nietbeantwoorden",
})  # fmt: skip
POSTMASTER = "postmaster"
BOUNCERS = frozenset({"mailer-daemon", "mailer_daemon", "mailerdaemon", "mail-daemon", "bounce", "bounces"})
LIST_MANAGERS = frozenset({"listserv", "majordomo", "mdaemon"})
LIST_PREFIX = "owner-"
LIST_SUFFIXES = ("-request", "-owner", "-bounces")
LIST_SENDER_SUFFIXES = ("-owner", "-bounces", "-bounce")  # of Sender; people have others send from records-request@

# Where groups keep the sender whom they removed from From (Google Groups, Exchange, Mailman), best first.
ORIGINAL_SENDER = ("x-original-from", "x-original-sender")

# Header fields by which a list names itself (RFC 2369, RFC 2919 and what came before them).
NAMING_LIST_HEADERS = (
    "list-id",
    "list-post",
    "list-unsubscribe",
    "mailing-list",
    "x-mailing-list",
    "x-beenthere",
)

# What list managers append to a list's name in the addresses of its services (RFC 2142 §6).
_SERVICES = "request|owners?|bounces?|help|(?:un)?subscribe|join|leave|confirm|post"
_LONGEST_LIST_HEADER = 2000  # characters that are looked at

_EXCHANGE_ITSELF = re.compile(r"microsoftexchange[0-9a-f]{32}")
_SEPARATORS = str.maketrans({".": "", "_": "", "-": "", "é": "e"})


def is_no_reply(local: str) -> bool:
    """Whether a local part says that nobody reads what is sent there."""
    base = base_local_part(local)
    return base.translate(_SEPARATORS) in NO_REPLY or _EXCHANGE_ITSELF.fullmatch(base) is not None


def is_list_address(local: str) -> bool:
    """Whether a local part is one of the service addresses of a mailing list."""
    base = base_local_part(local)
    return base.startswith(LIST_PREFIX) or base.endswith(LIST_SUFFIXES)


def is_list_sender(local: str) -> bool:
    """Whether a local part in Sender is the one from which a mailing list hands messages on."""
    base = base_local_part(local)
    return base.startswith(LIST_PREFIX) or base.endswith(LIST_SENDER_SUFFIXES)


def own_keys(mailbox: Mailbox) -> frozenset[str]:
    """Every address key that delivers to a mailbox: its address, aliases and groups."""
    return _joined(mailbox.address, mailbox.aliases, mailbox.groups)


@lru_cache(maxsize=4096)  # a frozenset per mailbox, not per message
def _joined(address: str, aliases: tuple[str, ...], groups: tuple[str, ...]) -> frozenset[str]:
    return frozenset((address, *aliases, *groups))


def is_one_of(address: Address, keys: Container[str]) -> bool:
    """Whether an address is among these keys, with or without its sub-address."""
    return address.key in keys or base_key(address) in keys


def base_key(address: Address) -> str:
    """The address key without its sub-address: `inscriptions+2026@…` → `inscriptions@…`."""
    return f"{base_local_part(address.local)}@{address.domain.lower()}" if "+" in address.local else address.key


def names_us(value: str, mailbox: Mailbox) -> bool:
    """Whether a list header names an address of the mailbox: `<group.domain>`, `group+help@domain`, `…/group/…`."""
    own_names = _own_names(mailbox.address, mailbox.aliases, mailbox.groups)
    return own_names.search(value, 0, _LONGEST_LIST_HEADER) is not None


@lru_cache(maxsize=4096)
def _own_names(address: str, aliases: tuple[str, ...], groups: tuple[str, ...]) -> re.Pattern[str]:
    forms = []
    for key in (address, *aliases, *groups):
        local, _, domain = map(re.escape, key.rpartition("@"))
        forms.append(rf"(?<![\w.+-]){local}(?:\+[\w.+-]*+|-(?:{_SERVICES}))?[@.]{domain}(?![\w.-]*\w)")
        forms.append(rf"/{domain}/(?:[^\s/]{{1,40}}/){{0,3}}{local}(?![\w.+-])")  # …google.com/a/DOMAIN/group/GROUP/…
    return re.compile("|".join(forms), re.IGNORECASE)


def is_through_own_group(message: Message, mailbox: Mailbox) -> bool:
    """Whether a distribution list of the mailbox handed the message on: then its list headers say nothing."""
    return any(names_us(value, mailbox) for name in NAMING_LIST_HEADERS for value in message.all(name))


def find_sender(message: Message, mailbox: Mailbox) -> Address | None:
    """Who wrote: From, or where a group of ours put itself there, whom it kept in another header."""
    if not message.from_:
        return None
    sender = message.from_[0]
    own = own_keys(mailbox)
    if is_one_of(sender, own) and is_through_own_group(message, mailbox):
        return _original_sender(message, own) or sender
    return sender


def _original_sender(message: Message, own: frozenset[str]) -> Address | None:
    for name in ORIGINAL_SENDER:
        address = parse_address(message.first(name) or "")
        if address and not is_one_of(address, own):
            return address
    others = [address for address in message.reply_to if not is_one_of(address, own)]
    return others[0] if len(others) == 1 else None


def find_form_writer(message: Message, mailbox: Mailbox) -> Address | None:
    """Who filled in the web form that sent this: its one Reply-To. None where it is no form's message.

    A form's From is in `forms`, or is a no-reply address of our own domains.
    """
    if len(message.reply_to) != 1 or not message.from_:
        return None
    writer, sender = message.reply_to[0], message.from_[0]
    if writer.key == sender.key or is_no_reply(writer.local) or is_one_of(writer, own_keys(mailbox)):
        return None
    if sender.key in mailbox.acknowledgement.forms:
        return writer
    is_ours = mailbox.organisation.is_internal(sender) and is_no_reply(sender.local)
    return writer if is_ours else None


def acknowledgement_recipient(message: Message, mailbox: Mailbox) -> Address | None:
    """Where an acknowledgement goes, or None where nobody would read it.

    A form's writer; else Reply-To if there is one only, in the sender's organisational domain (a stranger's would let
    anybody direct our mail at anybody); else the sender.
    """
    if writer := find_form_writer(message, mailbox):
        return writer
    sender = find_sender(message, mailbox)
    if sender is None or sender.key in mailbox.acknowledgement.forms:
        return None  # a form whose writer left no address
    if len(message.reply_to) == 1 and (reply_to := message.reply_to[0]).key != sender.key:
        return reply_to if _may_stand_for(reply_to, sender) else sender
    return sender


def _may_stand_for(reply_to: Address, sender: Address) -> bool:
    if is_no_reply(reply_to.local):
        return False
    return organisational_domain(reply_to.domain) == organisational_domain(sender.domain)
