"""A pane: a container whose edges contain its title, facts, place and keys.

Textual's own borders repaint the whole pane when a title changes (6,862 bytes for 46x22); this one
draws its edges itself and refreshes the row that differs (about 300 bytes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ..look.roles import Ground, Role
from .cells import shorten
from .line import Content, LineSpan, cut_parts, parts_of, width_of
from .painted import look_of, stretch
from .symbols import Symbols

BARE_COLUMNS, BARE_ROWS = 80, 24
"""a terminal smaller than this has no frames: they would cost two rows and two columns a pane"""
LEAST_NAME = 12
"""cells for a name at the right of an edge, else it is left out"""
_PIECE_CELLS = 8


def is_small(size: Size) -> bool:
    """Return whether a terminal of this size has no space for frames."""
    return size.width < BARE_COLUMNS or size.height < BARE_ROWS


class PaneKey(NamedTuple):
    """A key that belongs to a pane: what is pressed, its word, and the action a click does."""

    key: str
    word: str
    action: str = ""


class Frame(Vertical):
    """One pane. On small terminals, where the screen is `-bare`, only its title is left."""

    DEFAULT_CSS = """
    Frame { padding: 1; overflow: hidden hidden; }
    Frame > * { padding: 0 1; }
    Frame > VirtualTable { padding: 0 1 0 0; }
    """

    class Pressed(Message):
        """A key in an edge was clicked."""

        def __init__(self, frame: Frame, action: str) -> None:
            super().__init__()
            self.frame = frame
            self.action = action

        @property
        def control(self) -> Frame:
            """The frame, for `@on(Frame.Pressed, "#list")`."""
            return self.frame

    def __init__(
        self, *children: Widget, symbols: Symbols, title: str = "", keys: Sequence[PaneKey] = (),
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(*children, id=id, classes=classes)
        self._symbols = symbols
        self._title = title
        self._facts: list[LineSpan] = []
        self._aside: list[LineSpan] = []
        self._place = ""
        self._keys = tuple(keys)
        self._lit = False
        self._drawn: tuple[list[LineSpan], list[LineSpan]] = ([], [])
        self.ground: Ground = "ground"

    def on_mount(self) -> None:
        """Find out what it lies on."""
        if self.screen.is_modal:
            self.ground = "raised"

    def show(
        self, title: str, facts: Content = (), aside: Content = (), place: str = "",
        keys: Sequence[PaneKey] = (),
    ) -> None:  # fmt: skip
        """Show this in the edges: title, facts and, right of them, `aside`; place and keys below.

        Only the row that differs is sent.
        """
        self._title, self._place, self._keys = title, place, tuple(keys)
        self._facts, self._aside = _dim(facts), _dim(aside)
        self.refresh_changed()

    @property
    def text(self) -> str:
        """What is written in the edges, the upper first."""
        above, below = self._edges()
        return "\n".join("".join(part.text for part in row) for row in (above, below))

    def refresh_changed(self) -> int:
        """Draw the edges that differ from what was drawn last; return how many those were."""
        if not self.is_mounted or not self.outer_size:
            return 0
        width, height = self.outer_size
        found = []
        for y, old, new in zip((0, height - 1), self._drawn, self._edges(), strict=True):
            if old != new:
                start, end = stretch(old, new, width)
                found.append(Region(start, y, end - start, 1))
        if found:
            self._refresh(*found)
        return len(found)

    # Focus

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Draw the edges as those of the pane with the focus."""
        self._light(True)

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """Draw the edges as those of any other pane."""
        self._light(False)

    def _light(self, lit: bool) -> None:
        if lit == self._lit:
            return
        self._lit = lit
        width, height = self.outer_size
        sides = [] if self._bare else [Region(0, 0, 1, height), Region(width - 1, 0, 1, height)]
        found = [
            Region(start, y, end - start, 1)
            for y, old, new in zip((0, height - 1), self._drawn, self._edges(), strict=True)
            for start, end in differing(old, new)
        ]
        self._refresh(*found, *sides)

    # Drawing and the mouse

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the edges, and the sides with nothing between them: that is the children's."""
        width, height = self.outer_size
        above, below = self._drawn = self._edges()
        side = self._side(width)
        rows = [side] * height
        if height:
            rows[0] = self._strip(above, width)
        if height > 1 and not self._bare:
            rows[-1] = self._strip(below, width)
        return [row.crop(crop.x, crop.right) for row in rows[crop.y : crop.bottom]]

    def on_click(self, event: events.Click) -> None:
        """Report which key was clicked."""
        where = event.screen_offset - self.region.offset
        if where.y not in (0, self.outer_size.height - 1):
            return
        end = 0
        for part in self._edges()[0 if where.y == 0 else 1]:
            end += cell_len(part.text)
            if where.x < end:
                if part.action:
                    event.stop()
                    self.post_message(self.Pressed(self, part.action))
                return

    @property
    def _bare(self) -> bool:
        return self.screen.has_class("-bare")

    def _refresh(self, *regions: Region) -> None:
        """Refresh regions given from the pane's own corner; Textual counts from its content's."""
        left, top = self.content_offset
        self.refresh(*(region.translate((-left, -top)) for region in regions))

    def _strip(self, parts: Sequence[LineSpan], width: int) -> Strip:
        look = look_of(self)
        segments = [Segment(p.text, look.style(p.tone, self.ground, bold=p.bold)) for p in parts]
        return Strip(segments).adjust_cell_length(width, look.style("text", self.ground))

    def _side(self, width: int) -> Strip:
        look = look_of(self)
        blank = look.style("text", self.ground)
        if self._bare or width < 2:
            return Strip.blank(width, blank)
        sign = Segment(self._signs()[5], look.style(self._line, self.ground))
        return Strip([sign, Segment(" " * (width - 2), blank), sign], width)

    def _signs(self) -> str:
        """Return the signs of corners, horizontal and vertical line."""
        heavy = self._lit and look_of(self).heavy
        return self._symbols.heavy_frame if heavy else self._symbols.frame

    @property
    def _line(self) -> Role:
        return "line_on" if self._lit else "line"

    def _edges(self) -> tuple[list[LineSpan], list[LineSpan]]:
        """Return the upper and the lower edge as parts that fill the pane's width."""
        width, signs = self.outer_size.width, self._signs()
        left = [*self._heading(), *self._spaced(self._facts)]
        place = [LineSpan(self._place, "dim")] if self._place else []
        if self._bare:
            return self._bare_row(left, [*self._aside, *self._spaced(place)], width), []
        keys = key_parts(self._keys)
        below = [*keys, *(self._spaced(place) if keys else place)]
        return (
            self._edge(left, self._aside, width, signs[0], signs[1], signs[4]),
            self._edge([], below, width, signs[2], signs[3], signs[4]),
        )

    def _heading(self) -> list[LineSpan]:
        title = self._symbols.title.format(self._title) if self._title else ""
        return [LineSpan(title, "strong" if self._lit else "title", bold=True)] if title else []

    @staticmethod
    def _spaced(parts: Sequence[LineSpan]) -> list[LineSpan]:
        return [LineSpan("  "), *parts] if parts else []

    def _edge(
        self, left: Sequence[LineSpan], right: Sequence[LineSpan], width: int,
        first: str, last: str, rule: str,
    ) -> list[LineSpan]:  # fmt: skip
        """Return `╭ left ───── right ╮`; what does not fit is cut, the right side left out."""
        space = width - 2
        if space < 1:
            return [LineSpan(rule * width, self._line)]
        ends = 2 if left else 0
        kept = cut_parts(left, max(space - ends, 0), self._symbols)
        behind = 2 if right else 0
        gap = space - width_of(kept) - ends - width_of(right) - behind
        if right and gap < 1:
            right = self._shortened(right, width_of(right) + gap - 1)
            behind = 2 if right else 0
            gap = space - width_of(kept) - ends - width_of(right) - behind
        blank = LineSpan(" ", self._line)
        lead = LineSpan(self._symbols.title_lead, self._line)
        before = [lead, *kept, blank if self._facts else lead] if kept else []
        after = [blank, *right, blank] if right else []
        line = [LineSpan(part, self._line) for part in _pieces(rule * max(gap, 0))]
        return [LineSpan(first, self._line), *before, *line, *after, LineSpan(last, self._line)]

    def _shortened(self, parts: Sequence[LineSpan], space: int) -> Sequence[LineSpan]:
        """Return one part in less space: of a name both ends tell; several parts are left out."""
        if len(parts) > 1 or space < LEAST_NAME:
            return ()
        return [parts[0]._replace(text=shorten(parts[0].text, space, self._symbols, "middle"))]

    def _bare_row(
        self, left: Sequence[LineSpan], right: Sequence[LineSpan], width: int
    ) -> list[LineSpan]:
        gap = width - 1 - width_of(left) - width_of(right)
        if gap < 1:
            return cut_parts([LineSpan(" "), *left], width, self._symbols)
        return [LineSpan(" "), *left, LineSpan(" " * gap), *right]


def differing(old: Sequence[LineSpan], new: Sequence[LineSpan]) -> list[tuple[int, int]]:
    """Return from which cell to which two rows of equally wide parts differ, part by part."""
    found, end = [], 0
    for index, part in enumerate(new):
        start, end = end, end + cell_len(part.text)
        if old[index : index + 1] != [part]:
            found.append((start, end))
    return found


def _pieces(rule: str) -> list[str]:
    """Return a rule in pieces, so that what stands before its end is not sent again."""
    return [rule[place : place + _PIECE_CELLS] for place in range(0, len(rule), _PIECE_CELLS)]


def _dim(content: Content) -> list[LineSpan]:
    return parts_of([LineSpan(content, "dim")] if isinstance(content, str) else content)


def key_parts(keys: Sequence[PaneKey]) -> list[LineSpan]:
    """Return keys with their words as parts of an edge."""
    parts: list[LineSpan] = []
    for key in keys:
        gap = "  " if parts else ""
        parts += [LineSpan(f"{gap}{key.key}", "key", key.action),
                  LineSpan(f" {key.word}", "dim", key.action)]  # fmt: skip
    return parts
