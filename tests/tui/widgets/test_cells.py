"""Whatever a text is, it takes the cells it was given, and commands nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len

from tui.widgets.cells import Align, Cut, fit
from tui.widgets.symbols import ASCII, UNICODE, Symbols

COMMANDS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(
    text=some.text(max_size=60) | some.text("a雷\u0301\ufe0f⚡\x1b", max_size=200),
    width=some.integers(0, 30),
    symbols=some.sampled_from((UNICODE, ASCII)),
    align=some.sampled_from(("left", "right")),
    cut=some.sampled_from(("end", "start", "middle")),
)
def test_fills_exactly_its_cells(
    text: str, width: int, symbols: Symbols, align: Align, cut: Cut
) -> None:
    fitted = fit(text, width, symbols, align, cut)
    assert cell_len(fitted) == width
    assert not {unicodedata.category(char) for char in fitted} & COMMANDS
    assert not fitted or cell_len(fitted[0])  # no accent that would land on its neighbour


@pytest.mark.parametrize(
    "text, width, cut, expected",
    [
        ("cam1/day.mp4", 12, "end", "cam1/day.mp4"),
        ("cam1/day.mp4", 8, "end", "cam1/da…"),
        ("cam1/day.mp4", 8, "start", "…day.mp4"),
        ("cam1/day.mp4", 8, "middle", "cam1…mp4"),
        ("雷雲の夜.mp4", 6, "end", "雷雲… "),
        ("雷雲の夜", 6, "start", "…の夜 "),
        ("e\u0301e\u0301e\u0301", 2, "end", "e\u0301…"),
        ("abc", 1, "end", "a"),
    ],
)
def test_cuts_where_it_was_told(text: str, width: int, cut: Cut, expected: str) -> None:
    assert fit(text, width, UNICODE, cut=cut) == expected


def test_numbers_stand_at_the_right() -> None:
    assert fit("7", 4, UNICODE, "right") == "   7"
