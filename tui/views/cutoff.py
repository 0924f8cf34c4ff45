"""Cut-offs by kind, and counts of what was judged: from histograms, without a query for a step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.protocol.precision import wilson
from core.protocol.requests.review import Histogram

STEPS = 100
"""a step of a cut-off is 0.01, the width of a part of a histogram"""
_ROUNDING = 1e-9
WORDS = ("right", "wrong", "unsure")


@dataclass
class Counted:
    """Events of one kind by score, and what was said of them."""

    events: list[int]
    said: dict[str, list[int]]

    @classmethod
    def of(cls, found: Histogram) -> Counted:
        """Return a histogram as counts that can change."""
        said = {word: list(getattr(found, word)) for word in WORDS}
        return cls(list(found.events), said)


@dataclass(frozen=True, slots=True)
class Total:
    """How many events there are from the cut-offs on, and what was said of them."""

    events: int = 0
    right: int = 0
    wrong: int = 0
    unsure: int = 0

    @property
    def judged(self) -> int:
        """How many were judged in any way."""
        return self.right + self.wrong + self.unsure


@dataclass
class CutOffs:
    """The cut-off of each kind in steps of 0.01 (0: none), and the histograms they are in."""

    kinds: dict[str, Counted] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)

    def show(self, found: Iterable[Histogram]) -> None:
        """Take new histograms of all kinds."""
        self.kinds = {each.kind: Counted.of(each) for each in found}

    def move(self, kind: str, by: int) -> bool:
        """Move the cut-off of a kind; False at the end of the scale."""
        before = self.steps.get(kind, 0)
        now = min(max(before + by, 0), STEPS - 1)
        self.steps[kind] = now
        return now != before

    def off(self) -> bool:
        """Hide nothing; False if nothing was hidden."""
        had = any(self.steps.values())
        self.steps.clear()
        return had

    @property
    def asked(self) -> tuple[tuple[str, float], ...]:
        """The cut-offs as a query asks for them."""
        return tuple((k, step / STEPS) for k, step in sorted(self.steps.items()) if step)

    def admits(self, kind: str, score: float | None) -> bool:
        """Return whether a row is at or above the cut-off of its kind."""
        return _bin(score) >= self.steps.get(kind, 0) or not self.steps.get(kind, 0)

    def of_kind(self, kind: str) -> tuple[int, int]:
        """Return how many events of a kind there are, and how many from its cut-off on."""
        counted = self.kinds.get(kind)
        if counted is None:
            return 0, 0
        return sum(counted.events), sum(counted.events[self.steps.get(kind, 0) :])

    def total(self, kinds: Iterable[str] = ()) -> Total:
        """Return the counts from the cut-offs on, of some kinds or of all."""
        found = Total()
        for kind in kinds or self.kinds:
            counted, first = self.kinds[kind], self.steps.get(kind, 0)
            right, wrong, unsure = (sum(counted.said[word][first:]) for word in WORDS)
            found = Total(
                found.events + sum(counted.events[first:]),
                found.right + right,
                found.wrong + wrong,
                found.unsure + unsure,
            )
        return found

    def judged(self, kind: str, score: float | None, old: str, new: str) -> None:
        """Count a judgement in, until the histogram is asked for again."""
        counted = self.kinds.get(kind)
        if counted is None:
            return
        if old in counted.said:
            counted.said[old][_bin(score)] -= 1
        if new in counted.said:
            counted.said[new][_bin(score)] += 1


def precision(right: int, wrong: int, dash: str = "-") -> str:
    """Return the precision with its interval (Wilson, 95 %); a dash where nothing is decided."""
    if not right + wrong:
        return "precision -"
    low, high = wilson(right, right + wrong)
    return f"precision {right / (right + wrong):.2f} ({low:.2f}{dash}{high:.2f})"


def _bin(score: float | None) -> int:
    return min(max(math.floor((score or 0.0) * STEPS + _ROUNDING), 0), STEPS - 1)
