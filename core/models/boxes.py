"""What detectors share: raw corners into boxes inside their picture, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import Box


@dataclass(frozen=True, slots=True)
class RawDetections:
    """Raw finds: labels, float32 scores (n,), corners (n, 4) as left, top, right, bottom pixels."""

    labels: tuple[str, ...]
    scores: NDArray[np.float32]
    corners: NDArray[np.float32]


def collect(parts: Sequence[RawDetections], size: tuple[int, int], threshold: float) -> list[Box]:
    """Return the finds that score above `threshold` as boxes within (height, width), best first.

    What lies outside the picture, or has no area in it, or a score that is no number, is left out.
    """
    boxes = [box for part in parts for box in _boxes(part, size, threshold)]
    return sorted(boxes, key=lambda box: -box.score)


def longest_side(processor: Any) -> int:
    """Return the longest side to which a processor brings a picture, in pixels."""
    size = processor.size
    sides = [size.get(key) for key in ("longest_edge", "max_height", "max_width")]
    sides += [size.get(key) for key in ("height", "width")]
    return int(max([side for side in sides if side] or [size.get("shortest_edge") or 1]))


def _boxes(part: RawDetections, size: tuple[int, int], threshold: float) -> list[Box]:
    height, width = size
    limits = np.array([width, height, width, height], np.float64)
    corners = np.asarray(part.corners, np.float64).reshape(-1, 4).clip(0, limits)
    extent = corners[:, 2:] - corners[:, :2]
    keep = (part.scores > threshold) & (extent > 0).all(1)
    return [
        Box(
            label=part.labels[index],
            score=float(part.scores[index]),
            x=float(corners[index, 0]),
            y=float(corners[index, 1]),
            width=float(extent[index, 0]),
            height=float(extent[index, 1]),
        )
        for index in np.flatnonzero(keep)
    ]
