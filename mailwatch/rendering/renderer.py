"""The words of acknowledgements, digests and alerts; fulfils `ports.Renderer`.

A template is looked for as `<folder>/<mailbox>/<lang>/NAME`, then `<folder>/<lang>/NAME`, then among ours; a digest
or an alert belongs to no mailbox. The operator's may say `{% extends "mailwatch/fr/acknowledgement.html" %}`. They are
read at first use: a change counts from the next start. One that fails never holds anything up: ours speak in its
place, for all parts of that language, so that text and HTML say the same.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mailwatch.domain.composition import AcknowledgementFacts, Rendered
from mailwatch.domain.digests import Digest
from mailwatch.domain.incidents import Alert
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import TemplateFailed
from mailwatch.rendering.alerts import describe_alert
from mailwatch.rendering.digests import describe_digest
from mailwatch.rendering.reports import render_report
from mailwatch.rendering.samples import sample_alert, sample_digests
from mailwatch.rendering.templates import (
    Parts,
    ReportParts,
    load_our_report,
    load_ours,
    load_their_report,
    load_theirs,
    omissions,
    open_folders,
)
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

DIGEST, ALERT = "digest", "alert"  # what the templates of a report are called


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
        self._our_reports: dict[tuple[str, Language], ReportParts] = {}
        self._their_reports: dict[tuple[str, Language], ReportParts | None] = {}

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

    def render_digest(self, digest: Digest) -> Rendered:
        """A digest in its recipient's language. Raises TemplateFailed only when one of our own templates is broken."""
        return self._render_report(DIGEST, digest.language, describe_digest(digest))

    def render_alert(self, alert: Alert, language: Language) -> Rendered:
        """An alert in a language, its times in the zone of `alert.at`. Raises as `render_digest` does."""
        return self._render_report(ALERT, language, describe_alert(alert, language))

    def check_overrides(self, mailboxes: Iterable[Mailbox]) -> list[str]:
        """What is wrong with the operator's templates for these mailboxes, in sentences; nobody is warned."""
        problems: dict[str, None] = {}
        for mailbox in mailboxes:
            for language in mailbox.organisation.languages:
                problems.update(dict.fromkeys(self._problems(mailbox, language)))
                problems.update(dict.fromkeys(self._report_problems(language)))
        return list(problems)

    def _render_report(self, report: str, language: Language, facts: Mapping[str, object]) -> Rendered:
        try:
            if theirs := self._find_their_report(report, language):
                return render_report(theirs, language, facts)
        except TemplateFailed as failure:
            self._report(failure)
        key = report, language
        if key not in self._our_reports:
            self._our_reports[key] = load_our_report(self._environment, report, language)
        return render_report(self._our_reports[key], language, facts)

    def _find_their_report(self, report: str, language: Language) -> ReportParts | None:
        """Kept as `_find_theirs` keeps."""
        key = report, language
        if key not in self._their_reports:
            self._their_reports[key] = load_their_report(self._environment, report, language)
        return self._their_reports[key]

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

    def _report_problems(self, language: Language) -> Iterable[str]:
        samples = [(DIGEST, describe_digest(digest)) for digest in sample_digests(language)]
        samples.append((ALERT, describe_alert(sample_alert(), language)))
        for report, facts in samples:
            try:
                if theirs := self._find_their_report(report, language):
                    render_report(theirs, language, facts)
            except TemplateFailed as failure:
                yield f"{failure}. Until it is mended, our own wording is sent instead."

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
