"""How vectors lie in a Qdrant store, and how its scores become ours.

A point is stored as (vector / spread, -mean / spread), one dimension more than it has. Its dot
product with (query, weight) is the calibrated score, so the store ranks by it directly. With
(query, 0) it is the cosine divided by the spread: the points with the highest cosines are among
those above a bound that follows from the greatest spread (see `_by_cosine`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from .protocol import Hit, Payload, Point, Query

Found = tuple[UUID, float, Payload]
"""id, product with the vector that was searched, and the stored payload"""
_MARGIN = 0.05
"""below the least score that is still fetched: scores of the store are rounded to float16"""
_MORE, _GROWTH = 96, 4


def encoded(point: Point) -> NDArray[np.float32]:
    """Return float32 (dimension + 1,) as it is stored."""
    return np.append(point.vector, -point.mean).astype(np.float32) / np.float32(point.spread)


def stored_payload(point: Point) -> dict[str, Any]:
    """Return the payload as it is stored, with what scores are computed from."""
    return {**point.payload, "mean": float(point.mean), "spread": float(point.spread)}


def decoded(id_: UUID, stored: Sequence[float] | None, payload: Payload) -> Point:
    """Return a point from what is stored; its vector is empty where that was not fetched."""
    mean, spread, own = _taken_apart(payload)
    vector = np.asarray(stored if stored is not None else [], np.float32)[:-1]
    length = np.float32(np.linalg.norm(vector)) if vector.size else np.float32(1)
    return Point(id_, vector / (length or np.float32(1)), own, mean, spread)


@dataclass(frozen=True, slots=True)
class Search:
    """What a store is asked for: the stored vectors with the highest products with `vector`.

    `vector` is float32 (dimension + 1,); products below `least` are left out.
    """

    vector: NDArray[np.float32]
    limit: int
    offset: int = 0
    least: float | None = None


def first_search(query: Query) -> Search:
    """Return what a store is asked for first."""
    if query.scores == "calibrated":
        vector = np.append(query.vector, query.weight).astype(np.float32)
        least = None if query.least is None else query.least - _MARGIN
        return Search(vector, query.limit, query.offset, least)
    vector = np.append(query.vector, 0).astype(np.float32)
    return Search(vector, query.offset + query.limit + _MORE)


def hits(
    query: Query, first: Sequence[Found], search: Callable[[Search], Sequence[Found]],
    widest: Callable[[], float],
) -> list[Hit]:  # fmt: skip
    """Return the hits of a query, from what `first_search` found.

    `search` asks the store again; `widest` returns the greatest spread in the collection.
    """
    if query.scores == "calibrated":
        return _sorted([_exact(each, query.weight) for each in first], query.least)
    return _by_cosine(query, first, search, widest)


def _exact(found: Found, weight: float) -> Hit:
    """Return a hit whose score has the mean as it is, not as float16 rounded it."""
    id_, score, payload = found
    mean, spread, own = _taken_apart(payload)
    shift = np.float32(-mean / spread)
    return Hit(id_, score + weight * float(shift - np.float32(np.float16(shift))), own)


def _by_cosine(
    query: Query, first: Sequence[Found], search: Callable[[Search], Sequence[Found]],
    widest: Callable[[], float],
) -> list[Hit]:  # fmt: skip
    """Return the points with the highest cosines.

    As many as are wanted reach some cosine. Whatever else reaches it has a stored product of at
    least that cosine divided by the greatest spread, so more points are fetched until the products
    are below that.
    """
    wanted, found, asked = query.offset + query.limit, first, first_search(query)
    while True:
        ranked = _sorted([_cosine(each) for each in found], None)
        if len(found) < asked.limit or not wanted:
            break
        if found[-1][1] < _bound(ranked[wanted - 1].score, found, widest):
            break
        asked = replace(asked, limit=asked.limit * _GROWTH)
        found = search(asked)
    kept = ranked[query.offset : wanted]
    return [each for each in kept if query.least is None or each.score >= query.least]


def _bound(reached: float, found: Sequence[Found], widest: Callable[[], float]) -> float:
    """Return a product that no point has whose cosine is higher than the one reached."""
    spread = widest() if reached > 0 else _narrowest(found)
    return reached / spread - _MARGIN


def _narrowest(found: Sequence[Found]) -> float:
    """Return a spread so small that no bound on a negative cosine leaves anything out."""
    return min(_taken_apart(each[2])[1] for each in found) * 1e-3


def _cosine(found: Found) -> Hit:
    id_, score, payload = found
    _, spread, own = _taken_apart(payload)
    return Hit(id_, score * spread, own)


def _sorted(found: list[Hit], least: float | None) -> list[Hit]:
    found.sort(key=lambda hit: (-hit.score, hit.id))
    return [hit for hit in found if least is None or hit.score >= least]


def _taken_apart(payload: Payload) -> tuple[float, float, dict[str, Any]]:
    own = dict(payload)
    return float(own.pop("mean", 0.0)), float(own.pop("spread", 1.0)), own
