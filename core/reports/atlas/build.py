"""The map of a library: points, groups and their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtra, UnknownName, UsageError
from ...protocol.requests.maps import (
    POINTS_OF_A_PART,
    GetMap,
    MapGroup,
    MapPart,
    MapPoint,
    MapSummary,
)
from ...storage.library import Library
from ...storage.media_files import MediaFile
from ...storage.stored_vectors import FrameVectors
from ...text import counted
from ..copies.present import files_in_scope
from ..spaces import StoredSpace, most_used
from .grouping import MOST_GROUPS, Matrix, groups_for, k_means, principal
from .naming import names, words_of

LEAST_POINTS = 3
_MARGIN = 0.5
"""percent of points on each side that may lie at the edge of the map, so that none takes it all"""
_SPACE = 0.1
"""share of the map that is added on each side for points a little farther out"""


def map_parts(library: Library, request: GetMap) -> Iterator[MapPart]:
    """Yield the points of a map in parts, then its groups. Raises UsageError, UnknownName.

    Raises MissingExtra for a layout that is not installed.
    """
    if not 0 <= request.groups <= MOST_GROUPS:
        raise UsageError(
            f"the number of groups is 1 to {MOST_GROUPS}, or 0 for the one that suits best"
        )
    files = files_in_scope(library, request.paths, request.scan)
    by_content: dict[str, MediaFile] = {file.content: file for file in reversed(files)}
    space = _space(library, by_content, request.model)
    found = library.vectors.of(space.sources, by_content)
    if len(found) < LEAST_POINTS:
        least = counted(LEAST_POINTS, "frame")
        raise UnknownName(f"a map needs vectors of at least {least}; {_how()}")
    axes, shares = principal(found.values)
    group_of = k_means(axes, request.groups or groups_for(axes))
    plane = _within(_laid_out(axes, request.layout))
    points = [
        MapPoint(by_content[content].path, int(frame), float(seconds), int(group), *place)
        for content, frame, seconds, group, place in zip(
            found.contents, found.frames, found.seconds, group_of, plane.tolist(), strict=True
        )
    ]
    for first in range(0, len(points), POINTS_OF_A_PART):
        yield MapPart(tuple(points[first : first + POINTS_OF_A_PART]))
    with_vector = set(found.contents)
    have = sum(file.content in with_vector for file in files)
    explained = float(shares[:2].sum()) if request.layout == "pca" else 0.0
    summary = MapSummary(
        space.name, request.layout, have, len(files) - have, len(points), round(explained, 4)
    )
    yield MapPart((), tuple(_groups(library, found, group_of, plane)), summary)


def _space(library: Library, contents: dict[str, MediaFile], model: str) -> StoredSpace:
    space = most_used(library, contents, model)
    if space is None:
        raise UnknownName(f"no vector of {counted(len(contents), 'file')} is stored; {_how()}")
    return space


def _how() -> str:
    return "compute them first: sightline scan PATH --profile index"


def _laid_out(axes: Matrix, layout: str) -> Matrix:
    if layout == "pca":
        flat = np.zeros((len(axes), 2), np.float32)
        flat[:, : min(axes.shape[1], 2)] = axes[:, :2]
        return flat
    return _by_tsne(axes)


def _by_tsne(axes: Matrix) -> Matrix:
    """Lay points out by t-SNE (van der Maaten and Hinton, 2008), begun from their components."""
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise MissingExtra("--layout tsne needs openTSNE: pip install 'sightline[map]'") from error
    perplexity = min(30.0, max((len(axes) - 1) / 3, 1.0))
    found = TSNE(perplexity=perplexity, initialization="pca", random_state=0).fit(axes)
    return np.asarray(found, np.float32)


def _within(plane: Matrix) -> NDArray[np.float64]:
    """Return points between 0 and 1, float64 (points, 2); those far out lie at the edge."""
    low, high = np.percentile(plane, (_MARGIN, 100 - _MARGIN), axis=0)
    low, high = low - _SPACE * (high - low), high + _SPACE * (high - low)
    span = np.maximum(high - low, 1e-9)
    return np.asarray(np.clip((plane - low) / span, 0.0, 1.0).round(5), np.float64)


def _groups(
    library: Library, found: FrameVectors, group_of: NDArray[np.int64], plane: NDArray[np.float64]
) -> Iterator[MapGroup]:
    said = library.frame_words.of(set(found.contents))
    places = zip(found.contents, found.frames.tolist(), strict=True)
    words = [words_of(*said.get(place, ((), ()))) for place in places]
    named = names(group_of.tolist(), words)
    for number in range(int(group_of.max()) + 1):
        rows = np.flatnonzero(group_of == number)
        middle = np.median(plane[rows], axis=0)
        example = rows[_nearest_to_mean(found.values[rows])]
        x, y = middle.round(5).tolist()
        yield MapGroup(number, named.get(number, ()), len(rows), x, y, int(example))


def _nearest_to_mean(vectors: Matrix) -> int:
    return int((vectors @ vectors.mean(axis=0)).argmax())


def group_name(words: Sequence[str], number: int) -> str:
    """Return a group's name: its words, or its number where nothing was said of its points."""
    return ", ".join(words) or f"group {number + 1}"
