"""Draws a terminal recording (asciicast v2) as an animated GIF: `draw_cast.py in.cast out.gif`.

The format is that of https://docs.asciinema.org/manual/asciicast/v2/: a line with the size, then
lines of [seconds, "o", text].
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw as Pen

FONT, BOLD_FONT = "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"
FONT_PIXELS = 13
CELL = 8, 15
"""width and height of a cell in pixels: what lets the lines of frames meet at this font size"""
GROUND, TEXT = "#0d1117", "#d7dee9"
SETTLED_SECONDS = 0.12
"""a frame is drawn when nothing has followed for so long"""
LONGEST_SECONDS = 2.5
COLOURS = 128
BRAILLE = 0x2800
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""column and row of each bit's dot"""
HALVES = {"▀": (0, 0, 1, 0.5), "▄": (0, 0.5, 1, 1), "█": (0, 0, 1, 1), "▌": (0, 0, 0.5, 1),
          "▐": (0.5, 0, 1, 1)}  # fmt: skip
"""shares of a cell that blocks fill: left, top, right, bottom"""
QUADRANTS = {"▘": "1000", "▝": "0100", "▖": "0010", "▗": "0001", "▛": "1110", "▜": "1101",
             "▙": "1011", "▟": "0111", "▚": "1001", "▞": "0110"}  # fmt: skip
"""which quarters are filled: upper left, upper right, lower left, lower right"""


def main() -> None:
    """Draw the recording that the arguments name."""
    source, target = map(Path, sys.argv[1:3])
    draw(source, target)
    print(f"{target}: {target.stat().st_size >> 10} KiB")


def draw(source: Path, target: Path) -> None:
    """Write a recording as GIF; a pause is at most `LONGEST_SECONDS` long."""
    head, *rows = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    frames = list(_frames(head["width"], head["height"], rows))
    palette = _palette([image for image, _ in frames])
    images = [image.quantize(palette=palette, dither=0) for image, _ in frames]  # type: ignore[arg-type]
    milliseconds = [round(1000 * seconds) for _, seconds in frames]
    images[0].save(
        target, save_all=True, append_images=images[1:], duration=milliseconds, loop=0,
        optimize=False,
    )  # fmt: skip


def _frames(width: int, height: int, rows: list[list[Any]]) -> Iterator[tuple[Picture, float]]:
    """Yield each settled state of the screen with the seconds that it stays."""
    from tests.pty.emulator import Emulator

    emulator = Emulator(width, height)
    for row, after in zip(rows, [*rows[1:], [rows[-1][0] + LONGEST_SECONDS]], strict=True):
        emulator.feed(row[2].encode())
        if (pause := after[0] - row[0]) >= SETTLED_SECONDS:
            yield _image(emulator.cells(), width, height), min(pause, LONGEST_SECONDS)


def _palette(images: list[Picture]) -> Picture:
    """Return the colours of a few states spread over the recording, of which the last is one."""
    from PIL import Image

    some = [*images[:: max(1, len(images) // 6)], images[-1]]
    whole = Image.new("RGB", (some[0].width, some[0].height * len(some)))
    for number, image in enumerate(some):
        whole.paste(image, (0, number * image.height))
    return whole.quantize(COLOURS)


def _image(cells: list[list[Any]], width: int, height: int) -> Picture:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width * CELL[0], height * CELL[1]), GROUND)
    pen = ImageDraw.Draw(image)
    placed = [
        (x * CELL[0], y * CELL[1], cell)
        for y, line in enumerate(cells)
        for x, cell in enumerate(line)
    ]
    for x, y, cell in placed:  # first, as letters reach into the cell below
        pen.rectangle((x, y, x + CELL[0] - 1, y + CELL[1] - 1), _colours(cell)[1])
    for x, y, cell in placed:
        _letter(pen, x, y, cell)
    return image


def _colours(cell: Any) -> tuple[str, str]:
    """Return the colours of a cell's letter and of its ground."""
    ink, ground = _colour(cell.fg, TEXT), _colour(cell.bg, GROUND)
    return (ground, ink) if cell.reverse else (ink, ground)


def _letter(pen: Pen, x: int, y: int, cell: Any) -> None:
    ink, _ = _colours(cell)
    if filled := _filled(cell.data):
        for left, top, right, bottom in filled:
            pen.rectangle(
                (x + round(left * CELL[0]), y + round(top * CELL[1]),
                 x + round(right * CELL[0]) - 1, y + round(bottom * CELL[1]) - 1),
                ink,
            )  # fmt: skip
    elif cell.data.strip():
        pen.text((x, y), cell.data, ink, font=_font(BOLD_FONT if cell.bold else FONT))


def _filled(letter: str) -> list[tuple[float, float, float, float]]:
    """Return the parts of a cell that a letter fills: blocks, which fonts draw with seams, and
    braille, which many fonts lack."""
    if BRAILLE <= ord(letter[:1] or " ") < BRAILLE + 256:
        dots = ord(letter) - BRAILLE
        corners = [(0.15 + 0.5 * x, 0.05 + 0.25 * y) for bit, (x, y) in enumerate(DOTS)
                   if dots >> bit & 1]  # fmt: skip
        return [(left, top, left + 0.25, top + 0.14) for left, top in corners]
    if letter in HALVES:
        return [HALVES[letter]]
    quarters = QUADRANTS.get(letter, "")
    return [
        (place % 2 / 2, place // 2 / 2, place % 2 / 2 + 0.5, place // 2 / 2 + 0.5)
        for place, on in enumerate(quarters)
        if on == "1"
    ]


def _colour(name: str, usual: str) -> str:
    """Return a colour of pyte, a word or six digits, as Pillow wants it."""
    if name == "default":
        return usual
    if len(name) == 6 and all(letter in "0123456789abcdef" for letter in name):
        return f"#{name}"
    return {"brown": "#aa5500"}.get(name, name.removeprefix("bright"))


_fonts: dict[str, Any] = {}


def _font(name: str) -> Any:
    from PIL import ImageFont

    if name not in _fonts:
        _fonts[name] = ImageFont.truetype(name, FONT_PIXELS)
    return _fonts[name]


if __name__ == "__main__":
    main()
