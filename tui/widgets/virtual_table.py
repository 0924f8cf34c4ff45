"""A table of any length, of which only the rows in view are ever asked for and drawn.

It scrolls by itself instead of being a ScrollView: a ScrollView is sent whole whenever the number
of its rows changes (2 098 bytes at 80x24 where one row takes 104), and its own key bindings come
before those of the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from rich.cells import cell_len
from textual import events
from textual.message import Message

from ..look.roles import Ground, Role
from .cells import fit, safe, wrapped
from .columns import Column, Layout, arrange
from .painted import Painted, Span
from .rows import Row, RowSource
from .symbols import Symbols
from .viewport import Viewport

WHEEL_ROWS = 3
LEAST_ROWS_BELOW_A_HEADER = 2

T = TypeVar("T")


class VirtualTable(Painted, can_focus=True):
    """Rows of a source, with a cursor that stays on its row when rows move, and marks."""

    DEFAULT_CSS = "VirtualTable { height: 1fr; }"

    class RowAnnouncement(Message):
        """Base of what a table says."""

        def __init__(self, table: VirtualTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VirtualTable:
            """The table, for `@on(VirtualTable.Activated, "#queue")`."""
            return self.table

    class CursorMoved(RowAnnouncement):
        """The cursor is on another row, or its row has another place.

        `key` is None while the row is not loaded; `index` is -1 when there are no rows.
        """

        def __init__(self, table: VirtualTable, key: str | None, index: int) -> None:
            super().__init__(table)
            self.key = key
            self.index = index

        def can_replace(self, message: Message) -> bool:
            """Let a later move of the same table stand for this one."""
            return isinstance(message, VirtualTable.CursorMoved) and message.table is self.table

    class Activated(RowAnnouncement):
        """A row was chosen, by `activate()` or by a second click."""

        def __init__(self, table: VirtualTable, key: str) -> None:
            super().__init__(table)
            self.key = key

    class Marked(RowAnnouncement):
        """The marks changed; `keys` are all of them, in the order they were made."""

        def __init__(self, table: VirtualTable, keys: tuple[str, ...]) -> None:
            super().__init__(table)
            self.keys = keys

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource,
        *,
        symbols: Symbols,
        header: bool = True,
        follow_end: bool = False,
        empty: str = "",
        lit: bool = False,
        narrow: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
    ) -> None:
        """With `follow_end` a cursor on the last row stays on the last row, as a log wants it.

        `empty` is shown while there are no rows. `lit` shows the cursor as with the focus always,
        for a list that is moved in while one types elsewhere. `narrow` leaves one cell between
        columns at any width.
        """
        super().__init__(name=name, id=id, classes=classes)
        if not columns:
            raise ValueError("a table needs a column")
        self._columns = tuple(columns)
        self._view = Viewport(source, follow_end=follow_end)
        self._symbols = symbols
        self._header = header
        self._empty = empty
        self._empty_tone: Role = "dim"
        self._always_lit = lit
        self._narrow = narrow
        self._sorted = ("", False)
        self._layout = self._arranged(0)
        self._said: tuple[str | None, int] | None = None
        self._clicked: str | None = None
        self._labels: Mapping[int, str] = {}

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None while it is not loaded or there is none."""
        return self._view.key

    @property
    def cursor_index(self) -> int:
        """The place of the cursor, -1 when there are no rows."""
        return self._view.index

    @property
    def row_count(self) -> int:
        """How many rows there were when the source was last looked at."""
        return self._view.count

    @property
    def in_view(self) -> range:
        """The places of the rows on the screen."""
        return self._view.in_view

    @property
    def marks(self) -> tuple[str, ...]:
        """The keys of all marked rows, in the order they were marked, in view or not."""
        return tuple(self._view.marks)

    # What it shows

    def set_source(self, source: RowSource) -> None:
        """Show another source (a filter, another order); the cursor looks for its row there."""
        self._view.show(source)
        self._paint()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns."""
        self._columns = tuple(columns)
        self._layout = self._arranged(self.size.width)
        self._paint()

    def set_header(self, shown: bool) -> None:
        """Show the titles of the columns, or leave them out."""
        self._header = shown
        self._paint()

    def set_sort(self, title: str, *, descending: bool = False) -> None:
        """Put the sort sign at the column with this title; an empty title takes it away."""
        self._sorted = (title, descending)
        self._paint()

    def set_labels(self, labels: Mapping[int, str]) -> None:
        """Show a label in front of these places, where the cursor and marks are otherwise."""
        self._labels = labels
        self._paint()

    def set_empty(self, text: str, tone: Role = "dim") -> None:
        """Say this while there are no rows."""
        self._empty, self._empty_tone = text, tone
        self._paint()

    def source_changed(self) -> None:
        """Look at the source again: pages came, rows moved, came, went, or say something else."""
        if self._view.reading:  # the source had it at hand after all, and says so from within
            self.call_later(self.source_changed)
        else:
            self._paint()

    def refresh_changed(self) -> int:
        """Do what `source_changed()` does; return how many lines had to be redrawn."""
        return self._paint()

    # Moving

    def cursor_to(self, index: int) -> None:
        """Put the cursor on row `index`, or the nearest there is, and scroll there."""
        self._view.to(index)
        self._paint()

    def cursor_to_key(self, key: str) -> bool:
        """Put the cursor on the row with this key; False when the source does not know it."""
        place = self._view.source.index_of(key)
        if place is not None:
            self.cursor_to(place)
        return place is not None

    def return_to(self, key: str, index: int) -> None:
        """Put the cursor where it was at another time: on its row, else on its place.

        Rows may come later; until they do there is nothing to put it on.
        """
        self._view.return_to(key, index)
        self._paint()

    def cursor_by(self, rows: int) -> None:
        """Move the cursor down, or up when negative."""
        self._view.changed()
        self.cursor_to(self._view.index + rows)

    def page(self, pages: float) -> None:
        """Move the cursor and the view by pages of what is on the screen; 0.5 is half a page."""
        self._view.changed()
        self._view.page(pages)
        self._paint()

    def first(self) -> None:
        """Put the cursor on the first row."""
        self.cursor_to(0)

    def last(self) -> None:
        """Put the cursor on the last row."""
        self.cursor_to(self._view.count - 1)

    def scroll_rows(self, rows: int) -> None:
        """Move the view and leave the cursor on its row."""
        self._view.scroll(rows)
        self._paint()

    def activate(self) -> None:
        """Choose the row under the cursor."""
        if self._view.key is not None:
            self.post_message(self.Activated(self, self._view.key))

    # Marks

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        self._marked(self._view.mark)

    def mark_range(self) -> int:
        """Mark from the row marked last to the cursor, or the cursor's row alone.

        Returns how many rows were left out because they are not loaded yet (the source was asked
        for them, so a second try will do) or lie further than 10,000 rows from the cursor.
        """
        return self._marked(self._view.mark_range)

    def set_marks(self, keys: Iterable[str] = ()) -> None:
        """Mark exactly these rows, in view or not."""
        self._marked(lambda: self._view.set_marks(keys))

    def _marked(self, change: Callable[[], T]) -> T:
        before = self.marks
        self._view.changed()
        done = change()
        if self.marks != before:
            self._paint()
            self.post_message(self.Marked(self, self.marks))
        return done

    # Drawing and the mouse

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return the header and the rows in view."""
        # Whatever made the table draw: what is drawn under the cursor must be what has the cursor.
        self._view.changed()
        if self._layout.width != width:
            self._layout = self._arranged(width)
        header = self._header_lines(height)
        self._view.sized(height - header)
        drawn = [self._header_line()] if header else []
        if not self._view.count:
            words = wrapped(safe(self._empty), max(width - 3, 0))[: max(height - header, 1)]
            return drawn + [
                [Span(fit("  " + line, width, self._symbols), self._empty_tone)] for line in words
            ]
        return drawn + [
            self._row_line(row, place)
            for row, place in zip(self._view.rows(), self._view.in_view, strict=True)
        ]

    def on_mount(self) -> None:
        """Say where the cursor is to begin with."""
        self._paint()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row clicked; the second click on it chooses it."""
        where = event.get_content_offset(self)
        line = -1 if where is None else where.y - self._header_lines(self.size.height)
        place = self._view.top + line
        if line < 0 or place not in self._view.in_view:
            return
        event.stop()
        again = self._clicked is not None and self._clicked == self._view.key
        self.cursor_to(place)
        if again and self._clicked == self._view.key:
            self.activate()
        self._clicked = self._view.key

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down without moving the cursor."""
        event.stop()
        self.scroll_rows(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up without moving the cursor."""
        event.stop()
        self.scroll_rows(-WHEEL_ROWS)

    def _paint(self) -> int:
        if self._painted != self.size:  # nothing is drawn before the next frame
            self._view.changed()
        painted = super().refresh_changed()
        self._say()
        return painted

    def _say(self) -> None:
        now = (self._view.key, self._view.index)
        if self.is_running and now != self._said:
            self._said = now
            self.post_message(self.CursorMoved(self, *now))

    def _arranged(self, width: int) -> Layout:
        return arrange(self._columns, width, narrow=self._narrow)

    def _header_lines(self, height: int) -> int:
        return int(self._header and height > LEAST_ROWS_BELOW_A_HEADER)

    def _header_line(self) -> list[Span]:
        title, descending = self._sorted
        pieces = self._layout.header(self._symbols, title, descending=descending)
        return [Span(piece, "dim") for piece in pieces]

    def _row_line(self, row: Row | None, place: int) -> list[Span]:
        signs = self._symbols
        here = place == self._view.index
        on = self._ground_of(here)
        lead = self._lead(row, place, on)
        if row is None:
            width = self._layout.width - self._layout.gutter
            return [*lead, Span(fit(signs.not_loaded, width, signs), "dim", on)]
        if row.header:
            return [*lead, *self._header_row(row, on)]
        slots = self._layout.line(row.cells, signs)
        return [*lead, *(_placed(span, row.tone, on) for slot in slots for span in slot)]

    def _header_row(self, row: Row, on: Ground | None) -> list[Span]:
        """Return a row that stands over others: a title, and something at the end of the line."""
        title, *rest = (cell for cell in row.cells if isinstance(cell, str))
        right = f" {rest[0]}" if rest else ""
        width = self._layout.width - self._layout.gutter
        left = fit(title, max(width - cell_len(right), 0), self._symbols, cut="middle")
        return [
            Span(left, row.tone, on, bold=True),
            Span(fit(right, width - cell_len(left), self._symbols), "dim", on),
        ]

    def _lead(self, row: Row | None, place: int, on: Ground | None) -> list[Span]:
        """Return what stands before a row: the cursor and the mark, or the label to jump to."""
        signs, gutter = self._symbols, self._layout.gutter
        if place in self._labels:
            return [Span(fit(self._labels[place], gutter, signs), "key", on)]
        # Without the cursor it is blank, in one style: the focus changes nothing there.
        bar = Span(signs.cursor, "key" if self._lit else "dim", on) if on else Span(" ", "dim")
        marked = row is not None and (row.marked or row.key in self._view.marks)
        sign = (signs.mark if marked else "") + (row.sign if row is not None else "")
        return [bar, Span(fit(sign, gutter - 1, signs), "key", on)]

    @property
    def _lit(self) -> bool:
        return self.has_focus or self._always_lit

    def _ground_of(self, here: bool) -> Ground | None:
        if not here:
            return None
        return "here" if self._lit else "here_idle"


def _placed(span: Span, tone: Role, on: Ground | None) -> Span:
    """Return a span of a cell as it is drawn in its row."""
    if span.tone == "text":
        return span._replace(tone=tone, on=on)
    return span._replace(on=on, tone="faint" if on and span.tone == "line" else span.tone)
