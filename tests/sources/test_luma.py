from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.sources.luma import Scratch, reduce_plane, reduced_size, reduction


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
