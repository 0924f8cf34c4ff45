"""From batches as they are read to microbatches with the frames around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..records import LumaBatch
from ..screening.cells import cell_means
from ..screening.stage import Window


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
        self._batches: list[LumaBatch] = []
        self._grids: list[NDArray[np.float32]] = []
        self._sizes: list[int] = []
        self._before = 0

    @property
    def waiting(self) -> bool:
        return bool(self._sizes)

    def add(self, batch: LumaBatch) -> None:
        self._batches.append(batch)
        self._grids.append(cell_means(batch.luma))
        lead = min(self._lead, len(batch))
        self._lead -= lead
        self._before += lead
        if len(batch) > lead:
            self._sizes.append(len(batch) - lead)

    def ready(self, context: int) -> bool:
        return bool(self._sizes) and sum(self._sizes[1:]) >= context

    def take(self, context: int) -> Window:
        self._join()
        batch, count, before = self._batches[0], self._sizes.pop(0), self._before
        end = min(before + count + context, len(batch))
        core = slice(before, before + count)
        previous = float(batch.pts_seconds[before - 1]) if before else -1.0
        window = Window(
            luma=batch.luma[:end],
            grid=self._grids[0][:end],
            before=before,
            count=count,
            indices=batch.indices[core],
            pts_seconds=batch.pts_seconds[core],
            scale=batch.scale,
            first=self._first,
            previous_seconds=previous,
        )
        self._first += count
        self._drop(max(before + count - context, 0), min(context, before + count))
        return window

    def _join(self) -> None:
        if len(self._batches) == 1:
            return
        self._grids = [np.concatenate(self._grids)]
        parts = self._batches
        self._batches = [
            LumaBatch(
                np.concatenate([part.indices for part in parts]),
                np.concatenate([part.pts_seconds for part in parts]),
                np.concatenate([part.luma for part in parts]),
                parts[0].scale,
            )
        ]

    def _drop(self, frames: int, before: int) -> None:
        batch = self._batches[0]
        self._batches[0] = LumaBatch(
            batch.indices[frames:], batch.pts_seconds[frames:], batch.luma[frames:], batch.scale
        )
        self._grids[0] = self._grids[0][frames:]
        self._before = before
