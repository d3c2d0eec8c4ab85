"""What leaves: a mailer that says what it is told to say, and what its recipients would have seen."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property

from services.machine.reading import Report, read_report

from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind

HEADER = re.compile(rb"^(message-id|in-reply-to): *(<[^>]+>)", re.IGNORECASE | re.MULTILINE)

OUTCOMES = {
    "sent": Outcome(kind=OutcomeKind.SENT, code=250, text="ok"),
    "later": Outcome(kind=OutcomeKind.DEFERRED, code=451, text="greylisted"),
    "unreachable": Outcome(kind=OutcomeKind.DEFERRED, text="connection refused"),
    "full": Outcome(kind=OutcomeKind.FAILED, code=552, enhanced="5.2.2", text="mailbox full"),
    "nobody": Outcome(kind=OutcomeKind.FAILED, code=550, enhanced="5.1.1", text="no such user"),
    "unknown": Outcome(kind=OutcomeKind.UNCERTAIN, text="the connection was lost after DATA"),
    "refused": Outcome(kind=OutcomeKind.ACCOUNT_REFUSED, code=535, enhanced="5.7.8", text="bad credentials"),
}
CRASH = Outcome(kind=OutcomeKind.UNCERTAIN, text="the process was killed")  # never returned: nobody is there to read it


@dataclass
class Submission:
    """One letter on the wire, and what became of it. `about`: the Message-ID that it answers; "" for a report."""

    message_id: str
    about: str
    recipient: str
    body: bytes
    outcome: OutcomeKind
    was_recorded: bool  # False: the process was killed before it could write the outcome down

    @cached_property
    def report(self) -> Report:
        """A digest or an alert, as it is read."""
        return read_report(self.body)


@dataclass
class Wire:
    """A Mailer that keeps what it is given; `script` names its next outcomes, then all goes well."""

    script: list[str] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    accepts: bool = True
    crashed: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        if ready is not None:
            await ready()
        word = self.script.pop(0) if self.script else "sent"
        outcome = CRASH if word == "crash" else OUTCOMES[word]
        if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:
            self.accepts = False
        ids = {name.lower(): value.decode() for name, value in HEADER.findall(body.partition(b"\r\n\r\n")[0])}
        self.submissions.append(
            Submission(
                message_id=ids[b"message-id"],
                about=ids.get(b"in-reply-to", ""),
                recipient=envelope.recipient,
                body=body,
                outcome=outcome.kind,
                was_recorded=word != "crash",
            )
        )
        if word == "crash":
            self.crashed.set()
            await asyncio.Event().wait()  # until the process is gone
        return outcome

    async def probe(self) -> Outcome:
        return OUTCOMES["sent" if self.accepts else "refused"]

    async def close(self) -> None:
        return None

    @property
    def acknowledgements(self) -> list[Submission]:
        """What answers a message."""
        return [one for one in self.submissions if one.about]

    def reports(self, kind: str) -> list[Submission]:
        """What is about no message: `digest` or `alert`."""
        return [one for one in self.submissions if one.message_id.startswith(f"<mw.{kind[:3]}.")]
