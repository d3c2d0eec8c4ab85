"""Cyrus 3.6, unpacked by tools/unpack-servers: IMAP without TLS. Ready in about 0.5 s.

Its ways: folders below "INBOX.", special use in lower case, everything else that Dovecot has, too.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Self

from servers.mail_programs import MailPrograms
from servers.ports import free_ports
from servers.processes import Server, require_root
from servers.unpacked import unpacked

_HERE = Path(__file__).parent
_REALM = "cyrus.example.test"  # as `servername` in imapd.conf
_FOLDERS = ("conf", *(f"conf/{name}" for name in ("db", "lock", "log", "msg", "proc", "quota", "socket", "user")))


class Cyrus(MailPrograms, Server):
    """`ports`: IMAP. With `altnamespace`, folders stand beside INBOX, as in Dovecot."""

    prefix = "cy"
    greeting = b"* OK"

    def __init__(self, users: Sequence[str] = ("marie",), password: str = "pw", *, altnamespace: bool = False) -> None:
        require_root("Cyrus")
        self._unpacked = unpacked("cyrus")
        super().__init__()
        self.ports = {"IMAP": free_ports(1)[0]}
        self.password = password
        self.prefix_of_folders = "" if altnamespace else "INBOX."
        self._connections = {}
        for name in (*_FOLDERS, "spool"):
            (self.folder / name).mkdir()
        self._configure(altnamespace)
        for user in users:
            self._add(user)
        for path in (self.folder, *self.folder.rglob("*")):
            shutil.chown(path, "nobody")

    def _configure(self, altnamespace: bool) -> None:
        for name in ("cyrus.conf", "imapd.conf"):
            text = Template((_HERE / name).read_text()).substitute(
                folder=self.folder,
                programs=self._unpacked.root / "usr/lib/cyrus/bin",
                altnamespace="yes" if altnamespace else "no",
                IMAP=self.ports["IMAP"],
            )
            (self.folder / name).write_text(text)

    def _add(self, user: str) -> None:
        program = self._unpacked.root / "usr/sbin/saslpasswd2"
        database = self.folder / "conf/sasldb2"
        subprocess.run(
            [program, "-p", "-c", "-f", database, "-u", _REALM, user],
            input=self.password.encode(),
            env=self._unpacked.environment,
            check=True,
        )

    def start(self) -> Self:
        """Start, also after `kill`."""
        folder = self.folder
        master = str(self._unpacked.root / "usr/lib/cyrus/bin/master")
        files = ["-C", f"{folder}/imapd.conf", "-M", f"{folder}/cyrus.conf", "-p", f"{folder}/master.pid"]
        self._launch([master, *files, "-L", f"{folder}/output", "-D"], self.ports["IMAP"], self._unpacked.environment)
        return self

    def kill(self) -> None:
        """A crash: every connection is reset at once."""
        self.hang_up()
        super().kill()
