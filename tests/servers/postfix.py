"""Postfix 3.7 in front of a Dovecot: SMTP, submission, SMTPS. Ready in about 50 ms."""

import grp
import os
import pwd
import signal
import subprocess
import time
from pathlib import Path
from string import Template
from typing import Self

from servers.dovecot import Dovecot
from servers.ports import free_ports
from servers.processes import Server, find_program, require_root

_HERE = Path(__file__).parent
_QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]


class Postfix(Server):
    """`ports`: SMTP, SUBM (STARTTLS, AUTH), SMTPS (TLS, AUTH); users, password and certificate are Dovecot's.

    `mynetworks` may relay: every local client by default, none with "127.0.0.2/32". `transport` takes mail for other
    domains: an error, or "smtp:[127.0.0.1]:PORT". With `bounces`, mail to unknown users is accepted and bounces later.
    """

    prefix = "pf"
    greeting = b"220"

    def __init__(
        self,
        dovecot: Dovecot,
        *,
        mynetworks: str = "127.0.0.0/8",
        transport: str = "error:5.1.2 no mail leaves this machine",
        bounces: bool = False,
        extra: str = "",
    ) -> None:
        require_root("Postfix")
        super().__init__()
        submission, smtps = free_ports(2)
        self.ports = {"SMTP": dovecot.ports["MTA"], "SUBM": submission, "SMTPS": smtps}
        self._values = {
            **{name: str(port) for name, port in {**dovecot.ports, **self.ports}.items()},
            "folder": str(self.folder),
            "domain": dovecot.domain,
            "mynetworks": mynetworks,
            "transport": transport,
            "recipients": "static:any" if bounces else f"texthash:{self.folder}/boxes",
            "certificate": str(dovecot.certificate.certificate),
            "key": str(dovecot.certificate.key),
        }
        self._write("main.cf", self._filled("postfix_main.cf") + extra)
        self._write("master.cf", self._filled("postfix_master.cf"))
        self._write("boxes", "".join(f"{user} x\n" for user in dovecot.users))
        self._write("answers", "")
        self._make_queue()

    def _filled(self, template: str) -> str:
        return Template((_HERE / template).read_text()).substitute(self._values)

    def _write(self, name: str, text: str) -> None:
        """Back-dated: Postfix sleeps until a configuration file is older than a second or two."""
        path = self.folder / name
        path.write_text(text)
        earlier = time.time() - 60
        os.utime(path, (earlier, earlier))

    def _make_queue(self) -> None:
        """The folders that Postfix's own set-up would make, in 9 ms instead of a second."""
        owner, drop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        spool = self.folder / "spool"
        folders = [(spool, 0, 0, 0o755), (spool / "pid", 0, 0, 0o755)]
        folders += [(spool / name, owner, 0, 0o700) for name in _QUEUES]
        folders += [(spool / "maildrop", owner, drop, 0o1730), (spool / "public", owner, drop, 0o2710)]
        folders += [(self.folder / "data", owner, pwd.getpwnam("postfix").pw_gid, 0o700)]
        for path, uid, gid, mode in folders:
            path.mkdir()
            os.chown(path, uid, gid)
            path.chmod(mode)

    def start(self) -> Self:
        """Start, also after `kill`."""
        master = find_program("/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master")
        environment = {"MAIL_CONFIG": str(self.folder), "MAIL_LOGTAG": "postfix"}
        self._launch([master, "-c", str(self.folder), "-s"], self.ports["SMTP"], environment)
        return self

    def answer(self, recipient: str, reply: str = "") -> None:
        """Answer RCPT TO this address with `reply` ("450 4.7.1 Greylisted"); "" answers as usual again."""
        self._write("answers", f"{recipient} {reply}\n" if reply else "")
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def queue(self) -> list[str]:
        """What waits, one JSON object for each message."""
        command = ["postqueue", "-c", str(self.folder), "-j"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    def log(self) -> str:
        """Everything the server logged."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""
