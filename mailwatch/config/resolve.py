"""Document → values of the domain and of the adapters: overrides applied, defaults by kind, texts parsed.

The document is valid by now; nothing here can fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar
from zoneinfo import ZoneInfo

from mailwatch.config.accounts import Section
from mailwatch.config.model import (
    AcknowledgementSection,
    CalendarKeys,
    Document,
    MailboxSection,
    StandardSection,
)
from mailwatch.config.recipients import absences_of
from mailwatch.config.references import folder_key
from mailwatch.config.servers import smtp_name, username_of
from mailwatch.config.values import WEEKDAYS, parse_duration
from mailwatch.domain.calendars import ServiceCalendar, parse_closure, parse_segment
from mailwatch.domain.mailboxes import (
    AcknowledgementPolicy,
    LocalRule,
    Mailbox,
    MailboxKind,
    ObservingPolicy,
    Organisation,
)
from mailwatch.domain.people import Person, Responder
from mailwatch.domain.standards import ServiceStandard, parse_limit

DELAYS = {"shared": "5m", "staff": "24h"}  # colleagues aren't answered by robots
REPLIES = {"shared": "request", "staff": "record"}

S = TypeVar("S", bound=Section)


def organisation_of(document: Document) -> Organisation:
    """The organisation, with its people and every watched address."""
    section = document.organisation
    enabled = [each for each in document.mailbox if each.enabled and not each.is_sent_only]
    domains = section.domains or tuple(each.address.rpartition("@")[2] for each in document.mailbox)
    return Organisation(
        name=section.name,
        languages=section.languages,
        domains=frozenset(domains),
        watched={alias: each.address for each in enabled for alias in (*each.aliases, each.address)},
        people=_people(document),
        absences=absences_of(document),
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
            notice=Responder(each.notice),
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
        observing=_observing(document, section),
        notice=Responder(section.notice),
    )


def _policy(section: AcknowledgementSection) -> AcknowledgementPolicy:
    values = {name: getattr(section, name) for name in type(section).model_fields}
    values["delay"] = parse_duration(values["delay"])
    values["bounce_block"] = parse_duration(values["bounce_block"])
    values["reopen_within"] = parse_limit(values["reopen_within"])
    values["forms"] = frozenset(values["forms"])
    return AcknowledgementPolicy(**values)


def _observing(document: Document, section: MailboxSection) -> ObservingPolicy:
    keys = overridden(document.observing, section)
    return ObservingPolicy(
        sent=bool(keys.observe_sent),
        is_sent_only=section.is_sent_only,
        sent_folders=section.sent_folders,
        flags=keys.observe_flags,
        copies=keys.observe_copies,
        references=keys.observe_references,
        closing_folders=section.closing_folders,
        set_aside_folders=section.set_aside_folders,
    )


def _hours(hours: Mapping[str, Sequence[str]]) -> dict[int, tuple[tuple[int, int], ...]]:
    return {WEEKDAYS.index(day): tuple(sorted(parse_segment(each) for each in spans)) for day, spans in hours.items()}


def _with_companions(found: Sequence[Mailbox], logins: Mapping[str, tuple[str, str]]) -> tuple[Mailbox, ...]:
    """Fill `shares_with`: same server, same login, a folder in common (INBOX has no case: RFC 3501 §5.1)."""
    by_place: dict[tuple[tuple[str, str], str], set[str]] = {}
    places = {
        each.address: [(logins[each.address], folder_key(f)) for f in each.folders if not each.observing.is_sent_only]
        for each in found
    }
    for address, own in places.items():
        for place in own:
            by_place.setdefault(place, set()).add(address)
    together = {address: {address}.union(*(by_place[place] for place in own)) for address, own in places.items()}
    order = {each.address: number for number, each in enumerate(found)}
    return tuple(
        replace(each, shares_with=tuple(sorted(together[each.address], key=order.__getitem__))) for each in found
    )
