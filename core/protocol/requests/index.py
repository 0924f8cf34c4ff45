"""The index of vectors, as the library keeps its state."""

from __future__ import annotations

from dataclasses import dataclass

from ..request import Request


@dataclass(frozen=True, slots=True)
class IndexLine:
    """The vectors of one embedding model.

    `state` is `current` (searched), `building`, `kept` or `removed`; `precision` and `quantisation`
    are empty unless they were set.
    """

    name: str
    state: str
    model: str
    revision: str
    dimension: int
    precision: str
    quantisation: str
    vectors: int
    sources: int
    background_sentences: int
    """that scores are calibrated with; 0: scores are plain cosines"""
    created: str


@dataclass(frozen=True, slots=True)
class IndexLines:
    """All indexes, the oldest first, and where they are."""

    indexes: tuple[IndexLine, ...]
    waiting: int
    """vectors that are stored and not indexed yet"""
    missing_sources: int
    """sources that were removed from the index because their files are gone"""
    server: str
    """address of the Qdrant server; empty for the library's folder"""


@dataclass(frozen=True, slots=True)
class IndexExported:
    """An index was written to a file."""

    name: str
    vectors: int


@dataclass(frozen=True, slots=True)
class ExportIndex(Request[IndexExported], right="export", heavy=True):
    """Write an index to a file, the current one if none is named. `path` is absolute."""

    path: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class GetIndexes(Request[IndexLines], right="read", heavy=True):
    """All indexes of the library."""
