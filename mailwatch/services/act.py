"""What a person does to a request: close it, set it aside, reopen it, give it to somebody, open one by hand.

Each act is one transaction with its event: who, when, why. What can't be done is refused by name, and changes nothing.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailwatch.domain.clocks import ANEW, CONTINUED
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import subject_key
from mailwatch.domain.requests import UNSETTLED, Event, EventKind, State, encode_reference
from mailwatch.domain.standards import due
from mailwatch.domain.verdicts import SILENT_REGISTER
from mailwatch.errors import PermanentError
from mailwatch.ports import Fact, NewRecord, NewRequest
from mailwatch.ports.acting import ActingStore, ActingTransaction, Recorded, Target
from mailwatch.services.answer import apply_held

RELEASED = "released"  # the rule by which a released message isn't acknowledged: a person takes it from there
REFERENCE_TRIES = 3  # as for received messages


class Refusal(StrEnum):
    """Why an act isn't possible."""

    UNKNOWN = "unknown"  # no request has this reference
    ALREADY_SO = "already so"  # it is in that state, or that person's
    NOT_SETTLED = "not settled"  # only what was settled can be reopened
    OVERTAKEN = "overtaken"  # somebody else changed it at the same moment
    MESSAGE_UNKNOWN = "message unknown"
    NOT_IN_REGISTER = "not in the register"  # the message is of another kind
    RELEASED_ALREADY = "released already"  # the message is a request
    MAILBOX_UNKNOWN = "mailbox unknown"  # no configured mailbox to be due by


class ActRefused(PermanentError):
    """The act can't be done. `about`: the state, owner, kind, reference or mailbox that stands against it."""

    def __init__(self, why: Refusal, about: str = "") -> None:
        super().__init__(f"{why}: {about}" if about else str(why))
        self.why = why
        self.about = about


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A request after an act."""

    reference: str
    mailbox: str
    state: State
    owner: str


class Act:
    """Acts of one person, `by` name or e-mail, for a reason. References as they are stored (`MW-7F3K9Q`)."""

    def __init__(self, store: ActingStore, mailboxes: Sequence[Mailbox], *, by: str, why: str) -> None:
        self._store = store
        self._mailboxes: Mapping[str, Mailbox] = {mailbox.address: mailbox for mailbox in mailboxes}
        self._by = by
        self._why = why

    async def close(self, reference: str) -> Sequence[Acted]:
        """Close a request, and whatever else the same message opened. Raises ActRefused."""
        async with self._store.transaction() as tx:
            target = await _get(tx, reference)
            return await self._settle(tx, target, EventKind.CLOSED, await tx.list_targets(target.identity))

    async def set_aside(self, reference: str) -> Sequence[Acted]:
        """Set a request aside: it needs no answer, here. Raises ActRefused."""
        async with self._store.transaction() as tx:
            target = await _get(tx, reference)
            return await self._settle(tx, target, EventKind.SET_ASIDE, [target])

    async def reopen(self, reference: str, *, anew: bool = False) -> Sequence[Acted]:
        """Reopen a settled request: its clock goes on as if it had never stopped, or starts now. Raises ActRefused."""
        async with self._store.transaction() as tx:
            target = await _get(tx, reference)
            if target.state in UNSETTLED:
                raise ActRefused(Refusal.NOT_SETTLED, target.state)
            event = self._event(tx, EventKind.REOPENED, {"clock": ANEW if anew else CONTINUED})
            return await _add(tx, target, event, [target])

    async def assign(self, reference: str, to: str) -> Sequence[Acted]:
        """Make somebody answerable for a request; `to` is a person's e-mail, or "". Raises ActRefused."""
        async with self._store.transaction() as tx:
            target = await _get(tx, reference)
            if target.owner == to:
                raise ActRefused(Refusal.ALREADY_SO, to)
            if not await tx.change_owner(target, to):
                raise ActRefused(Refusal.OVERTAKEN)
            event = self._event(tx, EventKind.REASSIGNED, {"from": target.owner, "to": to})
            await _add(tx, target, event, [target])
            return [Acted(reference=target.reference, mailbox=target.mailbox, state=target.state, owner=to)]

    async def release(self, number: int) -> Sequence[Acted]:
        """Open a request from a message of the silent register. Both clocks run from when it was received; its
        acknowledgement is left to whoever releases it. Raises ActRefused."""
        async with self._store.transaction() as tx:
            recorded, mailbox = await self._get_releasable(tx, number)
            calendar = mailbox.standard.calendar
            await tx.keep_calendar(calendar.digest, calendar.definition())
            request = self._request(tx, recorded, mailbox, await self._reference(tx, recorded))
            record = NewRecord(
                sighting=recorded.sighting,
                received_at=recorded.received_at,
                identity=recorded.identity,
                request=request,
            )
            await tx.open_recorded(recorded, record)
            await apply_held(tx, [record], self._mailboxes, tx.now)  # somebody may have answered it long ago
            return [await _look_again(tx, request.reference)]

    def _event(self, tx: ActingTransaction, kind: EventKind, data: Mapping[str, object] | None = None) -> Event:
        return Event(kind=kind, at=tx.now, by=self._by, data={"why": self._why, **(data or {})})

    async def _settle(
        self, tx: ActingTransaction, target: Target, kind: EventKind, targets: Sequence[Target]
    ) -> Sequence[Acted]:
        if target.state == str(kind):
            raise ActRefused(Refusal.ALREADY_SO, target.state)
        return await _add(tx, target, self._event(tx, kind), targets)

    async def _get_releasable(self, tx: ActingTransaction, number: int) -> tuple[Recorded, Mailbox]:
        recorded = await tx.find_recorded(number)
        if recorded is None:
            raise ActRefused(Refusal.MESSAGE_UNKNOWN)
        if recorded.reference:
            raise ActRefused(Refusal.RELEASED_ALREADY, recorded.reference)
        if recorded.kind not in SILENT_REGISTER:
            raise ActRefused(Refusal.NOT_IN_REGISTER, recorded.kind)
        mailbox = self._mailboxes.get(recorded.mailbox)
        if mailbox is None:
            raise ActRefused(Refusal.MAILBOX_UNKNOWN, recorded.mailbox)
        return recorded, mailbox

    async def _reference(self, tx: ActingTransaction, recorded: Recorded) -> str:
        """The reference that the message would have got when it was received."""
        candidates = [self._candidate(recorded, attempt) for attempt in range(REFERENCE_TRIES)]
        taken = await tx.list_taken(candidates)
        return next((one for one in candidates if one not in taken), candidates[-1])

    def _candidate(self, recorded: Recorded, attempt: int) -> str:
        about = f"reference\0{recorded.mailbox}\0{recorded.identity}\0{attempt}".encode()
        digest = hmac.new(self._store.key, about, hashlib.sha256).digest()
        return encode_reference(int.from_bytes(digest[:4], "big") & (2**30 - 1))

    def _request(self, tx: ActingTransaction, recorded: Recorded, mailbox: Mailbox, reference: str) -> NewRequest:
        standard, received_at = mailbox.standard, recorded.received_at
        opened = Event(
            kind=EventKind.OPENED,
            at=tx.now,
            by=self._by,
            data={"why": self._why, "reason": RELEASED, "kind": str(recorded.kind)},
            occurred_at=received_at,
        )
        withheld = Event(kind=EventKind.ACKNOWLEDGEMENT_WITHHELD, at=tx.now, data={"rule": RELEASED})
        return NewRequest(
            reference=reference,
            requester=recorded.sender,
            recipient="",
            owner=_owner(recorded, mailbox),
            language=recorded.language,
            subject_key=subject_key(recorded.subject, mailbox.organisation.external_tags),
            thread_index="",
            received_at=received_at,
            acknowledgement_due_at=due(standard.calendar, received_at, standard.acknowledge_within),
            answer_due_at=due(standard.calendar, received_at, standard.answer_within),
            calendar_digest=standard.calendar.digest,
            standard={
                "acknowledge_within": str(standard.acknowledge_within),
                "answer_within": str(standard.answer_within),
            },
            suppressed_by=RELEASED,
            events=(opened, withheld),
            message_ids=(recorded.message_id,) if recorded.message_id else (),
        )


async def _get(tx: ActingTransaction, reference: str) -> Target:
    target = await tx.find_target(reference)
    if target is None:
        raise ActRefused(Refusal.UNKNOWN, reference)
    return target


async def _look_again(tx: ActingTransaction, reference: str) -> Acted:
    target = await _get(tx, reference)
    return Acted(reference=target.reference, mailbox=target.mailbox, state=target.state, owner=target.owner)


async def _add(tx: ActingTransaction, target: Target, event: Event, targets: Sequence[Target]) -> Sequence[Acted]:
    """Add an event to some histories; those of `targets` in which it isn't legal are left out, but not the target's."""
    states = await tx.add_facts([Fact(request_id=one.id, event=event) for one in targets])
    if target.id not in states:
        raise ActRefused(Refusal.OVERTAKEN)
    return [
        Acted(reference=one.reference, mailbox=one.mailbox, state=states[one.id], owner=one.owner)
        for one in sorted(targets, key=lambda one: one.id != target.id)
        if one.id in states
    ]


def _owner(recorded: Recorded, mailbox: Mailbox) -> str:
    """A local rule's owner, else the mailbox's first one."""
    for rule in mailbox.rules:
        if rule.owner and rule.name in recorded.local_rules:
            return rule.owner
    return mailbox.owners[0].email if mailbox.owners else ""
