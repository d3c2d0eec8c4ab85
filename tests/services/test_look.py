"""A look where nothing has changed asks one thing; whatever has changed, or may have, is looked at."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from builders import INSCRIPTIONS, a_mailbox
from services.world import Source, World, a_letter, a_world
from sqlalchemy import select
from structlog.testing import capture_logs

from mailwatch.domain.mailboxes import ObservingPolicy
from mailwatch.errors import MailboxUnavailable
from mailwatch.services.observe import Observe
from mailwatch.store.schema import mailboxes, requests

HOUR = timedelta(hours=1)
QUIET = ["EXAMINE INBOX", "STATUS Sent"]


async def is_seen(world: World) -> bool:
    """A mailbox with a question and an answer, on a server that keeps modification sequences; all of it read."""
    world.folder().modseq = 1
    await world.look()
    world.arrive(a_letter())
    for _ in range(2):
        await world.look()
    return await look(world) == QUIET


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, a_mailbox()) as world:
        assert await is_seen(world)
        yield world


def source_of(world: World) -> Source:
    return world.sources.sources[INSCRIPTIONS]


async def look(world: World) -> list[str]:
    """What a look asks the server for."""
    commands = source_of(world).commands
    commands.clear()
    await world.look()
    return list(commands)


async def states(world: World) -> list[str]:
    async with world.store.reading() as connection:
        return list((await connection.execute(select(requests.c.state).order_by(requests.c.id))).scalars())


async def test_a_look_that_finds_nothing_is_a_good_look(world: World) -> None:
    world.clock.advance(HOUR / 2)

    assert await look(world) == QUIET

    async with world.store.reading() as connection:
        assert await connection.scalar(select(mailboxes.c.progress_at)) == world.clock.now()


def arrives(world: World) -> None:
    world.arrive(a_letter(2))


def is_flagged(world: World) -> None:
    world.folder().flag(1, "\\Answered")


def is_renumbered(world: World) -> None:
    world.folder().renumber(78)


@pytest.mark.parametrize(
    ("change", "expected"),
    [(arrives, ["open", "open"]), (is_flagged, ["answered"]), (is_renumbered, ["open"])],
)
async def test_what_changes_is_seen_at_the_next_look(
    change: Callable[[World], None], expected: list[str], world: World
) -> None:
    change(world)

    assert len(await look(world)) > len(QUIET)

    assert await states(world) == expected


async def test_where_the_server_keeps_no_modification_sequences_flags_are_read_at_every_look(world: World) -> None:
    world.folder().modseq = None
    for _ in range(2):
        await world.look()
    is_flagged(world)
    await world.look()

    assert await states(world) == ["answered"]


async def test_after_an_hour_or_a_lost_connection_everything_is_looked_at(world: World) -> None:
    world.clock.advance(HOUR)
    assert "EXAMINE Sent" in await look(world)
    assert await look(world) == QUIET

    world.receive.forget(world.mailboxes[0])
    assert (await look(world))[1:2] != ["STATUS Sent"], "what came is received before anything else is asked"
    assert await look(world) == QUIET


async def test_where_status_breaks_the_connection_new_mail_is_received_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(folder: str) -> None:
        raise MailboxUnavailable("the connection broke")

    monkeypatch.setattr(source_of(world), "status", cut)
    with pytest.raises(MailboxUnavailable):
        await world.look()
    assert await look(world) == ["EXAMINE INBOX", "EXAMINE Sent"]
    world.arrive(a_letter(2))
    with pytest.raises(MailboxUnavailable):
        await world.look()

    assert await states(world) == ["open", "open"]


async def test_a_fault_of_ours_in_asking_costs_a_longer_look_and_no_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Observe, "is_quiet", lambda *_: 1 / 0)
    world.arrive(a_letter(2))
    with capture_logs() as logs:
        await world.look()

    assert await states(world) == ["open", "open"]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["observing.failed"]


async def test_a_folder_that_is_gone_is_said_by_receiving(world: World) -> None:
    del world.folders[INSCRIPTIONS]["INBOX"]
    await world.look()

    async with world.store.reading() as connection:
        assert await connection.scalar(select(mailboxes.c.trouble_code)) == "folder-missing"


@pytest.mark.parametrize(
    ("observing", "folders", "expected"),
    [
        (ObservingPolicy(sent=False), ("INBOX",), ["EXAMINE INBOX"]),
        (ObservingPolicy(sent=False, closing_folders=("Traitées",)), ("INBOX",), ["EXAMINE INBOX", "STATUS Traitées"]),
        (ObservingPolicy(sent=False), ("INBOX", "Guichet"), ["EXAMINE INBOX", "EXAMINE Guichet"]),
        (ObservingPolicy(is_sent_only=True), ("INBOX",), ["STATUS Sent"]),
    ],
)
async def test_what_is_watched_is_asked_for(
    observing: ObservingPolicy, folders: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    async with a_world(tmp_path, a_mailbox(observing=observing, folders=folders)) as world:
        for folder in folders:
            world.folder(name=folder).modseq = 1
        for _ in range(2):
            await world.look()

        assert await look(world) == expected


async def test_where_no_sent_folder_is_known_one_is_looked_for(world: World) -> None:
    source_of(world).sent_folders = ()
    world.clock.advance(HOUR)
    await world.look()
    source_of(world).sent_folders = ("Sent",)
    world.folder(name="Sent").append(a_letter(3), world.clock.now())

    assert "EXAMINE Sent" in await look(world)
