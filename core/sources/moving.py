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
from numpy.typing import NDArray

from .file_locator import FileLocator
from .formats import open_listed
from .locator import locate

if TYPE_CHECKING:
    from PIL.Image import Image

MOVING = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
SHORTEST_MS = 10
"""frames that claim to last no longer are shown for 100 ms, as by Chrome and Firefox"""
USUAL_MS = 100
_MILLISECOND = Fraction(1, 1000)
_MAGIC_BYTES = 64
_ANIMATION_FLAG = 0x02
"""in the first byte of WebP's VP8X chunk"""


def is_animated(image: Image) -> bool:
    """Return whether an open picture is to be read as a video."""
    return image.format in MOVING and _frame_count(image) > 1


def _frame_count(image: Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # counting goes through the file, which may be damaged anywhere
        return 1


def is_new_video(path: str) -> bool:
    """Return whether a file that is read as a video is an animated PNG, WebP or AVIF."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x89PNG" or is_webp(path) or is_avif(path)


def says_animated(path: str) -> bool:
    """Return whether a .webp or .avif is animated, from its first bytes; opens no other."""
    if os.path.splitext(path)[1].lower() not in (".webp", ".avif"):
        return False
    try:
        with locate(path).open() as file:
            head = file.read(_MAGIC_BYTES)
    except OSError:
        return False
    webp = head[8:16] == b"WEBPVP8X" and bool(head[20:21] and head[20] & _ANIMATION_FLAG)
    return webp or head[4:12] == b"ftypavis"


def is_webp(path: str) -> bool:
    """Return whether a file is a WebP, by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(_MAGIC_BYTES)
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def is_avif(path: str) -> bool:
    """Return whether a file is an AVIF, by the brands in its first box."""
    with open(path, "rb") as file:
        head = file.read(_MAGIC_BYTES)
    return head[4:8] == b"ftyp" and (b"avif" in head[8:] or b"avis" in head[8:])


def as_stream(path: str, beat: Callable[[], None]) -> io.BytesIO:
    """Return an animated WebP as Matroska with lossless frames (FFV1), its times kept.

    `beat` is called for every frame. Raises what Pillow raises on damaged data.
    """
    return io.BytesIO(_muxed(path, FileLocator(path).version(), beat))


# Reading a video opens it several times over; `_version` keeps a changed file from being mistaken.
@lru_cache(maxsize=1)
def _muxed(path: str, _version: tuple[int, int], beat: Callable[[], None]) -> bytes:
    import av

    out = io.BytesIO()
    lasting = _durations(path)
    usual = Fraction(1000 * len(lasting), sum(lasting)) if lasting else Fraction(1000, USUAL_MS)
    with open_listed(path, ("WEBP",)) as image, av.open(out, "w", format="matroska") as target:
        stream: Any = target.add_stream("ffv1", rate=usual.limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, "bgr0"
        stream.time_base = stream.codec_context.time_base = _MILLISECOND
        start = 0
        for number, pixels in enumerate(_frames(image)):
            beat()
            duration = lasting[number] if number < len(lasting) else USUAL_MS
            shown = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="bgr0")
            shown.pts, shown.time_base = start, _MILLISECOND
            for packet in stream.encode(shown):
                packet.duration = duration  # the encoder knows the usual one only
                target.mux(packet)
            start += duration
        target.mux(stream.encode(None))
    return out.getvalue()


def _durations(path: str) -> list[int]:
    """Return how long each frame of a WebP lasts, in milliseconds, from its ANMF chunks."""
    found = []
    with open(path, "rb") as file:
        end = 8 + int.from_bytes(file.read(12)[4:8], "little")
        while file.tell() < end and len(head := file.read(8)) == 8 and head[:4].isascii():
            size = int.from_bytes(head[4:], "little")
            body = file.read(16) if head[:4] == b"ANMF" else b""
            if len(body) == 16:
                said = int.from_bytes(body[12:15], "little")
                found.append(said if said > SHORTEST_MS else USUAL_MS)
            file.seek(size + size % 2 - len(body), io.SEEK_CUR)
    return found


def _frames(image: Image) -> Iterator[NDArray[np.uint8]]:
    """Yield each frame over black, uint8 RGB of shape (height, width, 3)."""
    from PIL import Image as Pillow

    black = Pillow.new("RGBA", image.size, (0, 0, 0, 255))
    for number in range(_frame_count(image)):
        image.seek(number)
        image.load()
        opaque = Pillow.alpha_composite(black, image.convert("RGBA")).convert("RGB")
        yield np.asarray(opaque, np.uint8)
