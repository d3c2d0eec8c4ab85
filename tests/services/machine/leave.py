"""One absence in one go: who writes meanwhile, and how the return is moved; rules by single steps seldom come to it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule
from services.machine.absent import LENGTHS
from services.machine.letters import Letter, Role
from services.machine.lives import Lives
from services.machine.office import ANNE, BOXES, OWNERS
from services.machine.reporting import Reporting

Step = Callable[["Leave", Letter], None]

# Of which mailbox, closed or without its owner, when and how long at first, who covers, and what then happens.
LEAVES = st.tuples(
    st.sampled_from(BOXES),
    st.sampled_from([True, False, False]),
    st.sampled_from([0, 0, 1]),
    LENGTHS,
    st.sampled_from(["", "", ANNE]),
    st.lists(st.deferred(lambda: st.sampled_from(sorted(STEPS))), min_size=3, max_size=12),
)


class Leave(Lives, Reporting):
    """What may happen during an absence, as single words."""

    @rule(leave=LEAVES)
    def somebody_is_away(self, leave: tuple[str, bool, int, int | None, str, list[str]]) -> None:
        box, is_closed, starts, lasts, delegate, words = leave
        self.somebody_goes_away(who=box if is_closed else OWNERS[box], starts=starts, lasts=lasts, delegate=delegate)
        letter = self._write(f"p{len(self.letters)}@courriel.example", [box])
        self._deliver(letter, box)
        self.run(self._look(None))
        for word in words:
            if word not in ARRIVALS:  # of those, several may come in one batch
                self.run(self._look(None))
            STEPS[word](self, letter)
        self.run(self._see_everything())
        self.run(self._tick(2))

    def ask_something_else(self, letter: Letter) -> None:
        (box,) = letter.delivered
        self._deliver(self._write(letter.sender, [box]), box)

    def move_return(self, days: int | None) -> None:
        """Of whoever was the last to go away."""
        if self.named:
            one = self.rota.planned[self.named[-1]]
            back = None if days is None else (one.back or self._today()) + timedelta(days=days)
            if back is None or back > max(one.first, self._today()):
                self._plan(replace(one, back=back))

    def see_morning(self) -> None:
        self._wait_for_digests()
        self.run(self._tick(2))
        self.run(self._send())

    def take_back(self) -> None:
        if self.named:
            self._take_back(self.named[-1])


ARRIVALS: Mapping[str, Step] = {
    "asks again": lambda office, letter: office.write_again(letter, Role.QUESTION, 0),
    "asked a day ago": lambda office, letter: office.write_again(letter, Role.QUESTION, 24 * 60),
    "asks something else": lambda office, letter: office.ask_something_else(letter),
    "thanks": lambda office, letter: office.write_again(letter, Role.THANKS, 0),
    "is away, too": lambda office, letter: office.write_again(letter, Role.AUTO_REPLY, 0),
}
STEPS: Mapping[str, Step] = {
    **ARRIVALS,
    "is answered": lambda office, letter: office.command(letter, "close"),
    "waits an hour": lambda office, letter: office.wait(60),
    "waits a day": lambda office, letter: office.wait(24 * 60),
    "waits six days": lambda office, letter: office.wait(6 * 24 * 60),
    "gets what is due": lambda office, letter: office.run(office._send()),
    "the minute strikes": lambda office, letter: office.run(office._tick(2)),
    "a morning comes": lambda office, letter: office.see_morning(),
    "nobody knows when they return": lambda office, letter: office.move_return(None),
    "they stay away longer": lambda office, letter: office.move_return(9),
    "they return earlier": lambda office, letter: office.move_return(-3),
    "they are back": lambda office, letter: office.take_back(),
}
