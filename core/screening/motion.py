"""Motion: stretches of frames in which something moves.

What moves leaves one place and reaches another: some cells brighten while others darken. The
measure is twice the lesser of the two shares of cells, after the typical change of all cells is
taken off: a flash or an exposure step goes one way only and is not motion.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..config.section import Section, Share
from ..records import Candidate, SourceKind
from . import cells
from .proposals import stretches
from .stage import FrameScores, ScreeningStage, Series, Window

CHANGED_LEVELS = 4.0
MIDDLE_SHARE = 0.004
"""share of cells that must change in the middle of the dial: four cells of a 16:9 frame"""
JOIN_SECONDS = 0.5


class Motion(Section):
    """Intervals with motion."""

    sensitivity: Share = Field(
        0.5, description="0 finds only the most obvious, 1 also the faintest"
    )
    min_seconds: float = Field(0.3, ge=0, description="shorter movements are ignored")


class MotionStage(ScreeningStage):
    """Measures how much of the frame moves, and proposes stretches of motion."""

    name: ClassVar[str] = "motion"
    version: ClassVar[int] = 3
    Settings: ClassVar[type[Section]] = Motion
    events: ClassVar[bool] = True
    in_regions: ClassVar[bool] = True
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video"})
    columns: ClassVar[tuple[str, ...]] = ("share", "strength", "x", "y", "width", "height")
    context = 1

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Measure each frame against the one before it."""
        grid, own = self.masked_grid(window)
        steps = np.diff(grid, axis=0, prepend=grid[:1])[own]
        flat = steps.reshape(len(steps), -1)
        middle = flat.shape[1] // 2
        usual = np.partition(flat, middle, axis=1)[:, middle]
        moved = steps - usual[:, None, None]
        brighter, darker = moved > CHANGED_LEVELS, moved < -CHANGED_LEVELS
        changed = brighter | darker
        out = np.zeros((len(steps), len(self.columns)), np.float32)
        out[:, 0] = 2 * np.minimum(brighter.mean((1, 2)), darker.mean((1, 2)))
        out[:, 1] = np.abs(moved).reshape(len(moved), -1).max(1)
        moving = np.flatnonzero(out[:, 0])
        out[moving, 2:6] = cells.bounds_of_each(changed[moving])
        return out

    def decide(self, track: Series) -> list[Candidate]:
        """Propose every stretch above the threshold; accept those long enough."""
        needed = self._needed()
        share = track.column("share")
        gap = max(1, round(JOIN_SECONDS * len(track) / max(_length_seconds(track), 1e-6)))
        found = []
        for stretch in stretches(share > needed, share, gap):
            lasted = float(track.pts_seconds[stretch.last] - track.pts_seconds[stretch.first])
            long_enough = lasted >= self.spec.settings(Motion).min_seconds
            lowest = track.values[stretch.first : stretch.last + 1]
            found.append(
                Candidate(
                    stage=self.name,
                    kind="motion",
                    start_frame=int(track.indices[stretch.first]),
                    peak_frame=int(track.indices[stretch.peak]),
                    end_frame=int(track.indices[stretch.last]),
                    start_seconds=float(track.pts_seconds[stretch.first]),
                    peak_seconds=float(track.pts_seconds[stretch.peak]),
                    end_seconds=float(track.pts_seconds[stretch.last]),
                    score=round(float(share[stretch.peak]), 5),
                    threshold=round(needed, 5),
                    accepted=long_enough,
                    reason="" if long_enough else "shorter than motion.min_seconds",
                    region=self._region(lowest),
                )
            )
        return found

    def frame_scores(self, track: Series) -> FrameScores:
        """Return the share of cells that move in each frame."""
        return FrameScores(track.column("share"), self._needed())

    def _needed(self) -> float:
        return float(MIDDLE_SHARE * 10 ** (1 - 2 * self.spec.settings(Motion).sensitivity))

    def _region(self, rows: NDArray[np.float32]) -> tuple[int, int, int, int] | None:
        """Return the box around everything that moved in a stretch."""
        rows = rows[rows[:, 4] > 0]
        if not len(rows):
            return None
        left, top = rows[:, 2].min(), rows[:, 3].min()
        right, bottom = (rows[:, 2] + rows[:, 4]).max(), (rows[:, 3] + rows[:, 5]).max()
        fractions = [float(left), float(top), float(right - left), float(bottom - top)]
        return cells.region_pixels(fractions, self.source.width, self.source.height)


def _length_seconds(track: Series) -> float:
    return float(track.pts_seconds[-1] - track.pts_seconds[0]) if len(track) > 1 else 1.0
