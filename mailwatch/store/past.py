"""What a batch of parsed messages wants to know of the past: one look-up a question, however many messages.

Threads stay within a mailbox: a reply that reaches another mailbox is that mailbox's to answer.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, case, func, literal_column, select

from mailwatch.domain.outbox import CAUSED, EntryState
from mailwatch.domain.requests import RequestSummary
from mailwatch.ports import Past, SentNote, Told, Traces
from mailwatch.store.requests import SUMMARY, summary
from mailwatch.store.schema import TELLING, blocks, mailboxes, messages, outbox, references, requests
from mailwatch.store.types import Keys, among, shorten
from mailwatch.store.unit import Unit

SUBJECT_WINDOW = timedelta(days=14)  # how long a subject alone may join a reply to a request
SENT_WINDOW = timedelta(hours=24)  # what the daily limits look back on

_KEYS = bindparam("keys", type_=Keys())
_HERE: BindParameter[int] = bindparam("mailbox_id")

_KNOWN = select(messages.c.identity).where(messages.c.mailbox_id == _HERE, among(messages.c.identity, _KEYS))
_CAUSED = select(outbox.c.caused_by).where(among(outbox.c.caused_by, _KEYS))
_SENDERS = select(messages.c.message_id, messages.c.sender).where(among(messages.c.message_id, _KEYS))
_BY_MESSAGE_ID = (
    SUMMARY.add_columns(references.c.message_id.label("key"))
    .join(references, references.c.request_id == requests.c.id)
    .where(references.c.mailbox_id == _HERE, among(references.c.message_id, _KEYS))
    .order_by(requests.c.id)
)
_BY_REFERENCE = SUMMARY.add_columns(requests.c.reference.label("key"), requests.c.mailbox_id).where(
    among(requests.c.reference, _KEYS)
)
_BY_THREAD_INDEX = (
    SUMMARY.add_columns(requests.c.thread_index.label("key"))
    .where(
        requests.c.mailbox_id == _HERE,
        among(requests.c.thread_index, _KEYS),
        literal_column("request.thread_index <> ''"),  # word for word what the partial index says
    )
    .order_by(requests.c.id)
)
_BY_SUBJECT = (
    SUMMARY.where(
        requests.c.mailbox_id == _HERE,
        among(requests.c.requester, _KEYS),
        among(requests.c.subject_key, bindparam("subject_keys", type_=Keys())),
        requests.c.received_at > bindparam("since"),
    )
).order_by(requests.c.received_at, requests.c.id)
_SENT = (
    select(mailboxes.c.address, outbox.c.recipient, outbox.c.subject_key, outbox.c.enqueued_at)
    .join(mailboxes, mailboxes.c.id == outbox.c.mailbox_id)
    .where(
        among(outbox.c.recipient, _KEYS),
        outbox.c.enqueued_at > bindparam("since"),
        outbox.c.kind.in_(CAUSED),
        outbox.c.state != EntryState.CANCELLED,
    )
)
_HAS_LEFT = outbox.c.state.not_in((EntryState.CANCELLED, EntryState.FAILED))  # or may still leave
_TOLD = (
    select(
        outbox.c.recipient,
        outbox.c.absence_id,
        func.count().label("times"),  # all of them: the next notice has a key of its own
        func.max(case((_HAS_LEFT, outbox.c.enqueued_at))).label("last_at"),
    )
    .where(
        among(outbox.c.recipient, _KEYS),
        literal_column(f"outbox.{TELLING}"),  # word for word what the partial index says
    )
    .group_by(outbox.c.recipient, outbox.c.absence_id)
)
_BLOCKS = select(blocks.c.address, blocks.c.why).where(
    among(blocks.c.address, _KEYS), blocks.c.until > bindparam("now")
)


class PastPart(Unit):
    """The part of a transaction that looks back. Nothing is asked about an empty set."""

    async def find_past(self, mailbox: str, traces: Traces, own_senders: frozenset[str]) -> Past:
        """See `ports.Transaction`."""
        here = await self.mailbox_id(mailbox)
        by_reference = await self._find(_BY_REFERENCE, traces.references | traces.new_references)
        return Past(
            known=await self._find_values(_KNOWN, traces.identities, mailbox_id=here),
            caused=await self._find_values(_CAUSED, traces.identities),
            by_message_id=await self._find_requests(_BY_MESSAGE_ID, traces.message_ids, here),
            ours=await self._find_ours(traces.message_ids, own_senders),
            by_reference={
                row.key: summary(row) for row in by_reference if row.mailbox_id == here and row.key in traces.references
            },
            by_thread_index=await self._find_requests(_BY_THREAD_INDEX, traces.thread_indexes, here),
            by_subject=await self._find_by_subject(traces.subjects, here),
            sent=await self._find_sent(traces.recipients),
            blocks=await self._find_blocks(traces.recipients),
            told=await self._find_told(traces.recipients),
            taken=traces.new_references & {row.key for row in by_reference},
        )

    async def _find(self, statement: Any, keys: Iterable[str], **more: Any) -> list[Row[Any]]:  # any SELECT
        keys = sorted(keys)
        return list(await self.rows(statement, {"keys": keys, **more})) if keys else []

    async def _find_values(self, statement: Any, keys: frozenset[str], **more: Any) -> frozenset[str]:
        return frozenset(row[0] for row in await self._find(statement, keys, **more))

    async def _find_requests(self, statement: Any, keys: frozenset[str], here: int) -> Mapping[str, RequestSummary]:
        """By the keys as they were asked; of several requests the newest."""
        asked = {shorten(key): key for key in keys}
        return {asked[row.key]: summary(row) for row in await self._find(statement, keys, mailbox_id=here)}

    async def _find_ours(self, message_ids: frozenset[str], own_senders: frozenset[str]) -> frozenset[str]:
        asked = {shorten(key): key for key in message_ids}
        found = await self._find(_SENDERS, message_ids)
        return frozenset(asked[row.message_id] for row in found if row.sender in own_senders)

    async def _find_by_subject(
        self, subjects: frozenset[tuple[str, str]], here: int
    ) -> Mapping[tuple[str, str], RequestSummary]:
        asked = {(shorten(requester), shorten(subject)): (requester, subject) for requester, subject in subjects}
        found = await self._find(
            _BY_SUBJECT,
            {requester for requester, _ in subjects},
            subject_keys=sorted({subject for _, subject in subjects}),
            since=self.now - SUBJECT_WINDOW,
            mailbox_id=here,
        )
        keyed = ((asked.get((row.requester, row.subject_key)), summary(row)) for row in found)
        return {key: request for key, request in keyed if key is not None}

    async def _find_sent(self, recipients: frozenset[str]) -> list[SentNote]:
        asked = {shorten(key): key for key in recipients}
        return [
            SentNote(
                mailbox=row.address,
                recipient=asked[row.recipient],
                subject_key=row.subject_key,
                at=row.enqueued_at,
            )
            for row in await self._find(_SENT, recipients, since=self.now - SENT_WINDOW)
        ]

    async def _find_told(self, recipients: frozenset[str]) -> Mapping[tuple[str, int], Told]:
        asked = {shorten(key): key for key in recipients}
        return {
            (asked[row.recipient], row.absence_id): Told(count=row.times, last_at=row.last_at)
            for row in await self._find(_TOLD, recipients)
        }

    async def _find_blocks(self, recipients: frozenset[str]) -> Mapping[str, str]:
        asked = {shorten(key): key for key in recipients}
        return {asked[row.address]: row.why for row in await self._find(_BLOCKS, recipients, now=self.now)}
