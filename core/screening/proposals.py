"""From per-frame scores to stretches of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

MEDIAN_SAMPLES = 48
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Rows `first` to `last` of a track, both included, with the row of the highest score."""

    first: int
    peak: int
    last: int


def stretches(above: NDArray[np.bool_], score: NDArray[Any], gap: int) -> list[FrameRange]:
    """Return the runs of True rows; runs at most `gap` rows apart are one."""
    rows = np.flatnonzero(above)
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) > gap)
    firsts = rows[np.concatenate([[0], breaks + 1])]
    lasts = rows[np.concatenate([breaks, [len(rows) - 1]])]
    return [
        FrameRange(int(first), int(first + np.argmax(score[first : last + 1])), int(last))
        for first, last in zip(firsts, lasts, strict=True)
    ]


def rolling_median(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the median over about `reach` rows on either side, from up to 48 samples of them."""
    if len(values) == 0:
        return values
    step = median_step(reach, len(values))
    sampled = values[::step]
    around = max(1, reach // step)
    # Also in a short video its first and last frame count no more than the others.
    padded = np.pad(sampled, around, mode="reflect")
    windows = sliding_window_view(padded, 2 * around + 1)
    parts = [median_of_rows(windows[i : i + _CHUNK].T) for i in range(0, len(windows), _CHUNK)]
    return np.repeat(np.concatenate(parts), step)[: len(values)].astype(np.float32)


def median_step(reach: int, rows: int) -> int:
    """Return how many rows apart the samples are that a rolling median takes of so many rows."""
    return max(1, (2 * min(reach, rows) + 1) // MEDIAN_SAMPLES)


def median_of_rows(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the median of each column, (columns,), of floats (rows, columns), in their dtype.

    As `np.median` gives it for numbers, at a fraction of its cost for the few rows around an event.
    """
    half, odd = divmod(len(rows), 2)
    if odd:
        return np.asarray(np.partition(rows, half, axis=0)[half])
    middle = np.partition(rows, (half - 1, half), axis=0)[half - 1 : half + 1]
    return np.asarray((middle[0] + middle[1]) / 2)
