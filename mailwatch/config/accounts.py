"""The sections about servers: database, SMTP, IMAP, OAuth, and how hard they are worked.

Types, defaults and what one section can check by itself; words for errors are in `problems`.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mailwatch.config.values import (
    Count,
    CountOrNone,
    Duration,
    Filled,
    Flag,
    Pause,
    Port,
    Text,
    parse_duration,
    wrong,
)

MAX_IDLE = timedelta(minutes=29)  # RFC 2177: servers may end an IDLE after 30


class Section(BaseModel):
    """A table of the configuration: unknown keys are errors; the text below a field describes it to editors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def fields_by_key(cls) -> dict[str, str]:
        """Each key as it is written, and the field that holds it (`from` is a word of Python's own)."""
        return {field.alias or name: name for name, field in cls.model_fields.items()}


class SecretKeys(Section):
    """Where a secret is: exactly one of these."""

    env: Filled | None = None
    """Name of an environment variable."""
    file: Filled | None = None
    """Path of a file, relative to the configuration file; one line end at its end is removed."""
    command: Annotated[tuple[Filled, ...], Field(min_length=1)] | None = None
    """A command and its arguments, run without a shell; it prints the secret within 10 seconds."""
    credential: Annotated[Text, Field(pattern=r"^[^/\s]+$")] | None = None
    """Name of a systemd credential: $CREDENTIALS_DIRECTORY/NAME."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_plain_text(cls, value: Any) -> Any:  # Any: whatever stands in the file
        if isinstance(value, str):
            raise wrong("plain_secret")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise wrong("secret_sources")
        return self


def _renewal(text: str) -> str:
    if parse_duration(text) >= MAX_IDLE:
        raise wrong("idle_renew", value=text)
    return text


def _without_oauth2(auth: str) -> str:
    if auth == "oauth2":
        raise wrong("oauth2")
    return auth


def _database_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        raise wrong("database_url", value="") from None
    if has_password:
        raise wrong("database_password")
    path = parts.path.removeprefix("/")
    is_known = url.startswith("postgresql://") or (url.startswith("sqlite:///") and path != ":memory:")
    if not is_known or not path:
        raise wrong("database_url", value=url)
    return url


Security = Literal["tls", "starttls", "none"]
Auth = Annotated[Literal["password", "oauth2"], AfterValidator(_without_oauth2)]


class DatabaseSection(Section):
    """Where everything is recorded."""

    url: Annotated[Text, AfterValidator(_database_url)] = "sqlite:///mailwatch.db"
    """sqlite:///PATH (beside the configuration file, if relative) or postgresql://USER@HOST/DATABASE."""
    password: SecretKeys | None = None
    """The PostgreSQL user's password."""


class SmtpKeys(Section):
    """An SMTP account that submits."""

    host: Filled
    """Name of the server."""
    port: Port | None = None
    """Left out: 587 for starttls, 465 for tls, 25 for none."""
    security: Security = "starttls"
    """"none" sends passwords and personal information in clear."""
    auth: Auth = "password"
    """How to log in; "oauth2" isn't available in this version."""
    oauth: Filled | None = None
    """The [oauth.NAME] used with auth = "oauth2"."""
    username: Filled | None = None
    """Left out: no login."""
    password: SecretKeys | None = None
    """The user's password."""
    ca_file: Filled | None = None
    """PEM file of the authority to trust instead of the system's, relative to the configuration file."""
    timeout: Pause = "30s"
    """How long any one exchange with the server may take."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise wrong("half_login")
        return self


class SmtpSection(SmtpKeys):
    """One account, or several as [smtp.NAME]."""

    # Only the named accounts' tables are welcome beyond the keys of one account.
    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    __pydantic_extra__: dict[str, SmtpKeys]

    host: Filled | None = None  # type: ignore[assignment]  # may be missing where only named accounts stand
    """Name of the server."""

    @model_validator(mode="after")
    def _an_account(self) -> Self:
        own = self.model_fields_set & set(SmtpKeys.model_fields)
        if self.host is None and (own or not self.named):
            raise wrong("host_missing")
        return self

    @property
    def named(self) -> dict[str, SmtpKeys]:
        """The [smtp.NAME] tables."""
        return self.__pydantic_extra__ or {}


class ImapKeys(Section):
    """An IMAP server; mailboxes name it."""

    host: Filled
    """Name of the server."""
    port: Port | None = None
    """Left out: 993 for tls, else 143."""
    security: Security = "tls"
    """"none" sends passwords and personal information in clear."""
    auth: Auth = "password"
    """How to log in; "oauth2" isn't available in this version."""
    oauth: Filled | None = None
    """The [oauth.NAME] used with auth = "oauth2"."""
    ca_file: Filled | None = None
    """PEM file of the authority to trust instead of the system's, relative to the configuration file."""
    per_account: Count = 4
    """Connections to one account at most."""
    logins_at_once: Count = 10
    """Logins under way at the same time at most."""
    max_connections: CountOrNone = 0
    """Connections to this server at most; past it mailboxes are polled in turn. 0: no limit."""
    timeout: Pause = "30s"
    """How long any one exchange with the server may take."""
    poll: Pause = "5m"
    """How often to look even if the server announces nothing."""
    idle_renew: Annotated[Pause, AfterValidator(_renewal)] = "9m"
    """How often to renew IDLE; under 29 minutes (RFC 2177)."""
    sieve_host: Filled | None = None
    """Name of the ManageSieve server. Left out: the host."""
    sieve_port: Port = 4190
    """Port of the ManageSieve server, which must offer STARTTLS."""


class OauthKeys(Section):
    """How to obtain access tokens; parsed, not available in this version."""

    provider: Literal["microsoft", "google", "generic"]
    """Whose tokens."""
    tenant: Filled | None = None
    """Microsoft: the directory's id."""
    client_id: Filled | None = None
    """The registered application."""
    client_secret: SecretKeys | None = None
    """One of client_secret, certificate, service_account."""
    certificate: SecretKeys | None = None
    """PEM certificate with its key."""
    service_account: SecretKeys | None = None
    """Google: the service account's JSON key."""
    token_url: Filled | None = None
    """Where tokens are asked for (generic)."""
    scope: Filled | None = None
    """What the token is for."""
    grant: Filled | None = None
    """Kind of grant."""

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = (self.client_secret, self.certificate, self.service_account)
        if sum(each is not None for each in given) > 1:
            raise wrong("oauth_credentials")
        return self


class BreakerKeys(Section):
    """How many acknowledgements within how long stop sending."""

    count: Count = 500
    """More acknowledgements than this ..."""
    per: Pause = "10m"
    """... within this long wait for `mailwatch resume`."""


class SendingSection(Section):
    """How messages are submitted."""

    breaker: BreakerKeys = BreakerKeys()
    """Acknowledgements wait past this rate: something is wrong."""
    connections: Count = 4
    """Connections to an SMTP account at most."""
    rate_per_minute: Count | None = None
    """Messages a minute by one account. Left out: 30 for Microsoft 365, none otherwise."""
    give_up_after: Pause = "48h"
    """How long a message that is refused for now is tried again."""


class ReceivingSection(Section):
    """How messages are fetched."""

    batch: Annotated[Count, Field(le=1000)] = 200
    """Messages a transaction records at most."""
    resync_days: Annotated[Count, Field(le=366)] = 14
    """How far back to look when a server renumbers a folder."""
    attempts: Annotated[Count, Field(le=100)] = 3
    """Attempts before a message is quarantined."""
    excerpt: Flag = False
    """Store the first words of each request."""


class RetentionSection(Section):
    """How long personal information is kept, counted from the day a request is closed; counts stay."""

    anonymise_after: Duration = "730 days"
    """Addresses, names and subjects are removed."""
    delete_after: Duration = "1825 days"
    """The request and its history are deleted."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if parse_duration(self.delete_after) <= parse_duration(self.anonymise_after):
            raise wrong("retention_order", value=self.anonymise_after)
        return self
