"""A video's whole time in a row of cells: what was accepted, what was rejected, where one is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..look.roles import Role
from .line_bar import Tick, line_bar
from .painted import Painted, Span
from .symbols import Symbols

REJECTED_FOR_FULL = 3
"""rejected candidates in one cell that fill it, where no cell has more"""
LABEL_GAP = 2
SHORT_SECONDS = 600
"""a shorter video is shown with hundredths of a second"""
LEAST_TICKS_APART = 14
"""cells between two times on the axis"""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""seconds between two times on the axis"""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something found at a time: an event with its score (0 to 1), or `count` candidates."""

    seconds: float
    role: Role = "flash"
    score: float = 1.0
    count: int = 1


class Timeline(Painted):
    """A row of marks and, two rows high, an axis below with the place of what is looked at."""

    DEFAULT_CSS = "Timeline { height: 2; }"

    def __init__(
        self,
        *,
        symbols: Symbols,
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._symbols = symbols
        self._length = 0.0
        self._accepted: Sequence[Mark] = ()
        self._rejected: Sequence[Mark] = ()
        self._here: float | None = None

    def show(
        self, length: float, accepted: Sequence[Mark], rejected: Sequence[Mark],
        here: float | None = None,
    ) -> None:  # fmt: skip
        """Show what was found in `length` seconds, and the time `here`."""
        self._length, self._accepted, self._rejected = length, accepted, rejected
        self._here = here
        self.refresh_changed()

    def move(self, here: float | None) -> None:
        """Show another time."""
        self._here = here
        self.refresh_changed()

    def clear(self) -> None:
        """Show nothing, until it is known what was found."""
        self.show(0.0, (), ())

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return marks, and the axis where there is a second row; a span for each cell."""
        if self._length <= 0 or not width:
            return []
        cells = marks(self._length, self._accepted, self._rejected, width, self._symbols)
        if height > 1:
            return [cells, self._axis(width)]
        if self._here is not None:
            place = place_of(self._here, self._length, width)
            cells[place] = Span(self._symbols.current, "key", bold=True)
        return [cells]

    def _axis(self, width: int) -> list[Span]:
        cells = [Span(" ", "faint")] * width
        taken = self._put_here(cells)
        step = _step(self._length, width)
        times = (step * number for number in range(int(self._length // step) + 1))
        for seconds in times:
            text, place = _time(seconds), place_of(seconds, self._length, width)
            end = place + len(text)
            if end <= width and (end + LABEL_GAP <= taken.start or place >= taken.stop + LABEL_GAP):
                _put(cells, place, text, "faint")
        return cells

    def _put_here(self, cells: list[Span]) -> range:
        """Put the sign of the present time on the axis; return the cells it takes."""
        if self._here is None:
            return range(-LABEL_GAP, -LABEL_GAP)
        place, width = place_of(self._here, self._length, len(cells)), len(cells)
        text = _time(self._here, exact=self._length < SHORT_SECONDS)
        after = place + 2 + len(text) <= width
        first = place + 2 if after else place - 1 - len(text)
        cells[place] = Span(self._symbols.current, "key", bold=True)
        if first < 0:
            return range(place, place + 1)
        _put(cells, first, text, "strong")
        return range(min(first, place), max(first + len(text), place + 1))


def marks(
    length: float, accepted: Sequence[Mark], rejected: Sequence[Mark], width: int,
    symbols: Symbols,
) -> list[Span]:  # fmt: skip
    """Return a time of `length` seconds as `width` cells: the best event of each, else rejected."""
    counts = [0] * width
    for mark in rejected:
        counts[place_of(mark.seconds, length, width)] += mark.count
    full = max(REJECTED_FOR_FULL, *counts) if counts else 1
    cells = [
        Span(_level(symbols.heights, count / full), "faint")
        if count
        else Span(symbols.nothing, "line")
        for count in counts
    ]
    for mark in sorted(accepted, key=lambda each: each.score):
        cells[place_of(mark.seconds, length, width)] = Span(
            _level(symbols.events, mark.score), mark.role, bold=True
        )
    return cells


def small(
    width: int, length: float, found: Sequence[Mark], share: float | None, symbols: Symbols,
    role: Role = "good", empty: Role = "line",
) -> list[Span]:  # fmt: skip
    """Return a file's progress bar that is its time line: ticks where something was found.

    `share` (0 to 1) of the file is read; None for one that was not begun.
    """
    if share is None:
        return [Span(symbols.nothing * max(width, 0), empty)]
    if length <= 0:
        return line_bar(share, width, symbols, role, empty=empty)
    ticks = [Tick(mark.seconds / length, mark.role) for mark in found]
    return line_bar(share, width, symbols, role, ticks, empty)


def place_of(seconds: float, length: float, width: int) -> int:
    """Return the cell of a time; what lies outside is at an end."""
    share = seconds / length if length > 0 and math.isfinite(seconds) else 0.0
    return min(max(int(share * width), 0), width - 1)


def _level(signs: str, share: float) -> str:
    steps = len(signs) - 1
    return signs[min(max(math.ceil(share * steps - 1e-9), 1), steps)]


def _step(length: float, width: int) -> float:
    """Return the seconds between two times on the axis."""
    least = length / max(width // LEAST_TICKS_APART, 1)
    return next((step for step in STEPS if step >= least), math.ceil(least / 86400) * 86400)


def _time(seconds: float, *, exact: bool = False) -> str:
    """Return h:mm:ss, with hundredths where asked for."""
    hundredths = int(seconds * 100 + 1e-6)
    minutes, rest = divmod(hundredths // 100, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{text}.{hundredths % 100:02d}" if exact else text


def _put(cells: list[Span], first: int, text: str, role: Role) -> None:
    for offset, char in enumerate(text):
        cells[first + offset] = Span(char, role)
