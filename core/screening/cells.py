"""The grid of cells screening works on, regions of interest on it, and sums over parts of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.screening_settings import Regions
from ..records import Region
from ..sources.region_mask import cells_inside, has_regions

LONGEST_GRID = 40
FRAMES_AT_ONCE = 16
"""frames whose cells are averaged at once, so that what is added up stays in the cache"""
SHORT_BLOCKS, LONG_BLOCKS = 5, 8


def cell_side(height: int, width: int) -> int:
    """Return a cell's side in luma pixels: about 40 cells along the longer side of any picture."""
    return max(1, min(round(max(height, width) / LONGEST_GRID), height, width))


def cell_means(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean of each cell: uint8 (frames, h, w) to float32 (frames, h//side, w//side)."""
    height, width = luma.shape[1:]
    side = cell_side(height, width)
    rows, columns = height // side, width // side
    inner = luma[:, : rows * side, : columns * side]
    cells = np.empty((len(luma), rows, columns), np.float32)
    for first in range(0, len(luma), FRAMES_AT_ONCE):
        part = slice(first, first + FRAMES_AT_ONCE)
        cells[part] = _cell_sums(inner[part], side)
    cells *= np.float32(1.0 / (side * side))
    return cells


def _cell_sums(luma: NDArray[np.uint8], side: int) -> NDArray[Any]:
    """Return the sum of each cell: whole numbers, of 16 bits as long as those hold it."""
    sums = luma[:, ::side].astype(np.uint16 if side <= 16 else np.uint32)
    row = np.empty_like(sums)
    for offset in range(1, side):
        row[:] = luma[:, offset::side]  # adding bytes to longer numbers takes twice as long
        np.add(sums, row, out=sums)
    cells: NDArray[Any] = sums[:, :, ::side].copy()
    for offset in range(1, side):
        np.add(cells, sums[:, :, offset::side], out=cells)
    return cells


def mask(
    regions: Regions, shape: tuple[int, int], width: int, height: int
) -> NDArray[np.float32] | None:
    """Return 1.0 where to look and 0.0 elsewhere, float32 of `shape` (rows, columns), or None.

    `width` and `height` are the source's, for shapes given in pixels.
    """
    if not has_regions(regions):
        return None
    return cells_inside(regions, shape, (width, height)).astype(np.float32)


def block_sums(cells: NDArray[Any]) -> NDArray[np.float32]:
    """Return sums over overlapping parts of the grid: (frames, rows, columns) to (frames, parts).

    The grid is cut into 5 x 8 blocks (8 x 5 if it is upright); each part is 3 x 3 of them; the
    last part is everything.
    """
    frames, rows, columns = cells.shape
    whole = cells.reshape(frames, -1).sum(1, dtype=np.float32)[:, None]
    down, across = _blocks(rows, columns)
    if rows < down or columns < across:
        return np.asarray(whole, np.float32)
    tops, lefts = [*_edges(rows, down), rows], [*_edges(columns, across), columns]
    bands = np.empty((down, frames, columns), np.float32)
    for row in range(down):  # twice as fast as reduceat
        cells[:, tops[row] : tops[row + 1]].sum(1, out=bands[row])
    # Frames last: a sum of five neighbours costs several times as much as five sums of frames.
    by_column = np.ascontiguousarray(bands.transpose(2, 0, 1))
    blocks = np.empty((across, down, frames), np.float32)
    for column in range(across):
        by_column[lefts[column] : lefts[column + 1]].sum(0, out=blocks[column])
    tall = blocks[:, :-2] + blocks[:, 1:-1] + blocks[:, 2:]
    parts = tall[:-2] + tall[1:-1] + tall[2:]
    sums = np.empty((frames, (down - 2) * (across - 2) + 1), np.float32)
    sums[:, :-1] = parts.transpose(2, 1, 0).reshape(frames, -1)
    sums[:, -1:] = whole
    return sums


def part_slices(part: int, rows: int, columns: int) -> tuple[slice, slice]:
    """Return the cells of a part of `block_sums`."""
    down, across = _blocks(rows, columns)
    parts = (down - 2) * (across - 2)
    if rows < down or columns < across or part >= parts:
        return slice(0, rows), slice(0, columns)
    top, left = divmod(part, across - 2)
    row_edges = [*_edges(rows, down), rows]
    column_edges = [*_edges(columns, across), columns]
    return slice(row_edges[top], row_edges[top + 3]), slice(
        column_edges[left], column_edges[left + 3]
    )


def bounds(lit: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Return x, y, width, height of the lit cells, in fractions of the grid (all 0 for none)."""
    rows, columns = np.flatnonzero(lit.any(1)), np.flatnonzero(lit.any(0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    height, width = lit.shape
    return (
        columns[0] / width,
        rows[0] / height,
        (columns[-1] + 1 - columns[0]) / width,
        (rows[-1] + 1 - rows[0]) / height,
    )


def bounds_of_each(lit: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the `bounds` of each frame: bool (frames, rows, columns) to float64 (frames, 4)."""
    height, width = lit.shape[1:]
    top, tall = _first_and_length(np.logical_or.reduce(lit, axis=2))
    left, wide = _first_and_length(np.logical_or.reduce(lit, axis=1))
    return np.stack([left / width, top / height, wide / width, tall / height], axis=1)


def _first_and_length(lit: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, of each row, its first True and how far it is to after the last; 0 for none."""
    length = lit.shape[1]
    first, last = lit.argmax(1), length - lit[:, ::-1].argmax(1)
    return first, np.where(lit.any(1), last - first, 0)


def region_pixels(fractions: Sequence[float], width: int, height: int) -> Region | None:
    """Return fractions x, y, width, height as pixels of the source, or None for an empty region."""
    x, y, across, down = fractions
    if across <= 0 or down <= 0:
        return None
    return round(x * width), round(y * height), round(across * width), round(down * height)


def _blocks(rows: int, columns: int) -> tuple[int, int]:
    return (SHORT_BLOCKS, LONG_BLOCKS) if columns >= rows else (LONG_BLOCKS, SHORT_BLOCKS)


def _edges(length: int, parts: int) -> list[int]:
    return [length * part // parts for part in range(parts)]
