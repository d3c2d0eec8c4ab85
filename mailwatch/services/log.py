"""The part of a structlog logger that services use."""

from typing import Protocol


class Log(Protocol):
    """Facts, past tense, once per act; ids, not contents."""

    def info(self, event: str, **facts: object) -> object:
        """A fact."""

    def warning(self, event: str, **facts: object) -> object:
        """A fact that a person may have to look at."""

    def exception(self, event: str, **facts: object) -> object:
        """A fault, with its traceback."""
