"""What was measured around an instant: a curve, below it the score of each frame, and an axis."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..look.roles import Role
from .painted import Painted, Span
from .symbols import Symbols

LABEL_CELLS = 7
LEAST_SCORE = 0.02
"""a lower score is drawn as none"""
LEAST_RANGE = 0.01
"""between the lowest value and the top of a curve, so that noise is not drawn as a mountain"""
_ROWS_BELOW = 2
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_PLAIN = "':."
"""a line without braille, by its height within a row, from the top"""


@dataclass(frozen=True, slots=True)
class Course:
    """What was measured of frames at `seconds` from the middle, in order.

    A score above `needed` is one of a find; None is not measured, or not known.
    """

    seconds: Sequence[float]
    values: Sequence[float | None]
    scores: Sequence[float | None] = ()
    needed: float | None = None


class Curve(Painted):
    """A course within `span` seconds before and after its middle, and the frame looked at."""

    DEFAULT_CSS = "Curve { height: 1fr; }"

    def __init__(
        self,
        *,
        symbols: Symbols,
        span: float = 1.0,
        id: str | None = None,  # noqa: A002 - Textual's word for it
    ) -> None:
        super().__init__(id=id)
        self._symbols = symbols
        self._span = span
        self._course = Course((), ())
        self._here = 0.0

    def show(self, course: Course, here: float = 0.0) -> None:
        """Show a course, and the place `here` in seconds from its middle."""
        self._course, self._here = _finite(course), here
        self.refresh_changed()

    def move(self, here: float) -> None:
        """Show another place."""
        self._here = here
        self.refresh_changed()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return curve, scores and axis, a span for each cell."""
        cells = width - LABEL_CELLS
        if cells < 2 or not any(value is not None for value in self._course.values):
            return []
        rows = height - _ROWS_BELOW
        lit = [self._is_lit(cell, cells) for cell in range(cells)]
        drawn = self._graph(cells, rows, lit) if rows > 0 else []
        if self._course.scores:
            drawn.append(_labelled("score", "dim", self._scores(cells)))
        return [*drawn, _labelled("", "dim", self._axis(cells))][:height]

    # The curve

    def _graph(self, cells: int, rows: int, lit: Sequence[bool]) -> list[list[Span]]:
        known = sorted(value for value in self._course.values if value is not None)
        low, high, usual = known[0], known[-1], known[len(known) // 2]
        high = max(high, low + LEAST_RANGE)
        steps = (4 if self._symbols.braille else 3) * rows
        across = cells * (2 if self._symbols.braille else 1)
        values = [self._value(dot, across, usual) for dot in range(across)]
        whole = (high - low) or 1.0
        heights = [None if value is None else round((high - value) / whole * (steps - 1))
                   for value in values]  # fmt: skip
        made = _braille(heights, rows) if self._symbols.braille else _plain(heights, rows)
        labels = [""] * rows
        labels[-1], labels[0] = f"{low:.3g}", f"{high:.3g}"
        return [
            _labelled(labels[row], "faint", [
                Span(sign, "flash" if lit[cell] else "text") for cell, sign in enumerate(text)
            ])
            for row, text in enumerate(made)
        ]  # fmt: skip

    def _value(self, dot: int, across: int, usual: float) -> float | None:
        """Return the value of a dot: of the frames in its time the most unusual one, else between.

        So a peak of one frame is as high as it was, however few dots there are.
        """
        step = 2 * self._span / across
        start = dot * step - self._span
        first = bisect_left(self._course.seconds, start - 1e-9)
        end = bisect_left(self._course.seconds, start + step - 1e-9)
        own = [value for value in self._course.values[first:end] if value is not None]
        if own:
            return max(own, key=lambda value: abs(value - usual))
        return self._between(first, start) if first == end else None

    def _between(self, right: int, at: float) -> float | None:
        """Return the value at a time between two frames, in a straight line."""
        seconds, values = self._course.seconds, self._course.values
        if not 0 < right < len(seconds):
            return None
        before, after = values[right - 1], values[right]
        if before is None or after is None:
            return None
        share = (at - seconds[right - 1]) / max(seconds[right] - seconds[right - 1], 1e-9)
        return before + (after - before) * share

    # Scores and axis

    def _within(self, cell: int, cells: int) -> range:
        """Return which frames a cell shows: those in its time, else the last one before."""
        step = 2 * self._span / cells
        start = -self._span + cell * step
        first = bisect_left(self._course.seconds, start - 1e-9)
        end = bisect_left(self._course.seconds, start + step - 1e-9)
        if first < end or first == 0:
            return range(first, end)
        gap = start - self._course.seconds[first - 1]
        return range(first - 1, first) if gap <= self._frame_seconds() else range(0)

    def _frame_seconds(self) -> float:
        seconds = self._course.seconds
        return (seconds[-1] - seconds[0]) / (len(seconds) - 1) if len(seconds) > 1 else 0.0

    def _score(self, cell: int, cells: int) -> float | None:
        scores = self._course.scores
        found = [s for n in self._within(cell, cells) if n < len(scores) and (s := scores[n])]
        return max(found, default=None)

    def _is_lit(self, cell: int, cells: int) -> bool:
        score, needed = self._score(cell, cells), self._course.needed
        return score is not None and needed is not None and score > needed

    def _scores(self, cells: int) -> list[Span]:
        signs = self._symbols.heights
        floor = signs[1] if self._symbols.braille else self._symbols.nothing
        drawn = []
        for cell in range(cells):
            score = self._score(cell, cells) or 0.0
            level = min(max(round(score * (len(signs) - 1)), 1), len(signs) - 1)
            role: Role = "flash" if self._is_lit(cell, cells) else "faint"
            small = score < LEAST_SCORE
            drawn.append(Span(floor, "line") if small else Span(signs[level], role))
        return drawn

    def _axis(self, cells: int) -> list[Span]:
        drawn = [Span(" ", "faint")] * cells
        place = min(max(int((self._here + self._span) / (2 * self._span) * cells), 0), cells - 1)
        for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
            text = f"{share * self._span:+.1f}" if share else "0"
            text += " s" if share == 1.0 else ""
            first = min(int((share + 1) / 2 * cells), cells - len(text))
            if not first - 1 <= place <= first + len(text):
                drawn[first : first + len(text)] = [Span(sign, "faint") for sign in text]
        drawn[place] = Span(self._symbols.current, "key", bold=True)
        return drawn


def _finite(course: Course) -> Course:
    """Return a course without numbers that cannot be drawn."""
    values, scores = (
        tuple(v if v is not None and math.isfinite(v) else None for v in given)
        for given in (course.values, course.scores)
    )
    return replace(course, values=values, scores=scores)


def _labelled(label: str, role: Role, cells: Sequence[Span]) -> list[Span]:
    return [Span(label.rjust(LABEL_CELLS - 1) + " ", role), *cells]


def _columns(heights: Sequence[int | None]) -> list[range]:
    """Return which steps each dot covers, so that dots side by side touch."""
    found = []
    before: int | None = None
    for here in heights:
        if here is None:
            found.append(range(0))
        else:
            former = here if before is None else before
            found.append(range(min(here, former), max(here, former) + 1))
        before = here
    return found


def _braille(heights: Sequence[int | None], rows: int) -> list[str]:
    cells = [[0] * (len(heights) // 2) for _ in range(rows)]
    for dot, covered in enumerate(_columns(heights)):
        for step in covered:
            cells[step // 4][dot // 2] |= _DOTS[step % 4][dot % 2]
    return ["".join(chr(_BRAILLE + dots) if dots else " " for dots in row) for row in cells]


def _plain(heights: Sequence[int | None], rows: int) -> list[str]:
    cells = [[" "] * len(heights) for _ in range(rows)]
    for place, (covered, height) in enumerate(zip(_columns(heights), heights, strict=True)):
        for step in covered:
            if height is not None:
                own = step // 3 == height // 3
                cells[step // 3][place] = _PLAIN[height % 3] if own else ":"
    return ["".join(row) for row in cells]
