"""Accounts on the test servers, as `mailwatch.imap` takes them."""

from dataclasses import dataclass
from pathlib import Path

from servers.dovecot import Dovecot


@dataclass(frozen=True, slots=True, kw_only=True)
class AnAccount:
    """Seconds are short enough for tests; `poll` and `idle_renew` so long that they don't explain a success."""

    server: str = "main"
    host: str = "localhost"
    port: int = 0
    security: str = "none"
    ca_file: Path | None = None
    username: str = "marie@example.test"
    timeout: float = 5.0
    poll: float = 300.0
    idle_renew: float = 300.0
    per_account: int = 4
    logins_at_once: int = 10
    max_connections: int = 0


def an_account(dovecot: Dovecot, user: str, *, security: str = "none") -> AnAccount:
    """A user's account on a Dovecot."""
    port = dovecot.ports["IMAPS" if security == "tls" else "IMAP"]
    return AnAccount(port=port, security=security, ca_file=dovecot.ca_file, username=user)
