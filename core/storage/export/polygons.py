"""The outline of a mask as one polygon, as formats want it that know neither runs nor holes.

The outline follows the edges of pixels, with the inside on its right. Parts and holes are joined to
it by lines of no width, there and back, so that the polygon covers what the mask does (up to the
simplification by D. Douglas and T. Peucker, 1973).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .masks import Mask

Points = NDArray[np.float64]
"""(points, 2): x, y"""
TOLERANCE = 0.75
"""pixels that a simplified outline may be off: what makes a stair of a slanted edge"""
MOST_LOOPS = 100
"""parts and holes of one mask, the largest: what is more is noise"""
LEAST_AREA = 4.0
"""pixels of a part or hole that is kept beside others"""


def polygon(mask: Mask) -> Points:
    """Return the outline in the mask's pixels, float64 (points, 2); empty for an empty mask."""
    loops = sorted(_loops(mask), key=lambda loop: abs(_area(loop)), reverse=True)
    large = [loop for n, loop in enumerate(loops) if n == 0 or abs(_area(loop)) >= LEAST_AREA]
    kept = large[:MOST_LOOPS]
    joined = np.zeros((0, 2))
    for loop in kept:
        simple = _simplified(loop)
        joined = _joined(joined, simple) if len(joined) else simple
    return joined


def _loops(mask: Mask) -> Iterator[Points]:
    """Yield closed outlines, each point once; holes run the other way round."""
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for start, end in _edges(mask):
        following.setdefault(start, []).append(end)
    while following:
        start = place = next(iter(following))
        loop = []
        while place in following:
            loop.append(place)
            ends = following[place]
            after = ends.pop()
            if not ends:
                del following[place]
            place = after
        assert place == start, "every corner is left as often as it is reached"
        yield np.array(loop, np.float64)


def _edges(mask: Mask) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield each edge between inside and outside as (x, y) to (x, y)."""
    padded = np.pad(mask.astype(np.int8), 1)
    down = np.diff(padded, axis=0)[:, 1:-1]
    across = np.diff(padded, axis=1)[1:-1]
    for y, x in np.argwhere(down > 0).tolist():
        yield (x, y), (x + 1, y)
    for y, x in np.argwhere(down < 0).tolist():
        yield (x + 1, y), (x, y)
    for y, x in np.argwhere(across < 0).tolist():
        yield (x, y), (x, y + 1)
    for y, x in np.argwhere(across > 0).tolist():
        yield (x, y + 1), (x, y)


def _area(loop: Points) -> float:
    after = np.roll(loop, -1, axis=0)
    return float((loop[:, 0] * after[:, 1] - after[:, 0] * loop[:, 1]).sum() / 2)


def _simplified(loop: Points) -> Points:
    """Return fewer points, none of the left out ones further off than `TOLERANCE`."""
    far = int(np.argmax(((loop - loop[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([loop, loop[:1]])
    kept = {0, far}
    stretches = [(0, far), (far, len(loop))]
    while stretches:
        first, last = stretches.pop()
        offsets = _offsets(closed[first : last + 1])
        if len(offsets) > 2 and offsets.max() > TOLERANCE:
            middle = first + int(np.argmax(offsets))
            kept.add(middle)
            stretches += [(first, middle), (middle, last)]
    found = loop[sorted(kept)]
    return found if len(found) >= 3 else _corners(loop)


def _offsets(points: Points) -> NDArray[np.float64]:
    """Return how far points lie from the line through the first and the last."""
    line = points[-1] - points[0]
    length = float(np.hypot(*line))
    rest = points - points[0]
    if length == 0:
        away: NDArray[np.float64] = np.hypot(rest[:, 0], rest[:, 1])
        return away
    offsets: NDArray[np.float64] = np.abs(line[0] * rest[:, 1] - line[1] * rest[:, 0]) / length
    return offsets


def _corners(loop: Points) -> Points:
    """Return the box around a sliver."""
    (left, top), (right, bottom) = loop.min(axis=0), loop.max(axis=0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _joined(one: Points, other: Points) -> Points:
    """Return two outlines as one, joined where they are nearest."""
    squares = ((one[:, None] - other[None]) ** 2).sum(axis=2)
    here, there = np.unravel_index(int(np.argmin(squares)), squares.shape)
    turned: Sequence[Points] = (other[there:], other[: there + 1])
    return np.concatenate([one[: here + 1], *turned, one[here:]])
