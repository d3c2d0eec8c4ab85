"""What a long history costs: the same work beside a short one and beside a long one, in turn.

    receiving   1,000 messages of a folder in memory, in batches, and one by one: read, judged, recorded
    digests     the day's digests of everybody, on one business day after another, with the same requests overdue
    report      the figures of the last whole month

Neither IMAP nor SMTP is there: what doesn't depend on the history would only hide what does. The histories are on the
disk, and each database has taken a batch, before anything is timed.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import structlog
from services.world import Folder, Source

from bench import corpus
from bench.databases import Database
from bench.past import MAILBOXES, UIDVALIDITY, write_absences, write_past
from bench.service import Service
from bench.table import Figure, Result, Round
from bench.watching import mailboxes
from mailwatch.clock import MovableClock
from mailwatch.config import load_config
from mailwatch.domain.calendars import next_business_day
from mailwatch.domain.compliance import Month
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.escalate import Escalate, EscalateSettings
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.judge import Judge
from mailwatch.services.receive import Receive, ReceiveSettings
from mailwatch.store.compliance import measure_month
from mailwatch.store.store import SqlStore, open_store

SHORT = 1_000  # requests of the history that is the floor
BULK, SINGLY = 1_000, 100  # messages of a round, at one look and at as many looks
GOAL, REPORT_GOAL = 1.2, 2.0  # times as slow; seconds
NINE = timedelta(hours=14)  # of a day, UTC: the digests' hour is past
OVERDUE = timedelta(days=7)  # after the history's end all that is open then is overdue
MONTH = Month.parse("2026-10", ZoneInfo("America/Toronto"))
UNTIL = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday, before the office opens

log = structlog.wrap_logger(
    structlog.PrintLogger(sys.stderr), wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
)


@dataclass(slots=True)
class Aged:
    """A database with a history, and what is measured on it."""

    database: Database
    clock: MovableClock
    store: SqlStore
    mailbox: Mailbox
    receive: Receive
    escalate: Escalate
    folder: Folder
    number: int = 0  # of messages that came

    async def receive_some(self, count: int, looks: int) -> float:
        """Seconds for so many messages at so many looks."""
        until = self.clock.advance(timedelta(hours=1))
        letters = corpus.messages(count, self.mailbox.address, until, seed=self.number)
        self.number += count
        raw = [letter.replace(b"\n", b"\r\n") for letter in letters]
        source = Source({"INBOX": self.folder})
        seconds = 0.0
        for first in range(0, count, count // looks):
            for one in raw[first : first + count // looks]:
                self.folder.append(one, until)
            seconds += await _timed(self.receive.look(self.mailbox, source))
        return seconds

    async def tell(self, at: datetime) -> float:
        """Seconds for the digests of a day."""
        self.clock.set(at)
        return await _timed(self.escalate.tick())

    async def report(self) -> float:
        """Seconds for the last month's report, without the start of the program that prints it."""
        departments = {self.mailbox.address: ""}
        return await _timed(measure_month(self.store, MONTH, as_of=UNTIL, departments=departments))


async def _timed(act: Awaitable[object]) -> float:
    started = time.monotonic()
    await act
    return time.monotonic() - started


def measure_history(
    databases: Sequence[tuple[tuple[Database, Path], tuple[Database, Path]]],
    requests: int,
    absences: int,
    rounds: int,
    say: Callable[[str], None],
) -> list[Result | Figure]:
    """For each pair of databases: the first gets a short history, the second one of so many requests."""
    found: list[Result | Figure] = []
    with asyncio.Runner() as runner:
        for pair in databases:
            short, long = (
                runner.run(_aged(database, folder, count, requests, absences, say))
                for (database, folder), count in zip(pair, (SHORT, requests), strict=True)
            )
            os.sync()  # gigabytes that were just written would be brought to the disk while the rounds are timed
            found += runner.run(_measure(short, long, f"{requests:,}", rounds, say))
            for aged in (short, long):
                runner.run(aged.store.close())
    return found


async def _aged(
    database: Database, folder: Path, requests: int, whole: int, absences: int, say: Callable[[str], None]
) -> Aged:
    addresses = mailboxes(MAILBOXES)
    service = Service(folder, database, mailboxes=addresses, imap=9, smtp=9, connections=1)
    await asyncio.to_thread(service.upgrade)
    config = load_config(service.config)
    clock = MovableClock(UNTIL)
    store = open_store(config.database.resolve_url({}), clock)
    await store.open()
    watched = config.mailboxes()
    calendar = watched[0].standard.calendar
    async with store.transaction() as tx:
        await tx.keep_calendar(calendar.digest, calendar.definition())
    started = time.monotonic()
    await asyncio.to_thread(write_past, database, watched[0], requests, UNTIL, whole)
    await write_absences(store, absences, UNTIL.date())
    say(f"history {database.name}: {requests:,} requests written in {time.monotonic() - started:.0f} s")
    renderer = TemplateRenderer(None, templates_folder(), say)
    judge = Judge(renderer, store.key, timedelta(hours=48))
    settings = ReceiveSettings(breaker_count=requests + 1_000_000)
    digests = config.digests
    return Aged(
        database=database,
        clock=clock,
        store=store,
        mailbox=watched[0],
        receive=Receive(store, judge, clock, settings, GoodLooks(store, clock, log), log, watched),
        escalate=Escalate(
            store,
            renderer,
            config.organisation(),
            config.calendar(),
            watched,
            config.levels(),
            EscalateSettings(
                at=digests.at,
                details=digests.details,
                sender=digests.sender,
                account=digests.account,
                message_link=digests.message_link,
            ),
            clock,
            log,
            store.key,
        ),
        folder=Folder(uidvalidity=UIDVALIDITY, uidnext=requests + requests // 4 + 1),
    )


async def _measure(
    short: Aged, long: Aged, history: str, rounds: int, say: Callable[[str], None]
) -> list[Result | Figure]:
    days = _business_days(short)
    first = next(days)
    for aged in (short, long):  # on the first day everything is escalated, once, and told as new
        await aged.tell(first)
        await aged.receive_some(BULK, 1)
    digests, reports, bulk, singly = [], [], [], []
    for number in range(rounds):
        day = next(days)
        digests.append(Round(floor=await short.tell(day), ours=await long.tell(day)))
        reports.append(Round(floor=await short.report(), ours=await long.report()))
        say(f"history {number + 1}/{rounds}: digests {digests[-1].ratio:.2f}, report {reports[-1].ours:.2f} s")
    for number in range(rounds):
        bulk.append(Round(floor=await short.receive_some(BULK, 1), ours=await long.receive_some(BULK, 1)))
        singly.append(
            Round(floor=await short.receive_some(SINGLY, SINGLY), ours=await long.receive_some(SINGLY, SINGLY))
        )
        say(f"history {number + 1}/{rounds}: receiving {bulk[-1].ratio:.2f}, one by one {singly[-1].ratio:.2f}")
    on = short.database.name
    what = f"with {history} requests before, not {SHORT:,}"
    return [
        Result(what=f"{BULK:,} messages recorded {what}", on=on, count=BULK, goal=GOAL, rounds=bulk),
        Result(what=f"{SINGLY:,} messages, one at a look, {what}", on=on, count=SINGLY, goal=GOAL, rounds=singly),
        Result(what=f"a day's digests {what}", on=on, count=1, goal=GOAL, rounds=digests),
        report_figure(f"a month's report {what}", on, reports),
    ]


def report_figure(what: str, on: str, rounds: Sequence[Round]) -> Figure:
    """The report's goal is in seconds."""
    ours, ratios = median(each.ours for each in rounds), [each.ratio for each in rounds]
    return Figure(
        what=what,
        on=on,
        floor=f"{median(each.floor for each in rounds):.2f} s",
        ours=f"{ours:.2f} s",
        ratio=median(ratios),
        spread=f"{min(ratios):.2f} to {max(ratios):.2f}",
        goal=f"≤ {REPORT_GOAL:.1f} s",
        is_met=ours <= REPORT_GOAL,
    )


def _business_days(aged: Aged) -> Iterator[datetime]:
    """The digests' hour on one business day after another, once all that was open is overdue."""
    calendar, day = aged.mailbox.standard.calendar, (UNTIL + OVERDUE).date()
    while True:
        yield datetime.combine(day, datetime.min.time(), UTC) + NINE
        day = next_business_day(calendar, day + timedelta(days=1))
