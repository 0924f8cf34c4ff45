"""What is sent to the terminal, cut to what is needed for the same picture.

Textual 8.2.8 cuts a partial update at its right end only, so what is to the left of a change
in the same widget goes along; and it sets the colours again for every line. Eight rows of a queue
at 80x24, the last three of six columns changed, were 1000 bytes in 24-bit colour: see `tight`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

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
                written.append(_change(style, codes) if ended and style else f"\x1b[{codes}m")
            style = codes if ended or not style else f"{style};{codes}"
            ended = False
        elif place:
            written.append(place)
        elif other:
            written.append("\x1b[0m" if ended and style else "")
            style, ended = ("", False) if ended else (style, ended)
            written.append(other)
    return "".join(written) + ("\x1b[0m" if ended and style else "")


class _Style(NamedTuple):
    """What SGR codes set; empty for what they leave as it is by default."""

    ink: str
    ground: str
    others: frozenset[str]


_ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "7": "27", "9": "29"}
"""the code that ends each of the others; bold and dim have one between them"""


@lru_cache(maxsize=4096)
def _change(before: str, after: str) -> str:
    """Return the shortest codes that change a style, all of which was set, into another.

    Between two texts on the same ground, their colour is half of it.
    """
    whole = f"0;{after}"
    old, new = _parsed(before), _parsed(after)
    if old is None or new is None:
        return f"\x1b[{whole}m"
    ends = {_ENDS[each] for each in old.others - new.others}
    begun = {each for each in new.others if each not in old.others or _ENDS[each] in ends}
    codes = [*sorted(ends), *sorted(begun)]
    codes += [new.ink or "39"] * (old.ink != new.ink)
    codes += [new.ground or "49"] * (old.ground != new.ground)
    return f"\x1b[{min(';'.join(codes), whole, key=len)}m"


def _parsed(codes: str) -> _Style | None:
    """Return what codes set; None where one of them is not known."""
    ink = ground = ""
    others = set()
    for code in re.findall(r"[34]8;2;\d+;\d+;\d+|[34]8;5;\d+|\d+", codes):
        first = int(code.split(";")[0])
        if 30 <= first <= 39 or 90 <= first <= 97:
            ink = "" if code == "39" else code
        elif 40 <= first <= 49 or 100 <= first <= 107:
            ground = "" if code == "49" else code
        elif code in _ENDS:
            others.add(code)
        else:
            return None
    return _Style(ink, ground, frozenset(others))


def _cut(strip: Strip, start: int, end: int) -> tuple[int, Strip]:
    """Return where the cut strip starts, and it; a sign two cells wide is never cut in half."""
    cut = strip.crop(start, end)
    if strip.crop(0, start).text + cut.text + strip.crop(end).text == strip.text:
        return start, cut
    return 0, strip
