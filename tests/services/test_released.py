"""What a person released from the silent register is a request like any other: what staff then do with it is seen."""

from dataclasses import replace
from pathlib import Path

import pytest
from builders import a_mailbox
from services.world import World, a_letter, a_world

from mailwatch.domain.requests import State
from mailwatch.services.act import Act
from mailwatch.store.reports import list_register, list_requests

DONE = "Réglé"


async def released(world: World) -> int:
    """A list's message that was released; its UID."""
    await world.look()
    uid = world.arrive(a_letter(1, headers=["List-Id: <parents.courriel.example>"]))
    await world.look()
    (message,) = await list_register(world.store)
    await Act(world.store, world.mailboxes, by="marie", why="une demande").release(message.id)
    return uid


@pytest.mark.parametrize("how", [State.ANSWERED, State.CLOSED])
async def test_a_released_message_that_is_flagged_or_filed_is_settled(how: State, tmp_path: Path) -> None:
    mailbox = a_mailbox()
    mailbox = replace(mailbox, observing=replace(mailbox.observing, closing_folders=(DONE,)))
    async with a_world(tmp_path, mailbox) as world:
        uid = await released(world)
        if how is State.ANSWERED:
            world.folder().flag(uid, "\\Answered")
        else:
            world.folder().move(uid, world.folder(name=DONE))
        await world.look()

        (request,) = await list_requests(world.store)
        assert request.state is how
