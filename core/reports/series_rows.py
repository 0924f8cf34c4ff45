"""What a stage measured of some frames of a content, with the score of each, from what is kept."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import UnknownName
from ..protocol.requests.review import GetSeries, SeriesRows
from ..scans.stored_spec import spec_of
from ..screening.registry import columns_of, create, internal_of, width_of
from ..screening.stage import FrameScores, ScreeningStage, Series
from ..storage.library import Library
from ..text import clean
from .content_scans import scan_over

_DIGITS = 6
"""significant digits of a value"""


class StageSeries:
    """A part of the series of a stage: rows `start` to `end` - 1 of it hold the frames asked for.

    Raises UnknownName for a content, a scan or a stage that is not there.
    """

    def __init__(self, library: Library, request: GetSeries) -> None:
        self._library = library
        self._scan, spec_hash = scan_over(library, request.content, request.scan)
        self._name = request.stage
        self._key = self._series_key(request.content, spec_hash)
        self._stage = self._opened(request.content)
        ordinals = library.series.ordinal_of
        self.start = ordinals(self._key, max(request.first, 0))
        self.end = max(ordinals(self._key, max(request.last, 0)), self.start)

    def rows(self, start: int, end: int) -> SeriesRows:
        """Return rows of the series with the score of each frame."""
        around, step = (0, 1) if self._stage is None else self._stage.rows_around()
        first = max(start - around, 0) // step * step
        part = self._library.series.rows(self._key, first, end + around, width_of(self._name))
        columns = columns_of(self._name, part.values.shape[1])
        own = slice(start - part.first, end - part.first)
        track = Series(columns, part.indices, part.pts_seconds, part.values)
        scored = self._scored(track)
        shown = [n for n, each in enumerate(columns) if each not in internal_of(self._name)]
        return SeriesRows(
            self._scan, self._name, None if scored is None else scored.threshold,
            tuple(columns[n] for n in shown),
            tuple(part.indices[own].tolist()),
            tuple(part.pts_seconds[own].tolist()),
            () if scored is None else _values(scored.scores[own]),
            tuple(_values(part.values[own, n]) for n in shown),
        )  # fmt: skip

    def _series_key(self, content: str, spec_hash: str) -> str:
        result = self._library.results.get(content, spec_hash)
        tracks = {} if result is None else result.tracks
        if self._name not in tracks:
            known = ", ".join(tracks) or "none"
            raise UnknownName(
                f"scan {self._scan} measured nothing by '{clean(self._name, limit=40)}'; "
                f"stages: {known}"
            )
        return tracks[self._name]

    def _opened(self, content: str) -> ScreeningStage | None:
        """Return the stage, ready for the source; None for one of a plugin that is not here."""
        try:
            stage = create(self._name)
        except UnknownName:
            return None
        stage.open(self._library.results.info(content, ""), spec_of(self._library, self._scan))
        return stage if isinstance(stage, ScreeningStage) else None

    def _scored(self, track: Series) -> FrameScores | None:
        if self._stage is None or not len(track):
            return None
        return self._stage.frame_scores(track)


def _values(column: NDArray[np.float32]) -> tuple[float | None, ...]:
    return tuple(
        float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None for value in column.tolist()
    )
