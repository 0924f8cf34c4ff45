"""Flashes: what brightens all at once and is gone again, everywhere it brightened.

Brightness alone finds nothing: a distant stroke lights a few percent of the frame by a few levels,
while a fade or a pair of headlights changes half of it. What sets a flash apart is its course in
time. Strokes of up to half a second are measured frame by frame: the temporal top-hat of each cell
(see `morphology.py`) keeps only brightening shorter than that; its sum over a part of the frame is
the part's energy, in luma levels summed over a grid of 880 cells. Six ratios, each between 0 and 1,
distinguish a flash from what else comes and goes:

- simultaneity: the energy now, of what the part's cells reach at any time nearby. Lights that
  move and falling rain light one cell after another.
- gain: brightening less darkening. A shaking camera brightens as many cells as it darkens.
- brevity: the energy shorter than 0.3 s, of all. Fireworks glow on, headlights linger.
- attack: how much of the energy arrived within two frames. Lightning is there at once.
- return: how nearly the part looks afterwards as it did before.
- continuity: the share of the frame that did not change for good. A cut does not come back.

Longer flashes and those of many strokes are found afterwards, in the whole track (see `glows.py`).
What overlaps is one flash; its strokes are counted in `strokes.py`, its score in `flash_score.py`.
Floors and ceilings lie between what footage with known strokes showed for strokes and for
everything else; the benchmark `benchmarks/finding.py` draws fresh footage to check them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..config.section import Section, Share
from ..config.spec import Spec
from ..records import Candidate, SourceInfo, SourceKind
from . import cells
from .brightening import CUT_MEMORY_FRAMES, SUSTAIN_FRAMES, brightening
from .flash_candidates import (
    BLOCK_COLUMNS,
    CHANGE_COLUMNS,
    GAP_FRAMES,
    RATIO_COLUMNS,
    REGION_COLUMNS,
    FlashGroup,
    FlashPart,
    apart_from,
    candidate,
    joined,
    with_neighbours,
)
from .flash_score import (
    AT_THE_END,
    AT_THE_START,
    SAMPLED_TOO_RARELY,
    STROKE_RANGE,
    TOO_LONG,
    likeness_of,
    score,
    scores,
    sensitivity_at,
    strength_at,
    threshold_at,
)
from .glows import GLOW_RANGE, REFERENCE_CELLS, Glow, block_columns, block_values, glows
from .proposals import FrameRange, median_of_rows, median_step, rolling_median, stretches
from .stage import FrameScores, RatioBounds, ScreeningStage, Series, Window

STROKE_SECONDS = 0.5
"""the longest brightening that is measured frame by frame"""
BRIEF_SECONDS = 0.3
LEAST_RATE = 5.0
"""frames a second below which one lit frame says nothing about how long it was lit"""

NEEDED_ENERGY = 60.0
"""energy a stroke needs in a quiet scene in the middle of the dial"""
END_FACTOR = 10.0
"""how many times the usual strength a flash needs of which the file holds one side only"""
CLUTTER_FACTOR = 2.0
CLUTTER_SECONDS = 4.0
CLUTTER_SHARE = 0.25
"""a part is about a quarter of the frame, so this share of the whole frame's energy is its due"""


class Flash(Section):
    """Transient brightening: lightning, global or local, one frame long or more."""

    sensitivity: Share = Field(
        0.5,
        description="0 finds only the most obvious flashes, 1 also the faintest; sets all "
        "thresholds",
    )
    max_seconds: float = Field(
        1.8,
        gt=0,
        le=5,
        description="a continuous glow that lasts longer is not a flash; a series of strokes may "
        "last longer",
    )


class FlashStage(ScreeningStage):
    """Measures how flash-like every frame is, and proposes flashes."""

    name: ClassVar[str] = "flash"
    version: ClassVar[int] = 4
    Settings: ClassVar[type[Section]] = Flash
    every_frame: ClassVar[str] = "a stroke lasts one to six"
    events: ClassVar[bool] = True
    in_regions: ClassVar[bool] = True
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video"})
    columns: ClassVar[tuple[str, ...]] = (
        "likeness", "energy", *STROKE_RANGE.names, "area", "frame_energy", "mean",
        "x", "y", "width", "height", *block_columns(),
    )  # fmt: skip
    internal: ClassVar[frozenset[str]] = frozenset(block_columns())
    former_columns: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("score", "energy", *STROKE_RANGE.names, "area", "frame_energy", "mean",
         "x", "y", "width", "height"),
    )  # fmt: skip

    def open(self, source: SourceInfo, spec: Spec) -> None:
        """Turn seconds into frames of this source."""
        super().open(source, spec)
        self._rate = source.frame_rate or 25.0
        self._length = max(3, round(STROKE_SECONDS * self._rate) + 1)
        self._brief = max(3, round(BRIEF_SECONDS * self._rate) + 1)
        self.context = self._length + self._length // 2 + SUSTAIN_FRAMES + CUT_MEMORY_FRAMES

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Measure each frame of the microbatch: float32 (frames, columns)."""
        return self._measure(*self.masked_grid(window))

    @classmethod
    def sensitivity_at(cls, score: float) -> float | None:
        """Return the sensitivity whose threshold is a score; None where none has it."""
        return sensitivity_at(score)

    @classmethod
    def ratio_bounds(cls) -> tuple[tuple[RatioBounds, ...], ...]:
        """Return the ratios of strokes, and those of glows."""
        return STROKE_RANGE.bounds(), GLOW_RANGE.bounds()

    def decide(self, track: Series) -> list[Candidate]:
        """Return every flash, and everything that was taken for one at first and rejected."""
        self._refused = _refused(track.pts_seconds)
        needed = np.maximum(np.float32(NEEDED_ENERGY), self._clutter(track))
        findings = [*self._strokes(track, needed), *self._glows(track)]
        flashes = joined([FlashGroup.of(finding) for finding in findings if not finding.reason])
        accepted = with_neighbours(track, flashes, self._rate, needed)
        rejected = [finding for finding in findings if finding.reason]
        threshold = threshold_at(self.spec.settings(Flash).sensitivity)
        found = [
            candidate(track, flash, self.name, threshold)
            for flash in (*accepted, *apart_from(accepted, rejected, len(track)))
        ]
        return sorted(found, key=lambda each: each.start_frame)

    def rows_around(self) -> tuple[int, int]:
        """Return the rows that say how restless the scene is around a frame."""
        reach = self._clutter_frames()
        step = median_step(reach, reach)
        return reach + 2 * step, step

    def frame_scores(self, track: Series) -> FrameScores | None:
        """Return the score of each frame as a stroke: as that of a candidate that peaks there.

        None for a series of a version that measured no ratios by themselves.
        """
        if "likeness" not in track.columns:
            return None
        needed = np.maximum(np.float32(NEEDED_ENERGY), self._clutter(track))
        energy = track.column("energy") / needed
        ratios = STROKE_RANGE.stretched(track.values[:, RATIO_COLUMNS])
        found = scores(energy * track.column("likeness"), energy, ratios)
        return FrameScores(found, threshold_at(self.spec.settings(Flash).sensitivity))

    def _strokes(self, track: Series, needed: NDArray[np.float32]) -> Iterator[FlashPart]:
        """Yield each stretch that clears the threshold, and each other one with enough energy."""
        least = np.float32(strength_at(self.spec.settings(Flash).sensitivity))
        energy = track.column("energy")
        strength = np.asarray(energy * track.column("likeness") / needed, np.float32)
        taken = np.zeros(len(track), bool)
        for stretch in stretches(strength > least, strength, GAP_FRAMES):
            taken[max(stretch.first - 2, 0) : stretch.last + 3] = True
            yield self._stroke(track, stretch, strength, needed, accepted=True)
        for stretch in stretches(energy > needed * least, energy, GAP_FRAMES):
            if not taken[stretch.first : stretch.last + 1].any():
                yield self._stroke(track, stretch, strength, needed, accepted=False)

    def _stroke(
        self, track: Series, stretch: FrameRange, strength: NDArray[np.float32],
        needed: NDArray[np.float32], *, accepted: bool,
    ) -> FlashPart:  # fmt: skip
        row = track.values[stretch.peak]
        ratios = row[RATIO_COLUMNS]
        energy = float(track.column("energy")[stretch.first : stretch.last + 1].max())
        region = cells.region_pixels(
            row[REGION_COLUMNS].tolist(), self.source.width, self.source.height
        )
        return FlashPart(
            stretch,
            score(float(strength[stretch.peak]), float(row[1] / needed[stretch.peak]),
                  STROKE_RANGE.stretched(ratios)),
            energy,
            {**dict(zip(STROKE_RANGE.names, ratios.tolist(), strict=True)), "area": float(row[8])},
            region,
            self._refused if accepted else STROKE_RANGE.reason(ratios.tolist()),
        )  # fmt: skip

    def _glows(self, track: Series) -> Iterator[FlashPart]:
        """Yield each glow, accepted or not."""
        means, changes = track.values[:, BLOCK_COLUMNS], track.values[:, CHANGE_COLUMNS]
        upright = self.source.height > self.source.width
        least = strength_at(self.spec.settings(Flash).sensitivity)
        for glow in glows(means, changes, self._rate, upright, least):
            stretched = GLOW_RANGE.stretched(np.array(glow.ratios, np.float32))
            energy = glow.energy / glow.needed
            strength = energy * float(likeness_of(stretched))
            named = dict(zip(GLOW_RANGE.names, glow.ratios, strict=True))
            yield FlashPart(
                FrameRange(glow.first, glow.peak, glow.last),
                score(strength, energy, stretched),
                glow.energy,
                {**named, "glow_seconds": glow.seconds},
                cells.region_pixels(glow.region, self.source.width, self.source.height),
                self._why_no_glow(glow, strength),
                glow.blocks,
            )

    def _why_no_glow(self, glow: Glow, strength: float) -> str:
        if strength <= strength_at(self.spec.settings(Flash).sensitivity):
            return GLOW_RANGE.reason(glow.ratios)
        if glow.seconds > self.spec.settings(Flash).max_seconds:
            return TOO_LONG
        if (glow.at_start or glow.at_end) and not self._stands_at_an_end(glow, strength):
            return AT_THE_START if glow.at_start else AT_THE_END
        return self._refused

    def _stands_at_an_end(self, glow: Glow, strength: float) -> bool:
        """Return whether a glow that meets the video's first or last frame is short and bright.

        Encoders make up for slow changes there by a step of a few levels.
        """
        least = END_FACTOR * strength_at(self.spec.settings(Flash).sensitivity)
        return glow.seconds <= BRIEF_SECONDS and strength > least

    def _measure(self, grid: NDArray[np.float32], wanted: slice) -> NDArray[np.float32]:
        found = brightening(grid, wanted, self._length, self._brief)
        ratios, energy = found.ratios(), found.energy
        cell_count = grid.shape[1] * grid.shape[2]
        size = np.float32(REFERENCE_CELLS / cell_count)
        likeness = STROKE_RANGE.likeness(ratios)
        strength = energy * likeness
        # Where nothing is flash-like at all, the part with the most energy says why.
        best = np.where(strength.max(1) > 0, strength.argmax(1), energy.argmax(1))
        row = np.arange(len(best))
        out = np.zeros((len(best), len(self.columns)), np.float32)
        out[:, 0] = likeness[row, best]
        out[:, 1] = energy[row, best] * size
        out[:, RATIO_COLUMNS] = ratios[row, best]
        out[:, 8] = found.area[row, best] / cell_count
        out[:, 9] = energy[:, -1] * size
        out[:, 10] = grid[wanted].mean((1, 2))
        _add_bounds(out, found.bright, best)
        out[:, BLOCK_COLUMNS.start :] = block_values(grid, wanted)
        return out

    def _clutter_frames(self) -> int:
        return round(CLUTTER_SECONDS * self._rate)

    def _clutter(self, track: Series) -> NDArray[np.float32]:
        """Return the energy a stroke needs because the scene is restless anyway."""
        usual = rolling_median(track.column("frame_energy"), self._clutter_frames())
        return usual * np.float32(CLUTTER_FACTOR * CLUTTER_SHARE)


def _refused(pts_seconds: NDArray[np.float64]) -> str:
    """Return why no flash of a video can be distinguished, if so."""
    rarely = len(pts_seconds) > 1 and float(median_of_rows(np.diff(pts_seconds))) > 1 / LEAST_RATE
    return SAMPLED_TOO_RARELY if rarely else ""


def _add_bounds(
    out: NDArray[np.float32], bright: NDArray[np.float32], best: NDArray[np.intp]
) -> None:
    rows, columns = bright.shape[1:]
    wanted = np.flatnonzero(out[:, 1] > NEEDED_ENERGY / 10)
    inside = np.zeros((len(wanted), rows, columns), bool)
    for part in np.unique(best[wanted]):
        within = cells.part_slices(int(part), rows, columns)
        inside[best[wanted] == part, *within] = True
    light = np.where(inside, bright[wanted], np.float32(0))
    lit = light > np.float32(0.25) * light.max((1, 2), keepdims=True, initial=0)
    out[wanted, REGION_COLUMNS] = cells.bounds_of_each(lit)
