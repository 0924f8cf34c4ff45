"""The store in the library's folder: Qdrant Edge, a shard for each collection, float16, exact.

A shard is written through its write-ahead log, so that a point whose `upsert` returned survives a
kill; the log is also what locks it. Only an engine opens one.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ...errors import DiskFull, MissingExtra, SightlineError
from ...system.disk_errors import disk_fault
from ...system.private_files import make_folder
from ...text import byte_size, clean
from .edge_faults import FORMAT, about_of, fault
from .edge_filters import edge_filter
from .encoding import Found, Search, decoded, encoded, first_search, hits, stored_payload
from .exact import no_collection, other_dimension
from .fields import FIELDS, check_filter, check_points, check_query
from .protocol import Filter, Hit, Page, Point, Query
from .wide_filters import passing, unfiltered

if TYPE_CHECKING:
    import qdrant_edge

_ABOUT, _SHARD = "about.json", "shard"
NO_HNSW = 10**9
"""size in KiB from which a graph would be built: exact search is as fast up to 100,000 points"""
FREE_BYTES = 128 * 2**20
"""that a disk must have before anything is written: the files of a shard are mapped into memory,
and writing to such a page on a full disk ends the process"""
_UPSERT = 512
_KINDS = {"keyword": "Keyword", "number": "Float", "place": "Geo"}


@dataclass
class _Open:
    shard: qdrant_edge.EdgeShard
    dimension: int
    widest: float | None = None
    """the greatest spread, once it was looked up"""


class EdgeStore:
    """A `VectorStore` under one folder. `generation` looks up what the database keeps of that."""

    name = "edge"

    def __init__(self, folder: Path, generation: Callable[[str], int] | None = None) -> None:
        try:
            import qdrant_edge
        except ImportError as error:
            raise MissingExtra(
                "the index needs the package qdrant-edge-py, which is not installed for this "
                "platform; set QDRANT_URL to use a Qdrant server"
            ) from error
        self._edge = qdrant_edge
        self._folder = folder
        self._open: dict[str, _Open] = {}
        self._lock = threading.RLock()
        self._changes: dict[str, int] = {}
        self._kept_generation = generation

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection, in place of what a kill left half made."""
        with self._lock:
            known = self._get(collection)
            if known is not None and known.dimension != dimension:
                raise other_dimension(collection, known.dimension, dimension)
            if known is None:
                self._make(collection, dimension)

    def drop(self, collection: str) -> None:
        """Remove a collection with its files."""
        with self._lock:
            known = self._open.pop(collection, None)
            if known is not None:
                known.shard.close()
            folder = self._folder / collection
            with suppress(FileNotFoundError):
                (folder / _ABOUT).unlink()  # from here on it does not exist
            shutil.rmtree(folder, ignore_errors=True)
            self._changed(collection)

    def collections(self) -> dict[str, int]:
        """Return the dimension of each collection."""
        found = {path.parent.name: about_of(path) for path in self._folder.glob(f"*/{_ABOUT}")}
        return {name: int(about["dimension"]) for name, about in sorted(found.items())}

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Add or replace points. Raises DiskFull before the disk is."""
        known = self._get(collection)
        if known is None:
            raise no_collection(collection)
        check_points(points, known.dimension)
        self._check_space()
        rows = [self._edge.Point(p.id, _listed(encoded(p)), stored_payload(p)) for p in points]
        operation = self._edge.UpdateOperation.upsert_points
        with self._lock, self._in_words(collection):
            for start in range(0, len(rows), _UPSERT):
                known.shard.update(operation(rows[start : start + _UPSERT]))
            self._changed(collection)

    def delete(self, collection: str, ids: Sequence[UUID]) -> None:
        """Remove points."""
        known = self._get(collection)
        if known is None or not ids:
            return
        with self._lock, self._in_words(collection):
            known.shard.update(self._edge.UpdateOperation.delete_points(list(ids)))
            self._changed(collection)

    def query(self, collection: str, query: Query) -> list[Hit]:
        """Return the points with the highest scores."""
        return self.query_many(collection, [query])[0]

    def query_many(self, collection: str, queries: Sequence[Query]) -> list[list[Hit]]:
        """Return what is found for each, in one pass; nothing is searched if one cannot be."""
        known = self._get(collection)
        for each in queries:
            check_filter(each.filter) if known is None else check_query(each, known.dimension)
        if known is None:
            return [[] for _ in queries]
        filters = [edge_filter(each.filter) for each in queries]
        first = self._first(collection, known, queries, filters)
        return [
            hits(query, found, partial(self._again, collection, known, which),
                 lambda: self._widest(collection, known))
            for query, found, which in zip(queries, first, filters, strict=True)
        ]  # fmt: skip

    def _first(
        self, collection: str, known: _Open, queries: Sequence[Query],
        filters: Sequence[qdrant_edge.Filter | None],
    ) -> list[list[Found]]:  # fmt: skip
        """Return what is found first for each query, in one pass unless a wide filter fails."""
        searches = [first_search(each) for each in queries]
        wide = [
            unfiltered(search, query.filter, self._share(collection, known, which))
            for search, query, which in zip(searches, queries, filters, strict=True)
        ]
        found = self._search(collection, known, [
            (asked, None) if asked else (search, which)
            for asked, search, which in zip(wide, searches, filters, strict=True)
        ])  # fmt: skip
        for place, asked in enumerate(wide):
            if asked:
                search = searches[place]
                kept = passing(found[place], queries[place].filter, search, asked)
                again = partial(self._again, collection, known, filters[place])
                found[place] = again(search) if kept is None else kept
        return found

    def _share(self, collection: str, known: _Open, which: qdrant_edge.Filter | None) -> float:
        """Return about which share of the points passes a filter; 0 without one."""
        if which is None:
            return 0.0
        request = self._edge.CountRequest(filter=which, exact=False)
        with self._in_words(collection):
            return known.shard.count(request) / max(known.shard.info().points_count, 1)

    def _again(
        self, collection: str, known: _Open, which: qdrant_edge.Filter | None, search: Search
    ) -> list[Found]:
        return self._search(collection, known, [(search, which)])[0]

    def _search(
        self, collection: str, known: _Open,
        searches: Sequence[tuple[Search, qdrant_edge.Filter | None]],
    ) -> list[list[Found]]:  # fmt: skip
        """Return what is found for each search and filter."""
        with self._in_words(collection):
            most = max(known.shard.info().points_count, 1)
            requests = [
                self._edge.QueryRequest(
                    limit=max(min(each.limit, most), 1), offset=each.offset, filter=which,
                    query=self._edge.Query.Nearest(_listed(each.vector)), with_payload=True,
                    score_threshold=each.least, params=self._edge.SearchParams(exact=True),
                )
                for each, which in searches
            ]  # fmt: skip
            rows = known.shard.query_batch(self._edge.QueryBatchRequest(requests))
        return [
            [_found(p) for p in found][: each.limit]
            for found, (each, _) in zip(rows, searches, strict=True)
        ]

    def count(self, collection: str, which: Filter | None = None) -> int:
        """Return how many points pass a filter."""
        check_filter(which)
        known = self._get(collection)
        if known is None:
            return 0
        with self._in_words(collection):
            return self._count(known, edge_filter(which))

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
        known = self._get(collection)
        if known is None:
            return Page((), None)
        request = self._edge.ScrollRequest(
            offset=after, limit=limit, filter=edge_filter(which), with_payload=True,
            with_vector=vectors,
        )  # fmt: skip
        with self._in_words(collection):
            rows, then = known.shard.scroll(request)
        return Page(tuple(map(_point, rows)), None if then is None else _id(then))

    def retrieve(self, collection: str, ids: Sequence[UUID]) -> list[Point]:
        """Return the points that exist of these."""
        known = self._get(collection)
        if known is None or not ids:
            return []
        with self._in_words(collection):
            rows = known.shard.retrieve(list(ids), True, True)
        found = {each.id: each for each in map(_point, rows)}
        return [found[each] for each in ids if each in found]

    def generation(self, collection: str) -> int:
        """Return a number that every change raises."""
        if self._kept_generation is not None:
            return self._kept_generation(collection)
        return self._changes.get(collection, 0)

    def flush(self, collection: str) -> None:
        """Write what is in memory to the disk, so that opening it again is quick."""
        known = self._get(collection)
        if known is not None:
            with self._lock, self._in_words(collection):
                known.shard.flush()

    def optimize(self, collection: str) -> None:
        """Give back the space of points that were removed or replaced. Blocking."""
        known = self._get(collection)
        if known is not None:
            self._check_space()
            with self._lock, self._in_words(collection):
                known.shard.optimize()

    def close(self) -> None:
        """Close all shards."""
        with self._lock:
            for each in self._open.values():
                each.shard.close()
            self._open.clear()

    # Shards

    def _make(self, collection: str, dimension: int) -> None:
        folder = self._folder / collection
        shutil.rmtree(folder, ignore_errors=True)
        try:
            make_folder(self._folder)
            make_folder(folder)
        except OSError as error:
            raise disk_fault(error, folder) from error
        self._check_space()
        with self._in_words(collection):
            os.mkdir(folder / _SHARD, 0o700)
            shard = self._edge.EdgeShard.create(str(folder / _SHARD), self._config(dimension))
            for name, kind in (*FIELDS.items(), ("spread", "number")):
                schema = getattr(self._edge.PayloadSchemaType, _KINDS[kind])
                shard.update(self._edge.UpdateOperation.create_field_index(name, schema))
            about = {"format": FORMAT, "dimension": dimension}
            (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        self._open[collection] = _Open(shard, dimension)

    def _config(self, dimension: int) -> qdrant_edge.EdgeConfig:
        half = self._edge.VectorStorageDatatype.Float16
        return self._edge.EdgeConfig(
            vectors=self._edge.EdgeVectorParams(
                dimension + 1, self._edge.Distance.Dot, datatype=half
            ),
            optimizers=self._edge.EdgeOptimizersConfig(indexing_threshold=NO_HNSW),
        )

    def _get(self, collection: str) -> _Open | None:
        known = self._open.get(collection)
        if known is not None:
            return known
        with self._lock:
            if collection not in self._open and (self._folder / collection / _ABOUT).is_file():
                self._open[collection] = self._loaded(collection)
            return self._open.get(collection)

    def _loaded(self, collection: str) -> _Open:
        folder = self._folder / collection
        about = about_of(folder / _ABOUT)
        with self._in_words(collection):
            shard = self._edge.EdgeShard.load(str(folder / _SHARD))
        return _Open(shard, int(about["dimension"]))

    def _check_space(self) -> None:
        there = next(each for each in (self._folder, *self._folder.parents) if each.exists())
        free = shutil.disk_usage(there).free
        if free < FREE_BYTES:
            raise DiskFull(
                f"{clean(str(self._folder))}: {byte_size(free)} free, the index needs "
                f"{byte_size(FREE_BYTES)}; free some space, then continue: all vectors are in the "
                "library"
            )

    def _count(self, known: _Open, which: qdrant_edge.Filter | None = None) -> int:
        return int(known.shard.count(self._edge.CountRequest(filter=which, exact=True)))

    def _widest(self, collection: str, known: _Open) -> float:
        if known.widest is None:
            order = self._edge.OrderBy("spread", self._edge.Direction.Desc)
            request = self._edge.ScrollRequest(limit=1, order_by=order, with_payload=True)
            with self._in_words(collection):
                rows, _ = known.shard.scroll(request)
            known.widest = float((rows[0].payload or {})["spread"]) if rows else 1.0
        return known.widest

    def _changed(self, collection: str) -> None:
        self._changes[collection] = self._changes.get(collection, 0) + 1
        if collection in self._open:
            self._open[collection].widest = None

    @contextmanager
    def _in_words(self, collection: str) -> Iterator[None]:
        try:
            yield
        except SightlineError:
            raise
        except OSError as error:
            raise disk_fault(error, self._folder / collection) from error
        except BaseException as error:
            # A panic of the Rust code is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise fault(error, self._folder / collection) from error


def _listed(vector: NDArray[np.float32]) -> Any:
    return vector  # the binding takes arrays, which its stubs do not say


def _id(id_: Any) -> UUID:
    return id_ if isinstance(id_, UUID) else UUID(str(id_))


def _found(row: Any) -> Found:
    return _id(row.id), float(row.score), row.payload or {}


def _point(row: Any) -> Point:
    return decoded(_id(row.id), row.vector, row.payload or {})
