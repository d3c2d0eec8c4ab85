"""The service as a state machine: whatever arrives, is answered, breaks, restarts or runs late, the invariants hold.

People write and write again; staff answer, flag, file away, close, reopen and go on leave; clocks jump and processes
die, in any order (machine/). After each step what is stored is consistent, and what was on the wire is judged by what
its recipients would have seen. Whenever everything was looked at, each request's clock is what a model of its own says.
"""

import asyncio
import logging
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from services.machine.faults import FAULTS, FragileSource
from services.machine.leave import LEAVES, Leave
from services.machine.lives import LIVES
from services.machine.office import BOXES
from services.machine.wire import OUTCOMES, Submission

from mailwatch.domain import decisions, notices
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.outbox import OutcomeKind
from mailwatch.domain.requests import LEGAL, SETTLED, EventKind, State
from mailwatch.domain.verdicts import Kind
from mailwatch.errors import MailwatchError
from mailwatch.ports import Fact, FetchedMessage
from mailwatch.ports.absences import Running
from mailwatch.services import cover, receive
from mailwatch.services.act import ActRefused
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.judge import Judge
from mailwatch.services.memory import Memory, Read
from mailwatch.services.observe import Observe, ObserveSettings
from mailwatch.services.roster import Staffed
from mailwatch.store import reports, requests, retelling, settling
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.escalating import EscalatingPart

LIVE = ("pending", "claimed", "deferred")


class Service(Leave):
    """The service among all of them: it looks, sends, dies, comes again, and time passes."""

    def teardown(self) -> None:
        try:
            self.run(self._end())
        finally:
            self.run(self.store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    # --- looking ----------------------------------------------------------------------------------------------------

    @rule(box=st.sampled_from(BOXES))
    def look(self, box: str) -> None:
        self.run(self._look(box))

    @rule()
    def everything_is_looked_at(self) -> None:
        self.run(self._see_everything())
        self.run(self._compare_with_the_model())

    @rule(
        box=st.sampled_from([None, *BOXES]),
        kind=st.sampled_from(FAULTS),
        countdown=st.one_of(st.integers(1, 24), st.integers(10, 60)),
    )
    def look_cut_short(self, box: str | None, kind: str, countdown: int) -> None:
        self.faults.strike(kind, countdown)
        self.run(self._suffer(lambda: self._look(box)))

    @rule(box=st.sampled_from(BOXES))
    def two_workers_look(self, box: str) -> None:
        """A frozen worker wakes while another has its mailbox: wasted work, and no harm."""
        self.run(self._look_twice(box))

    async def _look_twice(self, box: str) -> None:
        world = self.world
        mailbox = next(m for m in world.mailboxes if m.address == box)
        looks = GoodLooks(self.store, self.clock, self.notes)
        other = receive.Receive(self.store, world.judge, self.clock, world.settings, looks, self.notes, world.mailboxes)
        observe = Observe(self.store, world.mailboxes, self.clock, ObserveSettings(batch=3), looks, self.notes)
        source = FragileSource(world.folders[box], self.faults)

        async def look_elsewhere() -> None:
            await other.look(mailbox, source)
            await observe.look(mailbox, source)
            await looks.write()

        for fault in await asyncio.gather(world.look(mailbox), look_elsewhere(), return_exceptions=True):
            if fault is not None and not isinstance(fault, MailwatchError):
                raise fault

    @rule(box=st.sampled_from(BOXES))
    def reconnect(self, box: str) -> None:
        self.world.receive.forget(next(m for m in self.world.mailboxes if m.address == box))

    # --- sending ----------------------------------------------------------------------------------------------------

    @rule(words=st.lists(st.sampled_from([*OUTCOMES, "crash"]), max_size=6))
    def the_server_will_say(self, words: list[str]) -> None:
        self.wire.script = words

    @rule()
    def the_account_is_mended(self) -> None:
        self.wire.accepts = True

    @rule()
    def send(self) -> None:
        self.run(self._send())

    @rule(words=st.lists(st.sampled_from([*OUTCOMES, "unknown", "crash"]), max_size=6), hours=st.integers(1, 13))
    def some_hours_pass(self, words: list[str], hours: int) -> None:
        """Looked at, past its grace, submitted, and tried again later: what most letters go through."""
        self.wire.script = words
        self.run(self._look(None))
        for pause in (timedelta(minutes=6), timedelta(hours=hours), timedelta(hours=1)):
            self._move_clock(pause)
            self.run(self._send())

    @rule(kind=st.sampled_from(["store gone", "source gone"]), countdown=st.integers(1, 12))
    def send_while_something_breaks(self, kind: str, countdown: int) -> None:
        self.faults.strike(kind, countdown)
        self.run(self._send())
        self.faults.strike("", 0)

    @rule(off=st.booleans())
    def pause_or_resume(self, off: bool) -> None:
        self.run(self._switch(off))

    @rule()
    def take_over(self) -> None:
        self.run(self.world.take_over.tick())

    # --- the process, and time --------------------------------------------------------------------------------------

    @rule(is_another_worker=st.booleans())
    def restart(self, is_another_worker: bool) -> None:
        self._begin_anew(self.worker + is_another_worker)
        self.run(self.dispatch.release())

    @rule(minutes=st.one_of(st.integers(1, 30), st.integers(60, 30 * 60), st.integers(24 * 60, 4 * 24 * 60)))
    def time_passes(self, minutes: int) -> None:
        self._move_clock(timedelta(minutes=minutes))

    @rule(weeks=st.integers(1, 3))
    def weeks_pass(self, weeks: int) -> None:
        self._move_clock(timedelta(weeks=weeks))

    @rule(minutes=st.one_of(st.integers(1, 10), st.integers(11, 120)))
    def the_clock_is_set_back(self, minutes: int) -> None:
        self.was_set_back = True
        self._move_clock(-timedelta(minutes=minutes))

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def what_is_stored_is_consistent(self) -> None:
        if not self.is_checked:
            assert self.run(find_inconsistencies(self.store)) == []
            assert self.notes.mishaps == []
            self.is_checked = True

    @invariant()
    def a_message_is_acknowledged_under_one_message_id_with_the_same_bytes(self) -> None:
        ids: dict[str, set[str]] = defaultdict(set)
        letters: dict[str, set[tuple[str, bytes]]] = defaultdict(set)
        for one in self.wire.submissions:
            letters[one.message_id].add((one.recipient, one.body))
        for one in self.wire.acknowledgements:
            ids[one.about].add(one.message_id)
        assert {about: found for about, found in ids.items() if len(found) > 1} == {}
        assert {own: found for own, found in letters.items() if len(found) > 1} == {}

    @invariant()
    def another_copy_leaves_only_where_the_first_ones_fate_is_unknown(self) -> None:
        fates: dict[str, list[Submission]] = defaultdict(list)
        for one in self.wire.submissions:
            fates[one.message_id].append(one)
        for submissions in fates.values():
            for one in submissions[:-1]:
                assert not one.was_recorded or one.outcome not in (OutcomeKind.SENT, OutcomeKind.FAILED)
            doubtful = [s for s in submissions if s.was_recorded and s.outcome is OutcomeKind.UNCERTAIN]
            assert len(doubtful) <= 2, "an unknown outcome is tried once more, and then left to a person"

    @invariant()
    def nothing_leaves_because_of_anything_automatic_or_old(self) -> None:
        silent = {letter.message_id for letter in self.letters if letter.is_automatic or letter.is_old}
        assert not silent & {one.about for one in self.wire.submissions}

    async def _end(self) -> None:
        """The day after: everything works again. Nothing is missing, and nothing is left lying."""
        self.faults.strike("", 0)
        self.wire.script, self.wire.accepts = [], True
        self._begin_anew(self.worker + 1)
        await self._switch(False)
        await self._see_everything()
        await self._compare_with_the_model()
        recorded = {(fact.message_id, fact.mailbox) for fact in await reports.list_messages(self.store, after=0)}
        must = {(one.message_id, box) for one in self.letters for box, is_due in one.delivered.items() if is_due}
        missing = must - recorded
        assert not missing or (await reports.status_facts(self.store, self.clock.now())).quarantined >= len(missing)
        await self._tick(2)
        for _ in range(60):
            if not any(fact.state in LIVE for fact in await reports.list_entries(self.store)):
                break
            self.clock.advance(timedelta(hours=1))
            await self._send()
        assert [fact for fact in await reports.list_entries(self.store) if fact.state in LIVE] == []
        assert await find_inconsistencies(self.store) == []
        self.a_message_is_acknowledged_under_one_message_id_with_the_same_bytes()
        self.another_copy_leaves_only_where_the_first_ones_fate_is_unknown()
        self.nothing_leaves_because_of_anything_automatic_or_old()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing waits, and nothing is logged but what the machine reads."""
    monkeypatch.setattr(receive, "SETTLING", 0.0)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def limits(examples: int, steps: int = 50, phases: Sequence[Phase] = tuple(Phase)) -> settings:
    """How many examples are played, of how many steps."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


def play(limits: settings) -> None:
    """Play many short lives of an office."""
    run_state_machine_as_test(Service, settings=limits)


def live(limits: settings) -> None:
    """Play many lives of a few requests, with nothing around them."""

    @limits
    @given(st.lists(LIVES, min_size=1, max_size=3))
    def play_some(lives: list[tuple[tuple[str, ...], bool, list[str]]]) -> None:
        office = Service()
        try:
            office.first_sight(old=False, are_answers_seen=False)
            for life in lives:
                office.a_request_lives(life)
                office.what_is_stored_is_consistent()
        finally:
            office.teardown()

    play_some()


def leave(limits: settings) -> None:
    """Play many absences, with nothing around them."""

    @limits
    @given(st.lists(LEAVES, min_size=1, max_size=3))
    def play_some(leaves: list[tuple[str, bool, int, int | None, str, list[str]]]) -> None:
        office = Service()
        try:
            office.first_sight(old=False, are_answers_seen=False)
            for one in leaves:
                office.somebody_is_away(one)
                office.what_is_stored_is_consistent()
                office.a_delegate_gets_one_note_of_a_request()
                office.nobody_is_told_of_an_absence_alone_twice_in_a_week()
        finally:
            office.teardown()

    play_some()


def test_the_invariants_hold_whatever_happens() -> None:
    play(limits(8, 25))


def test_a_requests_clock_is_what_really_happened_to_it() -> None:
    live(limits(8))


def test_what_an_absence_brings_follows_from_who_is_away() -> None:
    leave(limits(8))


@pytest.mark.nightly
def test_the_invariants_hold_whatever_happens_for_a_long_time() -> None:
    play(limits(500))


@pytest.mark.nightly
def test_a_requests_clock_is_what_really_happened_to_it_in_a_thousand_lives() -> None:
    live(limits(500))


@pytest.mark.nightly
def test_what_an_absence_brings_follows_from_who_is_away_in_a_thousand_absences() -> None:
    leave(limits(500))


# --- and what is wrong is noticed -------------------------------------------------------------------------------------

AT_ONCE = [Phase.generate]  # what is found needn't be made small
NOTICED = (AssertionError, ActRefused)  # an invariant broken, or an act refused that is legal


@pytest.mark.nightly
@pytest.mark.parametrize("state", sorted(SETTLED))
def test_a_state_that_nothing_reopens_is_noticed(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(cast(dict[Any, Any], LEGAL), (state, EventKind.REOPENED))
    with pytest.raises(NOTICED):
        live(limits(200, phases=AT_ONCE))


@pytest.mark.nightly
def test_evidence_that_counts_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (requests, retelling, settling):
        monkeypatch.setattr(module, "is_known", lambda past, fact: False)
    with pytest.raises(NOTICED):
        live(limits(200, phases=AT_ONCE))


@pytest.mark.nightly
def test_a_copy_that_counts_as_another_message_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Judge.read

    def read_copy(self: Judge, mailbox: Mailbox, fetched: FetchedMessage) -> Read:
        found = read(self, mailbox, fetched)
        return replace(found, message=replace(found.message, identity=f"{fetched.uid}{found.message.identity}"[:64]))

    monkeypatch.setattr(Judge, "read", read_copy)
    with pytest.raises(NOTICED):
        play(limits(100, phases=AT_ONCE))


@pytest.mark.nightly
def test_a_ledger_of_notices_that_nobody_reads_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "told_of", lambda self, read, now: frozenset())
    with pytest.raises(NOTICED):
        leave(limits(100, phases=AT_ONCE))


@pytest.mark.nightly
def test_an_absence_that_is_extended_and_moves_nothing_any_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = cover._moved

    def move_once(request: Running, staffed: Staffed, now: datetime) -> Fact | None:
        return None if request.is_rescheduled else moved(request, staffed, now)

    monkeypatch.setattr(cover, "_moved", move_once)
    with pytest.raises(NOTICED):
        leave(limits(100, phases=AT_ONCE))


@pytest.mark.nightly
def test_an_auto_reply_that_is_told_of_an_absence_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def tell_robots(*facts: Any, **more: Any) -> str:
        verdict = facts[3]
        return "" if verdict.kind is Kind.AUTO_REPLY and verdict.recipient else notices.withhold_notice(*facts, **more)

    monkeypatch.setattr(decisions, "withhold_notice", tell_robots)
    with pytest.raises(NOTICED):
        leave(limits(100, phases=AT_ONCE))


@pytest.mark.nightly
def test_a_digest_that_is_begun_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = EscalatingPart.begin_act

    async def begin_again(self: EscalatingPart, act: str, period: str) -> bool:
        await begin(self, act, period)
        return True

    monkeypatch.setattr(EscalatingPart, "begin_act", begin_again)
    with pytest.raises(NOTICED):
        play(limits(100, phases=AT_ONCE))
