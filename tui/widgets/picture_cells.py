"""A picture as cells of a terminal: two colours and one of sixteen shapes each, or signs.

A cell has four quarters (the quadrants U+2596 to U+259F and half blocks), so a picture in cells has
two pixels across and two down for each. Of the eight ways to part four pixels into two groups the
one with the least squared error is drawn, each group in its mean colour.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

ACROSS, DOWN = 2, 2
"""pixels of a cell"""
LEVELS = " .:-=+*#%@"
SHAPES = " ▝▖▞▗▐▄▟"
"""which quarters have the colour of the letter, by the bits upper right, lower left, lower right;
the upper left one never has: its group is drawn as the ground"""
NEAR_CELLS = 4
"""changes nearer to each other than that are sent as one stretch: each costs a cursor movement"""
COARSE = 8
"""steps of the colours on a slow link: equal neighbours are sent once"""


def quadrants(image: Image, coarse: bool = False) -> list[Strip]:
    """Return a picture, of an even number of pixels across and down, as lines of cells."""
    shapes, inks, grounds = _cells(image, COARSE if coarse else 1)
    width = image.width // ACROSS
    return [
        Strip(_runs(*line), width)
        for line in zip(shapes.tolist(), inks.tolist(), grounds.tolist(), strict=True)
    ]


def signs(image: Image) -> list[Strip]:
    """Return a picture in signs of growing brightness, one a cell."""
    grey = image.convert("L").reduce((ACROSS, DOWN))
    values = grey.tobytes()
    lines = [values[start : start + grey.width] for start in range(0, len(values), grey.width)]
    return [
        Strip([Segment("".join(LEVELS[value * len(LEVELS) // 256] for value in line))], grey.width)
        for line in lines
    ]


def _cells(image: Image, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each cell's shape and its two colours, as 0xRRGGBB, by row and column."""
    import numpy as np

    pixels = np.asarray(image, np.float32)
    rows, columns = image.height // DOWN, image.width // ACROSS
    # (rows, columns, 4 quarters, 3 colours); quarters: upper left, upper right, lower left, right
    quarters = pixels.reshape(rows, DOWN, columns, ACROSS, 3).transpose(0, 2, 1, 3, 4)
    quarters = quarters.reshape(rows, columns, 4, 3)
    total = quarters.sum(axis=2)
    # A split's squared error is the sum of squares, which all splits share, less this.
    explained = np.empty((len(SHAPES), rows, columns), np.float32)
    explained[0] = (total**2).sum(axis=-1) / 4 + 0.5  # a plain cell wins ties: it is sent shorter
    sums = np.zeros((len(SHAPES), rows, columns, 3), np.float32)
    for shape in range(1, len(SHAPES)):
        members = [quarter for quarter in (1, 2, 3) if shape >> (quarter - 1) & 1]
        sums[shape] = quarters[:, :, members].sum(axis=2)
        explained[shape] = (sums[shape] ** 2).sum(axis=-1) / len(members)
        explained[shape] += ((total - sums[shape]) ** 2).sum(axis=-1) / (4 - len(members))
    best = explained.argmax(axis=0)
    counts = np.array([number.bit_count() for number in range(len(SHAPES))])[best][..., None]
    chosen = np.take_along_axis(sums, best[None, ..., None], axis=0)[0]
    inks = _packed(chosen / np.maximum(counts, 1), step)
    grounds = _packed((total - chosen) / (4 - counts), step)
    return np.where(inks == grounds, 0, best), inks, grounds


def _packed(colours: np.ndarray, step: int) -> np.ndarray:
    """Return colours (..., 3) of 0 to 255, rounded to steps, as 0xRRGGBB."""
    import numpy as np

    whole = np.minimum((colours / step).round() * step, 255).astype(np.int64)
    packed: np.ndarray = whole @ np.array([1 << 16, 1 << 8, 1])
    return packed


def _runs(shapes: list[int], inks: list[int], grounds: list[int]) -> list[Segment]:
    """Return a line's cells, equal neighbours in one segment."""
    segments: list[Segment] = []
    text, last = "", (-1, -1)
    for shape, ink, ground in zip(shapes, inks, grounds, strict=True):
        pair = (ink if shape else -1, ground)
        if pair != last and text:
            segments.append(Segment(text, _style(*last)))
            text = ""
        text, last = text + SHAPES[shape], pair
    return [*segments, Segment(text, _style(*last))] if text else segments


@lru_cache(maxsize=4096)
def _style(ink: int, ground: int) -> Style:
    back = _colour(ground)
    return Style(bgcolor=back) if ink < 0 else Style(color=_colour(ink), bgcolor=back)


def _colour(packed: int) -> Color:
    return Color.from_rgb(packed >> 16, packed >> 8 & 255, packed & 255)


def cells_of(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Return the size of a picture that fits into cells, which are twice as high as wide."""
    scale = min(width / size[0], height * 2 / size[1])
    columns, rows = max(int(size[0] * scale), 1), max(int(size[1] * scale / 2), 1)
    return columns * ACROSS, rows * DOWN


def changed(old: Strip, new: Strip) -> list[tuple[int, int]]:
    """Return the stretches (first cell, cell after the last) in which two lines differ."""
    if old == new:
        return []
    cells = _by_cell(old), _by_cell(new)
    if len(cells[0]) != len(cells[1]):
        return [(0, max(map(len, cells)))]
    found: list[tuple[int, int]] = []
    for place, (one, other) in enumerate(zip(*cells, strict=True)):
        if one == other:
            continue
        if found and place - found[-1][1] < NEAR_CELLS:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def _by_cell(strip: Strip) -> list[tuple[str, Style | None]]:
    return [(letter, style) for text, style, _ in strip for letter in text]
