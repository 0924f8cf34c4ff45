"""One line of text that is sent only when it changed: title, tabs, summary, link and key row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.message import Message

from ..look.roles import Ground, Role
from .cells import head, safe
from .painted import Painted, Span
from .symbols import Symbols


class LineSpan(NamedTuple):
    """A stretch of a line; with an `action` (an id of the registry) it can be clicked."""

    text: str
    tone: Role = "text"
    action: str = ""
    on: Ground | None = None
    bold: bool = False


Content = str | Sequence[LineSpan]


class Line(Painted):
    """One line: something on the left, and where there is space something on the right."""

    DEFAULT_CSS = "Line { height: 1; }"

    class Pressed(Message):
        """A part with an action was clicked."""

        def __init__(self, line: Line, action: str) -> None:
            super().__init__()
            self.line = line
            self.action = action

        @property
        def control(self) -> Line:
            """The line, for `@on(Line.Pressed, "#tabs")`."""
            return self.line

    def __init__(
        self,
        left: Content = "",
        right: Content = "",
        *,
        symbols: Symbols,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
        ground: Ground = "ground",
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.ground = ground
        self._symbols = symbols
        self._left = parts_of(left)
        self._right = parts_of(right)

    def show(self, left: Content, right: Content = "") -> None:
        """Show this from now on; what is the same as before is not sent again."""
        self._left, self._right = parts_of(left), parts_of(right)
        self.refresh_changed()

    @property
    def text(self) -> str:
        """What the line shows now, without spaces at its end."""
        return "".join(part.text for part in self._placed(self.size.width)).rstrip()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return the one line."""
        return [[Span(part.text, part.tone, part.on, part.bold) for part in self._placed(width)]]

    def on_click(self, event: events.Click) -> None:
        """Say which part with an action was clicked."""
        where = event.get_content_offset(self)
        end = 0
        for part in self._placed(self.size.width):
            end += cell_len(part.text)
            if where is not None and where.x < end:
                if part.action:
                    event.stop()
                    self.post_message(self.Pressed(self, part.action))
                return

    def _placed(self, width: int) -> list[LineSpan]:
        """Return the parts in place: the right side goes when both do not fit."""
        left, right = self._left, self._right
        gap = width - width_of(left) - width_of(right)
        if right and gap >= 1:
            return [*left, LineSpan(" " * gap), *right]
        return cut_parts(left or right, width, self._symbols)


def parts_of(content: Content) -> list[LineSpan]:
    """Return a text as parts that are safe to send."""
    given = [LineSpan(content)] if isinstance(content, str) else content
    return [part._replace(text=safe(part.text)) for part in given if part.text]


def width_of(parts: Sequence[LineSpan]) -> int:
    """Return how many cells parts take."""
    return sum(cell_len(part.text) for part in parts)


def cut_parts(parts: Sequence[LineSpan], width: int, symbols: Symbols) -> list[LineSpan]:
    """Return parts in at most `width` cells, with an ellipsis where they were cut."""
    if width_of(parts) <= width:
        return list(parts)
    space = max(width - cell_len(symbols.ellipsis), 0)
    kept = []
    for part in parts:
        kept.append(part._replace(text=head(part.text, space)))
        space -= cell_len(kept[-1].text)
        if kept[-1].text != part.text:
            break
    return [*kept, LineSpan(head(symbols.ellipsis, width))]
