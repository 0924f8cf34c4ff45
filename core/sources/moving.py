"""Animated pictures: GIF, PNG, WebP and AVIF that hold several frames are read as videos.

FFmpeg reads all but WebP with the times their authors gave them; Pillow reads animated WebP, whose
frames are put into a lossless stream in memory, so that everything that reads videos reads it too.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .formats import open_listed

if TYPE_CHECKING:
    from PIL.Image import Image

MOVING = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
SHORTEST_MS = 10
"""frames that claim to last no longer are shown for 100 ms, as by Chrome and Firefox"""
USUAL_MS = 100
_MAGIC_BYTES = 64


def is_animated(image: Image) -> bool:
    """Tell whether an open picture is to be read as a video."""
    return image.format in MOVING and _frame_count(image) > 1


def _frame_count(image: Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # counting goes through the file, which may be damaged anywhere
        return 1


def is_new_video(path: str) -> bool:
    """Tell whether a file that is read as a video is an animated PNG, WebP or AVIF."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x89PNG" or is_webp(path) or is_avif(path)


def is_webp(path: str) -> bool:
    """Tell whether a file is a WebP, by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(_MAGIC_BYTES)
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def is_avif(path: str) -> bool:
    """Tell whether a file is an AVIF, by the brands in its first box."""
    with open(path, "rb") as file:
        head = file.read(_MAGIC_BYTES)
    return head[4:8] == b"ftyp" and (b"avif" in head[8:] or b"avis" in head[8:])


def as_stream(path: str, beat: Callable[[], None]) -> io.BytesIO:
    """Return an animated WebP as Matroska with lossless frames (FFV1), its times kept.

    `beat` is called for every frame. Raises what Pillow raises on damaged data.
    """
    status = os.stat(path)
    return io.BytesIO(_muxed(path, (status.st_mtime_ns, status.st_size), beat))


# Reading a video opens it several times over; `_version` keeps a changed file from being mistaken.
@lru_cache(maxsize=1)
def _muxed(path: str, _version: tuple[int, int], beat: Callable[[], None]) -> bytes:
    import av

    out = io.BytesIO()
    with open_listed(path, ("WEBP",)) as image, av.open(out, "w", format="matroska") as target:
        stream: Any = target.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, "bgr0"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for start, duration, frame in _frames(image):
            beat()
            pixels = np.asarray(frame, np.uint8)
            shown = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="bgr0")
            shown.pts, shown.time_base, shown.duration = start, Fraction(1, 1000), duration
            target.mux(stream.encode(shown))
        target.mux(stream.encode(None))
    return out.getvalue()


def _frames(image: Image) -> Iterator[tuple[int, int, Image]]:
    """Yield (start, duration, frame over black), times in milliseconds."""
    from PIL import Image as Pillow

    start = 0
    for number in range(_frame_count(image)):
        image.seek(number)
        image.load()
        said = int(image.info.get("duration") or 0)
        duration = said if said > SHORTEST_MS else USUAL_MS
        black = Pillow.new("RGBA", image.size, (0, 0, 0, 255))
        yield start, duration, Pillow.alpha_composite(black, image.convert("RGBA")).convert("RGB")
        start += duration
