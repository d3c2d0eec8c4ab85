"""A back-up is put back: what came since is found again, and nobody gets a second Message-ID for one request."""

import re
import sqlite3
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from builders import a_mailbox
from services.world import MONDAY, World, a_letter, a_world

from mailwatch.store.reports import list_requests

SOPHIE, DAVID, AMINA = "sophie@courriel.example", "david@mail.example", "amina@courriel.example"
MESSAGE_ID = re.compile(rb"(?mi)^Message-ID: (\S+)")


async def serve(world: World, minutes: int) -> None:
    """Look, wait for the grace that a person has to answer first, send."""
    await world.look()
    world.clock.set(MONDAY + timedelta(minutes=minutes))
    await world.send()


def message_ids(*worlds: World) -> dict[str, list[bytes]]:
    """Under which Message-IDs each requester was acknowledged, in order."""
    found = defaultdict(list)
    for world in worlds:
        for envelope, body in world.mailer.letters:
            found[envelope.recipient] += MESSAGE_ID.findall(body.partition(b"\r\n\r\n")[0])
    return dict(found)


async def test_after_a_restore_nothing_is_sent_under_another_message_id(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    async with a_world(before, a_mailbox()) as world:
        await world.look()
        world.arrive(a_letter(1, sender=SOPHIE))
        await serve(world, 10)
        with sqlite3.connect(before / "world.db") as running:  # as `.backup` does: while it runs, one moment of it
            running.execute("VACUUM INTO ?", [str(after / "world.db")])
        running.close()
        world.arrive(a_letter(2, sender=DAVID))
        await serve(world, 20)
        world.arrive(a_letter(3, sender=AMINA))
        await world.look()  # and then the disk is gone
        references = {each.requester: each.reference for each in await list_requests(world.store)}

    async with a_world(after, a_mailbox()) as restored:
        restored.folder().__dict__.update(world.folder().__dict__)  # the mail server has lost nothing
        restored.clock.set(MONDAY + timedelta(minutes=30))
        await serve(restored, 40)
        again = {each.requester: each.reference for each in await list_requests(restored.store)}

    assert again == references
    assert sorted(restored.recipients) == [AMINA, DAVID]  # Sophie's is known to have been sent
    sent = message_ids(world, restored)
    assert {who: len(ids) for who, ids in sent.items()} == {SOPHIE: 1, DAVID: 2, AMINA: 1}
    assert {who: len(set(ids)) for who, ids in sent.items()} == {SOPHIE: 1, DAVID: 1, AMINA: 1}
