"""Courier 5.0, unpacked by tools/unpack-servers: IMAP without TLS. Ready in about 0.3 s.

Its ways: folders below "INBOX.", no special use, no CONDSTORE, and an IDLE that is a poll in the server.
"""

import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from servers.mail_programs import MailPrograms
from servers.ports import free_ports
from servers.processes import Server, require_root
from servers.unpacked import unpacked

_HERE = Path(__file__).parent


class Courier(MailPrograms, Server):
    """`ports`: IMAP."""

    prefix = "co"
    greeting = b"* OK"
    prefix_of_folders = "INBOX."

    def __init__(self, users: Sequence[str] = ("marie",), password: str = "pw") -> None:
        require_root("Courier")
        self._unpacked = unpacked("courier")
        super().__init__()
        self.ports = {"IMAP": free_ports(1)[0]}
        self.password = password
        self._connections = {}
        settings = self.folder / "etc" / "courier"
        settings.mkdir(parents=True)
        (self.folder / "work").mkdir()
        for name in ("imapd", "authdaemonrc"):
            shutil.copy(_HERE / name, settings)
        (settings / "userdb").write_text("".join(self._add(user) for user in users))
        (settings / "userdb").chmod(0o600)  # makeuserdb refuses another

    def _add(self, user: str) -> str:
        """An empty Maildir, and the user's line."""
        home, nobody = self.folder / "mail" / user, pwd.getpwnam("nobody")
        home.mkdir(parents=True)
        program = self._unpacked.root / "usr/bin/maildirmake.courier"
        subprocess.run([program, home / "Maildir"], env=self._unpacked.environment, check=True)
        for path in (self.folder / "mail", home, *home.rglob("*")):
            shutil.chown(path, nobody.pw_uid, nobody.pw_gid)
        command = ["openssl", "passwd", "-6", self.password]
        secret = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        who = f"home={home}|mail={home}/Maildir|uid={nobody.pw_uid}|gid={nobody.pw_gid}"
        return f"{user}\t{who}|systempw={secret}|imappw={secret}\n"

    def start(self) -> Self:
        """Start, also after `kill`. A process namespace of its own: its daemons end with it."""
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        script = ["sh", str(_HERE / "run"), str(self.folder), str(self.ports["IMAP"]), str(self._unpacked.root)]
        self._launch([*alone, *script], self.ports["IMAP"], self._unpacked.environment)
        return self

    def deliver(self, user: str, raw: bytes, *, folder: str = "INBOX", **how: Any) -> None:
        """APPEND, which Courier refuses while the same connection has the folder open read-only."""
        client, name = self.client(user), self.name_of(folder)
        if client.folder_exists(name):
            client.select_folder(name)
        super().deliver(user, raw, folder=folder, **how)

    def kill(self) -> None:
        """A crash: every connection is reset at once."""
        self.hang_up()
        super().kill()
