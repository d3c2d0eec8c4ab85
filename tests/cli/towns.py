"""A configuration of real servers, of which a test changes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from servers.dovecot import Dovecot
from servers.postfix import Postfix

PASSWORD = "pw"
SECRETS = {"IMAP_PASSWORD": PASSWORD, "SMTP_PASSWORD": PASSWORD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Where the servers are and who is watched; `write` makes a configuration file of it."""

    users: Sequence[str]
    folders: Sequence[str] = ("INBOX",)
    imap_host: str = "localhost"
    imap_port: int
    smtp_host: str = "localhost"
    smtp_port: int
    ca_file: Path | None
    database: str = "sqlite:///mailwatch.db"
    authserv_id: Sequence[str] = ("mx.example.test",)
    more: str = ""
    secrets: Mapping[str, str] = field(default_factory=lambda: SECRETS)

    def but(self, **changes: Any) -> Self:
        """The same town, except for this."""
        return replace(self, **changes)

    def write(self, folder: Path) -> Path:
        """The configuration file, in `folder`."""
        trusted = f'ca_file = "{self.ca_file}"' if self.ca_file else ""
        path = folder / "mailwatch.toml"
        path.write_text(
            f"""
[organisation]
name = "Bibliothèque municipale"
timezone = "America/Toronto"
languages = ["fr", "en"]
domains = ["example.test"]

[database]
url = "{self.database}"

[calendar]
country = "CA"
subdivision = "ON"
hours = ["09:00-17:00"]

[smtp]
host = "{self.smtp_host}"
port = {self.smtp_port}
security = "starttls"
username = "{self.users[0]}"
password = {{ env = "SMTP_PASSWORD" }}
timeout = "5s"
{trusted}

[imap.main]
host = "{self.imap_host}"
port = {self.imap_port}
security = "tls"
timeout = "5s"
{trusted}

[acknowledgement]
authserv_id = [{", ".join(f'"{name}"' for name in self.authserv_id)}]

[[people]]
email = "anne@example.test"
name = "Anne Côté"
{"".join(map(self._mailbox, self.users))}
{self.more}
""",
            encoding="utf-8",
        )
        return path

    def _mailbox(self, user: str) -> str:
        folders = ", ".join(f'"{name}"' for name in self.folders)
        return f"""
[[mailbox]]
address = "{user}"
kind = "shared"
imap = "main"
password = {{ env = "IMAP_PASSWORD" }}
owners = ["anne@example.test"]
folders = [{folders}]
"""


def a_town(dovecot: Dovecot, postfix: Postfix, *users: str) -> Town:
    """Everything as it should be: TLS for reading, STARTTLS and a login for sending."""
    ports = dovecot.ports["IMAPS"], postfix.ports["SUBM"]
    return Town(users=users, imap_port=ports[0], smtp_port=ports[1], ca_file=dovecot.ca_file)
