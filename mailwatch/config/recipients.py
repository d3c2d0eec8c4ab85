"""Document → who is told of what is late, or wrong: levels, digests, alerts, and the absences by which others are told.

The document is valid by now; nothing here can fail.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, time
from pathlib import Path as FilePath

from mailwatch.config.locate import Path
from mailwatch.config.model import Document
from mailwatch.config.problems import Problem
from mailwatch.config.servers import secret_ref, smtp_name
from mailwatch.config.settings import DigestSettings
from mailwatch.config.values import parse_duration
from mailwatch.domain.absences import Absence, Audience, find_circle
from mailwatch.domain.escalations import DEFAULT_LEVELS, Level
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.outings import CalendarFilter, CalendarSource, Subscription
from mailwatch.domain.standards import parse_limit


def levels_of(document: Document) -> tuple[Level, ...]:
    """Every [[escalation]], in the file's order; the defaults where there is none. Those at one moment are one level:
    what is stored of it is its moment."""
    levels: dict[str, Level] = {}
    for each in document.escalation:
        level = Level(
            before=parse_limit(each.before) if each.before else None,
            after=parse_limit(each.after) if each.after else None,
            to=each.to,
        )
        twin = levels.get(level.name, level)
        levels[level.name] = replace(twin, to=tuple(dict.fromkeys((*twin.to, *level.to))))
    return tuple(levels.values()) or DEFAULT_LEVELS


def absences_of(document: Document) -> tuple[Absence, ...]:
    """Every [[absence]]; that of an alias is its mailbox's, unless it is a person's e-mail."""
    who = _absentees(document)
    return tuple(
        Absence(
            who=who.get(each.who, each.who),
            away_from=each.away_from,
            returns_on=each.returns_on,
            delegate=each.delegate or "",
            text=dict(each.text),
            audience=Audience(each.audience),
            note=each.note,
        )
        for each in document.absence
    )


def subscriptions_of(
    document: Document, base: FilePath, environ: Mapping[str, str], where: Callable[[Path], str]
) -> tuple[Subscription, ...]:
    """Every [[absence_calendar]]; that of an alias is its mailbox's. Raises ConfigurationError for secret addresses."""
    who = _absentees(document)
    found = []
    for index, each in enumerate(document.absence_calendar):
        location = each.url or str(base / (each.file or ""))
        if each.secret_url is not None:
            ref = secret_ref(each.secret_url, ("absence_calendar", index, "secret_url"), where)
            location = ref.resolve(base, environ).reveal()
        found.append(
            Subscription(
                name=each.name,
                who=who.get(each.who, each.who),
                source=CalendarSource(location=location, allow_http=each.allow_http, allow_private=each.allow_private),
                takes=CalendarFilter(category=each.category or "", every_event=each.every_event),
                every=parse_duration(each.every),
                delegate=each.delegate or "",
                audience=each.audience,
            )
        )
    return tuple(found)


def list_circles(document: Document, today: date) -> list[Problem]:
    """The first circle of people who are away at the same time and cover for each other: nobody would be there."""
    absences = absences_of(document)
    current = [each for each in absences if each.returns_on is None or each.returns_on > today]
    circle = find_circle(current)
    if not circle:
        return []
    index = next(n for n, each in enumerate(absences) if each.who == circle[0].who and each in current)
    names = " → ".join([each.who for each in circle] + [circle[0].who])
    return [Problem(path=("absence", index, "delegate"), kind="absence_circle", facts={"value": names})]


def _absentees(document: Document) -> dict[str, str]:
    """Aliases of mailboxes that are nobody's e-mail, with the mailbox that each means."""
    people = {each.email for each in document.people}
    return {alias: each.address for each in document.mailbox for alias in each.aliases if alias not in people}


def digests_of(document: Document) -> DigestSettings:
    """[digest], sender and account filled in."""
    section = document.digest
    account = section.smtp or _first_account(document)
    return DigestSettings(
        at=time.fromisoformat(section.at),
        details=section.details,
        sender=section.sender or sender_of(document, account),
        account=account,
        message_link=section.message_link,
    )


def alerts_of(document: Document) -> AlertSettings:
    """[alerts], sender and account filled in."""
    section = document.alerts
    account = section.smtp or _first_account(document)
    return AlertSettings(
        to=section.to,
        account=account,
        sender=section.sender or sender_of(document, account),
        after=parse_duration(section.after),
    )


def sender_of(document: Document, account: str) -> str:
    """The first mailbox that an SMTP account submits for, or ""; enabled ones first."""
    served = sorted(document.mailbox, key=lambda each: not each.enabled)
    return next((each.address for each in served if smtp_name(document, each) == account), "")


def accounts_in_use(document: Document) -> dict[str, str]:
    """SMTP accounts that something is sent through, and an address that each may send from."""
    found = {
        smtp_name(document, each): sender_of(document, smtp_name(document, each))
        for each in document.mailbox
        if each.enabled and not each.is_sent_only
    }
    if found:  # no mailbox, no digest
        digests = digests_of(document)
        found.setdefault(digests.account, digests.sender)
    alerts = alerts_of(document)
    if alerts.to:
        found.setdefault(alerts.account, alerts.sender)
    return found


def _first_account(document: Document) -> str:
    """The first SMTP account that submits for a mailbox, else the first there is, else ""."""
    names = list(_account_names(document))
    served = (name for name in names if sender_of(document, name))
    return next(served, names[0] if names else "")


def _account_names(document: Document) -> Iterator[str]:
    if document.smtp is not None:
        if document.smtp.host is not None:
            yield "default"
        yield from document.smtp.named
