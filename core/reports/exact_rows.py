"""Moments of a page of search hits, refined by the frames around them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..config.screening_settings import Limits
from ..errors import SourceError
from ..models.protocols import Embedder
from ..search.exact import MOST_FRAMES, refined
from ..search.found import Listed, indexed_times
from ..search.query_vector import QueryVector
from ..search.vector_hits import SearchedIndex
from ..sources.reader import Reader
from ..storage.found_sources import FoundSource
from ..storage.library import Library
from ..text import clean_path, counted


def exact_rows(
    library: Library, page: Sequence[Listed], index: SearchedIndex, query: QueryVector,
    model: Embedder, notes: list[str],
) -> list[Listed]:  # fmt: skip
    """Return rows with exact ends; what cannot be read keeps those of the index, and is noted."""
    sources = library.found_sources.of(list({row.match.place.content for row in page}))
    reader = Reader(Limits())
    found = []
    try:
        for row in page:
            source = sources.get(row.match.place.content)
            path = _there(source)
            is_video = source is not None and source.kind == "video"
            exact = is_video and path
            found.append(
                _refined(library, row, path, index, query, model, reader, notes) if exact else row
            )
    finally:
        reader.close()
    return found


def _refined(
    library: Library, row: Listed, path: str, index: SearchedIndex, query: QueryVector,
    model: Embedder, reader: Reader, notes: list[str],
) -> Listed:  # fmt: skip
    content = row.match.place.content
    info = library.results.info(content, path)
    try:
        exact = refined(row, info, indexed_times(content, index), query, model, reader)
    except SourceError as error:
        notes.append(f"{clean_path(path)} cannot be read again: {error}")
        return row
    if exact is None:
        notes.append(
            f"{clean_path(path)}: a moment of more than {counted(MOST_FRAMES, 'frame')} keeps the "
            "ends of the index"
        )
    return exact or row


def _there(source: FoundSource | None) -> str:
    paths = source.paths if source is not None else []
    return next((path for path in reversed(paths) if os.path.exists(path)), "")
