"""What people and the breaker put off, which addresses get nothing, and which workers are alive."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, delete, literal, select, update

from mailwatch.store.schema import blocks, installation, switches, workers
from mailwatch.store.types import Keys, among
from mailwatch.store.unit import Unit

ALIVE_WITHIN = timedelta(seconds=30)  # of its last beat a worker is shown as alive; it beats several times as often

_SWITCH = select(switches.c.why).where(switches.c.name == bindparam("name"))
_BLOCKED = select(blocks.c.address).where(blocks.c.address == bindparam("address"), blocks.c.until > bindparam("now"))
_UNBLOCK = delete(blocks).where(among(blocks.c.address, bindparam("keys", type_=Keys())))


class SwitchPart(Unit):
    """The part of a transaction that is about switches, blocks and workers."""

    async def find_switch(self, name: str) -> str | None:
        """See `ports.Transaction`."""
        why = await self.connection.scalar(_SWITCH, {"name": name})
        return None if why is None else str(why)

    async def switch_off(self, name: str, by: str, why: str) -> None:
        """See `ports.Transaction`."""
        row = {"name": name, "since": self.now, "by": by, "why": why}
        await self.connection.execute(self.insert(switches).on_conflict_do_nothing(), row)

    async def switch_on(self, name: str) -> bool:
        """See `ports.Transaction`."""
        removed = await self.connection.execute(delete(switches).where(switches.c.name == name))
        return removed.rowcount == 1

    async def resume(self) -> None:
        """Let everything go on: sending, the breaker, stopped accounts. The breaker counts anew from now."""
        await self.connection.execute(delete(switches))
        await self.connection.execute(update(installation).values(resumed_at=self.now))

    async def block(self, address: str, why: str, until: datetime) -> None:
        """See `ports.Transaction`. Of two blocks the longer one stays."""
        new = self.insert(blocks).values(address=address, until=until, why=why, blocked_at=self.now)
        asked = literal(until, blocks.c.until.type)
        longer = case((blocks.c.until > asked, blocks.c.until), else_=asked)
        await self.connection.execute(new.on_conflict_do_update(index_elements=["address"], set_={"until": longer}))

    async def is_blocked(self, address: str) -> bool:
        """Whether automatic mail to an address is stopped now."""
        return await self.connection.scalar(_BLOCKED, {"address": address, "now": self.now}) is not None

    async def unblock(self, addresses: frozenset[str]) -> None:
        """See `ports.Transaction`."""
        if addresses:
            await self.connection.execute(_UNBLOCK, {"keys": sorted(addresses)})

    async def beat(self, worker: str, facts: Mapping[str, object]) -> None:
        """See `ports.Transaction`."""
        now = await self.clock()
        news = {"beat_at": now, "facts": dict(facts)}
        new = self.insert(workers).values(name=worker, started_at=now, **news)
        await self.connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=news))
