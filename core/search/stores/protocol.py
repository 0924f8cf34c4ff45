"""The interface to stores of vectors: `VectorStore`, and the records that it takes and returns.

A store holds collections, one for each embedding space (`EmbeddingSpace.name`). It is never the
only place where a vector lies: the library's database is, and a store can be filled from it again.
All stores return the same for the same points and query; scores differ by rounding only (1e-3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Payload = Mapping[str, Any]
"""what is known of a point, by field: see `fields.FIELDS`"""


@dataclass(frozen=True, slots=True)
class Point:
    """One vector, float32 (dimension,) of unit length, with what is known of it.

    `mean` and `spread` are the mean and the standard deviation of its cosines with the background
    sentences (see `search.background`); 0 and 1 where they are not known.
    """

    id: UUID
    vector: Vector
    payload: Payload
    mean: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field has one of these values (of a list: at least one)."""

    field: str
    values: tuple[str | int | bool, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A number or date (seconds since 1970, see `fields.epoch`) lies within bounds."""

    field: str
    gte: float | None = None
    lte: float | None = None
    gt: float | None = None
    lt: float | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """A place lies within a distance (great circle) of another, in degrees and kilometres."""

    field: str
    latitude: float
    longitude: float
    kilometres: float


Condition = OneOf | Range | Near


@dataclass(frozen=True, slots=True)
class Filter:
    """Which points are searched: all of `must` hold, none of `must_not`, and the id is in `ids`.

    A point without the field fulfils no condition. An empty filter lets all pass.
    """

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()
    ids: frozenset[UUID] | None = None

    def __bool__(self) -> bool:
        return bool(self.must or self.must_not) or self.ids is not None


Scores = Literal["cosine", "calibrated"]


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched: float32 (dimension,), of any length but zero.

    Scores are the product of vector and query (`cosine`, if the query has unit length) or
    (product - weight * mean) / spread (`calibrated`): how far the product is above what background
    sentences reach with this image, in standard deviations. `weight` is the sum of the weights of
    the texts that the query vector is a sum of; 0 leaves the mean out. Hits below `least` are left
    out. Equal scores are in order of the id.
    """

    vector: Vector
    limit: int = 10
    offset: int = 0
    filter: Filter = field(default_factory=Filter)
    scores: Scores = "cosine"
    weight: float = 1.0
    least: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One point that was found."""

    id: UUID
    score: float
    payload: Payload


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a collection in order of the ids; `next` is the id to continue from, or None."""

    points: tuple[Point, ...]
    next: UUID | None


class VectorStore(Protocol):
    """Collections of points. Any thread may call; a point is found as soon as `upsert` returns.

    Raises UsageError for vectors and filters that cannot be used (see `fields`), IndexFault where
    the store cannot: locked, damaged, unreachable, full. A collection that does not exist is
    empty; the first `upsert` needs `create` before.
    """

    name: str
    """`edge`, `server` or `exact`"""

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection; nothing happens if it exists with this dimension.

        Raises IndexFault if it exists with another.
        """

    def drop(self, collection: str) -> None:
        """Remove a collection with all its points; nothing happens if there is none."""

    def collections(self) -> dict[str, int]:
        """Return the dimension of each collection, by name."""

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Add points, or replace those with the same id. They are durable on return."""

    def delete(self, collection: str, ids: Sequence[UUID]) -> None:
        """Remove points; ids that are unknown are ignored."""

    def query(self, collection: str, query: Query) -> list[Hit]:
        """Return the points with the highest scores, best first. The search is exact."""

    def query_many(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        """Return what `query` returns for each, in one pass where the store can."""

    def count(self, collection: str, which: Filter | None = None) -> int:
        """Return the number of points that pass a filter."""

    def scroll(
        self,
        collection: str,
        which: Filter | None = None,
        *,
        limit: int = 1000,
        after: UUID | None = None,
        vectors: bool = False,
    ) -> Page:
        """Return points in order of the id, from `after` on (included).

        Without `vectors` those of the points are empty.
        """

    def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        """Return the points that exist of these, with vectors, in the order of `ids`."""

    def generation(self, collection: str) -> int:
        """Return a number that is raised by every change of a collection, over restarts too."""

    def close(self) -> None:
        """Release files and connections; nothing else may be called afterwards."""
