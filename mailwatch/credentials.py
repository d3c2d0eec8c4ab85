"""What the configuration names secrets for, with them resolved: passwords of mailboxes, and mailers."""

from collections.abc import Mapping

from mailwatch.config import Config
from mailwatch.errors import ConfigurationError
from mailwatch.ports import Mailer
from mailwatch.smtp import SmtpMailer


def resolve_credentials(config: Config, environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Mailer]]:
    """Passwords by mailbox, and mailers by name. Raises ConfigurationError with all problems at once."""
    problems: list[str] = []
    passwords: dict[str, str] = {}
    for mailbox in config.mailboxes():
        try:
            account = config.imap_account(mailbox.address)
            passwords[mailbox.address] = account.password.resolve(config.base, environ).reveal()
        except ConfigurationError as error:
            problems += error.problems
    mailers: dict[str, Mailer] = {}
    for name, sender in config.smtp_senders().items():
        try:
            mailers[name] = _make_mailer(config, name, sender, environ)
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return passwords, mailers


def _make_mailer(config: Config, name: str, sender: str, environ: Mapping[str, str]) -> SmtpMailer:
    account = config.smtp_accounts()[name]
    password = account.password.resolve(config.base, environ).reveal() if account.password else None
    most = config.sending.connections + 1  # one for alerts that go directly: no entry waits beyond its lease
    return SmtpMailer(account, password=password, connections=most, probe_from=sender)
