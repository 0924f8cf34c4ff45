"""Embedding spaces of the vectors in a library: only vectors of one space are compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..errors import UnknownName
from ..search.space import EmbeddingSpace, space_of
from ..storage.library import Library
from ..storage.stored_vectors import VectorSource
from ..text import clean


@dataclass(frozen=True)
class StoredSpace:
    """A space, and how the vectors of it that the library keeps were made."""

    space: EmbeddingSpace
    sources: tuple[VectorSource, ...]

    @property
    def name(self) -> str:
        """Return the model and its commit, for people."""
        return f"{self.space.model}@{self.space.revision[:12]}"


def stored_spaces(library: Library) -> list[StoredSpace]:
    """Return every space that the library keeps vectors of, in the order they were made."""
    found: dict[EmbeddingSpace, list[VectorSource]] = {}
    for source in library.vectors.sources():
        space = space_of(
            source.identity, source.dimension, precision_is_set=source.precision_is_set
        )
        found.setdefault(space, []).append(source)
    return [StoredSpace(space, tuple(sources)) for space, sources in found.items()]


def most_used(library: Library, wanted: Collection[str], model: str = "") -> StoredSpace | None:
    """Return the space in which most of some contents have vectors, the newest of equals.

    Only spaces whose model or commit contains `model`. Raises UnknownName if none does.
    """
    spaces = _of_model(stored_spaces(library), model)
    known = set(wanted)
    counts = [len(library.vectors.contents(each.sources) & known) for each in spaces]
    best = max(range(len(spaces)), key=lambda n: (counts[n], n), default=None)
    return None if best is None or not counts[best] else spaces[best]


def _of_model(spaces: Iterable[StoredSpace], model: str) -> list[StoredSpace]:
    every = list(spaces)
    found = [each for each in every if model.casefold() in each.name.casefold()]
    if model and not found:
        names = ", ".join(each.name for each in every) or "none"
        raise UnknownName(
            f"no vectors of a model '{clean(model)}' in this library; there are those of: {names}"
        )
    return found
