"""The part of a transaction that knows who is away, what that does to requests, and which calendars tell of it.

Rows stay when an absence is over, or is taken back: notices point to them, and what was due by them stays explainable.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, exists, literal_column, or_, select, update

from mailwatch.domain.absences import Absence, Audience
from mailwatch.domain.languages import Language
from mailwatch.domain.outings import Validators
from mailwatch.domain.requests import EventKind, State
from mailwatch.domain.standards import parse_limit
from mailwatch.ports.absences import CalendarRead, KeptAbsence, Met, Running
from mailwatch.store.escalating import EscalatingPart, known_calendar
from mailwatch.store.schema import UNSETTLED, absence_sources, absences, events, mailboxes, messages, requests
from mailwatch.store.types import Numbers, UTCDateTime, among

_SETTLING = (EventKind.ANSWERED, EventKind.ANSWER_NOTED, EventKind.CLOSED, EventKind.SET_ASIDE)

_KEPT = select(absences).where(absences.c.cancelled_at.is_(None)).order_by(absences.c.id)
_CURRENT = _KEPT.where(or_(absences.c.returns_on.is_(None), absences.c.returns_on >= bindparam("since")))
_OF_SOURCE = _KEPT.where(absences.c.source == bindparam("source"))
_TAKE_BACK = update(absences).where(absences.c.id == bindparam("row")).values(cancelled_at=bindparam("at"))

_REQUESTS = (
    select(
        requests.c.id,
        requests.c.reference,
        mailboxes.c.address,
        requests.c.owner,
        requests.c.requester,
        messages.c.subject,
        messages.c.message_id,
        requests.c.state,
        requests.c.received_at,
        requests.c.clock_started_at,
        requests.c.answer_due_at,
        requests.c.settled_at,
        requests.c.calendar_digest,
        requests.c.standard,
        exists()
        .where(events.c.request_id == requests.c.id, events.c.kind == EventKind.RESCHEDULED)
        .label("is_rescheduled"),
    )
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
    .order_by(requests.c.received_at, requests.c.id)
)
_RUNNING = _REQUESTS.where(
    literal_column(f"request.{UNSETTLED}"),  # word for word what the partial index says
    requests.c.clock_started_at >= bindparam("since"),
)
_MET = _REQUESTS.where(  # of a summer's requests, all but theirs are left out by the index alone
    requests.c.received_at >= bindparam("since"),
    requests.c.received_at < bindparam("until"),
    or_(
        requests.c.owner == bindparam("owner"),
        among(requests.c.mailbox_id, bindparam("mailbox_ids", type_=Numbers())),
    ),
)
_SETTLED_BY = select(events.c.request_id, events.c.by, events.c.occurred_at).where(
    among(events.c.request_id, bindparam("ids", type_=Numbers())), events.c.kind.in_(_SETTLING)
)
_CLAIM_SOURCE = (
    update(absence_sources)
    .where(
        absence_sources.c.name == bindparam("source_name"),
        absence_sources.c.checked_at == bindparam("known", type_=UTCDateTime()),
    )
    .values(checked_at=bindparam("new", type_=UTCDateTime()))
)
_SOURCE = select(absence_sources).where(absence_sources.c.name == bindparam("source_name"))


class AbsencePart(EscalatingPart):
    """The part of a transaction that knows who is away. See `ports.absences.Absences`."""

    async def list_absences(self, since: date) -> tuple[Absence, ...]:
        """See `ports.absences.Absences`."""
        return tuple(_absence(row) for row in await self.rows(_CURRENT, {"since": since}))

    async def list_kept(self, source: str | None = None) -> Sequence[KeptAbsence]:
        """See `ports.absences.Absences`."""
        found = await (self.rows(_KEPT) if source is None else self.rows(_OF_SOURCE, {"source": source}))
        return [KeptAbsence(absence=_absence(row), source=row.source, uid=row.uid, by=row.by) for row in found]

    async def keep_absence(self, kept: KeptAbsence) -> int:
        """See `ports.absences.Absences`. One that had been taken back is there again."""
        told = {
            "who": kept.absence.who,
            "away_from": kept.absence.away_from,
            "returns_on": kept.absence.returns_on,
            "delegate": kept.absence.delegate,
            "audience": kept.absence.audience,
            "text": dict(kept.absence.text),
            "note": kept.absence.note,
            "by": kept.by,
            "changed_at": self.now,
            "cancelled_at": None,
        }
        row = {"source": kept.source, "uid": kept.uid, "recorded_at": self.now, **told}
        changed = (
            self.insert(absences)
            .values(row)
            .on_conflict_do_update(index_elements=[absences.c.source, absences.c.uid], set_=told)
        )
        return int((await self.connection.execute(changed.returning(absences.c.id))).scalar_one())

    async def take_back(self, id_: int) -> None:
        """See `ports.absences.Absences`."""
        await self.connection.execute(_TAKE_BACK, {"row": id_, "at": self.now})

    async def list_running(self, started_since: datetime) -> Sequence[Running]:
        """See `ports.absences.Absences`."""
        found = await self.rows(_RUNNING, {"since": started_since})
        await self.learn_calendars({row.calendar_digest for row in found})
        return [_running(row) for row in found]

    async def list_met(self, owner: str, mailboxes: Sequence[str], since: datetime, until: datetime) -> Sequence[Met]:
        """See `ports.absences.Absences`."""
        parameters = {"owner": owner, "mailbox_ids": await self.mailbox_ids(mailboxes), "since": since, "until": until}
        found = await self.rows(_MET, parameters)
        settled: dict[tuple[int, datetime], str] = defaultdict(str)
        for event in await self.rows(_SETTLED_BY, {"ids": [row.id for row in found]}) if found else ():
            settled[event.request_id, event.occurred_at] = event.by
        return [_met(row, settled.get((row.id, row.settled_at), "")) for row in found]

    async def find_calendar(self, name: str) -> CalendarRead | None:
        """See `ports.absences.Absences`."""
        for row in await self.rows(_SOURCE, {"source_name": name}):
            return CalendarRead(
                name=row.name,
                validators=Validators(**json.loads(row.validators)),
                checked_at=row.checked_at,
                read_at=row.read_at,
                trouble=row.trouble,
                trouble_since=row.trouble_since,
            )
        return None

    async def claim_calendar(self, name: str, checked_at: datetime | None) -> bool:
        """See `ports.absences.Absences`."""
        if checked_at is None:
            row = {"name": name, "validators": "{}", "checked_at": self.now}
            begun = self.insert(absence_sources).on_conflict_do_nothing().returning(absence_sources.c.name)
            return (await self.connection.execute(begun, row)).first() is not None
        claimed = await self.connection.execute(
            _CLAIM_SOURCE, {"source_name": name, "known": checked_at, "new": self.now}
        )
        return claimed.rowcount == 1

    async def keep_calendar_read(self, read: CalendarRead) -> None:
        """See `ports.absences.Absences`."""
        row = {
            "name": read.name,
            "validators": json.dumps(asdict(read.validators), sort_keys=True),
            "checked_at": read.checked_at,
            "read_at": read.read_at,
            "trouble": read.trouble,
            "trouble_since": read.trouble_since,
        }
        changed = (
            self.insert(absence_sources)
            .values(row)
            .on_conflict_do_update(index_elements=[absence_sources.c.name], set_=row)
        )
        await self.connection.execute(changed)


def _absence(row: Row[Any]) -> Absence:
    return Absence(
        who=row.who,
        away_from=row.away_from,
        returns_on=row.returns_on,
        delegate=row.delegate,
        text={Language(language): sentence for language, sentence in row.text.items()},
        audience=Audience(row.audience),
        note=row.note,
        id=row.id,
    )


def _running(row: Row[Any]) -> Running:
    return Running(
        id=row.id,
        reference=row.reference,
        mailbox=row.address,
        owner=row.owner,
        requester=row.requester,
        subject=row.subject,
        message_id=row.message_id,
        state=State(row.state),
        received_at=row.received_at,
        clock_started_at=row.clock_started_at,
        answer_due_at=row.answer_due_at,
        calendar=known_calendar(row.calendar_digest),
        limit=parse_limit(row.standard["answer_within"]),
        is_rescheduled=bool(row.is_rescheduled),
    )


def _met(row: Row[Any], settled_by: str) -> Met:
    return Met(
        reference=row.reference,
        mailbox=row.address,
        requester=row.requester,
        subject=row.subject,
        message_id=row.message_id,
        state=State(row.state),
        received_at=row.received_at,
        answer_due_at=row.answer_due_at,
        settled_at=row.settled_at,
        settled_by=settled_by,
    )
