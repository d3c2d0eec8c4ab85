"""A user of the test server: mail for them, what the server answered, and their scripts as files."""

import email
import itertools
import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from servers.dovecot import Dovecot
from system.sink import Sink

from mailwatch.domain.server_notices import ServerNotice
from mailwatch.services.publish import WantedScript
from mailwatch.sieve.client import ManageSieve, open_scripts
from mailwatch.sieve.script import compose_script, needed_extensions

_senders = itertools.count(1)

HOUR = timedelta(hours=1)
OWN_SCRIPT = 'require "fileinto";\r\n# à moi ; "mailwatch" n’y touche pas\r\nif false { fileinto "Trash"; }\r\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class ASieveAccount:
    """What `open_scripts` takes."""

    sieve_port: int
    username: str
    ca_file: Path | None
    sieve_host: str = "localhost"
    timeout: float = 5.0


class Post:
    """A user, and what happens to their mail."""

    def __init__(self, server: Dovecot, sink: Sink, user: str) -> None:
        self.server, self.sink, self.user = server, sink, user

    def account(self, **fields: Any) -> ASieveAccount:
        """Their account."""
        defaults: dict[str, Any] = {
            "sieve_port": self.server.ports["SIEVE"],
            "username": self.user,
            "ca_file": self.server.ca_file,
        }
        return ASieveAccount(**(defaults | fields))

    def session(self, **fields: Any) -> AbstractAsyncContextManager[ManageSieve]:
        """A session of theirs."""
        return open_scripts(self.account(**fields), self.server.password)

    def notice(self, *, since: timedelta = -HOUR, until: timedelta | None = HOUR, **fields: Any) -> ServerNotice:
        """An absence about now."""
        now = datetime.now(UTC)
        defaults: dict[str, Any] = {
            "addresses": (self.user,),
            "start": now + since,
            "end": now + until if until is not None else None,
            "subject": "Absence : Marie",
            "text": "De retour lundi.\n",
        }
        return ServerNotice(**(defaults | fields))

    def wanted(self, **fields: Any) -> WantedScript:
        """The script for such an absence."""
        notice = self.notice(**fields)
        return WantedScript(text=compose_script(notice), extensions=needed_extensions(notice))

    def write(self, sender: str = "", *, to: str = "") -> list[EmailMessage]:
        """Deliver a message; what the server answered to it, which has left before the delivery is confirmed."""
        sender = sender or f"parent{next(_senders)}@example.org"
        before = len(self.sink.letters)
        raw = (
            f"From: {sender}\r\nTo: {to or self.user}\r\nSubject: Question\r\nMessage-ID: <q@example.org>\r\n\r\n?\r\n"
        )
        self.server.deliver_by_lmtp([self.user], raw.encode(), sender)
        letters = self.sink.letters[before:]
        assert {letter.recipient for letter in letters} <= {sender}
        return [email.message_from_bytes(_undotted(letter.body), policy=default) for letter in letters]

    @property
    def home(self) -> Path:
        """Their folder on the server."""
        local, domain = self.user.split("@")
        return self.server.folder / "mail" / domain / local

    def script(self, name: str) -> bytes:
        """One of their scripts as it lies on the disk."""
        return (self.home / "sieve" / f"{name}.sieve").read_bytes()

    def active(self) -> str:
        """The name of the active script, or ""."""
        link = self.home / ".dovecot.sieve"
        return link.readlink().stem if link.is_symlink() else ""


def _undotted(body: bytes) -> bytes:
    """A message as it was before SMTP doubled the dots that begin lines (RFC 5321 §4.5.2)."""
    return re.sub(rb"^\.", b"", body, flags=re.MULTILINE)


def words_of(answer: EmailMessage) -> str:
    """The text of an answer, its lines ended by \\n."""
    text: str = answer.get_content()
    return text.replace("\r\n", "\n")
