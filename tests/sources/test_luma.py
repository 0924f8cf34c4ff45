from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.sources.luma import Scratch, reduce_frame, reduce_plane, reduced_size, reduction
from tests.workbench import encode


def slow_mean(plane: NDArray[np.uint8], side: int) -> NDArray[np.int64]:
    height, width = plane.shape[0] // side, plane.shape[1] // side
    squares = plane[: height * side, : width * side].astype(np.int64)
    squares = squares.reshape(height, side, width, side)
    if side >= 8:
        squares = squares[:, [side // 2]]
    return np.asarray(squares.sum(axis=(1, 3)) // (side * squares.shape[1]))


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (1, 1),
        (176, 144),
        (321, 241),
        (854, 480),
        (1920, 1080),
        (3840, 2160),
        (7680, 4320),
        (9000, 9),
    ],
)
def test_reduced_luma_is_the_mean_of_squares(width: int, height: int) -> None:
    side = reduction(width, height)
    stride = -(-width // 64) * 64
    plane = np.random.default_rng(0).integers(0, 256, (height, stride), np.uint8)[:, :width]
    scratch = Scratch()
    got = reduce_plane(plane, side, scratch)
    assert got.shape == reduced_size(width, height)[::-1]
    assert np.array_equal(got, slow_mean(plane, side))
    ten_bits = np.pad(plane.astype(np.uint16) << 2 | 3, ((0, 0), (0, 64)))[:, :width]
    assert np.array_equal(reduce_plane(ten_bits, side, scratch, 2), got)


def test_no_frame_is_held_by_what_is_read_of_it(tmp_path: Path) -> None:
    """PyAV keeps a frame whose side data was read until garbage is collected."""
    import sys

    import av

    from core.sources.aspect import SQUARE
    from core.sources.colour import StreamReading, colour_frame

    path = encode(iter([np.full((48, 64, 3), 90, np.uint8)] * 6), tmp_path / "v.mp4", Fraction(25))
    scratch, known = Scratch(), StreamReading()
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            before = sys.getrefcount(frame)
            reduce_frame(frame, scratch)
            colour_frame(frame, 32, SQUARE, known)
            assert number == 0 or sys.getrefcount(frame) == before
