"""Short cuts of the screening stages give what the plain way gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from core.screening import cells
from core.screening.brightening import CUT_MEMORY_FRAMES, SUSTAIN_FRAMES, brightening
from core.screening.morphology import eroded, framed, lasting_change, lasting_share, raised
from core.screening.proposals import median_of_rows
from core.screening.stage import Window


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


def test_the_share_that_changed_for_good_follows_from_the_extremes() -> None:
    random = np.random.default_rng(5)
    for reach in (3, 4, 13):
        values = np.cumsum(random.normal(0, 4, (60, 5, 8)), axis=0).astype(np.float32)
        got = lasting_share(eroded(values, reach), raised(values, reach), reach, 6.0)
        assert got.any()
        assert np.array_equal(got, lasting_change(values, reach, 6.0))


def test_what_brightens_is_measured_alike_wherever_a_microbatch_begins() -> None:
    random = np.random.default_rng(6)
    grid = random.normal(80, 3, (120, 22, 40)).astype(np.float32)
    grid[[30, 61, 62]] += 40
    for length, brief in ((3, 3), (6, 4), (16, 10), (31, 19)):
        whole = brightening(grid, slice(0, len(grid)), length, brief).ratios()
        context = length + length // 2 + SUSTAIN_FRAMES + CUT_MEMORY_FRAMES
        for first, last in ((0, 20), (25, 40), (100, 120)):
            start, end = max(first - context, 0), last + context
            own = slice(first - start, last - start)
            part = brightening(grid[start:end], own, length, brief).ratios()
            assert np.array_equal(part, whole[first:last]), (length, first)


def test_the_means_of_cells_are_those_of_whole_numbers() -> None:
    random = np.random.default_rng(7)
    for height, width in ((135, 240), (90, 160), (720, 1280), (3, 900), (1, 1)):
        luma = random.integers(0, 256, (17, height, width), np.uint8)
        side = cells.cell_side(height, width)
        rows, columns = height // side, width // side
        squares = luma[:, : rows * side, : columns * side].reshape(17, rows, side, columns, side)
        expected = squares.sum((2, 4)).astype(np.float32) * np.float32(1 / (side * side))
        assert np.array_equal(cells.cell_means(luma), expected), (height, width)


def test_a_window_gives_its_own_frames_and_all_around_them() -> None:
    frames = np.arange(10, dtype=np.uint8)[:, None, None]
    pieces = (frames[:3], frames[3:7], frames[7:])
    for before, count in ((0, 3), (3, 4), (2, 6), (9, 1)):
        window = Window(
            pieces, np.zeros((10, 1, 1), np.float32), before, count,
            np.arange(count), np.arange(count) / 25, 1.0, before,
        )  # fmt: skip
        assert np.array_equal(window.luma, frames)
        assert np.array_equal(window.own_luma, frames[before : before + count])
