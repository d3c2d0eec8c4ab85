"""The sections about people: who they are, who is away, who is told of what is late, or wrong with mailwatch itself."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mailwatch.config.accounts import SecretKeys, Section
from mailwatch.config.values import (
    AddressText,
    Day,
    Filled,
    Flag,
    LimitText,
    Localised,
    MessageLink,
    Pause,
    Recipient,
    Text,
    TimeOfDay,
    wrong,
)
from mailwatch.domain.languages import Language

Responder = Literal["send", "none", "sieve"]


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
    notice: Responder = "send"
    """Who tells of this person's absences: "send", mailwatch; "none", a program of theirs; "sieve", the mail server."""


class AbsenceSection(Section):
    """A person or a mailbox that is away."""

    who: AddressText
    """A person's e-mail, or a mailbox."""
    away_from: Day
    """First day away."""
    returns_on: Day | None = None
    """First day back; whoever is away returns on a business day. Left out: unknown."""
    delegate: AddressText | None = None
    """The person who covers."""
    text: Localised = Field(default_factory=dict)
    """Sentence for the notice, by language."""
    audience: Literal["all", "internal", "external"] = "all"
    """Who gets the notice."""
    note: Text = ""
    """What whoever covers should know; requesters never see it."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.returns_on is not None and self.returns_on <= self.away_from:
            raise wrong("reversed_absence", away_from=str(self.away_from), returns_on=str(self.returns_on))
        return self


class AbsencesSection(Section):
    """What happens while people are away."""

    cover: Literal["note", "digest"] = "note"
    """How a delegate learns that a request came in for them: "note", an e-mail at once; "digest", the next digest."""


class AbsenceCalendarSection(Section):
    """A calendar that tells when a person, or a mailbox, is away: only its out-of-office events count."""

    name: Filled
    """What it is called in the log and by `absence list`."""
    who: AddressText
    """A person's e-mail, or a mailbox."""
    url: Filled | None = None
    """Where it is published, https://…; often a secret address. Or ..."""
    secret_url: SecretKeys | None = None
    """... where that address stands, like a password; or ..."""
    file: Filled | None = None
    """... an ICS file, relative to the configuration file."""
    every: Pause = "1h"
    """How often it is read."""
    delegate: AddressText | None = None
    """The person who covers during its absences."""
    audience: Literal["all", "internal", "external"] = "all"
    """Who gets the notice."""
    category: Filled | None = None
    """Events of this category count, too."""
    every_event: Flag = False
    """Every event counts: a calendar that holds nothing but absences."""
    allow_http: Flag = False
    """Read it without encryption."""
    allow_private: Flag = False
    """Read it from an address of your own network."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.url, self.secret_url, self.file)) != 1:
            raise wrong("calendar_place")
        if self.url is not None and not self.url.startswith(("https://", "webcal://")) and not self.allow_http:
            raise wrong("calendar_url")
        return self


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
    sender: AddressText | None = Field(default=None, alias="from")
    """Address that digests come from. Left out: the first mailbox that the account submits for."""
    smtp: Filled | None = None
    """The SMTP account that sends digests. Left out: the first one that submits for a mailbox."""
    message_link: MessageLink = ""
    """Address of a message in your webmail, with {message_id}, {mailbox} or {reference} to be filled in."""


class AlertsSection(Section):
    """Whom to tell when mailwatch itself is in trouble."""

    to: tuple[AddressText, ...] = ()
    """Addresses of the people who run it."""
    sender: AddressText | None = Field(default=None, alias="from")
    """Address that alerts come from. Left out: the first mailbox that the account submits for."""
    smtp: Filled | None = None
    """The SMTP account that sends alerts. Left out: the first one that submits for a mailbox."""
    after: Pause = "15m"
    """How long a mailbox may be silent, or refused, before it is told."""
