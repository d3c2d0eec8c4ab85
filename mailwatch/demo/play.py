"""Plays the story on the real service: embedded servers, SQLite in a temporary folder, a clock that is moved.

Yields what became of each scene; how that is shown is the command line's business.
"""

import asyncio
import email
import email.policy
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

from mailwatch.app import App
from mailwatch.clock import MovableClock
from mailwatch.config import load_config
from mailwatch.demo.cast import BIBLIOTHEQUE, CONFIGURATION, INSCRIPTIONS, MARIE
from mailwatch.demo.post_office import PostOffice
from mailwatch.demo.story import STORY, Letters, Scene
from mailwatch.domain.requests import State
from mailwatch.errors import MailwatchError
from mailwatch.store.reports import MessageFact, list_messages, list_requests, list_settled

PASSWORD = "demo"  # of servers that listen on 127.0.0.1 for a few seconds
ZONE = ZoneInfo("America/Toronto")
BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)  # a Monday morning
ENDS = datetime(2026, 11, 30, 8, 30, tzinfo=ZONE)  # the Monday on which its answers are due
GRACE = timedelta(minutes=6)  # past the five minutes that shared mailboxes leave to people
PATIENCE = 20.0  # seconds until the demo says that something is wrong
DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of one scene.

    duplicate  the message was known already
    cancelled  why an enqueued acknowledgement was not sent, or ""
    letter     the acknowledgement, if any
    answered   references of the requests that the message answered
    """

    scene: Scene
    at: datetime  # local
    subject: str  # of the message, decoded
    facts: tuple[MessageFact, ...]
    duplicate: bool
    cancelled: str
    letter: EmailMessage | None
    answered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """received = acknowledged + the sum of suppressed."""

    received: int
    requests: int
    acknowledged: int
    suppressed: dict[str, int]


async def play(on_scene: Callable[[Told], None], on_digest: Callable[[datetime, EmailMessage], None]) -> Summary:
    """Play the whole story; `on_scene` is called after each scene, `on_digest` with what Marie gets a week later."""
    clock = MovableClock(BEGINS)
    post = PostOffice(clock.now, PASSWORD)
    await post.start([INSCRIPTIONS, BIBLIOTHEQUE])
    try:
        with tempfile.TemporaryDirectory(prefix="mailwatch-demo-") as folder:
            path = Path(folder) / "mailwatch.toml"
            path.write_text(CONFIGURATION.format(imap_port=post.imap_port, smtp_port=post.smtp_port))
            app = App(load_config(path), clock=clock, environ={"MAILWATCH_DEMO_PASSWORD": PASSWORD})
            async with app.running():
                async with asyncio.timeout(PATIENCE):
                    await app.watchers.all_ready()
                stage = _Stage(app, post, clock)
                told = [one async for one in stage.tell(on_scene)]
                on_digest(ENDS, await stage.digest())
                return _summary(told)
    finally:
        await post.close()


class _Stage:
    """The running service, the post office and the clock, scene by scene."""

    def __init__(self, app: App, post: PostOffice, clock: MovableClock) -> None:
        self._app = app
        self._post = post
        self._clock = clock
        self._sightings = 0
        self._settled = 0
        self._last_message = 0
        self._acknowledgements: dict[str, str] = {}

    async def tell(self, on_scene: Callable[[Told], None]) -> AsyncIterator[Told]:
        """Each scene: a message arrives, is recorded; the grace passes; what is due goes out."""
        for scene in STORY:
            told = await self._play(scene)
            on_scene(told)
            yield told

    async def _play(self, scene: Scene) -> Told:
        self._clock.advance(scene.later)
        at = self._clock.now()
        letters = Letters(began=BEGINS, now=at.astimezone(ZONE), acknowledgements=self._acknowledgements)
        raw = scene.write(letters)
        for box in scene.boxes:
            await self._post.deliver(box, raw)
        self._sightings += len(scene.boxes)
        await _until(self._is_recorded, "the message to be recorded")
        facts = await list_messages(self._app.store, after=self._last_message)
        self._last_message = max((fact.id for fact in facts), default=self._last_message)
        if scene.answered:
            await self._post.mark_answered(scene.boxes[0], _parsed(raw)["Message-ID"])
        letter, cancelled = await self._acknowledgement(scene, facts)
        return Told(
            scene=scene,
            at=at.astimezone(ZONE),
            subject=facts[0].subject if facts else str(_parsed(raw)["Subject"]),
            facts=tuple(facts),
            duplicate=not facts,
            cancelled=cancelled,
            letter=letter,
            answered=await self._answered(scene),
        )

    async def _answered(self, scene: Scene) -> tuple[str, ...]:
        """What a copy of an answer settled, in the transaction that recorded it."""
        requests = await list_requests(self._app.store) if scene.answers else ()
        return tuple(r.reference for r in requests if r.requester == scene.answers and r.state is State.ANSWERED)

    async def digest(self) -> EmailMessage:
        """A week later: what Marie has in her post in the morning."""
        self._clock.set(ENDS)
        await _in_time(self._app.catch_up(), "everything to be caught up with")
        await _until(lambda: self._post.letters[MARIE], "the digest to be sent")
        return _parsed(self._post.letters[MARIE][-1])

    async def _is_recorded(self) -> bool:
        count = await self._app.store.count_sightings()
        return count >= self._sightings

    async def _acknowledgement(self, scene: Scene, facts: list[MessageFact]) -> tuple[EmailMessage | None, str]:
        """Let the grace pass; the acknowledgement in the writer's post, or why it was not sent."""
        expected = sum(fact.is_enqueued for fact in facts)
        if not expected:
            return None, ""
        self._clock.advance(GRACE)
        self._app.dispatch.wake()
        self._settled += expected
        await _until(self._is_settled, "the acknowledgement to be sent")
        settled = await list_settled(self._app.store)
        if settled[-1].state == "cancelled":
            return None, settled[-1].reason
        letter = _parsed(self._post.letters[scene.writer][-1]) if self._post.letters[scene.writer] else None
        if letter is not None:
            self._acknowledgements[scene.writer] = str(letter["Message-ID"])
        return letter, ""

    async def _is_settled(self) -> bool:
        return len(await list_settled(self._app.store)) >= self._settled


def _summary(told: list[Told]) -> Summary:
    suppressed: Counter[str] = Counter()
    acknowledged = 0
    for one in told:
        suppressed[DUPLICATE] += one.duplicate
        suppressed.update(fact.suppressed_by for fact in one.facts if fact.suppressed_by)
        if one.cancelled:
            suppressed["answered"] += 1
        acknowledged += one.letter is not None
    return Summary(
        received=sum(len(one.scene.boxes) for one in told),
        requests=sum(fact.reference != "" for one in told for fact in one.facts),
        acknowledged=acknowledged,
        suppressed={reason: count for reason, count in sorted(suppressed.items()) if count},
    )


def _parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


async def _until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, which may be a coroutine function; complain after PATIENCE."""

    async def poll() -> None:
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.02)

    await _in_time(poll(), what)


async def _in_time(act: Awaitable[None], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await act
    except TimeoutError:
        raise MailwatchError(f"the demo waited {PATIENCE:.0f} s in vain for {what}") from None
