"""An office in which people are away: Marie, who owns a mailbox of her own and a shared one, Paul and her manager."""

from datetime import UTC, date, datetime, time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from builders import INSCRIPTIONS, MARIE, a_mailbox, a_person, a_staff_mailbox, an_organisation
from services.world import World, a_letter, keep_configured
from sqlalchemy import select

from mailwatch.domain.absences import Absence
from mailwatch.domain.escalations import MANAGER, OWNER, Level
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.standards import parse_limit
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.cover import Cover, CoverSettings
from mailwatch.services.escalate import Escalate, EscalateSettings
from mailwatch.store.schema import events, requests
from mailwatch.store.store import SqlStore

TORONTO = ZoneInfo("America/Toronto")
PAUL, LUC = "paul.roy@cscmonavenir.example", "luc.gagnon@cscmonavenir.example"
PEOPLE = {
    MARIE: a_person(manager=LUC),
    PAUL: a_person(PAUL, "Paul Roy", phone="416-555-0123, poste 2211"),
    LUC: a_person(LUC, "Luc Gagnon"),
}
A_WEEK = Absence(who=MARIE, away_from=date(2026, 11, 23), returns_on=date(2026, 11, 30))


def marie(**fields: Any) -> Mailbox:
    """Her own mailbox."""
    organisation = an_organisation(people=PEOPLE)
    return a_staff_mailbox(organisation=organisation, owners=(PEOPLE[MARIE],), **fields)


def inscriptions(**fields: Any) -> Mailbox:
    """The shared mailbox that she owns."""
    return a_mailbox(organisation=an_organisation(people=PEOPLE), owners=(PEOPLE[MARIE],), **fields)


LEVELS = (
    Level(before=parse_limit("1 business day"), to=(OWNER,)),
    Level(after=parse_limit("0 business days"), to=(OWNER, MANAGER)),
)


class Office:
    """A world with a Cover and an Escalate."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.start()

    def start(self, *, notes: bool = True) -> None:
        """What this process remembered is gone. `notes`: a delegate is written to at once, else by digest."""
        self.cover = self.another_cover(self.world.store, notes=notes)
        self.escalate = self._escalate(tells_cover=not notes)

    def another_cover(self, store: SqlStore, *, notes: bool = True) -> Cover:
        """One more process."""
        world = self.world
        settings = CoverSettings(notes=notes, sender=INSCRIPTIONS, account="default", message_link="")
        organisation = world.mailboxes[0].organisation
        return Cover(
            store, self._renderer(), organisation, world.mailboxes, settings, world.clock, world.log, store.key
        )

    def _escalate(self, *, tells_cover: bool) -> Escalate:
        world, first = self.world, self.world.mailboxes[0]
        settings = EscalateSettings(
            at=time(8, 30),
            details=False,
            sender=INSCRIPTIONS,
            account="default",
            message_link="",
            tells_cover=tells_cover,
        )
        return Escalate(
            world.store, self._renderer(), first.organisation, first.standard.calendar, world.mailboxes, LEVELS,
            settings, world.clock, world.log, world.store.key,
        )  # fmt: skip

    def _renderer(self) -> TemplateRenderer:
        return TemplateRenderer(None, templates_folder(), self.world.warnings.append)

    async def keep(self, *absences: Absence) -> None:
        """The configuration's absences are these, from now on."""
        await keep_configured(self.world.store, absences, self.world.clock.now().astimezone(TORONTO).date())

    async def arrive(self, number: int = 1, **letter: Any) -> None:
        self.world.arrive(a_letter(number, at=self.world.clock.now(), **letter))
        await self.world.look()

    async def tick(self) -> None:
        if await self.cover.tick():
            await self.world.send()

    def set(self, text: str) -> None:
        """A local time in Toronto."""
        self.world.clock.set(datetime.fromisoformat(text).replace(tzinfo=TORONTO).astimezone(UTC))

    async def sent(self) -> list[EmailMessage]:
        """Everything that is due leaves; what has left so far."""
        await self.world.send()
        return [message_from_bytes(body, policy=policy.default) for _, body in self.world.mailer.letters]

    async def rows(self, *columns: Any) -> list[tuple[Any, ...]]:
        async with self.world.store.reading() as connection:
            return [tuple(row) for row in (await connection.execute(select(*columns).order_by(columns[0]))).all()]

    async def due(self) -> str:
        """When the only request is due, in local time."""
        ((due_at,),) = await self.rows(requests.c.answer_due_at)
        return f"{due_at.astimezone(TORONTO):%m-%d %H:%M}"

    async def history(self) -> list[str]:
        return [kind for _, kind in await self.rows(events.c.n, events.c.kind)]


def text_of(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\u00a0", " ")


def to_marie(**fields: Any) -> dict[str, Any]:
    return {"to": MARIE, **fields}
