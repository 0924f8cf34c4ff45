"""The exact store: numpy products over vectors in memory, filled from the library's database.

It keeps nothing on disk of its own. It serves where the Edge package has no wheel, small
libraries, and tests, as what other stores are compared with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ...errors import IndexFault
from .columns import Columns
from .fields import check_filter, check_points, check_query
from .protocol import Filter, Hit, Page, Point, Query

_NO_VECTOR = np.zeros(0, np.float32)
_SHARE = 0.25
"""of the points up to which those that pass a filter are copied before they are multiplied"""
Load = Callable[[str], tuple[int, Iterable[Point]] | None]
"""returns dimension and points of a collection as the database keeps them, or None"""


class _Collection:
    """The points of one collection; arrays are made when they are first searched."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.points: dict[UUID, Point] = {}
        self._arrays: _Arrays | None = None

    def changed(self) -> None:
        self._arrays = None

    @property
    def arrays(self) -> _Arrays:
        if self._arrays is None:
            self._arrays = _Arrays(self.points, self.dimension)
        return self._arrays


class _Arrays:
    """Points as arrays, in order of the id: float32 (points, dimension), and a mean and spread."""

    def __init__(self, points: dict[UUID, Point], dimension: int) -> None:
        self.points = [points[each] for each in sorted(points)]
        rows = [each.vector for each in self.points]
        self.vectors = np.array(rows, np.float32).reshape(len(rows), dimension)
        self.mean = np.array([each.mean for each in self.points], np.float32)
        self.spread = np.array([each.spread for each in self.points], np.float32)
        self.columns = Columns([each.payload for each in self.points])

    def rows(self, which: Filter | None) -> NDArray[np.int64] | None:
        """Return the rows that pass a filter; None for all."""
        if not which:
            return None
        passing = self.columns.mask(which)
        if which.ids is not None:
            passing &= np.array([each.id in which.ids for each in self.points], bool)
        return np.flatnonzero(passing)


class ExactStore:
    """A `VectorStore` in memory; `load` fills a collection when it is first used."""

    name = "exact"

    def __init__(
        self, load: Load = lambda _: None, generation: Callable[[str], int] | None = None
    ) -> None:
        """With `generation`, of the database, a collection is loaded again once that was raised."""
        self._load = load
        self._kept_generation = generation
        self._loaded_at: dict[str, int] = {}
        self._collections: dict[str, _Collection] = {}
        self._generations: dict[str, int] = {}
        self._lock = threading.RLock()

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection."""
        with self._lock:
            known = self._get(collection)
            if known is None:
                self._collections[collection] = _Collection(dimension)
            elif known.dimension != dimension:
                raise other_dimension(collection, known.dimension, dimension)

    def drop(self, collection: str) -> None:
        """Remove a collection."""
        with self._lock:
            self._collections.pop(collection, None)
            self._raise(collection)

    def collections(self) -> dict[str, int]:
        """Return the dimension of each collection in memory."""
        with self._lock:
            return {name: each.dimension for name, each in self._collections.items()}

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Add or replace points."""
        with self._lock:
            known = self._get(collection)
            if known is None:
                raise no_collection(collection)
            check_points(points, known.dimension)
            known.points |= {each.id: each for each in points}
            known.changed()
            self._raise(collection)

    def delete(self, collection: str, ids: Sequence[UUID]) -> None:
        """Remove points."""
        with self._lock:
            known = self._get(collection)
            for each in ids if known else ():
                known.points.pop(each, None)  # type: ignore[union-attr]
            if known:
                known.changed()
                self._raise(collection)

    def query(self, collection: str, query: Query) -> list[Hit]:
        """Return the points with the highest scores."""
        arrays, dimension = self._arrays(collection)
        if arrays is None:
            check_filter(query.filter)
            return []
        vector = check_query(query, dimension)
        rows = arrays.rows(query.filter)
        scores = _scores(arrays, query, vector, rows)
        if rows is None:
            rows = np.arange(len(scores))
        best = _best(scores, query)
        return [
            Hit(
                arrays.points[rows[each]].id, float(scores[each]), arrays.points[rows[each]].payload
            )
            for each in best
        ]

    def query_many(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        """Return what is found for each."""
        return [self.query(collection, each) for each in queries]

    def count(self, collection: str, which: Filter | None = None) -> int:
        """Return how many points pass a filter."""
        check_filter(which)
        arrays, _ = self._arrays(collection)
        if arrays is None:
            return 0
        rows = arrays.rows(which)
        return len(arrays.points) if rows is None else len(rows)

    def scroll(
        self,
        collection: str,
        which: Filter | None = None,
        *,
        limit: int = 1000,
        after: UUID | None = None,
        vectors: bool = False,
    ) -> Page:
        """Return points in order of the id."""
        check_filter(which)
        arrays, _ = self._arrays(collection)
        if arrays is None:
            return Page((), None)
        rows = arrays.rows(which)
        every = arrays.points if rows is None else [arrays.points[row] for row in rows]
        rest = [each for each in every if after is None or each.id >= after]
        part = rest[:limit] if vectors else [_bare(each) for each in rest[:limit]]
        return Page(tuple(part), rest[limit].id if len(rest) > limit else None)

    def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        """Return the points that exist of these."""
        with self._lock:
            known = self._get(collection)
            points = known.points if known else {}
            return [points[each] for each in ids if each in points]

    def generation(self, collection: str) -> int:
        """Return a number that every change raises."""
        if self._kept_generation is not None:
            return self._kept_generation(collection)
        return self._generations.get(collection, 0)

    def close(self) -> None:
        """Release the memory."""
        self._collections.clear()

    def _raise(self, collection: str) -> None:
        self._generations[collection] = self._generations.get(collection, 0) + 1

    def _get(self, name: str) -> _Collection | None:
        if self._kept_generation is not None:
            now = self._kept_generation(name)
            if self._loaded_at.get(name) != now:
                self._collections.pop(name, None)
            self._loaded_at[name] = now
        if name not in self._collections and (found := self._load(name)):
            dimension, points = found
            known = _Collection(dimension)
            known.points = {each.id: each for each in points}
            self._collections[name] = known
        return self._collections.get(name)

    def _arrays(self, name: str) -> tuple[_Arrays | None, int]:
        with self._lock:
            known = self._get(name)
            return (known.arrays, known.dimension) if known else (None, 0)


def no_collection(name: str) -> IndexFault:
    """Return the error of an upsert into nothing."""
    return IndexFault(f"no collection {name} in the index; run `sightline index rebuild`")


def other_dimension(name: str, known: int, wanted: int) -> IndexFault:
    """Return the error of a collection that holds vectors of another model."""
    return IndexFault(
        f"{name} is an index of dimension {known}, and the model has {wanted}; "
        "run `sightline index rebuild`"
    )


def _scores(
    arrays: _Arrays, query: Query, vector: NDArray[np.float32], rows: NDArray[np.int64] | None
) -> NDArray[np.float32]:
    """Return float32 (rows,)."""
    few = rows is not None and len(rows) <= _SHARE * len(arrays.points)
    scores = arrays.vectors[rows] @ vector if few else arrays.vectors @ vector
    if rows is not None and not few:
        scores = scores[rows]
    if query.scores == "cosine":
        return np.asarray(scores, np.float32)
    mean, spread = (each if rows is None else each[rows] for each in (arrays.mean, arrays.spread))
    return np.asarray((scores - np.float32(query.weight) * mean) / spread, np.float32)


def _best(scores: NDArray[np.float32], query: Query) -> list[int]:
    """Return the places of the highest scores; equal ones in order of the id, as rows are."""
    wanted = min(query.offset + query.limit, len(scores))
    if wanted == 0:
        return []
    if wanted < len(scores):
        least = np.partition(scores, len(scores) - wanted)[len(scores) - wanted]
        places = np.flatnonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    order = places[np.argsort(-scores[places], kind="stable")][query.offset : wanted]
    return [int(each) for each in order if query.least is None or scores[each] >= query.least]


def _bare(point: Point) -> Point:
    return Point(point.id, _NO_VECTOR, point.payload, point.mean, point.spread)
