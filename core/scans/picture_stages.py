"""The screening stages of a scan as they apply to pictures.

`in_reader` runs in a reader process: what the stages measure of a picture is a few numbers, so its
luma need not leave the process that decoded it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.spec import Spec
from ..config.stages import STAGES
from ..records import Candidate, LumaBatch, SourceInfo
from ..screening.cells import cell_means
from ..screening.registry import create
from ..screening.stage import ScreeningResult, Series, Stage, Window, candidates_of
from ..stores.series import SeriesHeader, SeriesKeys, SeriesPart, SeriesStore, picture_key
from ..text import counted
from .measure import measure_settings

IN_READER = f"{__name__}:in_reader"
Values = NDArray[np.float32]
"""of one picture: float32 (1, columns)"""
_FIRST, _START = np.zeros(1, np.int64), np.zeros(1)
"""number and time of a picture's frame"""


class PictureStages:
    """Opens the stages of a spec for one picture after the other."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._names = tuple(
            name for name in spec.screening_stages if "picture" in create(name).kinds
        )
        self.widths = tuple(len(create(name).columns) for name in self._names)
        self._keys: dict[str, tuple[dict[str, Any], SeriesKeys]] = {}

    @property
    def built_in(self) -> bool:
        """Return whether none is a plugin's: those are not run in reader processes."""
        return all(name in STAGES.built_in for name in self._names)

    def open(self, info: SourceInfo) -> list[Stage]:
        """Return the stages, open for a picture."""
        stages = [create(name) for name in self._names]
        for stage in stages:
            stage.open(info, self._spec)
        return stages

    def header(self, stage: Stage, info: SourceInfo) -> SeriesHeader:
        """Return the header of the series of a picture."""
        known = self._keys.get(stage.name)
        if known is None:  # they depend on the kind of the source only
            settings = measure_settings(self._spec, stage.name, info)
            known = settings, SeriesKeys(stage.name, stage.version, settings)
            self._keys[stage.name] = known
        settings, keys = known
        key = picture_key(info.content, keys.of(info.content))
        return SeriesHeader(key, info.content, stage.name, stage.version, settings)

    def kept(self, store: SeriesStore, info: SourceInfo) -> list[tuple[Stage, Series]] | None:
        """Return the series of a picture; None where one of them is not kept."""
        stages = self.open(info)
        keys = [self.header(stage, info).key for stage in stages]
        if not all(store.state(key).complete for key in keys):
            return None
        values = [store.whole(key, len(stage.columns)).values
                  for key, stage in zip(keys, stages, strict=True)]  # fmt: skip
        return series_of(stages, values)

    def split(self, values: NDArray[np.float32]) -> Iterator[Values]:
        """Yield the values of each stage, of those of all in a row. Raises ValueError."""
        if values.size != sum(self.widths):
            raise ValueError(f"{counted(values.size, 'value')} instead of {sum(self.widths)}")
        start = 0
        for width in self.widths:
            yield values[start : start + width].reshape(1, width)
            start += width


def measured(stages: list[Stage], batch: LumaBatch) -> list[Values]:
    """Return what stages measure of a picture."""
    grid = cell_means(batch.luma)
    window = Window((batch.luma,), grid, 0, 1, batch.indices, batch.pts_seconds, batch.scale, 0)
    return [stage.finish(stage.infer(stage.prepare(window))) for stage in stages]


def part_of(values: Values) -> SeriesPart:
    """Return the values of one stage as the series of a picture."""
    return SeriesPart(0, _FIRST, _START, values)


def series_of(stages: list[Stage], values: list[Values]) -> list[tuple[Stage, Series]]:
    """Return what each stage measured of a picture as its series."""
    return [
        (stage, Series(stage.columns, _FIRST, _START, own))
        for stage, own in zip(stages, values, strict=True)
    ]


def decided(stages: list[Stage], values: list[Values]) -> ScreeningResult:
    """Let each stage decide over what it measured of a picture."""
    candidates: list[Candidate] = []
    for stage, series in series_of(stages, values):
        candidates += candidates_of(stage, series)
    return ScreeningResult(candidates, 1 if values else 0)


def in_reader(settings: dict[str, Any]) -> Callable[[SourceInfo, LumaBatch], Values]:
    """Return what measures pictures with the settings of a spec: all stages' values in a row."""
    stages = PictureStages(Spec.model_validate(settings))

    def measure(info: SourceInfo, batch: LumaBatch) -> Values:
        values = measured(stages.open(info), batch)
        return np.concatenate([each.ravel() for each in values]) if values else np.zeros(0, "<f4")

    return measure
