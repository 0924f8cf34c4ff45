"""Where a moment really starts, peaks and ends: every frame around it decoded and embedded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..config.screening_settings import Sampling
from ..inference.frames import SIDE_OF_VECTORS
from ..models.protocols import Embedder
from ..records import ColourBatch, SourceInfo
from ..sources.reader import Reader
from .found import Listed
from .moments import half_height
from .query_vector import QueryVector

_BATCH = 16
MOST_FRAMES = 3000
"""around one moment: a longer one keeps the ends that the index gives it"""


def refined(
    row: Listed, info: SourceInfo, indexed: Mapping[int, float], query: QueryVector,
    model: Embedder, reader: Reader,
) -> Listed | None:  # fmt: skip
    """Return a moment with the ends and the peak that its frames have.

    They are where the score falls below half of its height, counted from the lowest between the
    indexed frames before and after the moment. None where it is too long. Raises SourceError.
    """
    before = max((f for f in indexed if f < row.start_frame), default=0)
    after = min((f for f in indexed if f > row.end_frame), default=None)
    if (after or row.end_frame) - before > MOST_FRAMES:
        return None
    frames: list[int] = []
    seconds: list[float] = []
    scores: list[float] = []
    for batch in _batches(reader, info, before, indexed.get(before, 0.0), after):
        vectors = model.embed(model.prepare(list(batch.rgb)))
        frames += batch.indices.tolist()
        seconds += batch.pts_seconds.tolist()
        scores += (vectors @ query.vector).tolist()
    return _stretch(row, frames, seconds, scores) if frames else row


def _batches(
    reader: Reader, info: SourceInfo, first: int, first_seconds: float, last: int | None
) -> Iterator[ColourBatch]:
    """Yield the frames `first` to `last`, or to the end of the video but at most `MOST_FRAMES`."""
    stream = "auto" if info.asked_stream is None else info.asked_stream
    limit = first + MOST_FRAMES if last is None else last
    sampling = Sampling(mode="every", stream=stream, max_frames=limit + 1)
    items = reader.colour(
        info.path, sampling, _BATCH, SIDE_OF_VECTORS, skip=first, skip_seconds=first_seconds
    )
    with closing(items):
        for item in items:
            if not isinstance(item, ColourBatch):
                continue
            kept = item.indices <= limit
            if kept.any():
                yield _some(item, kept)
            if not kept.all():
                return


def _some(batch: ColourBatch, kept: NDArray[np.bool_]) -> ColourBatch:
    return ColourBatch(batch.indices[kept], batch.pts_seconds[kept], batch.rgb[kept], batch.scale)


def _stretch(row: Listed, frames: list[int], seconds: list[float], scores: list[float]) -> Listed:
    inside = [n for n, f in enumerate(frames) if row.start_frame <= f <= row.end_frame]
    peak = max(inside or range(len(frames)), key=lambda n: scores[n])
    first, last = half_height(scores, peak)
    match = replace(
        row.match, seconds=seconds[peak], place=row.match.place._replace(frame=frames[peak])
    )
    return replace(
        row, match=match, start_frame=frames[first], end_frame=frames[last],
        start_seconds=seconds[first], end_seconds=seconds[last],
    )  # fmt: skip
