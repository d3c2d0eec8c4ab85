"""What a check-up says: one sentence about one thing, in both languages, with the remedy where there is a problem."""

from dataclasses import dataclass
from enum import StrEnum

from mailwatch.domain.typography import typeset


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one thing, in both languages."""

    level: Level
    about: str
    en: str
    fr: str


def ok(about: str, en: str, fr: str, **facts: object) -> Finding:
    """All is well. The sentences are patterns for `str.format`, filled with `facts`."""
    return _finding(Level.OK, about, en, fr, facts)


def warning(about: str, en: str, fr: str, **facts: object) -> Finding:
    """It will work, but somebody should know."""
    return _finding(Level.WARNING, about, en, fr, facts)


def problem(about: str, en: str, fr: str, **facts: object) -> Finding:
    """It won't work; the sentences say what to do."""
    return _finding(Level.PROBLEM, about, en, fr, facts)


def _finding(level: Level, about: str, en: str, fr: str, facts: dict[str, object]) -> Finding:
    # Only our own words are typeset: a path or a server's answer is shown as it is.
    return Finding(level=level, about=about, en=en.format(**facts), fr=typeset(fr).format(**facts))
