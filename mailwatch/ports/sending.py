"""Sending and rendering, as services see them."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mailwatch.domain.composition import AcknowledgementFacts, NoticeFacts, Rendered
from mailwatch.domain.digests import CoverNote, Digest
from mailwatch.domain.incidents import Alert
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import Envelope, Outcome


class Mailer(Protocol):
    """One SMTP account; reuses a bounded number of connections."""

    async def submit(
        self, envelope: Envelope, body: bytes, ready: Callable[[], Awaitable[None]] | None = None
    ) -> Outcome:
        """Submit one message; never raises for what a server or a network does.

        `ready`, if given, is awaited when the server waits for the message, before its first octet is written.
        """
        ...

    async def probe(self) -> Outcome:
        """Connect, authenticate, MAIL FROM, RSET: is the account accepted again?"""
        ...

    async def close(self) -> None:
        """QUIT all connections."""
        ...


class Renderer(Protocol):
    """Templates → words."""

    def render_acknowledgement(
        self, mailbox: Mailbox, language: Language | None, facts: AcknowledgementFacts
    ) -> Rendered:
        """The acknowledgement in a language, or in all of the organisation's (None); ours if an override fails."""
        ...

    def render_notice(self, mailbox: Mailbox, language: Language | None, facts: NoticeFacts) -> Rendered:
        """An absence notice that stands alone; languages and overrides as for an acknowledgement."""
        ...

    def render_note(self, note: CoverNote) -> Rendered:
        """What a delegate is told of a request, in their language."""
        ...

    def render_digest(self, digest: Digest) -> Rendered:
        """A digest in its recipient's language."""
        ...

    def render_alert(self, alert: Alert, language: Language) -> Rendered:
        """What IT is told of incidents that began, or are over."""
        ...
