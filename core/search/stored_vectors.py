"""Vectors that a library holds of what a query names: nothing has to be embedded for them."""

from __future__ import annotations

from collections.abc import Iterator

from ..protocol.search_terms import SearchTerm
from ..storage.library import Library
from .query_vector import StoredVector
from .space import FRAME
from .vector_hits import SearchedIndex


def stored_vector(library: Library, index: SearchedIndex, term: SearchTerm) -> StoredVector | None:
    """Return the vector of a frame or object that was indexed; None where there is none.

    A time names an indexed frame only if it is that frame's own.
    """
    for content in _contents(library, term.value):
        for frame in _frames(library, content, term):
            id_ = index.space.point_id(content, frame, _part(term))
            for point in index.store.retrieve(index.space.name, [id_]):
                return StoredVector(point.vector, content, frame)
    return None


def _contents(library: Library, path: str) -> Iterator[str]:
    """Yield the contents that a path had in scans, the newest first, if it is unchanged."""
    seen = set()
    for _, _, content in library.runs.latest_of(path):
        if content not in seen and library.found_sources.is_unchanged(path, content):
            seen.add(content)
            yield content


def _frames(library: Library, content: str, term: SearchTerm) -> list[int]:
    if term.when is None:
        return [0]
    if term.when.timecode:
        return []
    seconds, tolerance = term.when.seconds, term.when.tolerance_seconds
    return library.found_sources.frames_at(content, seconds, tolerance)


def _part(term: SearchTerm) -> str:
    return FRAME if term.box is None else ",".join(f"{value:.0f}" for value in term.box)
