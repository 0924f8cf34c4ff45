"""The frames a clip is made of, known by their times and their pixels."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .video import Decoded

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True)
class Mark:
    """One frame: its time in the source, its own time stamp, and a checksum of its pixels."""

    seconds: float
    pts: int | None
    checksum: int


@dataclass(frozen=True, slots=True)
class ClipRange:
    """The frames of a clip, at least one.

    `one_clock`: their time stamps are their times, with no restart or jump corrected.
    """

    marks: tuple[Mark, ...]
    one_clock: bool
    mirrored: bool

    @property
    def first_seconds(self) -> float:
        """Return the time of the first frame in the source."""
        return self.marks[0].seconds

    @property
    def last_seconds(self) -> float:
        """Return the time of the last frame in the source."""
        return self.marks[-1].seconds


def marked(item: Decoded) -> Mark:
    """Return the mark of a decoded frame."""
    total = 0
    for rows in planes(item.frame):
        total = zlib.crc32(np.ascontiguousarray(rows).data, total)
    return Mark(item.seconds, item.frame.pts, total)


def planes(frame: VideoFrame) -> list[NDArray[Any]]:
    """Return the planes of a planar frame, uint8 or uint16 (height, width), without padding.

    None for other layouts: codecs whose pictures can be copied have none of those.
    """
    layout = frame.format
    if not layout.is_planar or layout.has_palette:
        return []
    kind = np.dtype(np.uint8 if max(c.bits for c in layout.components) <= 8 else np.uint16)
    return [_rows(plane, kind) for plane in frame.planes]


def _rows(plane: Any, kind: np.dtype[Any]) -> NDArray[Any]:
    values = np.frombuffer(plane, kind)
    across = plane.line_size // kind.itemsize
    return values[: across * plane.height].reshape(plane.height, across)[:, : plane.width]
