"""Reduced luma: the brightness of a decoded frame, averaged over squares of pixels.

Every-frame screening must cost little beside decoding, and fetching a plane from memory is most of
what averaging it costs: of a square of 8 or more pixels the middle row is read. Its pixels are
added up as they lie, eight in a 64-bit word: odd and even ones into four lanes of 16 bits, and the
lanes by a single multiplication (SIMD within a register), some rows at a time, which stay in the
processor's cache. Planes of 9 to 16 bits are cut to their upper eight, so that one scene gives one
luma whatever its depth. Others go through FFmpeg's scaler.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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
_TOP_LANE = 48
_ROWS_AT_ONCE_BYTES = 96 * 1024
"""bytes of rows that are averaged at once: two such arrays fit into a core's second cache"""


@lru_cache(maxsize=64)
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

    Arrays to work in, since fresh memory costs as much again, and the frames' orientation.
    """

    def __init__(self) -> None:
        self.orientation = StreamOrientation()
        self._words = np.empty((2, 0, 0), np.uint64)
        self._sums = np.empty((2, 0, 0), np.uint16)

    def words(self, rows: int, words: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return two uint64 arrays of shape (rows, words) with anything in them."""
        if self._words.shape[1] < rows or self._words.shape[2] != words:
            self._words = np.empty((2, rows, words), np.uint64)
        return self._words[0, :rows], self._words[1, :rows]

    def sums(self, rows: int, columns: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return two uint16 arrays of shape (rows, columns) with anything in them."""
        if self._sums.shape[1:] != (rows, columns):
            self._sums = np.empty((2, rows, columns), np.uint16)
        return self._sums[0], self._sums[1]


def reduce_frame(frame: VideoFrame, scratch: Scratch) -> NDArray[np.uint8]:
    """Return the reduced luma of a frame, uint8 of shape (height, width), upright."""
    samples = _samples(frame)
    plane = None if samples is None else _luma_plane(frame, samples)
    if samples is None or plane is None:
        reduced = _scaled(frame)
    else:
        side = reduction(frame.width, frame.height)
        reduced = reduce_plane(plane, side, scratch, samples.shift)
    return scratch.orientation.of(frame).apply(reduced)


def _scaled(frame: VideoFrame) -> NDArray[np.uint8]:
    width, height = reduced_size(frame.width, frame.height)
    # The scaler refuses matrices it does not know, though luma needs none.
    matrix = None if int(frame.colorspace) in _SCALER_KNOWS else "ITU601"
    small = frame.reformat(
        width=width, height=height, format="gray", interpolation="AREA",
        src_colorspace=matrix, dst_colorspace=matrix,
    )  # fmt: skip
    return small.to_ndarray().astype(np.uint8, copy=False)


def reduce_plane(
    plane: NDArray[Any], side: int, scratch: Scratch, shift: int = 0
) -> NDArray[np.uint8]:
    """Return the mean over each `side` x `side` square of a plane, or over its middle row.

    The plane is uint8, or uint16 whose values are first shifted right by `shift`.
    """
    height, width = plane.shape[0] // side, plane.shape[1] // side
    plane = plane[: height * side, : width * side]
    reduced = np.empty((height, width), np.uint8)
    if side == 1:
        reduced[:] = _eight_bits(plane, shift)
    elif side < 8:
        _reduce_small(_eight_bits(plane, shift), side, scratch, reduced)
    else:
        rows = plane[side // 2 :: side]
        at_once = max(1, _ROWS_AT_ONCE_BYTES // (width * side))
        for first in range(0, height, at_once):
            part = slice(first, first + at_once)
            _row_means(_eight_bits(rows[part], shift), side, scratch, reduced[part])
    return reduced


def _row_means(
    rows: NDArray[np.uint8], side: int, scratch: Scratch, out: NDArray[np.uint8]
) -> None:
    """Write the mean of each `side` pixels of rows, of 8 or more."""
    lanes, other = scratch.words(len(rows), rows.shape[1] // 8)
    # Copied first: a plain copy fetches rows from memory at several times the speed of arithmetic.
    lanes.view(np.uint8)[:] = rows
    np.right_shift(lanes, _ONE_BYTE, out=other)
    np.bitwise_and(other, _EVEN_BYTES, out=other)
    np.bitwise_and(lanes, _EVEN_BYTES, out=lanes)
    np.add(lanes, other, out=lanes)
    np.multiply(lanes, _ADD_LANES, out=lanes)
    if side == 8:
        out[:] = np.right_shift(lanes, np.uint64(_TOP_LANE + 3), out=lanes)
        return
    np.right_shift(lanes, np.uint64(_TOP_LANE), out=lanes)
    squares = lanes[:, :: side // 8]
    for offset in range(1, side // 8):
        squares += lanes[:, offset :: side // 8]
    out[:] = squares >> np.uint64(side.bit_length() - 1)


def _eight_bits(plane: NDArray[Any], shift: int) -> NDArray[np.uint8]:
    return (plane >> shift).astype(np.uint8) if shift else plane


def _reduce_small(
    plane: NDArray[np.uint8], side: int, scratch: Scratch, out: NDArray[np.uint8]
) -> None:
    """Write the mean over each square of 2 or 4 pixels a side.

    Rows are added in lanes of 16 bits, which hold the sum of a whole square (at most 4080).
    """
    rows, row = scratch.sums(len(out), plane.shape[1])
    rows[:] = plane[::side]
    for offset in range(1, side):
        row[:] = plane[offset::side]  # adding bytes to words at once takes twice as long
        np.add(rows, row, out=rows)
    if side == 2:
        pairs, others = rows.view(np.uint32), row.view(np.uint32)
        np.right_shift(pairs, np.uint32(16), out=others)
        np.add(pairs, others, out=pairs)
        # The upper half still holds the second sum: it falls away with the upper bytes.
        out[:] = np.right_shift(pairs, np.uint32(2), out=pairs).astype(np.uint8)
        return
    lanes = rows.view(np.uint64)
    np.multiply(lanes, _ADD_LANES, out=lanes)
    out[:] = np.right_shift(lanes, np.uint64(_TOP_LANE + 4), out=lanes)


@dataclass(frozen=True, slots=True)
class _Samples:
    """How the luma of a pixel format lies in its first plane: 8 bits, or 16 to be shifted."""

    dtype: np.dtype[Any]
    shift: int


_KNOWN: dict[str, _Samples | None] = {}


def _samples(frame: VideoFrame) -> _Samples | None:
    """Return how a frame's luma lies in memory; None where FFmpeg's scaler has to read it."""
    layout = frame.format
    name = layout.name
    if name not in _KNOWN:
        _KNOWN[name] = _samples_of(layout)
    return _KNOWN[name]


def _samples_of(layout: Any) -> _Samples | None:
    if layout.is_rgb or not layout.name.startswith(("yuv", "nv12", "nv21", "gray")):
        return None
    bits = layout.components[0].bits
    if bits > 16 or (bits > 8 and not layout.name.endswith("le")):
        return None
    if not (layout.is_planar or layout.name.startswith("gray")):
        return None
    return _Samples(np.dtype(np.uint8 if bits == 8 else "<u2"), bits - 8)


def _luma_plane(frame: VideoFrame, samples: _Samples) -> NDArray[Any] | None:
    plane = _first_plane()(frame, 0)
    # Words may only be read from rows that start on one, and never from a bottom-up picture.
    if plane.line_size <= 0 or plane.line_size % 8:
        return None
    values: NDArray[Any] = np.frombuffer(plane, samples.dtype)
    rows = values[: plane.line_size * plane.height // values.itemsize]
    return rows.reshape(plane.height, -1)[:, : plane.width]


@lru_cache(maxsize=1)
def _first_plane() -> Any:
    """Return what gives one plane of a frame; `frame.planes` makes an object of each."""
    from av.video.plane import VideoPlane

    return VideoPlane
