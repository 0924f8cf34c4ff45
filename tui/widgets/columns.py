"""Which columns of a table fit, and how wide each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from .cells import Align, Cut, fit, safe, shorten
from .painted import Span
from .rows import Cell, Tinted
from .symbols import Symbols

NARROW_CELLS = 40
"""below this a table spends one cell between columns, and two before them"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `width` cells, or with `width` None a share `flex` of what is left.

    When not all fit, the column with the highest `priority` goes first, among equals the
    rightmost; a flexible column counts with its `minimum`. The last one left always stays.
    """

    title: str
    width: int | None = None
    flex: int = 1
    minimum: int = 6
    align: Align = "left"
    priority: int = 0
    cut: Cut = "end"

    @property
    def least(self) -> int:
        """Cells without which the column is left out."""
        return self.minimum if self.width is None else self.width


@dataclass(frozen=True, slots=True)
class Slot:
    """A column that is shown: its number among all columns, and its place in cells."""

    column: Column
    number: int
    width: int
    gap: int
    """empty cells after it, so that slots and the gutter fill the line"""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a line of `width` cells is divided: a gutter for mark and cursor, then the slots."""

    width: int
    gutter: int
    slots: tuple[Slot, ...]

    def header(self, symbols: Symbols, sorted_by: str = "", *, descending: bool) -> list[str]:
        """Return the titles as pieces; the title `sorted_by` carries the sort sign."""
        sign = symbols.descending if descending else symbols.ascending
        pieces = [" " * self.gutter]
        for slot in self.slots:
            mark = sign if sorted_by and slot.column.title == sorted_by else ""
            title = shorten(safe(slot.column.title), slot.width - cell_len(mark), symbols) + mark
            pieces.append(fit(title, slot.width, symbols, slot.column.align) + " " * slot.gap)
        return pieces

    def line(self, cells: Sequence[Cell], symbols: Symbols) -> list[list[Span]]:
        """Return one row, a list of spans for each slot; together they fill the line."""
        return [
            _drawn(cells[slot.number] if slot.number < len(cells) else "", slot, symbols)
            for slot in self.slots
        ]


def _drawn(cell: Cell, slot: Slot, symbols: Symbols) -> list[Span]:
    """Return a cell in its slot; `text` is the role of what has none of its own."""
    if not isinstance(cell, (str, Tinted)):
        return [*cell(slot.width), Span(" " * slot.gap)]
    text, role = cell if isinstance(cell, Tinted) else Tinted(cell, "text")
    column = slot.column
    piece = fit(text, slot.width, symbols, column.align, column.cut)
    return [Span(piece + " " * slot.gap, role)]


def arrange(columns: Sequence[Column], width: int, *, narrow: bool = False) -> Layout:
    """Return the layout of `columns` in `width` cells, as `narrow` as below `NARROW_CELLS`."""
    narrow = narrow or width < NARROW_CELLS
    gutter = min(2 if narrow else 3, width)
    between = 1 if narrow else 2
    kept = _kept(columns, width - gutter, between)
    widths = _widths([columns[number] for number in kept], width - gutter, between)
    used = gutter + sum(widths) + between * max(len(kept) - 1, 0)
    gaps = [between] * (len(kept) - 1) + [max(width - used, 0)]
    slots = tuple(
        Slot(columns[number], number, cells, gap)
        for number, cells, gap in zip(kept, widths, gaps, strict=False)
    )
    return Layout(width, gutter, slots)


def _kept(columns: Sequence[Column], space: int, between: int) -> list[int]:
    kept = list(range(len(columns)))
    while len(kept) > 1 and _needed(columns, kept, between) > space:
        kept.remove(max(kept, key=lambda number: (columns[number].priority, number)))
    return kept


def _needed(columns: Sequence[Column], kept: Sequence[int], between: int) -> int:
    return sum(columns[number].least for number in kept) + between * (len(kept) - 1)


def _widths(columns: Sequence[Column], space: int, between: int) -> list[int]:
    if len(columns) == 1:
        return [max(space, 0)]
    left = space - between * (len(columns) - 1) - sum(column.least for column in columns)
    shares = sum(column.flex for column in columns if column.width is None)
    widths = [
        column.least + (left * column.flex // shares if column.width is None and shares else 0)
        for column in columns
    ]
    flexible = [number for number, column in enumerate(columns) if column.width is None]
    if flexible:
        widths[flexible[-1]] += space - between * (len(columns) - 1) - sum(widths)
    return widths
