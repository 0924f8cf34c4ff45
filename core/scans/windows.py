"""From batches as they are read to microbatches with the frames around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..records import LumaBatch
from ..screening.cells import cell_means
from ..screening.stage import Window

_Rest = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]
"""grid, numbers and times of some frames"""


def windows(batches: Iterator[LumaBatch], context: int, lead: int, first: int) -> Iterator[Window]:
    """Yield one window per batch, each delayed until the `context` frames after it are read.

    The first `lead` frames that arrive belong to an earlier microbatch, kept already: they only
    surround the first window. `first` is the ordinal of the frame after them. Holds the batch
    itself and `context` frames on either side.
    """
    held = _Held(lead, first)
    for batch in batches:
        held.add(batch)
        while held.ready(context):
            yield held.take(context)
    while held.waiting:
        yield held.take(context)


class _Held:
    """Frames read and not yet handed on, and those before them."""

    def __init__(self, lead: int, first: int) -> None:
        self._lead = lead
        self._first = first
        # Luma stays in the pieces it came in: few stages look at it, and never at all of it.
        self._luma: list[NDArray[np.uint8]] = []
        self._rest: list[_Rest] = []
        self._sizes: list[int] = []
        self._scale = 1.0
        self._before = 0

    @property
    def waiting(self) -> bool:
        return bool(self._sizes)

    def add(self, batch: LumaBatch) -> None:
        self._luma.append(batch.luma)
        self._rest.append((cell_means(batch.luma), batch.indices, batch.pts_seconds))
        self._scale = batch.scale
        lead = min(self._lead, len(batch))
        self._lead -= lead
        self._before += lead
        if len(batch) > lead:
            self._sizes.append(len(batch) - lead)

    def ready(self, context: int) -> bool:
        return bool(self._sizes) and sum(self._sizes[1:]) >= context

    def take(self, context: int) -> Window:
        grid, indices, pts_seconds = self._joined()
        count, before = self._sizes.pop(0), self._before
        end = min(before + count + context, len(grid))
        core = slice(before, before + count)
        window = Window(
            pieces=tuple(_first_rows(self._luma, end)),
            grid=grid[:end],
            before=before,
            count=count,
            indices=indices[core],
            pts_seconds=pts_seconds[core],
            scale=self._scale,
            first=self._first,
            previous_seconds=float(pts_seconds[before - 1]) if before else -1.0,
        )
        self._first += count
        self._drop(max(before + count - context, 0), min(context, before + count))
        return window

    def _joined(self) -> _Rest:
        if len(self._rest) > 1:
            grids, indices, pts_seconds = zip(*self._rest, strict=True)
            joined = np.concatenate(grids), np.concatenate(indices), np.concatenate(pts_seconds)
            self._rest = [joined]
        return self._rest[0]

    def _drop(self, frames: int, before: int) -> None:
        grid, indices, pts_seconds = self._rest[0]
        self._rest[0] = grid[frames:], indices[frames:], pts_seconds[frames:]
        while frames >= len(self._luma[0]) and len(self._luma) > 1:
            frames -= len(self._luma.pop(0))
        self._luma[0] = self._luma[0][frames:]
        self._before = before


def _first_rows(pieces: list[NDArray[np.uint8]], rows: int) -> Iterator[NDArray[np.uint8]]:
    for piece in pieces:
        if rows > 0:
            yield piece[:rows]
        rows -= len(piece)
