"""Files whose vectors are alike, in the embedding space that most of them have vectors of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...storage.library import Library
from ...storage.media_files import MediaFile
from ..spaces import most_used
from .keeping import components, preference, stars

PROJECTED = 64
BLOCK = 512
"""vectors compared with all others at once: 120 MB for 60,000"""
_ROUNDING = 1e-5
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class EmbeddedFiles:
    """Files with one vector each, float32 (files, dimension), of length 1.

    That of a video is the normalised mean over its frames. `space` names the model.
    """

    files: list[MediaFile]
    vectors: Vectors
    space: str


def embedded(library: Library, files: Sequence[MediaFile]) -> EmbeddedFiles:
    """Return those of some files that have a vector of the space that most of them have."""
    contents = {file.content for file in files}
    space = most_used(library, contents)
    if space is None:
        return EmbeddedFiles([], np.zeros((0, 0), np.float32), "")
    found = library.vectors.of(space.sources, contents)
    names, owner = np.unique(np.array(found.contents, object).astype(str), return_inverse=True)
    sums = np.zeros((len(names), found.values.shape[1]), np.float32)
    np.add.at(sums, owner, found.values)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    vectors = sums / np.maximum(lengths, np.float32(1e-12))
    rows = {name: row for row, name in enumerate(names.tolist())}
    own = [file for file in files if file.content in rows]
    return EmbeddedFiles(own, vectors[[rows[file.content] for file in own]], space.name)


def alike_groups(
    embedded_files: EmbeddedFiles, similarity: float
) -> Iterator[list[tuple[MediaFile, float]]]:
    """Yield groups of files of one kind with their similarity to the first, the kept one."""
    for kind in ("picture", "video"):
        rows = [n for n, file in enumerate(embedded_files.files) if file.kind == kind]
        files = [embedded_files.files[n] for n in rows]
        yield from _groups(files, embedded_files.vectors[rows], similarity)


def _groups(
    files: list[MediaFile], vectors: Vectors, similarity: float
) -> Iterator[list[tuple[MediaFile, float]]]:
    def near(kept: int, others: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(vectors[others] @ vectors[kept] >= similarity - _ROUNDING)

    pairs = list(similar_pairs(vectors, similarity))
    left, right = (
        (np.concatenate(side) for side in zip(*pairs, strict=True))
        if pairs
        else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    )
    for linked in components(len(files), left, right):
        for group in stars(sorted(linked, key=lambda n: preference(files[n])), near):
            cosines = (vectors[group] @ vectors[group[0]]).tolist()
            yield [(files[n], min(c, 1.0)) for n, c in zip(group, cosines, strict=True)]


def similar_pairs(
    vectors: Vectors, similarity: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield all pairs (left before right) with at least a cosine; vectors have length 1.

    Vectors are first compared in the `PROJECTED` directions in which they spread most. What is left
    out of two vectors adds at most the product of its lengths to their cosine (Cauchy-Schwarz), so
    no pair is missed.
    """
    bound = _with_bound(vectors) if vectors.shape[1] > 2 * PROJECTED else vectors
    least = similarity - _ROUNDING
    for first in range(0, len(vectors), BLOCK):
        block = bound[first : first + BLOCK] @ bound[first:].T
        left, right = np.nonzero(block >= least)
        ordered = left < right
        left, right = left[ordered] + first, right[ordered] + first
        sure = np.einsum("nd,nd->n", vectors[left], vectors[right]) >= least
        yield left[sure], right[sure]


def _with_bound(vectors: Vectors) -> Vectors:
    """Return float32 (n, `PROJECTED` + 1): projections, and the length of what is left out."""
    sample = vectors[:: max(len(vectors) // 5000, 1)].astype(np.float64)
    _, directions = np.linalg.eigh(sample.T @ sample)
    projected = vectors @ directions[:, -PROJECTED:].astype(np.float32)
    rest = 1.0 - np.einsum("nd,nd->n", projected, projected)
    return np.hstack([projected, np.sqrt(np.maximum(rest, 0.0))[:, None]]).astype(np.float32)
