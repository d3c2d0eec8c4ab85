"""Read a configuration: all problems at once, with file and line; then everything the program is given."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from mailwatch.config import locate, recipients, resolve, servers
from mailwatch.config.doubts import list_doubts
from mailwatch.config.model import Document
from mailwatch.config.monitoring import split_listen
from mailwatch.config.problems import Problem, dotted, problems_of, tell
from mailwatch.config.recipients import list_circles
from mailwatch.config.references import list_dangling
from mailwatch.config.settings import (
    Database,
    DigestSettings,
    ImapAccount,
    LogSettings,
    Receiving,
    Sending,
    SmtpAccount,
)
from mailwatch.domain.calendars import ServiceCalendar
from mailwatch.domain.escalations import Level
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox, Organisation
from mailwatch.domain.outings import Subscription
from mailwatch.errors import ConfigurationError

# Parts of the contract that this version reads and checks, and does nothing with yet.
NOT_ACTED_ON = ("retention", "oauth")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A valid configuration, overrides resolved, no secret read. `warnings` are complete lines like problems."""

    path: Path
    document: Document
    warnings: tuple[str, ...]
    lines: Mapping[locate.Path, int]

    @property
    def base(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent.absolute()

    @property
    def timezone(self) -> ZoneInfo:
        """The organisation's zone."""
        return ZoneInfo(self.document.organisation.timezone)

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages of service, the default first."""
        return self.document.organisation.languages

    def organisation(self) -> Organisation:
        """What is true of all mailboxes."""
        return self._organisation

    def calendar(self) -> ServiceCalendar:
        """The organisation's own service calendar."""
        return self._calendar

    def mailboxes(self) -> tuple[Mailbox, ...]:
        """The enabled mailboxes, in the file's order, those included of which only the Sent folders are read.

        The same objects at every call.
        """
        return self._mailboxes

    def watched_mailboxes(self) -> tuple[Mailbox, ...]:
        """The enabled mailboxes that requesters write to."""
        return tuple(each for each in self._mailboxes if not each.observing.is_sent_only)

    def find_mailbox(self, address: str) -> Mailbox | None:
        """The enabled mailbox with this address or alias."""
        return self._by_address.get(address.strip().lower())

    def imap_account(self, address: str) -> ImapAccount:
        """The login of a mailbox, enabled or not, by its address or alias. KeyError when there is none."""
        mailbox = self.find_mailbox(address)
        return self._imap_accounts[mailbox.address if mailbox else address.strip().lower()]

    def smtp_accounts(self) -> Mapping[str, SmtpAccount]:
        """Every SMTP account by name; "default" is [smtp] itself."""
        return self._smtp_accounts

    def smtp_senders(self) -> Mapping[str, str]:
        """The SMTP accounts that something is sent through, and an address that each may send from."""
        return recipients.accounts_in_use(self.document)

    def levels(self) -> tuple[Level, ...]:
        """The levels of escalation."""
        return recipients.levels_of(self.document)

    @cached_property
    def digests(self) -> DigestSettings:
        """When and how digests are sent."""
        return recipients.digests_of(self.document)

    @property
    def notes_to_delegates(self) -> bool:
        """Whether a delegate is written to for each request that comes in for them; else the digest tells."""
        return self.document.absences.cover == "note"

    def absence_calendars(self, environ: Mapping[str, str]) -> tuple[Subscription, ...]:
        """The calendars that tell of absences, secret addresses read. Raises ConfigurationError."""
        return recipients.subscriptions_of(self.document, self.base, environ, self.where)

    @cached_property
    def alerts(self) -> AlertSettings:
        """Whom IT's alerts reach, and how."""
        return recipients.alerts_of(self.document)

    @cached_property
    def database(self) -> Database:
        """Where everything is recorded."""
        return servers.database_of(self.document, self.base, self.where)

    @cached_property
    def sending(self) -> Sending:
        """How messages are submitted."""
        return servers.sending_of(self.document)

    @cached_property
    def receiving(self) -> Receiving:
        """How messages are fetched."""
        return Receiving(**self.document.receiving.model_dump())

    @cached_property
    def log(self) -> LogSettings:
        """What is logged, and how."""
        return LogSettings(**self.document.log.model_dump())

    @property
    def metrics_at(self) -> tuple[str, int] | None:
        """The address and port that answer for health and metrics, if any do."""
        listen = self.document.metrics.listen
        return split_listen(listen) if listen else None

    @property
    def templates_folder(self) -> Path | None:
        """The organisation's own templates."""
        folder = self.document.templates.folder
        return self.base / folder if folder else None

    def not_acted_on(self) -> tuple[str, ...]:
        """Parts of this file that are checked, and that this version doesn't act on yet, as they are written."""
        given = self.document.model_fields_set
        parts = [f"[{name}]" for name in NOT_ACTED_ON if name in given]
        return (*parts, "[receiving] excerpt") if self.document.receiving.excerpt else tuple(parts)

    def where(self, path: locate.Path) -> str:
        """`FILE:LINE: key.path` of a path of the document."""
        return f"{self.path}:{locate.find_line(self.lines, path) or 1}: {dotted(path)}"

    @cached_property
    def _organisation(self) -> Organisation:
        return resolve.organisation_of(self.document)

    @cached_property
    def _calendar(self) -> ServiceCalendar:
        return resolve.calendar_of(self.document)

    @cached_property
    def _mailboxes(self) -> tuple[Mailbox, ...]:
        return resolve.mailboxes_of(self.document, self._organisation, self._calendar)

    @cached_property
    def _by_address(self) -> Mapping[str, Mailbox]:
        return {address: each for each in self._mailboxes for address in (*each.aliases, each.address)}

    @cached_property
    def _imap_accounts(self) -> Mapping[str, ImapAccount]:
        return servers.imap_accounts_of(self.document, self.base, self.where)

    @cached_property
    def _smtp_accounts(self) -> Mapping[str, SmtpAccount]:
        return servers.smtp_accounts_of(self.document, self.base, self.where)


def load_config(path: Path, *, language: Language = Language.EN, now: datetime | None = None) -> Config:
    """Read and check a file. Problems and warnings are told in `language`; with `now`, what is past is warned of.

    Raises ConfigurationError with every problem.
    """
    text = _text(path, language)
    data = _parse(path, text, language)
    lines = locate.locate_keys(text)
    problems = list_dangling(data, now.date() if now else None)
    document = None
    try:
        document = Document.model_validate(data)
    except ValidationError as error:
        problems += problems_of(error, data)
    if document is not None and not problems and now is not None:
        problems += list_circles(document, now.date())
    if document is None or problems:
        raise ConfigurationError(tell(problems, str(path), lines, language))
    doubts = list_doubts(document, path.parent.absolute(), now)
    return Config(path=path, document=document, warnings=tell(doubts, str(path), lines, language), lines=lines)


def _text(path: Path, language: Language) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")  # Windows editors begin with a mark that TOML doesn't know
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _at_line(path, line, Problem(path=(), kind="encoding"), language) from None


def _parse(path: Path, text: str, language: Language) -> dict[str, Any]:  # Any: parsed TOML
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message, line = _syntax_error(str(error), text)
        raise _at_line(path, line, Problem(path=(), kind="syntax", facts={"message": message}), language) from None


def _syntax_error(message: str, text: str) -> tuple[str, int]:
    """tomllib's message without its position, and the line."""
    found = re.fullmatch(r"(.*) \((?:at line (\d+), column \d+|at end of document)\)", message, re.DOTALL)
    if not found:
        return message, 1
    return found[1], int(found[2]) if found[2] else text.rstrip("\n").count("\n") + 1


def _at_line(path: Path, line: int, problem: Problem, language: Language) -> ConfigurationError:
    return ConfigurationError(tell([problem], str(path), {(): line}, language))
