"""What a table shows: rows, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..look.roles import Role
from .painted import Span


class Tinted(NamedTuple):
    """A cell with a role of its own."""

    text: str
    role: Role


Drawn = Callable[[int], Sequence[Span]]
"""a cell that draws itself in exactly so many cells of the terminal, with text that is safe"""
Cell = str | Tinted | Drawn


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `key` stays the same while the row's place and cells change.

    A `header` stands over the rows below it: its first cell fills the line, the second is at its
    end.
    """

    key: str
    cells: tuple[Cell, ...]
    tone: Role = "text"
    header: bool = False
    marked: bool = False
    """shown with the sign of a mark, whether or not the table's own marks have it"""
    sign: str = ""
    """of one cell, where the sign of a mark would be; beside it on a marked row"""


class RowSource(Protocol):
    """Rows in order, of which only those in view are ever asked for.

    Everything is called on the app's loop and must answer at once: a source that has to fetch
    answers None for what it does not have, fetches, and then calls the table's
    `source_changed()`.
    """

    def count(self) -> int:
        """Return how many rows there are now."""
        ...

    def window(self, lo: int, hi: int) -> Sequence[Row | None]:
        """Return rows `lo` up to but not including `hi`; None where not loaded yet."""
        ...

    def index_of(self, key: str) -> int | None:
        """Return where the row with this key is now; None when it is gone or not known."""
        ...


class ListSource:
    """A source for what is small and in memory."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.show(rows)

    def show(self, rows: Sequence[Row]) -> None:
        """Take these rows; the table still has to be notified with `source_changed()`."""
        self._rows = tuple(rows)
        self._places = {row.key: index for index, row in enumerate(self._rows)}

    def count(self) -> int:
        """Return how many rows there are."""
        return len(self._rows)

    def window(self, lo: int, hi: int) -> Sequence[Row | None]:
        """Return rows `lo` to `hi`."""
        return self._rows[lo:hi]

    def index_of(self, key: str) -> int | None:
        """Return where the row with this key is."""
        return self._places.get(key)
