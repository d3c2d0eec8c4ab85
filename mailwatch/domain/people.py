"""Staff: who owns requests, who manages whom."""

from dataclasses import dataclass
from enum import StrEnum

from mailwatch.domain.languages import Language


class Responder(StrEnum):
    """Who tells people of an absence: mailwatch, something else that does so already, or the mail server's Sieve."""

    SEND = "send"
    NONE = "none"
    SIEVE = "sieve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of staff; `email` is a lower-case address key, `manager` another person's.

    notice  who sends the absence notices of this person's absences
    """

    email: str
    name: str
    language: Language
    title: str = ""
    phone: str = ""
    manager: str | None = None
    notice: Responder = Responder.SEND
