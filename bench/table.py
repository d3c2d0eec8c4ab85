"""Rounds of measurements → medians, ratios, and the table that people read."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


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


HEADINGS = ["what", "on", "floor", "mailwatch", "ratio", "least to most", "goal"]


def markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned for those who read it as text."""
    widths = [max(len(line[column]) for line in [headings, *lines]) for column in range(len(headings))]

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([row(headings), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(row, lines)])
