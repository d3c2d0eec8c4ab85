"""What templates are given, and how two languages are joined."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time

from jinja2 import Template
from markupsafe import Markup

from mailwatch.domain.composition import AcknowledgementFacts, NoticeFacts
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.rendering.absences import AwayWords, describe_away
from mailwatch.rendering.dates import format_day, format_time_of_day
from mailwatch.rendering.lines import one_line
from mailwatch.rendering.templates import Parts, run

RULE = "-" * 60  # between the two languages of a plain text

_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Words:
    """One language's rendering; `html` is a fragment without layout."""

    language: Language
    subject: str
    text: str
    html: str
    follows: str
    precedes: str


def render_parts(parts: Parts, language: Language, facts: Mapping[str, object], *, is_alone: bool) -> Words:
    """All parts of one language; where it stands alone, nothing points to it. Raises TemplateFailed."""
    context = {**parts.text.environment.globals, **facts}
    text = _render_with_absence(parts, parts.text, parts.away_text, context)
    html = _render_with_absence(parts, parts.html, parts.away_html, context)
    return Words(
        language=language,
        subject=one_line(run(parts.subject, context)),
        text=_BLANK_LINES.sub("\n\n", text.strip()) + "\n",
        html=html.strip(),
        follows="" if is_alone else run(parts.follows, context).strip(),
        precedes="" if is_alone else run(parts.precedes, context).strip(),
    )


def lay_out(parts: Parts, language: Language, title: str, body: str) -> str:
    """The HTML page around fragments that are escaped already. Raises TemplateFailed."""
    context = {"language": language.value, "title": title, "body": Markup(body)}
    return run(parts.layout, {**parts.layout.environment.globals, **context})


def describe_acknowledgement(mailbox: Mailbox, language: Language, facts: AcknowledgementFacts) -> Mapping[str, object]:
    """Everything that the templates of an acknowledgement may name."""
    received, due = facts.received_at, facts.answer_due_at
    return {
        **_describe_mailbox(mailbox, language),
        "reference": facts.reference,
        "received_at": received,
        "received_date": format_day(received.date(), language),
        "received_time": format_time_of_day(time(received.hour, received.minute), language),
        "answer_due_at": due,
        "answer_date": format_day(due.date(), language),
        "subject": one_line(facts.subject),
        "is_internal": facts.is_internal,
        "away": describe_away(facts.away, language) if facts.away else None,
    }


def describe_notice(mailbox: Mailbox, language: Language, facts: NoticeFacts) -> Mapping[str, object]:
    """Everything that the templates of an absence notice may name."""
    return {
        **_describe_mailbox(mailbox, language),
        "reference": facts.reference,
        "subject": one_line(facts.subject),
        "is_internal": facts.is_internal,
        "away": describe_away(facts.away, language),
    }


def join_subjects(words: Sequence[Words], reference: str) -> str:
    """`… / … [MW-7F3K9Q]`: the reference once, at the end."""
    *first, last = (each.subject for each in words)
    return " / ".join([*(subject.removesuffix(f" [{reference}]") for subject in first), last])


def join_texts(words: Sequence[Words]) -> str:
    """One language after the other; the top says, in the second one, that it follows."""
    first, second = words
    return f"{second.follows}\n\n{first.text}\n{RULE}\n\n{first.precedes}\n\n{second.text}"


def join_fragments(words: Sequence[Words]) -> str:
    """The same for HTML; every piece says which language it is in (WCAG 2, 3.1.2)."""
    first, second = words
    rule = '<hr style="margin:24px 0;border:0;border-top:1px solid #767676;">'
    top = _notice(second.language, second.follows)
    middle = _notice(first.language, first.precedes)
    return "\n".join([top, division(first), rule, middle, division(second)])


def division(words: Words) -> str:
    """One language's fragment, marked with its language."""
    return f'<div lang="{words.language}">\n{words.html}\n</div>'


def _notice(language: Language, text: str) -> str:
    return f'<p lang="{language}" style="margin:0 0 16px 0;"><em>{Markup.escape(text)}</em></p>'


def _render_with_absence(parts: Parts, part: Template, away_part: Template, context: Mapping[str, object]) -> str:
    """A text or an HTML that says who is away: where its template puts that, or else above the rest."""
    away = context["away"]
    if not isinstance(away, AwayWords):
        return run(part, context)
    words = run(away_part, context).strip()
    if part in parts.unaware:
        return f"{words}\n\n{run(part, context)}"
    return run(part, {**context, "away": replace(away, words=Markup(words) if part is parts.html else words)})


def _describe_mailbox(mailbox: Mailbox, language: Language) -> Mapping[str, object]:
    organisation = mailbox.organisation
    return {
        "service": mailbox.name_in(language),
        "organisation": organisation.name,
        "contact": mailbox.contact.get(language, ""),
        "privacy_notice": organisation.privacy_notice.get(language, ""),
        "standards_url": organisation.standards_url,
    }
