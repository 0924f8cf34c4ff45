"""How far two sets of boxes about one picture agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..records import Box

LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class BoxAgreement:
    """Boxes of the same label that overlap, one to one, and those left over on each side."""

    matched: int
    only_first: tuple[Box, ...]
    only_second: tuple[Box, ...]
    overlap: float
    """mean intersection over union of matched boxes; 1 where there are none at all"""

    @property
    def share(self) -> float:
        """Return 2 matched / all boxes of both, 0 to 1 (F1); 1 if neither has any."""
        total = 2 * self.matched + len(self.only_first) + len(self.only_second)
        return 2 * self.matched / total if total else 1.0


def agreement(
    first: Sequence[Box], second: Sequence[Box], least: float = LEAST_OVERLAP
) -> BoxAgreement:
    """Match boxes of the same label, those that overlap most first."""
    pairs = sorted(
        ((found, a, b) for a, one in enumerate(first) for b, other in enumerate(second)
         if one.label == other.label and (found := overlap(one, other)) >= least),
        key=lambda each: -each[0],
    )  # fmt: skip
    left, right, overlaps = set(range(len(first))), set(range(len(second))), []
    for found, a, b in pairs:
        if a in left and b in right:
            left.remove(a)
            right.remove(b)
            overlaps.append(found)
    return BoxAgreement(
        len(overlaps),
        tuple(first[n] for n in sorted(left)),
        tuple(second[n] for n in sorted(right)),
        sum(overlaps) / len(overlaps) if overlaps else 1.0,
    )


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(width, 0.0) * max(height, 0.0)
    area = one.width * one.height + other.width * other.height - both
    return both / area if area > 0 else 0.0
