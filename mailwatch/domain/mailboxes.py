"""A watched mailbox with its owners and its policy, every override already resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from mailwatch.domain.absences import Absence
from mailwatch.domain.addresses import Address
from mailwatch.domain.languages import Language
from mailwatch.domain.people import Person, Responder
from mailwatch.domain.standards import Limit, ServiceStandard


class MailboxKind(StrEnum):
    """Whose mailbox it is: one person's, or a service's."""

    STAFF = "staff"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRule:
    """A `[[rule]]` of the configuration: the conditions given must all hold; texts are lower case."""

    name: str
    senders: frozenset[str] = frozenset()  # address keys
    domains: frozenset[str] = frozenset()
    subject_contains: str = ""
    treat_as: str | None = None  # "request" | "record"
    acknowledge: bool = True
    owner: str | None = None  # a person's e-mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """What is true of all mailboxes. `watched` holds the address keys of all enabled mailboxes and their aliases."""

    name: str
    languages: tuple[Language, ...]  # the first is the default
    domains: frozenset[str]
    watched: Mapping[str, str] = field(default_factory=dict)  # address or alias key → mailbox address key
    people: Mapping[str, Person] = field(default_factory=dict)  # by e-mail
    absences: tuple[Absence, ...] = ()
    standards_url: str = ""
    privacy_notice: Mapping[Language, str] = field(default_factory=dict)
    external_tags: tuple[str, ...] = ("[External]", "[EXTERNE]")
    banners: tuple[str, ...] = ()

    def is_internal(self, address: Address) -> bool:
        """Whether the address lies in one of our domains or below one."""
        domain = address.domain.lower()
        return any(domain == own or domain.endswith("." + own) for own in self.domains)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementPolicy:
    """The keys of [acknowledgement]; defaults as in config.example.toml."""

    enabled: bool = True
    delay: timedelta = timedelta(minutes=5)
    copies: str = "record"  # | "request"
    acknowledge_bcc: bool = False
    late: str = "hold"  # | "send"
    forwarded: str = "hold"  # | "send"
    replies: str = "request"  # | "record"
    forms: frozenset[str] = frozenset()  # From addresses of web forms
    echo_subject: str = "authenticated"  # | "never" | "always"
    envelope_from: str = ""  # "": the mailbox's own address; "<>": the null reverse-path
    per_sender_per_day: int = 5
    per_sender_everywhere_per_day: int = 10
    same_subject_per_3h: int = 2
    bounce_block: timedelta = timedelta(days=60)
    authserv_id: tuple[str, ...] = ()
    spam_level: int = 5
    reopen_within: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservingPolicy:
    """By which evidence answers are seen, and which folders settle a request that is moved there.

    sent                look into Sent folders: `sent_folders`, or without them the account's own (RFC 6154 \\Sent)
    is_sent_only        watch nothing but the Sent folders of this account: its mail opens no requests
    """

    sent: bool = True
    is_sent_only: bool = False
    sent_folders: tuple[str, ...] = ()
    flags: bool = True
    copies: bool = True
    references: bool = True
    closing_folders: tuple[str, ...] = ()
    set_aside_folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A watched address. `address`, `aliases` and `groups` are lower-case keys."""

    address: str
    kind: MailboxKind
    name: Mapping[Language, str]
    organisation: Organisation
    standard: ServiceStandard
    acknowledgement: AcknowledgementPolicy
    aliases: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # distribution lists that deliver here
    owners: tuple[Person, ...] = ()
    answerers: tuple[str, ...] = ()
    department: str = ""
    folders: tuple[str, ...] = ("INBOX",)
    contact: Mapping[Language, str] = field(default_factory=dict)  # whom to turn to if it is urgent
    rules: tuple[LocalRule, ...] = ()
    shares_with: tuple[str, ...] = ()  # mailboxes on the same account and folders, this one included, in order
    smtp: str = "default"  # the account that submits for it
    observing: ObservingPolicy = ObservingPolicy()
    notice: Responder = Responder.SEND  # who sends the absence notices of this mailbox

    @property
    def own_addresses(self) -> frozenset[str]:
        """Every address key by which one writes to this mailbox."""
        return frozenset((self.address, *self.aliases))

    def name_in(self, language: Language) -> str:
        """The service's name in a language, else in the organisation's first one, else the address."""
        default = self.organisation.languages[0]
        return self.name.get(language) or self.name.get(default) or self.address
