"""Rounds of measurements → medians, ratios, and the table that people read."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol


class Line(Protocol):
    """What fills a line of the table."""

    def cells(self) -> list[str]:
        """One for each heading but the last, which is the run's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A floor and a run that were measured one after the other, in seconds."""

    floor: float
    ours: float

    @property
    def ratio(self) -> float:
        """How many times the floor."""
        return self.ours / self.floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was measured, against which floor, and the goal: at most so many times the floor."""

    what: str
    on: str
    count: int
    goal: float
    rounds: Sequence[Round]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return median(each.ratio for each in self.rounds)

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio <= self.goal

    def cells(self) -> list[str]:
        """One line of the table."""
        floor, ours = median(each.floor for each in self.rounds), median(each.ours for each in self.rounds)
        ratios = [each.ratio for each in self.rounds]
        return [
            self.what,
            self.on,
            f"{floor:.2f} s",
            f"{ours:.2f} s ({self.count / ours:,.0f} a second)",
            f"**{self.ratio:.2f}**",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"≤ {self.goal:.1f} {'met' if self.is_met else 'missed'}",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured once, or has its goal in a unit of its own. `ratio`: to the floor, unless that is nothing."""

    what: str
    on: str
    floor: str
    ours: str
    ratio: float | None
    goal: str
    is_met: bool
    spread: str = ""

    def cells(self) -> list[str]:
        """One line of the table."""
        ratio = "" if self.ratio is None else f"**{self.ratio:.2f}**"
        goal = f"{self.goal} {'met' if self.is_met else 'missed'}"
        return [self.what, self.on, self.floor, self.ours, ratio, self.spread, goal]


HEADINGS = ["what", "on", "floor", "mailwatch", "ratio", "least to most", "goal", "measured"]


def merge(before: str, lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of the first table of a text, with these in the place of those about the same, and the new ones behind.

    So one measurement can be repeated alone, and what the others found stays, each with its date.
    """
    merged: dict[tuple[str, str], list[str]] = {}
    for line in before.partition(_ruler(before))[2].splitlines()[1:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        merged[cells[0], cells[1]] = cells
    for new in lines:
        merged[new[0], new[1]] = list(new)
    return list(merged.values())


def _ruler(text: str) -> str:
    """The line below a table's headings."""
    return next((line for line in text.splitlines() if line.startswith("|-")), "\0")


def markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned for those who read it as text."""
    widths = [max(len(line[column]) for line in [headings, *lines]) for column in range(len(headings))]

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([row(headings), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(row, lines)])
