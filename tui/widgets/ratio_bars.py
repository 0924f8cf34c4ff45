"""Why something was accepted or rejected: each ratio as a bar, with what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..look.roles import Role
from .cells import fit, safe
from .line_bar import Tick, line_bar
from .painted import Painted, Span
from .symbols import Symbols

NAME_CELLS = 13
VALUE_CELLS = 6


class RatioBar(NamedTuple):
    """A ratio of 0 to 1: below `floor` it rules a find out, from `enough` on it agrees."""

    name: str
    value: float
    floor: float
    enough: float

    @property
    def place(self) -> float:
        """Where the value lies: 0 at the floor, 1 where it is enough, not clipped."""
        return (self.value - self.floor) / max(self.enough - self.floor, 1e-9)


class RatioBars(Painted):
    """A row for each ratio and, where there is space, one that says what the ticks are."""

    DEFAULT_CSS = "RatioBars { height: 1fr; }"

    def __init__(
        self,
        *,
        symbols: Symbols,
        id: str | None = None,  # noqa: A002 - Textual's word for it
    ) -> None:
        super().__init__(id=id)
        self._symbols = symbols
        self._bars: tuple[RatioBar, ...] = ()
        self._decided = ""

    def show(self, bars: Sequence[RatioBar], decided: str = "") -> None:
        """Show these ratios; the one that `decided` stands out."""
        self._bars, self._decided = tuple(bars), decided
        self.refresh_changed()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return the bars; where not all fit, those nearest to ruling the find out."""
        shown = self._bars
        if len(shown) > height:
            shown = tuple(sorted(shown, key=lambda bar: bar.place)[:height])
        rows = [self._row(bar, width) for bar in shown]
        return [*rows, self._legend()] if shown and len(rows) < height else rows

    def _row(self, bar: RatioBar, width: int) -> list[Span]:
        decided = bar.name == self._decided
        role = _role(bar.place)
        name = fit(safe(bar.name), NAME_CELLS, self._symbols)
        ticks = (Tick(bar.floor, "dim"), Tick(bar.enough, "text"))
        cells = max(width - NAME_CELLS - VALUE_CELLS, 0)
        value = f"{bar.value:.2f}".rjust(VALUE_CELLS)
        return [
            Span(name, "text" if decided else "dim", bold=decided),
            *line_bar(bar.value, cells, self._symbols, role, ticks),
            Span(value, role if decided else "dim", bold=decided),
        ]

    def _legend(self) -> list[Span]:
        floor, enough = f"{self._symbols.ticks[0]} floor", f"{self._symbols.ticks[0]} enough"
        return [Span(f"{' ' * NAME_CELLS}{floor}  {enough}", "dim")]


def _role(place: float) -> Role:
    if place >= 1:
        return "good"
    return "warn" if place > 0 else "bad"
