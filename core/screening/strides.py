"""Which frames of a microbatch a stage looks at when it need not look at all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..config.gates import ALL_FRAMES
from .stage import Window

A_SECOND = 1.0
"""frames that are measured a second, unless models wait for what is found in each of theirs"""


def rows_measured(window: Window, gated: float) -> NDArray[np.intp]:
    """Return the rows (within the microbatch) to measure; `gated` is that of `frames_gated`."""
    if gated == ALL_FRAMES:
        return np.arange(window.count)
    return first_of_each(window, max(gated, A_SECOND))


def first_of_each(window: Window, per_second: float) -> NDArray[np.intp]:
    """Return rows that begin a new stretch of 1 / `per_second` seconds of the source.

    The frame before the microbatch decides for its first row, so the choice does not depend on
    where a microbatch happens to begin.
    """
    stretches = np.floor((window.pts_seconds + 1e-6) * per_second)
    before = np.floor((window.previous_seconds + 1e-6) * per_second)
    return np.flatnonzero(stretches != np.concatenate([[before], stretches[:-1]]))
