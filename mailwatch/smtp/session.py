"""One connection to a submission server: opened, logged in, then one transaction after another.

aiosmtplib's `sendmail` can't say on which side of the final dot a connection died, so its commands are given singly.
No wait in here has a timeout of its own: the caller puts one over each phase, and a session is closed by whatever
interrupts it (a late reply must never be taken for the next one's).
"""

import re
import socket
import ssl
from dataclasses import dataclass, field

import aiosmtplib

from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind
from mailwatch.smtp.replies import Stage, judge_reply, tidy

# Over TLS the plain mechanisms; else the one that doesn't show the password.
_MECHANISMS_SECURE = ("plain", "login", "cram-md5")
_MECHANISMS_OPEN = ("cram-md5", "plain", "login")
_DOT_AT_LINE_START = re.compile(rb"(?m)^\.")
_UNKNOWN_MECHANISM = 504  # RFC 4954 §4


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where and as whom to submit. `security`: "tls" | "starttls" | "none"; `timeout` in seconds."""

    host: str
    port: int
    security: str
    username: str | None
    password: str = field(repr=False)
    context: ssl.SSLContext | None = field(repr=False)
    timeout: float
    hostname: str  # what we call ourselves in EHLO


class Unsent(Exception):
    """Nothing of the message was written; `outcome` says why, and is never SENT.

    A 2xx where another reply was due (a banner of 250, a 235 without a challenge) says that the server is out of step.
    """

    def __init__(self, outcome: Outcome) -> None:
        if outcome.kind is OutcomeKind.SENT:
            outcome = deferred(f"a reply out of step: {outcome.code} {outcome.text}")
        super().__init__(outcome.text)
        self.outcome = outcome


def deferred(text: str) -> Outcome:
    """Not sent, for no reply of a server: try again later."""
    return Outcome(kind=OutcomeKind.DEFERRED, text=tidy(text))


class Session:
    """An open, logged-in connection. Not for two tasks at once."""

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        self._smtp = smtp
        self._is_begun = False  # MAIL was given, and no final reply was had: RSET first
        self.idle_since = 0.0  # loop time

    @property
    def is_open(self) -> bool:
        """Whether the connection still stands, as far as the socket knows."""
        return self._smtp.is_connected

    async def announce(self, envelope: Envelope) -> Outcome | None:
        """MAIL, RCPT, DATA. None: the server waits for the message. Raises Unsent when the connection is lost."""
        options = self._options(envelope)
        if options is None:
            text = "the address is not ASCII, and the server doesn't offer SMTPUTF8"
            return Outcome(kind=OutcomeKind.FAILED, text=text)
        return await self.ask_sender(envelope.reverse_path, *options) or (
            await self._ask(Stage.RECIPIENT, b"RCPT", b"TO:<" + encode_path(envelope.recipient) + b">")
            or await self._ask(Stage.MESSAGE, b"DATA", awaited=3)
        )

    async def ask_sender(self, sender: str, *options: bytes) -> Outcome | None:
        """MAIL FROM: None if the server takes mail from this address. Raises Unsent when the connection is lost."""
        if self._is_begun:
            await self._ask(Stage.GREETING, b"RSET")  # RFC 5321 §4.1.1.5; where it fails, MAIL will say so
        self._is_begun = True
        return await self._ask(Stage.SENDER, b"MAIL", b"FROM:<" + encode_path(sender) + b">", *options)

    async def deliver(self, body: bytes) -> Outcome:
        """The message (CRLF lines) and its dot, after `announce`. Raises Unsent if not one octet was written.

        SMTPException and OSError leave in doubt whether the server took the message.
        """
        protocol = self._smtp.protocol
        if protocol is None or not self.is_open:
            raise Unsent(deferred("the connection was lost before the message"))
        try:
            protocol.write(_stuff(body))
            code, text = await protocol.read_response()
        except BaseException:
            self.close()
            raise
        self._is_begun = False
        return self._judge(Stage.MESSAGE, code, text)

    async def quit(self) -> None:
        """QUIT, and wait for the goodbye."""
        try:
            await self._smtp.quit(timeout=None)
        except (aiosmtplib.SMTPException, OSError):
            self.close()

    def leave(self) -> None:
        """QUIT without waiting for the goodbye."""
        if self._smtp.protocol is not None and self.is_open:
            self._smtp.protocol.write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """End the connection as it is."""
        self._smtp.close()

    async def _ask(self, stage: Stage, *command: bytes, awaited: int = 2) -> Outcome | None:
        """Give a command; None for a reply of the awaited hundred, else what it comes to. Raises Unsent."""
        verb = command[0].decode()
        try:
            code, text = await self._smtp.execute_command(*command, timeout=None)
        except aiosmtplib.SMTPException as problem:  # the connection ended, or that was no SMTP reply
            self.close()
            raise Unsent(deferred(f"the connection was lost at {verb}: {problem}")) from problem
        except BaseException:  # cancelled or timed out: the reply may still come, and must find nobody
            self.close()
            raise
        if code // 100 == awaited:
            return None
        outcome = self._judge(stage, code, text)
        if outcome.kind is OutcomeKind.SENT:
            self.close()
            raise Unsent(outcome)
        return outcome

    def _judge(self, stage: Stage, code: int, text: str) -> Outcome:
        if code == 421 or code // 100 not in (2, 4, 5):  # the server is closing, or out of step
            self.close()
        return judge_reply(stage, code, text)

    def _options(self, envelope: Envelope) -> tuple[bytes, ...] | None:
        """Parameters of MAIL (RFC 6531 §3.4); None where the server can't carry the addresses."""
        if envelope.recipient.isascii() and envelope.reverse_path.isascii():
            return ()
        if encode_path(envelope.recipient).isascii() and encode_path(envelope.reverse_path).isascii():
            return ()
        return (b"SMTPUTF8",) if self._smtp.supports_extension("smtputf8") else None


def _stuff(body: bytes) -> bytes:
    """The message as DATA takes it, dots doubled at line starts, with its final dot (RFC 5321 §4.5.2)."""
    if b"\n." in body or body.startswith(b"."):
        body = _DOT_AT_LINE_START.sub(b"..", body)
    return body + (b".\r\n" if body.endswith(b"\n") else b"\r\n.\r\n")


def encode_path(address: str) -> bytes:
    """An address as MAIL and RCPT take it: a domain of another script in A-labels (RFC 5891), the rest UTF-8."""
    if address.isascii():
        return address.encode()
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}".encode()
    except UnicodeError:
        return address.encode("utf-8", "replace")


async def open_session(server: Server) -> Session:
    """Connect, TLS, EHLO, log in. Raises Unsent with words that name the remedy; closes what it opened."""
    smtp = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=server.context,
        local_hostname=server.hostname,
        timeout=None,
    )
    try:
        await smtp.connect()
        await _greet(smtp)
        if server.username is not None:
            await _log_in(smtp, server, server.username)
    except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
        smtp.close()
        raise Unsent(_explain(problem, server)) from problem
    except BaseException:
        smtp.close()
        raise
    return Session(smtp)


async def _greet(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not smtp.is_connected:
            raise
        await smtp.helo()


async def _log_in(smtp: aiosmtplib.SMTP, server: Server, username: str) -> None:
    """Log in once: a wrong password tried with every mechanism locks accounts. Raises Unsent, SMTPException."""
    order = _MECHANISMS_OPEN if server.security == "none" else _MECHANISMS_SECURE
    offered = [mechanism for mechanism in order if mechanism in smtp.server_auth_methods]
    for mechanism in offered:
        try:
            await _AUTHENTICATE[mechanism](smtp, username.encode(), server.password.encode(), timeout=None)
        except aiosmtplib.SMTPAuthenticationError as refusal:
            if refusal.code == _UNKNOWN_MECHANISM and mechanism != offered[-1]:
                continue
            smtp.close()
            raise Unsent(judge_reply(Stage.LOGIN, refusal.code, refusal.message)) from refusal
        return
    smtp.close()
    text = "the server offers no way to log in that is known here"
    raise Unsent(Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, text=text))


_AUTHENTICATE = {
    "plain": aiosmtplib.SMTP.auth_plain,
    "login": aiosmtplib.SMTP.auth_login,
    "cram-md5": aiosmtplib.SMTP.auth_crammd5,
}


def _explain(problem: BaseException, server: Server) -> Outcome:
    """Why there is no connection, in words for the person who set it up."""
    if isinstance(problem, aiosmtplib.SMTPResponseException) and problem.code > 0:
        return judge_reply(Stage.GREETING, problem.code, problem.message)
    where = f"{server.host}:{server.port}"
    cause = problem.__cause__ or problem
    if isinstance(cause, ssl.SSLCertVerificationError):
        return deferred(
            f"the certificate of {where} doesn't verify: {cause.verify_message}. "
            "If the server is right, name its certificate authority with ca_file."
        )
    if isinstance(cause, ssl.SSLError):
        return deferred(f"TLS with {where} failed: {cause.reason or cause}. Is security = {server.security!r} right?")
    if isinstance(cause, socket.gaierror):
        return deferred(f"the name {server.host} is not known to DNS: {cause.strerror}")
    if isinstance(cause, ConnectionRefusedError):
        return deferred(f"nothing listens at {where}")
    return deferred(f"no connection to {where}: {problem}")
