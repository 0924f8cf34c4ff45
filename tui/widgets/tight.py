"""What is sent to the terminal, cut to what is needed for the same picture.

Textual 8.2.8 cuts a partial update at its right end only, so what is to the left of a change
in the same widget goes along; and it sets the colours again for every line. Eight rows of a queue
at 80x24, the last three of six columns changed, were 1000 bytes in 24-bit colour: see `tight`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.strip import Strip

_RESET = "0"
_SIZES = {"38;2": 5, "48;2": 5, "38;5": 3, "48;5": 3}
"""how many numbers a colour takes that is not one of the terminal's own"""
_FRONT = frozenset((*range(30, 39), *range(90, 98)))
_BACK = frozenset((*range(40, 49), *range(100, 108)))
_SENT = re.compile(
    r"\x1b\[([\d;]+)m"  # a style
    r"|(\x1b\[[\d;]+[GH])"  # a place
    r"|\n(?=\x1b\[[\d;]+H)"  # a line end that the next place makes void
    r"|([^\x1b\n]+|\x1b|\n)"
)


class TightUpdate(ChopsUpdate):
    """A partial update cut at both ends of each stretch.

    Pieces that begin in the same style are sent one after the other: the sides of two frames, one
    losing the focus and one receiving it, are then two styles instead of two for every line.
    """

    def render_segments(self, console: Console) -> str:
        """Return what is to be written to the terminal."""
        by_style: dict[Style | None, list[tuple[int, int, Strip]]] = {}
        for piece in self._pieces():
            style = next((segment.style for segment in piece[2]), None)
            by_style.setdefault(style, []).append(piece)
        written, row = [], -1
        for x, y, strip in chain.from_iterable(by_style.values()):
            written += [_moved(x, y, row), strip.render(console)]
            row = y
        return styles_once("".join(written))

    def _pieces(self) -> Iterator[tuple[int, int, Strip]]:
        """Yield what is to be written, and where; no two pieces overlap."""
        for y, start, end in self.spans:
            for strip_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                if strip is not None and x < end and strip_end > start:
                    left, cut = _cut(strip, max(start - x, 0), min(end, strip_end) - x)
                    yield x + left, y, cut


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
    """Return `data` with each style set once, and of the next style only what differs."""
    written = []
    shown = wanted = ""
    for codes, place, other in _SENT.findall(data):
        if codes == _RESET:
            wanted = ""
        elif codes:
            wanted = f"{wanted};{codes}" if wanted else codes
        elif place:
            written.append(place)
        elif other:
            written.append(_change(shown, wanted) + other)
            shown = wanted
    return "".join(written) + _change(shown, "")


_ENDS = {"1": "22", "2": "22", "3": "23", "4": "24", "7": "27", "9": "29", "front": "39",
         "back": "49"}  # fmt: skip
"""the code that ends each of them; bold and dim have one between them"""


@lru_cache(maxsize=4096)
def _change(shown: str, wanted: str) -> str:
    """Return what makes one style of another: only what differs, where that is shorter."""
    if shown == wanted:
        return ""
    if not wanted:
        return "\x1b[0m"
    before, after = _parts(shown), _parts(wanted)
    ends = {key: _ENDS.get(key, "") for key in before if key not in after}
    whole = f"0;{wanted}"
    if "" in ends.values():
        return f"\x1b[{whole}m"
    set_again = [v for k, v in after.items() if before.get(k) != v or _ENDS.get(k) in ends.values()]
    return f"\x1b[{min(';'.join([*dict.fromkeys(ends.values()), *set_again]), whole, key=len)}m"


def _parts(codes: str) -> dict[str, str]:
    """Return the codes of a style by what each sets: a colour, or an attribute."""
    parts = {}
    numbers = codes.split(";") if codes else []
    while numbers:
        size = _SIZES.get(";".join(numbers[:2]), 1)
        number, code = int(numbers[0]), ";".join(numbers[:size])
        parts["front" if number in _FRONT else "back" if number in _BACK else code] = code
        del numbers[:size]
    return parts


def _moved(x: int, y: int, row: int) -> str:
    """Return what moves to a cell, as short as it can be said in row `row`."""
    if y == row:
        return f"\x1b[{x + 1}G"
    return f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"


def _cut(strip: Strip, start: int, end: int) -> tuple[int, Strip]:
    """Return where the cut strip starts, and it; a sign two cells wide is never cut in half."""
    cut = strip.crop(start, end)
    if strip.crop(0, start).text + cut.text + strip.crop(end).text == strip.text:
        return start, cut
    return 0, strip
