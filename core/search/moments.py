"""Hits of neighbouring frames of a video as one moment with start, peak and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_MISSING = 1
"""frames of the index between two hits of one moment that are no hits themselves"""
NEAR_SECONDS = 1.0
"""between two hits of one moment where nothing but the hits is indexed"""
HALF = 0.5


@dataclass(frozen=True, slots=True)
class FrameHit:
    """A hit at one frame; `score` only orders hits."""

    frame: int
    seconds: float
    score: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of a video: the first and last of its hits, and the best one."""

    start: FrameHit
    peak: FrameHit
    end: FrameHit
    hits: int


def merged(hits: Iterable[FrameHit], indexed: Sequence[int]) -> list[Moment]:
    """Return the moments of one video, in order of time.

    `indexed` are the numbers of all its frames that could have been hits, ascending. Where none
    is known, hits within `NEAR_SECONDS` are one moment.
    """
    places = {frame: place for place, frame in enumerate(sorted({*indexed}))}
    ordered = sorted(hits, key=lambda each: each.frame)
    return [_moment(group) for group in _groups(ordered, places)]


def half_height(scores: Sequence[float], peak: int) -> tuple[int, int]:
    """Return the first and last place around `peak` whose scores are above half of its height.

    The height is counted from the lowest score there is, so an appearance that is in view
    completely or not at all ends where it does.
    """
    least = min(scores)
    limit = least + HALF * (scores[peak] - least)
    first = last = peak
    while first > 0 and scores[first - 1] > limit:
        first -= 1
    while last + 1 < len(scores) and scores[last + 1] > limit:
        last += 1
    return first, last


def _groups(ordered: Sequence[FrameHit], places: Mapping[int, int]) -> Iterator[list[FrameHit]]:
    group: list[FrameHit] = []
    for hit in ordered:
        if group and not _are_neighbours(group[-1], hit, places):
            yield group
            group = []
        group.append(hit)
    if group:
        yield group


def _are_neighbours(one: FrameHit, other: FrameHit, places: Mapping[int, int]) -> bool:
    if not places:
        return other.seconds - one.seconds <= NEAR_SECONDS
    if one.frame not in places or other.frame not in places:
        return one.frame == other.frame
    return places[other.frame] - places[one.frame] <= MOST_MISSING + 1


def _moment(group: Sequence[FrameHit]) -> Moment:
    peak = max(group, key=lambda each: each.score)
    return Moment(group[0], peak, group[-1], len(group))
