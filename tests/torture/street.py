"""A street of mailboxes, each with a fault of its own between it and its server, and one mailbox that is well.

All faults last at the same time, so that each has every chance to hold up the well one; how long that one waits for
its acknowledgements is measured all along.
"""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from servers.dovecot import Dovecot
from servers.faultproxy import FaultProxy
from system.books import Database
from system.letters import INSCRIPTIONS
from system.service import Service, eventually
from system.sink import Letter, Sink
from system.town import IT

from torture.hurried import PROGRAM
from torture.load import Delivered, Load, Sort
from torture.trials import REMEDY, Trial, words_of

Act = Callable[[FaultProxy], None]

WELL = INSCRIPTIONS
FAULTY = 30.0  # seconds
EVERY = 0.5  # seconds between letters to the well mailbox
CALM = 8.0  # seconds for which the well mailbox is measured before anything is broken
HELD_UP = 5.0  # seconds that nobody's acknowledgement may take because of somebody else's fault
AFTER = 30.0  # seconds within which a new letter is acknowledged once a fault is over


def address_of(number: int) -> str:
    """The mailbox with the fault of that number."""
    return f"m{number:02}@cscmonavenir.example"


def never(_: FaultProxy) -> None:
    """A fault that ends by itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: `begins` and `ends` do it and undo it.

    bound    seconds after its end within which its letter has come to its `fate`
    event    of the log, about the mailbox, with that `code`
    alert    the incident of which IT is told
    fate     what becomes of the letter's entry; at most so many `copies` of it leave
    """

    name: str
    begins: Act
    ends: Act = never
    security: str = "none"
    # The next attempt is no further off than the outage was long, twice; and five minutes at most.
    bound: float = 100.0
    event: str = "mailbox.trouble"
    code: str = "unavailable"
    alert: str = ""
    fate: str = "sent"
    copies: int = 1


class Broken:
    """A mailbox with a fault, its trial, and the letter that comes while it lasts."""

    def __init__(self, number: int, what: str, fault: Fault, proxy: FaultProxy) -> None:
        self.number = number
        self.fault = fault
        self.proxy = proxy
        event = fault.event if fault.fate == "sent" else f"acknowledgement.{fault.fate}"
        self.trial = Trial(f"{what}: {fault.name}", "sqlite", fault.bound, event, fault.alert)
        self.letter: Delivered | None = None

    @property
    def mailbox(self) -> str:
        """Its address."""
        return address_of(self.number)


@dataclass
class Street:
    """Everybody who lives there. `sinks`: wherever letters arrive, the well mailbox's sink first."""

    dovecot: Dovecot
    service: Service
    database: Database
    load: Load
    broken: Sequence[Broken]
    sinks: Sequence[Sink]
    calm: list[float] = field(default_factory=list)  # how long the well mailbox's letters took, before ...
    faulty: list[float] = field(default_factory=list)  # ... and while everything else was broken

    def letters(self) -> list[Letter]:
        """Everything that left, for requesters."""
        return [letter for sink in self.sinks for letter in sink.letters if letter.recipient != IT]

    def arrivals(self) -> Mapping[str, float]:
        """When each requester's first acknowledgement arrived."""
        return {letter.recipient: letter.at for letter in sorted(self.letters(), key=lambda x: x.at, reverse=True)}

    def alerts(self) -> str:
        """The text of all that IT was told."""
        return words_of(letter.body for sink in self.sinks for letter in sink.letters if letter.recipient == IT)

    def play(self) -> None:
        """Calm, then every fault at once, then one more letter for everybody."""
        with _Postman(self, self.calm):
            time.sleep(CALM)
        with _Postman(self, self.faulty):
            for one in self.broken:
                one.fault.begins(one.proxy)
            for one in self.broken:
                one.letter = self.load.deliver(Sort.QUESTION, one.mailbox)
            time.sleep(FAULTY)
            over_at = time.monotonic()
            for one in self.broken:
                one.fault.ends(one.proxy)
            self._await_recoveries(over_at)
        self._await_last_letters()

    def _await_recoveries(self, over_at: float) -> None:
        """Every letter comes to its end within its bound."""
        pending = list(self.broken)
        while pending:
            fates = {entry.recipient: str(entry.state) for entry in self.database.entries()}
            seconds = time.monotonic() - over_at
            for one in list(pending):
                assert one.letter is not None
                if fates.get(one.letter.sender) == one.fault.fate:
                    at = self.arrivals().get(one.letter.sender) if one.fault.fate == "sent" else None
                    one.trial.recovered_in = max((at - over_at) if at else seconds, 0.0)
                    pending.remove(one)
                elif seconds > one.trial.bound:
                    one.trial.problems.append(
                        f"not within {one.trial.bound:g} s: {one.fault.fate}; it is {fates.get(one.letter.sender)}"
                    )
                    pending.remove(one)
            time.sleep(0.5)

    def _await_last_letters(self) -> None:
        """Nobody's trouble lasts: one more letter each."""
        last = {one.number: self.load.deliver(Sort.QUESTION, one.mailbox) for one in self.broken}
        limit = time.monotonic() + AFTER
        while time.monotonic() < limit and not {x.sender for x in last.values()} <= self.arrivals().keys():
            time.sleep(0.2)
        for one in self.broken:
            one.trial.expect(last[one.number].sender in self.arrivals(), f"not well again {AFTER:g} s later")

    def look_back(self) -> None:
        """What the log and IT's mail say of each fault."""
        told = self.alerts()
        for one in self.broken:
            trial = one.trial
            facts = {"mailbox": one.mailbox} | ({"code": one.fault.code} if one.fault.code else {})
            if trial.event:
                said = self.service.said(trial.event, **facts)
                trial.expect(bool(said), f"the log says no {trial.event} {facts}")
                if said:
                    trial.observed.append(str(said[0].get("text") or said[0].get("reason") or trial.event)[:90])
            if trial.alert:
                opened = [
                    line.get("mailbox", line.get("about"))
                    for line in self.service.said("incident.opened", kind=trial.alert)
                ]
                trial.expect(bool({one.mailbox, f"s{one.number:02}", ""} & set(opened)), f"no incident: {trial.alert}")
        if any(one.trial.alert for one in self.broken):
            for one in self.broken:
                one.trial.expect(not one.trial.alert or REMEDY in told, "IT isn't told what to do")

    def well(self, on: str) -> Trial:
        """The trial of the mailbox that nothing was wrong with."""
        trial = Trial("(the well mailbox, while all others are broken)", on, HELD_UP, "–")
        trial.recovered_in = max(self.faulty, default=0.0)
        trial.observed = [f"before: {_describe(self.calm)}", f"meanwhile: {_describe(self.faulty)}"]
        trial.expect(trial.recovered_in <= HELD_UP, f"it waited for {trial.recovered_in:.1f} s")
        return trial


def _describe(seconds: Sequence[float]) -> str:
    if not seconds:
        return "nothing"
    return f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s of {len(seconds)}"


class _Postman:
    """A thread that writes to the well mailbox, and measures how soon it acknowledges."""

    def __init__(self, street: Street, waits: list[float]) -> None:
        self._street = street
        self._waits = waits
        self._stop = threading.Event()
        self._sent: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._write_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(10)
        well = self._street.sinks[0]
        senders = {sender for _, sender in self._sent}
        eventually(lambda: senders <= {letter.recipient for letter in list(well.letters)}, "the well one is served", 60)
        at = {letter.recipient: letter.at for letter in well.letters}
        self._waits += [at[sender] - sent_at for sent_at, sender in self._sent]

    def _write_on(self) -> None:
        while not self._stop.wait(EVERY):
            sent_at = time.monotonic()
            self._sent.append((sent_at, self._street.load.deliver(Sort.QUESTION, WELL).sender))


def start(street: Street) -> None:
    """Until every mailbox has had its first, silent sight."""
    street.service.start(PROGRAM)
    boxes = {WELL} | {one.mailbox for one in street.broken}

    def seen() -> set[object]:
        return {line["mailbox"] for line in street.service.said("folder.first_seen", folder="INBOX")}

    eventually(lambda: seen() == boxes, "the first sight of every mailbox", 60)
