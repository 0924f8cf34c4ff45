"""Pictures as cells: the best of all ways to part four pixels, whatever is drawn."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from PIL import Image
from rich.segment import Segment

from tui.widgets.picture_cells import cells_of, quadrants, signs

PLACES = {" ": "0000", "▝": "0100", "▖": "0010", "▗": "0001", "▞": "0110", "▐": "0101", "▄": "0011",
          "▟": "0111"}  # fmt: skip
"""the quarters that a letter fills: upper left, upper right, lower left, lower right"""


def picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels.astype(np.uint8))


def shown(image: Image.Image, *, coarse: bool = False) -> np.ndarray:
    """Return the pixels that a terminal shows of a picture."""
    found = np.zeros((image.height, image.width, 3))
    for y, strip in enumerate(quadrants(image, coarse)):
        assert strip.cell_length == image.width // 2
        for x, (letter, ink, ground) in enumerate(cells(list(strip))):
            for place, filled in enumerate(PLACES[letter]):
                colour = ink if filled == "1" else ground
                found[2 * y + place // 2, 2 * x + place % 2] = colour
    return found


def cells(segments: list[Segment]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    found = []
    for text, style, _ in segments:
        assert style is not None and style.bgcolor is not None
        ground = tuple(style.bgcolor.get_truecolor())
        ink = tuple(style.color.get_truecolor()) if style.color else ground
        found += [(letter, ink, ground) for letter in text]
    return found


def least_error(quarters: np.ndarray) -> float:
    """Return the least squared error of four pixels (4, 3) in two colours."""
    errors = []
    for groups in product((0, 1), repeat=4):
        parts = [quarters[[g == which for g in groups]] for which in (0, 1)]
        errors.append(sum(float(((p - p.mean(axis=0)) ** 2).sum()) for p in parts if len(p)))
    return min(errors)


def test_every_cell_is_drawn_with_the_least_error_two_colours_allow() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (16, 20, 3))
    drawn = shown(picture(pixels))
    for y, x in product(range(0, 16, 2), range(0, 20, 2)):
        cell = pixels[y : y + 2, x : x + 2].reshape(4, 3)
        error = ((drawn[y : y + 2, x : x + 2].reshape(4, 3) - cell) ** 2).sum()
        assert error <= least_error(cell) + 12, (y, x)  # colours are whole numbers


def test_what_two_colours_can_show_is_shown_as_it_is() -> None:
    dark, light = (3, 5, 8), (250, 240, 230)
    for groups in product((dark, light), repeat=4):
        pixels = np.array(groups).reshape(2, 2, 3)
        assert (shown(picture(pixels)) == pixels).all()


def test_a_plain_picture_is_one_run_a_line_and_coarse_colours_are_sent_less_often() -> None:
    plain = picture(np.full((8, 40, 3), 77))
    assert [len(list(strip)) for strip in quadrants(plain)] == [1] * 4
    night = np.random.default_rng(5).integers(5, 12, (40, 120, 3))
    fine, coarse = (
        sum(len(list(strip)) for strip in quadrants(picture(night), coarse))
        for coarse in (False, True)
    )
    assert coarse < fine / 2
    assert np.abs(shown(picture(night), coarse=True) - night).max() <= 8


@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (1, 1), (1920, 1080), (1080, 1920)])
def test_pictures_keep_their_shape_in_cells_twice_as_high_as_wide(size: tuple[int, int]) -> None:
    across, down = cells_of(size, 60, 17)
    assert across % 2 == down % 2 == 0 and 0 < across <= 120 and 0 < down <= 34
    if size[0] / size[1] == pytest.approx(16 / 9):
        assert (across // 2) / (down // 2 * 2) == pytest.approx(16 / 9, rel=0.06)


def test_signs_are_brighter_where_the_picture_is() -> None:
    ramp = np.repeat((np.arange(40) * 256 // 40)[None, :, None], 2, axis=0)
    (strip,) = signs(picture(np.repeat(ramp, 3, axis=2)))
    assert strip.text == "  ..::--==++**##%%@@"
