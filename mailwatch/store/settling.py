"""What outcomes write: the entries as they then stand, and what that adds to the requests they are about.

In one go: each journey between asynchronous and synchronous code costs half as much as a statement.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, select, update

from mailwatch.domain.answers import FLAG_CONFIDENCE
from mailwatch.domain.clocks import is_known
from mailwatch.domain.outbox import EntryState, Settlement
from mailwatch.domain.requests import Event, EventKind
from mailwatch.store.histories import HISTORY_COLUMNS, History, history_statements, load_pasts
from mailwatch.store.schema import outbox, requests
from mailwatch.store.types import Numbers, UTCDateTime, among

FINAL = frozenset({EntryState.SENT, EntryState.FAILED, EntryState.UNCERTAIN, EntryState.CANCELLED})

_IS_MINE = (
    among(outbox.c.id, bindparam("ids", type_=Numbers())),
    outbox.c.state == EntryState.CLAIMED,
    outbox.c.claimed_by == bindparam("worker"),
)
_MINE = (
    select(
        outbox.c.id,
        outbox.c.request_id,
        outbox.c.attempts,
        outbox.c.caused_by,
        requests.c.received_at,
        *HISTORY_COLUMNS,
    )
    .select_from(outbox)
    .join(requests, requests.c.id == outbox.c.request_id)
    .where(*_IS_MINE)
    .order_by(outbox.c.request_id, outbox.c.id)  # as everybody locks requests
    .with_for_update(of=(outbox, requests))
)
# The same of what is about no request: apart, since PostgreSQL can't lock the empty side of an outer join.
_MINE_ALONE = (
    select(outbox.c.id).where(*_IS_MINE, outbox.c.request_id.is_(None)).order_by(outbox.c.id).with_for_update()
)
_SETTLE = (
    update(outbox)
    .where(outbox.c.id == bindparam("entry"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        not_before=func.coalesce(bindparam("new_not_before", type_=UTCDateTime()), outbox.c.not_before),
        doubts=case((outbox.c.doubts > bindparam("new_doubts"), outbox.c.doubts), else_=bindparam("new_doubts")),
        attempts=outbox.c.attempts - bindparam("untried"),
        settled_at=bindparam("new_settled_at"),
        claimed_by=None,
        claimed_until=None,
    )
)
# What an outcome adds to the history of the request that the entry is about.
_EVENTS = {
    EntryState.SENT: EventKind.ACKNOWLEDGED,
    EntryState.FAILED: EventKind.ACKNOWLEDGEMENT_FAILED,
    EntryState.UNCERTAIN: EventKind.ACKNOWLEDGEMENT_FAILED,  # a person must look; the request is not acknowledged
    EntryState.CANCELLED: EventKind.ACKNOWLEDGEMENT_CANCELLED,
}


def settle(connection: Connection, worker: str, last: Mapping[int, Settlement]) -> int:
    """Record the outcomes, by entry, of what this worker still has; how many took effect."""
    parameters = {"ids": sorted(last), "worker": worker}
    mine: Sequence[Any] = connection.execute(_MINE, parameters).all()  # rows of _MINE
    ids = [row.id for row in mine]
    if len(ids) < len(last):
        ids += connection.execute(_MINE_ALONE, parameters).scalars()
    pasts = load_pasts(connection, (row.request_id for row in mine if last[row.id].answered_by))
    histories: dict[int, History] = {}
    for row in mine:
        history = histories.setdefault(row.request_id, History.of(row.request_id, row[5:], pasts.get(row.request_id)))
        _add_outcome(history, last[row.id], row)
    if ids:
        connection.execute(_SETTLE, [_settled(last[id_]) for id_ in ids])
    for statement, rows in history_statements(list(histories.values())):
        connection.execute(statement, rows)
    return len(ids)


def _settled(settlement: Settlement) -> dict[str, Any]:
    return {
        "entry": settlement.entry_id,
        "new_state": settlement.state,
        "new_reason": settlement.reason,
        "new_not_before": settlement.not_before,
        "new_doubts": settlement.doubts,
        "untried": 1 if settlement.state is EntryState.PENDING else 0,
        "new_settled_at": settlement.at if settlement.state in FINAL else None,
    }


def _add_outcome(history: History, settlement: Settlement, row: Row[Any]) -> None:
    """An outcome that isn't final leaves no trace in the history; the outbox has its reason."""
    kind = _EVENTS.get(settlement.state)
    if kind is None:
        return
    if settlement.answered_by:
        answered = _answered(settlement, row)
        if not is_known(history.events, answered):
            history.follow(answered)
    data = {"entry": row.id, "attempts": row.attempts, "outcome": str(settlement.state)}
    history.add(Event(kind=kind, at=settlement.at, data=data))


def _answered(settlement: Settlement, row: Row[Any]) -> Event:
    """The flag was seen on the message that opened the request."""
    data = {
        "evidence": settlement.answered_by,
        "confidence": FLAG_CONFIDENCE,
        "about": row.received_at.isoformat(),
        "identity": row.caused_by,
    }
    return Event(kind=EventKind.ANSWERED, at=settlement.at, occurred_at=settlement.at, data=data)
