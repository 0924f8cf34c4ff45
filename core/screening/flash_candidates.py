"""From strokes and glows that were found to the candidates of a video.

What overlaps is one flash. Its peak is its brightest frame, its strokes are the maxima of its
light, its score that of the best finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..records import Candidate, Region, Stroke
from .glows import BLOCKS, REFERENCE_CELLS
from .proposals import FrameRange, median_of_rows
from .stage import Series
from .strokes import stroke_rows

RATIO_COLUMNS = slice(2, 8)
REGION_COLUMNS = slice(11, 15)
BLOCK_COLUMNS = slice(15, 15 + BLOCKS)
CHANGE_COLUMNS = slice(15 + BLOCKS, 15 + 2 * BLOCKS)

GAP_FRAMES = 2
NEIGHBOUR_SECONDS = 0.25
NEIGHBOUR_SHARE = 0.1
"""of a flash's energy that a weaker stroke close by has at least"""
NEIGHBOUR_CLUTTER = 4.0
NEIGHBOUR_FLOORS = {"brevity": 0.5, "attack": 0.5, "continuity": 0.4}
"""lower than those of a stroke by itself, since light of the others may still be there"""
STROKE_SHARE = 0.1
"""of a flash's greatest light: what stays below it is no stroke, unless it was found by itself"""
WHOLE_SHARE = 0.99
"""of a frame's energy that a part holds which is the whole frame"""
LONGEST_ROWS = 4096
"""how far a flash is extended at most"""
MAX_REJECTED = 500


@dataclass(frozen=True, slots=True)
class FlashPart:
    """A stroke or a glow, on its way to becoming a candidate."""

    stretch: FrameRange
    score: float
    energy: float
    ratios: dict[str, float]
    region: Region | None
    reason: str
    blocks: NDArray[np.bool_] | None = None
    """the part of the frame a glow lights"""


@dataclass(frozen=True, slots=True)
class FlashGroup:
    """Findings that overlap, and the rows from the first to the last of them, both included."""

    first: int
    last: int
    findings: tuple[FlashPart, ...]

    @classmethod
    def of(cls, finding: FlashPart) -> FlashGroup:
        """Return a flash of one finding."""
        return cls(finding.stretch.first, finding.stretch.last, (finding,))

    def joined(self, other: FlashGroup) -> FlashGroup:
        """Return both as one."""
        return FlashGroup(
            min(self.first, other.first),
            max(self.last, other.last),
            (*self.findings, *other.findings),
        )

    @property
    def energy(self) -> float:
        """Return the greatest energy."""
        return max(finding.energy for finding in self.findings)


def joined(flashes: Sequence[FlashGroup]) -> list[FlashGroup]:
    """Return flashes of which those whose frames overlap or lie side by side are one."""
    found: list[FlashGroup] = []
    for flash in sorted(flashes, key=lambda each: each.first):
        if found and flash.first <= found[-1].last + GAP_FRAMES:
            found[-1] = found[-1].joined(flash)
        else:
            found.append(flash)
    return found


def with_neighbours(
    track: Series, flashes: Sequence[FlashGroup], rate: float, needed: NDArray[np.float32]
) -> list[FlashGroup]:
    """Return flashes extended by weaker strokes close by, which a strong one outshines.

    Beside a strong stroke, simultaneity and gain say nothing about a weak one: so one must stand
    out far above what the scene does anyway. `rate` is in frames per second, `needed` float32
    (frames,), the energy a stroke needs there.
    """
    reach = round(NEIGHBOUR_SECONDS * rate)
    energy = track.column("energy")
    sharp = energy > NEIGHBOUR_CLUTTER * needed
    for name, floor in NEIGHBOUR_FLOORS.items():
        sharp &= track.column(name) > floor
    extended = []
    for flash in flashes:
        around = slice(max(flash.first - LONGEST_ROWS, 0), flash.last + 1 + LONGEST_ROWS)
        like = sharp[around] & (energy[around] > NEIGHBOUR_SHARE * flash.energy)
        first, last = _reached(like, flash.first - around.start, flash.last - around.start, reach)
        extended.append(replace(flash, first=first + around.start, last=last + around.start))
    return joined(extended)


def _reached(like: NDArray[np.bool_], first: int, last: int, reach: int) -> tuple[int, int]:
    """Return the first and last row that steps of up to `reach` rows from one to the next reach."""
    while len(more := np.flatnonzero(like[max(first - reach, 0) : first])):
        first = max(first - reach, 0) + int(more[0])
    while len(more := np.flatnonzero(like[last + 1 : last + 1 + reach])):
        last += 1 + int(more[-1])
    return first, last


def apart_from(
    accepted: Sequence[FlashGroup], rejected: Sequence[FlashPart], rows: int
) -> list[FlashGroup]:
    """Return the rejected findings that overlap no other: of those that do, the best one."""
    kept: list[FlashGroup] = []
    taken = np.zeros(rows, bool)
    for flash in accepted:
        taken[max(flash.first - GAP_FRAMES, 0) : flash.last + 1 + GAP_FRAMES] = True
    for finding in sorted(rejected, key=lambda each: (-each.score, -each.energy)):
        own = FlashGroup.of(finding)
        if len(kept) < MAX_REJECTED and not taken[own.first : own.last + 1].any():
            taken[max(own.first - GAP_FRAMES, 0) : own.last + 1 + GAP_FRAMES] = True
            kept.append(own)
    return kept


def candidate(track: Series, flash: FlashGroup, stage: str, threshold: float) -> Candidate:
    """Return what overlapping strokes and glows come to as one flash."""
    best = max(flash.findings, key=lambda finding: finding.score)
    first, last = flash.first, flash.last
    light = _light(track, flash)
    least = min(STROKE_SHARE * float(light.max()), *(each.energy / 2 for each in flash.findings))
    strokes = [first + row for row in stroke_rows(light, least)]
    peak = first + int(light.argmax())
    facts = {name: round(value, 5) for name, value in best.ratios.items()}
    return Candidate(
        stage=stage,
        kind="flash",
        start_frame=int(track.indices[first]),
        peak_frame=int(track.indices[peak]),
        end_frame=int(track.indices[last]),
        start_seconds=float(track.pts_seconds[first]),
        peak_seconds=float(track.pts_seconds[peak]),
        end_seconds=float(track.pts_seconds[last]),
        score=round(best.score, 4),
        threshold=round(threshold, 4),
        accepted=not best.reason,
        reason=best.reason,
        region=best.region,
        facts=facts,
        energy=round(float(light.max()), 3),
        strokes=tuple(
            Stroke(int(track.indices[row]), float(track.pts_seconds[row]),
                   round(float(light[row - first]), 3))
            for row in strokes
        ),
    )  # fmt: skip


def _light(track: Series, flash: FlashGroup) -> NDArray[np.float32]:
    """Return the light a flash adds in each of its frames, as energy: float32 (frames,).

    A glow is measured against the darker of what was before and after it, since the top-hat cuts
    a long one short; strokes alone by the energy of their cells, which shows fainter ones: of all
    cells in every frame, if the brightest stroke lights them all.
    """
    first, last = flash.first, flash.last
    strokes = track.column("energy")[first : last + 1]
    parts = [finding.blocks for finding in flash.findings if finding.blocks is not None]
    if not parts:
        everywhere, peak = track.column("frame_energy")[first : last + 1], int(strokes.argmax())
        return everywhere if strokes[peak] >= WHOLE_SHARE * everywhere[peak] else strokes
    columns = BLOCK_COLUMNS.start + np.flatnonzero(np.logical_or.reduce(parts))
    around = [
        track.values[max(first - 5, 0) : max(first, 1), columns],
        track.values[last + 1 : last + 6, columns],
    ]
    dark = np.min([median_of_rows(part) for part in around if len(part)], axis=0)
    lit = track.values[first : last + 1, columns]
    added = np.maximum(lit - dark, 0).sum(1) * (REFERENCE_CELLS / BLOCKS)
    return np.asarray(added, np.float32)
