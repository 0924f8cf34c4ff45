"""Where a profile's regions lie in a picture: as cells that screening measures, and as pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..config.region_shapes import Polygon, Rectangle, Shape, is_polygon, mask_bits
from ..config.screening_settings import Regions
from ..records import Region

FINE = 8
"""steps in which a cell's side is divided to see whether a polygon touches the cell"""
Size = tuple[int, int]
"""width and height in pixels"""


def cells_inside(regions: Regions, shape: tuple[int, int], size: Size) -> NDArray[np.bool_]:
    """Return which cells of a grid of `shape` (rows, columns) are searched, bool.

    Each cell that a shape touches counts as inside it; a cell counts as white in a mask if half of
    it is. `size` is the source's, for shapes given in pixels.
    """
    return _inside(regions, shape, size, _touched, lambda bits: _resized(bits, shape))


def blacked_out(pixels: NDArray[np.uint8], regions: Regions, size: Size) -> NDArray[np.uint8]:
    """Return a picture, uint8 (height, width, 3), black wherever regions say not to look."""
    if not has_regions(regions):
        return pixels
    height, width = pixels.shape[:2]
    inside = _pixels_inside(regions, (height, width), size)
    return np.where(inside[:, :, None], pixels, np.uint8(0))


def clipped(region: Region, regions: Regions, size: Size) -> Region:
    """Return the box around the searched pixels of a box of pixels.

    Cells that a shape only touches are measured whole, so what is found may exceed the shape. A
    box without searched pixels stays as it is.
    """
    if not has_regions(regions):
        return region
    x, y, across, down = region
    left, top = max(x, 0), max(y, 0)
    inside = _pixels_inside(regions, (size[1], size[0]), size)[top : y + down, left : x + across]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return region
    first_row, first_column = int(rows[0]), int(columns[0])
    return (
        left + first_column, top + first_row,
        int(columns[-1]) + 1 - first_column, int(rows[-1]) + 1 - first_row,
    )  # fmt: skip


def searches_nothing(regions: Regions, size: Size) -> bool:
    """Return whether no pixel of a frame of this size is searched."""
    return has_regions(regions) and not _pixels_inside(regions, (size[1], size[0]), size).any()


def has_regions(regions: Regions) -> bool:
    """Return whether any part of a picture is excluded."""
    return bool(regions.include or regions.exclude or regions.mask)


@lru_cache(maxsize=8)
def _pixels_inside(regions: Regions, shape: tuple[int, int], size: Size) -> NDArray[np.bool_]:
    return _inside(regions, shape, size, _covered, lambda bits: _resized(bits, shape))


def _inside(
    regions: Regions,
    shape: tuple[int, int],
    size: Size,
    filled: Callable[[Shape, tuple[int, int], Size], NDArray[np.bool_]],
    masked: Callable[[NDArray[np.bool_]], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    inside = np.ones(shape, bool)
    if regions.include:
        inside = _any(filled(each, shape, size) for each in regions.include)
    if regions.mask:
        inside &= masked(mask_bits(regions.mask))
    for each in regions.exclude:
        inside &= ~filled(each, shape, size)
    return inside


def _any(found: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    covered: NDArray[np.bool_] = np.logical_or.reduce(list(found))
    return covered


def _touched(found: Shape, shape: tuple[int, int], size: Size) -> NDArray[np.bool_]:
    """Return the cells that a shape touches."""
    rows, columns = shape
    inside = np.zeros(shape, bool)
    if not is_polygon(found):
        inside[_slices(found, shape, size)] = True  # type: ignore[arg-type]
        return inside
    fine = _drawn(found, (rows * FINE, columns * FINE), size)  # type: ignore[arg-type]
    inside[:] = fine.reshape(rows, FINE, columns, FINE).any(axis=(1, 3))
    return inside


def _covered(found: Shape, shape: tuple[int, int], size: Size) -> NDArray[np.bool_]:
    """Return the pixels that a shape covers."""
    if is_polygon(found):
        return _drawn(found, shape, size)  # type: ignore[arg-type]
    return _touched(found, shape, size)


def _drawn(polygon: Polygon, shape: tuple[int, int], size: Size) -> NDArray[np.bool_]:
    from PIL import Image, ImageDraw

    rows, columns = shape
    across, down = (1.0, 1.0) if _are_fractions(v for p in polygon for v in p) else size
    corners = [(x / across * columns - 0.5, y / down * rows - 0.5) for x, y in polygon]
    image = Image.new("1", (columns, rows))
    ImageDraw.Draw(image).polygon(corners, fill=1, outline=1)
    return np.asarray(image, bool)


def _slices(rectangle: Rectangle, shape: tuple[int, int], size: Size) -> tuple[slice, slice]:
    x, y, across, down = rectangle
    if not _are_fractions(rectangle):
        width, height = size
        x, across, y, down = x / width, across / width, y / height, down / height
    rows, columns = shape
    # Every cell the rectangle touches counts.
    top, left = int(y * rows), int(x * columns)
    bottom, right = int(np.ceil((y + down) * rows)), int(np.ceil((x + across) * columns))
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def _are_fractions(values: Iterable[float]) -> bool:
    return max(values) <= 1


def _resized(bits: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask at another size; what is at least half white is white."""
    from PIL import Image

    rows, columns = shape
    grey = Image.fromarray(bits.astype(np.uint8) * 255)
    return np.asarray(grey.resize((columns, rows), Image.Resampling.BOX)) >= 128
