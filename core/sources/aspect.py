"""Pixels that are not square, and the size a video is shown at."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SQUARE = Fraction(1)
MOST_ASPECT = 8
"""Anamorphic lenses and old television use 1:2 to 2:1; what is stretched further is a mistake."""


def pixel_aspect(video: VideoStream) -> Fraction:
    """Return a pixel's width over its height; the container's word goes before the codec's.

    That order is `av_guess_sample_aspect_ratio`'s, and so ffplay's. What is missing or absurd
    (0:0, 1:1000) is square.
    """
    stated = stated_aspect(video)
    return stated if believed(stated) else SQUARE


def stated_aspect(video: VideoStream) -> Fraction:
    """Return a pixel's aspect as the file states it; square where it states none."""
    stated = video.sample_aspect_ratio
    return Fraction(stated) if stated and stated > 0 else SQUARE


def believed(aspect: Fraction) -> bool:
    """Return whether pixels of this aspect are plausible."""
    return Fraction(1, MOST_ASPECT) <= aspect <= MOST_ASPECT


def display_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return (width, height) in square pixels of a stored size: one side grows, none shrinks.

    As mpv does it (`mp_image_params_get_dsize`, video/mp_image.c): no stored pixel is lost.
    """
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)
