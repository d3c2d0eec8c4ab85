"""The part of a transaction by which a person acts on requests."""

from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select, update

from mailwatch.domain.classification import Kind
from mailwatch.domain.cursors import Sighting
from mailwatch.domain.languages import Language
from mailwatch.domain.requests import State
from mailwatch.ports import NewRecord
from mailwatch.ports.acting import Recorded, Target
from mailwatch.store.histories import INSERT_EVENTS
from mailwatch.store.recording import RecordingPart
from mailwatch.store.schema import mailboxes, messages, requests, sightings
from mailwatch.store.types import Keys, among

_TARGETS = (
    select(
        requests.c.id,
        requests.c.reference,
        mailboxes.c.address,
        requests.c.state,
        requests.c.owner,
        messages.c.identity,
    )
    .join(mailboxes, mailboxes.c.id == requests.c.mailbox_id)
    .join(messages, messages.c.id == requests.c.message_id)
    .order_by(requests.c.id)
)
_BY_REFERENCE = _TARGETS.where(requests.c.reference == bindparam("reference"))
_OF_IDENTITY = _TARGETS.where(messages.c.identity == bindparam("identity"))
_CHANGE_OWNER = (
    update(requests)
    .where(requests.c.id == bindparam("request"), requests.c.owner == bindparam("known"))
    .values(owner=bindparam("new"))
)
_RECORDED = (
    select(messages, mailboxes.c.address, func.coalesce(requests.c.reference, "").label("reference"))
    .join(mailboxes, mailboxes.c.id == messages.c.mailbox_id)
    .outerjoin(requests, requests.c.message_id == messages.c.id)
    .where(messages.c.id == bindparam("number"))
)
_TAKEN = select(requests.c.reference).where(among(requests.c.reference, bindparam("keys", type_=Keys())))
_SIGHTING = (
    select(sightings.c.folder, sightings.c.uidvalidity, sightings.c.uid)
    .where(sightings.c.message_id == bindparam("number"))
    .limit(1)
)


class ActingPart(RecordingPart):
    """The part of a transaction by which a person acts on requests. See `ports.acting.Acting`."""

    async def find_target(self, reference: str) -> Target | None:
        """See `ports.acting.Acting`."""
        found = await self._targets(_BY_REFERENCE, {"reference": reference})
        return found[0] if found else None

    async def list_targets(self, identity: str) -> list[Target]:
        """See `ports.acting.Acting`."""
        return await self._targets(_OF_IDENTITY, {"identity": identity})

    async def change_owner(self, target: Target, owner: str) -> bool:
        """See `ports.acting.Acting`."""
        changed = await self.connection.execute(
            _CHANGE_OWNER, {"request": target.id, "known": target.owner, "new": owner}
        )
        return changed.rowcount == 1

    async def find_recorded(self, number: int) -> Recorded | None:
        """See `ports.acting.Acting`."""
        for row in await self.rows(_RECORDED, {"number": number}):
            for seen in await self.rows(_SIGHTING, {"number": number}):
                return _recorded(row, seen)
        return None

    async def list_taken(self, references: list[str]) -> frozenset[str]:
        """See `ports.acting.Acting`."""
        return frozenset((await self.connection.execute(_TAKEN, {"keys": references})).scalars())

    async def open_recorded(self, recorded: Recorded, record: NewRecord) -> None:
        """See `ports.acting.Acting`."""
        here = await self.mailbox_id(recorded.mailbox)
        opened = await self._open_requests(here, [record], {recorded.identity: recorded.id})
        await self.change(INSERT_EVENTS, [row for one in opened for row in one.history.new])
        await self._write_references(here, opened, [])

    async def _targets(self, chosen: Select[Any], parameters: dict[str, Any]) -> list[Target]:
        return [_target(row) for row in await self.rows(chosen, parameters)]


def _target(row: Row[Any]) -> Target:
    return Target(
        id=row.id,
        reference=row.reference,
        mailbox=row.address,
        state=State(row.state),
        owner=row.owner,
        identity=row.identity,
    )


def _recorded(row: Row[Any], seen: Row[Any]) -> Recorded:
    return Recorded(
        id=row.id,
        mailbox=row.address,
        sighting=Sighting(folder=seen.folder, uidvalidity=seen.uidvalidity, uid=seen.uid),
        identity=row.identity,
        message_id=row.message_id,
        sender=row.sender,
        subject=row.subject,
        kind=Kind(row.kind),
        received_at=row.received_at,
        language=Language(row.language) if row.language else None,
        local_rules=frozenset(detail for rule, detail in row.hits if rule == "local_rule"),
        reference=row.reference,
    )
