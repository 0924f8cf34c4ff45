"""A picture in the terminal: one at a time, decoded off the loop, fitted to its place.

Where the terminal can show pixels (sixel, kitty) and the link is quick, in pixels. Else in quarters
of cells, which every terminal with colours can show and tmux passes on; without colours or Unicode,
in signs of growing brightness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from . import picture_cells, true_picture
from .cells import fit, safe
from .symbols import Symbols

if TYPE_CHECKING:
    from PIL.Image import Image

QUICK_MILLISECONDS = 150.0
"""a picture in pixels is some hundred kilobytes; a slower link gets cells of a few dozen"""
MOST_PIXELS = 640
BOX_COLOUR = (255, 80, 80)
Box = tuple[str, float, float, float, float]
"""label, and corner and size as shares of the picture"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture is shown: so many cells, and the pixels of one; else quarters of cells."""

    width: int
    height: int
    cell_pixels: tuple[int, int] | None = None

    @property
    def is_too_small(self) -> bool:
        """Return whether nothing can be made out there."""
        return self.width < 4 or self.height < 2


class FrameView(Widget):
    """Shows a picture, or says why there is none."""

    DEFAULT_CSS = "FrameView { height: 1fr; }"

    class Resized(Message):
        """The place for the picture has another size."""

    def __init__(self, *, symbols: Symbols) -> None:
        super().__init__(markup=False)
        self._symbols = symbols
        self._strips: list[Strip] = []
        self._words = "select a row to see its picture"
        self._in_pixels: Callable[[Image], Widget] | None = None
        self._cell_pixels = (10, 20)
        self._coarse = False

    def on_mount(self) -> None:
        """Find out how pictures can be shown here."""
        facts = getattr(self.app, "facts", None)
        self._coarse = facts is not None and facts.ssh
        if facts is None or facts.image not in ("sixel", "kitty") or facts.tmux:
            return
        if (facts.round_trip_ms or 0.0) > QUICK_MILLISECONDS or facts.cell_pixels is None:
            return
        self._cell_pixels = facts.cell_pixels
        send = self.app.send_to_terminal  # type: ignore[attr-defined]
        self._in_pixels = true_picture.widget_for(facts.image, facts.cell_pixels, send)

    @property
    def place(self) -> Place:
        """Return what a picture has to be fitted to (see `fitted`)."""
        return Place(*self.size, self._cell_pixels if self._shows_pixels else None)

    @property
    def _plain(self) -> bool:
        return not self._symbols.braille or self.app.no_color

    @property
    def _shows_pixels(self) -> bool:
        return self._in_pixels is not None and not self._plain

    def on_resize(self, _event: events.Resize) -> None:
        """Tell that what is shown no longer fits."""
        self.post_message(self.Resized())

    def cells_of(self, picture: Image) -> tuple[int, int]:
        """Return the columns and rows of cells that a fitted picture takes up."""
        place = self.place
        across, down = place.cell_pixels or (picture_cells.ACROSS, picture_cells.DOWN)
        return max(-(-picture.width // across), 1), max(-(-picture.height // down), 1)

    async def show(self, picture: Image, boxes: Sequence[Box] = ()) -> None:
        """Show a picture that was fitted to `place`, with boxes on it."""
        if self._in_pixels is not None and self._shows_pixels:
            await self._show_pixels(self._in_pixels, picture, boxes)
            return
        former, self._words = self._strips, ""
        self._strips = await asyncio.to_thread(
            drawn, picture, boxes, plain=self._plain, coarse=self._coarse
        )
        if not former or len(former) != len(self._strips):
            self.refresh()
        else:
            self._refresh_changed(former)

    def _refresh_changed(self, former: Sequence[Strip]) -> None:
        """Send only the stretches of lines that differ, as where a box is moved."""
        for y, (old, new) in enumerate(zip(former, self._strips, strict=True)):
            for start, end in picture_cells.changed(old, new):
                self.refresh(Region(start, y, end - start, 1))

    def say(self, words: str) -> None:
        """Show words in the picture's place; nothing is sent if they are there already."""
        shown = safe(words)
        if self._words == shown and not self._strips and not self.children:
            return
        self._strips, self._words = [], shown
        self.remove_children()
        self.refresh()

    async def _show_pixels(
        self, made: Callable[[Image], Widget], picture: Image, boxes: Sequence[Box]
    ) -> None:
        image = await asyncio.to_thread(_boxed, picture, boxes)
        await self.remove_children()
        self._strips, self._words = [], ""
        await self.mount(made(image))

    def render_line(self, y: int) -> Strip:
        """Return a line of the picture, or of the words."""
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(self.size.width, self.rich_style)
        text = fit(f" {self._words}", self.size.width, self._symbols) if y == 0 else ""
        return Strip([Segment(text, self.rich_style)]).adjust_cell_length(
            self.size.width, self.rich_style
        )


def fitted(jpeg: bytes, place: Place) -> Image:
    """Return a picture at the size it is shown in. Raises OSError or ValueError."""
    from PIL import Image

    if not place.width or not place.height:
        raise ValueError("its pane has no size")
    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as opened:
        opened.draft("RGB", _most(place))
        image = opened.convert("RGB")
    return image.resize(_size(image.size, place), Image.Resampling.BOX)


def _most(place: Place) -> tuple[int, int]:
    across, down = place.cell_pixels or (4, 4)
    return place.width * across, place.height * down


def _size(size: tuple[int, int], place: Place) -> tuple[int, int]:
    cells = place.width, place.height
    if place.cell_pixels is not None:
        return true_picture.fitted_pixels(size, cells, place.cell_pixels, MOST_PIXELS)
    return picture_cells.cells_of(size, *cells)


def drawn(
    picture: Image, boxes: Sequence[Box], *, plain: bool, coarse: bool = False
) -> list[Strip]:
    """Return a fitted picture as lines of cells, in signs if `plain`."""
    small = _boxed(picture, boxes)
    return picture_cells.signs(small) if plain else picture_cells.quadrants(small, coarse)


def _boxed(picture: Image, boxes: Sequence[Box]) -> Image:
    if not boxes:
        return picture
    copy = picture.copy()
    _draw_boxes(copy, boxes)
    return copy


def _draw_boxes(image: Image, boxes: Sequence[Box]) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(image)
    for _label, x, y, width, height in boxes:
        left, top = x * image.width, y * image.height
        right = min(left + width * image.width, image.width - 1)
        bottom = min(top + height * image.height, image.height - 1)
        if right >= left and bottom >= top:
            pen.rectangle((left, top, right, bottom), outline=BOX_COLOUR)
