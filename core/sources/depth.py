"""Pictures of more than 8 bits a pixel brought to 8 bits, their full range visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..text import counted

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDE_BITS = 16
_FEW_BITS = (10, 12, 14)
_USUAL_BITS = (*range(1, 9), 10, 12, 14, 16)
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_MAXIMA = (341, 281)
"""SMaxSampleValue and MaxSampleValue of TIFF 6.0"""
_WHITE_IS_ZERO = 0
_UNSIGNED = 1


def is_deep(image: Image) -> bool:
    """Return whether a picture has one channel of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def eight_bits(image: Image) -> tuple[NDArray[np.uint8], str]:
    """Return a deep picture as uint8 (height, width), and how it was scaled if not as a matter
    of course, else an empty string.

    16 bits of PNG, PGM and JPEG 2000 are a full range by their formats. A TIFF's range ends at the
    maximum its tags name, else at the least number of bits that holds its brightest pixel: up to 8,
    or the 10, 12, 14 or 16 that cameras have. Numbers below zero and floating point are stretched.
    """
    pixels = _pixels(image)
    if pixels.dtype.kind == "f":
        return _inverted(image, _stretched(pixels), "")
    if pixels.size and int(pixels.min()) < 0:
        return _inverted(image, _stretched(pixels), "numbers below zero, stretched")
    top, how = _top(image, int(pixels.max(initial=0)))
    return _inverted(image, _scaled(pixels, top), how)


def may_hide_depth(image: Image) -> bool:
    """Return whether a picture is a TIFF of 16 bits a colour, of which Pillow keeps the upper 8."""
    return (
        image.format == "TIFF"
        and image.mode == "RGB"
        and _tag(image, _BITS_PER_SAMPLE) == _WIDE_BITS
    )


def eight_bits_of_colour(image: Image, path: str) -> tuple[NDArray[np.uint8], str] | None:
    """Return a loaded TIFF whose 16 bits a colour are not all used as uint8 RGB, and how.

    The array is of shape (height, width, 3), turned as the file has it. None where all are used,
    or FFmpeg, which reads the lower bits too, cannot read the file.
    """
    brightest = max(high for _, high in image.getextrema()[:3])  # type: ignore[misc]
    if brightest >= 2 ** (max(_FEW_BITS) - 8):
        return None
    pixels = _by_ffmpeg(path)
    if pixels is None:
        return None
    top, how = _top(image, int(pixels.max(initial=0)))
    return _scaled(pixels, top), how


def _by_ffmpeg(path: str) -> NDArray[np.uint16] | None:
    import av

    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            frame = next(container.decode(video=0))
            return np.asarray(frame.to_ndarray(format="rgb48le"), np.uint16)
    except (av.error.FFmpegError, StopIteration, ValueError):
        return None


def _pixels(image: Image) -> NDArray[Any]:
    pixels = np.asarray(image)
    # Pillow reads unsigned 32 bits as signed ones.
    unsigned = pixels.dtype.itemsize == 4 and pixels.dtype.kind == "i"
    if unsigned and _tag(image, _SAMPLE_FORMAT) == _UNSIGNED:
        return pixels.view(np.uint32)
    return pixels


def _top(image: Image, brightest: int) -> tuple[int, str]:
    """Return the value shown as white, and how it was found out."""
    if image.format != "TIFF":
        if brightest > 65535:
            return brightest, f"white is {brightest}"
        return 65535, "16 bits, few of them used" if brightest <= 255 else ""
    bits = _tag(image, _BITS_PER_SAMPLE)
    if isinstance(bits, int) and bits < 16:
        return 2**bits - 1, counted(bits, "bit")
    for tag in _MAXIMA:
        named = _tag(image, tag)
        if isinstance(named, (int, float)) and brightest <= named < 2**32 and named >= 1:
            return int(named), "" if named == 65535 else f"white is {int(named)}"
    held = next((bits for bits in _USUAL_BITS if brightest < 2**bits), 32)
    if held == 32:
        return brightest, f"white is {brightest}"
    return 2**held - 1, "" if held == 16 else f"{held} of {counted(bits, 'bit')}"


def _scaled(pixels: NDArray[Any], top: int) -> NDArray[np.uint8]:
    if top == 65535 and pixels.dtype.itemsize == 2:
        return np.asarray(pixels >> 8, np.uint8)
    wide = np.clip(pixels, 0, top).astype(np.int64)
    return np.asarray(wide * 255 // top, np.uint8)


def _stretched(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    finite = np.isfinite(pixels)
    known = pixels[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    even = (np.where(finite, pixels, low) - low) * (255.0 / max(high - low, 1e-9))
    return np.clip(even, 0, 255).astype(np.uint8)


def _inverted(image: Image, shown: NDArray[np.uint8], how: str) -> tuple[NDArray[np.uint8], str]:
    """Turn a TIFF whose zero is white; Pillow does so for 8 bits only."""
    if _tag(image, _PHOTOMETRIC) != _WHITE_IS_ZERO:
        return shown, how
    return 255 - shown, f"{how}, zero is white".removeprefix(", ")


def _tag(image: Image, number: int) -> Any:
    """Return a TIFF tag's first value, or None."""
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    value = tags.get(number) if tags is not None else None
    return value[0] if isinstance(value, tuple) and value else value
