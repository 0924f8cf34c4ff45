"""A picture in the terminal: one at a time, decoded off the loop, fitted to its place.

Where the terminal can show pixels (sixel, kitty) and the link is quick, in pixels. Else in half
cells, two pixels a cell, which every terminal with colours can show and tmux passes on; without
colours or Unicode, in signs of growing darkness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from . import true_picture
from .cells import fit, safe
from .symbols import Symbols

if TYPE_CHECKING:
    from PIL.Image import Image

QUICK_MILLISECONDS = 150.0
"""a picture in pixels is some hundred kilobytes; a slower link gets half cells of a few"""
MOST_PIXELS = 640
LEVELS = " .:-=+*#%@"
BOX_COLOUR = (255, 80, 80)
Box = tuple[str, float, float, float, float]
"""label, and corner and size as shares of the picture"""


class FrameView(Widget):
    """Shows a JPEG, or says why there is none."""

    DEFAULT_CSS = "FrameView { height: 1fr; }"

    def __init__(self, *, symbols: Symbols) -> None:
        super().__init__(markup=False)
        self._symbols = symbols
        self._strips: list[Strip] = []
        self._words = "select a row to see its picture"
        self._in_pixels: Callable[[Image], Widget] | None = None
        self._cell_pixels = (10, 20)

    def on_mount(self) -> None:
        """Find out how pictures can be shown here."""
        facts = getattr(self.app, "facts", None)
        if facts is None or facts.image not in ("sixel", "kitty") or facts.tmux:
            return
        if (facts.round_trip_ms or 0.0) > QUICK_MILLISECONDS or facts.cell_pixels is None:
            return
        self._cell_pixels = facts.cell_pixels
        send = self.app.send_to_terminal  # type: ignore[attr-defined]
        self._in_pixels = true_picture.widget_for(facts.image, facts.cell_pixels, send)

    async def show(self, jpeg: bytes, boxes: Sequence[Box] = ()) -> None:
        """Show a picture with boxes on it."""
        width, height = self.size
        if width < 4 or height < 2:
            return
        plain = not self._symbols.braille or self.app.no_color
        try:
            if self._in_pixels is not None and not plain:
                await self._show_pixels(self._in_pixels, jpeg, boxes)
                return
            self._strips = await asyncio.to_thread(drawn, jpeg, width, height, boxes, plain)
        except (OSError, ValueError) as error:
            self.say(f"the picture cannot be shown: {error}")
            return
        self._words = ""
        self.refresh()

    def say(self, words: str) -> None:
        """Show words in the picture's place."""
        self._strips, self._words = [], safe(words)
        self.remove_children()
        self.refresh()

    async def _show_pixels(
        self, made: Callable[[Image], Widget], jpeg: bytes, boxes: Sequence[Box]
    ) -> None:
        cells = self.size.width, self.size.height
        image = await asyncio.to_thread(sized, jpeg, cells, self._cell_pixels, boxes)
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


def sized(
    jpeg: bytes, cells: tuple[int, int], cell_pixels: tuple[int, int], boxes: Sequence[Box]
) -> Image:
    """Return a picture at the size it is shown in pixels, boxes drawn."""
    from PIL import Image

    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as opened:
        image = opened.convert("RGB")
    size = true_picture.fitted_pixels(image.size, cells, cell_pixels, MOST_PIXELS)
    small = image.resize(size, Image.Resampling.BOX)
    _draw_boxes(small, boxes)
    return small


def drawn(jpeg: bytes, width: int, height: int, boxes: Sequence[Box], plain: bool) -> list[Strip]:
    """Return a picture as at most `height` lines of at most `width` cells."""
    from PIL import Image

    with Image.open(BytesIO(jpeg), formats=("JPEG",)) as opened:
        opened.draft("RGB", (width * 2, height * 4))
        image = opened.convert("RGB")
    scale = min(width / image.width, height * 2 / image.height)
    size = max(int(image.width * scale), 1), max(int(image.height * scale) // 2 * 2, 2)
    small = image.resize(size, Image.Resampling.BOX)
    _draw_boxes(small, boxes)
    return _signs(small) if plain else _half_cells(small)


def _half_cells(image: Image) -> list[Strip]:
    pixels = image.load()
    assert pixels is not None
    strips = []
    for y in range(0, image.height, 2):
        segments: list[Segment] = []
        last: tuple[object, object] | None = None
        for x in range(image.width):
            upper, lower = pixels[x, y], pixels[x, y + 1]
            if (upper, lower) == last:
                before = segments.pop()
                segments.append(Segment(before.text + "▀", before.style))
                continue
            last = (upper, lower)
            style = Style(color=_colour(upper), bgcolor=_colour(lower))
            segments.append(Segment("▀", style))
        strips.append(Strip(segments, image.width))
    return strips


def _signs(image: Image) -> list[Strip]:
    grey = image.convert("L").resize((image.width, image.height // 2))
    pixels = grey.load()
    assert pixels is not None
    return [
        Strip([Segment("".join(_sign(pixels[x, y]) for x in range(grey.width)))], grey.width)
        for y in range(grey.height)
    ]


def _sign(value: object) -> str:
    return LEVELS[int(value) * len(LEVELS) // 256]  # type: ignore[call-overload]


def _colour(pixel: object) -> Color:
    return Color.from_rgb(*pixel)  # type: ignore[misc]


def _draw_boxes(image: Image, boxes: Sequence[Box]) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(image)
    for _label, x, y, width, height in boxes:
        left, top = x * image.width, y * image.height
        right = min(left + width * image.width, image.width - 1)
        bottom = min(top + height * image.height, image.height - 1)
        if right >= left and bottom >= top:
            pen.rectangle((left, top, right, bottom), outline=BOX_COLOUR)
