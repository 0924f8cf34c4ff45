"""The state of a table over its rows: what is in view, under the cursor and marked."""

from __future__ import annotations

from collections.abc import Iterable

from .rows import Row, RowSource

MOST_MARKED_AT_ONCE = 10_000
"""rows a range of marks covers at most, so that no slip of a key reads a million"""


class Viewport:
    """A window of `body` rows onto a source, with a cursor and marks; draws nothing itself.

    The cursor belongs to a row, not to a place: `sought` is the key it was last seen on, and
    wherever that row went the cursor goes. `key` is None while the row there is not loaded.
    """

    def __init__(self, source: RowSource, *, follow_end: bool = False) -> None:
        self.source = source
        self.count = source.count()
        self.index = min(0, self.count - 1)
        self.top = 0
        self.body = 0
        self.key: str | None = None
        self.sought: str | None = None
        self.reading = False
        self.marks: dict[str, None] = {}
        self._anchor: str | None = None
        self._follow_end = follow_end
        self._hint: int | None = None

    @property
    def in_view(self) -> range:
        """The places of the rows in view."""
        return range(self.top, min(self.top + self.body, self.count))

    def rows(self) -> list[Row | None]:
        """Return the rows in view; None where one is not loaded."""
        return self._read(self.in_view.start, self.in_view.stop)

    def show(self, source: RowSource) -> None:
        """Look at another source; without the cursor's row there it starts at the top."""
        self.source = source
        if self.sought is None or source.index_of(self.sought) is None:
            self.index = self.top = 0
        self.changed()

    def return_to(self, key: str, index: int) -> None:
        """Look for a row of another time, near the place it had then, once there are rows."""
        self.sought, self._hint = key, index
        self.changed()

    def sized(self, body: int) -> None:
        """Take a new height; a cursor that was in view stays in view."""
        kept = self.index in self.in_view or not self.body
        self.body = body
        self._clamp()
        if kept:
            self._reveal()

    def changed(self) -> None:
        """Look at the source again: rows came, went, moved, or were loaded."""
        before, self.count = self.count, self.source.count()
        if self._hint is not None and self.count:
            self.index, self._hint = self._nearest(self._hint), None
            self._reveal()
        # An empty list that fills counts as in view: it has to be shown where its cursor goes.
        kept = not before or self.top <= self.index < self.top + self.body
        if self._follow_end and self.index == before - 1:
            self.index = self.count - 1
        else:
            self._find(moves_view=before > 0 and kept and self.count != before)
        self.index = self._nearest(self.index)
        self._clamp()
        if kept:
            self._reveal()
        self._learn()

    def to(self, index: int) -> None:
        """Put the cursor on a place, or the nearest there is, and bring it into view."""
        self.index = self._nearest(index)
        self.sought = self._hint = None
        self._reveal()
        self._learn()

    def page(self, pages: float) -> None:
        """Move cursor and view by pages."""
        rows = int(pages * self.body) or (1 if pages > 0 else -1)
        self.scroll(rows)
        self.to(self.index + rows)

    def scroll(self, rows: int) -> None:
        """Move the view alone."""
        self.top += rows
        self._clamp()

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        if self.key is None:
            return
        if self.key in self.marks:
            del self.marks[self.key]
        else:
            self.marks[self.key] = None
        self._anchor = self.key

    def mark_range(self) -> int:
        """Mark from the row marked last to the cursor; return how many rows were left out.

        Left out is what is not loaded, and what lies further than 10,000 rows from the cursor.
        """
        start = self.source.index_of(self._anchor) if self._anchor is not None else None
        start = self.index if start is None else start
        lo, hi = min(start, self.index), max(start, self.index) + 1
        near_lo = max(lo, self.index - MOST_MARKED_AT_ONCE + 1, 0)
        near_hi = min(hi, self.index + MOST_MARKED_AT_ONCE)
        found = [row.key for row in self._read(near_lo, near_hi) if row is not None]
        self.marks.update(dict.fromkeys(found))
        self._anchor = self.key or self._anchor
        return hi - lo - len(found) if self.count else 0

    def set_marks(self, keys: Iterable[str]) -> None:
        """Mark exactly these rows."""
        self.marks = dict.fromkeys(keys)
        self._anchor = None

    def _read(self, lo: int, hi: int) -> list[Row | None]:
        if hi <= lo:
            return []
        self.reading = True
        try:
            found = list(self.source.window(lo, hi))
        finally:
            self.reading = False
        # A source that shrank meanwhile may answer with less.
        return (found + [None] * (hi - lo))[: hi - lo]

    def _find(self, *, moves_view: bool) -> None:
        place = None if self.sought is None else self.source.index_of(self.sought)
        if place is None:
            return
        if moves_view:  # rows came in above: what is being read stays where it is on the screen
            self.top += place - self.index
        self.index = place

    def _learn(self) -> None:
        row = self._read(self.index, self.index + 1)[0] if self.index >= 0 else None
        self.key = None if row is None else row.key
        self.sought = self.key or self.sought

    def _nearest(self, index: int) -> int:
        lowest = min(0, self.count - 1)
        return max(min(index, self.count - 1), lowest)

    def _clamp(self) -> None:
        self.top = max(min(self.top, self.count - self.body), 0)

    def _reveal(self) -> None:
        if self.body > 0 and self.index >= 0:
            self.top = min(max(self.top, self.index - self.body + 1), self.index)
        self._clamp()
