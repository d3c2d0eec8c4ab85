"""Mailboxes, and how far their folders have been read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, case, func, literal, select, update

from mailwatch.domain.cursors import Cursor
from mailwatch.errors import CursorMoved
from mailwatch.store.schema import cursors, mailboxes, sightings
from mailwatch.store.types import UTCDateTime
from mailwatch.store.unit import Unit

_ENABLED_AT = select(mailboxes.c.enabled_at).where(mailboxes.c.id == bindparam("id"))
_CURSOR = (
    select(cursors.c.uidvalidity, cursors.c.last_uid, cursors.c.moved_at, cursors.c.started_uid)
    .join(mailboxes, mailboxes.c.id == cursors.c.mailbox_id)
    .where(mailboxes.c.address == bindparam("address"), cursors.c.folder == bindparam("folder"), cursors.c.is_current)
)
_RECORDED_UIDS = (
    select(sightings.c.uid)
    .join(mailboxes, mailboxes.c.id == sightings.c.mailbox_id)
    .where(
        mailboxes.c.address == bindparam("address"),
        sightings.c.folder == bindparam("folder"),
        sightings.c.uidvalidity == bindparam("uidvalidity"),
        sightings.c.uid > bindparam("above"),
    )
)
_LOOKED_AT = (
    update(cursors)
    .where(
        cursors.c.mailbox_id
        == select(mailboxes.c.id).where(mailboxes.c.address == bindparam("mailbox")).scalar_subquery(),
        cursors.c.is_current,
    )
    .values(moved_at=bindparam("looked_at"))
)
_PROGRESS = (
    update(mailboxes)
    .where(mailboxes.c.address == bindparam("mailbox"))
    .values(progress_at=bindparam("looked_at"), trouble_code=None, trouble_text=None, trouble_since=None)
)


class MailboxPart(Unit):
    """The part of a transaction that is about mailboxes and cursors."""

    async def keep_mailbox(self, address: str) -> datetime:
        """See `ports.Transaction`."""
        mailbox_id = await self.mailbox_id(address)
        enabled_at = await self.connection.scalar(_ENABLED_AT, {"id": mailbox_id})
        if enabled_at is None:
            first = update(mailboxes).where(mailboxes.c.id == mailbox_id, mailboxes.c.enabled_at.is_(None))
            await self.connection.execute(first.values(enabled_at=self.now))
            enabled_at = await self.connection.scalar(_ENABLED_AT, {"id": mailbox_id})
        return enabled_at or self.now

    async def find_cursor(self, mailbox: str, folder: str) -> Cursor | None:
        """See `ports.Transaction`."""
        row = (await self.connection.execute(_CURSOR, {"address": mailbox, "folder": folder})).one_or_none()
        if row is None:
            return None
        return Cursor(
            mailbox=mailbox,
            folder=folder,
            uidvalidity=row.uidvalidity,
            last_uid=row.last_uid,
            moved_at=row.moved_at,
            started_uid=row.started_uid,
        )

    async def start_cursor(self, mailbox: str, folder: str, uidvalidity: int, last_uid: int) -> Cursor:
        """See `ports.Transaction`. Raises CursorMoved if it is the current one already: another worker started it,
        and what came in between is that cursor's to read. A UIDVALIDITY that comes back never moves back."""
        mailbox_id = await self.mailbox_id(mailbox)
        here = (cursors.c.mailbox_id == mailbox_id, cursors.c.folder == folder)
        others = update(cursors).where(*here, cursors.c.is_current, cursors.c.uidvalidity != uidvalidity)
        await self.connection.execute(others.values(is_current=False))
        new = self.insert(cursors).values(
            mailbox_id=mailbox_id,
            folder=folder,
            uidvalidity=uidvalidity,
            last_uid=last_uid,
            started_uid=last_uid,
            is_current=True,
            moved_at=self.now,
        )
        here_now = literal(last_uid, cursors.c.last_uid.type)
        farthest = case((cursors.c.last_uid > here_now, cursors.c.last_uid), else_=here_now)
        started = await self.connection.execute(
            new.on_conflict_do_update(
                index_elements=[cursors.c.mailbox_id, cursors.c.folder, cursors.c.uidvalidity],
                set_={"last_uid": farthest, "is_current": True, "moved_at": self.now},
                where=cursors.c.is_current.is_(False),
            ).returning(cursors.c.last_uid, cursors.c.started_uid)
        )
        row = started.one_or_none()
        if row is None:
            raise CursorMoved(f"{mailbox} {folder}: started by another worker")
        return Cursor(
            mailbox=mailbox,
            folder=folder,
            uidvalidity=uidvalidity,
            last_uid=row.last_uid,
            moved_at=self.now,
            started_uid=row.started_uid,
        )

    async def advance_cursor(self, cursor: Cursor, last_uid: int) -> Cursor:
        """See `ports.Transaction`. ValueError for a step back."""
        if last_uid < cursor.last_uid:
            raise ValueError(f"a cursor doesn't move back from {cursor.last_uid} to {last_uid}")
        mailbox_id = await self.mailbox_id(cursor.mailbox)
        moved = await self.connection.execute(
            update(cursors)
            .where(
                cursors.c.mailbox_id == mailbox_id,
                cursors.c.folder == cursor.folder,
                cursors.c.uidvalidity == cursor.uidvalidity,
                cursors.c.last_uid == cursor.last_uid,
                cursors.c.is_current,
            )
            .values(last_uid=last_uid, moved_at=self.now)
        )
        if moved.rowcount != 1:
            raise CursorMoved(f"{cursor.mailbox} {cursor.folder}: no longer at {cursor.last_uid}")
        return replace(cursor, last_uid=last_uid, moved_at=self.now)

    async def list_recorded_uids(self, mailbox: str, folder: str, uidvalidity: int, above: int) -> frozenset[int]:
        """See `ports.Transaction`."""
        parameters = {"address": mailbox, "folder": folder, "uidvalidity": uidvalidity, "above": above}
        return frozenset(row.uid for row in await self.rows(_RECORDED_UIDS, parameters))

    async def note_progress(self, looked_at: Mapping[str, datetime]) -> None:
        """See `ports.Transaction`. They were good looks at every current cursor, too. Nothing for unknown mailboxes.

        Cursors before their mailboxes, as whoever records does, and in one order: two workers never wait for each
        other in a circle.
        """
        rows = [{"mailbox": mailbox, "looked_at": looked_at[mailbox]} for mailbox in sorted(looked_at)]
        await self.change(_LOOKED_AT, rows)
        await self.change(_PROGRESS, rows)

    async def note_trouble(self, mailbox: str, code: str, text: str) -> None:
        """See `ports.Transaction`. Another trouble in the meantime keeps the first one's instant."""
        since = func.coalesce(mailboxes.c.trouble_since, bindparam("since", self.now, type_=UTCDateTime()))
        await self.connection.execute(
            update(mailboxes)
            .where(mailboxes.c.id == await self.mailbox_id(mailbox))
            .values(trouble_code=code, trouble_text=text, trouble_since=since)
        )

    async def note_gap(self, mailbox: str, missed: int) -> None:
        """Count messages that earlier looks had missed."""
        mailbox_id = await self.mailbox_id(mailbox)
        counted = update(mailboxes).where(mailboxes.c.id == mailbox_id).values(gaps=mailboxes.c.gaps + missed)
        await self.connection.execute(counted)
