"""A November of requests, played through the store, and its figures, worked out by hand.

November 2026   Sun 1 (clocks go back)   Mon 2 … Fri 6   Mon 9 … Fri 13   Mon 16 … Fri 20   Mon 23 … Fri 27   Mon 30
open Monday to Friday, 08:30-12:00 and 13:00-16:30: 7 hours a day; 48 hours, 5 business days
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from store.records import (
    INSCRIPTIONS,
    MARIE,
    OTHER,
    a_follow_up,
    a_new_request,
    a_newsletter,
    a_record,
    a_sighting,
    an_entry,
    claim,
    receive,
    reference_of,
    settle,
)

from mailwatch.clock import MovableClock
from mailwatch.domain.classification import Kind
from mailwatch.domain.compliance import Month
from mailwatch.domain.figures import Figures, Share, Spread
from mailwatch.domain.requests import Event, EventKind
from mailwatch.ports import Fact
from mailwatch.store.schema import requests
from mailwatch.store.store import SqlStore

ZONE = ZoneInfo("America/Toronto")
FORMER = "ancienne@cscmonavenir.example"  # in the database, in no configuration any more
DEPARTMENTS = {INSCRIPTIONS: "Inscriptions", OTHER: "Bibliothèque"}
NOVEMBER = Month.parse("2026-11", ZONE)
MAILBOXES = (INSCRIPTIONS, OTHER, FORMER)


def november(day: int, text: str) -> datetime:
    """A local instant; day 0 is the last of October, day 31 the first of December."""
    return datetime.combine(date(2026, 10, 31) + timedelta(days=day), time.fromisoformat(text), ZONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A requester writes. `acknowledged_at`: when SMTP accepts the acknowledgement; never, for want of one."""

    n: int
    at: datetime
    acknowledged_at: datetime | None = None
    mailbox: str = INSCRIPTIONS
    suppressed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happen:
    """Something is learnt of the n-th request of a mailbox, at once."""

    n: int
    at: datetime
    kind: EventKind
    mailbox: str = INSCRIPTIONS


def _ask(n: int, day: int, text: str, acknowledged: tuple[int, str] | None = None, mailbox: str = INSCRIPTIONS) -> Ask:
    told = november(*acknowledged) if acknowledged else None
    return Ask(n=n, at=november(day, text), acknowledged_at=told, mailbox=mailbox)


def _held(n: int, day: int, text: str, rule: str, mailbox: str = INSCRIPTIONS) -> Ask:
    return Ask(n=n, at=november(day, text), mailbox=mailbox, suppressed_by=rule)


def _happen(kind: EventKind, n: int, day: int, text: str, mailbox: str = INSCRIPTIONS) -> Happen:
    return Happen(kind=kind, n=n, at=november(day, text), mailbox=mailbox)


ANSWERED, CLOSED, SET_ASIDE, FOLLOWED_UP = (
    EventKind.ANSWERED,
    EventKind.CLOSED,
    EventKind.SET_ASIDE,
    EventKind.FOLLOWED_UP,
)

# What each is for; in brackets, open time and elapsed time of its answers.
SCRIPT: tuple[Ask | Happen, ...] = (
    _ask(16, 0, "23:59:59", (1, "00:05")),  # still October
    _ask(15, 1, "00:00", (1, "00:10")),  # the first instant; Sunday counts as Friday
    _happen(ANSWERED, 15, 2, "09:00"),  # in time (0:30, 34 h: the clocks went back)
    _ask(1, 2, "10:00", (2, "10:10")),
    _happen(ANSWERED, 1, 4, "10:00"),  # in time (14, 48)
    _ask(2, 2, "10:00", (4, "10:00")),  # acknowledged exactly at the limit
    _happen(ANSWERED, 2, 9, "16:30"),  # answered exactly at the limit (40:30, 174:30)
    _ask(3, 3, "09:00", (5, "09:00:01")),  # acknowledged a second too late
    _happen(ANSWERED, 3, 10, "16:31"),  # a minute too late, yet on the date announced (41:30, 175:31)
    _held(4, 3, "09:00", "forwarded"),  # never acknowledged, answered after 48 hours
    _happen(ANSWERED, 4, 9, "09:00"),  # in time (28, 144)
    _held(5, 4, "12:00", "forwarded"),  # never acknowledged, and answered soon enough for both
    _happen(ANSWERED, 5, 5, "12:00"),  # in time (7, 24)
    _ask(6, 7, "09:00", (7, "09:05")),
    _happen(CLOSED, 6, 11, "10:00"),  # closed in time, without an answer
    _ask(7, 9, "10:00", (9, "10:10")),
    _happen(ANSWERED, 7, 10, "10:00"),  # in time (7, 24) ...
    _happen(FOLLOWED_UP, 7, 12, "10:00"),  # ... due again on the 19th at 16:30 ...
    _happen(ANSWERED, 7, 20, "09:00"),  # ... and late (41, 191)
    _ask(18, 10, "09:00", (10, "09:10"), OTHER),
    _happen(ANSWERED, 18, 11, "09:00", OTHER),  # in time (7, 24)
    _happen(CLOSED, 18, 12, "09:00", OTHER),  # closed, but answered before
    _ask(12, 12, "09:00", (12, "09:05")),  # one message to two mailboxes
    _held(12, 12, "09:00", "elsewhere", OTHER),  # acknowledged by the other one
    _happen(ANSWERED, 12, 13, "09:00"),  # in time (7, 24)
    _happen(ANSWERED, 12, 17, "09:00", OTHER),  # in time (21, 120)
    _ask(8, 16, "10:00", (16, "10:10")),
    _happen(SET_ASIDE, 8, 17, "10:00"),
    _ask(9, 23, "10:00", (23, "10:10")),  # overdue since the 30th at 16:30
    _ask(10, 25, "10:00", (25, "10:10")),  # due on 2 December
    _ask(13, 27, "17:45", (27, "17:50"), OTHER),  # due on 4 December
    _ask(11, 30, "09:00"),  # neither due nor acknowledged
    _ask(14, 30, "23:59:59", None, FORMER),  # the last second
    _ask(17, 31, "00:00", (31, "00:05")),  # December
    # All that follows is after the report.
    _happen(ANSWERED, 10, 32, "10:00"),
    _happen(SET_ASIDE, 9, 33, "10:00"),
    _happen(SET_ASIDE, 18, 33, "11:00", OTHER),  # although it had been answered
)
AS_OF = november(31, "12:00")
LATER = november(40, "12:00")


def _hours(hours: int, minutes: int = 0) -> timedelta:
    return timedelta(hours=hours, minutes=minutes)


EXPECTED = {
    INSCRIPTIONS: Figures(
        received=13,
        set_aside=1,
        acknowledged=Share(met=9, of=11),
        acknowledged_not_due=1,
        withheld_missed=1,
        answered=Share(met=7, of=10),
        answered_not_due=2,
        closed_unanswered=1,
        answers=9,
        business=Spread(median=_hours(14), p90=_hours(41, 30)),
        elapsed=Spread(median=_hours(48), p90=_hours(191)),
        promises=Share(met=7, of=8),
        promises_not_due=1,
        reopened=1,
        open=3,
        overdue=1,
        suppressed={"forwarded": 2},
        silent={Kind.BULK: 2},
    ),
    OTHER: Figures(
        received=3,
        acknowledged=Share(met=3, of=3),
        answered=Share(met=2, of=2),
        answered_not_due=1,
        answers=2,
        business=Spread(median=_hours(14), p90=_hours(21)),
        elapsed=Spread(median=_hours(72), p90=_hours(120)),
        promises=Share(met=1, of=1),
        promises_not_due=1,
        open=1,
        suppressed={"elsewhere": 1},
        silent={Kind.SPAM: 1},
    ),
    FORMER: Figures(received=1, acknowledged_not_due=1, answered_not_due=1, open=1),
    "": Figures(
        received=17,
        set_aside=1,
        acknowledged=Share(met=12, of=14),
        acknowledged_not_due=2,
        withheld_missed=1,
        answered=Share(met=9, of=12),
        answered_not_due=4,
        closed_unanswered=1,
        answers=11,
        business=Spread(median=_hours(14), p90=_hours(41)),
        elapsed=Spread(median=_hours(48), p90=_hours(175, 31)),
        promises=Share(met=8, of=9),
        promises_not_due=2,
        reopened=1,
        open=5,
        overdue=1,
        suppressed={"elsewhere": 1, "forwarded": 2},
        silent={Kind.BULK: 2, Kind.SPAM: 1},
    ),
}


async def play(store: SqlStore, clock: MovableClock) -> None:
    """Everything of the script, each at its time, and the newsletters."""
    told = {act.acknowledged_at for act in SCRIPT if isinstance(act, Ask) and act.acknowledged_at}
    for moment in sorted({*told, *(act.at for act in SCRIPT)}):
        clock.set(moment)
        for act in (act for act in SCRIPT if act.at == moment):
            await (_receive(store, act) if isinstance(act, Ask) else _learn(store, act))
        await _acknowledge(store, moment)
    await _receive_newsletters(store)


async def _receive(store: SqlStore, ask: Ask) -> None:
    at = ask.at
    never = at + timedelta(days=60)
    entry = an_entry(ask.n, ask.mailbox, not_before=ask.acknowledged_at or never, give_up_at=never)
    record = a_record(
        ask.n,
        ask.mailbox,
        suppressed_by=ask.suppressed_by,
        received_at=at,
        request=a_new_request(ask.n, ask.mailbox, suppressed_by=ask.suppressed_by, at=at),
        entry=None if ask.suppressed_by else entry,
    )
    await receive(store, record, mailbox=ask.mailbox)


async def _acknowledge(store: SqlStore, moment: datetime) -> None:
    for entry in await claim(store, "one", 100, *MAILBOXES):
        await settle(store, entry, at=moment)


async def _learn(store: SqlStore, fact: Happen) -> None:
    reference = reference_of(fact.n, fact.mailbox)
    async with store.reading() as connection:
        id_ = await connection.scalar(select(requests.c.id).where(requests.c.reference == reference))
    assert id_ is not None, reference
    if fact.kind is EventKind.FOLLOWED_UP:
        await receive(store, a_follow_up(100 + fact.n, id_, at=fact.at), mailbox=fact.mailbox)
        return
    data = {"evidence": "sent folder", "confidence": 1.0} if fact.kind is EventKind.ANSWERED else {}
    event = Event(kind=fact.kind, at=fact.at, by=MARIE, data=data, occurred_at=fact.at)
    identity = f"{fact.n}:{fact.at}" if data else ""
    async with store.transaction() as tx:
        await tx.add_facts([Fact(request_id=id_, event=event, identity=identity)])


async def _receive_newsletters(store: SqlStore) -> None:
    for n, day in ((200, 0), (201, 1), (202, 30), (203, 31)):
        at = november(day, "23:30")
        await receive(store, a_newsletter(n, received_at=at, sighting=a_sighting(n)))
    spam = a_newsletter(204, kind=Kind.SPAM, received_at=november(5, "03:00"), sighting=a_sighting(204))
    await receive(store, spam, mailbox=OTHER)
