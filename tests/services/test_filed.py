"""What staff file away or flag is settled, whatever it once was taken for, and whatever clocks do."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_mailbox
from services.world import World, a_letter, a_world

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.requests import State
from mailwatch.services.act import Act
from mailwatch.store.reports import list_register, list_requests

DONE = "Réglé"


def a_tidy_mailbox() -> Mailbox:
    """One with a folder that closes."""
    mailbox = a_mailbox()
    return replace(mailbox, observing=replace(mailbox.observing, closing_folders=(DONE,)))


async def arrived(world: World, *headers: str) -> int:
    """A message that was looked at; its UID."""
    await world.look()
    uid = world.arrive(a_letter(1, headers=headers))
    await world.look()
    return uid


@pytest.mark.parametrize("how", [State.ANSWERED, State.CLOSED])
async def test_a_released_message_that_is_flagged_or_filed_is_settled(how: State, tmp_path: Path) -> None:
    """It is a request like any other, though rules took it for a list's."""
    async with a_world(tmp_path, a_tidy_mailbox()) as world:
        uid = await arrived(world, "List-Id: <parents.courriel.example>")
        (message,) = await list_register(world.store)
        await Act(world.store, world.mailboxes, by="marie", why="une demande").release(message.id)
        if how is State.ANSWERED:
            world.folder().flag(uid, "\\Answered")
        else:
            world.folder().move(uid, world.folder(name=DONE))
        await world.look()

        (request,) = await list_requests(world.store)
        assert request.state is how


async def test_what_is_flagged_and_filed_was_answered_though_the_clock_was_set_back(tmp_path: Path) -> None:
    async with a_world(tmp_path, a_tidy_mailbox()) as world:
        uid = await arrived(world)
        received_at = world.clock.now()
        world.clock.advance(-timedelta(minutes=45))
        world.folder().flag(uid, "\\Answered")
        world.folder().move(uid, world.folder(name=DONE))
        await world.look()

        (request,) = await list_requests(world.store)
        assert (request.state, request.answered_at) == (State.CLOSED, received_at)
