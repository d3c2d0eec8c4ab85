"""Absences as lines for people and as JSON objects, and who may be named in them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import click

from mailwatch.cli.invocation import Invocation
from mailwatch.cli.words import day_name
from mailwatch.clock import SystemClock
from mailwatch.config import Config
from mailwatch.domain.absences import Absence, find_cover
from mailwatch.domain.calendars import local_date, next_business_day
from mailwatch.errors import NoOpenDay
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import CONFIGURATION, configured


def today_of(config: Config) -> date:
    """The organisation's date now."""
    return local_date(config.calendar(), SystemClock().now())


def find_who(invocation: Invocation, config: Config, text: str, hint: str) -> str:
    """The person or the mailbox of an address. Raises click.BadParameter."""
    key = text.strip().lower()
    people = config.organisation().people
    mailbox = config.find_mailbox(key)
    if key in people:
        return key
    if mailbox is not None:
        return mailbox.address
    raise _stranger(invocation, text, sorted({*people, *(box.address for box in config.watched_mailboxes())}), hint)


def find_delegate(invocation: Invocation, config: Config, text: str, who: str) -> str:
    """The person who is to cover. Raises click.BadParameter."""
    key = text.strip().lower()
    people = config.organisation().people
    if key not in people:
        raise _stranger(invocation, text, sorted(people), "--delegate")
    if key == who:
        raise click.BadParameter(
            invocation.pick(
                "nobody covers for themselves; name another person",
                "on ne se remplace pas soi-même\u00a0; nommez une autre personne",
            ),
            param_hint="--delegate",
        )
    return key


def merge_configured(config: Config, kept: Sequence[KeptAbsence]) -> list[KeptAbsence]:
    """What the database knows, and the configuration's absences as they stand there now, which `run` takes over."""
    known = {each.uid: each.absence.id for each in kept if each.source == CONFIGURATION}
    told = [
        KeptAbsence(
            absence=_numbered(each.absence, known.get(each.uid, 0)), source=each.source, uid=each.uid, by=each.by
        )
        for each in configured(config.organisation().absences)
    ]
    named = {each.uid for each in told}
    rest = [each for each in kept if each.source != CONFIGURATION or each.uid not in named]
    return sorted([*told, *rest], key=lambda each: (each.absence.away_from, each.absence.who))


def describe(invocation: Invocation, config: Config, kept: KeptAbsence) -> str:
    """An absence in one sentence; whoever is away is back on a business day."""
    absence = kept.absence
    who, cover = _name(config, absence.who), _name(config, absence.delegate)
    first = day_name(invocation, str(absence.away_from))
    if absence.returns_on is None:
        span = invocation.pick(f"from {first}; return unknown", f"dès le {first}\u00a0; retour inconnu")
    else:
        back = day_name(invocation, str(_business_day(config, absence.returns_on)))
        span = invocation.pick(f"from {first}; back on {back}", f"dès le {first}\u00a0; de retour le {back}")
    covers = invocation.pick(f"; {cover} covers", f"\u00a0; remplacement\u00a0: {cover}") if absence.delegate else ""
    return invocation.pick(f"{who} is away {span}{covers}", f"{who}\u00a0: absence {span}{covers}")


def as_json(
    kept: KeptAbsence, config: Config, on: date, known: Sequence[KeptAbsence]
) -> Mapping[str, Any]:  # Any: a JSON object
    """An absence for programs; `covered_by`: whoever covers, by all the absences that are known, on a day on which it
    is on, else null."""
    absence = kept.absence
    is_on = absence.covers(on)
    absences = [each.absence for each in known]
    cover = find_cover(absence.who, on, absences, config.organisation().people) if is_on else ""
    return {
        "id": absence.id or None,
        "who": absence.who,
        "away_from": str(absence.away_from),
        "returns_on": str(absence.returns_on) if absence.returns_on else None,
        "delegate": absence.delegate or None,
        "audience": str(absence.audience),
        "text": {str(language): text for language, text in absence.text.items()},
        "note": absence.note,
        "source": kept.source,
        "by": kept.by,
        "is_on": is_on,
        "covered_by": cover if cover and cover != absence.who else None,
    }


def is_over(absence: Absence, today: date) -> bool:
    """Whether whoever was away is back."""
    return absence.returns_on is not None and absence.returns_on <= today


def _numbered(absence: Absence, number: int) -> Absence:
    return replace(absence, id=number)


def _business_day(config: Config, day: date) -> date:
    try:
        return next_business_day(config.calendar(), day)
    except NoOpenDay:
        return day


def _name(config: Config, address: str) -> str:
    person = config.organisation().people.get(address)
    return person.name if person else address


def _stranger(invocation: Invocation, text: str, known: Sequence[str], hint: str) -> click.BadParameter:
    listed = ", ".join(known) or "–"
    return click.BadParameter(
        invocation.pick(
            f"{text}: nobody of [[people]] and no [[mailbox]] has this address; the configuration has: {listed}",
            f"{text}\u00a0: cette adresse ne figure ni dans [[people]] ni dans [[mailbox]]\u00a0; la configuration "
            f"contient\u00a0: {listed}",
        ),
        param_hint=hint,
    )
