"""The base of our widgets: lines of text, of which only what changed is sent.

Textual sends a refreshed widget whole, changed or not. Here a widget says what its lines should
look like, and only the stretch of a line that differs from what was drawn last is refreshed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple, Protocol, Self

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.dom import NoScreen
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ..look.roles import Ground, Role
from ..look.styles import DEFAULT_LOOK, PLAIN_LOOK, Look


class Span(NamedTuple):
    """A stretch of a line: its role, what lies behind it, and whether it is bold beyond its role.

    The text is safe to send: see `cells.safe`. Without `on`, it lies on what the widget lies on.
    """

    text: str
    tone: Role = "text"
    on: Ground | None = None
    bold: bool = False


class Texts(Protocol):
    """Anything with a text, compared by what it is."""

    @property
    def text(self) -> str:
        """What it shows."""
        ...


class Painted(Widget):
    """A widget that draws lines and sends only what changed of them."""

    ALLOW_SELECT = False
    ground: Ground = "ground"
    """what the widget lies on; `raised` in a dialog"""

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, markup=False)
        self._lines: list[list[Span]] = []
        self._painted = Size(-1, -1)

    def on_mount(self) -> None:
        """Find out what it lies on."""
        if self.screen.is_modal:
            self.ground = "raised"

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return what to draw now: at most `height` lines, each `width` cells or less."""
        raise NotImplementedError

    def refresh_changed(self) -> int:
        """Redraw what differs from what was drawn last; return how many lines that was."""
        if not self.is_mounted or not self.size:
            self._painted = Size(-1, -1)  # hidden: what it shows when it comes back is not known
            return 0
        if self._painted != self.size:
            self.refresh()
            return self.size.height
        before, self._lines = self._lines, self.lines(*self.size)
        regions = changed(before, self._lines, self.size)
        if regions:
            self.refresh(*regions)
        return len(regions)

    def render_line(self, y: int) -> Strip:
        """Return line `y` as it was last composed."""
        if self._painted != self.size:
            self._lines = self.lines(*self.size)
            self._painted = self.size
        spans = self._lines[y] if y < len(self._lines) else []
        look = look_of(self)
        segments = [
            Segment(
                "".join(span.text for span in same), look.style(tone, on or self.ground, bold=bold)
            )
            for (tone, on, bold), same in groupby(spans, lambda span: span[1:])
        ]
        return Strip(segments).adjust_cell_length(self.size.width, look.style("text", self.ground))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw what looks different with the focus."""
        super().watch_has_focus(has_focus)
        self.refresh_changed()

    # Textual refreshes the whole widget at each of these three.

    def focus(self, scroll_visible: bool = True) -> Self:
        """Take the focus."""
        self.app.call_later(self._take_focus, scroll_visible)
        return self

    def _take_focus(self, scroll_visible: bool) -> None:
        with suppress(NoScreen):
            self.screen.set_focus(self, scroll_visible=scroll_visible)

    def _on_focus(self, event: events.Focus) -> None:
        event.prevent_default()
        self.has_focus = True
        if self.parent is not None:
            self.parent.post_message(events.DescendantFocus(self))

    def _on_blur(self, event: events.Blur) -> None:
        event.prevent_default()
        self.has_focus = False
        if self.parent is not None:
            self.parent.post_message(events.DescendantBlur(self))


def look_of(widget: Widget) -> Look:
    """Return the styles of the app's present theme."""
    app = widget.app
    look: Look = getattr(app, "look", PLAIN_LOOK if app.no_color else DEFAULT_LOOK)
    return look


def changed(
    before: Sequence[Sequence[Span]], after: Sequence[Sequence[Span]], size: Size
) -> list[Region]:
    """Return the stretch of each line that is not as it was, at most one a line."""
    regions = []
    for y in range(max(len(before), len(after))):
        old = before[y] if y < len(before) else []
        new = after[y] if y < len(after) else []
        if old != new:
            start, end = stretch(old, new, size.width)
            regions.append(Region(start, y, end - start, 1))
    return regions


def stretch(old: Sequence[Texts], new: Sequence[Texts], width: int) -> tuple[int, int]:
    """Return the first cell that differs, and the one after the last."""
    head = _alike(old, new)
    start = _cells(new[:head])
    if _cells(old) != _cells(new):
        return start, width
    tail = _alike(old[head:][::-1], new[head:][::-1])
    return start, _cells(new[: len(new) - tail])


def _alike(old: Sequence[Texts], new: Sequence[Texts]) -> int:
    """Return how many spans are the same from the first on."""
    for index, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return index
    return min(len(old), len(new))


def _cells(spans: Sequence[Texts]) -> int:
    return sum(cell_len(span.text) for span in spans)
