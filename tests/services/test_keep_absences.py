"""What a source says of absences now, against what it said: pure, and on a real database."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import MARIE, a_staff_mailbox
from services.world import a_world

from mailwatch.domain.absences import Absence
from mailwatch.ports.absences import KeptAbsence
from mailwatch.services.keep_absences import (
    COMMAND,
    CONFIGURATION,
    Revision,
    configured,
    foresee,
    keep_source,
    revise,
    take_back,
)

TODAY = date(2026, 11, 25)
PAUL = "paul.roy@cscmonavenir.example"


def kept(uid: str, first: str, back: str | None, *, number: int = 0, source: str = COMMAND, **more: Any) -> KeptAbsence:
    returns_on = date.fromisoformat(back) if back else None
    absence = Absence(who=MARIE, away_from=date.fromisoformat(first), returns_on=returns_on, id=number, **more)
    return KeptAbsence(absence=absence, source=source, uid=uid, by="paul")


PAST = kept("past", "2026-11-09", "2026-11-23", number=1)
NOW_ON = kept("now", "2026-11-23", "2026-12-07", number=2)
SINCE_TODAY = kept("today", "2026-11-25", "2026-12-07", number=3)
LATER = kept("later", "2026-12-14", "2026-12-21", number=4)
FOR_GOOD = kept("for good", "2026-11-23", None, number=5)


def ended(one: KeptAbsence) -> KeptAbsence:
    return replace(one, absence=replace(one.absence, returns_on=TODAY))


def changed(one: KeptAbsence, **fields: Any) -> KeptAbsence:
    """As a source tells it: without the row's number."""
    return replace(one, absence=replace(one.absence, id=0, **fields))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [], Revision()),
        ([], [LATER], Revision(added=[LATER])),
        ([LATER], [changed(LATER)], Revision()),
        ([LATER], [changed(LATER, delegate=PAUL)], Revision(changed=[changed(LATER, delegate=PAUL)])),
        ([NOW_ON], [changed(NOW_ON, returns_on=None)], Revision(changed=[changed(NOW_ON, returns_on=None)])),
        ([PAST], [changed(PAST, note="x")], Revision(changed=[changed(PAST, note="x")])),
        ([PAST], [], Revision()),  # it stays
        ([NOW_ON], [], Revision(ended=[ended(NOW_ON)])),
        ([FOR_GOOD], [], Revision(ended=[ended(FOR_GOOD)])),
        ([SINCE_TODAY], [], Revision(taken_back=[SINCE_TODAY])),  # nobody is away for no day
        ([LATER], [], Revision(taken_back=[LATER])),
        ([ended(NOW_ON)], [], Revision()),
        ([PAST, NOW_ON, LATER], [changed(NOW_ON)], Revision(taken_back=[LATER])),
    ],
)
def test_a_revision_is_what_differs(old: list[KeptAbsence], new: list[KeptAbsence], expected: Revision) -> None:
    found = revise(old, new, TODAY)
    assert (list(found.added), list(found.changed)) == (list(expected.added), list(expected.changed))
    assert (list(found.ended), list(found.taken_back)) == (list(expected.ended), list(expected.taken_back))
    assert found.is_empty is expected.is_empty


@pytest.mark.parametrize("new", [[], [changed(NOW_ON, note="x")], [changed(LATER, delegate=PAUL), FOR_GOOD]])
async def test_what_is_foreseen_is_what_is_kept(tmp_path: Path, new: list[KeptAbsence]) -> None:
    other = kept("a", "2026-11-23", None, source="calendar RH")
    async with a_world(tmp_path, a_staff_mailbox()) as world, world.store.transaction() as tx:
        await keep_source(tx, COMMAND, [NOW_ON, LATER], TODAY)
        await keep_source(tx, "calendar RH", [other], TODAY)
        foreseen = foresee(await tx.list_kept(), COMMAND, new, TODAY)
        await keep_source(tx, COMMAND, new, TODAY)
        then = await tx.list_absences(date(2026, 1, 1))
    assert [replace(each, id=0) for each in foreseen] == [replace(each, id=0) for each in then]


def test_the_configuration_s_absences_keep_their_names_while_who_and_first_day_stay() -> None:
    first, later = NOW_ON.absence, LATER.absence
    twin = replace(first, returns_on=date(2026, 12, 1))
    names = [each.uid for each in configured([first, later, twin])]
    assert names == [f"{MARIE} 2026-11-23", f"{MARIE} 2026-12-14", f"{MARIE} 2026-11-23 #2"]
    assert [each.uid for each in configured([replace(first, note="x", returns_on=None)])] == names[:1]
    assert {(each.source, each.by) for each in configured([first])} == {(CONFIGURATION, "mailwatch")}


async def test_one_source_touches_nothing_of_another(tmp_path: Path) -> None:
    async with a_world(tmp_path, a_staff_mailbox()) as world, world.store.transaction() as tx:
        for source in (COMMAND, "calendar RH", "import conges.csv"):
            await keep_source(tx, source, [kept("a", "2026-11-23", "2026-12-07", source=source)], TODAY)
        await keep_source(tx, "calendar RH", [], TODAY)
        left = {one.source: str(one.absence.returns_on) for one in await tx.list_kept()}
        assert left == {COMMAND: "2026-12-07", "calendar RH": "2026-11-25", "import conges.csv": "2026-12-07"}


async def test_what_was_taken_back_and_comes_back_is_the_same_absence(tmp_path: Path) -> None:
    async with a_world(tmp_path, a_staff_mailbox()) as world, world.store.transaction() as tx:
        await keep_source(tx, COMMAND, [LATER], TODAY)
        (before,) = await tx.list_kept()
        assert await take_back(tx, before, TODAY) is None
        assert await tx.list_kept() == []
        assert await tx.list_absences(date(2026, 1, 1)) == ()
        revision = await keep_source(tx, COMMAND, [changed(LATER, note="x")], TODAY)
        assert len(revision.added) == 1
        (after,) = await tx.list_kept()
        assert (after.absence.id, after.absence.note) == (before.absence.id, "x")


async def test_what_is_taken_back_in_its_middle_ended_today(tmp_path: Path) -> None:
    async with a_world(tmp_path, a_staff_mailbox()) as world, world.store.transaction() as tx:
        await keep_source(tx, COMMAND, [NOW_ON], TODAY)
        (before,) = await tx.list_kept()
        after = await take_back(tx, before, TODAY)
        assert after == replace(before.absence, returns_on=TODAY)
        assert [each.absence for each in await tx.list_kept()] == [after]
        assert await take_back(tx, ended(before), TODAY) is None  # it is over: nothing changes
        assert [each.absence for each in await tx.list_kept()] == [after]
