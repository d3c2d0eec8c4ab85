"""Mail servers, the people on them, and the configuration that IT would write for them."""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from servers.dovecot import Dovecot
from servers.postfix import Postfix
from system.letters import AMINA, INSCRIPTIONS, LOUIS, NADIA, OMAR, SOPHIE

MARIE = "marie.tremblay@cscmonavenir.example"
PAUL = "paul.roy@cscmonavenir.example"
IT = "informatique@cscmonavenir.example"
TRANSPORT = "transport@cscmonavenir.example"
ROBOT = "mailwatch@cscmonavenir.example"  # the account that submits
PEOPLE = (INSCRIPTIONS, TRANSPORT, SOPHIE, LOUIS, AMINA, OMAR, NADIA, MARIE, PAUL, IT, ROBOT)
PASSWORD = "mot de passe"
SECRETS = {"MAILBOX_PASSWORD": PASSWORD, "SMTP_PASSWORD": PASSWORD, "WRONG_PASSWORD": "autre chose"}
HOURS = """\
country = "CA"
subdivision = "ON"
hours = ["08:30-12:00", "13:00-16:30"]
"""


def now() -> datetime:
    """The real time: the service has no other."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Town:
    """One Dovecot with everybody's mailbox, one Postfix before it; two domains, ours and the requesters'."""

    dovecot: Dovecot
    postfix: Postfix

    def submit(
        self, raw: bytes, *, account: str = SOPHIE, sender: str | None = None, to: str | Sequence[str] = INSCRIPTIONS
    ) -> None:
        """A mail program submits: STARTTLS, AUTH. `sender` is the reverse-path, `account`'s address if left out."""
        context = ssl.create_default_context(cafile=str(self.dovecot.ca_file))
        with smtplib.SMTP("localhost", self.postfix.ports["SUBM"], timeout=10) as smtp:
            smtp.starttls(context=context)
            smtp.login(account, PASSWORD)
            smtp.sendmail(account if sender is None else sender, [to] if isinstance(to, str) else to, raw)

    def mail_of(self, user: str) -> list[bytes]:
        """Everything in somebody's INBOX, oldest first; nothing is marked as read."""
        client = self.dovecot.client(user)
        client.select_folder("INBOX", readonly=True)
        found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def arrival_of(self, uid: int) -> datetime:
        """INTERNALDATE of a request."""
        client = self.dovecot.client(INSCRIPTIONS)
        client.select_folder("INBOX", readonly=True)
        arrived: datetime = client.fetch([uid], ["INTERNALDATE"])[uid][b"INTERNALDATE"]
        return arrived

    def uid_of(self, message_id: str) -> int:
        """The UID of a request in INBOX."""
        client = self.dovecot.client(INSCRIPTIONS)
        client.select_folder("INBOX", readonly=True)
        (uid,) = client.search(["HEADER", "Message-ID", message_id])
        return int(uid)

    def move(self, uid: int, folder: str) -> None:
        """A mail program moves a request out of INBOX."""
        client = self.dovecot.client(INSCRIPTIONS)
        client.select_folder("INBOX")
        client.move([uid], folder)

    def flags(self) -> dict[tuple[str, str], dict[int, frozenset[str]]]:
        """The flags of every message by UID, in each folder of everybody's; empty folders are left out."""
        folders = {(user, name) for user in self.dovecot.users for *_, name in self.dovecot.client(user).list_folders()}
        found = {place: self.dovecot.flags(*place) for place in folders}
        return {place: flags for place, flags in found.items() if flags}

    def census(self) -> dict[str, int]:
        """How many messages lie in each mailbox, over all its folders; empty ones are left out."""
        counts = {}
        for user in self.dovecot.users:
            client = self.dovecot.client(user)
            folders = [name for _, _, name in client.list_folders()]
            counts[user] = sum(client.select_folder(name, readonly=True)[b"EXISTS"] for name in folders)
        return {user: count for user, count in counts.items() if count}


@contextmanager
def a_town() -> Iterator[Town]:
    """Postfix takes mail for unknown people and reports that it could not deliver it, as many relays do."""
    domains = "virtual_mailbox_domains = cscmonavenir.example, courriel.example\n"
    with (
        Dovecot(PEOPLE, PASSWORD, domain="cscmonavenir.example") as dovecot,
        Postfix(dovecot, bounces=True, extra=domains) as postfix,
    ):
        yield Town(dovecot, postfix)


# --- the configuration ------------------------------------------------------------------------------------------------

_CONFIGURATION = """\
[organisation]
name = "Conseil scolaire catholique MonAvenir"
timezone = "America/Toronto"
languages = ["fr", "en"]
domains = ["cscmonavenir.example"]

[database]
url = "{database}"

[calendar]
{hours}
[standard]
acknowledge_within = "48h"
answer_within = "5 business days"

[acknowledgement]
delay = "{delay}"

[sending]
breaker = {{ count = {breaker}, per = "10m" }}
connections = {connections}

[[people]]
email = "marie.tremblay@cscmonavenir.example"
name = "Marie Tremblay"

{servers}
{mailboxes}
"""

_MAILBOX = """\
[[mailbox]]
address = "{address}"
name = {{ fr = "Service des inscriptions", en = "Admissions" }}
kind = "shared"
imap = "{imap}"
username = "{username}"
password = {{ env = "{password}" }}
owners = ["marie.tremblay@cscmonavenir.example"]
"""

_IMAP = """\
[imap.{name}]
host = "localhost"
port = {port}
security = "tls"
ca_file = "{ca_file}"
timeout = "{timeout}"
poll = "{poll}"
"""


def smtp_with_login(town: Town, *, table: str = "smtp", password: str = "SMTP_PASSWORD") -> str:
    """Submission with STARTTLS and AUTH; the server's certificate is trusted by `ca_file`."""
    return f"""\
[{table}]
host = "localhost"
port = {town.postfix.ports["SUBM"]}
security = "starttls"
username = "{ROBOT}"
password = {{ env = "{password}" }}
ca_file = "{town.dovecot.ca_file}"
"""


def smtp_plain(port: int) -> str:
    """A sink on this machine."""
    return f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'


def an_imap_server(
    dovecot: Dovecot, *, name: str = "main", port: int = 0, timeout: str = "10s", poll: str = "5m"
) -> str:
    """An [imap.NAME]; Dovecot's own port if none is given."""
    port = port or dovecot.ports["IMAPS"]
    return _IMAP.format(name=name, port=port, ca_file=dovecot.ca_file, timeout=timeout, poll=poll)


def an_imap_server_in_plain_text(port: int, *, poll: str = "5m") -> str:
    """An [imap.main] without TLS, on this machine."""
    return f'[imap.main]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\ntimeout = "10s"\npoll = "{poll}"\n'


def a_watched_mailbox(
    address: str = INSCRIPTIONS,
    *,
    imap: str = "main",
    username: str = "",
    password: str = "MAILBOX_PASSWORD",
    more: str = "",
) -> str:
    """A [[mailbox]]; the address is its user name if none is given, `password` names a variable of the environment,
    `more` holds keys."""
    return _MAILBOX.format(address=address, imap=imap, username=username or address, password=password) + more


def a_configuration(
    database: str,
    smtp: str,
    imap: Sequence[str],
    mailboxes: Sequence[str] = (),
    *,
    delay: str = "0s",
    breaker: int = 10_000,
    connections: int = 4,
    hours: str = HOURS,
    more: str = "",
) -> str:
    """A whole configuration file; without `mailboxes` it watches the admissions service.

    `hours` holds the keys of [calendar], `more` further sections.
    """
    return _CONFIGURATION.format(
        database=database,
        delay=delay,
        breaker=breaker,
        connections=connections,
        hours=hours,
        servers="\n".join([smtp, *imap, more]),
        mailboxes="\n".join(mailboxes or [a_watched_mailbox()]),
    )
