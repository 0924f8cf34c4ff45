"""Reduced luma: the brightness of a decoded frame, averaged over squares of pixels.

Every-frame screening must cost little beside decoding, and fetching a plane from memory is most of
what averaging it costs: of a square of 8 or more pixels the middle row is read. Its pixels are
added up as they lie, eight in a 64-bit word: odd and even ones into four lanes of 16 bits, and the
lanes by a single multiplication (SIMD within a register). Planes of 9 to 16 bits are cut to their
upper eight, so that one scene gives one luma whatever its depth. Others go through FFmpeg's scaler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .orientation import StreamOrientation

if TYPE_CHECKING:
    from av import VideoFrame

TARGET_WIDTH = 160
"""The reduced frame is at least this wide (where the source is) and less than twice as wide."""

_SCALER_KNOWS = frozenset((0, 1, 2, 4, 5, 6, 7, 9))
"""numbers of colour matrices in ITU-T H.273"""
_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
_ONE_BYTE = np.uint64(8)
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


class Scratch:
    """What is kept from one frame of a stream to the next.

    Two arrays to work in, since fresh memory costs as much again, and the frames' orientation.
    """

    def __init__(self) -> None:
        self.orientation = StreamOrientation()
        self._arrays = np.empty((2, 0, 0), np.uint64)

    def take(self, rows: int, words: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return two uint64 arrays of shape (rows, words) with anything in them."""
        if self._arrays.shape[1:] != (rows, words):
            self._arrays = np.empty((2, rows, words), np.uint64)
        return self._arrays[0], self._arrays[1]


def reduce_frame(frame: VideoFrame, scratch: Scratch) -> NDArray[np.uint8]:
    """Return the reduced luma of a frame, uint8 of shape (height, width), upright."""
    side = reduction(frame.width, frame.height)
    plane = _luma_plane(frame)
    if plane is None:
        width, height = reduced_size(frame.width, frame.height)
        # The scaler refuses matrices it does not know, though luma needs none.
        matrix = None if int(frame.colorspace) in _SCALER_KNOWS else "ITU601"
        small = frame.reformat(
            width=width, height=height, format="gray", interpolation="AREA",
            src_colorspace=matrix, dst_colorspace=matrix,
        )  # fmt: skip
        reduced = small.to_ndarray().astype(np.uint8, copy=False)
    else:
        reduced = reduce_plane(plane, side, scratch, frame.format.components[0].bits - 8)
    return scratch.orientation.of(frame).apply(reduced)


def reduce_plane(
    plane: NDArray[Any], side: int, scratch: Scratch, shift: int = 0
) -> NDArray[np.uint8]:
    """Return the mean over each `side` x `side` square of a plane, or over its middle row.

    The plane is uint8, or uint16 whose values are first shifted right by `shift`.
    """
    height, width = plane.shape[0] // side, plane.shape[1] // side
    plane = plane[: height * side, : width * side]
    if side < 8:
        return _reduce_small(_eight_bits(plane, shift), side)
    lanes, other = scratch.take(height, width * side // 8)
    # Copied first: a plain copy fetches rows from memory at several times the speed of arithmetic.
    lanes.view(np.uint8)[:] = _eight_bits(plane[side // 2 :: side], shift)
    np.right_shift(lanes, _ONE_BYTE, out=other)
    np.bitwise_and(other, _EVEN_BYTES, out=other)
    np.bitwise_and(lanes, _EVEN_BYTES, out=lanes)
    lanes += other
    lanes *= _ADD_LANES
    lanes >>= _TOP_LANE
    squares = lanes[:, :: side // 8]
    for offset in range(1, side // 8):
        squares += lanes[:, offset :: side // 8]
    squares >>= np.uint64(side.bit_length() - 1)
    return squares.astype(np.uint8)


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
