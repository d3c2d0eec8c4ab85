"""Dovecot 2.3: IMAP, IMAPS, LMTP, and Sieve by Pigeonhole where it is asked for. Ready in about 60 ms."""

import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Self

from servers.mail_programs import MailPrograms
from servers.ports import free_ports
from servers.processes import Server, find_program, require_root
from servers.tls import Certificate, make_certificate

_TEMPLATE = Path(__file__).with_name("dovecot.conf")
_SIEVE_TEMPLATE = Path(__file__).with_name("dovecot_sieve.conf")


def lay_down(maildir: Path, name: str, raw: bytes) -> None:
    """As a delivery agent does it: written aside, then moved to where the server looks at any moment."""
    aside = maildir / "tmp" / name
    aside.write_bytes(raw)
    shutil.chown(aside, "nobody", "nogroup")
    aside.rename(maildir / "new" / name)


class Dovecot(MailPrograms, Server):
    """`ports`: IMAP, IMAPS, LMTP, SIEVE, SASL (for Postfix), MTA (kept for Postfix). `ca_file` is what clients trust.

    `clients` connections share an imap process: 100 for many idle ones, 1 (true to life) for measuring throughput.
    `sieve_answers_to` is the SMTP port to which scripts send; with it, and only then, there is ManageSieve and Sieve.
    `extra` is appended to the configuration.
    """

    prefix = "dv"
    greeting = b"* OK"

    def __init__(
        self,
        users: Sequence[str] = ("marie@example.test",),
        password: str = "pw",
        *,
        domain: str = "example.test",
        certificate: Certificate | None = None,
        clients: int = 1,
        sieve_answers_to: int | None = None,
        extra: str = "",
    ) -> None:
        require_root("Dovecot")
        super().__init__()
        names = ("IMAP", "IMAPS", "LMTP", "SIEVE", "SASL", "MTA")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.users, self.password, self.domain = tuple(users), password, domain
        self.certificate = certificate or make_certificate(self.folder)
        self._connections = {}
        (self.folder / "mail").mkdir()
        shutil.chown(self.folder / "mail", "nobody", "nogroup")
        self.set_password(password)
        sieve = "" if sieve_answers_to is None else _SIEVE_TEMPLATE.read_text()
        self._configure(sieve + extra, clients=clients, answers=sieve_answers_to)

    @property
    def ca_file(self) -> Path:
        """The server's own certificate."""
        return self.certificate.certificate

    def _configure(self, extra: str, **values: int | None) -> None:
        text = Template(_TEMPLATE.read_text() + extra).substitute(
            {key: str(port) for key, port in self.ports.items()} | values,
            folder=self.folder,
            name=self.folder.name,
            domain=self.domain,
            certificate=self.certificate.certificate,
            key=self.certificate.key,
        )
        (self.folder / "dovecot.conf").write_text(text)

    def start(self) -> Self:
        """Start, also after `kill`."""
        (self.folder / "run" / "master.pid").unlink(missing_ok=True)
        program = find_program("dovecot", "/usr/sbin/dovecot")
        self._launch([program, "-F", "-c", str(self.folder / "dovecot.conf")], self.ports["IMAP"])
        return self

    def kill(self) -> None:
        """A crash: every connection is reset at once."""
        self.hang_up()
        super().kill()

    def set_password(self, password: str) -> None:
        """Give every user a new password; it counts at the next login."""
        (self.folder / "users").write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user in self.users))

    # --- what a person or another server would do ------------------------------------------------------------------

    def deliver_by_lmtp(self, users: Sequence[str], raw: bytes, sender: str = "parent@example.org") -> None:
        """Deliver as a mail server would: with Return-Path, Delivered-To and Received."""
        with smtplib.LMTP("127.0.0.1", self.ports["LMTP"]) as lmtp:
            for user in users:  # one by one: smtplib doesn't read LMTP's answer for each recipient
                lmtp.sendmail(sender, [user], raw)

    def fill(self, user: str, messages: Iterable[bytes]) -> int:
        """Put thousands of messages straight into the Maildir (INTERNALDATE: now); how many."""
        local, domain = user.split("@")
        maildir = self.folder / "mail" / domain / local / "Maildir"
        self.client(user).select_folder("INBOX", readonly=True)  # so that the folders are there
        count = 0
        for count, raw in enumerate(messages, start=1):
            lay_down(maildir, f"{int(time.time())}.M{count:06}.test", raw)
        return count

    def change_uidvalidity(self, user: str, uidvalidity: int, folder: str = "INBOX") -> None:
        """What a restore or a migration does."""
        self.doveadm("mailbox", "update", "--uid-validity", str(uidvalidity), "-u", user, folder)

    def doveadm(self, *arguments: str) -> str:
        """Run the administrator's command; what it printed."""
        command = ["doveadm", "-c", str(self.folder / "dovecot.conf"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def log(self) -> str:
        """Everything the server logged."""
        return (self.folder / "log").read_text()
