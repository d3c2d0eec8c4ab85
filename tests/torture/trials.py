"""One named fault after another: what a trial is, what it finds, and the table of them all."""

import email
import email.policy
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from system.service import LOOK_EVERY

REMEDY = "Que faire"  # how an alert says what to do


@dataclass
class Trial:
    """A fault that was tried. `bound`: seconds within which everything must be well after its end.

    event    the log event that tells of it
    alert    the incident of which IT is told, where a person must act
    """

    fault: str
    on: str
    bound: float
    event: str
    alert: str = ""
    recovered_in: float = 0.0
    observed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def expect(self, is_so: bool, otherwise: str) -> None:
        """Note a broken promise, and go on: the other promises are worth looking at, too."""
        if not is_so:
            self.problems.append(otherwise)

    def await_well(self, is_well: Callable[[], bool], what: str) -> None:
        """Measure how long it takes from now on until all is well."""
        begun = time.monotonic()
        while not is_well():
            if time.monotonic() - begun > self.bound:
                self.problems.append(f"not within {self.bound:g} s: {what}")
                break
            time.sleep(LOOK_EVERY)
        self.recovered_in = time.monotonic() - begun

    @contextmanager
    def attempted(self) -> Iterator[None]:
        """A trial that can't be played to its end is a problem like any other."""
        try:
            yield
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")


def words_of(mails: Iterable[bytes]) -> str:
    """Their text parts."""
    bodies = [email.message_from_bytes(mail, policy=email.policy.default).get_body(("plain",)) for mail in mails]
    return "\n".join(body.get_content() for body in bodies if body is not None)


HEADINGS = ("fault", "on", "well again after", "bound", "event", "alert", "observed", "")


def rows(trials: Sequence[Trial]) -> list[Sequence[str]]:
    """The lines of the table."""
    return [
        (
            trial.fault,
            trial.on,
            f"{trial.recovered_in:.1f} s",
            f"{trial.bound:g} s",
            trial.event,
            trial.alert or "–",
            "; ".join(trial.observed),
            "FAILED" if trial.problems else "ok",
        )
        for trial in trials
    ]
