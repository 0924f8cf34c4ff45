"""Values over time, averaged into columns and drawn as text."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from .symbols import Symbols

MOST_SAMPLES = 20_000
"""an hour at five samples a second; of more the oldest go"""

# The dots of a braille sign's left and right column, from the bottom up.
_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_BRAILLE = 0x2800
_DOTS = 4


class History:
    """Samples of one value in order of time; at least the last `MOST_SAMPLES` of them."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[float | None] = []

    @property
    def last(self) -> float | None:
        """The time of the newest sample, in seconds."""
        return self._times[-1] if self._times else None

    def add(self, seconds: float, value: float | None) -> None:
        """Take a sample; None (or NaN) says that there was none to be had.

        A sample not later than the last one is left out, so that a stretch fetched twice does
        no harm.
        """
        if self._times and seconds <= self._times[-1]:
            return
        self._times.append(seconds)
        self._values.append(value if value is not None and math.isfinite(value) else None)
        if len(self._times) >= 2 * MOST_SAMPLES:
            del self._times[:MOST_SAMPLES], self._values[:MOST_SAMPLES]

    def clear(self) -> None:
        """Forget all samples: another engine has another clock."""
        self._times.clear()
        self._values.clear()

    def averages(self, first: int, step: float, count: int, hold: float) -> list[float | None]:
        """Return the mean of each of `count` stretches of `step` seconds, from number `first` on.

        Stretch number n begins at n times `step`. One without a sample has the value before it,
        if that is no older than `hold` seconds; else it is None, a gap.
        """
        found: list[float | None] = []
        index = bisect_left(self._times, first * step)
        for number in range(first, first + count):
            end = bisect_left(self._times, (number + 1) * step, index)
            if end > index:
                found.append(_mean(self._values[index:end]))
            else:
                found.append(self._held(index - 1, number * step - hold))
            index = end
        return found

    def _held(self, index: int, oldest: float) -> float | None:
        return self._values[index] if index >= 0 and self._times[index] >= oldest else None


def draw(
    values: Sequence[float | None], low: float, high: float, height: int, symbols: Symbols
) -> list[str]:
    """Return `height` lines, the top one first: columns of braille, or of `symbols.levels`.

    A braille sign takes two values side by side, the other signs one. A gap is left empty, and
    what is there always shows, even 0.
    """
    if symbols.braille:
        steps = levels(values, low, high, height * _DOTS)
        pairs = list(zip(steps[0::2], steps[1::2], strict=True))
        return [
            "".join(_braille(_within(left, row), _within(right, row)) for left, right in pairs)
            for row in reversed(range(height))
        ]
    most = len(symbols.levels) - 1
    steps = levels(values, low, high, height * most)
    return [
        "".join(symbols.levels[min(max(step - row * most, 0), most)] for step in steps)
        for row in reversed(range(height))
    ]


def levels(values: Sequence[float | None], low: float, high: float, most: int) -> list[int]:
    """Return each value as a step from 1 (`low` or less) to `most` (`high` or more); a gap is 0."""
    span = (high - low) or 1.0
    return [
        0 if value is None else min(max(round((value - low) / span * most), 1), most)
        for value in values
    ]


def _within(step: int, row: int) -> int:
    return min(max(step - row * _DOTS, 0), _DOTS)


def _braille(left: int, right: int) -> str:
    dots = _LEFT[left] | _RIGHT[right]
    return chr(_BRAILLE + dots) if dots else " "


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
