"""The part of a transaction by which IT is told what is wrong. What is about one thing is one trouble, with counts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, literal_column, not_, or_, select, update

from mailwatch.domain.incidents import Incident, Trouble, TroubleKind, TroubleLimits, is_near_limit
from mailwatch.domain.outbox import EntryKind, EntryState
from mailwatch.store.schema import (
    LIVE,
    absence_sources,
    incidents,
    mailboxes,
    messages,
    outbox,
    requests,
    sightings,
    switches,
)
from mailwatch.store.types import Keys, among
from mailwatch.store.unit import Unit

SENDING_GRACE = timedelta(minutes=5)  # what became due just now is on its way
SETTLED_WITHIN = timedelta(hours=24)
ENQUEUED_WITHIN = timedelta(days=14)  # longer than anything waits to be sent: an index leads to these
QUARANTINED_WITHIN = timedelta(days=7)
LOGIN_REFUSED = "login-refused"
ACCOUNT, BREAKER = "account:", "breaker"
SHOWN = 5  # references named in an alert

_OPEN = (
    select(
        incidents.c.id, incidents.c.kind, incidents.c.about, incidents.c.since, incidents.c.opened_at, incidents.c.data
    )
    .where(literal_column("incident.closed_at IS NULL"))
    .order_by(incidents.c.id)
)
_WATCHED = among(mailboxes.c.address, bindparam("mailboxes", type_=Keys()))
_OWED = (requests.c.acknowledged_at.is_(None), requests.c.answered_at.is_(None), requests.c.state == "open")
_OWED_COLUMNS = (mailboxes.c.address, requests.c.reference, requests.c.received_at, requests.c.acknowledgement_due_at)
_UNSENT = (
    select(*_OWED_COLUMNS)
    .select_from(outbox)
    .join(requests, requests.c.id == outbox.c.request_id)
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .where(
        literal_column(f"outbox.{LIVE}"),
        outbox.c.kind == EntryKind.ACKNOWLEDGEMENT,
        or_(outbox.c.state == EntryState.DEFERRED, outbox.c.not_before < bindparam("overdue")),
        *_OWED,
        _WATCHED,
    )
)
# Nothing withheld it, and yet nothing is, or was, in the outbox. Withheld ones stand in their owner's digest.
_NEVER_ENQUEUED = (
    select(*_OWED_COLUMNS)
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
    .where(
        *_OWED,
        or_(requests.c.suppressed_by.is_(None), requests.c.suppressed_by == literal_column("'elsewhere'")),
        not_(exists().where(outbox.c.request_id == requests.c.id)),
        not_(exists().where(outbox.c.caused_by == messages.c.identity)),
        _WATCHED,
    )
)
_MAILBOXES = select(
    mailboxes.c.address,
    mailboxes.c.enabled_at,
    mailboxes.c.progress_at,
    mailboxes.c.trouble_code,
    mailboxes.c.trouble_since,
).where(_WATCHED)
_SWITCHES = select(switches.c.name, switches.c.since, switches.c.why).where(
    or_(switches.c.name == BREAKER, switches.c.name.startswith(ACCOUNT))
)
# Alerts apart: that one could not be delivered is no reason for another.
_SETTLED_BADLY = (
    select(outbox.c.state, outbox.c.settled_at, outbox.c.kind, outbox.c.recipient, requests.c.reference)
    .outerjoin(requests, requests.c.id == outbox.c.request_id)
    .where(
        outbox.c.enqueued_at >= bindparam("enqueued_since"),
        outbox.c.settled_at >= bindparam("settled_since"),
        outbox.c.state.in_((EntryState.FAILED, EntryState.UNCERTAIN)),
        outbox.c.kind != EntryKind.ALERT,
    )
    .order_by(outbox.c.settled_at, outbox.c.id)
)
_UNREAD = select(absence_sources.c.name, absence_sources.c.trouble, absence_sources.c.trouble_since).where(
    absence_sources.c.trouble_since < bindparam("before")
)
_QUARANTINED = (
    select(mailboxes.c.address, func.count().label("count"), func.min(sightings.c.recorded_at).label("since"))
    .join(mailboxes, mailboxes.c.id == sightings.c.mailbox_id)
    .where(
        literal_column("sighting.quarantined IS NOT NULL"),
        sightings.c.recorded_at >= bindparam("quarantined_since"),
        _WATCHED,
    )
    .group_by(mailboxes.c.address)
)


class AlertingPart(Unit):
    """The part of a transaction by which IT is told what is wrong."""

    async def list_troubles(self, limits: TroubleLimits) -> Sequence[Trouble]:
        """See `ports.Transaction`."""
        watched = {"mailboxes": sorted(limits.mailboxes)}
        return [
            *await self._unacknowledged(limits),
            *await self._silent(limits),
            *(_switched_off(row) for row in await self.rows(_SWITCHES)),
            *await self._settled_badly(),
            *(
                Trouble(
                    kind=TroubleKind.CALENDAR_UNREAD,
                    about=row.name,
                    since=row.trouble_since,
                    data={"why": row.trouble},
                )
                for row in await self.rows(_UNREAD, {"before": self.now - limits.after})
            ),
            *(
                Trouble(kind=TroubleKind.QUARANTINED, about=row.address, since=row.since, data={"count": row.count})
                for row in await self.rows(_QUARANTINED, watched | {"quarantined_since": self.now - QUARANTINED_WITHIN})
            ),
        ]

    async def list_open_incidents(self) -> Sequence[Incident]:
        """See `ports.Transaction`."""
        return [
            Incident(
                id=row.id,
                trouble=Trouble(kind=TroubleKind(row.kind), about=row.about, since=row.since, data=row.data),
                opened_at=row.opened_at,
            )
            for row in await self.rows(_OPEN)
        ]

    async def open_incident(self, trouble: Trouble) -> Incident | None:
        """See `ports.Transaction`."""
        row = {
            "kind": str(trouble.kind),
            "about": trouble.about,
            "since": trouble.since,
            "opened_at": self.now,
            "data": dict(trouble.data),
        }
        begin = self.insert(incidents).values(**row).on_conflict_do_nothing().returning(incidents.c.id)
        number = await self.connection.scalar(begin)
        return None if number is None else Incident(id=int(number), trouble=trouble, opened_at=self.now)

    async def close_incident(self, incident_id: int) -> bool:
        """See `ports.Transaction`."""
        end = update(incidents).where(incidents.c.id == incident_id, incidents.c.closed_at.is_(None))
        return (await self.connection.execute(end.values(closed_at=self.now))).rowcount == 1

    async def _unacknowledged(self, limits: TroubleLimits) -> list[Trouble]:
        watched = {"mailboxes": sorted(limits.mailboxes)}
        rows = [
            *await self.rows(_UNSENT, watched | {"overdue": self.now - SENDING_GRACE}),
            *await self.rows(_NEVER_ENQUEUED, watched),
        ]
        by_mailbox: dict[str, list[Row[Any]]] = {}
        for row in sorted(rows, key=lambda row: (row.acknowledgement_due_at, row.reference)):
            if is_near_limit(row.received_at, row.acknowledgement_due_at, limits.near, self.now):
                by_mailbox.setdefault(row.address, []).append(row)
        return [_near_limit(address, each, limits) for address, each in by_mailbox.items()]

    async def _silent(self, limits: TroubleLimits) -> list[Trouble]:
        """Mailboxes that weren't looked at for a while, by whatever cause; one never seen has no row yet."""
        rows = {row.address: row for row in await self.rows(_MAILBOXES, {"mailboxes": sorted(limits.mailboxes)})}
        found = []
        for address in limits.mailboxes:
            row = rows.get(address)
            if row is None:
                found.append(Trouble(kind=TroubleKind.MAILBOX_SILENT, about=address, since=self.now))
                continue
            seen_at = row.progress_at or row.enabled_at or row.trouble_since or self.now - limits.after
            since = min(seen_at, row.trouble_since or seen_at)
            if since <= self.now - limits.after:
                is_refused = row.trouble_code == LOGIN_REFUSED
                kind = TroubleKind.LOGIN_REFUSED if is_refused else TroubleKind.MAILBOX_SILENT
                data = {"code": row.trouble_code} if row.trouble_code else {}
                found.append(Trouble(kind=kind, about=address, since=since, data=data))
        return found

    async def _settled_badly(self) -> list[Trouble]:
        limits = {"enqueued_since": self.now - ENQUEUED_WITHIN, "settled_since": self.now - SETTLED_WITHIN}
        rows = await self.rows(_SETTLED_BADLY, limits)
        kinds = {EntryState.FAILED: TroubleKind.OUTBOX_FAILED, EntryState.UNCERTAIN: TroubleKind.OUTCOME_UNCERTAIN}
        by_trouble: dict[tuple[TroubleKind, str], list[Row[Any]]] = defaultdict(list)
        for row in rows:
            # A colleague whose digest fails every morning must not hide that an acknowledgement failed, too.
            about = row.recipient if row.kind in (EntryKind.DIGEST, EntryKind.NOTE) else ""
            by_trouble[kinds[EntryState(row.state)], about].append(row)
        return [
            Trouble(
                kind=kind,
                about=about,
                since=bad[0].settled_at,
                data={"count": len(bad), "references": _references(bad)},
            )
            for (kind, about), bad in by_trouble.items()
        ]


def _near_limit(address: str, rows: Sequence[Row[Any]], limits: TroubleLimits) -> Trouble:
    """`rows`: the requests of a mailbox, the one due first before the others."""
    since = min(r.acknowledgement_due_at - (r.acknowledgement_due_at - r.received_at) * limits.near for r in rows)
    first_due_at = rows[0].acknowledgement_due_at
    data = {"count": len(rows), "due_at": f"{first_due_at:%Y-%m-%d %H:%M} UTC", "references": _references(rows)}
    return Trouble(kind=TroubleKind.ACKNOWLEDGEMENT_NEAR_LIMIT, about=address, since=since, data=data)


def _switched_off(row: Row[Any]) -> Trouble:
    is_breaker = row.name == BREAKER
    return Trouble(
        kind=TroubleKind.BREAKER_TRIPPED if is_breaker else TroubleKind.ACCOUNT_STOPPED,
        about="" if is_breaker else row.name.removeprefix(ACCOUNT),
        since=row.since,
        data={"why": row.why},
    )


def _references(rows: Iterable[Row[Any]]) -> list[str]:
    return [row.reference for row in rows if row.reference][:SHOWN]
