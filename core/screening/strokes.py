"""Return strokes: the maxima of a flash's light, counted as people count its flickers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIP_SHARE = 0.8
"""between two strokes the light falls below this share of the fainter one"""


def stroke_rows(light: NDArray[np.float32], least: float) -> list[int]:
    """Return the rows of the strokes in order, at least one.

    `light` is float32 (frames,), 0 where the flash adds none; maxima below `least` are none. A
    stroke that lasts several frames is named by its brightest, the first of equals.
    """
    found: list[int] = []
    lowest_since = 0.0
    for row in _maxima(light):
        height = float(light[row])
        if found:
            lowest_since = float(light[found[-1] : row + 1].min())
        if height < least:
            continue
        if not found or lowest_since < DIP_SHARE * min(height, float(light[found[-1]])):
            found.append(row)
        elif height > light[found[-1]]:
            found[-1] = row
    return found or [int(light.argmax())]


def _maxima(light: NDArray[np.float32]) -> list[int]:
    """Return the first row of each maximum, plateaus included, the ends counting as dark."""
    padded = np.concatenate([[-np.inf], light, [-np.inf]])
    changes = np.flatnonzero(np.diff(padded))  # row r + 1 of `padded` differs from row r
    rising = padded[changes + 1] > padded[changes]
    return [int(changes[i]) for i in range(len(changes) - 1) if rising[i] and not rising[i + 1]]
