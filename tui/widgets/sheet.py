"""A contact sheet: tiles in rows, each a picture with two lines of text below it.

Tiles may be parted by one line across the sheet, a cut-off say. Pictures come one at a time, when
their owner hands them over; until then a tile is its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from ..look.roles import Ground, Role
from .cells import fit, safe
from .frame_view import Place
from .painted import Painted, Span, look_of
from .symbols import Symbols

TEXT_LINES = 2
GAP = 1
"""cells between two tiles"""
BAR = 1
"""cells of the bar that shows the cursor, left of a tile"""
_RULE = -1
_Line = tuple[int, int]
"""the first tile of a row and the line of its tiles; `_RULE` is the line across"""


@dataclass(frozen=True, slots=True)
class Tile:
    """What is written below a picture; a faint tile is below the cut-off."""

    key: str
    head: str
    text: str = ""
    sign: str = ""
    """what a person said of it, before the head"""
    faint: bool = False


class Sheet(Painted, can_focus=True):
    """Tiles with a cursor."""

    class CursorMoved(Message):
        """The cursor is on another tile."""

        def __init__(self, key: str | None) -> None:
            super().__init__()
            self.key = key

    class Activated(Message):
        """A tile was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Moved(Message):
        """Other tiles are in view, or their places have another size."""

    def __init__(self, *, symbols: Symbols, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._symbols = symbols
        self._empty = empty
        self._tiles: Sequence[Tile] = ()
        self._rule = ""
        self._rule_at: int | None = None
        self._across = 3
        self._layout: list[_Line] = []
        self._laid_out_for = (-1, -1, -1)
        self._top = 0
        self._pictures: dict[str, list[Strip]] = {}
        self.cursor_index = 0

    # What is shown

    def show(self, tiles: Sequence[Tile], rule: str = "", rule_at: int | None = None) -> None:
        """Show other tiles; `rule` is the line before tile `rule_at`. The cursor keeps its tile."""
        key, before = self.cursor_key, (self._tiles, self._rule, self._rule_at)
        self._tiles, self._rule, self._rule_at = tuple(tiles), safe(rule), rule_at
        if before == (self._tiles, self._rule, self._rule_at):
            return
        places = {tile.key: place for place, tile in enumerate(self._tiles)}
        self.cursor_index = places.get(key or "", min(self.cursor_index, len(tiles) - 1))
        self.cursor_index = max(self.cursor_index, 0)
        self._pictures = {key: kept for key, kept in self._pictures.items() if key in places}
        self._lay_out()
        self._scroll()
        self._redraw()
        self.post_message(self.Moved())
        if self.cursor_key != key:
            self.post_message(self.CursorMoved(self.cursor_key))

    def say(self, words: str) -> None:
        """Show words where there are no tiles."""
        if safe(words) != self._empty:
            self._empty = safe(words)
            if not self._tiles:
                self._redraw()

    def set_across(self, count: int) -> None:
        """Show so many tiles in a row."""
        if count != self._across and count > 0:
            self._across = count
            self._pictures = {}
            self._lay_out()
            self._scroll()
            self._redraw()
            self.post_message(self.Moved())

    def put(self, key: str, strips: list[Strip]) -> None:
        """Show the picture of a tile, fitted to `place` and drawn."""
        self._pictures[key] = strips
        for number, tile in enumerate(self._tiles):
            if tile.key == key and (region := self._region(number)) is not None:
                self.refresh(region)

    def forget_pictures(self) -> None:
        """Forget all pictures: they no longer fit, or must not be shown."""
        self._pictures = {}
        self._redraw()

    @property
    def place(self) -> Place:
        """What the picture of a tile has to be fitted to (see `frame_view.fitted`)."""
        width = (self.size.width + GAP) // self._across - GAP - BAR
        return Place(max(width, 0), max(self._tile_height - TEXT_LINES, 0))

    @property
    def across(self) -> int:
        """How many tiles are in a row."""
        return self._across

    @property
    def missing(self) -> list[str]:
        """The keys of tiles in view that have no picture: the cursor's first, in reading order."""
        shown = [self._tiles[n] for n in self._in_view()]
        keys = [tile.key for tile in shown if tile.key not in self._pictures]
        here = self.cursor_key
        return sorted(keys, key=lambda key: key != here)

    @property
    def cursor_key(self) -> str | None:
        """The key of the tile under the cursor."""
        return self._tiles[self.cursor_index].key if self._tiles else None

    # The cursor

    def cursor_by(self, tiles: int, rows: int = 0) -> None:
        """Move by so many tiles and rows; across the line as well."""
        if self._tiles:
            self.cursor_to(self._below(rows) + tiles if rows else self.cursor_index + tiles)

    def cursor_to(self, index: int) -> None:
        """Move to a tile."""
        index = max(0, min(index, len(self._tiles) - 1))
        former, self.cursor_index = self.cursor_index, index
        if former == index or not self._tiles:
            return
        if self._scroll():
            self._redraw()
            self.post_message(self.Moved())
        else:
            regions = [*self._cursor_regions(former), *self._cursor_regions(index)]
            if regions:
                self.refresh(*regions)
        self.post_message(self.CursorMoved(self.cursor_key))

    def _below(self, rows: int) -> int:
        """Return the tile so many rows below, in the same column where there is one."""
        firsts = self._firsts()
        row = max(n for n, first in enumerate(firsts) if first <= self.cursor_index)
        column = self.cursor_index - firsts[row]
        other = max(0, min(row + rows, len(firsts) - 1))
        end = firsts[other + 1] if other + 1 < len(firsts) else len(self._tiles)
        return min(firsts[other] + column, end - 1)

    # Layout

    @property
    def _tile_height(self) -> int:
        """Return the lines of a tile: pictures of 16 by 9, at most what there is."""
        width = (self.size.width + GAP) // self._across - GAP - BAR
        return max(min(round(width * 9 / 32) + TEXT_LINES, self.size.height), TEXT_LINES)

    def _firsts(self) -> list[int]:
        """Return the first tile of each row."""
        split = len(self._tiles) if self._rule_at is None else self._rule_at
        above = list(range(0, split, self._across))
        return above + list(range(split, len(self._tiles), self._across))

    def _lay_out(self) -> None:
        self._laid_out_for = (*self.size, self._across)
        height = self._tile_height
        self._layout = []
        for first in self._firsts():
            if first == self._rule_at and self._rule:
                self._layout.append((_RULE, 0))
            self._layout += [(first, line) for line in range(height)]
        if self._rule and self._rule_at == len(self._tiles):
            self._layout.append((_RULE, 0))

    def _scroll(self) -> bool:
        """Bring the cursor's row into view; return whether anything moved."""
        former = self._top
        lines = [n for n, (first, _) in enumerate(self._layout) if self._holds(first)]
        height = self.size.height
        if lines and height:
            self._top = min(self._top, lines[0])
            self._top = max(self._top, lines[-1] + 1 - height)
        self._top = max(0, min(self._top, len(self._layout) - height))
        return self._top != former

    def _holds(self, first: int) -> bool:
        """Return whether the row that begins with a tile has the cursor."""
        return first >= 0 and first <= self.cursor_index < self._end_of(first)

    def _end_of(self, first: int) -> int:
        """Return the tile after the last of a row."""
        end = min(first + self._across, len(self._tiles))
        if self._rule_at is not None and first < self._rule_at:
            return min(end, self._rule_at)
        return end

    def _in_view(self) -> list[int]:
        shown = self._layout[self._top : self._top + self.size.height]
        firsts = sorted({first for first, _ in shown if first != _RULE})
        return [n for first in firsts for n in range(first, self._end_of(first))]

    def _region(self, number: int) -> Region | None:
        """Return where a tile is, None if it is out of view."""
        firsts = [first for first in self._firsts() if first <= number < self._end_of(first)]
        if not firsts:
            return None
        lines = [n - self._top for n, (first, _) in enumerate(self._layout) if first == firsts[0]]
        inside = [line for line in lines if 0 <= line < self.size.height]
        if not inside:
            return None
        width = self.place.width + BAR
        x = (number - firsts[0]) * (width + GAP)
        return Region(x, inside[0], width, len(inside))

    def _cursor_regions(self, number: int) -> list[Region]:
        """Return what looks different with the cursor: the bar and the text, not the picture."""
        whole = self._region(number)
        if whole is None:
            return []
        bar, text = whole.split_vertical(BAR)[0], self._text_region(number, whole)
        return [bar, *([text] if text is not None else [])]

    def _text_region(self, number: int, whole: Region) -> Region | None:
        first = max(first for first in self._firsts() if first <= number)
        lines = [
            n - self._top for n, (row, line) in enumerate(self._layout)
            if row == first and line >= self.place.height
        ]  # fmt: skip
        inside = [line for line in lines if 0 <= line < self.size.height]
        return Region(whole.x, inside[0], whole.width, len(inside)) if inside else None

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out anew; pictures no longer fit."""
        self._pictures = {}
        self._lay_out()
        self._scroll()
        self._redraw()
        self.post_message(self.Moved())

    # Drawing

    def _redraw(self) -> None:
        if self.is_mounted and self.size:
            self.refresh()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return what is said where there are no tiles."""
        return [[Span(fit(f" {self._empty}", width, self._symbols), "dim")]]

    def render_line(self, y: int) -> Strip:
        """Return a line of pictures, of text, or the line across."""
        if self._laid_out_for != (*self.size, self._across):
            self._lay_out()
        look = look_of(self)
        background = look.style("text", self.ground)
        width = self.size.width
        if not self._tiles and y == 0:
            spans = self.lines(width, 1)[0]
            return Strip([Segment(s.text, look.style(s.tone, self.ground)) for s in spans])
        place = self._top + y
        if not self._tiles or place >= len(self._layout):
            return Strip.blank(width, background)
        first, line = self._layout[place]
        if first == _RULE:
            text = fit(self._rule, width, self._symbols)
            return Strip([Segment(text, look.style("flash", self.ground))])
        parts: list[Segment] = []
        for number in range(first, self._end_of(first)):
            parts += self._part(number, line)
            parts.append(Segment(" " * GAP, background))
        return Strip(parts).adjust_cell_length(width, background)

    def _part(self, number: int, line: int) -> list[Segment]:
        """Return one line of one tile."""
        tile, look, place = self._tiles[number], look_of(self), self.place
        here = number == self.cursor_index
        role: Role = "key" if self.has_focus else "dim"
        bar = Segment(self._symbols.cursor if here else " ", look.style(role, self.ground))
        if line < place.height:
            strips = self._pictures.get(tile.key, [])
            blank = look.style("text", self.ground)
            strip = strips[line] if line < len(strips) else Strip.blank(place.width, blank)
            return [bar, *strip.adjust_cell_length(place.width, blank)]
        on: Ground = ("here" if self.has_focus else "here_idle") if here else self.ground
        text = f"{tile.sign} {tile.head}".strip() if line == place.height else tile.text
        tone: Role = "faint" if tile.faint else ("text" if line == place.height else "dim")
        shown = fit(safe(text), place.width, self._symbols)
        return [bar, Segment(shown, look.style(tone, on, bold=here and line == place.height))]

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the tile that is clicked; a second click opens it."""
        for number in self._in_view():
            region = self._region(number)
            if region is not None and region.contains(event.x, event.y):
                if number == self.cursor_index:
                    self.post_message(self.Activated(self._tiles[number].key))
                self.cursor_to(number)
                return
