"""Digests, cover notes and alerts: what reports have in common, from their templates to whole mails."""

import re
import textwrap
from collections.abc import Mapping

from markupsafe import Markup

from mailwatch.domain.composition import Rendered
from mailwatch.domain.languages import Language
from mailwatch.rendering.lines import one_line
from mailwatch.rendering.templates import ReportParts, open_words, run

COLUMNS = 76  # of a plain text; addresses and links may stand out

_BLANK_LINES = re.compile(r"\n{4,}")  # two blank lines set a section off
_MARKER = re.compile(r" *(?:\d+\. |- )?")  # what the first line of an entry begins with


def render_report(parts: ReportParts, language: Language, facts: Mapping[str, object]) -> Rendered:
    """A whole report from what its templates are given. Raises TemplateFailed."""
    context = {**parts.text.environment.globals, **facts}
    plain = {**context, "words": open_words(parts.words)}
    subject = one_line(run(parts.subject, plain))
    text = fold(_BLANK_LINES.sub("\n\n\n", run(parts.text, plain).strip())) + "\n"
    html = run(parts.html, {**context, "words": open_words(parts.html_words)})
    body = Markup(f'<div lang="{language}">\n{html.strip()}\n</div>')
    around = {**context, "language": language.value, "title": subject, "body": body}
    return Rendered(subject=subject, text=text, html=run(parts.layout, around), languages=(language,))


def fold(text: str) -> str:
    """Lines of at most COLUMNS, broken at blanks only (never at a no-break space), indented as their first line is."""
    return "\n".join(line if len(line) <= COLUMNS else _fold_line(line) for line in text.split("\n"))


def _fold_line(line: str) -> str:
    marker = _MARKER.match(line)
    indent = " " * (marker.end() if marker else 0)
    return textwrap.fill(line, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
