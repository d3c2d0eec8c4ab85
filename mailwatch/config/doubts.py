"""What is allowed, and yet likely to be a mistake: told, never refused."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path as FilePath
from zoneinfo import ZoneInfo

from mailwatch.config.accounts import ImapKeys, SmtpKeys
from mailwatch.config.locate import Path
from mailwatch.config.model import Document
from mailwatch.config.problems import Problem
from mailwatch.config.recipients import absences_of
from mailwatch.config.values import parse_duration
from mailwatch.domain.absences import Absence
from mailwatch.domain.calendars import parse_closure
from mailwatch.domain.incidents import ALONG

REMINDER_MONTH = 10  # next year's closures are decided by October


def list_doubts(document: Document, base: FilePath, now: datetime | None) -> list[Problem]:
    """Every doubt about a valid document; those that depend on the date only if `now` is given."""
    found = [*_gaps(document), *_servers(document), *_files(document, base)]
    if now is not None:
        today = now.astimezone(ZoneInfo(document.organisation.timezone)).date()
        found += [*_past(document, today), *_next_year(document, today)]
    return found


def _gaps(document: Document) -> Iterator[Problem]:
    if document.calendar.country is None:
        yield Problem(path=("calendar",), kind="no_country")
    if not any(each.enabled and not each.is_sent_only for each in document.mailbox):
        yield Problem(path=("mailbox",), kind="no_mailbox")
    for index, mailbox in enumerate(document.mailbox):
        if mailbox.enabled and not mailbox.owners and not mailbox.is_sent_only:
            yield Problem(path=("mailbox", index, "owners"), kind="no_owner")
    if "alerts" in document.model_fields_set and not document.alerts.to:
        yield Problem(path=("alerts", "to"), kind="nobody_alerted")
    yield from _impatience(document)
    if document.database.password is not None and document.database.url.startswith("sqlite:"):
        yield Problem(path=("database", "password"), kind="unused_password")


def _impatience(document: Document) -> Iterator[Problem]:
    """Between two polls a mailbox is silent, and well; it may be told of as soon as ALONG says."""
    longest = max((parse_duration(each.poll) for each in document.imap.values()), default=timedelta(0))
    if document.alerts.to and parse_duration(document.alerts.after) * ALONG <= longest:
        yield Problem(path=("alerts", "after"), kind="alerts_after", facts={"value": document.alerts.after})


def _servers(document: Document) -> Iterator[Problem]:
    for path, section in _server_sections(document):
        if section.security == "none":
            yield Problem(path=(*path, "security"), kind="clear_text")


def _files(document: Document, base: FilePath) -> Iterator[Problem]:
    for path, section in _server_sections(document):
        if section.ca_file and not (base / section.ca_file).is_file():
            yield Problem(path=(*path, "ca_file"), kind="no_such_file", facts={"value": base / section.ca_file})
    folder = document.templates.folder
    if folder and not (base / folder).is_dir():
        yield Problem(path=("templates", "folder"), kind="no_such_file", facts={"value": base / folder})


def _server_sections(document: Document) -> Iterator[tuple[Path, ImapKeys | SmtpKeys]]:
    for name, server in document.imap.items():
        yield ("imap", name), server
    if document.smtp is not None:
        if document.smtp.host is not None:
            yield ("smtp",), document.smtp
        for name, account in document.smtp.named.items():
            yield ("smtp", name), account


def _past(document: Document, today: date) -> Iterator[Problem]:
    for path, closures in _closures(document):
        for index, closure in enumerate(closures):
            if parse_closure(closure).last < today:
                yield Problem(path=(*path, index), kind="closure_past", facts={"value": closure})
    absences = absences_of(document)
    for index, absence in enumerate(absences):
        if absence.returns_on is not None and absence.returns_on <= today:
            yield Problem(path=("absence", index), kind="absence_past")
        elif not _names_somebody(document, absence):
            yield Problem(path=("absence", index), kind="notice_names_nobody")


def _names_somebody(document: Document, absence: Absence) -> bool:
    """Whether a notice can say whom to turn to meanwhile."""
    person = next((each for each in document.people if each.email == absence.who), None)
    owned = [each for each in document.mailbox if absence.who in (each.address, *each.owners)]
    has_manager = person is not None and person.manager is not None
    return bool(absence.delegate) or has_manager or any(mailbox.contact for mailbox in owned)


def _next_year(document: Document, today: date) -> Iterator[Problem]:
    """Only of those who list closures: who never closes has nothing to add."""
    if today.month >= REMINDER_MONTH:
        for path, closures in _closures(document):
            if not any(parse_closure(closure).first.year > today.year for closure in closures):
                yield Problem(path=path, kind="closures_next_year", facts={"value": today.year + 1})


def _closures(document: Document) -> Iterator[tuple[Path, tuple[str, ...]]]:
    if document.calendar.closures:
        yield ("calendar", "closures"), document.calendar.closures
    for index, mailbox in enumerate(document.mailbox):
        if mailbox.closures:
            yield ("mailbox", index, "closures"), mailbox.closures
