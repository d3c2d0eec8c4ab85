"""What monitoring reads: right after a month's history, about nobody, and never by reading a whole table."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update
from store.conftest import SqliteDatabases
from store.november import AS_OF, FORMER, INSCRIPTIONS, OTHER, play
from store.records import a_digest, a_record, an_entry, begin, claim, enqueue, receive, settle
from store.test_plans import scans, statements

from mailwatch.clock import MovableClock
from mailwatch.domain.incidents import Trouble, TroubleKind
from mailwatch.domain.outbox import EntryState
from mailwatch.store.gauges import read_gauges
from mailwatch.store.schema import mailboxes
from mailwatch.store.store import SqlStore, open_store

__all__ = ["statements"]  # a fixture

CONFIGURED = (INSCRIPTIONS, OTHER, "nouvelle@cscmonavenir.example")


async def test_an_empty_database_has_nothing_to_tell(store: SqlStore, clock: MovableClock) -> None:
    gauges = await read_gauges(store, clock.now(), CONFIGURED)

    assert (gauges.unsettled, gauges.waiting, gauges.ended, gauges.incidents) == ({}, {}, {}, {})
    assert (gauges.overdue, gauges.unseen, gauges.workers) == (0, 3, 0)
    assert (gauges.oldest_owed_at, gauges.oldest_due_at, gauges.digest_at) == (None, None, None)
    assert gauges.octets > 10_000


async def test_a_month_s_history_is_told_by_ages_and_counts(store: SqlStore, clock: MovableClock) -> None:
    await play(store, clock)
    clock.set(AS_OF)
    await receive(store, a_record(800, received_at=AS_OF - timedelta(hours=3), entry=an_entry(800, not_before=AS_OF)))
    async with store.transaction() as tx:
        await tx.beat("one", {})
        await tx.switch_off("account:relay", "mailwatch", "550")
        await tx.open_incident(Trouble(kind=TroubleKind.LOGIN_REFUSED, about="x@y.example", since=AS_OF))
    async with store.database.write() as connection:
        await connection.execute(update(mailboxes).where(mailboxes.c.address == OTHER).values(progress_at=AS_OF))

    gauges = await read_gauges(store, AS_OF + timedelta(seconds=10), CONFIGURED)

    assert sum(gauges.unsettled.values()) >= gauges.overdue > 0
    assert gauges.unacknowledged["mailwatch"] >= 1
    assert gauges.oldest_owed_at is not None
    assert gauges.soonest_due_at is not None
    assert (gauges.oldest_due_at, gauges.waiting["pending"] >= 1) == (AS_OF, True)
    assert {each.id for each in gauges.mailboxes} == {1, 2}  # not of FORMER, which nobody watches any more
    assert (gauges.unseen, gauges.workers, gauges.incidents) == (2, 1, {"login refused": 1})
    assert [switch.name for switch in gauges.switches] == ["account:relay"]
    assert FORMER not in repr(gauges)


async def test_whoever_owes_an_acknowledgement_is_told_apart(store: SqlStore, clock: MovableClock) -> None:
    await receive(
        store,
        a_record(1),
        a_record(2, suppressed_by="forwarded"),
        a_record(3, suppressed_by="elsewhere"),
        a_record(4, entry=an_entry(4, not_before=clock.now())),
    )
    (entry,) = await claim(store)
    await settle(store, entry)

    gauges = await read_gauges(store, clock.now(), CONFIGURED)

    assert gauges.unacknowledged == {"mailwatch": 1, "person": 1}  # 3 is another mailbox's, 4 has been acknowledged
    assert gauges.unsettled == {"open": 3, "acknowledged": 1}
    assert gauges.ended == {"sent": 1}


async def test_what_was_enqueued_long_ago_is_left_out(store: SqlStore, clock: MovableClock) -> None:
    await enqueue(store, a_digest())
    (digest,) = await claim(store)
    await settle(store, digest, EntryState.FAILED)
    digest_at = clock.now()

    soon = await read_gauges(store, digest_at + timedelta(days=7), CONFIGURED)
    later = await read_gauges(store, digest_at + timedelta(days=8), CONFIGURED)

    assert (soon.ended, soon.digest_at) == ({"failed": 1}, digest_at)
    assert (later.ended, later.digest_at) == ({}, None)


async def test_no_scrape_reads_a_whole_table(
    sqlite_pattern: Path, tmp_path: Path, clock: MovableClock, statements: list[tuple[str, Any]]
) -> None:
    url = await SqliteDatabases(tmp_path, sqlite_pattern).migrated()
    store = open_store(url, clock)
    await store.open()
    await begin(store)
    statements.clear()
    await read_gauges(store, clock.now(), CONFIGURED)
    await store.close()

    assert len(statements) > 10
    unfinished = "request USING INDEX ix_request_unsettled", "sighting USING INDEX ix_sighting_quarantined"
    few = ("mailbox", "pragma_page_count", "pragma_page_size", "incident USING", *unfinished)
    found = scans(Path(url.partition(":///")[2]), statements)
    assert [step for step in found if not step.removeprefix("SCAN ").startswith(few)] == []
