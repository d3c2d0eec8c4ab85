"""What people do with their mail programs, over IMAP: the same on every server."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from imapclient import IMAPClient

Flags = frozenset[str]


class MailPrograms:
    """For servers with `ports["IMAP"]` (plain text) and one `password` for all. `prefix_of_folders`: "INBOX.", say."""

    ports: dict[str, int]
    password: str
    prefix_of_folders = ""
    _connections: dict[str, IMAPClient]

    def client(self, user: str) -> IMAPClient:
        """A plain connection of a person's mail program, kept open until the server ends; not read-only."""
        if user not in self._connections:
            client = IMAPClient("127.0.0.1", self.ports["IMAP"], ssl=False, timeout=10)
            client.normalise_times = False
            client.login(user, self.password)
            self._connections[user] = client
        return self._connections[user]

    def hang_up(self) -> None:
        """Every connection ends, without a word."""
        for client in self._connections.values():
            with contextlib.suppress(OSError):
                client.shutdown()
        self._connections.clear()

    def name_of(self, folder: str) -> str:
        """What the server calls a folder."""
        return folder if folder == "INBOX" else self.prefix_of_folders + folder

    def deliver(
        self,
        user: str,
        raw: bytes,
        *,
        folder: str = "INBOX",
        internaldate: datetime | None = None,
        flags: Iterable[str] = (),
    ) -> None:
        """APPEND a message, as it is, with an INTERNALDATE (aware) and flags of your choice."""
        client, name = self.client(user), self.name_of(folder)
        if folder != "INBOX" and not client.folder_exists(name):
            client.create_folder(name)
        client.append(name, raw, tuple(flags), internaldate)

    def flags(self, user: str, folder: str = "INBOX") -> dict[int, Flags]:
        """Flags of all messages by UID (\\Recent left out: it is the server's own), as another connection sees them."""
        client = self.client(user)
        client.select_folder(self.name_of(folder), readonly=True)
        found: Mapping[int, Mapping[bytes, Sequence[bytes]]] = client.fetch(client.search(), ["FLAGS"])
        return {uid: frozenset(f.decode() for f in item[b"FLAGS"]) - {"\\Recent"} for uid, item in found.items()}

    def set_flags(self, user: str, uids: Sequence[int], flags: Sequence[str], folder: str = "INBOX") -> None:
        """What a person does who reads or answers a message."""
        client = self.client(user)
        client.select_folder(self.name_of(folder))
        client.add_flags(list(uids), list(flags))
