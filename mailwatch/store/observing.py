"""The part of a transaction by which answers are seen.

An answer may be seen in any mailbox for a request of any other: look-ups go by every mailbox's own part of an index.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Row, Select, bindparam, exists, func, literal_column, select, update

from mailwatch.domain.answers import Asked, Evidence, Outgoing
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.requests import UNSETTLED as UNSETTLED_STATES
from mailwatch.domain.requests import EventKind, RequestSummary, State
from mailwatch.domain.threads import Clues
from mailwatch.domain.verdicts import Kind
from mailwatch.ports import Fact, Flagged, Matches
from mailwatch.store.past import SUBJECT_WINDOW
from mailwatch.store.requests import SUMMARY, RequestPart, summary
from mailwatch.store.schema import (
    UNSETTLED,
    cursors,
    events,
    mailboxes,
    messages,
    outgoing_keys,
    references,
    requests,
    sightings,
)
from mailwatch.store.schema import outgoing as held
from mailwatch.store.types import Id, Keys, among, shorten

K = TypeVar("K")

_KEYS = bindparam("keys", type_=Keys())
_HERE: BindParameter[int] = bindparam("mailbox_id")

# A message by which a requester asks: moved into a folder, or flagged, it says something of its request.
_ASKING = (Kind.REQUEST, Kind.FOLLOW_UP, Kind.REPLY)

_EVERY_MAILBOX = select(mailboxes.c.id)
_BY_MESSAGE_ID = (
    SUMMARY.add_columns(references.c.message_id.label("key"))
    .join(references, references.c.request_id == requests.c.id)
    .where(references.c.mailbox_id.in_(_EVERY_MAILBOX), among(references.c.message_id, _KEYS))
)
_ASKING_BY_ID = (
    select(references.c.request_id, references.c.message_id.label("key"), messages.c.sender, messages.c.received_at)
    .join(events, events.c.request_id == references.c.request_id)
    .join(messages, (messages.c.id == events.c.message_id) & (messages.c.message_id == references.c.message_id))
    .where(
        references.c.mailbox_id.in_(_EVERY_MAILBOX),
        among(references.c.message_id, _KEYS),
        events.c.kind.in_((EventKind.OPENED, EventKind.FOLLOWED_UP)),
    )
    .order_by(messages.c.received_at, messages.c.id)
)
_BY_REFERENCE = SUMMARY.add_columns(requests.c.reference.label("key")).where(among(requests.c.reference, _KEYS))
_BY_THREAD_ROOT = SUMMARY.add_columns(requests.c.thread_index.label("key")).where(
    requests.c.mailbox_id.in_(_EVERY_MAILBOX),
    among(requests.c.thread_index, _KEYS),
    literal_column("request.thread_index <> ''"),  # word for word what the partial index says
)
_BY_SUBJECT = SUMMARY.where(
    requests.c.mailbox_id.in_(_EVERY_MAILBOX),
    among(requests.c.requester, _KEYS),
    among(requests.c.subject_key, bindparam("subject_keys", type_=Keys())),
    requests.c.received_at > bindparam("since"),
)

_THEIRS = (
    messages.c.mailbox_id.in_(_EVERY_MAILBOX),
    among(messages.c.identity, _KEYS),
)
_ASKED = SUMMARY.add_columns(messages.c.identity.label("key"), messages.c.received_at.label("asked_at"))
_OPENED = _ASKED.join(messages, messages.c.id == requests.c.message_id).where(*_THEIRS)  # or a person released it
_FOLLOWED = (
    _ASKED.join(references, references.c.request_id == requests.c.id)
    .join(
        messages,
        (messages.c.mailbox_id == references.c.mailbox_id)
        & (messages.c.message_id == references.c.message_id)
        & (messages.c.message_id != ""),
    )
    .where(*_THEIRS, messages.c.kind.in_(_ASKING))
)

_HELD = (
    select(held, mailboxes.c.address)
    .join(mailboxes, mailboxes.c.id == held.c.mailbox_id)
    .where(held.c.id.in_(select(outgoing_keys.c.outgoing_id).where(among(outgoing_keys.c.key, _KEYS))))
    .order_by(held.c.written_at, held.c.id)
)

# Where the questions of running clocks lie, of those not seen flagged. By the state of requests: there are few that are
# unsettled, in all mailboxes together.
_seen = events.alias("seen")
_SEEN_FLAGGED = exists().where(
    _seen.c.request_id == requests.c.id,
    _seen.c.data["evidence"].as_string() == str(Evidence.FLAG),
    _seen.c.data["identity"].as_string() == messages.c.identity,
)
_QUESTIONS = (
    select(messages.c.identity, messages.c.received_at, sightings.c.folder, sightings.c.uidvalidity, sightings.c.uid)
    .distinct()
    .select_from(requests)
    .join(events, events.c.request_id == requests.c.id)
    .join(messages, messages.c.id == events.c.message_id)
    .join(sightings, sightings.c.message_id == messages.c.id)
    .join(
        cursors,
        (cursors.c.mailbox_id == sightings.c.mailbox_id)
        & (cursors.c.folder == sightings.c.folder)
        & (cursors.c.uidvalidity == sightings.c.uidvalidity)
        & cursors.c.is_current,
    )
    .where(
        literal_column("+request.mailbox_id", Id) == _HERE,  # the sign keeps off an index with all its past in it
        literal_column(f"request.{UNSETTLED}"),
        events.c.kind.in_((EventKind.OPENED, EventKind.FOLLOWED_UP)),
        events.c.occurred_at >= requests.c.clock_started_at,
        ~_SEEN_FLAGGED,
    )
    .order_by(sightings.c.folder, sightings.c.uid)
)
_ANSWER_SEEN = update(mailboxes).where(mailboxes.c.id == _HERE)


_OLDEST_CLOCK = select(func.min(requests.c.clock_started_at)).where(literal_column(f"request.{UNSETTLED}"))


class ObservingPart(RequestPart):
    """The part of a transaction by which answers are seen. Nothing is asked about an empty set."""

    async def keep_outgoing(self, outgoing: Sequence[Outgoing]) -> None:
        """See `ports.Transaction`."""
        by_mailbox: dict[str, dict[str, Outgoing]] = defaultdict(dict)
        for one in outgoing:
            by_mailbox[one.mailbox].setdefault(one.identity, one)
        for mailbox in sorted(by_mailbox):
            await self._keep_of(await self.mailbox_id(mailbox), by_mailbox[mailbox])

    async def _keep_of(self, here: int, by_identity: Mapping[str, Outgoing]) -> None:
        rows = [self._row_of(here, one) for one in by_identity.values()]
        statement = self.insert(held).on_conflict_do_nothing().returning(held.c.id, held.c.identity)
        written = (await self.connection.execute(statement, rows)).all()
        keys = [
            {"outgoing_id": row.id, "key": key} for row in written for key in _keys_of(by_identity[row.identity].clues)
        ]
        await self.change(self.insert(outgoing_keys).on_conflict_do_nothing(), keys)

    def _row_of(self, here: int, one: Outgoing) -> dict[str, Any]:
        return {
            "mailbox_id": here,
            "identity": one.identity,
            "message_id": one.message_id,
            "writer": one.writer,
            "recipients": sorted(one.recipients),
            "clues": _to_json(one.clues),
            "evidence": str(one.evidence),
            "written_at": one.written_at,
            "recorded_at": self.now,
        }

    async def list_held(self, message_ids: frozenset[str], references: frozenset[str]) -> Sequence[Outgoing]:
        """See `ports.Transaction`."""
        keys = sorted(message_ids | references)
        return [_outgoing(row) for row in await self._ask(_HELD, keys)]

    async def find_matches(self, clues: Sequence[Clues]) -> Matches:
        """See `ports.Transaction`."""
        return Matches(
            by_message_id=await self._find_by(_BY_MESSAGE_ID, (id_ for one in clues for id_ in one.message_ids)),
            by_reference=await self._find_by(_BY_REFERENCE, (one.reference for one in clues)),
            by_thread_root=await self._find_by(_BY_THREAD_ROOT, (one.thread_root for one in clues)),
            by_subject=await self._find_all_by_subject({one.subject for one in clues if one.subject}),
            asked=await self._find_asked(id_ for one in clues for id_ in one.in_reply_to),
        )

    async def list_flagged(self, mailbox: str) -> Sequence[Flagged]:
        """See `ports.Transaction`."""
        places = await self.rows(_QUESTIONS, {"mailbox_id": await self.mailbox_id(mailbox)})
        waiting: dict[str, set[int]] = defaultdict(set)
        for row in await self._rows_of({place.identity for place in places}):
            if State(row.state) in UNSETTLED_STATES and row.asked_at >= row.clock_started_at:
                waiting[row.key].add(row.id)
        return [
            Flagged(
                identity=place.identity,
                sighting=Sighting(folder=place.folder, uidvalidity=place.uidvalidity, uid=place.uid),
                received_at=place.received_at,
                request_ids=tuple(sorted(waiting[place.identity])),
            )
            for place in places
            if waiting[place.identity]
        ]

    async def find_requests_of(self, identities: frozenset[str]) -> Mapping[str, Sequence[RequestSummary]]:
        """See `ports.Transaction`."""
        found: dict[str, dict[int, RequestSummary]] = defaultdict(dict)
        for row in await self._rows_of(identities):
            found[row.key][row.id] = summary(row)
        return {identity: list(by_id.values()) for identity, by_id in found.items()}

    async def add_facts(self, facts: Sequence[Fact]) -> Mapping[int, State]:
        """See `ports.Transaction`."""
        return await self.follow_facts(facts) if facts else {}

    async def find_oldest_clock(self) -> datetime | None:
        """See `ports.Transaction`."""
        started_at: datetime | None = await self.connection.scalar(_OLDEST_CLOCK)
        return started_at

    async def note_answer_seen(self, mailbox: str) -> None:
        """See `ports.Transaction`."""
        await self.connection.execute(
            _ANSWER_SEEN.values(answer_seen_at=self.now), {"mailbox_id": await self.mailbox_id(mailbox)}
        )

    async def _ask(self, statement: Select[Any], keys: Sequence[str], **more: Any) -> Sequence[Row[Any]]:  # parameters
        return await self.rows(statement, {"keys": list(keys), **more}) if keys else ()

    async def _rows_of(self, identities: Iterable[str]) -> Sequence[Row[Any]]:
        keys = sorted(identities)
        return [*await self._ask(_OPENED, keys), *await self._ask(_FOLLOWED, keys)]

    async def _find_by(self, statement: Select[Any], keys: Iterable[str]) -> Mapping[str, Sequence[RequestSummary]]:
        """By the keys as they were asked."""
        asked = {shorten(key): key for key in keys if key}
        found = await self._ask(statement, sorted(asked))
        return _grouped((asked[row.key], summary(row)) for row in found)

    async def _find_asked(self, message_ids: Iterable[str]) -> Mapping[tuple[int, str], Asked]:
        """Of several messages of one Message-ID the oldest: programs reuse them."""
        asked = {shorten(id_): id_ for id_ in message_ids if id_}
        found: dict[tuple[int, str], Asked] = {}
        for row in await self._ask(_ASKING_BY_ID, sorted(asked)):
            found.setdefault((row.request_id, asked[row.key]), Asked(by=row.sender, at=row.received_at))
        return found

    async def _find_all_by_subject(
        self, subjects: set[tuple[str, str]]
    ) -> Mapping[tuple[str, str], Sequence[RequestSummary]]:
        asked = {(shorten(requester), shorten(subject)): (requester, subject) for requester, subject in subjects}
        found = await self._ask(
            _BY_SUBJECT,
            sorted({requester for requester, _ in subjects}),
            subject_keys=sorted({subject for _, subject in subjects}),
            since=self.now - SUBJECT_WINDOW,
        )
        keyed = ((asked.get((row.requester, row.subject_key)), row) for row in found)
        return _grouped((key, summary(row)) for key, row in keyed if key is not None)


def _grouped(pairs: Iterable[tuple[K, RequestSummary]]) -> dict[K, list[RequestSummary]]:
    """Requests by key, each once, in the order of their numbers."""
    found: dict[K, dict[int, RequestSummary]] = defaultdict(dict)
    for key, request in pairs:
        found[key][request.id] = request
    return {key: [by_id[id_] for id_ in sorted(by_id)] for key, by_id in found.items()}


def _keys_of(clues: Clues) -> Sequence[str]:
    return sorted({shorten(key) for key in (*clues.message_ids, clues.reference) if key})


def _to_json(clues: Clues) -> dict[str, object]:
    return {
        "in_reply_to": list(clues.in_reply_to),
        "references": list(clues.references),
        "reference": clues.reference,
        "thread_root": clues.thread_root,
        "subject": list(clues.subject) if clues.subject else None,
    }


def _outgoing(row: Row[Any]) -> Outgoing:
    clues = row.clues
    return Outgoing(
        identity=row.identity,
        message_id=row.message_id,
        mailbox=row.address,
        evidence=Evidence(row.evidence),
        writer=row.writer,
        recipients=frozenset(row.recipients),
        written_at=row.written_at,
        clues=Clues(
            in_reply_to=tuple(clues["in_reply_to"]),
            references=tuple(clues["references"]),
            reference=clues["reference"],
            thread_root=clues["thread_root"],
            subject=(clues["subject"][0], clues["subject"][1]) if clues["subject"] else None,
        ),
    )
