"""The index as a command reads it that runs without an engine: one pass over the vectors."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import numpy as np

from ..storage.library import Library
from .index import SearchIndex
from .server_address import chosen_server
from .space import EmbeddingSpace
from .stores.exact import ExactStore
from .stores.protocol import Point, VectorStore


class ReadIndex(SearchIndex):
    """An index for one search: payloads hold what searches ask for, and nothing to filter by.

    Filters of searches become contents and ids in the library (see `scope`), so dates, cameras,
    paths and tags of every point need not be read for them.
    """

    def __init__(self, library: Library) -> None:
        super().__init__(library, writable=False)

    def _opened(self) -> VectorStore:
        if chosen_server() is not None or _has_objects(self._library):
            return super()._opened()  # the labels of objects are payload
        return ExactStore(lambda name: _kept(self._library, name), self._library.index.generation)


def _has_objects(library: Library) -> bool:
    with library.database.reading() as connection:
        found = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM indexed AS i JOIN annotations AS a "
            "ON a.id = i.annotation WHERE a.part <> '')"
        ).fetchone()
    return bool(found[0])


def _kept(library: Library, name: str) -> tuple[int, Iterator[Point]] | None:
    row = next((each for each in library.index.spaces() if each.name == name), None)
    if row is None or row.state == "removed":
        return None
    return EmbeddingSpace(**row.body).dimension, _points(library, row.id)


def _points(library: Library, space: int) -> Iterator[Point]:
    with library.database.reading() as connection:
        rows = connection.execute(
            "SELECT i.point, i.mean, i.spread, a.content, a.frame, a.part, a.seconds, a.vector "
            "FROM indexed AS i JOIN annotations AS a ON a.id = i.annotation WHERE i.space = ?",
            (space,),
        )
        for point, mean, spread, content, frame, part, seconds, vector in rows:
            values = np.frombuffer(vector, "<f4")
            payload = {"content": content, "frame": frame, "seconds": seconds,
                       "part": "object" if part else "frame"}  # fmt: skip
            unit = np.asarray(values / np.linalg.norm(values), np.float32)
            yield Point(UUID(bytes=point), unit, payload, mean, spread)
