"""Cuts: the picture changes at once and stays changed, while a flash returns.

A cell has changed for good when everything it shows in the four frames after lies apart from
everything it showed in the four frames before, and so do the four frames twelve further off. The
measure is the share of such cells, times how little the new frame correlates with the one before:
a step of brightness (an exposure step, a light) changes as many cells, but not what they show.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..config.section import Section, Share
from ..records import Candidate, SourceKind
from .morphology import lasting_change
from .proposals import stretches
from .stage import FrameScores, ScreeningStage, Series, Window

REACH_FRAMES = 4
APART_FRAMES = 12
MARGIN_LEVELS = 2.0
MIDDLE_SCORE = 0.15
GAP_FRAMES = 3


class Cut(Section):
    """Scene changes: the picture changes at once and stays changed."""

    sensitivity: Share = Field(
        0.5, description="0 finds only the most obvious, 1 also the faintest"
    )


class CutStage(ScreeningStage):
    """Measures how much of the picture is new for good, and proposes scene changes."""

    name: ClassVar[str] = "cut"
    version: ClassVar[int] = 4
    Settings: ClassVar[type[Section]] = Cut
    events: ClassVar[bool] = True
    in_regions: ClassVar[bool] = True
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video"})
    columns: ClassVar[tuple[str, ...]] = ("score", "changed", "unlike")
    context = REACH_FRAMES + APART_FRAMES

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Measure each frame against the frames on either side."""
        grid, own = self.masked_grid(window)
        changed = lasting_change(grid, REACH_FRAMES, MARGIN_LEVELS, APART_FRAMES)[own]
        unlike = _unlikeness(grid)[own]
        return np.stack([changed * unlike, changed, unlike], axis=1).astype(np.float32)

    def decide(self, track: Series) -> list[Candidate]:
        """Propose the frame with the highest score of each stretch above the threshold."""
        needed = self._needed()
        score = track.column("score")
        return [
            Candidate(
                stage=self.name,
                kind="cut",
                start_frame=int(track.indices[stretch.peak]),
                peak_frame=int(track.indices[stretch.peak]),
                end_frame=int(track.indices[stretch.peak]),
                start_seconds=float(track.pts_seconds[stretch.peak]),
                peak_seconds=float(track.pts_seconds[stretch.peak]),
                end_seconds=float(track.pts_seconds[stretch.peak]),
                score=round(float(score[stretch.peak]), 4),
                threshold=round(needed, 4),
                accepted=True,
                facts={"changed": round(float(track.column("changed")[stretch.peak]), 4)},
            )
            for stretch in stretches(score > needed, score, GAP_FRAMES)
        ]

    def frame_scores(self, track: Series) -> FrameScores:
        """Return how much of each frame is new for good."""
        return FrameScores(track.column("score"), self._needed())

    def _needed(self) -> float:
        return float(MIDDLE_SCORE * 4 ** (1 - 2 * self.spec.settings(Cut).sensitivity))


def _unlikeness(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 less the correlation of each frame with the one before, clipped to 0 .. 1."""
    flat = grid.reshape(len(grid), -1)
    flat = flat - flat.mean(1, keepdims=True)
    spread = np.sqrt((flat * flat).sum(1)) + 1e-3
    together = (flat[1:] * flat[:-1]).sum(1) / (spread[1:] * spread[:-1])
    unlike = np.zeros(len(grid), np.float32)
    unlike[1:] = np.clip(1 - together, 0, 1)
    return unlike
