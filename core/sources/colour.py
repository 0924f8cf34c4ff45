"""Frames as models are shown them: RGB, upright, and no larger than is of use to them."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .aspect import SQUARE, display_size
from .colour_tags import Reading, reading
from .light import to_bt709
from .orientation import Orientation, orientation

if TYPE_CHECKING:
    from av import VideoFrame
    from PIL.Image import Image

LEAST_SHORT_SIDE = 336
"""a long, narrow picture is not reduced until nothing is left of its short side"""
MOST_TIMES_LONGER = 4
ROUGH_SHORT = 384
ROUGH_LONG = 2560
# Flags of FFmpeg's scaler (libswscale/swscale.h). Without careful rounding and chroma, colours of
# scaled frames are off by up to 5 levels; and with them, area averaging to 16 bits gives garbage.
_AREA = 0x20
_EXACT = 0x4 | 0x40000 | 0x2000
"""bicubic, accurate rounding, all of the chroma"""


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


class StreamReading:
    """How the frames of one stream are read and turned; see `StreamOrientation` for why once."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._found: tuple[Orientation, Reading] | None = None

    def of(self, frame: VideoFrame) -> tuple[Orientation, Reading]:
        """Return how the next frame is read and turned."""
        key = (
            frame.rotation, frame.format.name, frame.width, frame.height, int(frame.colorspace),
            int(frame.color_trc), int(frame.color_primaries),
        )  # fmt: skip
        if self._found is None or key != self._key:
            self._key, self._found = key, (orientation(frame), reading(frame))
        return self._found


def colour_frame(
    frame: VideoFrame,
    longest_side: int,
    aspect: Fraction = SQUARE,
    known: StreamReading | None = None,
) -> NDArray[np.uint8]:
    """Return a decoded frame as models are shown it: RGB, uint8 (height, width, 3), upright.

    `aspect` is that of its pixels. Colours are BT.709's on an ordinary screen: see `colour_tags`
    and `light`. `known` is shared by the frames of a stream.
    """
    whole = display_size(frame.width, frame.height, aspect)
    turned, how = (known or StreamReading()).of(frame)
    plain = not how.identity and aspect == SQUARE
    size = shown_size(*whole, longest_side)
    # Kept answers were given on the plain conversion, which is within 2 levels where it is right.
    return _contiguous(turned.apply(_rgb(frame, size, how, _AREA if plain else _EXACT)))


def still_frame(
    frame: VideoFrame, longest_side: int, aspect: Fraction = SQUARE
) -> NDArray[np.uint8]:
    """Return a decoded frame as people are shown it, its longest side at most `longest_side`."""
    width, height = display_size(frame.width, frame.height, aspect)
    scale = min(1.0, longest_side / max(width, height))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    turned, how = StreamReading().of(frame)
    return _contiguous(turned.apply(_rgb(frame, size, how, _EXACT)))


def _contiguous(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels, np.uint8)


def _rgb(frame: VideoFrame, size: tuple[int, int], how: Reading, flags: int) -> NDArray[np.uint8]:
    small = frame.reformat(
        width=size[0],
        height=size[1],
        format="rgb48le" if how.in_light else "rgb24",
        src_colorspace=how.matrix or None,
        interpolation=flags,
    )
    pixels: NDArray[Any] = small.to_ndarray()
    if how.in_light:
        pixels = to_bt709(pixels, how.transfer, how.primaries)
    return np.asarray(pixels, np.uint8)


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """Return an RGB image reduced to the size it is shown at."""
    from PIL import Image as Pillow

    if size == image.size:
        return image
    return image.resize(size, Pillow.Resampling.BICUBIC, reducing_gap=2.0)
