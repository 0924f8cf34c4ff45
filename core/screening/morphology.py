"""Running minima and maxima along time, in place of thresholds on single frames.

The white top-hat of a signal (the signal less its opening) keeps what is brighter than its
surroundings for fewer than `length` frames and removes everything else: steps, ramps and drifts
come out as zero. Opening and top-hat as in P. Soille, "Morphological Image Analysis" (2003),
chapters 4 and 8, with a flat structuring element along the first axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def running_extreme(values: NDArray[Any], length: int, ufunc: np.ufunc) -> NDArray[Any]:
    """Return ufunc over each `length` consecutive rows: shape (rows - length + 1, ...).

    Window sizes are doubled, so it takes log2(length) passes whatever the length.
    """
    covered, result = 1, values
    while covered < length:
        step = min(covered, length - covered)
        result = ufunc(result[: len(result) - step], result[step:])
        covered += step
    return result


def opening(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the temporal opening, same shape; the ends are extended with their own values.

    Row t depends on rows t - length + 1 to t + length - 1 only.
    """
    return dilated(eroded(values, length), length) if length > 1 else values


def eroded(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the minimum over each `length` rows in a row, of which the first end at row 0."""
    return running_extreme(_extended(values, length - 1), length, np.minimum)


def raised(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the maximum over each `length` rows in a row, of which the first end at row 0."""
    return dilated(_extended(values, length - 1), length)


def dilated(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the maximum over each `length` rows in a row; fewer rows by `length` - 1."""
    return running_extreme(values, length, np.maximum)


def peaks_within(values: NDArray[Any], reach: int) -> NDArray[Any]:
    """Return the maximum over `reach` rows on either side, same shape."""
    return running_extreme(_extended(values, reach), 2 * reach + 1, np.maximum)


def framed(
    values: NDArray[np.float32], rows: int, before: float = 0.0, after: float = 0.0
) -> NDArray[np.float32]:
    """Return float32 (frames,) with `rows` >= 1 rows of one value added at either end."""
    out = np.empty(len(values) + 2 * rows, np.float32)  # np.pad takes ten times as long
    out[:rows], out[rows:-rows], out[-rows:] = before, values, after
    return out


def _extended(values: NDArray[Any], rows: int) -> NDArray[Any]:
    first = np.repeat(values[:1], rows, axis=0)
    last = np.repeat(values[-1:], rows, axis=0)
    return np.concatenate([first, values, last])


def lasting_share(
    lowest: NDArray[Any], highest: NDArray[Any], reach: int, margin: float
) -> NDArray[np.float32]:
    """Return what `lasting_change` gives, from values `eroded` and `raised` by `reach`."""
    share = np.zeros(len(lowest) - reach + 1, np.float32)
    changed = lowest[reach:] - highest[:-reach] > margin
    changed |= lowest[:-reach] - highest[reach:] > margin
    share[1:] = changed.mean((1, 2), dtype=np.float32)
    return share


def lasting_change(
    values: NDArray[Any], reach: int, margin: float, apart: int = 0
) -> NDArray[np.float32]:
    """Return the share of cells that changed for good at each row: float32 of shape (rows,).

    A cell has changed for good between rows t - 1 and t when all its values in the `reach` rows
    before differ, to the same side and by more than `margin`, from all in the `reach` rows after;
    with `apart`, the same must hold of `reach` rows that lie `apart` rows further off either way.
    """
    rows = len(values)
    padded = _extended(values, reach + apart)
    lowest = running_extreme(padded, reach, np.minimum)
    highest = running_extreme(padded, reach, np.maximum)
    # Window k covers padded rows k .. k + reach - 1: rows t - reach .. t - 1 are window t + apart.
    brighter, darker = np.ones(values.shape, bool), np.ones(values.shape, bool)
    for far in {0, apart}:
        before = slice(apart - far, apart - far + rows)
        for also in {0, apart}:
            after = slice(apart + reach + also, apart + reach + also + rows)
            brighter &= lowest[after] - highest[before] > margin
            darker &= lowest[before] - highest[after] > margin
    changed = (brighter | darker).reshape(rows, -1)
    share: NDArray[np.float32] = changed.mean(1, dtype=np.float32)
    share[0] = 0.0
    return share
