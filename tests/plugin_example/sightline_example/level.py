"""`level`: a screening stage that measures how bright each frame is, and proposes nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.config.section import MEASURE, Section
from core.records import Candidate, SourceKind
from core.screening.stage import ScreeningStage, Series, Window


class Level(Section):
    """Mean luma of each frame."""

    scale: float = Field(1.0, gt=0, description="factor of the level", json_schema_extra=MEASURE)


class LevelStage(ScreeningStage):
    """Measures the mean luma of each frame, times a factor."""

    name: ClassVar[str] = "level"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Level
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video", "picture"})
    columns: ClassVar[tuple[str, ...]] = ("level",)

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Return the mean luma of each frame, float32 (frames, 1)."""
        own = window.luma[window.before : window.before + window.count]
        scale = self.spec.settings(Level).scale
        return np.asarray(own.mean((1, 2), dtype=np.float64) * scale, np.float32)[:, None]

    def decide(self, track: Series) -> list[Candidate]:
        """Propose nothing: the measurements are what it is for."""
        return []
