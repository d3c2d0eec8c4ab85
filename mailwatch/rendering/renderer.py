"""The acknowledgement's words; fulfils `ports.Renderer`.

A template is looked for as `<folder>/<mailbox>/<lang>/NAME`, then `<folder>/<lang>/NAME`, then among ours; the
operator's may say `{% extends "mailwatch/fr/acknowledgement.html" %}`. They are read at first use: a change counts
from the next start. One that fails never holds a request up: ours speak in its place, for all parts of that
language, so that text and HTML say the same.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from mailwatch.domain.composition import AcknowledgementFacts, Rendered
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import TemplateFailed
from mailwatch.rendering.templates import Parts, load_ours, load_theirs, omissions, open_folders
from mailwatch.rendering.wording import (
    Words,
    division,
    join_fragments,
    join_subjects,
    join_texts,
    lay_out,
    render_parts,
    sample_variants,
)


class TemplateRenderer:
    """Renders the operator's templates of `folder`, where there are any, else `ours`.

    `warn` is told once of each template that failed, in a sentence that names it and quotes no message.
    """

    def __init__(self, folder: Path | None, ours: Path, warn: Callable[[str], None]) -> None:
        self._environment = open_folders(folder, ours)
        self._warn = warn
        self._warned: set[str] = set()
        self._our_parts: dict[Language, Parts] = {}
        self._their_parts: dict[tuple[str, Language], Parts | None] = {}

    def render_acknowledgement(
        self, mailbox: Mailbox, language: Language | None, facts: AcknowledgementFacts
    ) -> Rendered:
        """The acknowledgement in a language; in all of the organisation's, where that is None or isn't served.

        Raises TemplateFailed only when one of our own templates is broken or missing.
        """
        served = mailbox.organisation.languages
        languages = (language,) if language is not None and language in served else served
        words = [self._render(mailbox, each, facts, is_alone=len(languages) == 1) for each in languages]
        if len(words) == 1:
            subject, text, body = words[0].subject, words[0].text, division(words[0])
        else:
            subject, text, body = join_subjects(words, facts.reference), join_texts(words), join_fragments(words)
        html = self._lay_out(mailbox, languages[0], subject, body)
        return Rendered(subject=subject, text=text, html=html, languages=languages)

    def check_overrides(self, mailboxes: Iterable[Mailbox]) -> list[str]:
        """What is wrong with the operator's templates for these mailboxes, in sentences; nobody is warned."""
        problems: dict[str, None] = {}
        for mailbox in mailboxes:
            for language in mailbox.organisation.languages:
                problems.update(dict.fromkeys(self._problems(mailbox, language)))
        return list(problems)

    def _render(self, mailbox: Mailbox, language: Language, facts: AcknowledgementFacts, *, is_alone: bool) -> Words:
        try:
            if theirs := self._find_theirs(mailbox, language):
                return render_parts(theirs, mailbox, language, facts, is_alone=is_alone)
        except TemplateFailed as failure:
            self._report(failure)
        return render_parts(self._find_ours(language), mailbox, language, facts, is_alone=is_alone)

    def _lay_out(self, mailbox: Mailbox, language: Language, title: str, body: str) -> str:
        try:
            if theirs := self._find_theirs(mailbox, language):
                return lay_out(theirs, language, title, body)
        except TemplateFailed as failure:
            self._report(failure)
        return lay_out(self._find_ours(language), language, title, body)

    def _find_ours(self, language: Language) -> Parts:
        if language not in self._our_parts:
            self._our_parts[language] = load_ours(self._environment, language)
        return self._our_parts[language]

    def _find_theirs(self, mailbox: Mailbox, language: Language) -> Parts | None:
        """Kept once loaded; a failure isn't kept, so that a mended template is taken up."""
        key = mailbox.address, language
        if key not in self._their_parts:
            self._their_parts[key] = load_theirs(self._environment, *key)
        return self._their_parts[key]

    def _report(self, failure: TemplateFailed) -> None:
        if failure.name not in self._warned:
            self._warned.add(failure.name)
            self._warn(f"{failure}. Our own wording is sent instead.")

    def _problems(self, mailbox: Mailbox, language: Language) -> Iterable[str]:
        try:
            theirs = self._find_theirs(mailbox, language)
            if theirs is None:
                return
            for facts in sample_variants(mailbox):
                words = render_parts(theirs, mailbox, language, facts, is_alone=False)
                lay_out(theirs, language, words.subject, words.html)
        except TemplateFailed as failure:
            yield f"{failure}. Until it is mended, our own wording is sent instead."
            return
        yield from omissions(theirs, (words.subject, words.text, words.html), facts.reference)
