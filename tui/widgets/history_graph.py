"""A value over the last minutes, within fixed bounds, with a cursor in time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..look.roles import Role
from .history import History, draw
from .painted import Painted, Span
from .symbols import Symbols

BASES = {"1m": 60.0, "5m": 300.0, "15m": 900.0, "1h": 3600.0}
"""what a graph spans from side to side, in seconds, by the name it goes by"""

# Lines are compared in pieces this wide: a new value at the right end sends one of them.
_PIECE_CELLS = 8


class HistoryGraph(Painted):
    """Samples drawn as columns from the bottom up, newest at the right.

    Columns stand at whole multiples of their length in time, so they keep their height while they
    move to the left.
    """

    DEFAULT_CSS = "HistoryGraph { height: 2; }"

    def __init__(
        self,
        *,
        symbols: Symbols,
        low: float = 0.0,
        high: float = 100.0,
        base: str = "5m",
        hold_seconds: float = 3.0,
        tones: Sequence[Role] = ("text",),
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
    ) -> None:
        """Draw between `low` and `high`; what lies outside is drawn at the edge.

        A sample stands for `hold_seconds` at most, after that there is a gap. `tones` colour the
        lines from the bottom up, the last of them all that are left.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._symbols = symbols
        self._low, self._high = low, high
        self._base = BASES[base]
        self._hold = hold_seconds
        self._tones = tuple(tones)
        self._history = History()
        self._now: float | None = None
        self._cursor: float | None = None

    def add(self, seconds: float, value: float | None) -> None:
        """Take a sample, later than the last; None is a gap. `refresh_changed()` draws it."""
        self._history.add(seconds, value)

    def extend(self, samples: Iterable[tuple[float, float | None]]) -> None:
        """Take samples in order of time; those known already are left out."""
        for seconds, value in samples:
            self._history.add(seconds, value)

    def clear(self) -> None:
        """Forget all samples, as when the engine is another one."""
        self._history.clear()
        self.show()

    def show(self, now: float | None = None) -> int:
        """Draw up to `now` (else up to the newest sample); return how many lines changed."""
        self._now = now
        return self.refresh_changed()

    def set_base(self, base: str) -> None:
        """Span another time: 1m, 5m, 15m or 1h."""
        self._base = BASES[base]
        self.refresh_changed()

    # The cursor in time

    @property
    def cursor_seconds(self) -> float | None:
        """The middle of the column under the cursor; None when there is no cursor."""
        return self._cursor

    def set_cursor(self, seconds: float | None) -> None:
        """Put the cursor on the column of a time; None takes it away."""
        self._cursor = seconds
        self.refresh_changed()

    def cursor_by(self, columns: int) -> float | None:
        """Move the cursor to the right, or left when negative; it starts at the newest column.

        Returns its time, for other graphs to show too; None while there is nothing to point at.
        """
        end = self._end()
        width = self.size.width
        if end is None or not width:
            return None
        step = self._base / width
        newest = _column(end, step)
        column = newest if self._cursor is None else _column(self._cursor, step) + columns
        column = max(min(column, newest), newest - width + 1)
        self.set_cursor((column + 0.5) * step)
        return self._cursor

    # Drawing

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return the columns that lie within the time base."""
        end = self._end()
        if end is None or not width:
            return []
        step = self._base / width
        first = _column(end, step) - width + 1
        values = self._values(first, step, width, end)
        rows = draw(values, self._low, self._high, height, self._symbols)
        cursor = -1 if self._cursor is None else _column(self._cursor, step) - first
        return [
            _pieces(text, self._tone(height - 1 - number), cursor)
            for number, text in enumerate(rows)
        ]

    def _values(self, first: int, step: float, width: int, end: float) -> list[float | None]:
        """Return a value a column; with braille two, of which the newest may be still to come."""
        parts = 2 if self._symbols.braille else 1
        dot = step / parts
        values = self._history.averages(first * parts, dot, width * parts, self._hold)
        if (first + width) * step - dot > end:
            values[-1] = None
        return values

    def _end(self) -> float | None:
        return self._history.last if self._now is None else self._now

    def _tone(self, row: int) -> Role:
        return self._tones[min(row, len(self._tones) - 1)]


def _column(seconds: float, step: float) -> int:
    # Times are divided by steps that are no round numbers: a column's own start belongs to it.
    return math.floor(seconds / step + 1e-6)


def _pieces(text: str, tone: Role, cursor: int) -> list[Span]:
    spans = []
    edges = {*range(0, len(text), _PIECE_CELLS), len(text)}
    if 0 <= cursor < len(text):
        edges |= {cursor, cursor + 1}
    places = sorted(edges)
    for start, end in pairwise(places):
        spans.append(Span(text[start:end], tone, "chip" if start == cursor else None))
    return spans
