"""What brightens and darkens in each part of the frame, and the ratios that follow from it.

`flash.py` says what the ratios mean. Arrays named `grid` hold cells, float32 (frames, rows,
columns); `wanted` are the frames of it that are measured, the others surround them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cells import block_sums
from .morphology import (
    dilated,
    eroded,
    lasting_share,
    opening,
    peaks_within,
    raised,
    running_extreme,
)

Floats = NDArray[np.float32]

SUSTAIN_FRAMES = 5
CUT_MARGIN_LEVELS = 6.0
CUT_MEMORY_FRAMES = 4
MIN_RISE_LEVELS = 1.0
NOISE_FACTOR = 3.0
_TINY = np.float32(1e-3)


@dataclass(frozen=True, slots=True)
class Brightening:
    """Of each wanted frame: sums over the parts of `cells.block_sums`, float32 (frames, parts).

    `bright` holds the light of each cell, float32 (frames, rows, columns). `energy` is its sum,
    `loss` that of darkening, `reach` what the cells reach nearby, `short` the energy shorter than
    0.3 s, `changed` how much before and after differ, `area` the number of lit cells, `onset` the
    energy that arrived within two frames; `lasting`, float32 (frames, 1), is the share of the
    frame that changed for good.
    """

    bright: Floats
    energy: Floats
    loss: Floats
    reach: Floats
    short: Floats
    changed: Floats
    area: Floats
    onset: Floats
    lasting: Floats

    def ratios(self) -> Floats:
        """Return the ratios in the order of `STROKE_RANGE`: float32 (frames, parts, ratios)."""
        energy, loss = self.energy, self.loss
        ratios = (
            energy / (self.reach + _TINY),
            (energy - loss) / (energy + loss + _TINY),
            self.short / (energy + _TINY),
            self.onset / (energy + _TINY),
            energy / (energy + self.changed + _TINY),
            np.broadcast_to(1 - self.lasting, energy.shape),
        )
        return np.asarray(np.stack(ratios, axis=2).clip(0, 1), np.float32)


def brightening(grid: Floats, wanted: slice, length: int, brief: int) -> Brightening:
    """Return what brightens for fewer than `length` frames, and for fewer than `brief`."""
    tau = noise_floor(grid, length)[:, None, None]
    # Each is used for two measures: minima and maxima take most of the time.
    lowest, highest = eroded(grid, length), raised(grid, length)
    near = _around(wanted, max(length // 2, SUSTAIN_FRAMES), len(grid))
    own = slice(wanted.start - near.start, wanted.stop - near.start)
    hat = grid[near] - dilated(_window(lowest, near, length), length)
    light = np.maximum(hat - tau[near], 0)
    bright = light[own]
    maps = (
        bright,
        np.maximum(_bottom_hat(grid, highest, wanted, length) - tau[wanted], 0),
        peaks_within(light, length // 2)[own],
        np.maximum(_brief_hat(grid, hat[own], wanted, brief) - tau[wanted], 0),
        np.maximum(np.abs(_steps(lowest, wanted, length)) - tau[wanted], 0),
        (bright > 0).astype(np.float32),
    )
    energy, loss, reach, short, changed, area = map(block_sums, maps)
    onset = _recent_peak(_arrived(grid, light, near), SUSTAIN_FRAMES)[own]
    lasting = lasting_share(lowest, highest, length, CUT_MARGIN_LEVELS)[:, None]
    lasting = _recent_peak(lasting, CUT_MEMORY_FRAMES)[wanted]
    return Brightening(bright, energy, loss, reach, short, changed, area, onset, lasting)


def noise_floor(grid: Floats, length: int) -> Floats:
    """Return the rise below which a cell's brightening is noise, per frame (levels)."""
    steps = np.abs(np.diff(grid, axis=0, prepend=grid[:1])).reshape(len(grid), -1)
    # The 60th percentile over cells ignores local motion, the minimum over time ignores flashes.
    typical = np.partition(steps, int(0.6 * steps.shape[1]), axis=1)[:, int(0.6 * steps.shape[1])]
    typical[0] = typical[min(1, len(typical) - 1)]
    padded = np.pad(typical, length, mode="edge")
    quiet = running_extreme(padded, 2 * length + 1, np.minimum)
    return np.asarray(np.maximum(MIN_RISE_LEVELS, NOISE_FACTOR * quiet), np.float32)


def _around(wanted: slice, reach: int, frames: int) -> slice:
    return slice(max(wanted.start - reach, 0), min(wanted.stop + reach, frames))


def _window(extremes: Floats, frames: slice, length: int) -> Floats:
    """Return the part of what `eroded` or `raised` gave that the opening of `frames` needs."""
    return extremes[frames.start : frames.stop + length - 1]


def _bottom_hat(grid: Floats, highest: Floats, wanted: slice, length: int) -> Floats:
    closing = running_extreme(_window(highest, wanted, length), length, np.minimum)
    return np.asarray(closing - grid[wanted], np.float32)


def _brief_hat(grid: Floats, hat: Floats, wanted: slice, brief: int) -> Floats:
    """Return what is brighter for fewer than `brief` frames, at most what `hat` says."""
    near = _around(wanted, brief, len(grid))
    opened = opening(grid[near], brief)[wanted.start - near.start :][: len(hat)]
    return np.asarray(np.minimum(grid[wanted] - opened, hat), np.float32)


def _steps(lowest: Floats, wanted: slice, length: int) -> Floats:
    """Return the lowest of the frames up to each less the lowest of those from it on."""
    after = slice(wanted.start + length - 1, wanted.stop + length - 1)
    return np.asarray(lowest[wanted] - lowest[after], np.float32)


def _arrived(grid: Floats, light: Floats, near: slice) -> Floats:
    """Return the light that came within two frames, summed over parts, of the frames `near`."""
    padded = np.concatenate([grid[:1], grid[:1], grid[: near.stop]])
    before = np.minimum(padded[1:-1], padded[:-2])[near]
    return block_sums(np.minimum(light, np.maximum(grid[near] - before, 0)))


def _recent_peak(values: Floats, frames: int) -> Floats:
    padded = np.concatenate([np.zeros((frames, *values.shape[1:]), values.dtype), values])
    return running_extreme(padded, frames + 1, np.maximum)
