"""The index of one library: its store, opened when it is first needed, and who may change it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import MissingExtra
from ..storage.index_state import SpaceRow
from ..storage.library import Library
from .indexing import Indexer
from .payloads import Payloads
from .server_address import ServerAddress, chosen_server
from .space import EmbeddingSpace
from .stores.exact import ExactStore
from .stores.protocol import Point, VectorStore

FOLDER = "vectors"
"""in the library: a folder for each collection of Qdrant Edge"""


class SearchIndex:
    """The vectors of a library as they are searched. Any thread may call.

    An engine opens it `writable`: then the store is Qdrant Edge, or the server that the user chose.
    Whoever only reads gets the server, or the exact store over the vectors in the database: a shard
    of Qdrant Edge belongs to one process.
    """

    def __init__(self, library: Library, *, writable: bool) -> None:
        self._library = library
        self._writable = writable
        self._store: VectorStore | None = None
        self._opening = threading.Lock()
        self._changing = threading.Lock()

    @property
    def store(self) -> VectorStore:
        """Return the store. Raises IndexFault, UsageError."""
        with self._opening:
            if self._store is None:
                self._store = self._opened()
            return self._store

    @property
    def current(self) -> SpaceRow | None:
        """Return the collection that is searched."""
        return self._library.index.current()

    @contextmanager
    def indexer(self, notify: Callable[[str], None] = lambda _: None) -> Iterator[Indexer]:
        """Lend what changes the index, to one thread at a time."""
        with self._changing:
            library = self._library
            yield Indexer(library.index, library.index_facts, self.store, notify)

    def close(self) -> None:
        """Close the store."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _opened(self) -> VectorStore:
        server = chosen_server()
        if server is not None:
            return _server(server, self._library)
        if self._writable:
            from .stores.edge import EdgeStore

            with suppress(MissingExtra):  # no wheel for this platform
                return EdgeStore(self._library.folder / FOLDER, self._library.index.generation)
        return ExactStore(
            lambda name: kept_points(self._library, name), self._library.index.generation
        )


def kept_points(library: Library, name: str) -> tuple[int, Iterable[Point]] | None:
    """Return dimension and points of a collection from the database; None if there is none."""
    row = next((each for each in library.index.spaces() if each.name == name), None)
    if row is None or row.state == "removed":
        return None
    space = EmbeddingSpace(**row.body)
    return space.dimension, _points(library, row, space.model)


def _points(library: Library, space: SpaceRow, model: str) -> Iterator[Point]:
    rows = list(library.index.vectors(space.id))
    contents = list(dict.fromkeys(row.content for _, row in rows))
    known = {each: Payloads(facts, model) for each, facts in
             library.index_facts.of(contents).items()}  # fmt: skip
    for point, row in rows:
        payload: dict[str, Any] = known[row.content].of(row) if row.content in known else {}
        yield Point(point.point, row.vector, payload, point.mean, point.spread)


def _server(address: ServerAddress, library: Library) -> VectorStore:
    from .stores.server import ServerStore

    prefix = f"sightline-{library.index.owner}-"
    return ServerStore(address, prefix, library.index.generation)


def folder_of(library: Path) -> Path:
    """Return where the collections of Qdrant Edge lie."""
    return library / FOLDER
