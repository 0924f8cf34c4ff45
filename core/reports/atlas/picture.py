"""A map as a PNG picture: a dot for each point, and labels that do not overlap."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...protocol.requests.maps import Map, MapGroup
from ...text import clean, clean_path, counted
from .build import group_name

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

EDGE = 40
FOOT = 36
LABEL = 18
MOST_LETTERS = 48
_STEP, _TURNS = 6.0, 4000
Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels"""


@dataclass(frozen=True, slots=True)
class Label:
    """A text, where it is drawn, and the middle of its group, in pixels."""

    text: str
    box: Box
    at: tuple[float, float]


def draw_map(found: Map, width: int, height: int, font_file: str = "") -> bytes:
    """Return a map as PNG. Raises UsageError for a font that cannot be read."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = _font(font_file, LABEL)
    radius = 1.5 if len(found.points) > 20_000 else 2.5 if len(found.points) > 2000 else 4.0
    for point in found.points:
        x, y = _pixel(point.x, point.y, width, height)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour(point.group))
    for label in place_labels(draw, found.groups, font, (width, height)):
        _draw_label(draw, label, font)
    draw.text((EDGE, height - FOOT + 8), _foot(found), fill="#444444", font=_font(font_file, 14))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def colour(group: int) -> str:
    """Return the colour of a group; hues of neighbours in number lie far apart."""
    hue = group * 0.618033988749895 % 1.0
    parts = colorsys.hls_to_rgb(hue, 0.42 + 0.12 * (group % 3), 0.65)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def place_labels(
    draw: ImageDraw, groups: Sequence[MapGroup], font: FreeTypeFont | ImageFont,
    size: tuple[int, int],
) -> list[Label]:  # fmt: skip
    """Return a label for each group for which there is space, the largest group first.

    Each is as near to the middle of its group as it can be without touching another label.
    """
    placed: list[Label] = []
    for group in sorted(groups, key=lambda each: (-each.points, each.number)):
        text = clean(group_name(group.words, group.number), limit=MOST_LETTERS)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        at = _pixel(group.x, group.y, *size)
        boxes = _around(at, (right - left + 8, bottom - top + 8), size)
        free = (box for box in boxes if not any(_touch(box, other.box) for other in placed))
        if (box := next(free, None)) is not None:
            placed.append(Label(text, box, at))
    return placed


def _around(
    at: tuple[float, float], label: tuple[float, float], size: tuple[int, int]
) -> Iterator[Box]:
    """Yield boxes within the picture, on a spiral around a place."""
    (x, y), (width, height) = at, label
    most_x, most_y = max(size[0] - width, 0), max(size[1] - FOOT - height, 0)
    for turn in range(_TURNS):
        away, angle = _STEP * turn**0.5 * 2, turn * pi * (3 - 5**0.5)
        left = min(max(x - width / 2 + 1.6 * away * cos(angle), 0), most_x)
        top = min(max(y - height / 2 + away * sin(angle), 0), most_y)
        yield left, top, left + width, top + height


def _touch(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]


def _draw_label(draw: ImageDraw, label: Label, font: FreeTypeFont | ImageFont) -> None:
    left, top, right, bottom = label.box
    x, y = label.at
    if not (left <= x <= right and top <= y <= bottom):
        draw.line((x, y, min(max(x, left), right), min(max(y, top), bottom)), fill="#222222")
    draw.rectangle(label.box, fill="#ffffff", outline="#bbbbbb")
    inner = draw.textbbox((0, 0), label.text, font=font)
    draw.text((left + 4 - inner[0], top + 4 - inner[1]), label.text, fill="#111111", font=font)


def _pixel(x: float, y: float, width: int, height: int) -> tuple[float, float]:
    return EDGE + x * (width - 2 * EDGE), EDGE + (1 - y) * (height - 2 * EDGE - FOOT)


def _foot(found: Map) -> str:
    summary = found.summary
    how = f"PCA, {summary.explained:.0%} of the variance" if summary.layout == "pca" else "t-SNE"
    return (
        f"{counted(summary.points, 'frame')} of {counted(summary.files, 'file')}; {how}; "
        f"vectors of {clean(summary.model)}; {counted(summary.without, 'file')} without a vector"
    )


def _font(file: str, size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    if not file:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(file, size)
    except (OSError, ValueError) as error:
        raise UsageError(f"{clean_path(file)}: not a font that can be read ({error})") from error
