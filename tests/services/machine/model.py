"""The model: when the answer's clock must have run, said once more, as shortly as possible and in another way.

A story is a list of happenings. Read in the order in which they happened, the clock runs from a question to the first
stop after it, and again from the next question. Whoever lets a clock go on strikes out of the story what happened from
its last stop to that moment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailwatch.domain.requests import State


class Effect(StrEnum):
    """What a happening is to the clock, in the order in which those of one instant are read."""

    ASKS = "1 asks"
    ANSWERS = "2 answers"
    CLOSES = "2 closes"
    SETS_ASIDE = "2 sets aside"
    GOES_ON = "3 goes on"
    BEGINS_ANEW = "3 begins anew"


STOPS = {Effect.ANSWERS: State.ANSWERED, Effect.CLOSES: State.CLOSED, Effect.SETS_ASIDE: State.SET_ASIDE}
STARTS = {Effect.ASKS, Effect.BEGINS_ANEW}


@dataclass(frozen=True)
class Happening:
    """One thing that happened. `learnt`: its place among what was learnt; `about`: of a flag, what it was set on."""

    effect: Effect
    at: datetime
    learnt: int = 0
    about: datetime | None = None

    @property
    def place(self) -> tuple[datetime, str, int]:
        """By when it happened; at one instant questions first, and whoever reopens has the last word."""
        return self.at, self.effect[0], self.learnt


@dataclass(frozen=True)
class Expected:
    """What must be stored. `stretches`: (start, stop, what stopped it) of each running of the clock."""

    stretches: tuple[tuple[datetime, datetime | None, State | None], ...]
    state: State | None  # None: the clock runs

    @property
    def answered_at(self) -> datetime | None:
        """When the first answer came that was waited for."""
        return next((stop for _, stop, by in self.stretches if by is State.ANSWERED), None)


def expect(happenings: Iterable[Happening]) -> Expected:
    """What a story comes to."""
    story = sorted(_without_idle_flags(list(happenings)), key=lambda one: one.place)
    while (back := _find(story, {Effect.GOES_ON}, 0)) is not None:
        spans = _spans(story[:back])
        stops = [stop for _, stop in spans if stop is not None]
        story = story[: stops[-1] if stops else back] + story[back + 1 :]
    spans = _spans(story)
    stretches = [
        (story[start].at, None, None) if stop is None else (story[start].at, story[stop].at, STOPS[story[stop].effect])
        for start, stop in spans
    ]
    last = spans[-1][1]
    if last is None:
        return Expected(tuple(stretches), None)
    decided = [one.effect for one in story[last:] if one.effect in (Effect.CLOSES, Effect.SETS_ASIDE)]
    return Expected(tuple(stretches), STOPS[decided[-1]] if decided else State.ANSWERED)


def _spans(story: Sequence[Happening]) -> list[tuple[int, int | None]]:
    """Places in the story: of each question that starts the clock, and of the stop that follows it, if one does."""
    spans: list[tuple[int, int | None]] = []
    at: int | None = 0
    while at is not None and (start := _find(story, STARTS, at)) is not None:
        at = _find(story, STOPS, start)
        spans.append((start, at))
    return spans


def _find(story: Sequence[Happening], effects: Iterable[Effect], first: int) -> int | None:
    wanted = set(effects)
    return next((n for n in range(first, len(story)) if story[n].effect in wanted), None)


def _without_idle_flags(happenings: list[Happening]) -> list[Happening]:
    """A flag is seen late: where a known answer may be what it was set for, it tells nothing."""
    written = [one.at for one in happenings if one.effect is Effect.ANSWERS and one.about is None]
    return [
        one for one in happenings if one.about is None or not any(one.about <= instant <= one.at for instant in written)
    ]
