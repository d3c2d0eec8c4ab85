"""The part of a transaction by which answers are seen, and requests change hands and states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailwatch.domain.answers import Asked, Outgoing
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.requests import Event, RequestSummary, State
from mailwatch.domain.threads import Clues


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """Requests, of all mailboxes, that the clues of outgoing messages lead to. Keys as in `Clues`.

    asked  (request's number, a Message-ID that was asked about) → that message, where it asks something there
    """

    by_message_id: Mapping[str, Sequence[RequestSummary]] = field(default_factory=dict)
    by_reference: Mapping[str, Sequence[RequestSummary]] = field(default_factory=dict)
    by_thread_root: Mapping[str, Sequence[RequestSummary]] = field(default_factory=dict)
    by_subject: Mapping[tuple[str, str], Sequence[RequestSummary]] = field(default_factory=dict)  # requester, subject
    asked: Mapping[tuple[int, str], Asked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something learnt of a request, to be added to its history by `domain.clocks.follow`.

    identity    of the message that shows it, or ""; the same identity, or the same flagged message, counts once
    message_id  what the requester's next message may refer to, remembered for the request; or ""
    """

    request_id: int
    event: Event
    identity: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """A message of a request whose clock runs: where it lies, so that its \\Answered can be read.

    request_ids  every unsettled request, of any mailbox, whose running clock this identity bears on
    """

    identity: str
    sighting: Sighting
    received_at: datetime
    request_ids: tuple[int, ...]


class Observing(Protocol):
    """Answers, and what people do with requests."""

    async def keep_outgoing(self, outgoing: Sequence[Outgoing]) -> None:
        """Hold what staff wrote, for requests that are still to come; each (mailbox, identity) once."""
        ...

    async def list_held(self, message_ids: frozenset[str], references: frozenset[str]) -> Sequence[Outgoing]:
        """Outgoing messages that refer to these Message-IDs or references of requests just opened."""
        ...

    async def find_matches(self, clues: Sequence[Clues]) -> Matches:
        """The requests, of all mailboxes, that outgoing messages may belong to."""
        ...

    async def list_flagged(self, mailbox: str) -> Sequence[Flagged]:
        """Sightings, in current folders of a mailbox, of the messages that running clocks wait for an answer to:
        those received since the clock started, and not yet seen flagged."""
        ...

    async def find_requests_of(self, identities: frozenset[str]) -> Mapping[str, Sequence[RequestSummary]]:
        """Requests, of all mailboxes, that these identities opened or follow."""
        ...

    async def add_facts(self, facts: Sequence[Fact]) -> Mapping[int, State]:
        """Add facts to histories; the states they come to. What was known already, or isn't legal, is left out."""
        ...

    async def find_oldest_clock(self) -> datetime | None:
        """When the oldest clock that runs was started; None where none runs."""
        ...

    async def note_answer_seen(self, mailbox: str) -> None:
        """An answer by evidence was seen for a mailbox: its answers can be seen at all."""
        ...
