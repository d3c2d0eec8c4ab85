"""Stored requests: what threads must know of them, and how events are added to their histories."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, bindparam, exists, or_, select

from mailwatch.domain.clocks import is_known
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import Event, IllegalTransition, RequestSummary, State
from mailwatch.ports import Fact
from mailwatch.store.histories import HISTORY_COLUMNS, History, history_statements, load_pasts
from mailwatch.store.schema import mailboxes, outbox, references, requests
from mailwatch.store.types import Numbers, among
from mailwatch.store.unit import Unit

_NEVER_WENT_OUT = (EntryState.FAILED, EntryState.CANCELLED)

SUMMARY = select(
    requests.c.id,
    requests.c.reference,
    mailboxes.c.address,
    requests.c.requester,
    requests.c.subject_key,
    requests.c.language,
    requests.c.state,
    requests.c.received_at,
    requests.c.clock_started_at,
    requests.c.settled_at,
    requests.c.recipient,
    or_(
        requests.c.acknowledged_at.is_not(None),
        exists().where(outbox.c.request_id == requests.c.id, outbox.c.state.not_in(_NEVER_WENT_OUT)),
    ).label("is_acknowledged"),
).join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)

_LOCK = (
    select(requests.c.id, *HISTORY_COLUMNS)
    .where(among(requests.c.id, bindparam("ids", type_=Numbers())))
    .order_by(requests.c.id)  # always in this order: two workers never wait for each other
    .with_for_update(of=requests)
)
_MAILBOXES = select(requests.c.id, requests.c.mailbox_id).where(among(requests.c.id, bindparam("ids", type_=Numbers())))


def summary(row: Row[Any]) -> RequestSummary:
    """A row of SUMMARY, as the domain sees it."""
    return RequestSummary(
        id=row.id,
        reference=row.reference,
        mailbox=row.address,
        requester=row.requester,
        subject_key=row.subject_key,
        language=Language(row.language) if row.language else None,
        state=State(row.state),
        received_at=row.received_at,
        clock_started_at=row.clock_started_at,
        settled_at=row.settled_at,
        is_acknowledged=bool(row.is_acknowledged),
        recipient=row.recipient,
    )


class RequestPart(Unit):
    """The part of a transaction that adds events to requests."""

    async def lock_histories(self, request_ids: Iterable[int], *, with_events: bool = False) -> dict[int, History]:
        """The histories of requests, which nobody else changes until the transaction ends.

        Only `with_events` do they take what bears on the clock.
        """
        ids = sorted(set(request_ids))
        if not ids:
            return {}
        rows = await self.rows(_LOCK, {"ids": ids})
        pasts = await self.connection.run_sync(load_pasts, ids) if with_events else {}
        return {row.id: History.of(row.id, row[1:], pasts.get(row.id)) for row in rows}

    async def write_histories(self, histories: Sequence[History]) -> None:
        """Write what was added to locked histories: their rows, their events and their clocks."""
        for statement, parameters in history_statements(histories):
            await self.connection.execute(statement, parameters)

    async def follow_facts(self, facts: Sequence[Fact]) -> Mapping[int, State]:
        """Add what was learnt to the histories it is about, each by `domain.clocks.follow`; the states of the
        requests to which something was added. What was known already, or isn't legal any more, is left out."""
        histories = await self.lock_histories((fact.request_id for fact in facts), with_events=True)
        for fact in facts:
            history = histories.get(fact.request_id)
            event = _with_identity(fact)
            if history is not None and not is_known(history.events, event):
                with suppress(IllegalTransition):
                    history.follow(event)
        await self.write_histories(list(histories.values()))
        taken = {history.request_id for history in histories.values() if history.added}
        await self._remember([fact for fact in facts if fact.request_id in taken])
        return {id_: histories[id_].state or State.OPEN for id_ in taken}

    async def insert_references(self, here: int, pairs: Sequence[tuple[str, int]]) -> None:
        """Remember which requests of a mailbox Message-IDs belong to."""
        rows = [{"mailbox_id": here, "message_id": id_, "request_id": to} for id_, to in sorted(set(pairs)) if id_]
        await self.change(self.insert(references).on_conflict_do_nothing(), rows)

    async def _remember(self, facts: Sequence[Fact]) -> None:
        """The requester's next message may refer to what staff wrote."""
        ids = sorted({fact.request_id for fact in facts if fact.message_id})
        boxes = {row.id: row.mailbox_id for row in await self.rows(_MAILBOXES, {"ids": ids})} if ids else {}
        for here in sorted(set(boxes.values())):
            pairs = [(f.message_id, f.request_id) for f in facts if f.message_id and boxes.get(f.request_id) == here]
            await self.insert_references(here, pairs)


def _with_identity(fact: Fact) -> Event:
    if not fact.identity or "identity" in fact.event.data:
        return fact.event
    return replace(fact.event, data={**fact.event.data, "identity": fact.identity})
