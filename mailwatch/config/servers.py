"""Document → accounts on servers, the database, how hard they are worked; every secret unread.

The document is valid by now; nothing of it can fail here.
"""

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath

from pydantic import ValidationError

from mailwatch.config import settings
from mailwatch.config.accounts import DatabaseSection, ImapKeys, SecretKeys, SmtpKeys
from mailwatch.config.locate import Path
from mailwatch.config.model import Document, MailboxSection
from mailwatch.config.secrets import SecretRef, SecretSource
from mailwatch.config.values import parse_duration
from mailwatch.config.wording import SENTENCES
from mailwatch.domain.languages import Language
from mailwatch.errors import ConfigurationError

IMAP_PORTS = {"tls": 993, "starttls": 143, "none": 143}
SMTP_PORTS = {"tls": 465, "starttls": 587, "none": 25}
MICROSOFT_RATE = 30  # messages a minute that Exchange Online takes from one account

Where = Callable[[Path], str]  # a path of the document → `FILE:LINE: key.path`


def username_of(section: MailboxSection) -> str:
    """The login of a mailbox."""
    return section.username or section.address


def smtp_name(document: Document, section: MailboxSection) -> str:
    """The SMTP account that submits for a mailbox: the named one, [smtp], or the only one.

    "" for one of which only the Sent folders are read: nothing is sent in its name.
    """
    if section.is_sent_only:
        return ""
    if section.smtp or document.smtp is None or document.smtp.host is not None:
        return section.smtp or "default"
    return next(iter(document.smtp.named))


def smtp_accounts_of(document: Document, base: FilePath, where: Where) -> Mapping[str, settings.SmtpAccount]:
    """Every SMTP account by name; "default" is [smtp] itself."""
    if document.smtp is None:
        return {}
    sections: dict[str, tuple[Path, SmtpKeys]] = {
        name: (("smtp", name), each) for name, each in document.smtp.named.items()
    }
    if document.smtp.host is not None:
        sections = {"default": (("smtp",), document.smtp), **sections}
    rate = document.sending.rate_per_minute
    return {name: _smtp(name, each, path, rate, base, where) for name, (path, each) in sections.items()}


def imap_accounts_of(document: Document, base: FilePath, where: Where) -> Mapping[str, settings.ImapAccount]:
    """The login of every mailbox, by its address."""
    return {
        section.address: _imap(section, document.imap[section.imap], base, secret_ref(section.password, path, where))
        for index, section in enumerate(document.mailbox)
        for path in [("mailbox", index, "password")]
    }


def database_of(document: Document, base: FilePath, where: Where) -> settings.Database:
    """[database], its password unread."""
    section = document.database
    password = secret_ref(section.password, ("database", "password"), where) if section.password else None
    return settings.Database(url=section.url, base=base, password=password, where=where(("database", "url")))


def database_at(url: str, base: FilePath, where: str, language: Language) -> settings.Database:
    """The database that a command names as `where`; relative paths start from `base`. Raises ConfigurationError."""
    try:
        section = DatabaseSection(url=url)
    except ValidationError as error:
        english, french = SENTENCES[error.errors()[0]["type"]]
        sentence = (french if language is Language.FR else english).format(value="")
        raise ConfigurationError([f"{where}: {sentence}"]) from None
    return settings.Database(url=section.url, base=base, password=None, where=where)


def sending_of(document: Document) -> settings.Sending:
    """[sending]."""
    section = document.sending
    return settings.Sending(
        breaker_count=section.breaker.count,
        breaker_per=parse_duration(section.breaker.per),
        connections=section.connections,
        give_up_after=parse_duration(section.give_up_after),
    )


def secret_ref(keys: SecretKeys, path: Path, where: Where) -> SecretRef:
    """Where a secret is, for the values that adapters are given."""
    (name,) = keys.model_fields_set
    value = getattr(keys, name)
    return SecretRef(
        source=SecretSource(name), value=value if isinstance(value, tuple) else (value,), where=where(path)
    )


def _smtp(
    name: str, section: SmtpKeys, path: Path, rate: int | None, base: FilePath, where: Where
) -> settings.SmtpAccount:
    if rate is None and section.host.lower().endswith(".office365.com"):
        rate = MICROSOFT_RATE
    return settings.SmtpAccount(
        name=name,
        host=section.host,
        port=section.port or SMTP_PORTS[section.security],
        security=section.security,
        username=section.username,
        password=secret_ref(section.password, (*path, "password"), where) if section.password else None,
        ca_file=base / section.ca_file if section.ca_file else None,
        timeout=parse_duration(section.timeout).total_seconds(),
        rate_per_minute=rate,
    )


def _imap(section: MailboxSection, server: ImapKeys, base: FilePath, password: SecretRef) -> settings.ImapAccount:
    return settings.ImapAccount(
        server=section.imap,
        host=server.host,
        port=server.port or IMAP_PORTS[server.security],
        security=server.security,
        ca_file=base / server.ca_file if server.ca_file else None,
        username=username_of(section),
        password=password,
        timeout=parse_duration(server.timeout).total_seconds(),
        poll=parse_duration(server.poll).total_seconds(),
        idle_renew=parse_duration(server.idle_renew).total_seconds(),
        per_account=server.per_account,
        logins_at_once=server.logins_at_once,
        max_connections=server.max_connections,
        sieve_host=server.sieve_host or server.host,
        sieve_port=server.sieve_port,
    )
