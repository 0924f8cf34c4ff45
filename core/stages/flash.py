"""Flashes: what brightens all at once and is gone again, everywhere it brightened.

Brightness alone finds nothing: a distant stroke lights a few percent of the frame by a few levels,
while a fade or a pair of headlights changes half of it. What sets a flash apart is its course in
time. The temporal top-hat of each cell (see `morphology.py`) keeps only brightening shorter than
`max_seconds`; its sum over a part of the frame is the part's energy. Six ratios, each between 0
and 1, tell a flash from what else comes and goes:

- simultaneity: the energy now, of what the part's cells reach at any time nearby. Lights that
  move and falling rain light one cell after another.
- gain: brightening less darkening. A shaking camera brightens as many cells as it darkens.
- brevity: the energy shorter than 0.3 s, of all. Fireworks glow on, headlights linger.
- attack: how much of the energy arrived within two frames. Lightning is there at once.
- return: how nearly the part looks afterwards as it did before.
- continuity: the share of the frame that did not change for good. A cut does not come back.

The score of a frame is the energy of its best part times the six ratios, each stretched between
a floor, where it rules a flash out, and a ceiling, where it no longer matters. Floors and ceilings
lie between what footage with known strokes showed for strokes and for everything else; the
benchmark `benchmarks/finding.py` draws fresh footage to check them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..records import Candidate, SourceInfo, SourceKind
from ..spec import Spec
from . import cells
from .morphology import (
    bottom_hat,
    dilated,
    eroded,
    lasting_change,
    opening,
    peaks_within,
    running_extreme,
)
from .proposals import Stretch, rolling_median, stretches
from .stage import Screen, Track, Window

BRIEF_SECONDS = 0.3
ATTACK_FRAMES = 2
SUSTAIN_FRAMES = 5
CUT_MARGIN_LEVELS = 6.0
CUT_MEMORY_FRAMES = 4
MIN_RISE_LEVELS = 1.0
NOISE_FACTOR = 3.0
REFERENCE_CELLS = 880
"""cells of a 16:9 picture 640 wide; scores are scaled to it, so a threshold fits every size"""

RATIOS = ("simultaneity", "gain", "brevity", "attack", "return", "continuity")
FLOORS = np.array([0.60, 0.60, 0.75, 0.78, 0.35, 0.40], np.float32)
CEILINGS = np.array([0.85, 0.90, 0.95, 0.95, 0.65, 0.70], np.float32)
REASONS = {
    "simultaneity": "moves: lights one place after another",
    "gain": "darkens as much as it brightens, as a moving camera does",
    "brevity": "glows on",
    "attack": "brightens slowly",
    "return": "does not come back to what was before",
    "continuity": "a cut: the picture stays changed",
    "energy": "too faint for this sensitivity",
    "clutter": "no stronger than what goes on around it all the time",
}

_RATIO_COLUMNS = slice(2, 2 + len(RATIOS))
_REGION_COLUMNS = slice(11, 15)

MIDDLE_THRESHOLD = 60.0
CLUTTER_FACTOR = 2.0
CLUTTER_SECONDS = 4.0
CLUTTER_SHARE = 0.25
"""a part is about a quarter of the frame, so this share of the whole frame's energy is its due"""
MAX_REJECTED = 500


class FlashStage(Screen):
    """Measures how flash-like every frame is, and proposes flashes."""

    name: ClassVar[str] = "flash"
    version: ClassVar[int] = 3
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video"})
    columns: ClassVar[tuple[str, ...]] = (
        "score", "energy", *RATIOS, "area", "frame_energy", "mean", "x", "y", "width", "height",
    )  # fmt: skip

    def open(self, source: SourceInfo, spec: Spec) -> None:
        """Turn seconds into frames of this source."""
        super().open(source, spec)
        rate = source.frame_rate or 25.0
        self._length = max(3, round(spec.flash.max_seconds * rate) + 1)
        self._brief = max(3, round(BRIEF_SECONDS * rate) + 1)
        self.context = self._length + self._length // 2 + SUSTAIN_FRAMES + CUT_MEMORY_FRAMES

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Measure each frame of the microbatch: float32 (frames, columns)."""
        return self._measure(*self.looked_at(window))

    def decide(self, track: Track) -> list[Candidate]:
        """Propose every stretch with enough energy; accept those whose score clears it."""
        threshold = threshold_at(self.spec.flash.sensitivity)
        clutter = self._clutter(track)
        score = track.column("score")
        needed = np.maximum(threshold, clutter)
        accepted = stretches(score > needed, score, gap=2)
        energy = track.column("energy")
        loud = energy > np.maximum(threshold, clutter)
        taken = np.zeros(len(track), bool)
        for stretch in accepted:
            taken[max(stretch.first - 2, 0) : stretch.last + 3] = True
        rejected = [
            stretch
            for stretch in stretches(loud, energy, gap=2)
            if not taken[stretch.first : stretch.last + 1].any()
        ]
        rejected = sorted(rejected, key=lambda stretch: -float(energy[stretch.peak]))[:MAX_REJECTED]
        found = [self._candidate(track, s, float(needed[s.peak]), "") for s in accepted]
        found += [self._candidate(track, s, float(needed[s.peak]), why(track, s)) for s in rejected]
        return sorted(found, key=lambda candidate: candidate.start_frame)

    def _measure(self, grid: NDArray[np.float32], wanted: slice) -> NDArray[np.float32]:
        rows, columns = grid.shape[1:]
        tau = _noise_floor(grid, self._length)[:, None, None]
        own, floor = grid[wanted], tau[wanted]
        lowest = eroded(grid, self._length)
        whole_hat = grid - dilated(lowest, self._length)
        everywhere = np.maximum(whole_hat - tau, 0)
        bright = everywhere[wanted]
        dark = np.maximum(bottom_hat(grid, self._length)[wanted] - floor, 0)
        brief = np.minimum(own - opening(grid, self._brief)[wanted], whole_hat[wanted]) - floor
        nearby = peaks_within(everywhere, self._length // 2)[wanted]
        risen = np.minimum(everywhere, np.maximum(grid - _lowest_before(grid), 0))
        # The lowest of the frames up to now less the lowest of those from now on.
        steps = (lowest[: len(grid)] - lowest[self._length - 1 :])[wanted]
        changed = np.maximum(np.abs(steps) - floor, 0)
        lit = (bright > 0).astype(np.float32)
        maps = (bright, dark, nearby, np.maximum(brief, 0), changed, lit)
        energy, loss, reach, short, asymmetry, area = map(cells.block_sums, maps)
        onset = _recent_peak(cells.block_sums(risen), SUSTAIN_FRAMES)[wanted]
        lasting = lasting_change(grid, self._length, CUT_MARGIN_LEVELS)
        continuity = 1 - _recent_peak(lasting[:, None], CUT_MEMORY_FRAMES)[wanted]
        tiny = np.float32(1e-3)
        ratios = np.stack(
            [
                energy / (reach + tiny),
                (energy - loss) / (energy + loss + tiny),
                short / (energy + tiny),
                onset / (energy + tiny),
                energy / (energy + asymmetry + tiny),
                np.broadcast_to(continuity, energy.shape),
            ],
            axis=2,
        ).clip(0, 1)
        size = np.float32(REFERENCE_CELLS / (rows * columns))
        likeness = ((ratios - FLOORS) / (CEILINGS - FLOORS)).clip(0, 1).prod(2)
        score = energy * likeness * size
        # Where nothing is flash-like at all, the part with the most energy says why.
        best = np.where(score.max(1) > 0, score.argmax(1), energy.argmax(1))
        row = np.arange(len(best))
        out = np.zeros((len(best), len(self.columns)), np.float32)
        out[:, 0] = score[row, best]
        out[:, 1] = energy[row, best] * size
        out[:, _RATIO_COLUMNS] = ratios[row, best]
        out[:, 8] = area[row, best] / (rows * columns)
        out[:, 9] = energy[:, -1] * size
        out[:, 10] = own.mean((1, 2))
        _add_bounds(out, bright, best)
        return out

    def _clutter(self, track: Track) -> NDArray[np.float32]:
        """Return what a flash must exceed because the scene is restless anyway."""
        rate = self.source.frame_rate or 25.0
        usual = rolling_median(track.column("frame_energy"), round(CLUTTER_SECONDS * rate))
        dial = np.float32(threshold_at(self.spec.flash.sensitivity) / MIDDLE_THRESHOLD)
        return usual * np.float32(CLUTTER_FACTOR * CLUTTER_SHARE) * dial

    def _candidate(self, track: Track, stretch: Stretch, needed: float, reason: str) -> Candidate:
        peak = track.values[stretch.peak]
        facts = dict(zip(RATIOS, peak[_RATIO_COLUMNS].round(3).tolist(), strict=True))
        return Candidate(
            stage=self.name,
            kind="flash",
            start_frame=int(track.indices[stretch.first]),
            peak_frame=int(track.indices[stretch.peak]),
            end_frame=int(track.indices[stretch.last]),
            start_seconds=float(track.pts_seconds[stretch.first]),
            peak_seconds=float(track.pts_seconds[stretch.peak]),
            end_seconds=float(track.pts_seconds[stretch.last]),
            score=round(float(peak[0]), 3),
            threshold=round(needed, 3),
            accepted=not reason,
            reason=reason,
            region=cells.region_pixels(
                peak[_REGION_COLUMNS].tolist(), self.source.width, self.source.height
            ),
            facts={**facts, "energy": round(float(peak[1]), 3), "area": round(float(peak[8]), 5)},
        )


def threshold_at(sensitivity: float) -> float:
    """Return the score a flash must reach: 60 in the middle of the dial, a tenth of it at 1."""
    return float(MIDDLE_THRESHOLD * 10 ** (1 - 2 * sensitivity))


def why(track: Track, stretch: Stretch) -> str:
    """Return the reason a stretch was rejected: the ratio nearest to ruling it out."""
    peak = track.values[stretch.peak]
    stretched = ((peak[_RATIO_COLUMNS] - FLOORS) / (CEILINGS - FLOORS)).clip(0, 1)
    if peak[0] > 0 and float(stretched.min()) > 0.5:
        return REASONS["energy"]
    return REASONS[RATIOS[int(stretched.argmin())]]


def _noise_floor(grid: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Return the rise below which a cell's brightening is noise, per frame (levels)."""
    steps = np.abs(np.diff(grid, axis=0, prepend=grid[:1])).reshape(len(grid), -1)
    # The 60th percentile over cells ignores local motion, the minimum over time ignores flashes.
    typical = np.partition(steps, int(0.6 * steps.shape[1]), axis=1)[:, int(0.6 * steps.shape[1])]
    typical[0] = typical[min(1, len(typical) - 1)]
    padded = np.pad(typical, length, mode="edge")
    quiet = running_extreme(padded, 2 * length + 1, np.minimum)
    return np.asarray(np.maximum(MIN_RISE_LEVELS, NOISE_FACTOR * quiet), np.float32)


def _lowest_before(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.concatenate([grid[:1], grid[:1], grid])
    lowest: NDArray[np.float32] = np.minimum(padded[1:-1], padded[:-2])
    return lowest


def _recent_peak(values: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    padded = np.concatenate([np.zeros((frames, *values.shape[1:]), values.dtype), values])
    return running_extreme(padded, frames + 1, np.maximum)


def _add_bounds(
    out: NDArray[np.float32], bright: NDArray[np.float32], best: NDArray[np.intp]
) -> None:
    rows, columns = bright.shape[1:]
    for frame in np.flatnonzero(out[:, 1] > MIDDLE_THRESHOLD / 10):
        part = np.zeros((rows, columns), bool)
        inside = cells.part_slices(int(best[frame]), rows, columns)
        part[inside] = bright[frame][inside] > 0.25 * bright[frame][inside].max()
        out[frame, _REGION_COLUMNS] = cells.bounds(part)
