"""Reduced luma: the brightness of a decoded frame, averaged over squares of pixels.

Every-frame screening must cost little beside decoding. The luma plane of a planar 8-bit YUV frame
is averaged as it lies in memory: two pixels are one 16-bit word and their sum takes its place, so
that four such sums are one 64-bit word and a single multiplication adds them up (SIMD within a
register), on at most four rows of each square. Planes of 9 to 16 bits are cut to their upper
eight, so that one scene gives one luma whatever its depth. Others go through FFmpeg's scaler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

TARGET_WIDTH = 160
"""The reduced frame is at least this wide (where the source is) and less than twice as wide."""
ROWS_PER_SQUARE = 4

_LOW_BYTE = np.uint16(0x00FF)
_HIGH_BYTE = np.uint16(8)
# Multiplying by this leaves the sum of a word's four 16-bit lanes in its highest lane.
_ADD_LANES = np.uint64(0x0001000100010001)
_TOP_LANE = np.uint64(48)


def reduction(width: int, height: int) -> int:
    """Return the square's side in pixels: a power of two."""
    side = 1
    while max(width, height) // (side * 2) >= TARGET_WIDTH and min(width, height) >= side * 2:
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
        reduced = small.to_ndarray().astype(np.uint8, copy=False)
    else:
        reduced = reduce_plane(plane, side, frame.format.components[0].bits - 8)
    turns = (frame.rotation // 90) % 4
    return np.rot90(reduced, turns) if turns else reduced


def reduce_plane(plane: NDArray[Any], side: int, shift: int = 0) -> NDArray[np.uint8]:
    """Return the mean over each `side` x `side` square of a plane (rows subsampled).

    The plane is uint8, or uint16 whose values are first shifted right by `shift`.
    """
    height, width = plane.shape[0] // side, plane.shape[1] // side
    plane = plane[: height * side, : width * side]
    if side < 8:
        return _reduce_small(_eight_bits(plane, shift), side)
    step = side // ROWS_PER_SQUARE
    sums = np.zeros((height, width * side // 2), np.uint16)
    for row in range(0, side, step):
        pairs = _eight_bits(plane[row::side], shift).view(np.uint16)
        sums += pairs & _LOW_BYTE
        sums += pairs >> _HIGH_BYTE
    eights = sums.view(np.uint64) * _ADD_LANES >> _TOP_LANE
    squares = eights[:, :: side // 8].copy()
    for offset in range(1, side // 8):
        squares += eights[:, offset :: side // 8]
    return (squares // np.uint64(side * ROWS_PER_SQUARE)).astype(np.uint8)


def _eight_bits(plane: NDArray[Any], shift: int) -> NDArray[np.uint8]:
    return (plane >> shift).astype(np.uint8) if shift else plane


def _reduce_small(plane: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if side == 1:
        return plane.copy()
    rows = plane[::side].astype(np.uint16)
    for offset in range(1, side):
        rows += plane[offset::side]
    sums = rows[:, ::side].copy()
    for offset in range(1, side):
        sums += rows[:, offset::side]
    return (sums // np.uint16(side * side)).astype(np.uint8)


def _luma_plane(frame: VideoFrame) -> NDArray[Any] | None:
    layout = frame.format
    if layout.is_rgb or not layout.name.startswith(("yuv", "nv12", "nv21", "gray")):
        return None
    bits = layout.components[0].bits
    if bits > 16 or (bits > 8 and not layout.name.endswith("le")):
        return None
    if not (layout.is_planar or layout.name.startswith("gray")):
        return None
    plane = frame.planes[0]
    # Words may only be read from rows that start on one, and never from a bottom-up picture.
    if plane.line_size <= 0 or plane.line_size % 8:
        return None
    values: NDArray[Any] = np.frombuffer(plane, np.uint8 if bits == 8 else np.dtype("<u2"))  # type: ignore[call-overload]
    rows = values[: plane.line_size * plane.height // values.itemsize]
    return rows.reshape(plane.height, -1)[:, : plane.width]
