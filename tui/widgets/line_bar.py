"""A bar of a share as a line, to half a cell: calmer than blocks where many are on a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..look.roles import Role
from .bar import filled
from .painted import Span
from .symbols import Symbols


class Tick(NamedTuple):
    """A place on a bar, as a share of its width."""

    share: float
    role: Role = "strong"


def line_bar(
    share: float | None, width: int, symbols: Symbols, role: Role = "flash",
    ticks: Sequence[Tick] = (), empty: Role = "line",
) -> list[Span]:  # fmt: skip
    """Return `share` (0 to 1) as spans of exactly `width` cells.

    Anything above 0 shows, and only 1 is full. None (not known) and NaN are an empty bar. On the
    row under the cursor `empty` should be "faint": "line" cannot be seen there.
    """
    nothing, half, full = tuple(symbols.line_bar)
    cells, part = divmod(filled(share, max(width, 0) * 2), 2)
    drawn = [Span(full, role)] * cells + [Span(half, role)] * part
    drawn += [Span(nothing, empty)] * (max(width, 0) - len(drawn))
    for tick in ticks if drawn else ():
        place = min(max(int(tick.share * width), 0), width - 1)
        drawn[place] = Span(symbols.ticks[place < cells], tick.role)
    return merged(drawn)


def merged(cells: Sequence[Span]) -> list[Span]:
    """Return spans of one cell each as runs of what looks the same."""
    runs: list[Span] = []
    for cell in cells:
        if runs and runs[-1][1:] == cell[1:]:
            runs[-1] = cell._replace(text=runs[-1].text + cell.text)
        else:
            runs.append(cell)
    return runs
