"""The whole file as frozen models: what IT writes, key for key, with the defaults beside the fields.

Values stay as written (checked text); `resolve` makes the domain's values of them. What spans sections (owners among
people, named servers) is checked by `references`, so that it is reported along with everything else.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mailwatch.config.accounts import (
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
from mailwatch.config.monitoring import MetricsSection
from mailwatch.config.people import (
    AbsenceCalendarSection,
    AbsenceSection,
    AbsencesSection,
    AlertsSection,
    DigestSection,
    EscalationSection,
    PersonSection,
    Responder,
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
    SentChoice,
    Text,
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


class ObservingSection(Section):
    """By which evidence answers are seen."""

    observe_sent: Flag = True
    """Whether Sent folders are looked into."""
    observe_flags: Flag = True
    """Whether the mark of an answered message counts."""
    observe_copies: Flag = True
    """Whether copies count that staff send to the mailbox."""
    observe_references: Flag = True
    """Whether it is shown that a requester refers to a message that we never saw."""


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


class MailboxSection(StandardSection, AcknowledgementSection, ObservingSection, CalendarKeys):
    """A watched address. Any key of [standard], [acknowledgement], [observing], [calendar] may stand here."""

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
    observe_sent: SentChoice = True  # type: ignore[assignment]  # a mailbox has one choice more
    """Whether its Sent folders are looked into; "only": nothing else of its account is read."""
    sent_folders: tuple[Filled, ...] = ()
    """Sent folders of its account. Left out: those that the server marks as such."""
    closing_folders: tuple[Filled, ...] = ()
    """Moving a request's message into one of these closes the request."""
    set_aside_folders: tuple[Filled, ...] = ()
    """Moving a request's message into one of these sets the request aside."""
    notice: Responder = "send"
    """Who tells of its absences: "send", mailwatch; "none", another program; "sieve", the mail server."""

    @property
    def is_sent_only(self) -> bool:
        """Nothing but its Sent folders is read: it is no address that requesters write to."""
        return self.observe_sent == "only"


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


class Document(Section):
    """The configuration file."""

    organisation: OrganisationSection
    database: DatabaseSection = DatabaseSection()
    calendar: CalendarSection
    standard: StandardSection = StandardSection()
    acknowledgement: AcknowledgementSection = AcknowledgementSection()
    observing: ObservingSection = ObservingSection()
    escalation: tuple[EscalationSection, ...] = ()
    digest: DigestSection = DigestSection()
    smtp: SmtpSection | None = None
    imap: dict[str, ImapKeys] = Field(default_factory=dict)
    oauth: dict[str, OauthKeys] = Field(default_factory=dict)
    sending: SendingSection = SendingSection()
    receiving: ReceivingSection = ReceivingSection()
    templates: TemplatesSection = TemplatesSection()
    log: LogSection = LogSection()
    metrics: MetricsSection = MetricsSection()
    alerts: AlertsSection = AlertsSection()
    retention: RetentionSection = RetentionSection()
    people: tuple[PersonSection, ...] = ()
    mailbox: tuple[MailboxSection, ...] = ()
    rule: tuple[RuleSection, ...] = ()
    absence: tuple[AbsenceSection, ...] = ()
    absences: AbsencesSection = AbsencesSection()
    absence_calendar: tuple[AbsenceCalendarSection, ...] = ()
