"""Frames one after another, as small pictures with a label below each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from .cells import fit, safe
from .frame_view import Place, drawn
from .painted import Painted, Span, look_of
from .symbols import Symbols

if TYPE_CHECKING:
    from PIL.Image import Image

FEW, MANY = 5, 7
MANY_CELLS = 90
"""a strip so wide has more frames"""


@dataclass(frozen=True)
class StripFrame:
    """A frame: its label, and its picture once that is there."""

    label: str
    picture: Image | None = None


class Filmstrip(Painted):
    """A row of frames, the one looked at in the middle."""

    DEFAULT_CSS = "Filmstrip { height: 5; }"

    class Resized(Message):
        """The places for the pictures have another size."""

    def __init__(
        self,
        *,
        symbols: Symbols,
        id: str | None = None,  # noqa: A002 - Textual's word for it
    ) -> None:
        super().__init__(id=id)
        self._symbols = symbols
        self._frames: tuple[StripFrame, ...] = ()
        self._strips: list[list[Strip]] = []
        self._words = ""

    @property
    def count(self) -> int:
        """How many frames fit."""
        return MANY if self.size.width >= MANY_CELLS else FEW

    @property
    def place(self) -> Place:
        """What a picture has to be fitted to (see `frame_view.fitted`)."""
        width, height = self.size
        return Place((width - self.count + 1) // self.count, height - 1)

    @property
    def words(self) -> str:
        """What is said in the place of the pictures."""
        return self._words

    def on_resize(self, _event: events.Resize) -> None:
        """Tell that what is shown no longer fits."""
        self._frames, self._strips = (), []
        self.post_message(self.Resized())

    def say(self, words: str) -> None:
        """Show words in the place of the pictures."""
        shown = safe(words)
        if self._words == shown and not self._frames:
            return
        self._frames, self._strips, self._words = (), [], shown
        self._redraw()

    async def show(self, frames: Sequence[StripFrame]) -> None:
        """Show frames; only those that differ from what is there are sent."""
        before, place = self._frames, self.place
        kept = dict(zip((id(each.picture) for each in before), self._strips, strict=True))
        plain = not self._symbols.braille or self.app.no_color
        strips: list[list[Strip]] = []
        for each in frames:
            own = kept.get(id(each.picture))
            if own is None:
                own = await asyncio.to_thread(_made, each.picture, place, plain)
            strips.append(own)
        if self.place != place:  # resized meanwhile; it is asked for again
            return
        self._frames, self._strips = tuple(frames), strips
        if self._words or len(before) != len(frames):
            self._words = ""
            self._redraw()
            return
        for number, (old, new) in enumerate(zip(before, frames, strict=True)):
            if old.picture is not new.picture:
                self.refresh(Region(self._left(number), 0, place.width, place.height))
        self.refresh_changed()

    def _redraw(self) -> None:
        self._lines = self.lines(*self.size)
        self.refresh()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return the labels, below where the pictures are."""
        if not self._frames:
            return [[Span(fit(self._words, width, self._symbols), "dim")]]
        return [*([] for _ in range(height - 1)), self._labels()]

    def render_line(self, y: int) -> Strip:
        """Return a line of the pictures, or the labels."""
        line = super().render_line(y)
        if not self._frames or y >= self.place.height:
            return line
        blank = look_of(self).style("text", self.ground)
        parts = [Segment(" " * self._left(0), blank)]
        for number, strips in enumerate(self._strips):
            gap = " " * (number < len(self._strips) - 1)
            parts += [*_centred(strips, y, self.place.width, blank), Segment(gap, blank)]
        return Strip(parts).adjust_cell_length(self.size.width, blank)

    def _left(self, number: int) -> int:
        """Return the first cell of a frame; the strip is in the middle of the pane."""
        width = self.place.width
        used = (width + 1) * self.count - 1
        return (self.size.width - used) // 2 + number * (width + 1)

    def _labels(self) -> list[Span]:
        width, middle = self.place.width, len(self._frames) // 2
        spans = [Span(" " * self._left(0))]
        for number, each in enumerate(self._frames):
            here = number == middle
            sign = self._symbols.line_bar[2] if here else " "
            text = f" {each.label} " if here else each.label
            spans.append(Span(text.center(width, sign), "flash" if here else "dim", bold=here))
            spans.append(Span(" " * (number < len(self._frames) - 1)))
        return spans


def _made(picture: Image | None, place: Place, plain: bool) -> list[Strip]:
    if picture is None:
        return []
    return drawn(picture, (), plain=plain, coarse=True)[: place.height]


def _centred(strips: Sequence[Strip], y: int, width: int, blank: Style) -> list[Segment]:
    """Return a line of a picture in the middle of its place."""
    if y >= len(strips):
        return [Segment(" " * width, blank)]
    left = (width - strips[y].cell_length) // 2
    right = width - strips[y].cell_length - left
    return [Segment(" " * left, blank), *strips[y], Segment(" " * right, blank)]
