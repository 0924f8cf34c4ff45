"""Measurements of several stages as the rows of one table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .document import Statistics
from .shapes import seconds

BLOCK_ROWS = 4096
Joined = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]
"""frames, seconds, and values (frames, columns of all stages)"""


def joined(stages: tuple[Statistics, ...]) -> Joined:
    """Return every frame that any stage measured; NaN where a stage did not."""
    found = [np.zeros(0, np.int64), *(each.indices for each in stages)]
    indices = np.unique(np.concatenate(found)).astype(np.int64)
    times = np.full(len(indices), np.nan, np.float64)
    values = np.full((len(indices), sum(len(each.columns) for each in stages)), np.nan, np.float32)
    column = 0
    for each in stages:
        rows = np.searchsorted(indices, each.indices)
        times[rows] = np.where(np.isnan(times[rows]), each.seconds, times[rows])
        values[rows, column : column + len(each.columns)] = each.values
        column += len(each.columns)
    return indices, times, values


def cells_of(
    indices: NDArray[np.int64], times: NDArray[np.float64], values: NDArray[np.float32]
) -> Iterator[list[object]]:
    """Yield frame, seconds and values of each row, empty where there is no number."""
    # The shortest text that reads back as the same float32.
    cells = np.where(np.isfinite(values), values.astype(str), "").tolist()
    for index, time, row in zip(indices.tolist(), times.tolist(), cells, strict=True):
        yield [index, seconds(time), *row]
