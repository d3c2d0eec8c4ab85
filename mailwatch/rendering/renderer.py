"""The words of everything that mailwatch sends; fulfils `ports.Renderer`.

A template is looked for as `<folder>/<mailbox>/<lang>/NAME`, then `<folder>/<lang>/NAME`, then among ours; a report
(digest, cover note, alert) belongs to no mailbox. The operator's may say `{% extends "mailwatch/fr/notice.html" %}`.
They are read at first use: a change counts from the next start. One that fails never holds anything up: ours speak in
its place, for all parts of that language, so that text and HTML say the same. Nor does one hide an absence that was
written before there were any: an acknowledgement says it above the operator's words, a digest is ours that day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mailwatch.domain.composition import AcknowledgementFacts, NoticeFacts, Rendered
from mailwatch.domain.digests import CoverNote, Digest
from mailwatch.domain.incidents import Alert
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import TemplateFailed
from mailwatch.rendering.absences import describe_note
from mailwatch.rendering.alerts import describe_alert
from mailwatch.rendering.digests import describe_digest
from mailwatch.rendering.reports import render_report
from mailwatch.rendering.samples import sample_alert, sample_digests, sample_notes, sample_notices, sample_variants
from mailwatch.rendering.templates import (
    Parts,
    ReportParts,
    load_our_report,
    load_ours,
    load_their_report,
    load_theirs,
    omissions,
    open_folders,
    silences,
)
from mailwatch.rendering.wording import (
    Words,
    describe_acknowledgement,
    describe_notice,
    division,
    join_fragments,
    join_subjects,
    join_texts,
    lay_out,
    render_parts,
)

ACKNOWLEDGEMENT, NOTICE = "acknowledgement", "notice"  # what the templates of a message to a requester are called
DIGEST, NOTE, ALERT = "digest", "note", "alert"  # and those of a report


class TemplateRenderer:
    """Renders the operator's templates of `folder`, where there are any, else `ours`.

    `warn` is told once of each template that failed, in a sentence that names it and quotes no message.
    """

    def __init__(self, folder: Path | None, ours: Path, warn: Callable[[str], None]) -> None:
        self._environment = open_folders(folder, ours)
        self._warn = warn
        self._warned: set[str] = set()
        self._our_parts: dict[tuple[str, Language], Parts] = {}
        self._their_parts: dict[tuple[str, str, Language], Parts | None] = {}
        self._our_reports: dict[tuple[str, Language], ReportParts] = {}
        self._their_reports: dict[tuple[str, Language], ReportParts | None] = {}

    def render_acknowledgement(
        self, mailbox: Mailbox, language: Language | None, facts: AcknowledgementFacts
    ) -> Rendered:
        """The acknowledgement in a language; in all of the organisation's, where that is None or isn't served.

        Raises TemplateFailed only when one of our own templates is broken or missing.
        """
        return self._render_message(
            ACKNOWLEDGEMENT,
            mailbox,
            {each: describe_acknowledgement(mailbox, each, facts) for each in _languages(mailbox, language)},
        )

    def render_notice(self, mailbox: Mailbox, language: Language | None, facts: NoticeFacts) -> Rendered:
        """An absence notice that stands alone; languages and errors as for an acknowledgement."""
        return self._render_message(
            NOTICE, mailbox, {each: describe_notice(mailbox, each, facts) for each in _languages(mailbox, language)}
        )

    def render_digest(self, digest: Digest) -> Rendered:
        """A digest in its recipient's language. Raises TemplateFailed only when one of our own templates is broken."""
        return self._render_report(DIGEST, digest.language, describe_digest(digest))

    def render_note(self, note: CoverNote) -> Rendered:
        """A cover note in its recipient's language. Raises as `render_digest` does."""
        return self._render_report(NOTE, note.language, describe_note(note))

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
            theirs = self._find_their_report(report, language)
            if theirs and not (facts.get("away") and theirs.unaware):
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

    def _render_message(self, kind: str, mailbox: Mailbox, facts: Mapping[Language, Mapping[str, object]]) -> Rendered:
        """A message to a requester, from what the templates of each language are given."""
        languages = tuple(facts)
        words = [self._render(kind, mailbox, each, facts[each], is_alone=len(facts) == 1) for each in languages]
        if len(words) == 1:
            subject, text, body = words[0].subject, words[0].text, division(words[0])
        else:
            reference = str(facts[languages[0]]["reference"])
            subject, text, body = join_subjects(words, reference), join_texts(words), join_fragments(words)
        html = self._lay_out(kind, mailbox, languages[0], subject, body)
        return Rendered(subject=subject, text=text, html=html, languages=languages)

    def _render(
        self, kind: str, mailbox: Mailbox, language: Language, facts: Mapping[str, object], *, is_alone: bool
    ) -> Words:
        try:
            if theirs := self._find_theirs(kind, mailbox, language):
                return render_parts(theirs, language, facts, is_alone=is_alone)
        except TemplateFailed as failure:
            self._report(failure)
        return render_parts(self._find_ours(kind, language), language, facts, is_alone=is_alone)

    def _lay_out(self, kind: str, mailbox: Mailbox, language: Language, title: str, body: str) -> str:
        try:
            if theirs := self._find_theirs(kind, mailbox, language):
                return lay_out(theirs, language, title, body)
        except TemplateFailed as failure:
            self._report(failure)
        return lay_out(self._find_ours(kind, language), language, title, body)

    def _find_ours(self, kind: str, language: Language) -> Parts:
        key = kind, language
        if key not in self._our_parts:
            self._our_parts[key] = load_ours(self._environment, *key)
        return self._our_parts[key]

    def _find_theirs(self, kind: str, mailbox: Mailbox, language: Language) -> Parts | None:
        """Kept once loaded; a failure isn't kept, so that a mended template is taken up."""
        key = kind, mailbox.address, language
        if key not in self._their_parts:
            self._their_parts[key] = load_theirs(self._environment, *key)
        return self._their_parts[key]

    def _report(self, failure: TemplateFailed) -> None:
        if failure.name not in self._warned:
            self._warned.add(failure.name)
            self._warn(f"{failure}. Our own wording is sent instead.")

    def _report_problems(self, language: Language) -> Iterator[str]:
        samples = [(DIGEST, describe_digest(digest)) for digest in sample_digests(language)]
        samples += [(NOTE, describe_note(note)) for note in sample_notes(language)]
        samples.append((ALERT, describe_alert(sample_alert(), language)))
        for report, facts in samples:
            try:
                if theirs := self._find_their_report(report, language):
                    render_report(theirs, language, facts)
                    yield from silences(theirs) if facts.get("away") else ()
            except TemplateFailed as failure:
                yield _explain(failure)

    def _problems(self, mailbox: Mailbox, language: Language) -> Iterator[str]:
        acknowledgements = [describe_acknowledgement(mailbox, language, facts) for facts in sample_variants(mailbox)]
        notices = [describe_notice(mailbox, language, facts) for facts in sample_notices()]
        for kind, samples in ((ACKNOWLEDGEMENT, acknowledgements), (NOTICE, notices)):
            try:
                yield from self._try(kind, mailbox, language, samples)
            except TemplateFailed as failure:
                yield _explain(failure)

    def _try(
        self, kind: str, mailbox: Mailbox, language: Language, samples: Iterable[Mapping[str, object]]
    ) -> Iterator[str]:
        """What the operator's templates lack although every sample renders. Raises TemplateFailed where one doesn't."""
        theirs = self._find_theirs(kind, mailbox, language)
        if theirs is None:
            return
        for facts in samples:
            words = render_parts(theirs, language, facts, is_alone=False)
            lay_out(theirs, language, words.subject, words.html)
        yield from omissions(theirs, (words.subject, words.text, words.html), str(facts["reference"]))


def _languages(mailbox: Mailbox, language: Language | None) -> tuple[Language, ...]:
    """The language itself, where the organisation serves it; else all that it serves, its first one first."""
    served = mailbox.organisation.languages
    return (language,) if language is not None and language in served else served


def _explain(failure: TemplateFailed) -> str:
    return f"{failure}. Until it is mended, our own wording is sent instead."
