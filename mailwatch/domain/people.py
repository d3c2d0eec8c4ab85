"""Staff: who owns requests, who manages whom."""

from dataclasses import dataclass

from mailwatch.domain.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of staff; `email` is a lower-case address key, `manager` another person's."""

    email: str
    name: str
    language: Language
    title: str = ""
    phone: str = ""
    manager: str | None = None
