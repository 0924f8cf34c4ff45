from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.sources.luma import reduce_plane, reduced_size, reduction


def slow_mean(plane: NDArray[np.uint8], side: int) -> NDArray[np.int64]:
    height, width = plane.shape[0] // side, plane.shape[1] // side
    rows = plane[: height * side : max(side // 4, 1), : width * side].astype(np.int64)
    sums = rows.reshape(height, -1, width, side).sum(axis=(1, 3))
    return np.asarray(sums // (side * min(side, 4)))


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
    got = reduce_plane(plane, side)
    assert got.shape == reduced_size(width, height)[::-1]
    assert np.array_equal(got, slow_mean(plane, side))
    ten_bits = np.pad(plane.astype(np.uint16) << 2 | 3, ((0, 0), (0, 64)))[:, :width]
    assert np.array_equal(reduce_plane(ten_bits, side, 2), got)
