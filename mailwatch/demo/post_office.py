"""Embedded servers on the caller's event loop: pymap for IMAP, aiosmtpd for SMTP, both on 127.0.0.1.

The connections are kept by asyncio.start_server: pymap's own service drops the task of each connection, and on
Python 3.12 the garbage collector then ends it.
"""

import asyncio
import imaplib
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Identity, Login
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

NO_OPTIONS = Namespace(
    host=None,
    port=0,
    debug=False,
    cert=None,
    key=None,
    tls=False,
    proxy_protocol=None,
    passlib_cfg=None,
    demo_data=False,
    demo_user="",
    demo_password="",
)


class _Config(Config):
    greeting = b"ready"  # the inherited property asks DNS for this host's name, on the event loop


class PostOffice:
    """IMAP accounts for the watched mailboxes; everybody else's post lies in `letters`, by lower-case address."""

    def __init__(self, now: Callable[[], datetime], password: str) -> None:
        self._now = now
        self._password = password
        self._inboxes: dict[str, object] = {}
        self.letters: dict[str, list[bytes]] = defaultdict(list)
        self.imap_port = 0
        self.smtp_port = 0

    async def start(self, addresses: Sequence[str]) -> None:
        """Open both servers on free ports, with an account for each address."""
        config = _Config.from_args(NO_OPTIONS, invalid_user_sleep=0.0, hash_context=Cleartext())
        login = Login(config)
        for address in addresses:
            identity = Identity(address, login, None, frozenset())
            await identity.set(UserMetadata(config, address, password=self._password))
            async with identity.new_session() as session:
                await session.mailbox_set.add_mailbox("Sent")
                self._inboxes[address] = await session.mailbox_set.get_mailbox("INBOX")
        server = IMAPServer(login, config)
        self._imap = await asyncio.start_server(
            lambda reader, writer: server(reader, writer, SocketInfo.get(writer, None, unique_id=uuid4().bytes)),
            "127.0.0.1",
            0,
        )
        self._smtp = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="demo", enable_SMTPUTF8=True), "127.0.0.1", 0
        )
        self.imap_port = self._imap.sockets[0].getsockname()[1]
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]

    async def deliver(self, address: str, raw: bytes) -> None:
        """Put a message in a watched mailbox; the demo's clock gives its INTERNALDATE."""
        inbox = self._inboxes[address]
        await inbox.append(AppendMessage(raw, self._now()), recent=True)  # type: ignore[attr-defined]

    async def mark_answered(self, address: str, message_id: str) -> None:
        """What Outlook does when somebody of the staff answers: the flag \\Answered on the original."""
        await asyncio.to_thread(self._mark_answered, address, message_id)

    def _mark_answered(self, address: str, message_id: str) -> None:
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=10) as client:
            client.login(address, self._password)
            client.select("INBOX")
            _, found = client.search(None, "HEADER", "Message-ID", message_id)
            for number in found[0].split():
                client.store(number.decode(), "+FLAGS", "(\\Answered)")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook: what mailwatch submits."""
        sender = (envelope.mail_from or "").strip("<>")
        raw = f"Return-Path: <{sender}>\r\n".encode() + (envelope.original_content or b"")
        for recipient in map(str.lower, envelope.rcpt_tos):
            if recipient in self._inboxes:
                await self.deliver(recipient, raw)
            else:
                self.letters[recipient].append(raw)
        return "250 2.0.0 accepted"

    async def close(self) -> None:
        """Stop listening."""
        self._imap.close()
        self._smtp.close()
