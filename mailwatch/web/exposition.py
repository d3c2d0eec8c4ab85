"""Gauges → Prometheus' text format. Business figures come from the database, not from counters of this process.

Labels hold states, kinds and numbers: never an address, never a subject. A family always stands there with all its
known labels, zero included, so that an alert resolves and a typing mistake in a rule shows.
"""

import platform
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from mailwatch import __version__
from mailwatch.domain.incidents import TroubleKind
from mailwatch.domain.outbox import EntryState
from mailwatch.domain.requests import State
from mailwatch.store.gauges import Gauges

Labelled = Mapping[tuple[str], float] | Mapping[tuple[str, str], float]  # values by what their labels say

PREFIX = "mailwatch"
_WAITING = (EntryState.PENDING, EntryState.CLAIMED, EntryState.DEFERRED)
_ENDED = (EntryState.SENT, EntryState.FAILED, EntryState.UNCERTAIN, EntryState.CANCELLED)
_ACCOUNT = "account:"  # how a switch is called that stops an SMTP account


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the process knows of itself, the database away or not."""

    configured_at: datetime | None
    is_refused: bool  # the newest configuration, so that an older one serves
    silent_for: float  # seconds since the database took a heartbeat


def expose(gauges: Gauges | None, process: Process) -> bytes:
    """The whole page; without gauges `mailwatch_up` is 0, and only the process is told of."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Page([*_of_process(gauges, process), *(_of_database(gauges) if gauges else ())]))
    return generate_latest(registry)


class _Page(Collector):
    """Families that are made already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _of_process(gauges: Gauges | None, process: Process) -> Iterator[Metric]:
    yield _one("up", "Whether the database answered this scrape", gauges is not None)
    build = {(__version__, platform.python_version()): 1}
    yield _each("build_info", "What runs; always 1", ("version", "python"), build)
    yield _one("threads", "Threads of this process", threading.active_count())
    yield _one("heartbeat_age_seconds", "Since the database took a heartbeat of this worker", process.silent_for)
    if process.configured_at is not None:
        help_ = "When the configuration was loaded that serves now"
        yield _one("configuration_loaded_timestamp_seconds", help_, process.configured_at.timestamp())
    yield _one("configuration_refused", "Whether a newer configuration was refused", process.is_refused)


def _of_database(gauges: Gauges) -> Iterator[Metric]:
    yield from _of_requests(gauges)
    yield from _of_mailboxes(gauges)
    yield from _of_sending(gauges)
    kinds = {(kind.value,): gauges.incidents.get(kind.value, 0) for kind in TroubleKind}
    yield _each("incidents_open", "What is wrong with mailwatch itself, and not over", ("kind",), kinds)
    yield _one("workers_alive", "Workers whose heart beat within 30 seconds", gauges.workers)
    yield _one("database_size_bytes", "Size of the database", gauges.octets)


def _of_requests(gauges: Gauges) -> Iterator[Metric]:
    states = {(state.value,): gauges.unsettled.get(state, 0) for state in (State.OPEN, State.ACKNOWLEDGED)}
    yield _each("requests_unsettled", "Requests whose clock runs", ("state",), states)
    yield _one("requests_overdue", "Requests whose answer is overdue", gauges.overdue)
    owed = {(whose,): gauges.unacknowledged.get(whose, 0) for whose in ("mailwatch", "person")}
    help_ = "Requests without an acknowledgement, by who owes it: mailwatch, or a person where a rule withheld it"
    yield _each("requests_unacknowledged", help_, ("owed_by",), owed)
    help_ = "Since the oldest request was received that mailwatch still has to acknowledge; 0: there is none"
    yield _one("unacknowledged_oldest_age_seconds", help_, _age(gauges, gauges.oldest_owed_at))
    if gauges.soonest_due_at is not None:
        help_ = "Until the first acknowledgement owed by mailwatch misses its limit; negative: it has"
        yield _one("unacknowledged_time_left_seconds", help_, (gauges.soonest_due_at - gauges.at).total_seconds())
    if gauges.digest_at is not None:
        yield _one("digest_age_seconds", "Since the newest digest of the last week", _age(gauges, gauges.digest_at))


def _of_mailboxes(gauges: Gauges) -> Iterator[Metric]:
    """The label is the number that `mailwatch status` shows beside the address."""
    seen = {(str(each.id),): _age(gauges, each.progress_at) for each in gauges.mailboxes if each.progress_at}
    yield _each("mailbox_progress_age_seconds", "Since the last good look at a mailbox", ("mailbox",), seen)
    yield _one("mailboxes_unseen", "Configured mailboxes that no look has succeeded in yet", gauges.unseen)
    trouble = {(str(each.id), each.trouble_code): 1 for each in gauges.mailboxes if each.trouble_code}
    yield _each("mailbox_trouble", "1 for a mailbox in trouble, with its code", ("mailbox", "code"), trouble)
    gaps = {(str(each.id),): each.gaps for each in gauges.mailboxes}
    yield _each("mailbox_gaps", "Messages that looks had missed at first, ever", ("mailbox",), gaps)
    yield _one("messages_quarantined", "Messages that could not be fetched or read", gauges.quarantined)


def _of_sending(gauges: Gauges) -> Iterator[Metric]:
    waiting = {(state.value,): gauges.waiting.get(state, 0) for state in _WAITING}
    yield _each("outbox_entries", "Outbox entries that may still be sent", ("state",), waiting)
    ended = {(state.value,): gauges.ended.get(state, 0) for state in _ENDED}
    yield _each("outbox_ended_last_week", "Entries of the last seven days that came to an end", ("state",), ended)
    help_ = "Since the oldest entry could have been sent; 0: nothing waits past its time"
    yield _one("outbox_oldest_due_age_seconds", help_, _age(gauges, gauges.oldest_due_at))
    off = {switch.name for switch in gauges.switches}
    switches = {(name,): int(name in off) for name in ("sending", "breaker")}
    yield _each("switch_off", "1 while it is off: sending by `pause`, the breaker by itself", ("switch",), switches)
    stopped = sum(name.startswith(_ACCOUNT) for name in off)
    yield _one("accounts_stopped", "SMTP accounts that are stopped", stopped)


def _age(gauges: Gauges, since: datetime | None) -> float:
    return max((gauges.at - since).total_seconds(), 0.0) if since else 0.0


def _one(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", help_, value=float(value))


def _each(name: str, help_: str, labels: tuple[str, ...], values: Labelled) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", help_, labels=labels)
    for label, value in values.items():
        family.add_metric(label, value)
    return family
