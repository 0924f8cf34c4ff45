"""The index of a library as searches use it."""

from __future__ import annotations

from .index import SearchIndex
from .space import EmbeddingSpace
from .vector_hits import SearchedIndex


def searched(index: SearchIndex) -> SearchedIndex | None:
    """Return the collection that is searched; None where nothing is indexed. Raises IndexFault."""
    row = index.current
    if row is None:
        return None
    return SearchedIndex(index.store, EmbeddingSpace(**row.body), row.background_vectors)
