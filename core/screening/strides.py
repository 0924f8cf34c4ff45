"""Which frames of a microbatch a stage looks at when it need not look at all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .stage import Window


def first_of_each_second(window: Window) -> NDArray[np.intp]:
    """Return rows (within the microbatch) that begin a new second of the source.

    The frame before the microbatch decides for its first row, so the choice does not depend on
    where a microbatch happens to begin.
    """
    seconds = np.floor(window.pts_seconds + 1e-6)
    earlier = np.concatenate([[np.floor(window.previous_seconds + 1e-6)], seconds[:-1]])
    return np.flatnonzero(seconds != earlier)
