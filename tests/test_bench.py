"""The measurements' own parts: what is measured must be what it is said to be."""

import email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import a_mailbox

from bench.corpus import MIX, automatic_reply, messages, newsletter
from bench.databases import Sqlite
from bench.past import OPEN, write_absences, write_past
from bench.table import Result, Round, markdown, merge
from bench.watching import Arrival, Cost, arrival_figures, cost_figures
from mailwatch.clock import MovableClock
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.store import SqlStore, open_store

UNTIL = datetime(2026, 11, 23, 15, tzinfo=UTC)
INBOX = "requests@example.test"


def test_the_same_seed_gives_the_same_mail() -> None:
    assert list(messages(20, INBOX, UNTIL, seed=1)) == list(messages(20, INBOX, UNTIL, seed=1))
    assert list(messages(20, INBOX, UNTIL, seed=1)) != list(messages(20, INBOX, UNTIL, seed=2))


def test_a_message_has_29_kilobytes_on_average() -> None:
    sizes = [len(raw) for raw in messages(3000, INBOX, UNTIL)]

    assert sum(sizes) / len(sizes) == pytest.approx(29_000, rel=0.05)


def test_every_message_can_be_parsed_and_has_an_id_of_its_own() -> None:
    parsed = [email.message_from_bytes(raw) for raw in messages(300, INBOX, UNTIL)]

    assert [defect for message in parsed for part in message.walk() for defect in part.defects] == []
    assert len({message["Message-ID"] for message in parsed}) == 300


def test_the_mix_is_what_the_module_says() -> None:
    parsed = [email.message_from_bytes(raw) for raw in messages(3000, INBOX, UNTIL)]

    assert sum(MIX.values()) == 100
    assert sum("List-Id" in message for message in parsed) / 30 == pytest.approx(MIX[newsletter], abs=2)
    assert sum("Auto-Submitted" in message for message in parsed) / 30 == pytest.approx(MIX[automatic_reply], abs=2)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    rounds = [Round(floor=1.0, ours=9.0), Round(floor=2.0, ours=3.0), Round(floor=1.0, ours=2.0)]
    result = Result(what="x", on="SQLite", count=10, goal=2.0, rounds=rounds)

    assert result.ratio == 2.0
    assert result.is_met


def test_the_table_is_markdown_with_aligned_columns() -> None:
    assert markdown(["a", "b"], [["longer", "c"]]) == "| a      | b |\n|--------|---|\n| longer | c |"


def test_what_is_measured_again_takes_its_line_and_the_others_stay() -> None:
    rows = [["a", "x", "1"], ["b", "x", "2"]]
    before = "# Measurements\n\n" + markdown(["what", "on", "ratio"], rows) + "\n\n| m | |"

    assert merge(before, [["b", "x", "3"], ["c", "x", "4"]]) == [["a", "x", "1"], ["b", "x", "3"], ["c", "x", "4"]]
    assert merge("", [["c", "x", "4"]]) == [["c", "x", "4"]]


def test_arrivals_are_judged_by_how_much_later_than_the_raw_socket_they_are_acknowledged() -> None:
    arrivals = [Arrival(heard=0.5, acknowledged=0.55)] * 97 + [Arrival(heard=0.5, acknowledged=1.5)] * 3

    median, worst = arrival_figures("SQLite", 1000, arrivals)

    assert (median.is_met, worst.is_met) == (True, False)
    assert worst.cells()[3:] == ["1.500 s, +1000 ms", "**3.00**", "", "< +500 ms missed"]


def test_what_idles_is_judged_by_memory_processor_and_threads() -> None:
    floor, ours = Cost(megabytes=12, threads=1, cpu=0.0), Cost(megabytes=151, threads=32, cpu=0.009)

    memory, processor, threads = cost_figures("SQLite", 1000, floor, ours)

    assert (memory.is_met, processor.is_met, threads.is_met) == (False, True, True)
    assert processor.ratio is None  # of nothing


@asynccontextmanager
async def a_history(folder: Path, count: int, whole: int) -> AsyncIterator[tuple[Sqlite, SqlStore]]:
    """The end of a made-up history: the database, twice."""
    folder.mkdir(exist_ok=True)
    database = Sqlite(folder)
    box = a_mailbox(address="service0@example.test")
    store = open_store(database.url.replace("sqlite", "sqlite+aiosqlite"), MovableClock(UNTIL))
    await store.open(upgrade=True)
    async with store.transaction() as tx:
        await tx.keep_calendar(box.standard.calendar.digest, box.standard.calendar.definition())
    write_past(database, box, count, UNTIL, whole)
    yield database, store
    await store.close()


async def test_a_made_up_history_holds_what_the_service_promises(tmp_path: Path) -> None:
    """As long as it is short, it can be checked as a whole."""
    async with a_history(tmp_path, 1000, 1000) as (database, store):
        await write_absences(store, 50, UNTIL.date())

        assert await find_inconsistencies(store) == []
        assert database.number("SELECT count(*) FROM request") == 1000
        assert database.number("SELECT count(*) FROM request WHERE settled_at IS NULL") == OPEN


async def test_beside_a_short_history_and_a_long_one_the_same_is_open(tmp_path: Path) -> None:
    """Else more falls due on a day beside the one than beside the other."""
    due = "SELECT answer_due_at, count(*) FROM request WHERE settled_at IS NULL GROUP BY 1 ORDER BY 1"
    async with a_history(tmp_path / "short", 1000, 10_000) as (short, _):
        open_beside_the_short_one = short.rows(due)
    async with a_history(tmp_path / "long", 10_000, 10_000) as (long, _):
        assert long.rows(due) == open_beside_the_short_one
