"""The whole file as frozen models: what IT writes, key for key, with the defaults beside the fields.

Values stay as written (checked text); `resolve` makes the domain's values of them. What spans sections (owners among
people, named servers) is checked by `references`, so that it is reported along with everything else.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mailwatch.config.accounts import (
    AlertsSection,
    DatabaseSection,
    ImapKeys,
    OauthKeys,
    ReceivingSection,
    RetentionSection,
    SecretKeys,
    Section,
    SendingSection,
    SmtpSection,
)
from mailwatch.config.values import (
    AddressText,
    ClosureText,
    CountOrNone,
    Day,
    Domain,
    Duration,
    Filled,
    Flag,
    Hours,
    LimitText,
    Localised,
    Recipient,
    Text,
    TimeOfDay,
    Zone,
    wrong,
)
from mailwatch.domain.languages import Language


class OrganisationSection(Section):
    """Who makes the promises."""

    name: Filled
    """The organisation's name, as requesters know it."""
    timezone: Zone
    """IANA zone, such as America/Toronto."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = (Language.FR, Language.EN)
    """Languages of service; the first is the default."""
    domains: tuple[Domain, ...] = ()
    """Whose mail is internal. Left out: the domains of the mailboxes."""
    standards_url: Text = ""
    """Page that publishes the service standards; acknowledgements name it."""
    privacy_notice: Localised = Field(default_factory=dict)
    """Sentence about personal information, by language."""
    external_tags: tuple[Filled, ...] = ("[External]", "[EXTERNE]")
    """Marks that a gateway puts before subjects; removed before they are read."""
    banners: tuple[Filled, ...] = ()
    """Lines that a gateway inserts into messages; removed before they are read."""


class CalendarKeys(Section):
    """When the service is open; every key may stand in a mailbox too."""

    timezone: Zone | None = None
    """Left out: the organisation's."""
    country: Filled | None = None
    """ISO 3166 country whose public holidays are closed days. Left out: no public holidays."""
    subdivision: Filled | None = None
    """Province or state, such as ON."""
    hours: Hours | None = None
    """Service hours: a list for Monday to Friday, or a table { mon = [...], ..., sun = [...] }."""
    closures: tuple[ClosureText, ...] = ()
    """Closed: dates, ranges "2026-12-21..2027-01-01", half days "2026-12-24 12:00-24:00"."""
    extra_open: tuple[Day, ...] = ()
    """Open although they are public holidays."""


class CalendarSection(CalendarKeys):
    """When the service is open."""

    hours: Hours
    """Service hours: a list for Monday to Friday, or a table { mon = [...], ..., sun = [...] }."""


class StandardSection(Section):
    """The promised limits."""

    acknowledge_within: LimitText = "48h"
    """Every request is acknowledged or answered within this."""
    answer_within: LimitText = "5 business days"
    """The answer: the anticipated date that acknowledgements name."""


class AcknowledgementSection(Section):
    """When and how requests are acknowledged."""

    enabled: Flag = True
    """Whether anything is acknowledged."""
    delay: Duration | None = None
    """How long a person may answer first. Left out: 5m for shared mailboxes, 24h for staff."""
    copies: Literal["record", "request"] = "record"
    """What a message is that names the mailbox only in Cc."""
    acknowledge_bcc: Flag = False
    """Acknowledge messages that name none of the mailbox's addresses."""
    late: Literal["hold", "send"] = "hold"
    """Whether requests are acknowledged that are first seen past the limit."""
    forwarded: Literal["hold", "send"] = "hold"
    """Whether messages that a rule forwarded are acknowledged."""
    replies: Literal["request", "record"] | None = None
    """What a reply to a message of ours is. Left out: request for shared mailboxes, record for staff."""
    forms: tuple[AddressText, ...] = ()
    """From addresses of web forms, whose Reply-To is the requester."""
    echo_subject: Literal["authenticated", "never", "always"] = "authenticated"
    """Whether the requester's subject and name are quoted."""
    envelope_from: Literal["", "<>"] = ""
    """Reverse-path: the mailbox's own address, or "<>"."""
    per_sender_per_day: CountOrNone = 5
    """Acknowledgements to one address by one mailbox and day."""
    per_sender_everywhere_per_day: CountOrNone = 10
    """Acknowledgements to one address by all mailboxes and day."""
    same_subject_per_3h: CountOrNone = 2
    """Acknowledgements to one address about one subject in 3 hours."""
    bounce_block: Duration = "60 days"
    """How long an address that doesn't exist gets nothing."""
    authserv_id: tuple[Filled, ...] = ()
    """Names by which our own servers sign Authentication-Results."""
    spam_level: Annotated[int, Field(strict=True, ge=-1, le=10)] = 5
    """Spam confidence level (SCL) from which a message is spam."""
    reopen_within: LimitText = "10 business days"
    """How long after the answer a follow-up reopens the request."""


class EscalationSection(Section):
    """A level of escalation: when, and whom it reaches."""

    before: LimitText | None = None
    """This long before the answer is due; or ..."""
    after: LimitText | None = None
    """... this long after."""
    to: Annotated[tuple[Recipient, ...], Field(min_length=1)]
    """"owner", "manager", or any address."""

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.before is None) == (self.after is None):
            raise wrong("before_or_after")
        return self


class DigestSection(Section):
    """The daily list of what is late."""

    at: TimeOfDay = "08:30"
    """Local time, on business days."""
    details: Flag = False
    """Show sender and subject to managers and directors too."""


class TemplatesSection(Section):
    """Wording of your own."""

    folder: Filled | None = None
    """Folder, relative to the configuration file: [MAILBOX/]LANGUAGE/NAME. Left out: ours."""


class LogSection(Section):
    """What is logged, to stderr."""

    format: Literal["auto", "json", "console"] = "auto"
    """auto: for people on a terminal, else JSON lines."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""


class PersonSection(Section):
    """A member of staff."""

    email: AddressText
    """Address."""
    name: Filled
    """Name, as colleagues and requesters know it."""
    title: Text = ""
    """Function."""
    phone: Text = ""
    """Telephone, with extension."""
    language: Language | None = None
    """Language of digests. Left out: the organisation's first."""
    manager: AddressText | None = None
    """Another person's e-mail."""


class MailboxSection(StandardSection, AcknowledgementSection, CalendarKeys):
    """A watched address. Any key of [standard], [acknowledgement], [calendar] may stand here; lists replace."""

    address: AddressText
    """The address requesters write to."""
    name: Localised = Field(default_factory=dict)
    """The service's name, by language."""
    kind: Literal["shared", "staff"]
    """A service's mailbox, or one person's."""
    enabled: Flag = True
    """Whether the mailbox is watched."""
    acknowledge: Flag | None = None
    """[acknowledgement] enabled, for this mailbox."""
    aliases: tuple[AddressText, ...] = ()
    """Other addresses of the same mailbox."""
    imap: Filled
    """The [imap.NAME] it lies on."""
    username: Filled | None = None
    """Login. Left out: the address."""
    password: SecretKeys
    """The login's password."""
    folders: Annotated[tuple[Filled, ...], Field(min_length=1)] = ("INBOX",)
    """Folders that receive requests."""
    owners: tuple[AddressText, ...] = ()
    """People answerable for its requests, the first by default."""
    answerers: tuple[AddressText, ...] = ()
    """Others whose mail counts as the answer to a colleague."""
    department: Text = ""
    """For reports."""
    groups: tuple[AddressText, ...] = ()
    """Distribution lists that deliver here."""
    contact: Localised = Field(default_factory=dict)
    """Whom to turn to if it is urgent, by language."""
    smtp: Filled | None = None
    """The [smtp.NAME] that submits for it. Left out: [smtp], or the only one."""


class RuleSection(Section):
    """A local oddity, settled: all conditions given must hold."""

    name: Filled | None = None
    """What `explain` calls it. Left out: rule-1, rule-2 …"""
    senders: tuple[AddressText, ...] = ()
    """Addresses it is about."""
    domains: tuple[Domain, ...] = ()
    """Domains it is about."""
    subject_contains: Text = ""
    """Words of the subject, in any case."""
    treat_as: Literal["request", "record"] | None = None
    """What such a message is."""
    acknowledge: Flag = True
    """Whether it is acknowledged."""
    owner: AddressText | None = None
    """The person who gets it."""

    @model_validator(mode="after")
    def _condition_and_effect(self) -> Self:
        if not (self.senders or self.domains or self.subject_contains):
            raise wrong("rule_condition")
        if self.treat_as is None and self.acknowledge and self.owner is None:
            raise wrong("rule_effect")
        return self


class AbsenceSection(Section):
    """A person or a mailbox that is away."""

    who: AddressText
    """A person's e-mail, or a mailbox."""
    away_from: Day
    """First day away."""
    returns_on: Day | None = None
    """First business day back. Left out: unknown."""
    delegate: AddressText | None = None
    """The person who covers."""
    text: Localised = Field(default_factory=dict)
    """Sentence for the notice, by language."""
    audience: Literal["all", "internal", "external"] = "all"
    """Who gets the notice."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.returns_on is not None and self.returns_on <= self.away_from:
            raise wrong("reversed_absence", away_from=str(self.away_from), returns_on=str(self.returns_on))
        return self


class Document(Section):
    """The configuration file."""

    organisation: OrganisationSection
    database: DatabaseSection = DatabaseSection()
    calendar: CalendarSection
    standard: StandardSection = StandardSection()
    acknowledgement: AcknowledgementSection = AcknowledgementSection()
    escalation: tuple[EscalationSection, ...] = ()
    digest: DigestSection = DigestSection()
    smtp: SmtpSection | None = None
    imap: dict[str, ImapKeys] = Field(default_factory=dict)
    oauth: dict[str, OauthKeys] = Field(default_factory=dict)
    sending: SendingSection = SendingSection()
    receiving: ReceivingSection = ReceivingSection()
    templates: TemplatesSection = TemplatesSection()
    log: LogSection = LogSection()
    alerts: AlertsSection = AlertsSection()
    retention: RetentionSection = RetentionSection()
    people: tuple[PersonSection, ...] = ()
    mailbox: tuple[MailboxSection, ...] = ()
    rule: tuple[RuleSection, ...] = ()
    absence: tuple[AbsenceSection, ...] = ()
