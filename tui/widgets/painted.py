"""The base of our widgets: lines of text, of which only what changed is sent.

Textual sends a refreshed widget whole, changed or not. Here a widget says what its lines should
look like, and only the stretch of a line that differs from what was drawn last is refreshed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar, Literal, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

Tone = Literal["normal", "dim", "warn", "bad", "good", "strong", "here"]
"""How a stretch of text is drawn; a theme colours `tone--warn` and so on"""

_REVERSE = Style(reverse=True)


class Span(NamedTuple):
    """A stretch of a line in one tone. The text is safe to send: see `cells.safe`."""

    text: str
    tone: Tone = "normal"
    reverse: bool = False


class Painted(Widget):
    """A widget that draws lines and sends only what changed of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tone--dim", "tone--warn", "tone--bad", "tone--good", "tone--strong", "tone--here",
    }  # fmt: skip
    DEFAULT_CSS = """
    Painted > .tone--dim { color: $text-muted; }
    Painted > .tone--warn { color: $text-warning; }
    Painted > .tone--bad { color: $text-error; text-style: bold; }
    Painted > .tone--good { color: $text-success; }
    Painted > .tone--strong { text-style: bold; }
    Painted > .tone--here { text-style: bold reverse; }
    """
    ALLOW_SELECT = False

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

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return what to draw now: at most `height` lines, each `width` cells or less."""
        raise NotImplementedError

    def refresh_changed(self) -> int:
        """Redraw what differs from what was drawn last; return how many lines that was."""
        if not self.is_mounted or not self.size:
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
        segments = [
            Segment("".join(span.text for span in same), self._style(*tone))
            for tone, same in groupby(spans, lambda span: span[1:])
        ]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw what looks different with the focus."""
        super().watch_has_focus(has_focus)
        self.refresh_changed()

    def _style(self, tone: Tone, reverse: bool) -> Style:
        style = self.rich_style
        if tone != "normal":
            style = self.get_component_rich_style(f"tone--{tone}")
        return style + _REVERSE if reverse else style


def changed(
    before: Sequence[Sequence[Span]], after: Sequence[Sequence[Span]], size: Size
) -> list[Region]:
    """Return the stretch of each line that is not as it was, at most one a line."""
    regions = []
    for y in range(max(len(before), len(after))):
        old = before[y] if y < len(before) else []
        new = after[y] if y < len(after) else []
        if old != new:
            start, end = _stretch(old, new, size.width)
            regions.append(Region(start, y, end - start, 1))
    return regions


def _stretch(old: Sequence[Span], new: Sequence[Span], width: int) -> tuple[int, int]:
    """Return the first cell that differs, and the one after the last."""
    head = _alike(old, new)
    start = _cells(new[:head])
    if _cells(old) != _cells(new):
        return start, width
    tail = _alike(old[head:][::-1], new[head:][::-1])
    return start, _cells(new[: len(new) - tail])


def _alike(old: Sequence[Span], new: Sequence[Span]) -> int:
    """Return how many spans are the same from the first on."""
    for index, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return index
    return min(len(old), len(new))


def _cells(spans: Sequence[Span]) -> int:
    return sum(cell_len(span.text) for span in spans)
