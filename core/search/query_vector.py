"""Queries as vectors of an index: texts and images embedded, weighted and added up."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..config.spec import tagged_hash
from ..errors import UsageError
from ..protocol.search_terms import SearchTerm
from ..sources.content import content_hash
from ..text import clean, clean_path
from .cache import SearchCache
from .query_models import QueryModels
from .space import EmbeddingSpace

if TYPE_CHECKING:
    from ..models.protocols import Embedder

Vector = NDArray[np.float32]
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "there is {} in the scene")
"""of which short queries are the mean: models learned from sentences, not from single words"""
SHORT_WORDS = 2
_VERSION = 1
"""of the way in which texts become vectors"""


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A query as float32 (dimension,), divided so that unrelated texts give it the spread of one.

    `weight` is the sum of the weights of its texts, divided alike. It `is_calibrated` if all of it
    is text: what images reach by chance is not known. `own` are frames that it was taken from.
    """

    vector: Vector
    weight: float
    is_calibrated: bool
    key: str
    own: frozenset[tuple[str, int]] = frozenset()
    notes: tuple[str, ...] = ()
    subtracted: tuple[QueryVector, ...] = ()
    """each text that is subtracted, as a query of its own"""


@dataclass(frozen=True, slots=True)
class StoredVector:
    """A vector of the library that a term names: nothing has to be embedded."""

    vector: Vector
    content: str
    frame: int


class QueryVectors:
    """Embeds queries; vectors that were computed before are taken from the cache."""

    def __init__(self, space: EmbeddingSpace, cache: SearchCache, models: QueryModels) -> None:
        self._space = space
        self._cache = cache
        self._models = models

    def of(self, terms: Sequence[SearchTerm], stored: Sequence[StoredVector | None]) -> QueryVector:
        """Return the vector of terms; `stored` are vectors of the library that terms name.

        Raises UsageError for an image that cannot be read, or terms that cancel out.
        """
        keys = [self._key(term) for term in terms]
        found: list[tuple[Vector, str] | None] = [
            (own.vector, "") if own is not None else self._kept(key)
            for own, key in zip(stored, keys, strict=True)
        ]
        lacking = [n for n, each in enumerate(found) if each is None]
        for n, made in zip(lacking, self._embedded([terms[n] for n in lacking]), strict=True):
            found[n] = made
            self._cache.put("vector", keys[n], _packed(*made))
        vectors = [each for each in found if each is not None]
        own = frozenset((each.content, each.frame) for each in stored if each is not None)
        notes = tuple(dict.fromkeys(note for _, note in vectors if note))
        return _sum(terms, [vector for vector, _ in vectors], keys, own, notes)

    def _key(self, term: SearchTerm) -> str:
        if term.kind == "text":
            named: list[object] = [term.value]
        else:
            named = [_content(term.value), term.when and [term.when.seconds, term.when.timecode],
                     term.box]  # fmt: skip
        return tagged_hash("query", [_VERSION, self._space.digest, term.kind, *named])

    def _kept(self, key: str) -> tuple[Vector, str] | None:
        kept = self._cache.get("vector", key)
        size = self._space.dimension * 4
        if kept is None or len(kept) < size:
            return None
        return np.frombuffer(kept[:size], "<f4").copy(), kept[size:].decode(errors="replace")

    def _embedded(self, terms: Sequence[SearchTerm]) -> Iterator[tuple[Vector, str]]:
        if not terms:
            return
        images = [_pixels(term) if term.kind == "image" else None for term in terms]
        texts_only = all(term.kind == "text" for term in terms)
        with self._models.lent(self._space, texts_only=texts_only) as model:
            for term, pixels in zip(terms, images, strict=True):
                if pixels is None:
                    yield _of_text(model, term.value)
                else:
                    yield model.embed(model.prepare([pixels]))[0], ""


def wordings(text: str) -> list[str]:
    """Return the texts whose mean a text is embedded as: itself alone, unless it is short."""
    words = text.split()
    if len(words) > SHORT_WORDS or not text.isascii():
        return [text]
    return [template.replace("{}", text) for template in TEMPLATES]


def _pixels(term: SearchTerm) -> NDArray[np.uint8]:
    from ..config.screening_settings import Limits
    from .query_images import pixels_of

    return pixels_of(term, Limits())


def _of_text(model: Embedder, text: str) -> tuple[Vector, str]:
    shown = clean(text, limit=10_000)
    mean = model.embed_texts(wordings(shown)).mean(axis=0)
    unseen = getattr(model, "unseen_text", None)
    cut = unseen(shown) if unseen else ""
    note = f"the model does not see the end of the query, from: {clean(cut, limit=80)}"
    return (mean / np.linalg.norm(mean)).astype(np.float32), note if cut else ""


def _sum(
    terms: Sequence[SearchTerm], vectors: Sequence[Vector], keys: Sequence[str],
    own: frozenset[tuple[str, int]], notes: tuple[str, ...],
) -> QueryVector:  # fmt: skip
    weights = np.array([term.weight for term in terms], np.float64)
    total = (weights[:, None] * np.array(vectors, np.float64)).sum(axis=0)
    if np.linalg.norm(total) < 1e-6:
        raise UsageError("the terms of the query cancel out; nothing is left to look for")
    scale = float(np.sqrt((weights**2).sum()))
    is_text = all(term.kind == "text" for term in terms)
    key = tagged_hash("terms", [[key, term.weight] for key, term in zip(keys, terms, strict=True)])
    weight = float(weights.sum()) / scale
    subtracted = tuple(
        QueryVector(vector, 1.0, True, key)
        for term, vector, key in zip(terms, vectors, keys, strict=True)
        if term.kind == "text" and term.weight < 0
    )
    vector = (total / scale).astype(np.float32)
    return QueryVector(vector, weight, is_text, key, own, notes, subtracted)


def _content(path: str) -> str:
    try:
        return content_hash(path)
    except FileNotFoundError:
        raise UsageError(f"the query image {clean_path(path)} does not exist") from None
    except OSError as error:
        why = "it is a folder" if os.path.isdir(path) else error.strerror
        raise UsageError(f"the query image {clean_path(path)} cannot be read: {why}") from None


def _packed(vector: Vector, note: str) -> bytes:
    return vector.astype("<f4").tobytes() + note.encode(errors="replace")
