"""What adapters are given: accounts, database and limits of work as plain frozen values, secrets still unread."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from mailwatch.config.secrets import SecretRef
from mailwatch.errors import ConfigurationError

Security = Literal["tls", "starttls", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapAccount:
    """A login on an IMAP server. `timeout`, `poll` and `idle_renew` are seconds; `max_connections` 0 is no limit."""

    server: str  # NAME of [imap.NAME]
    host: str
    port: int
    security: Security
    ca_file: Path | None
    username: str
    password: SecretRef
    timeout: float
    poll: float
    idle_renew: float
    per_account: int
    logins_at_once: int
    max_connections: int
    sieve_host: str
    sieve_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpAccount:
    """An account that submits; no login without `username`. `timeout` is seconds; no limit if no `rate_per_minute`."""

    name: str  # "default", or NAME of [smtp.NAME]
    host: str
    port: int
    security: Security
    username: str | None
    password: SecretRef | None
    ca_file: Path | None
    timeout: float
    rate_per_minute: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """[sending]: more than `breaker_count` acknowledgements within `breaker_per` wait for a person."""

    breaker_count: int
    breaker_per: timedelta
    connections: int
    give_up_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """[receiving]: messages a batch, days to look back, attempts before quarantine, excerpts stored or not."""

    batch: int
    resync_days: int
    attempts: int
    excerpt: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSettings:
    """[digest]. `at` is local time; `account` the SMTP account that sends them; `message_link` may be ""."""

    at: time
    details: bool
    sender: str
    account: str
    message_link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """[log]."""

    format: Literal["auto", "json", "console"]
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """[database]. `url` as written; relative SQLite paths and secret files start from the folder `base`."""

    url: str
    base: Path
    password: SecretRef | None
    where: str  # FILE:LINE: database.url, for errors

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded database."""
        return self.url.startswith("sqlite:")

    @property
    def sqlite_path(self) -> Path:
        """The absolute path of the SQLite file; ValueError for PostgreSQL."""
        if not self.is_sqlite:
            raise ValueError(f"{self.url} isn't a file")
        return (self.base / self.url.removeprefix("sqlite:///")).resolve()

    def resolve_url(self, environ: Mapping[str, str]) -> str:
        """SQLAlchemy's URL, driver and password put in. Contains a secret: never log it. Raises ConfigurationError."""
        if self.is_sqlite:
            return f"sqlite+aiosqlite:///{self.sqlite_path}"
        parts = urlsplit(self.url)
        place = parts.netloc
        if self.password is not None:
            place = self._with_password(place, self.password.resolve(self.base, environ).reveal())
        query = f"?{parts.query}" if parts.query else ""
        return f"postgresql+asyncpg://{place}{parts.path}{query}"

    def _with_password(self, place: str, password: str) -> str:
        user, at, host = place.rpartition("@")
        if not at:
            raise ConfigurationError([f"{self.where}: a password needs a user: postgresql://USER@HOST/DATABASE"])
        return f"{user}:{quote(password, safe='')}@{host}"
