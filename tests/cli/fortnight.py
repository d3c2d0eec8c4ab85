"""A database for the tests of commands: a fortnight of requests in one shared mailbox, seen on Tuesday 1 December.

| letter | from   | received     | became                                                      | on 1 December, 10:00 |
|--------|--------|--------------|-------------------------------------------------------------|----------------------|
| 1      | Sophie | Mon 23 10:00 | acknowledged; escalated on the 27th                         | overdue              |
| 2      | a list | Mon 23 10:01 | in the silent register                                      |                      |
| 3      | David  | Mon 23 10:02 | set aside by hand                                           |                      |
| 4      | Amina  | Mon 23 10:03 | answered on the 24th (Sent folder), wrote again on the 26th | within               |
| 5      | Léa    | Tue 24 11:00 | held back: a rule forwarded it                              | at risk              |
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from builders import INSCRIPTIONS, MARIE, a_mailbox
from services.world import MONDAY, World, a_letter, a_world

from mailwatch.domain.escalations import NewEscalation
from mailwatch.domain.incidents import Trouble, TroubleKind
from mailwatch.services.act import Act
from mailwatch.store.reports import list_requests

NOW = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)  # Tuesday 10:00 in Toronto
ANSWERED_AT = MONDAY + timedelta(hours=23)  # Tuesday 9:00
WROTE_AGAIN_AT = MONDAY + timedelta(days=3)

SOPHIE, DAVID = "sophie.nadeau@courriel.example", "david.chen@mail.example"
AMINA, LEA = "amina.diallo@courriel.example", "lea.roy@courriel.example"
BULLETIN = "bulletin@liste.example"


async def fill(folder: Path) -> None:
    """Make `world.db` in a folder."""
    async with a_world(folder, a_mailbox()) as world:
        await world.look()
        await _monday(world)
        await _tuesday(world)
        await _thursday(world)
        await _friday(world)


async def _monday(world: World) -> None:
    letters = (
        a_letter(1, sender=SOPHIE, subject="Inscription de ma fille"),
        a_letter(2, sender=BULLETIN, subject="Bulletin", headers=["List-Id: <bulletin.liste.example>"]),
        a_letter(3, sender=DAVID, subject="School bus", body="Hello, when does the bus come?"),
        a_letter(4, sender=AMINA, subject="Changement d'adresse"),
    )
    for number, letter in enumerate(letters):
        world.clock.set(MONDAY + timedelta(minutes=number))
        world.arrive(letter)
    await world.look()
    world.clock.set(MONDAY + timedelta(minutes=9))
    await world.send()
    (david,) = [one for one in await list_requests(world.store) if one.requester == DAVID]
    await Act(world.store, world.mailboxes, by="marie", why="double d'un appel").set_aside(david.reference)


async def _tuesday(world: World) -> None:
    reply = a_letter(
        40, sender=MARIE, to=AMINA, subject="RE: Changement", headers=["In-Reply-To: <4@courriel.example>"]
    )
    world.folder(name="Sent").append(reply, ANSWERED_AT)
    world.clock.set(ANSWERED_AT + timedelta(minutes=5))
    await world.look()
    world.clock.set(MONDAY + timedelta(hours=25))
    world.arrive(
        a_letter(5, sender=LEA, subject="Transport", headers=["X-MS-Exchange-Organization-AutoForwarded: true"])
    )
    await world.look()


async def _thursday(world: World) -> None:
    world.clock.set(WROTE_AGAIN_AT)
    body = "Bonjour, merci, mais la nouvelle adresse est fausse. Pouvez-vous la corriger ?"
    headers = ["In-Reply-To: <40@courriel.example>", "References: <4@courriel.example> <40@courriel.example>"]
    world.arrive(a_letter(6, sender=AMINA, subject="RE: Changement d'adresse", body=body, headers=headers))
    await world.look()


async def _friday(world: World) -> None:
    world.clock.set(datetime(2026, 11, 27, 22, 0, tzinfo=UTC))
    (sophie,) = [one for one in await list_requests(world.store) if one.requester == SOPHIE]
    level = NewEscalation(
        request_id=sophie.id, level="before 1 business day", clock_started_at=sophie.clock_started_at, to=("owner",)
    )
    trouble = Trouble(kind=TroubleKind.MAILBOX_SILENT, about=INSCRIPTIONS, since=world.clock.now())
    async with world.store.transaction() as tx:
        assert await tx.escalate([level]) == 1
        assert await tx.open_incident(trouble) is not None
