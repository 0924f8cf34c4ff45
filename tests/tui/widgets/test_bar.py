"""A bar never says more, or less, than there is."""

from __future__ import annotations

import math

import pytest
from rich.cells import cell_len

from tui.widgets.bar import bar
from tui.widgets.symbols import ASCII, UNICODE, Symbols


@pytest.mark.parametrize(
    "share, expected",
    [
        (0.0, "          "),
        (0.5, "█████     "),
        (0.0625, "▋         "),
        (1.0, "██████████"),
        (7.0, "██████████"),
        (-1.0, "          "),
        (None, "          "),
        (math.nan, "          "),
    ],
)
def test_draws_eighths(share: float | None, expected: str) -> None:
    assert bar(share, 10, UNICODE) == expected


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_a_little_shows_and_nearly_all_is_not_all(symbols: Symbols) -> None:
    assert bar(1e-9, 10, symbols) != bar(0, 10, symbols)
    assert bar(0.999999, 10, symbols) != bar(1, 10, symbols)


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_is_as_wide_as_asked(symbols: Symbols) -> None:
    for width in range(12):
        for share in (None, 0, 0.01, 0.33, 0.999, 1):
            assert cell_len(bar(share, width, symbols)) == width
            assert cell_len(bar(share, width, symbols, ends=True)) == width


def test_ascii_is_ascii() -> None:
    assert bar(0.57, 12, ASCII, ends=True) == "[#####=    ]"
