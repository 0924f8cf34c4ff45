"""The vectors nearest to a query, with how likely chance reaches their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .background import sentences
from .cache import SearchCache
from .cutoff import SAMPLE, ChanceTail, chance_tail, common_of, passing
from .query_vector import QueryVector
from .scope import Scope
from .space import EmbeddingSpace
from .stores.protocol import Filter, OneOf, Point, Query, VectorStore

Part = Literal["frame", "object"]
_GROWN = 1.1
"""so much larger an index needs a new tail"""


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """The collection that is searched. `background` is float32 (sentences, dimension), or empty."""

    store: VectorStore
    space: EmbeddingSpace
    background: NDArray[np.float32]

    @property
    def generation(self) -> int:
        """Return a number that every change of the collection raises."""
        return self.store.generation(self.space.name)

    def count(self, which: Filter) -> int:
        """Return how many vectors a filter lets through."""
        return self.store.count(self.space.name, which)


@dataclass(frozen=True, slots=True)
class VectorHit:
    """One vector near a query. `z` and `probability` are None where they are not known."""

    content: str
    frame: int
    part: str
    seconds: float
    cosine: float
    z: float | None
    probability: float | None
    passes: bool
    label: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VectorHits:
    """The best vectors of one part, best first, of `total` that could have been found."""

    hits: tuple[VectorHit, ...] = ()
    total: int = 0
    least_z: float | None = None
    """the lowest calibrated score that passes; None without a cut-off, or if nothing passes"""


def vector_hits(
    index: SearchedIndex, query: QueryVector, parts: Sequence[Part], scope: Scope, most: int,
    tail: ChanceTail | None, false_rate: float,
) -> list[VectorHits]:  # fmt: skip
    """Return the vectors with the highest scores, of frames or objects or both.

    The false rate is that of all of them together. Raises UsageError, IndexFault.
    """
    query = _standardised(query, index)
    found = [_nearest(index, query, part, scope, most, tail) for part in parts]
    return found if tail is None or not query.is_calibrated else _judged(found, false_rate)


def _nearest(
    index: SearchedIndex, query: QueryVector, part: Part, scope: Scope, most: int,
    tail: ChanceTail | None,
) -> VectorHits:  # fmt: skip
    which = _filter(index, part, scope)
    if which is None:
        return VectorHits()
    total = index.count(which)
    scores: Literal["calibrated", "cosine"] = "calibrated" if query.is_calibrated else "cosine"
    wanted = Query(query.vector, most, 0, which, scores, query.weight)
    found = index.store.query(index.space.name, wanted)
    points = index.store.retrieve(index.space.name, [each.id for each in found])
    points = [each for each in points if _admitted(each, scope) and not _is_query(each, query)]
    z = _calibrated(points, query) if query.is_calibrated else None
    return VectorHits(tuple(_hits(points, query, z, tail)), total)


def _standardised(query: QueryVector, index: SearchedIndex) -> QueryVector:
    """Return a query of texts so that its scores can be compared with the tail's."""
    if not query.is_calibrated or not len(index.background):
        return query
    vectors, weights = common_of(index.background).standardised(query.vector[None])
    return replace(query, vector=vectors[0], weight=float(weights[0]))


def tail_of(index: SearchedIndex, cache: SearchCache) -> ChanceTail | None:
    """Return what chance reaches in an index; None where it has no background sentences.

    It is kept until the index has grown by a tenth.
    """
    if not len(index.background):
        return None
    frames = Filter(must=(OneOf("part", ("frame",)),))
    count = index.count(frames)
    size = int(np.ceil(np.log(max(count, 1)) / np.log(_GROWN)))
    key = f"{index.space.digest}:{len(sentences())}:{size if count > SAMPLE else count}"
    if kept := cache.get("tail", key):
        return _unpacked(kept)
    page = index.store.scroll(index.space.name, frames, limit=SAMPLE, vectors=True)
    vectors = np.array([each.vector for each in page.points], np.float32)
    tail = chance_tail(vectors.reshape(-1, index.space.dimension), index.background)
    cache.put("tail", key, _packed(tail))
    return tail


def _filter(index: SearchedIndex, part: Part, scope: Scope) -> Filter | None:
    """Return the filter of a scope; None where it lets nothing through."""
    of_part = OneOf("part", (part,))
    if scope.frames is not None and part == "frame":
        ids = frozenset(index.space.point_id(*each) for each in scope.frames)
        return Filter(must=(of_part,), ids=ids) if ids else None
    if scope.contents is None:
        return Filter(must=(of_part,))
    if not scope.contents:
        return None
    return Filter(must=(of_part, OneOf("content", tuple(sorted(scope.contents)))))


def _admitted(point: Point, scope: Scope) -> bool:
    return scope.admits(str(point.payload["content"]), int(point.payload["frame"]))


def _is_query(point: Point, query: QueryVector) -> bool:
    """Return whether a vector is of the very frame that is searched by."""
    return (str(point.payload["content"]), int(point.payload["frame"])) in query.own


def _calibrated(points: Sequence[Point], query: QueryVector) -> NDArray[np.float64]:
    return np.array(
        [(float(p.vector @ query.vector) - query.weight * p.mean) / p.spread for p in points],
        np.float64,
    )


def _hits(
    points: Sequence[Point], query: QueryVector, z: NDArray[np.float64] | None,
    tail: ChanceTail | None,
) -> Iterator[VectorHit]:  # fmt: skip
    length = float(np.linalg.norm(query.vector))
    chance = None if z is None or tail is None else tail.probability(z)
    order = np.arange(len(points)) if z is None else np.argsort(-z, kind="stable")
    for row in order:
        point = points[row]
        yield VectorHit(
            str(point.payload["content"]), int(point.payload["frame"]), _part(point),
            float(point.payload["seconds"]), float(point.vector @ query.vector) / length,
            None if z is None else float(z[row]), None if chance is None else float(chance[row]),
            chance is None, str(point.payload.get("label", "")), point.vector,
        )  # fmt: skip


def _judged(found: Sequence[VectorHits], false_rate: float) -> list[VectorHits]:
    """Return hits that say whether they pass."""
    chance = np.sort([hit.probability or 0.0 for hits in found for hit in hits.hits])
    count = passing(chance, sum(hits.total for hits in found), false_rate)
    limit = chance[count - 1] if count else -1.0
    return [
        replace(
            hits,
            hits=tuple(replace(hit, passes=(hit.probability or 0.0) <= limit) for hit in hits.hits),
            least_z=min((hit.z or 0.0 for hit in hits.hits if (hit.probability or 0.0) <= limit),
                        default=None),
        )
        for hits in found
    ]  # fmt: skip


def _part(point: Point) -> str:
    """Return what names the part of a frame: its box in whole pixels, empty for the frame."""
    box = point.payload.get("box")
    return ",".join(f"{value:.0f}" for value in box) if box else ""


def _packed(tail: ChanceTail) -> bytes:
    head = np.array([tail.total, tail.absent], "<f8").tobytes()
    return head + tail.highest.astype("<f4").tobytes()


def _unpacked(kept: bytes) -> ChanceTail:
    total, absent = np.frombuffer(kept[:16], "<f8")
    return ChanceTail(np.frombuffer(kept[16:], "<f4").copy(), int(total), float(absent))
