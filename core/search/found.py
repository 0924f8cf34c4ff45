"""From matches to what is listed: moments of videos, events, objects, in the order asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..records import Candidate, Event
from ..storage.library import Library
from .moments import FrameHit, merged
from .scope import EventKey, Scope
from .searching import Match
from .stores.protocol import Filter, OneOf
from .vector_hits import SearchedIndex

AROUND_SECONDS = 0.5
"""how far from an event a frame may lie and still be of it, where models saw none inside"""
_DIVERSE = 200
"""of the best hits that are moved apart; those after them stay as they are"""
_RELEVANCE = 0.5
"""weight of the match against the likeness to what is listed before (Carbonell and Goldstein,
"The Use of MMR", SIGIR 1998)"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row: its best match, and for moments and events the stretch around it.

    `number` is that of an event or candidate of the result of `spec_hash`; `event` holds it.
    """

    match: Match
    start_frame: int
    end_frame: int
    start_seconds: float
    end_seconds: float
    hits: int = 1
    number: int | None = None
    spec_hash: str = ""
    event: Event | Candidate | None = None


def alone(matches: Iterable[Match]) -> list[Listed]:
    """Return a row for each match."""
    return [
        Listed(each, each.place.frame, each.place.frame, each.seconds, each.seconds)
        for each in matches
    ]


def with_moments(
    matches: Sequence[Match], videos: set[str], index: SearchedIndex | None
) -> list[Listed]:
    """Return a row for each match, those of neighbouring frames of a video as one.

    Rows are in order of their best match.
    """
    of_video: dict[str, list[Match]] = {}
    for each in matches:
        if each.place.content in videos:
            of_video.setdefault(each.place.content, []).append(each)
    rows = {id(row.match): row for content, group in of_video.items()
            for row in _moments(group, indexed_times(content, index))}  # fmt: skip
    pictures = {id(row.match): row for row in alone(m for m in matches
                if m.place.content not in videos)}  # fmt: skip
    return [row for each in matches if (row := rows.get(id(each)) or pictures.get(id(each)))]


def as_events(
    library: Library, matches: Sequence[Match], what: Literal["events", "candidates"], scope: Scope
) -> list[Listed]:
    """Return the events or candidates in which frames match, the best first.

    Of each content the newest scan counts.
    """
    by_content: dict[str, list[Match]] = {}
    for each in matches:
        by_content.setdefault(each.place.content, []).append(each)
    order = {id(each): place for place, each in enumerate(matches)}
    rows = [
        row
        for content, group in by_content.items()
        for row in _events_of(library, content, group, what, scope.events)
    ]
    return sorted(rows, key=lambda row: order[id(row.match)])


def diverse(rows: Sequence[Listed]) -> list[Listed]:
    """Return rows so that what looks alike is moved apart (maximal marginal relevance)."""
    best, rest = list(rows[:_DIVERSE]), list(rows[_DIVERSE:])
    vectors = [_vector(row.match) for row in best]
    if len(best) < 3 or any(vector is None for vector in vectors):
        return [*best, *rest]
    matrix = np.array(vectors, np.float32)
    likeness = matrix @ matrix.T
    relevance = np.array([row.match.ranks.score for row in best])
    relevance = relevance / relevance.max()
    return [*(best[n] for n in _apart(relevance, likeness)), *rest]


def _apart(relevance: Any, likeness: Any) -> Iterator[int]:
    left = list(range(len(relevance)))
    nearest = np.full(len(relevance), -1.0)
    while left:
        gain = _RELEVANCE * relevance[left] - (1 - _RELEVANCE) * np.maximum(nearest[left], 0)
        chosen = left.pop(int(np.argmax(gain)))
        nearest = np.maximum(nearest, likeness[chosen])
        yield chosen


def _vector(match: Match) -> Any:
    hit = match.image or match.object
    return None if hit is None else hit.vector


def _moments(group: Sequence[Match], indexed: Iterable[int]) -> Iterator[Listed]:
    by_frame = {each.place.frame: each for each in reversed(group)}
    hits = [FrameHit(f, each.seconds, each.ranks.score) for f, each in by_frame.items()]
    known = {*indexed}
    for moment in merged(hits, sorted({*known, *by_frame}) if known else ()):
        start, peak, end = moment.start, moment.peak, moment.end
        yield Listed(
            by_frame[peak.frame], start.frame, end.frame, start.seconds, end.seconds, moment.hits
        )


def indexed_times(content: str, index: SearchedIndex | None) -> dict[int, float]:
    """Return the time of each frame of a content that could have been a hit, by its number."""
    found: dict[int, float] = {}
    if index is None:
        return found
    which = Filter(must=(OneOf("part", ("frame",)), OneOf("content", (content,))))
    after = None
    while True:
        page = index.store.scroll(index.space.name, which, limit=4096, after=after)
        found |= {int(p.payload["frame"]): float(p.payload["seconds"]) for p in page.points}
        after = page.next
        if after is None:
            return found


def _events_of(
    library: Library, content: str, group: Sequence[Match],
    what: Literal["events", "candidates"], allowed: frozenset[EventKey] | None,
) -> Iterator[Listed]:  # fmt: skip
    newest = library.content_scans.newest(content)
    result = library.results.get(content, newest[1]) if newest else None
    if result is None:
        return
    found: list[tuple[int, Event | Candidate]] = (
        [(event.number, event) for event in result.moments]
        if what == "events"
        else list(enumerate(result.candidates))
    )
    for number, event in found:
        if allowed is not None and (content, result.spec_hash, number) not in allowed:
            continue
        match = _best_within(event, group)
        if match is not None:
            yield replace(
                _stretch(event, match), number=number, spec_hash=result.spec_hash, event=event
            )


def _stretch(event: Event | Candidate, match: Match) -> Listed:
    return Listed(match, event.start_frame, event.end_frame, event.start_seconds, event.end_seconds)


def _best_within(event: Event | Candidate, group: Sequence[Match]) -> Match | None:
    """Return the best match inside of an event, else the best just beside it."""
    inside = (m for m in group if event.start_frame <= m.place.frame <= event.end_frame)
    low, high = event.start_seconds - AROUND_SECONDS, event.end_seconds + AROUND_SECONDS
    beside = (m for m in group if low <= m.seconds <= high)
    return next(inside, None) or next(beside, None)
