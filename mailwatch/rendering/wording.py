"""What templates are given, and how two languages are joined."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time

from markupsafe import Markup

from mailwatch.domain.composition import AcknowledgementFacts
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.rendering.dates import format_day, format_time_of_day
from mailwatch.rendering.templates import Parts, run

RULE = "-" * 60  # between the two languages of a plain text

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # what could end a header line
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


def render_parts(
    parts: Parts, mailbox: Mailbox, language: Language, facts: AcknowledgementFacts, *, is_alone: bool
) -> Words:
    """All parts of one language; where it stands alone, nothing points to it. Raises TemplateFailed."""
    context = {**parts.text.environment.globals, **describe(mailbox, language, facts)}
    return Words(
        language=language,
        subject=one_line(run(parts.subject, context)),
        text=_BLANK_LINES.sub("\n\n", run(parts.text, context).strip()) + "\n",
        html=run(parts.html, context).strip(),
        follows="" if is_alone else run(parts.follows, context).strip(),
        precedes="" if is_alone else run(parts.precedes, context).strip(),
    )


def lay_out(parts: Parts, language: Language, title: str, body: str) -> str:
    """The HTML page around fragments that are escaped already. Raises TemplateFailed."""
    context = {"language": language.value, "title": title, "body": Markup(body)}
    return run(parts.layout, {**parts.layout.environment.globals, **context})


def describe(mailbox: Mailbox, language: Language, facts: AcknowledgementFacts) -> Mapping[str, object]:
    """Everything that a template may name."""
    organisation = mailbox.organisation
    received, due = facts.received_at, facts.answer_due_at
    return {
        "reference": facts.reference,
        "received_at": received,
        "received_date": format_day(received.date(), language),
        "received_time": format_time_of_day(time(received.hour, received.minute), language),
        "answer_due_at": due,
        "answer_date": format_day(due.date(), language),
        "subject": one_line(facts.subject),
        "is_internal": facts.is_internal,
        "service": mailbox.name_in(language),
        "organisation": organisation.name,
        "contact": mailbox.contact.get(language, ""),
        "privacy_notice": organisation.privacy_notice.get(language, ""),
        "standards_url": organisation.standards_url,
    }


def one_line(text: str) -> str:
    """Text without anything that could end a header line."""
    return _CONTROLS.sub(" ", text).strip()


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


def sample_facts(mailbox: Mailbox) -> AcknowledgementFacts:
    """Invented facts, for previews and checks: a Tuesday morning, an answer due on the first of a month."""
    zone = mailbox.standard.calendar.timezone
    return AcknowledgementFacts(
        reference="MW-7F3K9Q",
        received_at=datetime(2026, 11, 24, 10, 5, tzinfo=zone),
        answer_due_at=datetime(2026, 12, 1, 16, 30, tzinfo=zone),
        subject="",
        is_internal=False,
    )


def sample_variants(mailbox: Mailbox) -> tuple[AcknowledgementFacts, AcknowledgementFacts]:
    """Two samples that between them take every branch: a stranger; a colleague whose subject is repeated."""
    facts = sample_facts(mailbox)
    return facts, replace(facts, subject="Inscription / Registration", is_internal=True)
