"""Document → values of the domain and of the adapters: overrides applied, defaults by kind, texts parsed.

The document is valid by now; nothing here can fail.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TypeVar
from zoneinfo import ZoneInfo

from mailwatch.config import settings
from mailwatch.config.accounts import ImapKeys, SecretKeys, Section, SmtpKeys
from mailwatch.config.locate import Path
from mailwatch.config.model import (
    AcknowledgementSection,
    CalendarKeys,
    Document,
    MailboxSection,
    StandardSection,
)
from mailwatch.config.secrets import SecretRef, SecretSource
from mailwatch.config.values import WEEKDAYS, parse_duration
from mailwatch.domain.calendars import ServiceCalendar, parse_closure, parse_segment
from mailwatch.domain.mailboxes import AcknowledgementPolicy, LocalRule, Mailbox, MailboxKind, Organisation
from mailwatch.domain.people import Person
from mailwatch.domain.standards import ServiceStandard, parse_limit

IMAP_PORTS = {"tls": 993, "starttls": 143, "none": 143}
SMTP_PORTS = {"tls": 465, "starttls": 587, "none": 25}
DELAYS = {"shared": "5m", "staff": "24h"}  # colleagues aren't answered by robots
REPLIES = {"shared": "request", "staff": "record"}
MICROSOFT_RATE = 30  # messages a minute that Exchange Online takes from one account

S = TypeVar("S", bound=Section)
Where = Callable[[Path], str]  # a path of the document → `FILE:LINE: key.path`


def organisation_of(document: Document) -> Organisation:
    """The organisation, with its people and every watched address."""
    section = document.organisation
    enabled = [each for each in document.mailbox if each.enabled]
    domains = section.domains or tuple(each.address.rpartition("@")[2] for each in document.mailbox)
    return Organisation(
        name=section.name,
        languages=section.languages,
        domains=frozenset(domains),
        watched={alias: each.address for each in enabled for alias in (*each.aliases, each.address)},
        people=_people(document),
        standards_url=section.standards_url,
        privacy_notice=dict(section.privacy_notice),
        external_tags=section.external_tags,
        banners=section.banners,
    )


def calendar_of(document: Document, mailbox: MailboxSection | None = None) -> ServiceCalendar:
    """The organisation's calendar, or a mailbox's."""
    section = calendar_keys_of(document, mailbox) if mailbox else document.calendar
    return ServiceCalendar(
        timezone=ZoneInfo(section.timezone or document.organisation.timezone),
        hours=_hours(section.hours or {}),
        country=section.country,
        subdivision=section.subdivision,
        closures=tuple(parse_closure(each) for each in section.closures),
        extra_open=section.extra_open,
    )


def mailboxes_of(document: Document, organisation: Organisation, calendar: ServiceCalendar) -> tuple[Mailbox, ...]:
    """The enabled mailboxes; those with equal calendars share one object, and so its memory of days."""
    calendars = [calendar]
    rules = _rules(document)
    found = []
    for section in document.mailbox:
        if section.enabled:
            own = calendar_of(document, section)
            shared = next((each for each in calendars if each == own), None)
            if shared is None:
                calendars.append(shared := own)
            found.append(_mailbox(document, section, organisation, shared, rules))
    return _with_companions(found, {each.address: (each.imap, username_of(each)) for each in document.mailbox})


def username_of(section: MailboxSection) -> str:
    """The login of a mailbox."""
    return section.username or section.address


def overridden(section: S, mailbox: MailboxSection) -> S:
    """A section with the keys that a mailbox writes flat; lists replace."""
    own = mailbox.model_fields_set & set(type(section).model_fields) - {"enabled"}  # the mailbox's own `enabled`
    return section.model_copy(update={key: getattr(mailbox, key) for key in own})


def calendar_keys_of(document: Document, mailbox: MailboxSection) -> CalendarKeys:
    """The keys of [calendar] for a mailbox."""
    section = overridden(document.calendar, mailbox)
    if "country" in mailbox.model_fields_set and "subdivision" not in mailbox.model_fields_set:
        return section.model_copy(update={"subdivision": None})  # Ontario isn't in another country
    return section


def acknowledgement_of(document: Document, mailbox: MailboxSection) -> AcknowledgementSection:
    """The keys of [acknowledgement] for a mailbox, defaults by kind filled in."""
    section = overridden(document.acknowledgement, mailbox)
    return section.model_copy(
        update={
            "delay": section.delay or DELAYS[mailbox.kind],
            "replies": section.replies or REPLIES[mailbox.kind],
            "enabled": section.enabled if mailbox.acknowledge is None else mailbox.acknowledge,
        }
    )


def smtp_name(document: Document, section: MailboxSection) -> str:
    """The SMTP account that submits for a mailbox: the named one, [smtp], or the only one."""
    if section.smtp or document.smtp is None or document.smtp.host is not None:
        return section.smtp or "default"
    return next(iter(document.smtp.named))


def smtp_accounts_of(document: Document, base: FilePath, where: Where) -> Mapping[str, settings.SmtpAccount]:
    """Every SMTP account by name; "default" is [smtp] itself."""
    if document.smtp is None:
        return {}
    sections: dict[str, tuple[Path, SmtpKeys]] = {
        name: (("smtp", name), each) for name, each in document.smtp.named.items()
    }
    if document.smtp.host is not None:
        sections = {"default": (("smtp",), document.smtp), **sections}
    rate = document.sending.rate_per_minute
    return {name: _smtp(name, each, path, rate, base, where) for name, (path, each) in sections.items()}


def imap_accounts_of(document: Document, base: FilePath, where: Where) -> Mapping[str, settings.ImapAccount]:
    """The login of every mailbox, by its address."""
    return {
        section.address: _imap(section, document.imap[section.imap], base, _ref(section.password, path, where))
        for index, section in enumerate(document.mailbox)
        for path in [("mailbox", index, "password")]
    }


def database_of(document: Document, base: FilePath, where: Where) -> settings.Database:
    """[database], its password unread."""
    section = document.database
    password = _ref(section.password, ("database", "password"), where) if section.password else None
    return settings.Database(url=section.url, base=base, password=password, where=where(("database", "url")))


def sending_of(document: Document) -> settings.Sending:
    """[sending]."""
    section = document.sending
    return settings.Sending(
        breaker_count=section.breaker.count,
        breaker_per=parse_duration(section.breaker.per),
        connections=section.connections,
        give_up_after=parse_duration(section.give_up_after),
    )


def _people(document: Document) -> dict[str, Person]:
    default = document.organisation.languages[0]
    return {
        each.email: Person(
            email=each.email,
            name=each.name,
            language=each.language or default,
            title=each.title,
            phone=each.phone,
            manager=each.manager,
        )
        for each in document.people
    }


def _rules(document: Document) -> tuple[LocalRule, ...]:
    return tuple(
        LocalRule(
            name=each.name or f"rule-{number}",
            senders=frozenset(each.senders),
            domains=frozenset(each.domains),
            subject_contains=each.subject_contains.lower(),
            treat_as=each.treat_as,
            acknowledge=each.acknowledge,
            owner=each.owner,
        )
        for number, each in enumerate(document.rule, start=1)
    )


def _mailbox(
    document: Document,
    section: MailboxSection,
    organisation: Organisation,
    calendar: ServiceCalendar,
    rules: tuple[LocalRule, ...],
) -> Mailbox:
    standard: StandardSection = overridden(document.standard, section)
    return Mailbox(
        address=section.address,
        kind=MailboxKind(section.kind),
        name=dict(section.name),
        organisation=organisation,
        standard=ServiceStandard(
            acknowledge_within=parse_limit(standard.acknowledge_within),
            answer_within=parse_limit(standard.answer_within),
            calendar=calendar,
        ),
        acknowledgement=_policy(acknowledgement_of(document, section)),
        aliases=section.aliases,
        groups=section.groups,
        owners=tuple(organisation.people[owner] for owner in section.owners),
        answerers=section.answerers,
        department=section.department,
        folders=section.folders,
        contact=dict(section.contact),
        rules=rules,
        smtp=smtp_name(document, section),
    )


def _policy(section: AcknowledgementSection) -> AcknowledgementPolicy:
    values = {name: getattr(section, name) for name in type(section).model_fields}
    values["delay"] = parse_duration(values["delay"])
    values["bounce_block"] = parse_duration(values["bounce_block"])
    values["reopen_within"] = parse_limit(values["reopen_within"])
    values["forms"] = frozenset(values["forms"])
    return AcknowledgementPolicy(**values)


def _hours(hours: Mapping[str, Sequence[str]]) -> dict[int, tuple[tuple[int, int], ...]]:
    return {WEEKDAYS.index(day): tuple(sorted(parse_segment(each) for each in spans)) for day, spans in hours.items()}


def _with_companions(found: Sequence[Mailbox], logins: Mapping[str, tuple[str, str]]) -> tuple[Mailbox, ...]:
    """Fill `shares_with`: same server, same login, a folder in common (INBOX has no case: RFC 3501 §5.1)."""
    by_place: dict[tuple[tuple[str, str], str], set[str]] = {}
    for each in found:
        for folder in each.folders:
            by_place.setdefault((logins[each.address], _folder_key(folder)), set()).add(each.address)
    together = {
        each.address: {each.address}.union(*(by_place[logins[each.address], _folder_key(f)] for f in each.folders))
        for each in found
    }
    order = {each.address: number for number, each in enumerate(found)}
    return tuple(
        replace(each, shares_with=tuple(sorted(together[each.address], key=order.__getitem__))) for each in found
    )


def _folder_key(folder: str) -> str:
    return "INBOX" if folder.upper() == "INBOX" else folder


def _ref(keys: SecretKeys, path: Path, where: Where) -> SecretRef:
    (name,) = keys.model_fields_set
    value = getattr(keys, name)
    return SecretRef(
        source=SecretSource(name), value=value if isinstance(value, tuple) else (value,), where=where(path)
    )


def _smtp(
    name: str, section: SmtpKeys, path: Path, rate: int | None, base: FilePath, where: Where
) -> settings.SmtpAccount:
    if rate is None and section.host.lower().endswith(".office365.com"):
        rate = MICROSOFT_RATE
    return settings.SmtpAccount(
        name=name,
        host=section.host,
        port=section.port or SMTP_PORTS[section.security],
        security=section.security,
        username=section.username,
        password=_ref(section.password, (*path, "password"), where) if section.password else None,
        ca_file=base / section.ca_file if section.ca_file else None,
        timeout=parse_duration(section.timeout).total_seconds(),
        rate_per_minute=rate,
    )


def _imap(section: MailboxSection, server: ImapKeys, base: FilePath, password: SecretRef) -> settings.ImapAccount:
    return settings.ImapAccount(
        server=section.imap,
        host=server.host,
        port=server.port or IMAP_PORTS[server.security],
        security=server.security,
        ca_file=base / server.ca_file if server.ca_file else None,
        username=username_of(section),
        password=password,
        timeout=parse_duration(server.timeout).total_seconds(),
        poll=parse_duration(server.poll).total_seconds(),
        idle_renew=parse_duration(server.idle_renew).total_seconds(),
        per_account=server.per_account,
        logins_at_once=server.logins_at_once,
        max_connections=server.max_connections,
    )
