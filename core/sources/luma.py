"""Reduced luma: the brightness of a decoded frame, averaged over squares of pixels.

Every-frame screening must cost little beside decoding. The luma plane of a planar 8-bit YUV frame
is averaged as it lies in memory: eight pixels are one 64-bit word, and sums of neighbouring
bytes are taken word-wise (SIMD within a register), on at most four rows of each square. Any other
pixel format goes through FFmpeg's scaler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

TARGET_WIDTH = 160
"""The reduced frame is at least this wide (where the source is) and less than twice as wide."""
ROWS_PER_SQUARE = 4

_BYTES = np.uint64(0x00FF00FF00FF00FF)
_WORDS = np.uint64(0x0000FFFF0000FFFF)
_LONGS = np.uint64(0x00000000FFFFFFFF)


def reduction(width: int, height: int) -> int:
    """Return the square's side in pixels: a power of two."""
    side = 1
    while max(width, height) // (side * 2) >= TARGET_WIDTH:
        side *= 2
    return side


def reduced_size(width: int, height: int) -> tuple[int, int]:
    """Return (width, height) of the reduced frame; what fills no whole square is left out."""
    side = reduction(width, height)
    return max(width // side, 1), max(height // side, 1)


def reduce_frame(frame: VideoFrame) -> NDArray[np.uint8]:
    """Return the reduced luma of a frame, uint8 of shape (height, width), rotation applied."""
    side = reduction(frame.width, frame.height)
    plane = _luma_plane(frame)
    if plane is None:
        width, height = reduced_size(frame.width, frame.height)
        small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
        reduced = small.to_ndarray()
    else:
        reduced = reduce_plane(plane, side)
    turns = (frame.rotation // 90) % 4
    return np.rot90(reduced, turns) if turns else reduced


def reduce_plane(plane: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the mean over each `side` x `side` square of a uint8 plane (rows subsampled)."""
    height, width = plane.shape[0] // side, plane.shape[1] // side
    if side == 1:
        return plane[:height, :width].copy()
    if side < 8:
        return _reduce_small(plane[: height * side, : width * side], side)
    step = max(side // ROWS_PER_SQUARE, 1)
    words = plane[: height * side : step, : width * side].view(np.uint64)
    sums = (words & _BYTES) + ((words >> np.uint64(8)) & _BYTES)
    sums = sums.reshape(height, side // step, -1).sum(axis=1)
    sums = (sums & _WORDS) + ((sums >> np.uint64(16)) & _WORDS)
    sums = (sums & _LONGS) + (sums >> np.uint64(32))
    squares = sums.reshape(height, width, side // 8).sum(axis=2)
    return (squares // np.uint64(side * (side // step))).astype(np.uint8)


def _reduce_small(plane: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    rows = plane[::side].astype(np.uint16)
    for offset in range(1, side):
        rows += plane[offset::side]
    sums = rows[:, ::side].copy()
    for offset in range(1, side):
        sums += rows[:, offset::side]
    return (sums // np.uint16(side * side)).astype(np.uint8)


def _luma_plane(frame: VideoFrame) -> NDArray[np.uint8] | None:
    layout = frame.format
    if layout.is_rgb or not layout.name.startswith(("yuv", "nv12", "nv21", "gray")):
        return None
    if not (layout.is_planar or layout.name == "gray") or layout.components[0].bits != 8:
        return None
    plane = frame.planes[0]
    # Words may only be read from rows that start on one, and never from a bottom-up picture.
    if plane.line_size <= 0 or plane.line_size % 8:
        return None
    rows = np.frombuffer(plane, np.uint8, count=plane.line_size * plane.height)
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]
