"""What is sent to the terminal, cut to what is needed for the same picture.

Textual 8.2.8 cuts a partial update at its right end only, so what is to the left of a change
in the same widget goes along; and it sets the colours again for every line. Eight rows of a queue
at 80x24, the last three of six columns changed, were 1000 bytes in 24-bit colour: see `tight`.
"""

from __future__ import annotations

import re

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

_RESET = "0"
_SENT = re.compile(
    r"\x1b\[([\d;]+)m"  # a style
    r"|(\x1b\[\d+;\d+H)"  # a place
    r"|\n(?=\x1b\[\d+;\d+H)"  # a line end that the next place makes void
    r"|([^\x1b\n]+|\x1b|\n)"
)


class TightUpdate(ChopsUpdate):
    """A partial update cut at both ends of each stretch."""

    def render_segments(self, console: Console) -> str:
        """Return what is to be written to the terminal."""
        written = []
        for y, start, end in self.spans:
            for strip_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                if strip is not None and x < end and strip_end > start:
                    left, cut = _cut(strip, max(start - x, 0), min(end, strip_end) - x)
                    written.append(Control.move_to(x + left, y).segment.text)
                    written.append(cut.render(console))
        return styles_once("".join(written))


class TightLayout(LayoutUpdate):
    """The whole screen, each style set once where lines share it."""

    def render_segments(self, console: Console) -> str:
        """Return what is to be written to the terminal."""
        return styles_once(super().render_segments(console))


def tight(update: RenderableType | None) -> RenderableType | None:
    """Return an update that sends less and shows the same; anything unknown as it is.

    For `App._display(screen, update)`.
    """
    if type(update) is ChopsUpdate:
        return TightUpdate(update.chops, update.spans, update.chop_ends)
    if type(update) is LayoutUpdate:
        return TightLayout(update.strips, update.region)
    return update


def styles_once(data: str) -> str:
    """Return `data` without styles that are ended only to be set again."""
    written = []
    style = ""
    ended = False
    for codes, place, other in _SENT.findall(data):
        if codes == _RESET:
            ended = True
        elif codes:
            if not (ended and codes == style):
                written.append(f"\x1b[0;{codes}m" if ended and style else f"\x1b[{codes}m")
            style = codes if ended or not style else f"{style};{codes}"
            ended = False
        elif place:
            written.append(place)
        elif other:
            written.append("\x1b[0m" if ended and style else "")
            style, ended = ("", False) if ended else (style, ended)
            written.append(other)
    return "".join(written) + ("\x1b[0m" if ended and style else "")


def _cut(strip: Strip, start: int, end: int) -> tuple[int, Strip]:
    """Return where the cut strip starts, and it; a sign two cells wide is never cut in half."""
    cut = strip.crop(start, end)
    if strip.crop(0, start).text + cut.text + strip.crop(end).text == strip.text:
        return start, cut
    return 0, strip
