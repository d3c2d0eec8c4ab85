"""What people wrote, as they know it themselves: the machine's own record of what really happened."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from mailwatch.domain.messages import parse_message
from mailwatch.domain.requests import EventKind


class Role(StrEnum):
    """What a message is to the request that it belongs to."""

    QUESTION = "question"
    THANKS = "thanks"
    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    NOISE = "noise"  # automatic, and about nothing


FOLLOWS = {
    Role.QUESTION: EventKind.FOLLOWED_UP,
    Role.THANKS: EventKind.THANKED,
    Role.AUTO_REPLY: EventKind.AUTO_REPLIED,
    Role.BOUNCE: EventKind.BOUNCED,
}


@dataclass
class Message:
    """A message and where copies of it lie. `instants`: the INTERNALDATEs of its copies, by mailbox."""

    number: int
    raw: bytes = field(repr=False)
    sender: str
    instants: dict[str, set[datetime]] = field(default_factory=dict, repr=False)

    @property
    def message_id(self) -> str:
        return f"<{self.number}@courriel.example>"

    @cached_property
    def identity(self) -> str:
        return parse_message(self.raw).identity

    def lie_in(self, mailbox: str, received_at: datetime) -> None:
        """A copy of it lies there."""
        self.instants.setdefault(mailbox, set()).add(received_at)

    @property
    def any_instant(self) -> set[datetime]:
        """When any copy of it came."""
        return set().union(*self.instants.values())


@dataclass
class Letter(Message):
    """What somebody wrote to us. `delivered`: mailbox → whether it must be recorded there.

    is_old       it lay there before the first sight
    is_suspect   it replies to something that nobody here knows
    """

    role: Role = Role.QUESTION
    is_old: bool = False
    is_suspect: bool = False
    delivered: dict[str, bool] = field(default_factory=dict)

    @property
    def is_automatic(self) -> bool:
        """Whether nobody wrote it."""
        return self.role not in (Role.QUESTION, Role.THANKS)

    @property
    def subject(self) -> str:
        """As digests show it: that of the first question, where it is about another letter."""
        again = self.raw.partition(b"Subject: Re: ")[2].partition(b"\r\n")[0].decode()
        return again or f"Question {self.number}"


@dataclass
class Reply(Message):
    """What staff wrote about a letter.

    counts       it is written to whoever wrote the letter, by a person
    is_excused   a copy that may be the only one isn't promised to be seen: it lay too long where all was renumbered
    """

    to: str = ""
    about: str = ""  # Message-ID of the letter
    counts: bool = True
    is_automatic: bool = False
    is_excused: bool = False


@dataclass(frozen=True)
class Deed:
    """What a person did to a request by command."""

    reference: str
    kind: EventKind
    at: datetime
    to: str = ""
