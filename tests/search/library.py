"""A library with vectors as scans keep them, without a model: where tests of the index start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.records import SourceInfo
from core.search.index import SearchIndex
from core.search.indexing import Indexer
from core.storage.library import Library
from core.stores.answers import Annotation, AnswerKey

DIMENSION = 16
IDENTITY = {
    "version": 1, "model": "tiny/clip", "revision": "a" * 40, "family": "clip",
    "dtype": "float32", "attn": "sdpa", "quantize": "none", "preprocessing": "p" * 32,
}  # fmt: skip


def identity(**changed: Any) -> dict[str, Any]:
    """Return what identifies an embedder."""
    return {**IDENTITY, **changed}


def vectors(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return float32 (count, DIMENSION) of unit length."""
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def add_source(library: Library, path: Path | str, content: str, **metadata: Any) -> None:
    """Keep that a file was read."""
    info = SourceInfo(str(path), "video", content, 1, 64, 48, "mp4", "h264", metadata=metadata)
    library.results.remember([(info, 1_700_000_000_000_000_000)])


def embed(
    library: Library, content: str, rows: Iterable[Any], *, made: dict[str, Any] | None = None,
    part: str = "", first: int = 0, **changed: Any,
) -> None:  # fmt: skip
    """Keep vectors of the frames of a content, as the stage does."""
    key = library.annotations.register(AnswerKey("embed", identity(**changed), made or {}))
    notes = [
        Annotation("embed", first + n, (first + n) / 2, part, {}, np.asarray(row, np.float32))
        for n, row in enumerate(rows)
    ]
    library.annotations.keep(key, [(content, note) for note in notes])


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Library, SearchIndex]]:
    """Open a library for writing, and its index."""
    library = Library(folder)
    index = SearchIndex(library, writable=True)
    try:
        yield library, index
    finally:
        index.close()
        library.close()


@contextmanager
def indexer_of(index: SearchIndex, notes: list[str] | None = None) -> Iterator[Indexer]:
    """Lend the indexer."""
    with index.indexer((notes if notes is not None else []).append) as found:
        yield found


def agreement(library: Library, index: SearchIndex) -> None:
    """Assert that each collection holds what the database says, nothing twice, nothing missing."""
    for space in library.index.spaces():
        kept = {point.point: vector for point, vector in library.index.vectors(space.id)}
        assert len(kept) == library.index.count(space.id)
        page = index.store.scroll(space.name, limit=100_000, vectors=True)
        assert [each.id for each in page.points] == sorted(kept)
        for each in page.points:
            row = kept[each.id]
            unit = row.vector / np.linalg.norm(row.vector)
            assert np.allclose(each.vector, unit, atol=1e-3)
            where = (each.payload["content"], each.payload["frame"])
            assert where == (row.content, row.frame)
