"""Glows: brightening that lasts, found in the whole track of a video.

The flash stage measures brightening of up to half a second frame by frame. A flash can last longer:
a channel that keeps conducting, or a series of strokes in a cloud that does not go dark between
them. Such a glow is found afterwards from two numbers per block and frame, the block's mean luma
and how much its cells changed since the frame before.

The temporal white top-hat (see `morphology.py`) of each block, at four lengths, gives what is
brighter than before and after. Wherever its sum over a part of the frame stands out, the frames
around its peak with more than a tenth of the peak's light are one glow. Seven ratios distinguish
a flash from what else brightens for a while:

- simultaneity: the light of all blocks in the peak frame, of what each reaches in the glow.
- gain: brightening less darkening in the peak frame.
- coherence: how much of what the cells change they change in the same direction. Lights that
  move and falling sparks brighten some cells while they darken others.
- attack: the largest change of light within a fifteenth of a second, at the start, at the end or
  in between, of the peak's light. Exposure that wavers and headlights that come nearer have none.
- return: how nearly the blocks look afterwards as they did before.
- steadiness: how much of the light's distribution over the blocks is the same in the first and
  in the second half of it. Lights that come nearer spread.
- fill: the share of its frames with at least a quarter of the peak's light. Strokes on top of a
  slow change of exposure are no long flash.

How long a glow lasts is the longest time without a break in which at least a quarter of the peak's
light is there; `flash.max_seconds` limits that, and not how long a series of strokes is.

Arrays named `means` and `changes` are float32 of shape (frames, blocks).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .cells import bounds
from .flash_score import Range
from .morphology import framed, opening
from .proposals import FrameRange, median_of_rows, rolling_median, stretches

Floats = NDArray[np.float32]

ROWS, COLUMNS = 3, 5
BLOCKS = ROWS * COLUMNS
TOP_HAT_SECONDS = (0.6, 1.3, 2.6, 5.2)
"""lengths of the top-hat; the last covers the longest `flash.max_seconds` there may be"""
REFERENCE_CELLS = 880
"""cells of a 16:9 picture 640 wide: energies are scaled to it, so a threshold fits every size"""
EDGE_SECONDS = 1 / 15
BRIEF_SECONDS = 0.3
BOUNDARY_SHARE = 0.1
BRIGHT_SHARE = 0.25
CONTINUOUS_SHARE = 0.25
SURROUND_SECONDS = 0.2
"""time before and after that shows what the scene looks like without the glow"""
USUAL_SECONDS = 4.0
CLUTTER_FACTOR = 0.5
CHUNK_ROWS = 32768
LEAST_ENERGY = 24.0
LEAST_SHARE = 0.1
"""of the energy needed: what the dial demands at its most sensitive"""
NEEDED_ENERGY = 720.0
"""mean brightening of 0.8 levels over the whole frame, or of 8 over a tenth of it"""
NOISE_FACTOR = 3.0
MIN_RISE_LEVELS = 0.3

GLOW_RANGE = Range(
    ("simultaneity", "gain", "coherence", "attack", "return", "fill", "steadiness"),
    np.array([0.80, 0.60, 0.80, 0.50, 0.80, 0.35, 0.82], np.float32),
    np.array([0.95, 0.90, 0.92, 0.65, 0.92, 0.50, 0.92], np.float32),
)
LEAST_FRAMES = 3
"""shorter ones are measured better frame by frame"""


@dataclass(frozen=True, slots=True)
class Glow:
    """Rows `first` to `last` of a track, both included, and what was measured of them.

    `energy` is that of the peak, `needed` what the scene demands of a flash there, `seconds` the
    longest time without a break in which a quarter of the peak's light is there, `ratios` are in
    the order of `GLOW_RANGE`, `region` is x, y, width, height in fractions of the frame, `blocks`
    bool (blocks,). `at_start`, `at_end`: it continues to that end of the video.
    """

    first: int
    peak: int
    last: int
    energy: float
    needed: float
    seconds: float
    ratios: tuple[float, ...]
    region: tuple[float, float, float, float]
    blocks: NDArray[np.bool_]
    at_start: bool
    at_end: bool


def block_columns() -> tuple[str, ...]:
    """Return the names of a track's columns that hold means and changes of the blocks."""
    return tuple(f"{what}_{block}" for what in ("mean", "change") for block in range(BLOCKS))


def block_values(grid: Floats, wanted: slice) -> Floats:
    """Return means and changes of the blocks: float32 (wanted frames, 2 x BLOCKS).

    `grid` holds cells, float32 (frames, rows, columns). Values are rounded to a 32nd of a level,
    which is less than noise leaves of a block's mean and lets the library compress them.
    """
    first = max(wanted.start - 1, 0)
    steps = np.abs(np.diff(grid[first : wanted.stop], axis=0))
    if not wanted.start:  # nothing came before the first frame of all
        steps = np.concatenate([np.zeros_like(grid[:1]), steps])
    values = np.concatenate([_block_means(grid[wanted]), _block_means(steps)], axis=1)
    return np.asarray(np.round(values * 32) / 32, np.float32)


def glows(means: Floats, changes: Floats, rate: float, upright: bool, least: float) -> list[Glow]:
    """Return every glow of a video, in no order; the same one may be there for several lengths.

    `rate` is in frames per second, `least` what a glow must have of the energy a flash needs.
    Works through the track in pieces, so memory stays bounded.
    """
    parts = _parts(upright)
    margin = 3 * _rows(TOP_HAT_SECONDS[-1], rate)
    found: list[Glow] = []
    for start in range(0, len(means), CHUNK_ROWS):
        first, last = max(start - margin, 0), min(start + CHUNK_ROWS + margin, len(means))
        inside = range(start - first, start - first + CHUNK_ROWS)
        piece = _Piece(means[first:last], changes[first:last], rate, parts,
                       (first == 0, last == len(means)), least)  # fmt: skip
        found += [_moved(glow, first) for glow in piece.glows() if glow.peak in inside]
    return found


class _Piece:
    """A part of a track, long enough around its core for every length of the top-hat."""

    def __init__(
        self, means: Floats, changes: Floats, rate: float, parts: NDArray[np.bool_],
        ends: tuple[bool, bool], least: float,
    ) -> None:  # fmt: skip
        self._rate, self._ends, self._least = rate, ends, least
        self._shape = parts.shape[1:]
        self._parts = parts = parts.reshape(len(parts), -1)
        self._columns = [np.flatnonzero(blocks) for blocks in parts]
        self._pad = _rows(SURROUND_SECONDS, rate)
        self._means = means
        self._size = np.float32(REFERENCE_CELLS / BLOCKS)
        self._noise = _noise(means)
        self._moves = _part_sums(changes, parts)
        self._usual_moves = np.quantile(self._moves, 0.1, axis=0).astype(np.float32)
        self._steps = np.abs(_part_sums(np.diff(means, axis=0, prepend=means[:1]), parts))

    def glows(self) -> Iterator[Glow]:
        """Yield the glows of all parts at all lengths."""
        for seconds in TOP_HAT_SECONDS:
            length = _rows(seconds, self._rate)
            yield from self._of_length(length)
            if length >= len(self._means):
                return  # a longer one would find the same

    def _of_length(self, length: int) -> Iterator[Glow]:
        padded = self._with_dark_ends(length)
        inside = slice(length, length + len(self._means))
        hats = (padded - opening(padded, length))[inside]
        light = np.maximum(hats - self._noise, 0) * self._size
        energies = _part_sums(light, self._parts)
        around = round(USUAL_SECONDS * self._rate)
        usual = rolling_median(energies[:, -1], around) * np.float32(CLUTTER_FACTOR)
        for part, blocks in enumerate(self._parts):
            energy = energies[:, part]
            if float(energy.max()) < LEAST_ENERGY:
                continue
            needed = np.maximum(np.float32(NEEDED_ENERGY), usual * np.float32(blocks.mean()))
            for stretch in _apart(energy, np.maximum(LEAST_ENERGY, LEAST_SHARE * needed)):
                if (
                    self._is_long(stretch)
                    and energy[stretch.peak] > self._least * needed[stretch.peak]
                ):
                    yield self._glow(stretch, part, light, energy, float(needed[stretch.peak]))

    def _is_long(self, stretch: FrameRange) -> bool:
        """Return whether a glow lasts, or stands where no frame by frame measure reaches."""
        at_an_end = (stretch.first == 0 and self._ends[0]) or (
            stretch.last == len(self._means) - 1 and self._ends[1]
        )
        return at_an_end or stretch.last - stretch.first + 1 >= LEAST_FRAMES

    def _with_dark_ends(self, length: int) -> Floats:
        """Return the means with `length` rows at either end, at the least of the rows there.

        At the ends of the video a glow then shows that continues to them; elsewhere nothing does.
        """
        ends = [
            np.repeat(part.min(0, keepdims=True) if is_end else part[at : at + 1 or None],
                      length, axis=0)
            for part, is_end, at in zip((self._means[:length], self._means[-length:]),
                                        self._ends, (0, -1), strict=True)
        ]  # fmt: skip
        return np.concatenate([ends[0], self._means, ends[1]])

    def _glow(
        self, stretch: FrameRange, part: int, light: Floats, energy: Floats, needed: float
    ) -> Glow:
        first, peak, last = stretch.first, stretch.peak, stretch.last
        at_start = first < self._pad and self._ends[0]
        at_end = last >= len(energy) - self._pad and self._ends[1]
        around = self._surroundings(stretch, part)
        # What was before or is after the video is taken for the same.
        unlike = 0.0 if at_start or at_end else self._unlike_before(around, part)
        inside = slice(first, last + 1)
        top = float(energy[peak])
        blocks, own = self._parts[part], light[inside].take(self._columns[part], axis=1)
        reached = float(own.max(0).sum())
        lit = energy[inside] > CONTINUOUS_SHARE * top
        return Glow(
            first, peak, last, top, needed, _longest_run(lit) / self._rate,
            (
                top / (reached + 1e-3),
                self._gain(stretch, part, top, around),
                self._coherence(stretch, part),
                self._attack(stretch, part, energy, (not at_start, not at_end)),
                top / (top + unlike + 1e-3),
                int(np.count_nonzero(lit)) / len(lit),
                _alike(own),
            ),
            bounds(((light[peak] > BRIGHT_SHARE * own[peak - first].max()) & blocks)
                   .reshape(self._shape)),
            blocks,
            at_start,
            at_end,
        )  # fmt: skip

    def _gain(
        self, stretch: FrameRange, part: int, top: float, around: tuple[Floats, Floats]
    ) -> float:
        columns = self._columns[part]
        fallen = np.minimum(*around) - self._means[stretch.peak, columns] - self._noise[columns]
        loss = float(np.maximum(fallen, 0).sum() * self._size)
        return (top - loss) / (top + loss + 1e-3)

    def _coherence(self, stretch: FrameRange, part: int) -> float:
        over = slice(stretch.first, stretch.last + 2)
        moved = np.maximum(self._moves[over, part] - self._usual_moves[part], 0).sum()
        together = self._steps[over, part].sum()
        return min(float(together / (moved + 1e-3)), 1.0)

    def _attack(
        self, stretch: FrameRange, part: int, energy: Floats, dark: tuple[bool, bool]
    ) -> float:
        """Return the largest change within a fifteenth of a second, of the greatest energy.

        `dark` says of either side whether it is known to be dark beyond the frames around it.
        What stays when everything shorter than 0.3 s is taken away must have such an edge too:
        else strokes on top of a slow change of exposure would be taken for one long flash.
        """
        step = max(2, round(EDGE_SECONDS * self._rate))
        around = slice(max(stretch.first - step, 0), stretch.last + 1 + step)
        lit = energy[around].copy()
        outside = np.ones(len(lit), bool)
        outside[stretch.first - around.start : stretch.last + 1 - around.start] = False
        top = float(energy[stretch.peak])
        lit[outside] = np.minimum(lit[outside], BOUNDARY_SHARE * top)
        slow = opening(framed(lit, step), _rows(BRIEF_SECONDS, self._rate))[step:-step]
        sharp = (_edge(lit, step, dark) - self._slope_around(stretch, part, step, dark)) / top
        if float(slow.max()) <= BOUNDARY_SHARE * top:
            return max(sharp, 0.0)
        return max(min(sharp, _edge(slow, step, dark) / float(slow.max())), 0.0)

    def _slope_around(
        self, stretch: FrameRange, part: int, step: int, dark: tuple[bool, bool]
    ) -> float:
        """Return how fast the part changes both before and after, as energy in `step` frames.

        The crest of a slow wave stands out from its slopes as a glow does, but they are steeper.
        Where one side is not known, the other says it.
        """
        first, last, end = stretch.first, stretch.last, len(self._means) - 1
        rows = [max(first - 1, 0), max(first - 1 - step, 0), min(last + 1, end),
                min(last + 1 + step, end)]  # fmt: skip
        level = self._means[rows].take(self._columns[part], axis=1).sum(1)
        slopes = [slope for slope, known in zip((level[0] - level[1], level[2] - level[3]), dark,
                                                strict=True) if known]  # fmt: skip
        return max(float(min(slopes, default=0.0)), 0.0) * float(self._size)

    def _unlike_before(self, around: tuple[Floats, Floats], part: int) -> float:
        before, after = around
        changed = np.abs(after - before) - self._noise[self._columns[part]]
        return float(np.maximum(changed, 0).sum() * self._size)

    def _surroundings(self, stretch: FrameRange, part: int) -> tuple[Floats, Floats]:
        """Return the usual level of a part's blocks just before and after, float32 (blocks,)."""
        before = self._means[max(stretch.first - self._pad, 0) : max(stretch.first, 1)]
        after = self._means[stretch.last + 1 : stretch.last + 1 + self._pad]
        if not len(after):
            after = self._means[-1:]
        columns = self._columns[part]
        return (
            median_of_rows(before.take(columns, axis=1)),
            median_of_rows(after.take(columns, axis=1)),
        )


def _parts(upright: bool) -> NDArray[np.bool_]:
    """Return the blocks of each part, bool (parts, rows, columns): 2 x 2 blocks each, then all."""
    rows, columns = (COLUMNS, ROWS) if upright else (ROWS, COLUMNS)
    corners = [(row, column) for row in range(rows - 1) for column in range(columns - 1)]
    parts = np.zeros((len(corners) + 1, rows, columns), bool)
    for number, (row, column) in enumerate(corners):
        parts[number, row : row + 2, column : column + 2] = True
    parts[-1] = True
    return parts


def _block_means(grid: Floats) -> Floats:
    """Return the mean of each block: (frames, rows, columns) to (frames, BLOCKS)."""
    rows, columns = grid.shape[1:]
    down, across = (ROWS, COLUMNS) if columns >= rows else (COLUMNS, ROWS)
    if rows < down or columns < across:  # a picture of a few pixels is one block fifteen times
        return np.repeat(grid.mean((1, 2))[:, None], BLOCKS, axis=1)
    tops, lefts = _edges(rows, down), _edges(columns, across)
    sums = np.add.reduceat(np.add.reduceat(grid, tops, axis=1), lefts, axis=2)
    heights, widths = np.diff([*tops, rows]), np.diff([*lefts, columns])
    means: Floats = (sums / (heights[:, None] * widths)).reshape(len(grid), -1)
    return means


def _edges(length: int, parts: int) -> list[int]:
    return [length * part // parts for part in range(parts)]


def _part_sums(blocks: Floats, parts: NDArray[np.bool_]) -> Floats:
    """Return sums over parts: (frames, blocks) to (frames, parts)."""
    return np.asarray(blocks @ parts.T.astype(np.float32), np.float32)


def _noise(means: Floats) -> Floats:
    """Return the rise below which a block's brightening is noise, float32 (blocks,), in levels."""
    steps = np.abs(np.diff(means, axis=0)) if len(means) > 1 else np.zeros_like(means)
    # The median of a normal variable's magnitude is 0.67 of its standard deviation, and the
    # difference of two frames varies by the square root of two as much as one.
    sigma = median_of_rows(steps) / np.float32(0.6745 * np.sqrt(2))
    return np.asarray(np.maximum(MIN_RISE_LEVELS, NOISE_FACTOR * sigma), np.float32)


def _apart(energy: Floats, floor: Floats) -> Iterator[FrameRange]:
    """Yield the frames around each peak of `energy` above `floor` with a tenth of its energy."""
    left = stretches(energy > floor, energy, gap=1)
    while left:
        stretch = left.pop()
        lit = energy[stretch.first : stretch.last + 1] > BOUNDARY_SHARE * energy[stretch.peak]
        dark = stretch.first + np.flatnonzero(~lit)
        before, after = dark[dark < stretch.peak], dark[dark > stretch.peak]
        first = int(before[-1]) + 1 if len(before) else stretch.first
        last = int(after[0]) - 1 if len(after) else stretch.last
        yield FrameRange(first, stretch.peak, last)
        for start, end in ((stretch.first, first - 1), (last + 1, stretch.last)):
            if end - start > 1:
                peak = start + int(energy[start : end + 1].argmax())
                if start < peak < end:  # a maximum at the border is the slope of its neighbour
                    left.append(FrameRange(start, peak, end))


def _edge(light: Floats, step: int, dark: tuple[bool, bool]) -> float:
    """Return the largest change over `step` frames; an end that is not `dark` repeats its value."""
    before, after = (0 if is_dark else light[at] for is_dark, at in zip(dark, (0, -1), strict=True))
    padded = framed(light, step, before, after)
    return float(np.abs(padded[step:] - padded[:-step]).max())


def _alike(light: Floats) -> float:
    """Return how much of the light's distribution over blocks its two halves in time share."""
    gathered = np.cumsum(light, axis=0, dtype=np.float64)
    middle = int(np.searchsorted(gathered.sum(1), gathered[-1].sum() / 2))
    early, late = gathered[middle], gathered[-1] - gathered[middle]
    if not late.sum():
        return 1.0
    return float(np.minimum(early / early.sum(), late / late.sum()).sum())


def _longest_run(values: NDArray[np.bool_]) -> int:
    between = np.zeros(len(values) + 2, bool)
    between[1:-1] = values
    edges = np.flatnonzero(between[1:] != between[:-1])
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _rows(seconds: float, rate: float) -> int:
    return max(3, round(seconds * rate) + 1)


def _moved(glow: Glow, rows: int) -> Glow:
    return replace(glow, first=glow.first + rows, peak=glow.peak + rows, last=glow.last + rows)
