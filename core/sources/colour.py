"""Frames as models are shown them: RGB, upright, and no larger than is of use to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame
    from PIL.Image import Image

LEAST_SHORT_SIDE = 336
"""a long, narrow picture is not reduced until nothing is left of its short side"""
MOST_TIMES_LONGER = 4
ROUGH_SHORT = 384
ROUGH_LONG = 2560


def shown_size(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """Return (width, height) a frame is shown at: never enlarged; 0 leaves it as it is.

    The longest side becomes `longest_side`, unless the short one would fall under 336 pixels: then
    that is kept, up to four times the longest side asked for.
    """
    longest, shortest = max(width, height), min(width, height)
    if not longest_side or longest <= longest_side:
        return width, height
    scale = max(longest_side / longest, min(LEAST_SHORT_SIDE / shortest, 1.0))
    scale = min(scale, MOST_TIMES_LONGER * longest_side / longest)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def rough_factor(width: int, height: int) -> int:
    """Return by how much a picture may be reduced for models that only see it small: 1, 2, 4 or 8.

    Its short side keeps 384 pixels, no less than most embedders see, or its long one 2,560: they
    reduce it once more by their own rule. Decoders of JPEG do this much for less than nothing.
    """
    short, long = sorted((width, height))
    by = (8, 4, 2)
    return next((n for n in by if short // n >= ROUGH_SHORT or long // n >= ROUGH_LONG), 1)


def rough_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) of a picture reduced by its rough factor."""
    by = rough_factor(width, height)
    return math.ceil(width / by), math.ceil(height / by)


def colour_frame(frame: VideoFrame, longest_side: int) -> NDArray[np.uint8]:
    """Return a decoded frame as RGB, uint8 (height, width, 3), rotation applied."""
    width, height = shown_size(frame.width, frame.height, longest_side)
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    pixels = small.to_ndarray()
    turns = (frame.rotation // 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns) if turns else pixels, np.uint8)


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """Return an RGB image reduced to the size it is shown at."""
    from PIL import Image as Pillow

    if size == image.size:
        return image
    return image.resize(size, Pillow.Resampling.BICUBIC, reducing_gap=2.0)
