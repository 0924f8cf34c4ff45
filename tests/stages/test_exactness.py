"""Short cuts of the screening stages give what the plain way gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from core.screening import cells
from core.screening.morphology import framed
from core.screening.proposals import median_of_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_median_of_rows_is_numpys(dtype: type[np.floating]) -> None:
    random = np.random.default_rng(3)
    for rows in (1, 2, 3, 6, 7, 50):
        values = random.normal(100, 30, (rows, 5)).astype(dtype)
        got = median_of_rows(values)
        assert got.dtype == dtype
        assert np.array_equal(got, np.median(values, axis=0))
    assert float(median_of_rows(np.array([3.0, 1.0, 2.0]))) == 2.0


def test_the_bounds_of_each_frame_are_those_of_one() -> None:
    lit = np.random.default_rng(4).random((200, 9, 16)) > 0.98
    lit[0], lit[1] = False, True
    lit[2], lit[2, 8, 15] = False, True
    got = cells.bounds_of_each(lit)
    assert np.array_equal(got, [cells.bounds(frame) for frame in lit])
    assert cells.bounds_of_each(lit[:0]).shape == (0, 4)


def test_a_frame_of_one_value_at_either_end_is_that_of_pad() -> None:
    light = np.arange(1, 5, dtype=np.float32)
    expected = np.pad(light, 3, constant_values=(7, 9))
    assert np.array_equal(framed(light, 3, 7.0, 9.0), expected)
