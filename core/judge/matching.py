"""Pairing what was found with what is true, each at most once."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

Span = tuple[float, float]
"""start and end, in seconds"""


def neighbours(wanted: Sequence[Span], found: Sequence[Span], tolerance: float) -> list[list[int]]:
    """Return for each wanted stretch which found ones overlap it, give or take a tolerance."""
    order = sorted(range(len(found)), key=lambda n: found[n][0])
    starts = [found[n][0] for n in order]
    latest: list[float] = []  # how far anything that starts up to here reaches
    for n in order:
        latest.append(max(found[n][1], latest[-1] if latest else found[n][1]))
    near = []
    for start, end in wanted:
        here = []
        place = bisect_right(starts, end + tolerance)
        while place and latest[place - 1] >= start - tolerance:
            place -= 1
            if found[order[place]][1] >= start - tolerance:
                here.append(order[place])
        near.append(here)
    return near


def one_to_one(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return a largest set of the pairs (wanted, found) in which each occurs once.

    The first of `pairs` are taken first. Then a largest matching of the bipartite graph is made of
    that, by augmenting paths (C. Berge, "Two theorems in graph theory", PNAS 43, 1957): a pair may
    be given up for two others, never for one.
    """
    near: dict[int, list[int]] = {}
    holder: dict[int, int] = {}
    held: dict[int, int] = {}
    for wanted, found in pairs:
        near.setdefault(wanted, []).append(found)
        if wanted not in held and found not in holder:
            held[wanted], holder[found] = found, wanted
    for wanted in near:
        if wanted not in held:
            _augment(wanted, near, holder, held)
    return dict(sorted(held.items()))


def _augment(
    first: int, near: dict[int, list[int]], holder: dict[int, int], held: dict[int, int]
) -> None:
    """Pair `first` too, if others can give way, along a shortest alternating path."""
    came: dict[int, int] = {}
    queue = deque([first])
    while queue:
        wanted = queue.popleft()
        for found in near[wanted]:
            if found in came:
                continue
            came[found] = wanted
            if found not in holder:
                _shift(found, came, holder, held)
                return
            queue.append(holder[found])


def _shift(end: int, came: dict[int, int], holder: dict[int, int], held: dict[int, int]) -> None:
    """Pair each wanted of a path with the found one it came to, from the free end on."""
    found: int | None = end
    while found is not None:
        wanted = came[found]
        former = held.get(wanted)
        held[wanted], holder[found] = found, wanted
        found = former


def overlap(one: Span, other: Span, frame_seconds: float) -> float:
    """Return intersection over union of two stretches, 0 to 1.

    Times are those of the first and the last frame; each lasts to the end of its last frame, so
    `frame_seconds` is added to both. The measure is P. Jaccard's (1901), in time as in F. Caba
    Heilbron et al., "ActivityNet", CVPR 2015.
    """
    ends = one[1] + frame_seconds, other[1] + frame_seconds
    shared = max(0.0, min(ends) - max(one[0], other[0]))
    union = ends[0] - one[0] + ends[1] - other[0] - shared
    return shared / union if union > 0 else float(one[0] == other[0])
