"""What templates are given of an absence: in a message to a requester, and in the note to a delegate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from mailwatch.domain.composition import AwayFacts
from mailwatch.domain.digests import CoverNote
from mailwatch.domain.languages import Language
from mailwatch.domain.people import Person
from mailwatch.rendering.dates import format_date_of_year, format_day
from mailwatch.rendering.digests import describe_line
from mailwatch.rendering.lines import one_line, split_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverWords:
    """Whom to turn to meanwhile; `mailto` is the address as a link. What isn't known is ""."""

    name: str
    title: str
    email: str
    mailto: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayWords:
    """One absence as templates see it.

    name         "" where the service itself is closed
    return_date  `lundi 14 décembre 2026`; "" while that is unknown
    return_day   the same without the year: for subjects
    lines        the organisation's own words in this language, line by line; perhaps none
    words        all of it, as away.txt or away.html says it; a subject gets ""
    """

    name: str
    return_date: str
    return_day: str
    cover: CoverWords | None
    lines: tuple[str, ...]
    words: str = ""


def describe_away(away: AwayFacts, language: Language) -> AwayWords:
    """An absence in the words of a language."""
    return AwayWords(
        name=one_line(away.name),
        return_date=format_day(away.returns_on, language) if away.returns_on else "",
        return_day=format_date_of_year(away.returns_on, language) if away.returns_on else "",
        cover=_describe_cover(away.cover) if away.cover else None,
        lines=split_lines(away.text.get(language, "")),
    )


def describe_note(note: CoverNote) -> Mapping[str, object]:
    """Everything that the templates of a note may name, besides `words`."""
    near: date = note.line.received_at.date()
    return {
        "organisation": note.organisation,
        "name": one_line(note.name),
        "absent": one_line(note.absent),
        "return_date": format_day(note.returns_on, note.language) if note.returns_on else "",
        "note": split_lines(note.note),
        "line": describe_line(note.line, near, note.language),
        "mailbox": note.line.mailbox,
    }


def _describe_cover(cover: Person) -> CoverWords:
    return CoverWords(
        name=one_line(cover.name),
        title=one_line(cover.title),
        email=one_line(cover.email),
        mailto=f"mailto:{quote(cover.email, safe='@')}",
        phone=one_line(cover.phone),
    )
